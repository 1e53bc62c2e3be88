import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import * as BlockHeader from "../../src/domain/p2p/BlockHeader.ts"
import * as BloomFilter from "../../src/domain/p2p/BloomFilter.ts"
import * as ChainParams from "../../src/domain/p2p/ChainParams.ts"
import * as ChainView from "../../src/domain/p2p/ChainView.ts"
import * as Transaction from "../../src/domain/chain/Transaction.ts"
import * as HashHex from "../../src/domain/p2p/HashHex.ts"
import * as HeaderRules from "../../src/domain/p2p/HeaderRules.ts"
import * as InventoryType from "../../src/domain/p2p/InventoryType.ts"
import * as P2PMessage from "../../src/domain/p2p/P2PMessage.ts"
import * as PartialMerkleTree from "../../src/domain/p2p/PartialMerkleTree.ts"
import * as PeerAddress from "../../src/domain/p2p/PeerAddress.ts"
import { hash256 } from "../../src/layers/NodeHash256.ts"
import * as RegtestChain from "../../src/services/hub/RegtestChain.ts"
import * as FakeNode from "./fakeNode.ts"
import * as HeaderChain from "./headerChain.ts"
import { pass, settle } from "./network.ts"
import * as Matching from "./p2p/matching.ts"
import { type PeerBed, withPeers } from "./p2p/peerBed.ts"
import * as Replay from "./p2p/replay.ts"
import * as Wallet from "./wallet.ts"

const { FakeChain } = FakeNode
const { Behaviour } = FakeNode.Behaviours
const address = "10.0.0.9:18444"
const other = "10.0.0.8:18444"
const wallet = Wallet.keyOf("a wallet")

const getheaders = (locator: ReadonlyArray<Uint8Array>, stop: Uint8Array = HashHex.zero) =>
  P2PMessage.make("getheaders", { version: 70_015, locator, stop })
const getdata = (type: number, ...hashes: ReadonlyArray<Uint8Array>) =>
  P2PMessage.make("getdata", { inventory: hashes.map((hash) => ({ type, hash })) })
const inv = (...ids: ReadonlyArray<Uint8Array>) =>
  P2PMessage.make("inv", { inventory: ids.map((hash) => ({ type: InventoryType.transaction, hash })) })
const filterload = (...elements: ReadonlyArray<Uint8Array>) => {
  const filter = BloomFilter.make({ elements: 10, falsePositiveRate: 1e-9 })
  for (const element of elements) BloomFilter.insert(filter, element)
  return P2PMessage.make("filterload", filter)
}

const handshake = new Set(["ping", "pong", "sendheaders"])

/** A node and what it answers. */
const setUp = Effect.fnUntraced(function*(bed: PeerBed, options: Partial<FakeNode.Options>) {
  yield* FakeNode.startClock(options.chain ?? FakeChain.genesis())
  const node = yield* FakeNode.make({ address, records: true, ...options })
  const heard: Array<P2PMessage.P2PMessage> = []
  const peer = yield* bed.connect(node.endPoint, {
    onReady: (peer) => peer.handle((message) => void (handshake.has(message._tag) || heard.push(message)))
  })
  yield* node.awaitPeers()
  yield* settle
  const ask = (...messages: ReadonlyArray<P2PMessage.P2PMessage>) =>
    Effect.gen(function*() {
      heard.length = 0
      yield* Effect.orDie(peer.sendAll(messages))
      yield* settle
      return [...heard]
    })
  return { node, peer, heard, ask }
})

const headersIn = (messages: ReadonlyArray<P2PMessage.P2PMessage>): ReadonlyArray<BlockHeader.BlockHeader> => {
  assert.deepStrictEqual(messages.map(({ _tag }) => _tag), ["headers"])
  return messages[0]!._tag === "headers" ? Result.getOrThrow(BlockHeader.unpack(messages[0].packed)) : []
}

const headersOf = (chain: FakeNode.FakeChain.FakeChain, from: number, count: number) =>
  chain.slice(from, count).map(FakeChain.headerOf)

