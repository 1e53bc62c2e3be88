import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as HubBlockChain from "../../../src/domain/hub/HubBlockChain.ts"
import * as HubHash from "../../../src/domain/hub/HubHash.ts"
import * as RegtestChain from "../../../src/services/hub/RegtestChain.ts"
import * as Fixture from "../../utils/embeddedHub.ts"
import * as Wallet from "../../utils/wallet.ts"

const genesis = HubHash.BlockHash.make("0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206")

const nobody = HubHash.BlockHash.make("07".repeat(32))

const { height, offset } = Fixture

const data = Uint8Array.of(0x6a, 0x03, 1, 2, 3)

/** 101 blocks, and one with a transaction that pays a stranger and holds data. */
const prepare = Effect.gen(function*() {
  yield* Fixture.mine(101)
  const coin = yield* Fixture.coinAt(1)
  const stranger = Wallet.keyOf("stranger")
  const payment = Wallet.spend(Wallet.traceKey, {
    coins: [coin],
    outputs: [Wallet.pay(stranger.address, coin.amount - 1000n), { amount: 0n, script: data }]
  })
  const chain = yield* RegtestChain.RegtestChain
  yield* chain.sendTransaction(payment.bytes)
  const [block] = yield* chain.generate({ address: stranger.address })
  const { hub } = yield* Fixture.connect
  return { block: block!, coin, hub, payment, stranger }
})

const scriptHashOf = (key: Wallet.Key) => HubHash.ScriptHash.make(HubHash.fromBytes(Wallet.scriptHash(key.script)))

