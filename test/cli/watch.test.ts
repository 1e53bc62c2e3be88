import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Scope } from "effect"
import type * as Transaction from "../../src/domain/chain/Transaction.ts"
import * as HubAddress from "../../src/domain/hub/HubAddress.ts"
import * as Network from "../../src/domain/Network.ts"
import * as NodeNetwork from "../../src/layers/NodeNetwork.ts"
import * as EmbeddedHub from "../../src/services/hub/EmbeddedHub.ts"
import * as RegtestChain from "../../src/services/hub/RegtestChain.ts"
import * as Hub from "../utils/embeddedHub.ts"
import { startFlowee } from "../utils/flowee.ts"
import * as Wallet from "../utils/wallet.ts"

const { traceKey } = Wallet
const address = HubAddress.toCashAddress(traceKey.addressHash, Network.regtest)

const watch = (...args: ReadonlyArray<string>) =>
  Effect.flatMap(EmbeddedHub.EmbeddedHub, ({ endPoint }) => startFlowee(["watch", ...args, "--hub", endPoint]))

/** A transaction that spends the coin of the first block. */
const payment = Effect.map(
  Hub.coinAt(1),
  (coin) => Wallet.spend(traceKey, { coins: [coin], outputs: [Wallet.pay(traceKey.address, coin.amount - 1000n)] })
)

const send = (transaction: Transaction.Transaction) =>
  Effect.flatMap(RegtestChain.RegtestChain, (chain) => Effect.orDie(chain.sendTransaction(transaction.bytes)))

describe("flowee watch", () => {
  it.live("tells of blocks, beginning with the best one", () =>
    Effect.gen(function*() {
      const [first] = yield* Hub.mine(1)
      const json = yield* watch("blocks", "--json")
      const text = yield* watch("blocks")
      assert.deepStrictEqual(JSON.parse(yield* json.line), {
        event: "block",
        height: 1,
        hash: Hub.blockHash(first!)
      })
      assert.match(yield* text.line, new RegExp(`^\\d\\d:\\d\\d:\\d\\d  block  1  ${Hub.blockHash(first!)}$`))
      for (const [i, block] of (yield* Hub.mine(3)).entries()) {
        assert.deepInclude(JSON.parse(yield* json.line), { height: 2 + i, hash: Hub.blockHash(block) })
        assert.include(yield* text.line, Hub.blockHash(block))
      }
      assert.strictEqual(yield* json.end("SIGINT"), 130)
    }).pipe(Effect.provide(Hub.layer)))

  it.live("tells of addresses: payments that are sent, and that are in a block", () =>
    Effect.gen(function*() {
      yield* Hub.mine(101)
      const transaction = yield* payment
      const json = yield* watch("address", address, "--json")
      assert.match(yield* json.note, new RegExp(`^watching ${address} at 127\\.0\\.0\\.1:\\d+`))
      yield* send(transaction)
      const found = { event: "found", address, txId: Hub.txId(transaction), amount: 4_999_999_000 }
      assert.deepStrictEqual(JSON.parse(yield* json.line), { ...found, height: null })
      yield* Hub.mine(1, Wallet.keyOf("another"))
      assert.deepStrictEqual(JSON.parse(yield* json.line), { ...found, height: 102 })
    }).pipe(Effect.provide(Hub.layer)))

  it.live("tells what becomes of transactions", () =>
    Effect.gen(function*() {
      yield* Hub.mine(101)
      const transaction = yield* payment
      const text = yield* watch("tx", Hub.txId(transaction))
      assert.match(yield* text.note, /^watching [0-9a-f]{64} at /)
      yield* send(transaction)
      assert.match(yield* text.line, new RegExp(`found  ${Hub.txId(transaction)}  in the mempool$`))
      yield* Hub.mine(1)
      assert.match(yield* text.line, /found {2}[0-9a-f]{64} {2}in block 102$/)
    }).pipe(Effect.provide(Hub.layer)))

  it.live("goes on when the Hub is back, and says what was missed", () =>
    Effect.gen(function*() {
      // One chain, and a Hub over it that ends and comes back.
      const serve = (endPoint: string) =>
        Effect.gen(function*() {
          const scope = yield* Scope.make()
          const hub = EmbeddedHub.layerNoChain({ endPoint }).pipe(Layer.provide(NodeNetwork.layer({ drainTimeout: 0 })))
          const context = yield* Layer.buildWithScope(Layer.fresh(hub), scope)
          return { hub: Context.get(context, EmbeddedHub.EmbeddedHub), close: Scope.close(scope, Exit.void) }
        })
      const first = yield* serve("127.0.0.1:0")
      const json = yield* startFlowee(["watch", "blocks", "--json", "--hub", first.hub.endPoint])
      assert.deepInclude(JSON.parse(yield* json.line), { event: "block", height: 0 })
      assert.strictEqual(yield* json.note, `watching blocks at ${first.hub.endPoint}, until Ctrl-C`)
      yield* first.close
      assert.match(yield* json.note, /^lost the Hub: /)
      const missed = yield* Hub.mine(2)
      const second = yield* serve(first.hub.endPoint)
      assert.strictEqual(yield* json.note, `${first.hub.endPoint}: connected again`)
      assert.deepInclude(JSON.parse(yield* json.line), { event: "gap", reason: "Disconnected" })
      for (const block of missed) {
        assert.deepInclude(JSON.parse(yield* json.line), { event: "block", hash: Hub.blockHash(block) })
      }
      yield* second.close
    }).pipe(Effect.provide(RegtestChain.layer())))
})
