import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Option, Queue, Schedule, Stream } from "effect"
import * as HubHash from "../../../src/domain/hub/HubHash.ts"
import * as Message from "../../../src/domain/Message.ts"
import * as NodeNetwork from "../../../src/layers/NodeNetwork.ts"
import * as EmbeddedHub from "../../../src/services/hub/EmbeddedHub.ts"
import * as HubClient from "../../../src/services/hub/HubClient.ts"
import type * as HubError from "../../../src/services/hub/HubError.ts"
import * as IndexerClient from "../../../src/services/hub/IndexerClient.ts"
import * as RegtestChain from "../../../src/services/hub/RegtestChain.ts"
import * as Fixture from "../../utils/embeddedHub.ts"
import { amount, height, index } from "../../utils/hubValues.ts"
import { toHex } from "../../utils/native.ts"
import * as Wallet from "../../utils/wallet.ts"

/** A client whose network is not that of the Hub. */
const connect = Effect.gen(function*() {
  const { endPoint } = yield* EmbeddedHub.EmbeddedHub
  const clients = Layer.mergeAll(
    HubClient.layer({ endPoint, reconnect: Schedule.spaced("20 millis") }),
    IndexerClient.layer({ endPoint })
  )
  const context = yield* Layer.build(Layer.provide(clients, NodeNetwork.layer()))
  return {
    hub: Context.get(context, HubClient.HubClient),
    indexer: Context.get(context, IndexerClient.IndexerClient)
  }
})

/** The events of a stream, one by one. */
const follow = <A>(stream: Stream.Stream<A, HubError.HubError>) =>
  Effect.gen(function*() {
    const events = yield* Queue.unbounded<A>()
    yield* Effect.forkScoped(Stream.runForEach(stream, (event) => Queue.offer(events, event)), {
      startImmediately: true
    })
    return {
      next: Effect.timeout(Queue.take(events), "5 seconds"),
      take: (count: number) => Effect.timeout(Queue.takeN(events, count), "5 seconds")
    }
  })

const { addressHash } = Wallet.traceKey

