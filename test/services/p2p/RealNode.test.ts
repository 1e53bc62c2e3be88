import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Result, Scope } from "effect"
import * as ChildProcess from "node:child_process"
import { once } from "node:events"
import * as Path from "node:path"
import * as process from "node:process"
import { pathToFileURL } from "node:url"
import * as Block from "../../../src/domain/chain/Block.ts"
import * as Script from "../../../src/domain/chain/Script.ts"
import * as BlockHeader from "../../../src/domain/p2p/BlockHeader.ts"
import * as BloomFilter from "../../../src/domain/p2p/BloomFilter.ts"
import * as ChainParams from "../../../src/domain/p2p/ChainParams.ts"
import * as HashHex from "../../../src/domain/p2p/HashHex.ts"
import * as InventoryType from "../../../src/domain/p2p/InventoryType.ts"
import type * as P2PMessage from "../../../src/domain/p2p/P2PMessage.ts"
import * as PartialMerkleTree from "../../../src/domain/p2p/PartialMerkleTree.ts"
import * as Legacy from "../../utils/legacy.ts"
import * as Links from "../../utils/links.ts"
import * as PlainSockets from "../../utils/plainSockets.ts"
import * as RawPeer from "../../utils/rawPeer.ts"
import * as RealNode from "../../utils/realNode.ts"

const folder = Path.resolve(import.meta.dirname, "../../node")

const unpack = ({ packed }: P2PMessage.Of<"headers">) => Result.getOrThrow(BlockHeader.unpack(packed))

const idOf = (header: BlockHeader.BlockHeader): string => BlockHeader.id(header, Legacy.hash256)

/** What is paid to in these tests: a hash that nobody has the key of. */
const keyHash = new Uint8Array(20).fill(0xab)

const script = Script.payToAddress(keyHash)

const filterOf = (element: Uint8Array): BloomFilter.BloomFilter => {
  const filter = BloomFilter.make({ elements: 10, tweak: 7 })
  BloomFilter.insert(filter, element)
  return filter
}

