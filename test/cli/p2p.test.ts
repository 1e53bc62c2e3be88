import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { NetAddress } from "effect/net"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Progress from "../../src/cli/p2p/progress.ts"
import * as Palette from "../../src/cli/terminal/palette.ts"
import { runFlowee, startFlowee } from "../utils/flowee.ts"
import * as Legacy from "../utils/legacy.ts"
import * as PlainSockets from "../utils/plainSockets.ts"
import * as RawPeer from "../utils/rawPeer.ts"
import * as RealNode from "../utils/realNode.ts"

const regtest = ["--network", "regtest"]

const temporaryDirectory = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-flowee-p2p-"))),
  (directory) => Effect.sync(() => Fs.rmSync(directory, { recursive: true, force: true }))
)

describe("flowee p2p sync", () => {
  it.live("goes to the tip of a real node and says where that is", () =>
    Effect.gen(function*() {
      const node = yield* RealNode.make({ blocks: 2100 })
      const tip = yield* node.tip
      const directory = yield* temporaryDirectory
      const args = ["p2p", "sync", ...regtest, "--peer", node.endPoint, "--once", "--directory", directory]
      const json = yield* runFlowee([...args, "--json"])
      assert.strictEqual(json.stderr, "")
      assert.deepStrictEqual(JSON.parse(json.stdout), { ...tip, peers: 1 })
      assert.strictEqual(json.code, 0)
      const text = yield* runFlowee(args)
      assert.strictEqual(text.stdout, `height  2100\nhash    ${tip.hash}\npeers   1\n`)
      assert.strictEqual(Fs.statSync(Path.join(directory, "regtest", "headers")).size, 2101 * 80)
    }), 30_000)

  it.live("hears all that are named before it ends, whoever is first", () =>
    Effect.gen(function*() {
      const [poor, slow, rich] = yield* Effect.all([
        RealNode.make({ blocks: 3 }),
        RealNode.make({ blocks: 4 }),
        RealNode.make({ blocks: 5 })
      ], { concurrency: "unbounded" })
      const named = [poor, slow, rich].flatMap(({ endPoint }) => ["--peer", endPoint])
      const dead = ["--peer", "127.0.0.1:1"]
      const run = yield* runFlowee(["p2p", "sync", ...regtest, ...dead, ...named, "--once", "--json"])
      assert.deepStrictEqual(JSON.parse(run.stdout), { ...(yield* rich.tip), peers: 3 })
      assert.strictEqual(run.code, 0)
    }), 30_000)

  it.live(
    "leaves a directory alone that is corrupt, and learns it anew when that is asked for",
    () =>
      Effect.gen(function*() {
        const node = yield* RealNode.make({ blocks: 3 })
        const directory = yield* temporaryDirectory
        const files = Path.join(directory, "regtest")
        Fs.mkdirSync(files)
        Fs.writeFileSync(Path.join(files, "headers"), "what somebody wrote")
        const args = ["p2p", "sync", ...regtest, "--peer", node.endPoint, "--once", "--json", "--directory", directory]
        const refused = yield* runFlowee(args)
        assert.strictEqual(refused.code, 1)
        assert.include(refused.stderr, files)
        const wrong = yield* runFlowee([...args.slice(0, -2), "--rebuild"])
        assert.strictEqual(wrong.code, 1)
        assert.match(wrong.stderr, /--directory/)
        assert.strictEqual(Fs.readFileSync(Path.join(files, "headers"), "utf8"), "what somebody wrote")
        const rebuilt = yield* runFlowee([...args, "--rebuild"])
        assert.deepStrictEqual(JSON.parse(rebuilt.stdout), { ...(yield* node.tip), peers: 1 })
        assert.strictEqual(Fs.statSync(Path.join(files, "headers")).size, 4 * 80)
      }),
    30_000
  )

  it.live("tells of blocks that come", () =>
    Effect.gen(function*() {
      const node = yield* RealNode.make({ blocks: 3 })
      const sync = yield* startFlowee(["p2p", "sync", ...regtest, "--peer", node.endPoint, "--json"])
      assert.strictEqual(JSON.parse(yield* sync.line).height, 3)
      const [hash] = yield* node.generate(1)
      assert.deepStrictEqual(JSON.parse(yield* sync.line), { height: 4, hash, peers: 1, disconnected: 0 })
      assert.strictEqual(yield* sync.end("SIGINT"), 130)
    }), 30_000)

  it.live("fails when nobody is there, and says why", () =>
    Effect.gen(function*() {
      const run = yield* runFlowee(["p2p", "sync", ...regtest, "--peer", "127.0.0.1:1", "--timeout", "1", "--once"])
      assert.strictEqual(run.code, 1)
      assert.strictEqual(run.stdout, "")
      assert.match(run.stderr, /no peer said anything new for 1s \(127\.0\.0\.1:1: connection refused\)/)
    }))

  it.live("fails when a peer only comes and goes", () =>
    Effect.gen(function*() {
      const server = yield* PlainSockets.plainServer
      const lie = Effect.gen(function*() {
        const liar = yield* RawPeer.fromSocket(yield* server.next)
        yield* liar.send("version", RawPeer.version)
        yield* liar.send("verack", {})
        yield* liar.sendBytes(Legacy.packet({ command: "headers", body: Uint8Array.of(0xfd, 0xd1, 0x07) }))
      })
      yield* Effect.forkScoped(Effect.forever(lie))
      const endPoint = NetAddress.formatSocketAddress(server.address)
      const args = ["p2p", "sync", ...regtest, "--peer", endPoint, "--timeout", "3", "--once"]
      const run = yield* Effect.timeout(runFlowee(args), "10 seconds")
      assert.strictEqual(run.code, 1)
      assert.match(run.stderr, /no peer said anything new for 3s \(malformed "headers"/)
    }), 20_000)

  it.live("does not look for nodes of a network that has no seeds", () =>
    Effect.gen(function*() {
      const run = yield* runFlowee(["p2p", "sync", ...regtest])
      assert.strictEqual(run.code, 1)
      assert.match(run.stderr, /--peer HOST:PORT/)
    }))
})

describe("flowee p2p peers", () => {
  it.live("shows who is there", () =>
    Effect.gen(function*() {
      const node = yield* RealNode.make({ blocks: 7 })
      const run = yield* runFlowee(["p2p", "peers", ...regtest, "--peer", node.endPoint, "--json"])
      const row = JSON.parse(run.stdout)
      assert.strictEqual(row.address, node.endPoint)
      assert.strictEqual(row.height, 7)
      assert.include(row.userAgent, "bcash")
      assert.strictEqual(run.code, 0)
    }), 30_000)
})

describe("flowee p2p watch", () => {
  it.live("finds payments in blocks, and hears of those on their way", () =>
    Effect.gen(function*() {
      const node = yield* RealNode.make({ blocks: 110 })
      const to = "bchreg:qqysjzgfpyysjzgfpyysjzgfpyysjzgfpyfvdrnchd"
      const first = yield* node.spend({ to, amount: 5000 })
      yield* node.generate(1)
      const watch = yield* startFlowee(
        ["p2p", "watch", ...regtest, "--peer", node.endPoint, "--from", "0", "--json", to]
      )
      const events: Array<{ readonly event: string; readonly txId?: string; readonly height?: number }> = []
      const until = (event: string, txId: string) =>
        Effect.gen(function*() {
          while (!events.some((one) => one.event === event && one.txId === txId)) {
            events.push(JSON.parse(yield* watch.line))
          }
          return events.findLast((one) => one.txId === txId)!
        })
      assert.strictEqual((yield* until("matched", first.txid)).height, 111)
      const second = yield* node.spend({ to, amount: 6000 })
      yield* until("unconfirmed", second.txid)
      yield* node.generate(1)
      assert.strictEqual((yield* until("matched", second.txid)).height, 112)
      assert.strictEqual(yield* watch.end("SIGINT"), 130)
    }), 30_000)

  it.live("refuses an address of another network before anybody is dialled", () =>
    Effect.gen(function*() {
      const to = "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a"
      const run = yield* runFlowee(["p2p", "watch", ...regtest, "--peer", "127.0.0.1:1", to])
      assert.strictEqual(run.code, 1)
      assert.include(run.stderr, "bchreg")
    }))
})

describe("flowee p2p broadcast", () => {
  it.live("gives a transaction to a real node, and tells what the node thinks of it", () =>
    Effect.gen(function*() {
      const node = yield* RealNode.make({ blocks: 110 })
      const to = "bchreg:qqysjzgfpyysjzgfpyysjzgfpyysjzgfpyfvdrnchd"
      const payment = yield* node.spend({ to, amount: 5000, broadcast: false })
      const raw = Buffer.from(payment.raw).toString("hex")
      const args = ["p2p", "broadcast", ...regtest, "--peer", node.endPoint, "--json"]
      const taken = yield* runFlowee([...args, raw])
      assert.deepStrictEqual(JSON.parse(taken.stdout), {
        txId: payment.txid,
        outcome: "Taken",
        peers: [{ peer: node.endPoint, progress: "Sent" }]
      })
      assert.strictEqual(taken.code, 0)
      assert.deepStrictEqual(yield* node.mempool, [payment.txid])

      // The last byte but four of a payment lies in its last output script, which the signature covers.
      const digit = raw.at(-10) === "0" ? "1" : "0"
      const forged = `${raw.slice(0, -10)}${digit}${raw.slice(-9)}`
      const rejected = yield* runFlowee([...args, forged])
      const report = JSON.parse(rejected.stdout)
      assert.strictEqual(report.outcome, "Rejected")
      assert.strictEqual(report.peers[0].progress, "Rejected")
      assert.isNumber(report.peers[0].code)
      assert.strictEqual(rejected.code, 1)
      assert.match(rejected.stderr, /not taken: the peers reject it/)
    }), 30_000)

  it.live("refuses what is no transaction before anybody is dialled", () =>
    Effect.gen(function*() {
      const args = ["p2p", "broadcast", ...regtest, "--peer", "127.0.0.1:1", "--timeout", "5"]
      const argument = yield* runFlowee([...args, "zz"])
      assert.strictEqual(argument.code, 1)
      const bytes = yield* runFlowee([...args, "0102"])
      assert.strictEqual(bytes.code, 1)
      assert.match(bytes.stderr, /transaction/)
    }))
})

describe("the progress bar", () => {
  it("is as long as what is done, and never longer than all", () => {
    const bar = (done: number, of: number) => Progress.format({ done, of, remark: "" }, Palette.plain)
    assert.strictEqual(bar(0, 10), `${"░".repeat(30)} 0 %  `)
    assert.strictEqual(bar(5, 10), `${"█".repeat(15)}${"░".repeat(15)} 50 %  `)
    assert.strictEqual(bar(20, 10), `${"█".repeat(30)} 100 %  `)
    assert.strictEqual(bar(0, 0), `${"█".repeat(30)} 100 %  `)
  })

  it("does not steer the terminal by what peers say", () => {
    assert.notInclude(Progress.format({ done: 1, of: 1, remark: "\u001b[2J" }, Palette.plain), "\u001b[2J")
  })
})
