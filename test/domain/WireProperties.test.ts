import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Result, Schema } from "effect"
import * as BodyError from "../../src/domain/BodyError.ts"
import * as TaggedParser from "../../src/domain/TaggedParser.ts"
import * as Wire from "../../src/domain/Wire.ts"
import { recorded, schemas } from "../utils/hubBodies.ts"

const { Struct, optionalKey } = Schema
const { group, records, tag } = Wire

const Text = Schema.String.check(Schema.makeFilter((text) => !/\p{Surrogate}/u.test(text)))

const Leaves = Struct({
  int: Schema.Int.pipe(tag(1)),
  natural: Schema.Natural.pipe(Schema.brand("Natural"), tag(30)),
  int32: Schema.Finite.check(Schema.isInt32()).pipe(tag(31)),
  bigint: Schema.BigInt.check(Schema.isBetweenBigInt({ minimum: 1n - 2n ** 64n, maximum: 2n ** 64n - 1n })).pipe(
    tag(127)
  ),
  // @effect-diagnostics-next-line schemaNumber:off
  double: Schema.Number.pipe(tag(128)),
  finite: Schema.Finite.pipe(tag(255)),
  either: Wire.numberOrDouble.pipe(tag(256)),
  lenient: Wire.lenientDouble.pipe(tag(300)),
  text: Text.pipe(tag(5)),
  bool: Schema.Boolean.pipe(tag(6)),
  bytes: Schema.Uint8Array.pipe(tag(7)),
  literal: Schema.Literals([1, "one", true, -5n, 0.25]).pipe(tag(8)),
  union: Schema.Union([Schema.Int, Text.check(Schema.isNonEmpty()), Schema.Boolean]).pipe(tag(9)),
  number: Schema.FiniteFromString.pipe(tag(10)),
  date: Schema.DateFromMillis.pipe(tag(70_000)),
  maybe: optionalKey(Schema.Int).pipe(tag(4_294_967_295)),
  maybeNumber: optionalKey(Schema.BigIntFromString).pipe(tag(12)),
  defaulted: Schema.Int.pipe(Schema.withDecodingDefaultKey(Effect.succeed(5)), tag(13)),
  option: Schema.OptionFromOptionalKey(Schema.Boolean).pipe(tag(14)),
  list: Schema.Array(Schema.Int).pipe(tag(15)),
  some: Schema.NonEmptyArray(Schema.FiniteFromString).pipe(tag(16))
})

class Point
  extends Schema.Class<Point>("Point")({ x: Schema.Int.pipe(tag(41)), y: Schema.FiniteFromString.pipe(tag(42)) })
{}

const Lists = Struct({
  height: Schema.Natural.pipe(tag(7)),
  points: group(Point),
  transactions: records(
    Struct({
      offset: optionalKey(Schema.Natural).pipe(tag(8)),
      inputs: group(Struct({
        id: optionalKey(Schema.Boolean).pipe(tag(20)),
        index: optionalKey(Schema.Int).pipe(tag(21)),
        script: Schema.BigInt.check(Schema.isBetweenBigInt({ minimum: 0n, maximum: 99n })).pipe(tag(22)),
        notes: Schema.Array(Schema.Boolean).pipe(tag(23))
      })),
      outputs: group(Struct({
        index: Schema.Int.pipe(tag(24)),
        amounts: Schema.Array(Schema.Int).pipe(tag(6)),
        spends: group(Struct({ by: Schema.Int.pipe(tag(50)), at: optionalKey(Schema.Int).pipe(tag(51)) }))
      })),
      fee: optionalKey(Schema.Int).pipe(tag(53))
    }),
    { separators: "after" }
  ),
  time: optionalKey(Schema.Int).pipe(tag(63))
})

const Separated = records(Struct({
  id: Schema.Int.pipe(tag(4)),
  values: Schema.Array(Schema.Int).pipe(tag(5)),
  pairs: group(Struct({ a: optionalKey(Schema.Int).pipe(tag(1)), b: Schema.Int.pipe(tag(2)) }))
}))

const goesThrough = <S extends Schema.ConstraintCodec<unknown, unknown>>(schema: S, value: S["Type"]): void => {
  const codec = Wire.codec(schema)
  const bytes = Result.getOrThrow(codec.encode(value))
  const back = Result.getOrThrow(codec.decode(bytes))
  assert.deepStrictEqual(withoutNegativeZero(back), withoutNegativeZero(value))
  assert.deepStrictEqual(Result.getOrThrow(codec.encode(back)), bytes)
}