describe("service BlockChain of EmbeddedHub", () => {
  it.live("GetBlockChainInfo tells where the chain stands", () =>
    Effect.gen(function*() {
      const { hub } = yield* Fixture.connect
      const expected = { chain: "regtest", difficulty: 0xffff / 0x7fffff / 2 ** 24, progress: 1 } as const
      assert.deepStrictEqual(yield* hub.getBlockChainInfo(), {
        ...expected,
        blocks: height(0),
        headers: height(0),
        bestBlock: genesis,
        medianTime: 1_296_688_602,
        work: 0n
      })
      const blocks = yield* Fixture.mine(3)
      assert.deepStrictEqual(yield* hub.getBlockChainInfo(), {
        ...expected,
        blocks: height(3),
        headers: height(3),
        bestBlock: Fixture.blockHash(blocks[2]!),
        medianTime: blocks[2]!.medianTime,
        work: 6n
      })
    }).pipe(Effect.provide(Fixture.layer)))

  it.live("GetBestBlockHash and GetBlockCount follow the tip", () =>
    Effect.gen(function*() {
      const { hub } = yield* Fixture.connect
      assert.deepStrictEqual(yield* hub.getBestBlockHash(), { hash: genesis })
      assert.deepStrictEqual(yield* hub.getBlockCount(), { height: height(0) })
      const [block] = yield* Fixture.mine(1)
      assert.deepStrictEqual(yield* hub.getBestBlockHash(), { hash: Fixture.blockHash(block!) })
      assert.deepStrictEqual(yield* hub.getBlockCount(), { height: height(1) })
    }).pipe(Effect.provide(Fixture.layer)))

  it.live("GetBlock gives whole transactions when nothing is asked for, and offsets unless they are turned off", () =>
    Effect.gen(function*() {
      const { block, hub, payment } = yield* prepare
      const hash = Fixture.blockHash(block)
      const found = yield* hub.getBlock({ hash })
      assert.strictEqual(found.hash, hash)
      assert.strictEqual(found.height, 102)
      assert.deepStrictEqual(found.transactions.map((tx) => tx.offset), [offset(81), offset(181)])
      assert.deepStrictEqual(found.transactions[1], {
        offset: offset(181),
        bytes: payment.bytes,
        inputs: [],
        outputs: []
      })
      const bare = yield* hub.getBlock({ height: height(102), withOffset: false, withTxId: true })
      assert.deepStrictEqual(bare.transactions[1], { txId: Fixture.txId(payment), inputs: [], outputs: [] })
      const empty = yield* hub.getBlock({ height: height(102), withOffset: true })
      assert.deepStrictEqual(empty.transactions[1], { offset: offset(181), inputs: [], outputs: [] })
    }).pipe(Effect.provide(Fixture.layer)))

  it.live("GetBlock tells of inputs and outputs what is asked for", () =>
    Effect.gen(function*() {
      const { coin, hub, payment, stranger } = yield* prepare
      const block = { height: height(102), withOffset: false }
      const ask = (choices: object) => Effect.map(hub.getBlock({ ...block, ...choices }), (block) => block.transactions)

      const [coinbase, spend] = yield* ask({ withInputs: true })
      assert.deepStrictEqual(coinbase!.inputs.map((input) => Object.keys(input)), [["script"]])
      assert.deepStrictEqual(spend!.inputs, [
        { prevTxId: Fixture.txIdOf(coin), prevIndex: 0, script: payment.inputs[0]!.script }
      ])

      const amounts = payment.outputs.map(({ amount }) => amount)
      const outputs = (choices: object) => Effect.map(ask(choices), (transactions) => transactions[1]!.outputs)
      assert.deepStrictEqual(yield* outputs({ withAmounts: true }), [
        { index: Fixture.index(0), amount: Fixture.amount(amounts[0]!) },
        { index: Fixture.index(1), amount: Fixture.amount(0n) }
      ])
      assert.deepStrictEqual(yield* outputs({ withScripts: true, onlyOutputs: [Fixture.index(1)] }), [
        { index: Fixture.index(1), script: data }
      ])
      assert.deepStrictEqual(yield* outputs({ withOutputs: true, withAddresses: true, withScriptHashes: true }), [
        {
          index: Fixture.index(0),
          amount: Fixture.amount(amounts[0]!),
          script: stranger.script,
          address: stranger.addressHash,
          scriptHash: scriptHashOf(stranger)
        },
        {
          index: Fixture.index(1),
          amount: Fixture.amount(0n),
          script: data,
          scriptHash: HubHash.ScriptHash.make(HubHash.fromBytes(Wallet.scriptHash(data)))
        }
      ])
    }).pipe(Effect.provide(Fixture.layer)))

  it.live("GetBlock filters by scripts, which it remembers for the connection, and by their kinds", () =>
    Effect.gen(function*() {
      const { hub, payment, stranger } = yield* prepare
      const ids = (request: object) =>
        Effect.map(hub.getBlock({ withTxId: true, ...request }), (block) => block.transactions.map(({ txId }) => txId))
      const last = { height: height(102) }
      const both = yield* ids(last)
      assert.strictEqual(both.length, 2)
      const [coinbase] = both
      const spend = Fixture.txId(payment)

      assert.deepStrictEqual(yield* ids({ ...last, setFilter: scriptHashOf(Wallet.traceKey) }), [spend], "spends from")
      assert.deepStrictEqual(yield* ids({ ...last, reuseFilter: true }), [spend])
      assert.deepStrictEqual(yield* ids(last), both, "without a word the filter rests")
      assert.deepStrictEqual(yield* ids({ ...last, addFilter: [scriptHashOf(stranger)] }), both)
      assert.deepStrictEqual(yield* ids({ height: height(1), reuseFilter: true }), yield* ids({ height: height(1) }))
      assert.deepStrictEqual(yield* ids({ ...last, setFilter: HubHash.ScriptHash.make("01".repeat(32)) }), [])

      const { ScriptKind } = HubBlockChain
      assert.deepStrictEqual(yield* ids({ ...last, scriptKinds: ScriptKind.opReturn }), [spend])
      assert.deepStrictEqual(yield* ids({ ...last, scriptKinds: ScriptKind.checkSig }), [coinbase, spend])
      assert.deepStrictEqual(yield* ids({ ...last, scriptKinds: ScriptKind.p2sh | ScriptKind.checkMultiSig }), [])

      const other = yield* Fixture.connect
      const elsewhere = yield* other.hub.getBlock({ ...last, reuseFilter: true })
      assert.strictEqual(elsewhere.transactions.length, 2, "another connection has another filter")
    }).pipe(Effect.provide(Fixture.layer)))

  it.live("GetBlock refuses what is not there", () =>
    Effect.gen(function*() {
      const { hub } = yield* Fixture.connect
      assert.strictEqual(yield* Fixture.refusal(hub.getBlock({ hash: nobody })), "Block not found")
      assert.strictEqual(yield* Fixture.refusal(hub.getBlock({ height: height(1) })), "Block height out of range")
      assert.strictEqual(yield* Fixture.refusal(hub.getBlock({})), "Missing BlockHash or BlockHeight argument")
    }).pipe(Effect.provide(Fixture.layer)))

  it.live("GetBlockVerbose tells all about a block", () =>
    Effect.gen(function*() {
      const { block, hub, payment } = yield* prepare
      const found = yield* hub.getBlockVerbose({ hash: Fixture.blockHash(block), verbose: true })
      assert.strictEqual(found.confirmations, 1)
      assert.strictEqual(found.size, block.bytes.length)
      assert.strictEqual(found.txIds[1], Fixture.txId(payment))
      assert.strictEqual(found.work, 204n)
      assert.isUndefined(found.next)
      const first = yield* hub.getBlockVerbose({ height: height(0) })
      assert.strictEqual(first.hash, genesis)
      assert.strictEqual(first.size, 285)
      assert.strictEqual(first.confirmations, 103)
      assert.strictEqual(first.txIds[0], "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b")
      assert.isUndefined(first.previous)
      assert.strictEqual(yield* Fixture.refusal(hub.getBlockVerbose({ hash: nobody })), "Block not found")
    }).pipe(Effect.provide(Fixture.layer)))

  it.live("GetBlockHeader tells of a header, and nothing of one that is not there", () =>
    Effect.gen(function*() {
      const { hub } = yield* Fixture.connect
      const [first, second] = yield* Fixture.mine(2)
      const [header, ...others] = yield* hub.getBlockHeader({ height: height(1) })
      assert.deepStrictEqual(others, [])
      assert.deepStrictEqual({ ...header, time: 0, nonce: 0, merkleRoot: "" }, {
        hash: Fixture.blockHash(first!),
        confirmations: 2,
        height: height(1),
        version: 0x20000000,
        merkleRoot: "",
        time: 0,
        medianTime: first!.medianTime,
        nonce: 0,
        bits: 0x207fffff,
        difficulty: 0xffff / 0x7fffff / 2 ** 24,
        previous: genesis,
        next: Fixture.blockHash(second!)
      })
      assert.deepStrictEqual(yield* hub.getBlockHeader({ hash: Fixture.blockHash(first!) }), [header!])
      assert.deepStrictEqual(yield* hub.getBlockHeader({ hash: nobody }), [])
      assert.deepStrictEqual(yield* hub.getBlockHeader({ height: height(3) }), [])
    }).pipe(Effect.provide(Fixture.layer)))

  it.live("GetTransaction finds one by its place or its id", () =>
    Effect.gen(function*() {
      const { coin, hub, payment } = yield* prepare
      const place = { height: height(102), offset: offset(181) }
      assert.deepStrictEqual(yield* hub.getTransaction(place), { bytes: payment.bytes, inputs: [], outputs: [] })
      assert.deepStrictEqual(
        yield* hub.getTransaction({
          txId: Fixture.txId(payment),
          withTxId: true,
          withOffset: true,
          withInputs: true,
          withAmounts: true,
          onlyOutputs: [Fixture.index(1)],
          withFee: true
        }),
        {
          offset: offset(181),
          txId: Fixture.txId(payment),
          inputs: [{ prevTxId: Fixture.txIdOf(coin), prevIndex: 0, script: payment.inputs[0]!.script }],
          outputs: [{ index: Fixture.index(1), amount: Fixture.amount(0n) }],
          fee: Fixture.amount(1000n)
        }
      )
      const coinbase = yield* hub.getTransaction({ ...place, offset: offset(81), withInputs: true, withFee: true })
      assert.strictEqual(coinbase.inputs[0]!.prevTxId, "00".repeat(32))
      assert.strictEqual(coinbase.inputs[0]!.prevIndex, -1)
      assert.isUndefined(coinbase.fee)
      const requests = [
        { ...place, offset: offset(82) },
        { ...place, offset: offset(100_000) },
        { height: height(103), offset: offset(81) },
        { txId: HubHash.TxId.make(nobody) },
        { height: height(1) },
        {}
      ]
      for (const request of requests) {
        assert.strictEqual(
          yield* Fixture.refusal(hub.getTransaction(request)),
          "No information available about transaction"
        )
      }
    }).pipe(Effect.provide(Fixture.layer)))
})