/** Offers a transaction, and sends it once it is asked for. */
const offer = (peer: RawPeer.RawPeer, raw: Uint8Array) =>
  Effect.gen(function*() {
    yield* peer.send("inv", { inventory: [{ type: InventoryType.transaction, hash: Legacy.hash256(raw) }] })
    yield* peer.take("getdata")
    yield* peer.send("tx", { bytes: raw })
  })

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe("the real node", () => {
  it.live("begins with the same blocks in each run, as many as are wanted", () =>
    Effect.gen(function*() {
      const [short, long] = yield* Effect.all([RealNode.make({ blocks: 20 }), RealNode.make({ blocks: 25 })], {
        concurrency: 2
      })
      const tip = yield* short.tip
      assert.strictEqual(tip.height, 20)
      assert.strictEqual(tip.hash, yield* long.hashAt(20))
      assert.strictEqual((yield* long.tip).height, 25)
      assert.strictEqual(yield* short.hashAt(0), HashHex.format(ChainParams.regtest.genesisHash))
    }))

  it.live("mines, and leaves its blocks for a branch with more of them", () =>
    Effect.gen(function*() {
      const node = yield* RealNode.make({ blocks: 10 })
      const mined = yield* node.generate(3, script)
      assert.deepStrictEqual(yield* node.tip, { height: 13, hash: mined[2]! })
      const block = Result.getOrThrow(Block.decode(yield* node.blockAt(13)))
      assert.deepStrictEqual(block.transactions[0]!.transaction.outputs[0]!.script, script)

      const tooFew = yield* node.fork({ depth: 3, count: 3 })
      assert.lengthOf(tooFew, 3)
      assert.deepStrictEqual(yield* node.tip, { height: 13, hash: mined[2]! })

      const branch = yield* node.fork({ depth: 3, count: 4 })
      assert.deepStrictEqual(yield* node.tip, { height: 14, hash: branch[3]! })
      assert.deepStrictEqual(yield* Effect.forEach([11, 12, 13, 14], node.hashAt), branch)
    }))

  it.live("takes a connection, serves headers and tells of new blocks", () =>
    Effect.gen(function*() {
      const node = yield* RealNode.make({ blocks: 30 })
      const peer = yield* RawPeer.connect(node.port)
      const version = yield* peer.handshake
      assert.strictEqual(version.protocol, 70_015)
      assert.strictEqual(version.services, 5n)
      assert.strictEqual(version.startHeight, 30)

      yield* peer.send("getheaders", {
        version: 70_015,
        locator: [ChainParams.regtest.genesisHash],
        stop: HashHex.zero
      })
      const headers = unpack(yield* peer.take("headers"))
      assert.lengthOf(headers, 30)
      assert.strictEqual(idOf(headers[29]!), (yield* node.tip).hash)

      const [first] = yield* node.generate(1)
      const { inventory } = yield* peer.take("inv")
      assert.deepStrictEqual(inventory.map(({ hash, type }) => [type, HashHex.format(hash)]), [[2, first]])

      yield* peer.send("sendheaders", {})
      yield* RealNode.until(node.peers, ([peer]) => peer?.wantsHeaders === true)
      const [second] = yield* node.generate(1)
      const announced = unpack(yield* peer.take("headers"))
      assert.deepStrictEqual(announced.map(idOf), [second])

      const [known] = yield* node.peers
      assert.include(known, { outbound: false, handshake: true, userAgent: "/raw peer/", services: 5 })
      yield* node.disconnect(known!.id)
      yield* PlainSockets.closeOf(peer.socket)
    }))

  it.live("dials", () =>
    Effect.gen(function*() {
      const node = yield* RealNode.make()
      const server = yield* PlainSockets.plainServer
      const id = yield* node.connect(`127.0.0.1:${Links.portOf(server.address)}`)
      const peer = yield* RawPeer.fromSocket(yield* server.next)
      const version = yield* peer.take("version")
      assert.strictEqual(version.userAgent, "/bcash:1.1.1/")
      yield* peer.send("version", { ...RawPeer.version, startHeight: 7 })
      yield* peer.take("verack")
      yield* peer.send("verack", {})
      const [known] = yield* RealNode.until(node.peers, ([known]) => known?.handshake === true)
      assert.include(known, { id, outbound: true, version: 70_015, height: 7 })
      yield* peer.take("getblocks")
    }))

  it.live("follows another real node", () =>
    Effect.gen(function*() {
      const [node, other] = yield* Effect.all([RealNode.make({ blocks: 2 }), RealNode.make({ blocks: 6 })], {
        concurrency: 2
      })
      yield* node.connect(other.endPoint)
      yield* RealNode.until(node.tip, ({ height }) => height === 6)
      assert.deepStrictEqual(yield* node.tip, yield* other.tip)
    }))

  it.live("pays, relays what a filter matches, and proves it", () =>
    Effect.gen(function*() {
      const node = yield* RealNode.make({ blocks: 110 })
      const peer = yield* RawPeer.connect(node.port)
      yield* peer.handshake
      yield* peer.send("filterload", filterOf(keyHash))
      yield* RealNode.until(node.peers, ([peer]) => peer?.hasFilter === true)

      const other = yield* node.spend({ to: new Uint8Array([0x51]), amount: 20_000 })
      const paid = yield* node.spend({ to: script, amount: 50_000, fee: 2000 })
      assert.notDeepEqual(paid.coin, other.coin)
      assert.sameMembers([...(yield* node.mempool)], [other.txid, paid.txid])
      assert.strictEqual(HashHex.format(Legacy.hash256(paid.raw)), paid.txid)
      assert.deepStrictEqual(yield* node.transaction(paid.txid), paid.raw)
      const told = yield* peer.take("inv")
      assert.deepStrictEqual(told.inventory.map(({ hash }) => HashHex.format(hash)), [paid.txid])

      const [mined] = yield* node.generate(1)
      assert.deepStrictEqual(yield* node.mempool, [])
      assert.deepStrictEqual(yield* node.transaction(paid.txid), paid.raw)
      yield* peer.send("getdata", {
        inventory: [{ type: InventoryType.merkleBlock, hash: HashHex.parseUnsafe(mined!) }]
      })
      const { header, ...tree } = yield* peer.take("merkleblock")
      assert.strictEqual(tree.transactions, 3)
      const matches = Result.getOrThrow(PartialMerkleTree.verify(tree, header.merkleRoot, Legacy.hash256))
      assert.deepStrictEqual(matches.map(({ txid }) => HashHex.format(txid)), [paid.txid])
      assert.deepStrictEqual((yield* peer.take("tx")).bytes, paid.raw)
    }))

  it.live("takes a transaction from a peer, and says why it does not", () =>
    Effect.gen(function*() {
      const node = yield* RealNode.make({ blocks: 101 })
      const peer = yield* RawPeer.connect(node.port)
      yield* peer.handshake
      const one = yield* node.spend({ to: script, amount: 1000, broadcast: false })
      const twin = yield* node.spend({ to: script, amount: 2000, broadcast: false })
      assert.deepStrictEqual(one.coin, twin.coin)
      assert.deepStrictEqual(yield* node.mempool, [])

      yield* offer(peer, one.raw)
      yield* RealNode.until(node.mempool, (txids) => txids.includes(one.txid))
      yield* offer(peer, twin.raw)
      const reject = yield* peer.take("reject")
      assert.include(reject, { command: "tx", code: 0x12, reason: "bad-txns-inputs-spent" })
      assert.strictEqual(HashHex.format(reject.data), twin.txid)
      assert.deepStrictEqual(yield* node.submit(twin.raw), {
        _tag: "Rejected",
        txid: twin.txid,
        code: "duplicate",
        reason: "bad-txns-inputs-spent"
      })
    }))

  it.live("bans, and forgives when it is told to", () =>
    Effect.gen(function*() {
      const node = yield* RealNode.make()
      const peer = yield* RawPeer.connect(node.port)
      yield* peer.handshake
      yield* peer.sendBytes(Legacy.packet({ command: "ping", magic: new Uint8Array(4) }))
      yield* RealNode.until(node.bans, (bans) => bans.length > 0)
      assert.deepStrictEqual(yield* node.bans, ["127.0.0.1"])
      const refused = yield* RawPeer.connect(node.port)
      yield* PlainSockets.closeOf(refused.socket)
      yield* node.clearBans
      yield* Effect.flatMap(RawPeer.connect(node.port), ({ handshake }) => handshake)
    }))

  it.live("says what is wrong", () =>
    Effect.gen(function*() {
      const node = yield* RealNode.make({ blocks: 5 })
      const problems = yield* Effect.forEach([
        node.hashAt(6),
        node.fork({ depth: 6, count: 1 }),
        node.spend({ to: script, amount: 1000 }),
        node.spend({ to: "bchreg:nonsense", amount: 1000 }),
        node.transaction("00".repeat(32)),
        node.connect("192.0.2.1:8333"),
        node.disconnect(99)
      ], (wrong) => Effect.flip(Effect.asVoid(wrong)))
      assert.deepStrictEqual(problems.map(({ command }) => command), [
        "hashAt",
        "fork",
        "spend",
        "spend",
        "transaction",
        "connect",
        "disconnect"
      ])
      assert.include(problems[0]!.message, "no block at height 6, the tip is at 5")
      assert.include(problems[2]!.message, "no coin of 2000 satoshis that can be spent at height 5")
      assert.include(problems[5]!.message, "192.0.2.1:8333 is not on loopback")
    }))

  it.live("ends with its scope, and whoever waits for it is told", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const node = yield* Scope.provide(RealNode.make(), scope)
      assert.isTrue(isAlive(node.pid))
      yield* Scope.close(scope, Exit.void)
      assert.isFalse(isAlive(node.pid))
      assert.include((yield* Effect.flip(node.tip)).message, "it ended (SIGKILL)")
    }))

  it("does not outlive the process that started it", { timeout: 30_000 }, async () => {
    const starter = ChildProcess.spawn(process.execPath, [
      "--eval",
      `require("node:child_process").spawn(process.execPath, ${JSON.stringify([Path.join(folder, "main.ts")])}, ` +
      "{ stdio: ['pipe', 'inherit', 'inherit'] })"
    ])
    const [line] = await once(starter.stdout, "data")
    assert.match(String(line), /^\{"port":\d+,/)
    starter.kill("SIGKILL")
    // Its output is closed once all who can write to it are gone, and the node is one of them.
    const [, signal] = await once(starter, "close")
    assert.strictEqual(signal, "SIGKILL")
  })
})

