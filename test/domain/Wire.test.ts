import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Result, Schema, SchemaTransformation } from "effect"
import * as Message from "../../src/domain/Message.ts"
import * as Slab from "../../src/domain/Slab.ts"
import * as TaggedParser from "../../src/domain/TaggedParser.ts"
import * as TaggedWriter from "../../src/domain/TaggedWriter.ts"
import * as Wire from "../../src/domain/Wire.ts"

const { Struct, optionalKey } = Schema
const { tag } = Wire

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

const write = (values: (writer: TaggedWriter.TaggedWriter) => TaggedWriter.TaggedWriter): Uint8Array =>
  values(TaggedWriter.make()).finishUnsafe()

type Codable = Schema.ConstraintCodec<unknown, unknown>

/** That a value goes to these bytes and comes back from them. */
const goesThrough = <S extends Codable>(
  schema: S,
  value: S["Type"],
  values: (writer: TaggedWriter.TaggedWriter) => TaggedWriter.TaggedWriter
): void => {
  const codec = Wire.codec(schema)
  const bytes = Result.getOrThrow(codec.encode(value))
  assert.strictEqual(hex(bytes), hex(write(values)))
  assert.deepStrictEqual(Result.getOrThrow(codec.decode(bytes)), value)
}

const decoded = <S extends Codable>(schema: S, bytes: Uint8Array): S["Type"] =>
  Result.getOrThrow(Wire.codec(schema).decode(bytes))

const one = <F extends Schema.Top>(field: F) => Struct({ field: field.pipe(tag(9)) as F })

class Point extends Schema.Class<Point>("Point")({
  x: Schema.Int.pipe(tag(1)),
  y: Schema.Int.pipe(tag(2))
}) {
  get sum(): number {
    return this.x + this.y
  }
}

class Opened extends Schema.TaggedClass<Opened>()("Opened", { id: Schema.FiniteFromString.pipe(tag(3)) }) {}