describe("FakeChain", () => {
  it.effect("has blocks that a Hub takes, payments and a branch that wins included", () =>
    Effect.gen(function*() {
      const chain = FakeChain.make(101)
      const paid = chain.extend({ transactions: [FakeChain.pay(chain.at(1)!, wallet.address)] })
      const fork = paid.fork(2, 4)
      yield* FakeNode.startClock(fork)
      const hub = yield* RegtestChain.make()
      for (const block of paid.slice(1, 102)) yield* hub.submitBlock(FakeChain.bytesOf(block))
      assert.deepStrictEqual(yield* hub.look(({ tip }) => tip.hash), paid.tip.hash)
      for (const block of fork.slice(101, 4)) yield* hub.submitBlock(FakeChain.bytesOf(block))
      assert.deepStrictEqual(yield* hub.look(({ tip }) => tip.hash), fork.tip.hash)
      assert.strictEqual(yield* hub.look(({ mempool }) => mempool.size), 1)
    }))

  it("has headers that follow the rules, without blocks too, and the same each time", () => {
    const chain = FakeChain.makeHeaders(2500).fork(3, 5)
    const headers = BlockHeader.pack(headersOf(chain, 1, 2502))
    const now = FakeChain.timeOf(chain.tip)
    const params = ChainParams.regtest
    const checked = HeaderRules.check(ChainView.genesis(params.genesis, params.genesisHash), headers, {
      params,
      hash256,
      now
    })
    assert.strictEqual(Result.getOrThrow(checked).count, 2502)
    assert.deepStrictEqual(FakeChain.makeHeaders(2500).fork(3, 5).tip.hash, chain.tip.hash)
    assert.strictEqual(chain.forkHeight(FakeChain.makeHeaders(3000)), 2497)
  })

  it("can be made of recorded headers", () => {
    const regtest = FakeChain.fromPacked(HeaderChain.load("regtest-headers"))
    assert.strictEqual(regtest.height, 2726)
    const mainnet = FakeChain.fromPacked(HeaderChain.load("mainnet-headers-0-99"), ChainParams.mainnet)
      .extendPacked(HeaderChain.load("mainnet-headers-100-111"))
    assert.strictEqual(mainnet.height, 111)
    assert.strictEqual(
      HashHex.format(mainnet.tip.hash),
      "000000004d6a6dd8b882deec7b54421949dddd2c166bd51ee7f62a52091a6c35"
    )
  })
})

describe("Matching", () => {
  const found = (lines: ReadonlyArray<Replay.Line>) => {
    const messages = lines.map(({ message }) => message)
    const load = messages.find((message) => message._tag === "filterload")!
    const txs = messages.filter((message) => message._tag === "tx")
      .map(({ bytes }) => Result.getOrThrow(Transaction.decode(bytes)))
    return { messages, txs, filter: () => ({ ...load, bytes: load.bytes.slice() }) }
  }

  it("sees what the recorded node saw", () => {
    const one = found(Replay.linesOf("p2p-regtest"))
    assert.isTrue(Matching.matches(one.filter(), one.txs[0]!))
    const block = one.messages.find((message) => message._tag === "merkleblock")!
    assert.deepStrictEqual(
      { ...block, ...Matching.treeOf(one.txs, new Set([0])) },
      { ...block }
    )
    const two = found(Replay.linesOf("p2p-regtest-wallet"))
    const [good, relayed] = two.txs
    assert.isTrue(Matching.matches(two.filter(), good!))
    assert.isTrue(Matching.matches(two.filter(), relayed!))
    for (const filler of FakeChain.fillers(100)) assert.isFalse(Matching.matches(two.filter(), filler))
  })

  it("finds payments, ids and spendings, and learns outputs as the flags say", () => {
    const chain = FakeChain.make(1)
    const payment = FakeChain.pay(chain.at(1)!, wallet.address)
    const spending = Wallet.spend(Wallet.keyOf("nobody"), {
      coins: [{ txId: payment.id, index: 0, amount: 1_000_000n }],
      outputs: [Wallet.pay(new Uint8Array(20), 999_000n)]
    })
    const filterOf = (element: Uint8Array, flags: number) => {
      const filter = BloomFilter.make({ elements: 5, falsePositiveRate: 1e-9, flags })
      BloomFilter.insert(filter, element)
      return filter
    }
    const { all, none, publicKeyOnly } = BloomFilter.Update
    assert.isTrue(Matching.matches(filterOf(payment.id, none), payment))
    assert.isTrue(Matching.matches(filterOf(FakeChain.minerOf("miner").publicKey, none), payment))
    for (const [flags, learns] of [[all, true], [none, false], [publicKeyOnly, false]] as const) {
      const filter = filterOf(wallet.address, flags)
      assert.isFalse(Matching.matches(filter, spending))
      assert.isTrue(Matching.matches(filter, payment))
      assert.strictEqual(Matching.matches(filter, spending), learns)
    }
  })
})

