/**
 * Bodies by their descriptions: of all messages of the Hub, and of schemas that use all there is.
 */
import { Arbitrary, Effect, Result, Schema } from "effect"
import * as HubApi from "../../../src/domain/hub/HubApi.ts"
import type * as MessageGroup from "../../../src/domain/MessageGroup.ts"
import * as Tagged from "../../../src/domain/Tagged.ts"
import * as Wire from "../../../src/domain/Wire.ts"
import { recorded } from "../../utils/hubBodies.ts"
import type { Random } from "../../utils/native.ts"
import * as Borders from "../harness/borders.ts"
import { behind, equal, inProportion, isTrue, refusalOf, valueOf } from "../harness/expect.ts"
import type { Decoder, Made } from "../harness/target.ts"
import { randomTaggedValue } from "./tagged.ts"

const { Struct, optionalKey } = Schema
const { group, records, tag } = Wire

const Text = Schema.String.check(Schema.makeFilter((text) => !/\p{Surrogate}/u.test(text)))

/** All kinds of values. */
const Leaves = Struct({
  int: optionalKey(Schema.Int).pipe(tag(1)),
  natural: Schema.Natural.pipe(tag(30)),
  bigint: Schema.BigInt.check(Schema.isBetweenBigInt({ minimum: 1n - 2n ** 64n, maximum: 2n ** 64n - 1n })).pipe(
    tag(127)
  ),
  finite: optionalKey(Schema.Finite).pipe(tag(255)),
  either: optionalKey(Wire.numberOrDouble).pipe(tag(256)),
  lenient: optionalKey(Wire.lenientDouble).pipe(tag(300)),
  text: Text.pipe(tag(5)),
  bool: Schema.Boolean.pipe(tag(6)),
  bytes: optionalKey(Schema.Uint8Array).pipe(tag(7)),
  union: optionalKey(Schema.Union([Schema.Int, Text, Schema.Boolean])).pipe(tag(9)),
  literal: optionalKey(Schema.Literals([1, "one", true])).pipe(tag(8)),
  list: Schema.Array(Schema.Int).pipe(tag(15))
})

/** Lists in lists. */
const Lists = Struct({
  height: Schema.Natural.pipe(tag(7)),
  transactions: records(
    Struct({
      offset: optionalKey(Schema.Natural).pipe(tag(8)),
      inputs: group(Struct({
        index: optionalKey(Schema.Int).pipe(tag(21)),
        script: Schema.Natural.pipe(tag(22)),
        notes: Schema.Array(Schema.Boolean).pipe(tag(23))
      })),
      outputs: group(Struct({
        index: Schema.Int.pipe(tag(24)),
        spends: group(Struct({ by: Schema.Int.pipe(tag(50)), at: optionalKey(Schema.Int).pipe(tag(51)) }))
      }))
    }),
    { separators: "after" }
  ),
  time: optionalKey(Schema.Int).pipe(tag(63))
})

const Separated = records(Struct({
  id: Schema.Int.pipe(tag(4)),
  values: Schema.Array(Schema.Int).pipe(tag(5))
}))

type AnySchema = Schema.ConstraintCodec<unknown, unknown>

interface Way {
  readonly name: string
  readonly codec: Wire.Codec<unknown>
  /** Values of it, encoded. */
  readonly samples: ReadonlyArray<{ readonly value: unknown; readonly bytes: Uint8Array }>
}

/** Integers have no negative zero on the wire. */
const withoutNegativeZero = (value: unknown): unknown => {
  if (typeof value === "number") return value === 0 ? 0 : value
  if (Array.isArray(value)) return value.map(withoutNegativeZero)
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutNegativeZero(inner)]))
}

/** A schema with values of it. The same ones in each run: what varies comes from the seed. */
const described = (name: string, schema: AnySchema): Way => {
  const codec = Wire.codec(schema)
  const values = Effect.runSync(
    Arbitrary.sampleEffect(Arbitrary.schema(schema), { count: 40, seed: name, size: 12 })
  )
  // Not all values of a wide schema can be written: an integer may have 64 bits, a record not be empty.
  const samples = values.flatMap((value) => {
    const bytes = codec.encode(value)
    return Result.isSuccess(bytes) ? [{ value: withoutNegativeZero(value), bytes: bytes.success }] : []
  })
  return { name, codec, samples }
}

type AnyMember = MessageGroup.Member & {
  readonly request?: Wire.Codec<unknown>
  readonly reply?: Wire.Codec<unknown>
  readonly payload?: Wire.Codec<unknown>
}

const ofApi: ReadonlyArray<Way> = (HubApi.group.members as ReadonlyArray<MessageGroup.Member>).flatMap(
  (member: AnyMember): ReadonlyArray<Way> =>
    (["request", "reply", "payload"] as const).flatMap((part) => {
      const codec = member[part]
      return codec === undefined ? [] : [{ name: `${member.name} ${part}`, codec, samples: [] }]
    })
)

const withSamples: ReadonlyArray<Way> = [
  described("leaves", Leaves),
  described("lists", Lists),
  described("separated", Separated)
]

const ways = [...withSamples, ...ofApi]

const run = (input: Uint8Array): string => {
  if (input.length === 0) return "nothing"
  const { codec, name } = ways[input[0]! % ways.length]!
  const body = input.slice(1)
  const decoded = codec.decode(body)
  if (Result.isFailure(decoded)) {
    refusalOf(decoded.failure)
    return decoded.failure.reason._tag
  }
  inProportion(decoded.success, body.length, 100)
  const again = valueOf(codec.encode(decoded.success), `${name}: what was read can be written`)
  equal(codec.decode(again), decoded, `${name}: what was read, written and read again`)
  return "value"
}

const make = (random: Random): Made => {
  const choice = random.below(withSamples.length)
  const { codec, name, samples } = withSamples[choice]!
  const { bytes, value } = random.pick(samples)
  return {
    bytes: behind(choice, bytes),
    verify: () => {
      const decoded = valueOf(codec.decode(bytes), `${name}: what was written can be read`)
      equal(withoutNegativeZero(decoded), value, `${name}: the value`)
    }
  }
}

/** The tags of the API, and none of it. */
const tags = [0, 0, 1, 2, 4, 5, 6, 7, 8, 9, ...Array.from({ length: 14 }, (_, i) => 20 + i), 43, 53, 60, 63, 66, 73, 77]

/** Values with tags that mean something, in any order and of any type. */
const odd = (random: Random): Uint8Array => {
  const values = Array.from({ length: random.below(12) }, () => {
    const tag = random.pick(tags)
    if (tag === 0 && random.chance(90)) return Tagged.separator
    if (random.chance(30)) return Tagged.bytes(tag, random.bytes(random.pick([0, 20, 31, 32, 32, 32])))
    return { ...randomTaggedValue(random), tag }
  })
  return behind(random.below(ways.length), valueOf(Tagged.encode(values), "values that can be written"))
}

const seeds = recorded.flatMap(({ body, key }) => {
  const [serviceId, messageId] = key.split(/[/ ]/).map(Number)
  return ways.flatMap(({ codec }, choice) =>
    body.length < 1000 && serviceId !== undefined && messageId !== undefined && choice >= withSamples.length &&
      Result.isSuccess(codec.decode(body))
      ? [behind(choice, body)]
      : []
  )
})

isTrue(withSamples.every(({ samples }) => samples.length > 5), "each schema has values")

export const wire: Decoder = {
  kind: "decoder",
  name: "wire",
  weight: 3,
  seeds,
  make,
  odd,
  borders: (bytes) => Borders.ofTagged(bytes, 1),
  run
}
