import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { TestClock } from "effect/testing"
import * as Block from "../../../src/domain/chain/Block.ts"
import * as Coinbase from "../../../src/domain/chain/Coinbase.ts"
import type * as Transaction from "../../../src/domain/chain/Transaction.ts"
import * as RegtestChain from "../../../src/services/hub/RegtestChain.ts"
import { block, branch } from "../../utils/branch.ts"
import { toHex } from "../../utils/native.ts"
import * as Wallet from "../../utils/wallet.ts"

const { traceKey } = Wallet

const stranger = Wallet.keyOf("stranger")

const now = 1_800_000_000

/** A chain at a fixed time, with so many blocks. */
const make = (blocks: number, options?: RegtestChain.Options) =>
  Effect.gen(function*() {
    yield* TestClock.setTime(now * 1000)
    const chain = yield* RegtestChain.make(options)
    yield* chain.generate({ address: traceKey.address, blocks })
    return chain
  })

type Chain = RegtestChain.RegtestChain["Service"]

const coinAt = (chain: Chain, height: number) =>
  chain.look((chain): Wallet.Coin => {
    const coinbase = chain.transaction({ block: chain.blockAt(height)!, offset: 81 })!
    return { txId: coinbase.id, index: 0, amount: coinbase.outputs[0].amount }
  })

const coinOf = (transaction: Transaction.Transaction, index = 0): Wallet.Coin => ({
  txId: transaction.id,
  index,
  amount: transaction.outputs[index].amount
})

/** Pays all of a coin but a fee. */
const pay = (
  coin: Wallet.Coin,
  options: Partial<Wallet.Spend> & { readonly fee?: bigint; readonly to?: Wallet.Key } = {}
) =>
  Wallet.spend(traceKey, {
    coins: [coin],
    outputs: [Wallet.pay((options.to ?? traceKey).address, coin.amount - (options.fee ?? 1000n))],
    ...options
  })

const refusal = <A, E extends Error>(effect: Effect.Effect<A, E>) => Effect.map(Effect.flip(effect), (e) => e.message)

const record = (chain: Chain) =>
  Effect.gen(function*() {
    const events: Array<RegtestChain.ChainEvent> = []
    yield* chain.listen((event) => events.push(event))
    return events
  })

const waiting = (chain: Chain) =>
  chain.look(({ mempool }) => Array.from(mempool.entries, ({ transaction }) => toHex(transaction.id)))

