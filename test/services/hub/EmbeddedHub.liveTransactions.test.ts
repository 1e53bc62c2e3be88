import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as DoubleSpendProof from "../../../src/domain/chain/DoubleSpendProof.ts"
import * as Header from "../../../src/domain/Header.ts"
import * as HubHash from "../../../src/domain/hub/HubHash.ts"
import * as Fixture from "../../utils/embeddedHub.ts"
import * as Wallet from "../../utils/wallet.ts"

const { amount, height, index, offset } = Fixture

const stranger = Wallet.keyOf("stranger")

const unknown = HubHash.TxId.make("03".repeat(32))

const scriptHashOf = (key: Wallet.Key) => HubHash.ScriptHash.make(HubHash.fromBytes(Wallet.scriptHash(key.script)))

/** A chain with one coin that can be spent, and a payment of it to a stranger that is not sent yet. */
const prepare = Effect.gen(function*() {
  yield* Fixture.mine(100)
  const coin = yield* Fixture.coinAt(1)
  const payment = Wallet.spend(Wallet.traceKey, {
    coins: [coin],
    outputs: [Wallet.pay(stranger.address, 1_000_000n), Wallet.pay(Wallet.traceKey.address, coin.amount - 1_001_000n)]
  })
  return { ...(yield* Fixture.connect), coin, payment }
})

