/**
 * What TypeScript infers. The assertions are types: this file compiles, or they do not hold.
 */
import { assert, describe, it } from "@effect/vitest"
import { type Brand, Context, Effect, type Result, Schema, SchemaGetter } from "effect"
import type * as BodyError from "../../src/domain/BodyError.ts"
import type * as Message from "../../src/domain/Message.ts"
import type * as TaggedParser from "../../src/domain/TaggedParser.ts"
import * as Wire from "../../src/domain/Wire.ts"

type Equals<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

const holds = <_A extends true>(): void => undefined

const Height = Schema.Natural.pipe(Schema.brand("Height"))

const Block = Schema.Struct({
  height: Height.pipe(Wire.tag(7)),
  hash: Schema.optionalKey(Schema.Uint8Array).pipe(Wire.tag(5)),
  note: Schema.optional(Schema.String).pipe(Wire.tag(6)),
  chain: Schema.Literals(["main", "test"]).pipe(Wire.tag(67)),
  difficulty: Wire.lenientDouble.pipe(Wire.tag(64)),
  limit: Schema.Int.pipe(Schema.withDecodingDefaultKey(Effect.succeed(5)), Wire.tag(65)),
  count: Schema.mutableKey(Schema.FiniteFromString).pipe(Wire.tag(66)),
  ids: Schema.Array(Schema.BigInt).pipe(Wire.tag(4)),
  transactions: Wire.records(
    Schema.Struct({
      offset: Schema.optionalKey(Schema.Int).pipe(Wire.tag(8)),
      outputs: Wire.group(Schema.Struct({ index: Schema.Int.pipe(Wire.tag(24)) }))
    }),
    { separators: "after" }
  )
})

interface ExpectedBlock {
  readonly height: number & Brand.Brand<"Height">
  readonly hash?: Uint8Array<ArrayBufferLike>
  readonly note?: string | undefined
  readonly chain: "main" | "test"
  readonly difficulty: number
  readonly limit: number
  count: number
  readonly ids: ReadonlyArray<bigint>
  readonly transactions: ReadonlyArray<{
    readonly offset?: number
    readonly outputs: ReadonlyArray<{ readonly index: number }>
  }>
}

class Point extends Schema.Class<Point>("Point")({ x: Schema.Int.pipe(Wire.tag(1)) }) {}

class Prefix extends Context.Service<Prefix, string>()("test/Prefix") {}

type ValueOf<C> = C extends Wire.Codec<infer A> ? A : never

type Flat<A> = { [K in keyof A]: A[K] }

describe("the types of codecs", () => {
  it("are those of their schemas: read-only, with optional keys", () => {
    const codec = Wire.codec(Block)
    holds<Equals<Flat<ValueOf<typeof codec>>, Flat<ExpectedBlock>>>()
    holds<Equals<typeof codec, Wire.Codec<(typeof Block)["Type"]>>>()
    holds<Equals<ReturnType<typeof codec.encode>, Result.Result<Uint8Array, BodyError.BodyEncodeError>>>()
    holds<Equals<ReturnType<typeof codec.decode>, Result.Result<(typeof Block)["Type"], BodyError.BodyDecodeError>>>()
    holds<
      Equals<Parameters<typeof codec.decode>, [input: Uint8Array | Message.Message | TaggedParser.TaggedParser]>
    >()
    assert.isFunction(codec.encode)
  })

  it("are kept by tags", () => {
    const tagged = Schema.optionalKey(Schema.Int).pipe(Wire.tag(7))
    holds<Equals<typeof tagged, Schema.optionalKey<Schema.Int>>>()
    const int = Schema.Int.pipe(Wire.tag(7))
    holds<Equals<typeof int, Schema.Int>>()
    const list = Wire.records(Block)
    holds<Equals<typeof list, Schema.$Array<typeof Block>>>()
    assert.isTrue(Schema.isSchema(list))
  })

  it("are those of classes and lists", () => {
    const point = Wire.codec(Point)
    holds<Equals<typeof point, Wire.Codec<Point>>>()
    const points = Wire.codec(Wire.group(Point))
    holds<Equals<typeof points, Wire.Codec<ReadonlyArray<Point>>>>()
    assert.isFunction(points.decode)
  })

  it("do not let a value lack a field, or a schema need services", () => {
    const codec = Wire.codec(Schema.Struct({ a: Schema.Int.pipe(Wire.tag(1)) }))
    // @ts-expect-error a is missing
    assert.isTrue(codec.encode({})._tag === "Failure")
    // @ts-expect-error a is no string
    assert.isTrue(codec.encode({ a: "1" })._tag === "Failure")

    const needsPrefix = Schema.String.pipe(
      Schema.decodeTo(Schema.String, {
        decode: SchemaGetter.transformEffect((text: string) => Effect.map(Prefix, (prefix) => prefix + text)),
        encode: SchemaGetter.transform((text: string) => text)
      }),
      Wire.tag(1)
    )
    // @ts-expect-error decoding needs Prefix
    assert.isFunction(Wire.codec(Schema.Struct({ a: needsPrefix })).decode)
  })
})