/** Integers have no negative zero on the wire. */
const withoutNegativeZero = (value: unknown): unknown => {
  if (typeof value === "number") return value === 0 ? 0 : value
  if (Array.isArray(value)) return value.map(withoutNegativeZero)
  if (typeof value !== "object" || value === null || value instanceof Uint8Array || value instanceof Date) return value
  if (Option.isOption(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutNegativeZero(inner)]))
}

describe("whatever value a schema has goes to the wire and back", () => {
  const arbitrary = { runs: 500, seed: "wire round trips" }

  it.prop("leaves of all kinds", [Leaves], ([value]) => goesThrough(Leaves, value), { arbitrary })

  it.prop("groups, records and groups in them", [Lists], ([value]) => goesThrough(Lists, value), { arbitrary })

  it.prop("separated records", [Separated], ([value]) => goesThrough(Separated, value), { arbitrary })
})

describe("whatever bytes come", () => {
  /** A small generator with a seed, so that a failure can be repeated. */
  const makeRandom = (seed: number) => (below: number): number => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }

  /** Where values start, so that whole values can be moved about. */
  const valuesOf = (body: Uint8Array): ReadonlyArray<Uint8Array> => {
    const values: Array<Uint8Array> = []
    const parser = TaggedParser.make(body)
    let start = 0
    while (parser.next()) {
      values.push(body.subarray(start, parser.offset))
      start = parser.offset
    }
    return values
  }

  const seed = 20_240_611

  it(`100,000 mutated bodies give a value or a typed error (seed ${seed})`, { timeout: 120_000 }, () => {
    const random = makeRandom(seed)
    const bodies = recorded.filter(({ body }) => body.length > 0)
    const all = Object.values(schemas).map((schema) => Wire.codec<Schema.ConstraintCodec<unknown, unknown>>(schema))
    const reasons = new Map<string, number>()
    const mutations: ReadonlyArray<(body: Uint8Array) => Uint8Array> = [
      (body) => body.subarray(0, random(body.length)),
      (body) => {
        const copy = body.slice()
        for (let i = 0; i <= random(4); i++) copy[random(copy.length)] = random(256)
        return copy
      },
      (body) => {
        const at = random(body.length)
        return Uint8Array.of(...body.subarray(0, at), random(256), ...body.subarray(at))
      },
      (body) => {
        const values = valuesOf(body)
        const [i, j] = [random(values.length), random(values.length)]
        return Buffer.concat(values.with(i, values[j]).with(j, values[i]))
      },
      (body) => {
        const values = valuesOf(body)
        const twice = random(values.length)
        return Buffer.concat(values.toSpliced(twice, 0, values[twice]))
      },
      (body) => Buffer.concat(valuesOf(body).toSpliced(random(valuesOf(body).length), 1))
    ]
    for (let i = 0; i < 100_000; i++) {
      const { body, key } = bodies[random(bodies.length)]
      const mutated = mutations[random(mutations.length)](body)
      // Now and then the body of another message: well-formed, and of the wrong types.
      const codec = random(4) === 0
        ? all[random(all.length)]
        : Wire.codec<Schema.ConstraintCodec<unknown, unknown>>(schemas[key])
      const result = codec.decode(mutated)
      if (Result.isFailure(result)) {
        const { message, reason } = result.failure
        assert.instanceOf(result.failure, BodyError.BodyDecodeError)
        assert.isTrue(Array.isArray(reason.path) && message.length > 0 && message.length < 600, message)
        if (reason._tag === "UnexpectedValue") assert.isString(reason.found)
        reasons.set(reason._tag, (reasons.get(reason._tag) ?? 0) + 1)
      } else {
        reasons.set("none", (reasons.get("none") ?? 0) + 1)
        const again = codec.encode(result.success)
        if (Result.isSuccess(again)) assert.isTrue(Result.isSuccess(codec.decode(again.success)))
        else assert.strictEqual(again.failure.reason._tag, "EmptyRecord")
      }
    }
    assert.sameMembers([...reasons.keys()], [
      "none",
      "MalformedBody",
      "MissingValue",
      "UnexpectedValue",
      "RepeatedValue"
    ])
    assert.isTrue([...reasons.values()].every((times) => times > 1000), JSON.stringify([...reasons]))
  })
})