describe("FakeNode", () => {
  it.effect("answers getheaders as nodes do", () =>
    withPeers((bed) =>
      Effect.gen(function*() {
        const chain = FakeChain.makeHeaders(2500)
        const { ask } = yield* setUp(bed, { chain })
        const fork = chain.fork(5, 7)
        const stranger = new Uint8Array(32).fill(7)
        assert.deepStrictEqual(headersIn(yield* ask(getheaders([stranger]))), headersOf(chain, 1, 2000))
        assert.deepStrictEqual(
          headersIn(yield* ask(getheaders([stranger, chain.at(2000)!.hash, chain.at(7)!.hash]))),
          headersOf(chain, 2001, 500)
        )
        assert.deepStrictEqual(
          headersIn(yield* ask(getheaders([fork.tip.hash, fork.at(2495)!.hash]))),
          headersOf(chain, 2496, 5)
        )
        const few = headersIn(yield* ask(getheaders([chain.at(9)!.hash], chain.at(12)!.hash)))
        assert.deepStrictEqual(few, headersOf(chain, 10, 3))
        assert.deepStrictEqual(headersIn(yield* ask(getheaders([], chain.at(12)!.hash))), headersOf(chain, 12, 1))
        assert.deepStrictEqual(headersIn(yield* ask(getheaders([chain.tip.hash]))), [])
      })
    ))

  it.effect("gives blocks, filtered blocks with what matches, transactions, and says what it has not", () =>
    withPeers((bed) =>
      Effect.gen(function*() {
        const before = FakeChain.make(3)
        const payment = FakeChain.pay(before.at(1)!, wallet.address)
        const chain = before.extend({ transactions: [payment, ...FakeChain.fillers(6)] })
        const { ask, node } = yield* setUp(bed, { chain })
        const { hash } = chain.tip
        const missing = new Uint8Array(32).fill(9)
        assert.deepStrictEqual(yield* ask(getdata(InventoryType.merkleBlock, hash)), [])
        assert.deepStrictEqual(yield* ask(getdata(InventoryType.block, hash, missing)), [
          P2PMessage.make("block", { bytes: FakeChain.bytesOf(chain.tip) }),
          P2PMessage.make("notfound", { inventory: [{ type: InventoryType.block, hash: missing }] })
        ])
        const [block, tx, ...rest] = yield* ask(
          filterload(wallet.address),
          getdata(InventoryType.merkleBlock, hash)
        )
        assert.deepStrictEqual(rest, [])
        assert.deepStrictEqual(tx, P2PMessage.make("tx", { bytes: payment.bytes }))
        if (block?._tag !== "merkleblock") return assert.fail("no merkle block")
        const matches = Result.getOrThrow(PartialMerkleTree.verify(block, block.header.merkleRoot, hash256))
        assert.deepStrictEqual(matches.map(({ txid }) => txid), [payment.id])
        const waiting = FakeChain.pay(chain.at(2)!, wallet.address)
        yield* node.addTransaction(waiting.bytes)
        yield* settle
        assert.deepStrictEqual(yield* ask(P2PMessage.make("mempool", {})), [inv(waiting.id)])
        assert.deepStrictEqual(yield* ask(getdata(InventoryType.transaction, waiting.id)), [
          P2PMessage.make("tx", { bytes: waiting.bytes })
        ])
      })
    ))

  it.effect("takes transactions and relays them, or says why not", () =>
    withPeers((bed) =>
      Effect.gen(function*() {
        const chain = FakeChain.make(5)
        const good = FakeChain.pay(chain.at(1)!, wallet.address)
        const bad = FakeChain.pay(chain.at(2)!, wallet.address)
        const gossip = new FakeNode.Gossip()
        yield* FakeNode.startClock(chain)
        const far = yield* FakeNode.make({ address: other, chain, gossip })
        const watched: Array<P2PMessage.P2PMessage> = []
        const watcher = yield* bed.connect(other, {
          onReady: (peer) => peer.handle((message) => void watched.push(message))
        })
        const { ask, node } = yield* setUp(bed, {
          chain,
          gossip,
          refuse: ({ id }) => HashHex.equals(id, bad.id) ? { code: 16, reason: "bad-txns" } : undefined
        })
        yield* watcher.send(filterload(wallet.address))
        assert.deepStrictEqual(yield* ask(inv(good.id, bad.id)), [
          getdata(InventoryType.transaction, good.id, bad.id)
        ])
        assert.deepStrictEqual(
          yield* ask(P2PMessage.make("tx", { bytes: good.bytes }), P2PMessage.make("tx", { bytes: bad.bytes })),
          [P2PMessage.make("reject", { command: "tx", code: 16, reason: "bad-txns", data: bad.id })]
        )
        assert.strictEqual(node.mempool.size, 1)
        assert.strictEqual(far.mempool.size, 1)
        assert.deepStrictEqual(watched.filter(({ _tag }) => _tag === "inv"), [inv(good.id)])
        const [block] = yield* node.mine()
        assert.deepStrictEqual(block!.transactions!.slice(1).map(({ id }) => id), [good.id])
        assert.strictEqual(node.mempool.size + far.mempool.size, 0)
        assert.strictEqual(far.chain.tip, block)
        yield* node.reorganise(1, 2)
        assert.deepStrictEqual([...far.mempool.values()].map(({ id }) => id), [good.id])
      })
    ))

  it.effect("announces blocks by headers, and large changes by inv", () =>
    withPeers((bed) =>
      Effect.gen(function*() {
        const chain = FakeChain.make(20)
        const { ask, heard, node } = yield* setUp(bed, { chain })
        yield* ask()
        const mined = yield* node.mine(2)
        yield* settle
        assert.deepStrictEqual(headersIn(heard), mined.map(FakeChain.headerOf))
        yield* ask()
        const replaced = yield* node.reorganise(3, 4)
        yield* settle
        assert.deepStrictEqual(headersIn(heard), replaced.map(FakeChain.headerOf))
        assert.strictEqual(node.chain.height, 23)
        yield* ask()
        yield* node.reorganise(10, 12)
        yield* settle
        assert.deepStrictEqual(heard, [
          P2PMessage.make("inv", { inventory: [{ type: InventoryType.block, hash: node.chain.tip.hash }] })
        ])
      })
    ))

  it.effect("tells addresses, and counts what it is asked", () =>
    withPeers((bed) =>
      Effect.gen(function*() {
        const { ask, node } = yield* setUp(bed, { addresses: ["10.1.2.3:18444", "[fd00::7]:1"] })
        const [addr] = yield* ask(P2PMessage.make("getaddr", {}))
        if (addr?._tag !== "addr") return assert.fail("no addresses")
        assert.deepStrictEqual(addr.addresses.map((one) => PeerAddress.toInetAddress(one).toString()), [
          "10.1.2.3:18444",
          "[fd00::7]:1"
        ])
        assert.strictEqual(node.count("getaddr"), 1)
        assert.strictEqual(node.heard("getaddr").length, 1)
      })
    ))

  it.effect("may be slow", () =>
    withPeers((bed) =>
      Effect.gen(function*() {
        const { ask, heard } = yield* setUp(bed, { behaviour: Behaviour.Slow({ delay: "3 seconds" }) })
        assert.deepStrictEqual(yield* ask(getheaders([])), [])
        yield* ask(getheaders([HashHex.zero]))
        yield* pass("2999 millis")
        assert.deepStrictEqual(heard, [])
        yield* pass("1 millis")
        assert.deepStrictEqual(headersIn(heard), [])
      })
    ))

  const flaws = { work: "NoProofOfWork", link: "NotConnected", time: "TimeTooNew", bits: "WrongDifficulty" } as const

  for (const flaw of ["work", "link", "time", "bits"] as const) {
    it.effect(`may lie about headers: ${flaw}`, () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          const chain = FakeChain.makeHeaders(10)
          const { ask } = yield* setUp(bed, { chain, behaviour: Behaviour.BadHeaders({ flaw, at: 6 }) })
          const headers = headersIn(yield* ask(getheaders([chain.params.genesisHash])))
          assert.strictEqual(headers.length, 7)
          const checked = HeaderRules.check(HeaderChain.genesisView(chain.params), BlockHeader.pack(headers), {
            params: chain.params,
            hash256,
            now: FakeChain.timeOf(chain.tip)
          })
          if (Result.isSuccess(checked)) return assert.fail("nothing is wrong with them")
          assert.strictEqual(checked.failure.index, 6)
          assert.strictEqual(checked.failure.reason._tag, flaws[flaw])
        })
      ))
  }

  const forgeries = { tree: "UnusedHashes", root: "WrongRoot", unknown: undefined, other: undefined } as const

  for (const flaw of ["tree", "root", "unknown", "other"] as const) {
    it.effect(`may forge merkle blocks: ${flaw}`, () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          const before = FakeChain.make(3)
          const chain = before.extend({
            transactions: [FakeChain.pay(before.at(1)!, wallet.address), ...FakeChain.fillers(2)]
          })
          const { ask } = yield* setUp(bed, { chain, behaviour: Behaviour.ForgesMerkleBlocks({ flaw }) })
          const [block] = yield* ask(filterload(wallet.address), getdata(InventoryType.merkleBlock, chain.tip.hash))
          if (block?._tag !== "merkleblock") return assert.fail("no merkle block")
          const verified = PartialMerkleTree.verify(block, block.header.merkleRoot, hash256)
          const problem = Result.isFailure(verified) ? verified.failure.problem : undefined
          assert.strictEqual(problem, forgeries[flaw])
          const isOfTip = HashHex.equals(BlockHeader.hash(block.header, hash256), chain.tip.hash)
          assert.strictEqual(isOfTip, flaw === "tree" || flaw === "root")
        })
      ))
  }

  it.effect("may leave out matches or transactions, and pester", () =>
    withPeers((bed) =>
      Effect.gen(function*() {
        const before = FakeChain.make(3)
        const payment = FakeChain.pay(before.at(1)!, wallet.address)
        const chain = before.extend({ transactions: [payment] })
        const question = [filterload(wallet.address), getdata(InventoryType.merkleBlock, chain.tip.hash)]
        const blind = yield* setUp(bed, { chain, behaviour: Behaviour.WithholdsMatches() })
        const [block, ...others] = yield* blind.ask(...question)
        if (block?._tag !== "merkleblock") return assert.fail("no merkle block")
        assert.deepStrictEqual(others, [])
        assert.deepStrictEqual(PartialMerkleTree.verify(block, block.header.merkleRoot, hash256), Result.succeed([]))
        const mean = yield* setUp(bed, { address: other, chain, behaviour: Behaviour.WithholdsTransactions() })
        assert.deepStrictEqual((yield* mean.ask(...question)).map(({ _tag }) => _tag), ["merkleblock"])
        const loud = yield* setUp(bed, {
          address: "10.0.0.7:18444",
          behaviour: [
            Behaviour.SendsUnasked({ count: 2, every: "1 minute" }),
            Behaviour.SpamsAddresses({ messages: 1, count: 1000 })
          ]
        })
        yield* pass("61 seconds")
        assert.deepStrictEqual(loud.heard.map(({ _tag }) => _tag).sort(), ["addr", "tx", "tx", "tx", "tx"])
      })
    ))

  it.effect("is light: 200 of them, on one chain", () =>
    withPeers((bed) =>
      Effect.gen(function*() {
        const chain = FakeChain.makeHeaders(3000)
        const nodes = yield* Effect.forEach(
          Array.from({ length: 200 }),
          (_, i) => FakeNode.make({ address: `10.${i}.0.9:18444`, chain })
        )
        let headers = 0
        const count = (message: P2PMessage.P2PMessage) =>
          void (headers += message._tag === "headers" ? BlockHeader.count(message.packed) : 0)
        for (const node of nodes) {
          const peer = yield* bed.connect(node.endPoint, { onReady: (peer) => peer.handle(count) })
          yield* peer.send(getheaders([chain.at(1500)!.hash]))
        }
        yield* settle
        assert.strictEqual(headers, 200 * 1500)
        assert.deepStrictEqual(nodes.map((node) => node.count("getheaders")), nodes.map(() => 1))
      })
    ))
})
