import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Result, Schema } from "effect"
import * as Tagged from "../../src/domain/Tagged.ts"
import * as TaggedParser from "../../src/domain/TaggedParser.ts"
import { fromHex, toHex } from "../utils/native.ts"
import { type Field, vectors } from "../utils/tagged.ts"

const narrow = (n: bigint): number | bigint => (Number.isSafeInteger(Number(n)) ? Number(n) : n)

const fromField = (field: Field): Tagged.TaggedValue => {
  switch (field.type) {
    case "int":
      return Tagged.int(field.tag, narrow(BigInt(field.value)))
    case "string":
      return Tagged.text(field.tag, Buffer.from(field.utf8Hex, "hex").toString("utf8"))
    case "bytes":
      return Tagged.bytes(field.tag, fromHex(field.hex))
    case "bool":
      return Tagged.bool(field.tag, field.value === true)
    case "double":
      return Tagged.double(field.tag, Buffer.from(field.bits, "hex").readDoubleBE())
  }
}

const integer = (maximum: number): Arbitrary.Arbitrary<number> =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum })))

/** Unsigned integers of up to 64 bits, small ones as likely as large ones. */
const unsigned = (width: number): Arbitrary.Arbitrary<bigint> =>
  Arbitrary.all([integer(width), integer(0xffff_ffff), integer(0xffff_ffff)]).pipe(
    Arbitrary.map(([bits, high, low]) => BigInt.asUintN(bits, (BigInt(high) << 32n) | BigInt(low)))
  )

const tag = Arbitrary.map(unsigned(32), Number)

const anyValue: Arbitrary.Arbitrary<Tagged.TaggedValue> = Arbitrary.flatMap(
  integer(4),
  (kind): Arbitrary.Arbitrary<Tagged.TaggedValue> => {
    switch (kind) {
      case 0:
        return Arbitrary.all([tag, unsigned(64), Arbitrary.schema(Schema.Boolean)]).pipe(
          Arbitrary.map(([t, n, negative]) => Tagged.int(t, narrow(negative ? -n : n)))
        )
      case 1:
        return Arbitrary.all([tag, Arbitrary.schema(Schema.String)]).pipe(
          Arbitrary.map(([t, value]) => Tagged.text(t, Buffer.from(value).toString("utf8")))
        )
      case 2:
        return Arbitrary.all([tag, Arbitrary.array(integer(255), { maxLength: 300 })]).pipe(
          Arbitrary.map(([t, value]) => Tagged.bytes(t, Uint8Array.from(value)))
        )
      case 3:
        return Arbitrary.all([tag, Arbitrary.schema(Schema.Boolean)]).pipe(
          Arbitrary.map(([t, value]) => Tagged.bool(t, value))
        )
      default:
        return Arbitrary.all([tag, Arbitrary.schema(Schema.Finite)]).pipe(
          Arbitrary.map(([t, value]) => Tagged.double(t, value))
        )
    }
  }
)

describe("Tagged", () => {
  it.effect("encodes and decodes the bodies of the reference implementation", () =>
    Effect.gen(function*() {
      assert.strictEqual(vectors.length, 300)
      for (const { fields, hex: body } of vectors) {
        const values = fields.map(fromField)
        assert.strictEqual(toHex(yield* Effect.fromResult(Tagged.encode(values))), body)
        assert.deepStrictEqual(yield* Effect.fromResult(Tagged.decode(fromHex(body))), values)
      }
    }))

  it.effect.prop(
    "gives back any values",
    [Arbitrary.array(anyValue, { maxLength: 20 })],
    ([values]) =>
      Effect.gen(function*() {
        const body = yield* Effect.fromResult(Tagged.encode(values))
        assert.deepStrictEqual(yield* Effect.fromResult(Tagged.decode(body)), values)
      }),
    { arbitrary: { runs: 500, size: 50 } }
  )

  it.effect("fails with a reason that can be caught", () =>
    Effect.gen(function*() {
      const length = yield* Effect.fromResult(Tagged.decode(fromHex("0801 1203 68"))).pipe(
        Effect.as(0),
        Effect.catchReason("MalformedTagged", "LengthPastEnd", (reason) => Effect.succeed(Number(reason.length)))
      )
      assert.strictEqual(length, 3)
      const value = yield* Effect.fromResult(Tagged.encode([Tagged.int(1, 0.5)])).pipe(
        Effect.as(0),
        Effect.catchReason("TaggedEncodeError", "NotAnInteger", (reason) => Effect.succeed(reason.value))
      )
      assert.strictEqual(value, 0.5)
    }))

  it("fails with the first value that cannot be written", () => {
    const result = Tagged.encode([Tagged.bool(1, true), Tagged.bool(-1, true), Tagged.int(2, NaN)])
    assert.isTrue(Result.isFailure(result) && result.failure.reason._tag === "TagOutOfRange")
  })

  it("writes at most the given limit", () => {
    const values = [Tagged.bytes(1, new Uint8Array(98))]
    assert.isTrue(Result.isSuccess(Tagged.encode(values, { limit: 100 })))
    const result = Tagged.encode(values, { limit: 99 })
    assert.isTrue(Result.isFailure(result) && result.failure.reason._tag === "OverLimit")
  })

  it("decodes at most the given number of values", () => {
    const body = new Uint8Array(10).fill(0x04)
    assert.isTrue(Result.isSuccess(Tagged.decode(body, { maxValues: 10 })))
    const result = Tagged.decode(body, { maxValues: 9 })
    assert.isTrue(Result.isFailure(result))
    if (Result.isFailure(result)) {
      assert.deepInclude(result.failure.reason, { _tag: "TooManyValues", offset: 9, limit: 9 })
    }
    const many = Tagged.decode(new Uint8Array(Tagged.defaultMaxValues + 1).fill(0x04))
    assert.isTrue(Result.isFailure(many) && many.failure.reason._tag === "TooManyValues")
  })

  it("says what is malformed even where the number of values is used up", () => {
    const result = Tagged.decode(fromHex("04 04 0f"), { maxValues: 2 })
    assert.isTrue(Result.isFailure(result) && result.failure.reason._tag === "UnknownType")
  })

  it("knows no value where a parser stands on none", () => {
    const parser = TaggedParser.make(fromHex("04"))
    assert.isUndefined(Tagged.read(parser))
    assert.isTrue(parser.next())
    assert.deepStrictEqual(Tagged.read(parser), Tagged.separator)
    assert.isFalse(parser.next())
    assert.isUndefined(Tagged.read(parser))
  })
})
