import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as HubAddressMonitor from "../../../src/domain/hub/HubAddressMonitor.ts"
import * as HubBlockNotification from "../../../src/domain/hub/HubBlockNotification.ts"
import * as HubDoubleSpendNotification from "../../../src/domain/hub/HubDoubleSpendNotification.ts"
import * as HubHash from "../../../src/domain/hub/HubHash.ts"
import * as HubTransactionMonitor from "../../../src/domain/hub/HubTransactionMonitor.ts"
import * as Fixture from "../../utils/embeddedHub.ts"
import { branch } from "../../utils/branch.ts"
import * as Wallet from "../../utils/wallet.ts"

const { amount, height, offset } = Fixture

const stranger = Wallet.keyOf("stranger")

const scriptHashOf = (key: Wallet.Key) => HubHash.ScriptHash.make(HubHash.fromBytes(Wallet.scriptHash(key.script)))

const watched = scriptHashOf(stranger)

/** A coin that can be spent, and two transactions that do. */
const prepare = Effect.gen(function*() {
  yield* Fixture.mine(100)
  const coin = yield* Fixture.coinAt(1)
  const payTo = (paid: bigint) =>
    Wallet.spend(Wallet.traceKey, {
      coins: [coin],
      outputs: [Wallet.pay(stranger.address, paid), Wallet.pay(stranger.address, 7000n)]
    })
  return { ...(yield* Fixture.connect), payment: payTo(1_000_000n), duplicate: payTo(2_000_000n) }
})