describe("the guard around the real node", () => {
  const attempt = async (code: string): Promise<readonly [code: number, stderr: string]> => {
    const guard = pathToFileURL(Path.join(folder, "loopback.ts")).href
    const child = ChildProcess.spawn(process.execPath, [
      "--input-type=module",
      "--eval",
      `import * as Loopback from ${JSON.stringify(guard)}\nLoopback.guard();\n${code}`
    ], { env: { ...process.env, NODE_OPTIONS: "" } })
    let stderr = ""
    child.stderr.on("data", (text) => stderr += text)
    const [exitCode] = await once(child, "close")
    return [exitCode as number, stderr]
  }

  for (
    const [what, code] of [
      ["sockets to elsewhere", `(await import("node:net")).connect(9, "192.0.2.1")`],
      ["sockets to a name", `(await import("node:net")).connect({ host: "localhost", port: 9 })`],
      ["TLS", `(await import("node:tls")).connect(9, "192.0.2.1")`],
      ["HTTP", `(await import("node:http")).get("http://192.0.2.1:9")`],
      ["look-ups", `(await import("node:dns")).default.lookup("flowee.invalid", () => {})`],
      ["questions to DNS", `(await import("node:dns")).default.resolve4("flowee.invalid", () => {})`],
      ["datagrams", `(await import("node:dgram")).default.createSocket("udp4")`]
    ] as const
  ) {
    it(`stops ${what}`, async () => {
      const [exitCode, stderr] = await attempt(code)
      assert.strictEqual(exitCode, 70, stderr)
      assert.include(stderr, "The node tried to leave loopback")
    })
  }

  it("lets loopback through", async () => {
    const [exitCode, stderr] = await attempt(`
      const Net = (await import("node:net")).default
      const server = Net.createServer((socket) => { socket.destroy(); server.close() })
      server.listen(0, "127.0.0.1", () => Net.connect(server.address().port, "127.0.0.1").resume())
    `)
    assert.strictEqual(exitCode, 0, stderr)
  })
})