describe("RegtestChain", () => {
  it.effect("is the same each time at the same time", () =>
    Effect.gen(function*() {
      const one = yield* make(20)
      const other = yield* make(20)
      const tip = yield* one.look(({ tip }) => tip)
      assert.deepStrictEqual(yield* other.look(({ tip }) => tip.bytes), tip.bytes)
      assert.strictEqual(tip.height, 20)
    }))

  it.effect("makes blocks whose times go on with the clock, and ahead of it only where they must", () =>
    Effect.gen(function*() {
      const chain = yield* make(1)
      const timeOfTip = chain.look(({ tip }) => Result.getOrThrow(Block.decode(tip.bytes)).header.time)
      assert.strictEqual(yield* timeOfTip, now)
      yield* TestClock.adjust("1 hour")
      yield* chain.generate({ address: traceKey.address })
      assert.strictEqual(yield* timeOfTip, now + 3600)
      yield* TestClock.setTime(0)
      yield* chain.generate({ address: traceKey.address })
      const medianBefore = yield* chain.look((chain) => chain.blockAt(2)!.medianTime)
      assert.strictEqual(yield* timeOfTip, medianBefore + 1)
    }))

  it.effect("makes 1000 blocks in far less than two seconds", () =>
    Effect.gen(function*() {
      const chain = yield* make(0)
      const start = performance.now()
      yield* chain.generate({ address: traceKey.address, blocks: 1000 })
      assert.isBelow(performance.now() - start, 2000)
      assert.strictEqual(yield* chain.look(({ tip }) => tip.height), 1000)
    }))

  it.effect("makes blocks that another chain takes", () =>
    Effect.gen(function*() {
      const chain = yield* make(101)
      const coin = yield* coinAt(chain, 1)
      const first = pay(coin)
      const child = pay(coinOf(first))
      yield* chain.sendTransaction(first.bytes)
      yield* chain.sendTransaction(child.bytes)
      yield* chain.generate({ address: traceKey.address })
      const follower = yield* make(0)
      for (let height = 1; height <= 102; height++) {
        const bytes = yield* chain.look((chain) => chain.blockAt(height)!.bytes)
        yield* follower.submitBlock(bytes)
      }
      assert.strictEqual(yield* follower.look((chain) => chain.tip.height), 102)
      const place = yield* follower.look((chain) => chain.find(child.id))
      assert.strictEqual(place?.block.height, 102)
      const subsidy = Coinbase.subsidy(102)
      assert.strictEqual((yield* coinAt(chain, 102)).amount, subsidy + 2000n, "the fees are the miner's")
    }))

  it.effect("does not give money out twice, or to the wrong one", () =>
    Effect.gen(function*() {
      const chain = yield* make(100)
      const coin = yield* coinAt(chain, 1)
      const theft = Wallet.spend(stranger, { coins: [coin], outputs: [Wallet.pay(stranger.address, 1000n)] })
      assert.match(yield* refusal(chain.sendTransaction(theft.bytes)), /^16: mandatory-script-verify-flag-failed/)
      const twice = Wallet.spend(traceKey, { coins: [coin, coin], outputs: [Wallet.pay(stranger.address, 1000n)] })
      assert.strictEqual(yield* refusal(chain.sendTransaction(twice.bytes)), "16: bad-txns-inputs-duplicate")
      const vast = Wallet.spend(traceKey, { coins: [coin], outputs: [Wallet.pay(stranger.address, 1n << 63n)] })
      assert.strictEqual(yield* refusal(chain.sendTransaction(vast.bytes)), "16: bad-txns-vout-toolarge")
      const none = Wallet.spend(traceKey, { coins: [coin], outputs: [] })
      assert.strictEqual(yield* refusal(chain.sendTransaction(none.bytes)), "16: bad-txns-vout-empty")
      const coinbase = Coinbase.make({ height: 5, address: traceKey.address, amount: 1n })
      assert.strictEqual(yield* refusal(chain.sendTransaction(coinbase.bytes)), "16: coinbase")
      assert.deepStrictEqual(yield* waiting(chain), [])
    }))

  it.effect("lets a coinbase be spent in the hundredth block after it", () =>
    Effect.gen(function*() {
      const chain = yield* make(99)
      const payment = pay(yield* coinAt(chain, 1))
      assert.strictEqual(
        yield* refusal(chain.sendTransaction(payment.bytes)),
        "16: bad-txns-premature-spend-of-coinbase"
      )
      yield* chain.generate({ address: traceKey.address })
      assert.deepStrictEqual((yield* chain.sendTransaction(payment.bytes)).id, payment.id)
    }))

  it.effect("waits for lock times, in blocks and in seconds", () =>
    Effect.gen(function*() {
      const chain = yield* make(102)
      const coin = yield* coinAt(chain, 2)
      const send = (options: Partial<Wallet.Spend>) => chain.sendTransaction(pay(coin, options).bytes)
      const early = "64: bad-txns-nonfinal"
      assert.strictEqual(yield* refusal(send({ lockTime: 103, sequence: 0 })), early)
      assert.strictEqual(yield* refusal(send({ lockTime: now + 100, sequence: 0 })), early)
      const young = "64: non-BIP68-final"
      assert.strictEqual(yield* refusal(send({ sequence: 102 })), young)
      assert.strictEqual(yield* refusal(send({ sequence: 0x40_0001 })), young)
      yield* TestClock.adjust("1 hour")
      yield* chain.generate({ address: traceKey.address, blocks: 11 })
      yield* Effect.forEach(
        [
          { lockTime: 103, sequence: 0 },
          { lockTime: now + 100, sequence: 0 },
          { sequence: 102 },
          { sequence: 0x40_0001 },
          { sequence: 9999, version: 1 }
        ],
        (options) => chain.sendTransaction(pay(coin, options).bytes, { validateOnly: true })
      )
    }))

  it.effect("takes no transaction below its fee, nor more than its mempool holds", () =>
    Effect.gen(function*() {
      const chain = yield* make(103, { minFeeRate: 5000, maxMempool: 1100 })
      const [one, other] = [yield* coinAt(chain, 1), yield* coinAt(chain, 2)]
      assert.strictEqual(
        yield* refusal(chain.sendTransaction(pay(one, { fee: 900n }).bytes)),
        "66: min relay fee not met"
      )
      yield* chain.sendTransaction(pay(one, { fee: 1000n }).bytes)
      assert.strictEqual(yield* refusal(chain.sendTransaction(pay(other).bytes)), "66: mempool full")
    }))

  it.effect("refuses a double spend and tells of it, for each transaction that it conflicts with", () =>
    Effect.gen(function*() {
      const chain = yield* make(102)
      const [one, other] = [yield* coinAt(chain, 1), yield* coinAt(chain, 2)]
      yield* chain.sendTransaction(pay(one).bytes)
      yield* chain.sendTransaction(pay(other).bytes)
      const events = yield* record(chain)
      const both = Wallet.spend(traceKey, { coins: [one, other], outputs: [Wallet.pay(stranger.address, 1000n)] })
      assert.strictEqual(yield* refusal(chain.sendTransaction(both.bytes)), "258: txn-mempool-conflict")
      assert.deepStrictEqual(
        events.map((event) => event._tag === "DoubleSpend" && [event.entry.transaction.id, event.duplicate.id]),
        [[pay(one).id, both.id], [pay(other).id, both.id]]
      )
      const bad = Wallet.withBadSignature(both)
      yield* refusal(chain.sendTransaction(bad.bytes))
      assert.strictEqual(events.length, 2, "what cannot be mined is no double spend")
    }))

  it.effect("drops from the mempool what a block makes impossible, with all that depends on it", () =>
    Effect.gen(function*() {
      const chain = yield* make(102)
      const coin = yield* coinAt(chain, 1)
      const first = pay(coin)
      const child = pay(coinOf(first))
      const bystander = pay(yield* coinAt(chain, 2))
      for (const { bytes } of [first, child, bystander]) yield* chain.sendTransaction(bytes)
      const tip = yield* chain.look(({ tip }) => tip)
      const [conflicting] = branch(tip, 1, [pay(coin, { to: stranger })])
      yield* chain.submitBlock(conflicting!.bytes)
      assert.deepStrictEqual(yield* waiting(chain), [toHex(bystander.id)])
    }))
})