describe("subscriptions of EmbeddedHub", () => {
  it.live("AddressMonitor tells of payments in the mempool and in a block, until it is told not to", () =>
    Effect.gen(function*() {
      const { connection, hub, payment } = yield* prepare
      const told = yield* Fixture.notifications(connection, HubAddressMonitor.addressFound)
      assert.deepStrictEqual(yield* hub.subscribeAddresses({ scriptHashes: [watched] }), { count: 1 })
      yield* hub.sendTransaction({ transaction: payment.bytes })
      const txId = Fixture.txId(payment)
      const found = (place: Partial<HubAddressMonitor.Match>) => ({
        scriptHashes: [watched, watched],
        matches: [{ amount: amount(1_000_000n), txId, ...place }, { amount: amount(7000n), txId, ...place }]
      })
      assert.deepStrictEqual(yield* told.next, found({}))
      yield* Fixture.mine(1)
      assert.deepStrictEqual(yield* told.next, found({ offset: offset(181), height: height(101) }))
      assert.deepStrictEqual(yield* hub.unsubscribeAddresses({ scriptHashes: [watched] }), { count: 1 })
      assert.deepStrictEqual(yield* hub.unsubscribeAddresses({ scriptHashes: [watched] }), { count: 0 })
      yield* Fixture.mine(1, stranger)
      yield* hub.version()
      assert.deepStrictEqual(yield* told.rest, [])
    }).pipe(Effect.provide(Fixture.layer)))

  it.live("AddressMonitor takes several hashes, and says which it does not take", () =>
    Effect.gen(function*() {
      const { hub } = yield* Fixture.connect
      const error = "BitcoinScriptHashed has to be a sha256 (bytearray of 32 bytes)"
      const bad = new Uint8Array(5)
      assert.deepStrictEqual(yield* hub.subscribeAddresses({ scriptHashes: [bad] }), { count: 0, error })
      const some = { scriptHashes: [watched, bad, scriptHashOf(Wallet.traceKey)] }
      assert.deepStrictEqual(yield* hub.subscribeAddresses(some), { count: 2, error })
      assert.deepStrictEqual(yield* hub.unsubscribeAddresses(some), { count: 2, error })
      assert.deepStrictEqual(yield* hub.subscribeAddresses({ scriptHashes: [] }), { count: 0 })
    }).pipe(Effect.provide(Fixture.layer)))

  it.live("BlockNotification tells of each block, after the answer to the one who made it", () =>
    Effect.gen(function*() {
      const { connection, hub } = yield* Fixture.connect
      const told = yield* Fixture.notifications(connection, HubBlockNotification.newBlockOnChain)
      yield* hub.subscribeBlocks()
      const hashes = yield* hub.generateBlock({ address: Wallet.traceKey.addressHash, blocks: 3 })
      for (const [i, hash] of hashes.entries()) {
        assert.deepStrictEqual(yield* told.next, { hash, height: height(i + 1) })
      }
      const [elsewhere] = yield* Fixture.mine(1)
      assert.deepStrictEqual(yield* told.next, { hash: Fixture.blockHash(elsewhere!), height: height(4) })
      yield* hub.unsubscribeBlocks()
      yield* hub.version()
      yield* Fixture.mine(1)
      yield* hub.version()
      assert.deepStrictEqual(yield* told.rest, [])
    }).pipe(Effect.provide(Fixture.layer)))

  it.live("BlockNotification tells of blocks that a longer branch removes", () =>
    Effect.gen(function*() {
      const { connection, hub } = yield* Fixture.connect
      const shared = yield* Fixture.mine(1)
      const lost = yield* Fixture.mine(2)
      const removed = yield* Fixture.notifications(connection, HubBlockNotification.blocksRemoved)
      const added = yield* Fixture.notifications(connection, HubBlockNotification.newBlockOnChain)
      yield* hub.subscribeBlocks()
      const blocks = branch(shared[0]!, 3)
      for (const block of blocks) yield* hub.submitBlock({ block: block.bytes })
      assert.deepStrictEqual(yield* removed.next, [
        { hash: Fixture.blockHash(lost[1]!), height: height(3) },
        { hash: Fixture.blockHash(lost[0]!), height: height(2) }
      ])
      for (const [i, block] of blocks.entries()) {
        assert.deepStrictEqual(yield* added.next, { hash: Fixture.blockHash(block), height: height(i + 2) })
      }
      const [header] = yield* hub.getBlockHeader({ hash: Fixture.blockHash(lost[0]!) })
      assert.strictEqual(header!.confirmations, -1)
      assert.isUndefined(header!.next)
    }).pipe(Effect.provide(Fixture.layer)))

  it.live("TransactionMonitor tells when a transaction is seen, and when it is mined", () =>
    Effect.gen(function*() {
      const { connection, hub, payment } = yield* prepare
      const txId = Fixture.txId(payment)
      const found = yield* Fixture.notifications(connection, HubTransactionMonitor.transactionFound)
      assert.deepStrictEqual(yield* hub.subscribeTransactions({ txIds: [txId] }), { count: 1 })
      yield* hub.sendTransaction({ transaction: payment.bytes })
      assert.deepStrictEqual(yield* found.next, { txId })
      yield* Fixture.mine(1)
      assert.deepStrictEqual(yield* found.next, { txId, offset: offset(181), height: height(101) })
      const error = "TxId has to be a sha256 (bytearray of 32 bytes)"
      assert.deepStrictEqual(yield* hub.unsubscribeTransactions({ txIds: [txId, new Uint8Array(31)] }), {
        count: 1,
        error
      })
      assert.deepStrictEqual(yield* hub.subscribeTransactions({ txIds: [new Uint8Array(33)] }), { count: 0, error })
    }).pipe(Effect.provide(Fixture.layer)))

  it.live("all monitors tell of a double spend, and then it is refused", () =>
    Effect.gen(function*() {
      const { connection, duplicate, hub, payment } = yield* prepare
      const txId = Fixture.txId(payment)
      yield* hub.subscribeTransactions({ txIds: [txId] })
      yield* hub.subscribeAddresses({ scriptHashes: [watched] })
      yield* hub.subscribeDoubleSpends()
      yield* hub.sendTransaction({ transaction: payment.bytes })
      const ofTransaction = yield* Fixture.notifications(connection, HubTransactionMonitor.transactionDoubleSpend)
      const ofAddress = yield* Fixture.notifications(connection, HubAddressMonitor.addressDoubleSpend)
      const ofAny = yield* Fixture.notifications(connection, HubDoubleSpendNotification.doubleSpendFound)
      const send = hub.sendTransaction({ transaction: duplicate.bytes })
      assert.strictEqual(yield* Fixture.refusal(send), "258: txn-mempool-conflict")
      const transaction = duplicate.bytes
      assert.deepStrictEqual(yield* ofTransaction.next, { txId, transaction })
      assert.deepStrictEqual(yield* ofAddress.next, {
        scriptHashes: [watched, watched],
        matches: [{ amount: amount(1_000_000n), txId }, { amount: amount(7000n), txId }],
        transaction
      })
      assert.deepStrictEqual(yield* ofAny.next, { txId, transaction })

      yield* hub.unsubscribeDoubleSpends()
      yield* Fixture.refusal(hub.sendTransaction({ transaction, validateOnly: true }))
      assert.deepStrictEqual(yield* ofTransaction.rest, [], "one that is not sent is nobody's")
      yield* Fixture.refusal(send)
      assert.deepStrictEqual(yield* ofAny.rest, [])
      assert.strictEqual((yield* ofTransaction.rest).length, 1)
    }).pipe(Effect.provide(Fixture.layer)))

  it.live("a subscription belongs to one connection", () =>
    Effect.gen(function*() {
      const one = yield* Fixture.connect
      const other = yield* Fixture.connect
      const told = yield* Fixture.notifications(other.connection, HubBlockNotification.newBlockOnChain)
      yield* one.hub.subscribeBlocks()
      yield* other.hub.version()
      yield* one.hub.generateBlock({ address: Wallet.traceKey.addressHash })
      yield* other.hub.version()
      assert.deepStrictEqual(yield* told.rest, [])
    }).pipe(Effect.provide(Fixture.layer)))

  it.live("a client that is told of more than its lane holds misses nothing", () =>
    Effect.gen(function*() {
      const { connection, hub } = yield* Fixture.connect
      const told = yield* Fixture.notifications(connection, HubBlockNotification.newBlockOnChain)
      yield* hub.subscribeBlocks()
      yield* hub.version()
      yield* Fixture.mine(5000)
      for (let i = 1; i <= 5000; i++) assert.strictEqual((yield* told.next).height, i)
    }).pipe(Effect.provide(Fixture.layer)))
})
