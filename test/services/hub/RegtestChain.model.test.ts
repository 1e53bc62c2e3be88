import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { TestClock } from "effect/testing"
import * as Block from "../../../src/domain/chain/Block.ts"
import * as Transaction from "../../../src/domain/chain/Transaction.ts"
import * as RegtestChain from "../../../src/services/hub/RegtestChain.ts"
import { branch } from "../../utils/branch.ts"
import { Random, seed, toHex } from "../../utils/native.ts"
import * as Wallet from "../../utils/wallet.ts"

const { traceKey } = Wallet

type Chain = RegtestChain.RegtestChain["Service"]

const transactionsOf = (chain: RegtestChain.ChainReader): ReadonlyArray<Transaction.Transaction> =>
  Array.from({ length: chain.tip.height }, (_, i) => Result.getOrThrow(Block.decode(chain.blockAt(i + 1)!.bytes)))
    .flatMap(({ transactions }) => transactions.map(({ transaction }) => transaction))

/** All that can be asked about the blocks of a chain, as text. */
const describeAll = (chain: RegtestChain.ChainReader): ReadonlyArray<string> =>
  transactionsOf(chain).flatMap(({ id, outputs }) => {
    const { block, offset } = chain.find(id)!
    return outputs.map(({ amount, script }, index) => {
      const coin = chain.coin({ txId: id, index })
      const spender = chain.spender({ txId: id, index })
      const payments = chain.payments(Wallet.scriptHash(script)).length
      return [
        `${toHex(id)}:${index} ${amount} at ${block.height}/${offset}, one of ${payments}`,
        coin === undefined ? "spent" : `coin of ${coin.height}${coin.isCoinbase ? " made" : ""}`,
        spender === undefined ? "" : `by ${spender.block.height}/${spender.offset}`
      ].join(" ")
    })
  })

/** A chain that has seen nothing but the best blocks, in order. */
const follow = (chain: Chain) =>
  Effect.gen(function*() {
    const follower = yield* RegtestChain.make()
    const blocks = yield* chain.look((chain) =>
      Array.from({ length: chain.tip.height }, (_, i) => chain.blockAt(i + 1)!.bytes)
    )
    for (const bytes of blocks) yield* follower.submitBlock(bytes)
    return follower
  })

/** What the key can spend: outputs in blocks and in the mempool, some of them too young or spent in the mempool. */
const coinsOf = (chain: RegtestChain.ChainReader): ReadonlyArray<Wallet.Coin> =>
  [...transactionsOf(chain), ...Array.from(chain.mempool.entries, ({ transaction }) => transaction)]
    .flatMap(({ id, outputs }) =>
      outputs.flatMap(({ amount, script }, index) =>
        toHex(script) === toHex(traceKey.script) && amount > 10_000n ? [{ txId: id, index, amount }] : []
      )
    )

const randomSpend = (random: Random, coins: ReadonlyArray<Wallet.Coin>): Transaction.Transaction => {
  const spent = [...new Set(Array.from({ length: random.between(1, 2) }, () => random.pick(coins)))]
  const amount = spent.reduce((sum, coin) => sum + coin.amount, 0n) - BigInt(random.between(1000, 2000))
  const half = amount / 2n
  return Wallet.spend(traceKey, {
    coins: spent,
    outputs: [Wallet.pay(traceKey.address, half), Wallet.pay(traceKey.address, amount - half)]
  })
}

describe("RegtestChain, driven at random", () => {
  it.effect("has after any reorganisation what a chain has that never saw one", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(1_800_000_000_000)
      const random = new Random(seed)
      const chain = yield* RegtestChain.make()
      yield* chain.generate({ address: traceKey.address, blocks: 110 })
      const counts = { sent: 0, refused: 0, reorganised: 0 }
      yield* chain.listen(({ _tag }) => {
        if (_tag === "BlocksRemoved") counts.reorganised += 1
      })
      for (let round = 1; round <= 150; round++) {
        const action = random.below(10)
        if (action < 6) {
          const { bytes } = randomSpend(random, yield* chain.look(coinsOf))
          const sent = yield* Effect.result(chain.sendTransaction(bytes))
          counts[Result.isSuccess(sent) ? "sent" : "refused"] += 1
        } else if (action < 8) {
          yield* chain.generate({ address: traceKey.address })
        } else {
          const depth = random.below(4)
          const fork = yield* chain.look((chain) => chain.blockAt(chain.tip.height - depth)!)
          const waiting = yield* chain.look(({ mempool }) =>
            Array.from(mempool.entries, ({ transaction }) => transaction)
          )
          const taken = random.chance(50) ? waiting.slice(0, 1) : []
          for (const { bytes } of branch(fork, depth + 1, taken)) yield* Effect.result(chain.submitBlock(bytes))
        }
        if (round % 30 !== 0) continue
        const follower = yield* follow(chain)
        assert.deepStrictEqual(
          yield* chain.look(describeAll),
          yield* follower.look(describeAll),
          `seed ${seed}, round ${round}`
        )
        // What waits can be mined: one block takes it all.
        yield* chain.generate({ address: traceKey.address })
        assert.strictEqual(yield* chain.look(({ mempool }) => mempool.size), 0, `seed ${seed}, round ${round}`)
      }
      assert.isAbove(Math.min(counts.sent, counts.refused, counts.reorganised), 5, JSON.stringify(counts))
    }))

  it.effect("refuses broken blocks and transactions, and is none the worse for it", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(1_800_000_000_000)
      const random = new Random(seed)
      const chain = yield* RegtestChain.make()
      yield* chain.generate({ address: traceKey.address, blocks: 105 })
      const before = yield* chain.look(describeAll)
      const tip = yield* chain.look(({ tip }) => tip)
      const good = randomSpend(random, yield* chain.look((chain) => coinsOf(chain).slice(0, 5)))
      yield* chain.sendTransaction(good.bytes, { validateOnly: true })
      for (let round = 0; round < 300; round++) {
        const bytes = good.bytes.slice()
        bytes[random.below(bytes.length)]! ^= 1 << random.below(8)
        const about = `seed ${seed}, round ${round}: ${toHex(bytes)}`
        const sent = yield* Effect.result(chain.sendTransaction(bytes, { validateOnly: true }))
        assert.isTrue(Result.isFailure(sent), about)
        const transaction = Transaction.decode(bytes)
        if (Result.isFailure(transaction)) continue
        const [block] = branch(tip, 1, [transaction.success])
        assert.isTrue(Result.isFailure(yield* Effect.result(chain.submitBlock(block!.bytes))), about)
      }
      assert.deepStrictEqual(yield* chain.look(describeAll), before)
    }))
})
