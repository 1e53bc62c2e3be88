import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import * as HubQuantity from "../../../src/domain/hub/HubQuantity.ts"
import * as Wire from "../../../src/domain/Wire.ts"
import { concat, fromHex, toHex } from "../../utils/native.ts"

const { tag } = Wire

const codec = Wire.codec(Schema.Struct({
  amount: HubQuantity.Amount.pipe(tag(6)),
  height: HubQuantity.BlockHeight.pipe(tag(7)),
  work: HubQuantity.ChainWorkFromBytes.pipe(tag(66))
}))

const at = (height: unknown, amount: unknown = 1n, work: unknown = 0n) =>
  codec.encode({ amount, height, work } as Parameters<typeof codec.encode>[0])

const good = (amount: bigint, height: number, work: bigint) => {
  const body = Result.getOrThrow(at(height, amount, work))
  assert.deepStrictEqual<unknown>(Result.getOrThrow(codec.decode(body)), { amount, height, work })
  return toHex(body)
}

describe("the numbers of the Hub API", () => {
  it("travel as integers, and the work of a chain as 32 bytes, the lowest first", () => {
    assert.strictEqual(good(5n, 3, 0x0102n), `30053803fb42200201${"00".repeat(30)}`)
    good(0n, 0, 0n)
    good(HubQuantity.maxAmount, 0x7fff_ffff, (1n << 256n) - 1n)
  })

  it("are within their ranges, or are refused with path and tag", () => {
    const problemOf = (result: Result.Result<unknown, { readonly message: string }>) =>
      Result.getOrThrow(Result.flip(result)).message
    assert.include(problemOf(at(-1)), "height (tag 7): expected a height from 0 to 2147483647")
    assert.include(problemOf(at(0x8000_0000)), "height (tag 7)")
    assert.include(problemOf(at(0.5)), "height (tag 7)")
    assert.include(problemOf(at(5n)), "height (tag 7)")
    assert.include(problemOf(at(1, -1n)), "amount (tag 6): expected an amount from 0 to 21 million coins")
    assert.include(problemOf(at(1, HubQuantity.maxAmount + 1n)), "amount (tag 6)")
    assert.include(problemOf(at(1, 1)), "amount (tag 6)")
    assert.include(problemOf(at(1, 1n, 1n << 256n)), "work (tag 66): expected a number below 2^256")
    // The same of a Hub: an amount of -1, a height of 2^31, 31 bytes.
    assert.include(problemOf(codec.decode(fromHex("3101"))), "amount (tag 6)")
    const tall = Result.getOrThrow(
      Wire.codec(Schema.Struct({ height: Schema.Int.pipe(tag(7)) })).encode({ height: 2 ** 31 })
    )
    assert.include(problemOf(codec.decode(concat([fromHex("3001"), tall]))), "height (tag 7)")
    assert.include(problemOf(codec.decode(fromHex(`30013801fb421f${"00".repeat(31)}`))), "work (tag 66)")
  })

  it("are of kinds that none is taken for another", () => {
    const takesHeight = (_: HubQuantity.BlockHeight): number => 1
    // @ts-expect-error an offset is no height
    assert.strictEqual(takesHeight(HubQuantity.OffsetInBlock.make(1)), 1)
    // @ts-expect-error an index is no height
    assert.strictEqual(takesHeight(HubQuantity.OutputIndex.make(1)), 1)
    // @ts-expect-error any number is none
    assert.strictEqual(takesHeight(1), 1)
    assert.strictEqual(takesHeight(HubQuantity.BlockHeight.make(1)), 1)
  })
})
