/**
 * A large block for a chain in memory: it is taken in pieces, and nobody sees half of it.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Result } from "effect"
import { TestClock } from "effect/testing"
import * as Block from "../../../src/domain/chain/Block.ts"
import * as BlockRules from "../../../src/domain/chain/BlockRules.ts"
import * as Coinbase from "../../../src/domain/chain/Coinbase.ts"
import * as Transaction from "../../../src/domain/chain/Transaction.ts"
import * as RegtestChain from "../../../src/services/hub/RegtestChain.ts"
import * as Pieces from "../../utils/pieces.ts"

const count = 3000

const anyone = Uint8Array.of(0x51)
const address = new Uint8Array(20)

const mineAfter = (tip: Uint8Array, transactions: ReadonlyArray<Transaction.Transaction>) => {
  const { hash, header: { bits, time } } = Result.getOrThrow(Block.decode(tip))
  return Block.mine({ version: 1, previous: hash, time: time + 1, bits, transactions })
}

/** A chain, and a block for it whose transactions spend one coin each. */
const make = Effect.gen(function*() {
  yield* TestClock.setTime(1_800_000_000_000)
  const chain = yield* RegtestChain.make()
  const coinbase = Coinbase.make({ height: 1, address, amount: 0n })
  const source = Transaction.make({
    ...coinbase,
    outputs: Array.from({ length: count }, () => ({ amount: 1000n, script: anyone }))
  })
  const genesis = yield* chain.look(({ tip }) => tip.bytes)
  yield* chain.submitBlock(mineAfter(genesis, [source]).bytes)
  const made = yield* chain.generate({ address, blocks: 100 })
  const spending = Array.from({ length: count }, (_, index) =>
    Transaction.make({
      version: 2,
      inputs: [{ txId: source.id, index, script: new Uint8Array(0), sequence: 0xffff_ffff }],
      outputs: [{ amount: 900n, script: new Uint8Array(40).fill(0x51) }],
      lockTime: 0
    })).sort(Block.compareIds)
  const next = Coinbase.make({ height: 102, address, amount: 0n })
  return { chain, source, spending, block: mineAfter(made.at(-1)!.bytes, [next, ...spending]) }
})

describe("a large block", () => {
  it.effect("is read and checked in pieces", () =>
    Effect.gen(function*() {
      const { block } = yield* make
      const read = Pieces.collect(Block.decodeInPieces(block.bytes))
      assert.isAtLeast(read.pauses, Math.floor(block.bytes.length / 100_000))
      assert.deepStrictEqual(read.value, Block.decode(block.bytes))
      const checked = Pieces.collect(BlockRules.findFaultInPieces(Result.getOrThrow(read.value), 102))
      assert.isUndefined(checked.value)
      assert.isAtLeast(checked.pauses, 3)
    }))

  it.effect("is taken in pieces while others look, who see all of it or nothing", () =>
    Effect.gen(function*() {
      const { block, chain, source, spending } = yield* make
      const seen = new Set<string>()
      const sample = Array.from({ length: 30 }, (_, i) => i * 100)
      const looking = yield* Effect.forkChild(Effect.forever(
        chain.look((chain) => {
          const outPoints = sample.map((index) => ({ txId: source.id, index }))
          const found = sample.filter((at) => chain.find(spending[at]!.id) !== undefined).length
          const spent = outPoints.filter((outPoint) => chain.coin(outPoint) === undefined).length
          const known = outPoints.filter((outPoint) => chain.spender(outPoint) !== undefined).length
          seen.add([chain.tip.height, found, spent, known, chain.mempool.size].join(" "))
        })
      ))
      const { turns } = yield* Pieces.turnsDuring(chain.submitBlock(block.bytes))
      yield* Effect.yieldNow
      yield* Effect.yieldNow
      yield* Fiber.interrupt(looking)
      assert.deepStrictEqual([...seen], ["101 0 0 0 0", "102 30 30 30 0"])
      // Every few transactions have their scripts checked.
      assert.isAtLeast(turns, count / 4)
    }), { timeout: 60_000 })

  it.effect("of more than 32 MB is not even read, nor a transaction of more than 1 MB", () =>
    Effect.gen(function*() {
      const { block, chain } = yield* make
      const long = new Uint8Array(BlockRules.maxSize + 1)
      assert.strictEqual((yield* Effect.flip(chain.submitBlock(long))).message, "bad-blk-length")
      const outputs = Array.from({ length: 30 }, () => ({ amount: 0n, script: new Uint8Array(40_000) }))
      const fat = Transaction.make({ ...block.transactions[0]!.transaction, outputs })
      const error = Result.getOrThrow(
        Result.flip(Block.decode(mineAfter(block.bytes, [fat]).bytes))
      )
      assert.include(error.message, "transaction 0: it has more than 1000000 bytes")
    }))
})
