import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as HubHash from "../../../src/domain/hub/HubHash.ts"
import * as RegtestChain from "../../../src/services/hub/RegtestChain.ts"
import * as Fixture from "../../utils/embeddedHub.ts"
import * as Wallet from "../../utils/wallet.ts"

const { height, index, offset } = Fixture

const stranger = Wallet.keyOf("stranger")

const unknown = HubHash.TxId.make("03".repeat(32))

/** A block at height 101 that spends the first coin. */
const prepare = Effect.gen(function*() {
  yield* Fixture.mine(100)
  const coin = yield* Fixture.coinAt(1)
  const payment = Wallet.spend(Wallet.traceKey, {
    coins: [coin],
    outputs: [Wallet.pay(stranger.address, 1000n), Wallet.pay(stranger.address, 2000n)]
  })
  const chain = yield* RegtestChain.RegtestChain
  yield* chain.sendTransaction(payment.bytes)
  const [block] = yield* chain.generate({ address: Wallet.traceKey.address })
  return { ...(yield* Fixture.connect), block: block!, coin, payment }
})

describe("service Indexer of EmbeddedHub", () => {
  it.live("GetAvailableIndexers has them all", () =>
    Effect.gen(function*() {
      const { hub } = yield* Fixture.connect
      assert.deepStrictEqual(yield* hub.getAvailableIndexers(), {
        addresses: true,
        transactions: true,
        spentOutputs: true
      })
    }).pipe(Effect.provide(Fixture.layer)))

  it.live("FindTransaction tells the place of a transaction", () =>
    Effect.gen(function*() {
      const { hub, payment } = yield* prepare
      assert.deepStrictEqual(yield* hub.findTransaction({ txId: Fixture.txId(payment) }), {
        height: height(101),
        offset: offset(181)
      })
      assert.deepStrictEqual(yield* hub.findTransaction({ txId: unknown }), {})
    }).pipe(Effect.provide(Fixture.layer)))

  it.live("FindAddress tells all that an address was paid", () =>
    Effect.gen(function*() {
      const { hub } = yield* prepare
      const place = { height: height(101), offset: offset(181) }
      const hits = [{ ...place, index: index(0) }, { ...place, index: index(1) }]
      const scriptHash = HubHash.ScriptHash.make(HubHash.fromBytes(Wallet.scriptHash(stranger.script)))
      assert.deepStrictEqual(yield* hub.findAddress({ address: stranger.addressHash }), hits)
      assert.deepStrictEqual(yield* hub.findAddress({ scriptHash }), hits)
      assert.deepStrictEqual(yield* hub.findAddress({ address: Wallet.keyOf("nobody").addressHash }), [])
      assert.deepStrictEqual(yield* hub.findAddress({}), [])
      const coinbases = yield* hub.findAddress({ address: Wallet.traceKey.addressHash })
      assert.deepStrictEqual(coinbases.map((hit) => hit.height), Array.from({ length: 101 }, (_, i) => height(i + 1)))
    }).pipe(Effect.provide(Fixture.layer)))

  it.live("FindSpentOutput tells where an output was spent", () =>
    Effect.gen(function*() {
      const { coin, hub, payment } = yield* prepare
      assert.deepStrictEqual(yield* hub.findSpentOutput({ txId: Fixture.txIdOf(coin), index: index(0) }), {
        height: height(101),
        offset: offset(181)
      })
      assert.deepStrictEqual(yield* hub.findSpentOutput({ txId: Fixture.txId(payment), index: index(0) }), {})
      assert.deepStrictEqual(yield* hub.findSpentOutput({ txId: unknown, index: index(7) }), {})
    }).pipe(Effect.provide(Fixture.layer)))

  it.live("GetIndexerLastBlock follows the tip", () =>
    Effect.gen(function*() {
      const { block, hub } = yield* prepare
      assert.deepStrictEqual(yield* hub.getIndexerLastBlock(), { height: height(101), hash: Fixture.blockHash(block) })
    }).pipe(Effect.provide(Fixture.layer)))

  it.live("Version is that of the Hub", () =>
    Effect.gen(function*() {
      const { hub } = yield* Fixture.connect
      assert.deepStrictEqual(yield* hub.indexerVersion(), { version: Fixture.version })
    }).pipe(Effect.provide(Fixture.layer)))
})