describe("RegtestChain, given blocks", () => {
  it.effect("says which rule a block breaks", () =>
    Effect.gen(function*() {
      const chain = yield* make(101)
      const tip = yield* chain.look(({ tip }) => tip)
      const place = { height: 102, previous: tip.hash, time: now + 60 }
      const submit = (options: Partial<Parameters<typeof block>[0]>) =>
        refusal(chain.submitBlock(block({ ...place, ...options }).bytes))
      assert.match(yield* submit({ time: tip.medianTime }), /^time-too-old/)
      assert.match(yield* submit({ time: now + 7201 + 60 }), /^time-too-new/)
      assert.match(yield* submit({ bits: 0x207ffffe }), /^bad-diffbits/)
      assert.strictEqual(yield* submit({ previous: new Uint8Array(32).fill(1) }), "prev-blk-not-found")
      assert.strictEqual(yield* submit({ height: 103 }), "bad-cb-height")
      const subsidy = Coinbase.subsidy(102)
      assert.strictEqual(yield* submit({ amount: subsidy + 1n }), "bad-cb-amount")
      const payment = pay(yield* coinAt(chain, 1), { fee: 10n })
      assert.strictEqual(yield* submit({ transactions: [payment], amount: subsidy + 11n }), "bad-cb-amount")
      const stolen = Wallet.withBadSignature(payment)
      assert.match(
        yield* submit({ transactions: [stolen] }),
        /^blk-bad-inputs \(mandatory-script-verify-flag-failed/
      )
      const twice = pay(yield* coinAt(chain, 1), { fee: 20n })
      assert.strictEqual(yield* submit({ transactions: [payment, twice] }), "bad-txns-inputs-missingorspent")
      const young = pay(yield* coinAt(chain, 50))
      assert.strictEqual(yield* submit({ transactions: [young] }), "bad-txns-premature-spend-of-coinbase")
      const late = pay(yield* coinAt(chain, 1), { lockTime: 500, sequence: 0 })
      assert.strictEqual(yield* submit({ transactions: [late] }), "bad-txns-nonfinal")
      assert.strictEqual(yield* chain.look(({ tip }) => tip.height), 101)
      yield* chain.submitBlock(block({ ...place, transactions: [payment], amount: subsidy + 10n }).bytes)
      assert.strictEqual(yield* chain.look(({ tip }) => tip.height), 102)
    }))

  it.effect("keeps a branch aside until it is longer, then follows it and tells so", () =>
    Effect.gen(function*() {
      const chain = yield* make(102)
      const fork = yield* chain.look((chain) => chain.blockAt(100)!)
      const events = yield* record(chain)
      const blocks = branch(fork, 3)
      for (const { bytes } of blocks.slice(0, 2)) yield* chain.submitBlock(bytes)
      assert.deepStrictEqual(events, [])
      assert.strictEqual(yield* chain.look((chain) => chain.isOnBestChain(chain.block(blocks[0]!.hash)!)), false)
      yield* chain.submitBlock(blocks[2]!.bytes)
      assert.deepStrictEqual(
        events.map((event) =>
          event._tag === "BlocksRemoved"
            ? event.blocks.map(({ height }) => -height)
            : event._tag === "BlockAdded"
            ? event.block.height
            : event._tag
        ),
        [[-102, -101], 101, 102, 103]
      )
      assert.deepStrictEqual(yield* chain.look(({ tip }) => tip.hash), blocks[2]!.hash)
    }))

  it.effect("gives coins and transactions back when blocks go", () =>
    Effect.gen(function*() {
      const chain = yield* make(102)
      const fork = yield* chain.look(({ tip }) => tip)
      const coin = yield* coinAt(chain, 1)
      const [first, second] = [pay(coin), pay(yield* coinAt(chain, 2))]
      const child = pay(coinOf(first))
      const grandchild = pay(coinOf(child))
      for (const { bytes } of [first, child, second]) yield* chain.sendTransaction(bytes)
      yield* chain.generate({ address: stranger.address })
      const ofLost = yield* coinAt(chain, 103)
      yield* chain.sendTransaction(grandchild.bytes)
      assert.deepStrictEqual(yield* waiting(chain), [toHex(grandchild.id)])
      assert.isUndefined(yield* chain.look((chain) => chain.coin(coin)))

      // The other branch spends the second coin in another way.
      const rival = pay(yield* coinAt(chain, 2), { to: stranger })
      for (const { bytes } of branch(fork, 2, [rival])) yield* chain.submitBlock(bytes)
      assert.sameMembers([...yield* waiting(chain)], [first, child, grandchild].map(({ id }) => toHex(id)))
      yield* chain.look((chain) => {
        assert.strictEqual(chain.coin(coin)?.amount, coin.amount)
        assert.isUndefined(chain.coin(ofLost))
        assert.isUndefined(chain.find(first.id))
        assert.isUndefined(chain.spender(coin))
        assert.strictEqual(chain.find(rival.id)?.block.height, 103)
        assert.strictEqual(chain.payments(Wallet.scriptHash(stranger.script)).length, 1)
      })
      yield* chain.generate({ address: traceKey.address })
      assert.deepStrictEqual(yield* waiting(chain), [])
    }))

  it.effect("stays where it is when a longer branch breaks a rule, and tries it no more", () =>
    Effect.gen(function*() {
      const chain = yield* make(103)
      const fork = yield* chain.look((chain) => chain.blockAt(101)!)
      const bad = Wallet.withBadSignature(pay(yield* coinAt(chain, 1)))
      const blocks = branch(fork, 4, [bad])
      const events = yield* record(chain)
      const tip = yield* chain.look(({ tip }) => tip.hash)
      for (const { bytes } of blocks.slice(0, 2)) yield* chain.submitBlock(bytes)
      assert.match(yield* refusal(chain.submitBlock(blocks[2]!.bytes)), /^blk-bad-inputs/)
      assert.strictEqual(yield* refusal(chain.submitBlock(blocks[2]!.bytes)), "duplicate-invalid")
      assert.strictEqual(yield* refusal(chain.submitBlock(blocks[3]!.bytes)), "bad-prevblk")
      assert.deepStrictEqual(yield* chain.look(({ tip }) => tip.hash), tip)
      assert.deepStrictEqual(events, [])
    }))
})