describe("Wire.codec", () => {
  describe("takes leaves", () => {
    it("Int: an integer, exact, to either end", () => {
      for (const n of [0, 1, -1, 127, 128, -300, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]) {
        goesThrough(one(Schema.Int), { field: n }, (w) => w.int(9, n))
      }
    })

    it("Natural, and integers by checks and brands", () => {
      goesThrough(one(Schema.Natural), { field: 5 }, (w) => w.int(9, 5))
      goesThrough(one(Schema.Finite.check(Schema.isUint32())), { field: 5 }, (w) => w.int(9, 5))
      const Height = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 10 })).pipe(Schema.brand("Height"))
      goesThrough(one(Height), { field: Height.make(5) }, (w) => w.int(9, 5))
    })

    it("BigInt: an integer, as a bigint however small", () => {
      for (const n of [0n, -1n, 1n << 53n, (1n << 64n) - 1n, 1n - (1n << 64n)]) {
        goesThrough(one(Schema.BigInt), { field: n }, (w) => w.int(9, n))
      }
    })

    it("Number and Finite: a double, whole or not", () => {
      for (const n of [0, 1, -0, 0.5, 1e300, NaN, Infinity]) {
        // @effect-diagnostics-next-line schemaNumber:off
        goesThrough(one(Schema.Number), { field: n }, (w) => w.double(9, n))
      }
      goesThrough(one(Schema.Finite), { field: 3 }, (w) => w.double(9, 3))
    })

    it("numberOrDouble: an integer when whole, else a double", () => {
      goesThrough(one(Wire.numberOrDouble), { field: 3 }, (w) => w.int(9, 3))
      goesThrough(one(Wire.numberOrDouble), { field: 0.5 }, (w) => w.double(9, 0.5))
      goesThrough(one(Wire.numberOrDouble), { field: -0 }, (w) => w.double(9, -0))
      goesThrough(one(Wire.numberOrDouble), { field: 2 ** 60 }, (w) => w.double(9, 2 ** 60))
      assert.deepStrictEqual(decoded(one(Wire.numberOrDouble), write((w) => w.double(9, 3))), { field: 3 })
    })

    it("lenientDouble: a double, read from an integer too", () => {
      goesThrough(one(Wire.lenientDouble), { field: 3 }, (w) => w.double(9, 3))
      assert.deepStrictEqual(decoded(one(Wire.lenientDouble), write((w) => w.int(9, 3))), { field: 3 })
      const percentage = Wire.lenientDouble.check(Schema.isBetween({ minimum: 0, maximum: 100 }))
      goesThrough(one(percentage), { field: 3 }, (w) => w.double(9, 3))
    })

    it("String, Boolean and Uint8Array", () => {
      for (const text of ["", "hi", "grüße €", "x".repeat(1000)]) {
        goesThrough(one(Schema.String), { field: text }, (w) => w.string(9, text))
      }
      goesThrough(one(Schema.Boolean), { field: true }, (w) => w.bool(9, true))
      goesThrough(one(Schema.Boolean), { field: false }, (w) => w.bool(9, false))
      goesThrough(one(Schema.Uint8Array), { field: new Uint8Array(0) }, (w) => w.bytes(9, new Uint8Array(0)))
      goesThrough(one(Schema.Uint8Array), { field: Uint8Array.of(1, 2) }, (w) => w.bytes(9, Uint8Array.of(1, 2)))
    })

    it("Literal, Literals and Enum, by what the literal is", () => {
      goesThrough(one(Schema.Literals([1, 2])), { field: 2 }, (w) => w.int(9, 2))
      goesThrough(one(Schema.Literal(-7n)), { field: -7n }, (w) => w.int(9, -7))
      goesThrough(one(Schema.Literal(2n ** 60n)), { field: 2n ** 60n }, (w) => w.int(9, 2n ** 60n))
      goesThrough(one(Schema.Literals(["main", "test"])), { field: "test" }, (w) => w.string(9, "test"))
      goesThrough(one(Schema.Literal(0.5)), { field: 0.5 }, (w) => w.double(9, 0.5))
      goesThrough(one(Schema.Literals([true, 3, "all"])), { field: "all" }, (w) => w.string(9, "all"))
      goesThrough(one(Schema.Literals([true, 3, "all"])), { field: true }, (w) => w.bool(9, true))
      const Flag = { Off: 0, On: 1 } as const
      goesThrough(one(Schema.Enum(Flag)), { field: 1 }, (w) => w.int(9, 1))
    })

    it("unions, by the first member that takes the value", () => {
      const union = one(Schema.Union([Schema.Int, Schema.String, Schema.Literal(0.5)]))
      goesThrough(union, { field: 4 }, (w) => w.int(9, 4))
      goesThrough(union, { field: "4" }, (w) => w.string(9, "4"))
      goesThrough(union, { field: 0.5 }, (w) => w.double(9, 0.5))
      const checked = one(Schema.Union([Schema.NonEmptyString, Schema.FiniteFromString, Schema.Boolean]))
      goesThrough(checked, { field: true }, (w) => w.bool(9, true))
      goesThrough(one(Schema.TemplateLiteral(["v", Schema.Int])), { field: "v3" }, (w) => w.string(9, "v3"))
    })

    it("tags up to 2^32-1", () => {
      for (const id of [1, 30, 31, 127, 128, 255, 256, 65_536, 2 ** 32 - 1]) {
        goesThrough(Struct({ field: Schema.Int.pipe(tag(id)) }), { field: 5 }, (w) => w.int(id, 5))
      }
    })
  })

  describe("takes transformations", () => {
    const Reversed = Schema.Uint8Array.pipe(Schema.decodeTo(
      Schema.String,
      SchemaTransformation.transform({
        decode: (bytes) => Buffer.from(bytes).reverse().toString("hex"),
        encode: (text) => new Uint8Array(Buffer.from(text, "hex").reverse())
      })
    ))

    it("of fields, wherever the tag is", () => {
      goesThrough(one(Reversed), { field: "0102" }, (w) => w.bytes(9, Uint8Array.of(2, 1)))
      const inner = Struct({ field: Schema.String.pipe(tag(9), Schema.decodeTo(Schema.FiniteFromString)) })
      goesThrough(inner, { field: 12 }, (w) => w.string(9, "12"))
      const millis = one(Schema.DateFromMillis)
      goesThrough(millis, { field: new Date(1_700_000_000_000) }, (w) => w.int(9, 1_700_000_000_000))
    })

    it("of elements and of lists", () => {
      const list = one(Schema.Array(Reversed))
      goesThrough(list, { field: ["0102", "03"] }, (w) => w.bytes(9, Uint8Array.of(2, 1)).bytes(9, Uint8Array.of(3)))
      const total = Schema.Array(Schema.Int).pipe(Schema.decodeTo(
        Schema.Int,
        SchemaTransformation.transform({ decode: (all) => all.reduce((a, b) => a + b, 0), encode: (n) => [n] })
      ))
      assert.deepStrictEqual(decoded(one(total), write((w) => w.int(9, 1).int(9, 2))), { field: 3 })
      goesThrough(one(total), { field: 4 }, (w) => w.int(9, 4))
    })

    it("of structs: classes, tagged classes, renamed keys", () => {
      goesThrough(Point, new Point({ x: 1, y: 2 }), (w) => w.int(1, 1).int(2, 2))
      assert.strictEqual(decoded(Point, write((w) => w.int(1, 1).int(2, 2))).sum, 3)
      goesThrough(Opened, new Opened({ id: 7 }), (w) => w.string(3, "7"))
      const renamed = Struct({ height: Schema.Int.pipe(tag(7)) }).pipe(Schema.encodeKeys({ height: "h" }))
      goesThrough(renamed, { height: 5 }, (w) => w.int(7, 5))
    })

    it("of structs in lists, and of lists of structs", () => {
      goesThrough(
        Wire.group(Point),
        [new Point({ x: 1, y: 2 }), new Point({ x: 3, y: 4 })],
        (w) => w.int(1, 1).int(2, 2).int(1, 3).int(2, 4)
      )
      const keys = Wire.group(Struct({ key: Schema.String.pipe(tag(1)), hex: Reversed.pipe(tag(2)) })).pipe(
        Schema.decodeTo(
          Schema.mutable(Schema.Array(Schema.String)),
          SchemaTransformation.transform({
            decode: (pairs) => pairs.map((pair) => `${pair.key}=${pair.hex}`),
            encode: (lines) => lines.map((line) => ({ key: line.split("=")[0], hex: line.split("=")[1] }))
          })
        )
      )
      goesThrough(
        Struct({ keys }),
        { keys: ["a=01", "b=02"] },
        (w) => w.string(1, "a").bytes(2, Uint8Array.of(1)).string(1, "b").bytes(2, Uint8Array.of(2))
      )
    })

    it("constants of tagged structs stay off the wire", () => {
      const schema = Schema.TaggedStruct("Opened", { id: Schema.Int.pipe(tag(3)) })
      goesThrough(schema, { _tag: "Opened", id: 1 }, (w) => w.int(3, 1))
      const omitted = Struct({ _tag: Schema.tagDefaultOmit("Opened"), id: Schema.Int.pipe(tag(3)) })
      goesThrough(omitted, { _tag: "Opened", id: 1 }, (w) => w.int(3, 1))
    })

    it("that encode something else in the middle", () => {
      const Inner = Struct({ n: Schema.Int.pipe(tag(1)), text: Schema.String.pipe(tag(2)) })
      const inner = Wire.codec(Inner)
      const nested = Schema.Uint8Array.pipe(Schema.decodeTo(
        Schema.Unknown,
        SchemaTransformation.transform<unknown, Uint8Array>({
          decode: (bytes) => Result.getOrThrow(inner.decode(bytes)),
          encode: (value) => Result.getOrThrow(inner.encode(value as typeof Inner.Type))
        })
      ))
      const schema = Struct({ before: Schema.String.pipe(tag(4)), nested: nested.pipe(tag(5)) })
      const value = { before: "y".repeat(100), nested: { n: 1, text: "x".repeat(100) } }
      const codec = Wire.codec(schema)
      assert.deepStrictEqual(Result.getOrThrow(codec.decode(Result.getOrThrow(codec.encode(value)))), value)
    })
  })

  describe("takes absence", () => {
    it("optional keys, with and without undefined", () => {
      const schema = Struct({
        a: optionalKey(Schema.Int).pipe(tag(1)),
        b: optionalKey(Schema.Int.pipe(tag(2))),
        c: Schema.optional(Schema.NonEmptyString).pipe(tag(3)),
        d: optionalKey(Schema.FiniteFromString).pipe(tag(4))
      })
      goesThrough(schema, {}, (w) => w)
      goesThrough(schema, { a: 1, b: 2, c: "3", d: 4 }, (w) => w.int(1, 1).int(2, 2).string(3, "3").string(4, "4"))
      assert.strictEqual(hex(Result.getOrThrow(Wire.codec(schema).encode({ c: undefined }))), "")
    })

    it("defaults, of the encoded side and of the type", () => {
      const schema = Struct({
        a: Schema.Int.pipe(Schema.withDecodingDefaultKey(Effect.succeed(5)), tag(1)),
        b: Schema.FiniteFromString.pipe(Schema.withDecodingDefaultTypeKey(Effect.succeed(6)), tag(2)),
        c: Schema.Int.pipe(tag(3), Schema.withDecodingDefault(Effect.succeed(7), { encodingStrategy: "omit" }))
      })
      assert.deepStrictEqual(decoded(schema, new Uint8Array(0)), { a: 5, b: 6, c: 7 })
      goesThrough(schema, { a: 1, b: 2, c: 7 }, (w) => w.int(1, 1).string(2, "2"))
    })

    it("an Option in place of a key", () => {
      const schema = Struct({ a: Schema.OptionFromOptionalKey(Schema.Int).pipe(tag(1)) })
      goesThrough(schema, { a: Option.none() }, (w) => w)
      goesThrough(schema, { a: Option.some(3) }, (w) => w.int(1, 3))
    })

    it("arrays: none is an empty array, or no key", () => {
      goesThrough(one(Schema.Array(Schema.Int)), { field: [] }, (w) => w)
      goesThrough(one(Schema.Array(Schema.Int)), { field: [1, 2, 1] }, (w) => w.int(9, 1).int(9, 2).int(9, 1))
      goesThrough(one(Schema.NonEmptyArray(Schema.Int)), { field: [4] }, (w) => w.int(9, 4))
      goesThrough(one(optionalKey(Schema.Array(Schema.Int))), {}, (w) => w)
      const some = one(Schema.Array(Schema.Int).check(Schema.isMinLength(2)))
      goesThrough(some, { field: [1, 2] }, (w) => w.int(9, 1).int(9, 2))
    })

    it("names that every object has", () => {
      const schema = Struct({ constructor: optionalKey(Schema.Int).pipe(tag(1)), valueOf: Schema.Int.pipe(tag(2)) })
      goesThrough(schema as never, { valueOf: 2 } as never, (w) => w.int(2, 2))
    })
  })

  it("writes in declared order, reads in any, and skips what it does not know", () => {
    const schema = Struct({ z: Schema.Int.pipe(tag(9)), a: Schema.Int.pipe(tag(1)) })
    goesThrough(schema, { z: 1, a: 2 }, (w) => w.int(9, 1).int(1, 2))
    const value = decoded(
      schema,
      write((w) => w.separator().int(1, 2).string(8, "?").double(77, 1).int(9, 1).bytes(5000, Uint8Array.of(1)))
    )
    assert.deepStrictEqual(Object.entries(value), [["z", 1], ["a", 2]])
  })

  it("is made once per schema", () => {
    const schema = one(Schema.Int)
    assert.strictEqual(Wire.codec(schema), Wire.codec(schema))
    assert.notStrictEqual(Wire.codec(schema), Wire.codec(schema, { maxElements: 5 }) as unknown)
  })

  describe("reads", () => {
    const schema = one(Schema.Uint8Array)
    const bytes = write((w) => w.bytes(9, Uint8Array.of(1, 2, 3)))

    it("bytes, as views of them", () => {
      const { field } = decoded(schema, bytes)
      assert.strictEqual(field.buffer, bytes.buffer)
    })

    it("a message, into bytes that may be kept", () => {
      const slab = Slab.make(Uint8Array.of(0, ...bytes, 0))
      const message = Message.fromSlab(1, 2, Message.make({ serviceId: 1 }).header, slab, 1, 1 + bytes.length)
      const { field } = Result.getOrThrow(Wire.codec(schema).decode(message))
      slab.bytes.fill(0)
      assert.deepStrictEqual([...field], [1, 2, 3])
    })

    it("what a parser has yet to give", () => {
      const parser = TaggedParser.make(write((w) => w.int(9, 7).bytes(9, Uint8Array.of(4))))
      parser.next()
      assert.deepStrictEqual([...Result.getOrThrow(Wire.codec(schema).decode(parser)).field], [4])
    })

    it("results that stay as they are when more is written", () => {
      const codec = Wire.codec(one(Schema.String))
      const texts = ["a", "b", "c"].map((letter) => letter.repeat(100))
      const results = texts.map((text) => Result.getOrThrow(codec.encode({ field: text })))
      assert.deepStrictEqual(results.map((result) => Result.getOrThrow(codec.decode(result)).field), texts)
    })
  })
})