describe("service LiveTransactions of EmbeddedHub", () => {
  it.live("GetTransaction finds one in the mempool and in blocks, by its id or by what it pays", () =>
    Effect.gen(function*() {
      const { hub, payment } = yield* prepare
      const byId = hub.getLiveTransaction({ txId: Fixture.txId(payment) })
      const byScript = hub.getLiveTransaction({ scriptHash: scriptHashOf(stranger) })
      for (const nothing of [byId, byScript, hub.getLiveTransaction({}), hub.getLiveTransaction({ txId: unknown })]) {
        assert.strictEqual(yield* Fixture.refusal(nothing), "No information available about transaction")
      }
      yield* hub.sendTransaction({ transaction: payment.bytes })
      assert.deepStrictEqual(yield* byId, { bytes: payment.bytes })
      assert.deepStrictEqual(yield* byScript, { bytes: payment.bytes })
      yield* Fixture.mine(1)
      assert.deepStrictEqual(yield* byId, { height: height(101), bytes: payment.bytes })
      assert.deepStrictEqual(yield* byScript, { height: height(101), bytes: payment.bytes })
    }).pipe(Effect.provide(Fixture.layer)))

  it.live("SendTransaction answers with the id, under another tag when it was asynchronous", () =>
    Effect.gen(function*() {
      const { hub, payment } = yield* prepare
      const txId = Fixture.txId(payment)
      const transaction = payment.bytes
      const header = { [Header.asyncRequest]: 1 }
      assert.deepStrictEqual(yield* hub.sendTransaction({ transaction }), { txId })
      assert.deepStrictEqual(yield* hub.sendTransaction({ transaction }), { txId }, "again")
      assert.deepStrictEqual(yield* hub.sendTransaction({ transaction }, { header }), { asyncTxId: txId })
    }).pipe(Effect.provide(Fixture.layer)))

  it.live("SendTransaction only says whether it would be taken, when told so", () =>
    Effect.gen(function*() {
      const { hub, payment } = yield* prepare
      const request = { transaction: payment.bytes, validateOnly: true }
      assert.deepStrictEqual(yield* hub.sendTransaction(request), { txId: Fixture.txId(payment) })
      assert.strictEqual((yield* hub.getMempoolInfo()).size, 0)
      const bad = { ...request, transaction: Wallet.withBadSignature(payment).bytes }
      assert.match(yield* Fixture.refusal(hub.sendTransaction(bad)), /^16: mandatory-script-verify-flag-failed/)
    }).pipe(Effect.provide(Fixture.layer)))

  it.live("SendTransaction refuses with the texts of a real Hub", () =>
    Effect.gen(function*() {
      const { coin, hub, payment } = yield* prepare
      const send = (transaction: Uint8Array) => Fixture.refusal(hub.sendTransaction({ transaction }))
      assert.strictEqual(yield* send(Uint8Array.of(0)), "TX decode failed")
      assert.strictEqual(yield* send(Uint8Array.of(...payment.bytes, 0)), "TX decode failed")
      assert.strictEqual(
        yield* send(Wallet.withBadSignature(payment).bytes),
        "16: mandatory-script-verify-flag-failed (Script evaluated without error but finished with a false/empty " +
          "top stack element)"
      )
      const spend = (coins: ReadonlyArray<Wallet.Coin>, paid: bigint) =>
        Wallet.spend(Wallet.traceKey, { coins, outputs: [Wallet.pay(stranger.address, paid)] }).bytes
      assert.strictEqual(yield* send(spend([coin], coin.amount + 1n)), "16: bad-txns-in-belowout")
      assert.strictEqual(yield* send(spend([coin], coin.amount)), "66: min relay fee not met")
      const missing = { ...coin, txId: new Uint8Array(32).fill(3) }
      assert.strictEqual(yield* send(spend([missing], 1000n)), "16: bad-txns-inputs-missingorspent")
      const young = yield* Fixture.coinAt(2)
      assert.strictEqual(yield* send(spend([young], 1000n)), "16: bad-txns-premature-spend-of-coinbase")
      yield* hub.sendTransaction({ transaction: payment.bytes })
      assert.strictEqual(yield* send(spend([coin], 1000n)), "258: txn-mempool-conflict")
      yield* Fixture.mine(1)
      assert.strictEqual(yield* send(spend([coin], 1000n)), "16: bad-txns-inputs-missingorspent")
      assert.strictEqual(yield* send(payment.bytes), "257: txn-already-known")
    }).pipe(Effect.provide(Fixture.layer)))

  it.live("IsUnspent finds outputs by id or by place, and does not look into the mempool", () =>
    Effect.gen(function*() {
      const { coin, hub, payment } = yield* prepare
      const first = { isUnspent: true, height: height(1), offset: offset(81), index: index(0) }
      const requests = [
        { txId: Fixture.txIdOf(coin), index: index(0) },
        { height: height(1), offset: offset(81) },
        { txId: Fixture.txIdOf(coin), index: index(1) },
        { txId: unknown, index: index(0) },
        { height: height(1), offset: offset(80) },
        { height: height(500), offset: offset(81) },
        { index: index(0) }
      ]
      const no = { isUnspent: false }
      assert.deepStrictEqual(yield* hub.isUnspent(requests), [first, first, no, no, no, no, no])
      yield* hub.sendTransaction({ transaction: payment.bytes })
      const paid = { txId: Fixture.txId(payment), index: index(1) }
      assert.deepStrictEqual(yield* hub.isUnspent([requests[0]!, paid]), [first, no])
      yield* Fixture.mine(1)
      assert.deepStrictEqual(yield* hub.isUnspent([requests[0]!, paid]), [
        no,
        { isUnspent: true, height: height(101), offset: offset(181), index: index(1) }
      ])
    }).pipe(Effect.provide(Fixture.layer)))

  it.live("GetUnspentOutput tells what outputs hold too", () =>
    Effect.gen(function*() {
      const { coin, hub } = yield* prepare
      const found = {
        isUnspent: true,
        height: height(1),
        offset: offset(81),
        index: index(0),
        amount: amount(5_000_000_000n),
        script: Wallet.traceKey.script
      }
      assert.deepStrictEqual(
        yield* hub.getUnspentOutput([{ txId: Fixture.txIdOf(coin) }, { height: height(1), offset: offset(81) }]),
        [found, found]
      )
      assert.deepStrictEqual(yield* hub.getUnspentOutput([{ txId: unknown }]), [{ isUnspent: false }])
      const genesis = HubHash.TxId.make("4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b")
      assert.deepStrictEqual(yield* hub.getUnspentOutput([{ txId: genesis }]), [{ isUnspent: false }])
    }).pipe(Effect.provide(Fixture.layer)))

  it.live("SearchMempool finds by id and by what is paid, and tells what is asked for", () =>
    Effect.gen(function*() {
      const { coin, hub, payment } = yield* prepare
      const search = { txIds: [Fixture.txId(payment), unknown] }
      assert.deepStrictEqual(yield* hub.searchMempool(search), [])
      const before = Math.floor(Date.now() / 1000)
      yield* hub.sendTransaction({ transaction: payment.bytes })
      const [hit, ...others] = yield* hub.searchMempool(search)
      assert.deepStrictEqual(others, [])
      const firstSeen = hit!.firstSeen
      assert.isTrue(firstSeen >= before && firstSeen <= before + 30)
      assert.deepStrictEqual(hit, { firstSeen, bytes: payment.bytes, matchingOutputs: [], inputs: [], outputs: [] })

      const scriptHashes = [scriptHashOf(Wallet.traceKey), scriptHashOf(stranger), scriptHashOf(stranger)]
      const [described] = yield* hub.searchMempool({
        scriptHashes,
        withTxId: true,
        withInputs: true,
        withAmounts: true,
        withFee: true
      })
      assert.deepStrictEqual(described, {
        txId: Fixture.txId(payment),
        matchingOutputs: [index(0), index(1)],
        firstSeen,
        inputs: [{ prevTxId: Fixture.txIdOf(coin), prevIndex: 0, script: payment.inputs[0]!.script }],
        outputs: payment.outputs.map((output, i) => ({ index: index(i), amount: amount(output.amount) })),
        fee: amount(1000n)
      })
      assert.deepStrictEqual(yield* hub.searchMempool({}), [])
    }).pipe(Effect.provide(Fixture.layer)))

  it.live("SearchMempool names the proof of a double spend", () =>
    Effect.gen(function*() {
      const { coin, hub, payment } = yield* prepare
      yield* hub.sendTransaction({ transaction: payment.bytes })
      const duplicate = Wallet.spend(Wallet.traceKey, {
        coins: [coin],
        outputs: [Wallet.pay(stranger.address, coin.amount - 5000n)]
      })
      yield* Fixture.refusal(hub.sendTransaction({ transaction: duplicate.bytes }))
      const [hit] = yield* hub.searchMempool({ txIds: [Fixture.txId(payment)] })
      const proof = DoubleSpendProof.make(coin, duplicate, payment)
      assert.strictEqual(hit!.proofId, HubHash.ProofId.make(HubHash.fromBytes(DoubleSpendProof.id(proof!))))
    }).pipe(Effect.provide(Fixture.layer)))

  it.live("GetMempoolInfo counts what waits", () =>
    Effect.gen(function*() {
      const { hub, payment } = yield* prepare
      const empty = { size: 0, bytes: 0, usage: 0, maxUsage: 300_000_000, minFee: 0 }
      assert.deepStrictEqual(yield* hub.getMempoolInfo(), empty)
      yield* hub.sendTransaction({ transaction: payment.bytes })
      const info = yield* hub.getMempoolInfo()
      assert.strictEqual(info.size, 1)
      assert.strictEqual(info.bytes, payment.bytes.length)
      assert.isAbove(info.usage, info.bytes)
      yield* Fixture.mine(1)
      assert.deepStrictEqual(yield* hub.getMempoolInfo(), empty)
    }).pipe(Effect.provide(Fixture.layer)))
})