describe("a client of an EmbeddedHub, over a socket,", () => {
  it.live("finds its way about", () =>
    Effect.gen(function*() {
      const { hub, indexer } = yield* connect
      assert.strictEqual(yield* hub.version, Fixture.version)
      assert.strictEqual((yield* hub.network).name, "regtest")
      const { address } = yield* hub.createAddress
      const text = yield* hub.formatAddress(address)
      assert.isTrue((yield* hub.validateAddress(text)).isValid)
      assert.strictEqual(yield* hub.parseAddress(text), address)
      const hashes = yield* hub.generateBlocks({ address, blocks: 3 })
      assert.strictEqual(yield* hub.bestBlockHash, hashes[2])
      assert.strictEqual(yield* hub.blockCount, 3)
      const info = yield* hub.blockChainInfo
      assert.strictEqual(info.bestBlock, hashes[2])
      const header = Option.getOrThrow(yield* hub.blockHeader({ hash: hashes[1]! }))
      assert.deepInclude(header, { height: height(2), previous: hashes[0], next: hashes[2] })
      assert.deepStrictEqual(yield* hub.blockHeader({ height: height(9) }), Option.none())
      const verbose = yield* hub.blockVerbose({ height: height(2) })
      // The Hub API knows one reply, whatever is said of it.
      assert.deepStrictEqual(yield* hub.blockVerbose({ height: height(2) }, { verbose: false }), verbose)
      assert.deepStrictEqual(yield* hub.blockVerbose({ height: height(2) }, { verbose: true }), verbose)
      const block = yield* hub.block({ height: height(2) }, { withTxId: true, withAddresses: true })
      const [coinbase] = block.transactions
      assert.deepStrictEqual(verbose.txIds, [coinbase!.txId!])
      assert.strictEqual(coinbase!.outputs[0]!.address, address)
      const found = yield* hub.transaction({ height: height(2), offset: coinbase!.offset! }, { withTxId: true })
      assert.strictEqual(found.txId, coinbase!.txId)
      assert.deepInclude(yield* indexer.available, { addresses: true, transactions: true })
      assert.strictEqual((yield* indexer.lastBlock).height, 3)
      const place = { height: height(2), offset: coinbase!.offset! }
      assert.deepStrictEqual(yield* indexer.findTransaction(coinbase!.txId!), Option.some(place))
      assert.deepStrictEqual(
        (yield* indexer.findAddress({ address })).map(({ height }) => height),
        [height(1), height(2), height(3)]
      )
      assert.deepStrictEqual(
        yield* indexer.findSpentOutput({ txId: coinbase!.txId!, index: index(0) }),
        Option.none()
      )
      assert.isString(yield* indexer.version)
    }).pipe(Effect.provide(Fixture.layer)))

  it.live("sees every block over a reconnect in the middle, and where the gap is", () =>
    Effect.gen(function*() {
      const chain = yield* RegtestChain.RegtestChain
      const { hub } = yield* connect
      yield* Fixture.mine(5)
      const blocks = yield* follow(hub.blocks({ from: height(1) }))
      const heights: Array<number> = []
      const collect = (count: number) =>
        Effect.gen(function*() {
          let gaps = 0
          while (count > heights.length) {
            const event = yield* blocks.next
            if (event._tag === "Gap") gaps += 1
            else if (event._tag === "Block") {
              heights.push(event.height)
              const known = yield* chain.look((chain) => chain.blockAt(event.height))
              assert.strictEqual(event.hash, HubHash.fromBytes(known!.hash))
            } else assert.fail("no block leaves the chain")
          }
          return gaps
        })
      assert.strictEqual(yield* collect(5), 0)
      yield* hub.generateBlocks({ address: addressHash, blocks: 2 })
      assert.strictEqual(yield* collect(7), 0)
      for (let round = 1; round <= 5; round++) {
        yield* hub.connection.disconnect
        yield* Fixture.mine(10)
        assert.strictEqual(yield* collect(7 + 10 * round), 1, `round ${round}`)
      }
      assert.deepStrictEqual(heights, Array.from({ length: 57 }, (_, i) => i + 1))
    }).pipe(Effect.provide(Fixture.layer)))

  it.live("pays, and is told of it by every stream", () =>
    Effect.gen(function*() {
      const { hub, indexer } = yield* connect
      yield* Fixture.mine(105)
      const coin = yield* Fixture.coinAt(1)
      const other = Wallet.keyOf("another")
      const payment = Wallet.spend(Wallet.traceKey, {
        coins: [coin],
        outputs: [Wallet.pay(other.address, coin.amount - 10_000n)]
      })
      const rival = Wallet.spend(Wallet.traceKey, {
        coins: [coin],
        outputs: [Wallet.pay(Wallet.traceKey.address, coin.amount - 20_000n)]
      })
      const txId = HubHash.TxId.make(HubHash.fromBytes(payment.id))
      const toOther = HubHash.ScriptHash.make(HubHash.fromBytes(Wallet.scriptHash(other.script)))
      const addresses = yield* follow(hub.addresses([toOther]))
      const transactions = yield* follow(hub.transactions([txId]))
      const doubleSpends = yield* follow(hub.doubleSpends())
      const output = { txId: HubHash.TxId.make(HubHash.fromBytes(coin.txId)), index: index(0) }
      const [held] = yield* hub.unspentOutputs([output])
      assert.deepInclude(held, { isUnspent: true, amount: amount(coin.amount) })

      assert.strictEqual(yield* hub.sendTransaction(payment.bytes, { validateOnly: true }), txId)
      assert.strictEqual((yield* hub.mempoolInfo).size, 0)
      assert.strictEqual(yield* hub.sendTransaction(payment.bytes), txId)
      const match = { _tag: "Found", scriptHash: toOther, txId, amount: amount(coin.amount - 10_000n) }
      assert.deepStrictEqual<unknown>(yield* addresses.next, match)
      assert.deepStrictEqual<unknown>(yield* transactions.next, { _tag: "Found", txId })
      const [hit] = yield* hub.searchMempool({ txIds: [txId], withTxId: true, withAmounts: true })
      assert.strictEqual(hit!.txId, txId)
      assert.deepStrictEqual(yield* hub.liveTransaction({ txId }), { bytes: payment.bytes })

      const refused = yield* Effect.flip(hub.sendTransaction(rival.bytes))
      assert.strictEqual(refused.reason._tag, "CommandFailed")
      for (const { next } of [addresses, transactions, doubleSpends]) {
        const event = yield* next
        assert(event._tag === "DoubleSpend")
        assert.strictEqual(event.txId, txId)
        assert.strictEqual(toHex(event.transaction!), toHex(rival.bytes))
      }

      yield* hub.generateBlocks({ address: addressHash })
      const mined = yield* addresses.next
      assert(mined._tag === "Found")
      assert.strictEqual(mined.height, 106)
      assert.deepInclude(yield* transactions.next, { _tag: "Found", height: height(106), offset: mined.offset! })
      assert.deepInclude(yield* hub.liveTransaction({ txId }), { height: height(106) })
      assert.deepStrictEqual(
        yield* indexer.findSpentOutput(output),
        Option.some({ height: height(106), offset: mined.offset! })
      )
    }).pipe(Effect.provide(Fixture.layer)), 30_000)

  it.live("is told of blocks that leave the chain", () =>
    Effect.gen(function*() {
      const chain = yield* RegtestChain.RegtestChain
      const { hub } = yield* connect
      yield* Fixture.mine(3)
      const blocks = yield* follow(hub.blocks({ from: height(1) }))
      yield* blocks.take(3)
      // Another Hub has made a longer chain meanwhile.
      const longer = Context.get(
        yield* Layer.build(Layer.fresh(RegtestChain.layer())),
        RegtestChain.RegtestChain
      )
      const others = yield* longer.generate({ address: Wallet.keyOf("another").address, blocks: 4 })
      for (let at = 1; at <= others.length; at++) {
        yield* chain.submitBlock((yield* longer.look((chain) => chain.blockAt(at)))!.bytes)
      }
      const removed = yield* blocks.next
      assert(removed._tag === "BlocksRemoved")
      assert.deepStrictEqual<ReadonlyArray<number>>(removed.blocks.map(({ height }) => height), [3, 2, 1])
      const added = yield* blocks.take(4)
      assert.deepStrictEqual(
        added.map((event) => event._tag === "Block" ? event.height : undefined),
        [height(1), height(2), height(3), height(4)]
      )
      assert.strictEqual((yield* hub.blockChainInfo).blocks, 4)
    }).pipe(Effect.provide(Fixture.layer)))

  it.live("has a timeout for a service that nobody registered, and stays connected", () =>
    Effect.gen(function*() {
      const { hub } = yield* connect
      yield* hub.version
      const state = yield* hub.connection.state
      const nobody = yield* Effect.forkChild(Effect.flip(
        hub.connection.request(Message.make({ serviceId: 99, messageId: 0 }), { timeout: "300 millis" })
      ))
      assert.strictEqual((yield* Fiber.join(nobody)).reason._tag, "RequestTimedOut")
      assert.strictEqual(yield* hub.connection.state, state)
      assert.strictEqual(yield* hub.version, Fixture.version)
    }).pipe(Effect.provide(Fixture.layer)))
})
