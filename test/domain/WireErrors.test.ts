import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema, SchemaTransformation } from "effect"
import * as BodyError from "../../src/domain/BodyError.ts"
import * as TaggedWriter from "../../src/domain/TaggedWriter.ts"
import * as Wire from "../../src/domain/Wire.ts"

const { Struct, optionalKey } = Schema
const { tag } = Wire

type Codable = Schema.ConstraintCodec<unknown, unknown>
type Write = (writer: TaggedWriter.TaggedWriter) => TaggedWriter.TaggedWriter

const write = (values: Write): Uint8Array => values(TaggedWriter.make()).finishUnsafe()

/** What an error says, without what errors are made of. */
const plain = (reason: object): Record<string, unknown> => ({ ...reason })

const decodeFailure = (schema: Codable, bytes: Uint8Array): BodyError.BodyDecodeError => {
  const result = Wire.codec(schema).decode(bytes)
  if (Result.isSuccess(result)) return assert.fail("the bytes were decoded")
  assert.instanceOf(result.failure, BodyError.BodyDecodeError)
  return result.failure
}

const encodeFailure = <S extends Codable>(schema: S, value: unknown): BodyError.BodyEncodeError => {
  const result = Wire.codec(schema).encode(value as S["Type"])
  if (Result.isSuccess(result)) return assert.fail("the value was encoded")
  assert.instanceOf(result.failure, BodyError.BodyEncodeError)
  return result.failure
}

const one = <F extends Schema.Top>(field: F) => Struct({ field: field.pipe(tag(9)) as F })

const Hash = Schema.Uint8Array.check(Schema.makeFilter((bytes) => bytes.length === 4, { expected: "4 bytes" })).pipe(
  Schema.decodeTo(
    Schema.String,
    SchemaTransformation.transform({
      decode: (bytes) => Buffer.from(bytes).toString("hex"),
      encode: (text) => new Uint8Array(Buffer.from(text, "hex"))
    })
  )
)

const Even = Schema.Int.check(Schema.isMultipleOf(2))

const Throwing = Schema.String.pipe(Schema.decodeTo(
  Schema.BigInt,
  SchemaTransformation.transform({ decode: (text) => BigInt(text), encode: (n) => String(n) })
))

const Range = Struct({ from: Schema.Int.pipe(tag(1)), to: Schema.Int.pipe(tag(2)) }).check(
  Schema.makeFilter(({ from, to }) => from <= to ? undefined : { path: ["to"], issue: "ends before it starts" })
)

class Span extends Schema.Class<Span>("Span")({ from: Even.pipe(tag(1)), to: Hash.pipe(tag(2)) }) {}

const Block = Struct({
  height: Schema.Natural.pipe(tag(7)),
  transactions: Wire.records(
    Struct({
      txId: optionalKey(Hash).pipe(tag(4)),
      outputs: Wire.group(Struct({ index: Schema.Natural.pipe(tag(24)), amount: Even.pipe(tag(6)) })),
      notes: Schema.Array(Even).pipe(tag(30))
    }),
    { separators: "after" }
  )
})

describe("a failed decode", () => {
  const wrong: ReadonlyArray<readonly [string, Schema.Top, Write, string, string]> = [
    [
      "a string for Int",
      Schema.Int,
      (w) => w.string(9, "hi"),
      "expected an integer up to 2^53-1 in either direction",
      `the string "hi"`
    ],
    [
      "a bigint for Int",
      Schema.Int,
      (w) => w.int(9, 2n ** 53n),
      "expected an integer up to 2^53-1 in either direction",
      "the integer 9007199254740992"
    ],
    [
      "a double for Int",
      Schema.Int,
      (w) => w.double(9, 1),
      "expected an integer up to 2^53-1 in either direction",
      "the double 1"
    ],
    ["an integer for a double", Schema.Finite, (w) => w.int(9, 1), "expected a double", "the integer 1"],
    [
      "bytes for BigInt",
      Schema.BigInt,
      (w) => w.bytes(9, Uint8Array.of(1)),
      "expected an integer up to 2^64-1 in either direction",
      "1 bytes 01"
    ],
    ["an integer for a boolean", Schema.Boolean, (w) => w.int(9, 1), "expected a boolean", "the integer 1"],
    [
      "a boolean for a well-formed string",
      Schema.String,
      (w) => w.bool(9, false),
      "expected a well-formed string",
      "the boolean false"
    ],
    ["a string for bytes", Schema.Uint8Array, (w) => w.string(9, ""), "expected a byte array", `the string ""`],
    ["a string for a number", Wire.lenientDouble, (w) => w.string(9, "1"), "expected a number", `the string "1"`],
    [
      "a bigint for a number",
      Wire.numberOrDouble,
      (w) => w.int(9, 2n ** 60n),
      "expected a number",
      "the integer 1152921504606846976"
    ],
    [
      "no finite number",
      Wire.numberOrDouble,
      (w) => w.double(9, Infinity),
      "expected a finite number",
      "the double Infinity"
    ],
    ["another literal", Schema.Literals(["a", 1, 2n]), (w) => w.int(9, 3), `expected "a" or 1 or 2n`, "the integer 3"],
    [
      "a member of no union",
      Schema.Union([Schema.Int, Schema.String]),
      (w) => w.bool(9, true),
      "expected an integer up to 2^53-1 in either direction or a well-formed string",
      "the boolean true"
    ],
    [
      "what a check refuses",
      Schema.Natural,
      (w) => w.int(9, -1),
      "expected a value greater than or equal to 0",
      "the number -1"
    ],
    [
      "what a later check refuses",
      Even,
      (w) => w.int(9, 3),
      "expected a value that is a multiple of 2",
      "the number 3"
    ],
    [
      "what a check before a transformation refuses",
      Hash,
      (w) => w.bytes(9, new Uint8Array(5)),
      "expected 4 bytes",
      "5 bytes 0000000000"
    ],
    [
      "what an optional key refuses",
      optionalKey(Hash),
      (w) => w.bytes(9, new Uint8Array(5)),
      "expected 4 bytes",
      "5 bytes 0000000000"
    ],
    [
      "what a transformation throws at",
      Throwing,
      (w) => w.string(9, "x"),
      "the schema's own code failed: Cannot convert x to a BigInt",
      `the string "x"`
    ],
    [
      "a long string",
      Schema.Int,
      (w) => w.string(9, "x".repeat(1000)),
      "expected an integer up to 2^53-1 in either direction",
      `the string "${"x".repeat(40)}"…`
    ],
    [
      "many bytes",
      Schema.Int,
      (w) => w.bytes(9, new Uint8Array(32).fill(0xab)),
      "expected an integer up to 2^53-1 in either direction",
      `32 bytes ${"ab".repeat(16)}…`
    ]
  ]

  it.each(wrong.map(([name, field, values, problem, found]) => ({ name, field, values, problem, found })))(
    "says where, and what was found: $name",
    ({ field, found, problem, values }) => {
      const error = decodeFailure(one(field) as unknown as Codable, write(values))
      assert.deepStrictEqual(plain(error.reason), { _tag: "UnexpectedValue", path: ["field"], tag: 9, problem, found })
      assert.strictEqual(error.message, `Cannot decode the body: field (tag 9): ${problem}; found ${found}`)
    }
  )

  it("says what is missing", () => {
    assert.deepStrictEqual(plain(decodeFailure(one(Schema.String), new Uint8Array(0)).reason), {
      _tag: "MissingValue",
      path: ["field"],
      tag: 9,
      expected: "a well-formed string",
      found: "nothing"
    })
    const { message } = decodeFailure(one(Schema.NonEmptyArray(Schema.Int)), new Uint8Array(0))
    assert.strictEqual(message, "Cannot decode the body: field (tag 9) is missing: expected at least one element")
  })

  it("says what came twice", () => {
    assert.deepStrictEqual(plain(decodeFailure(one(Schema.Int), write((w) => w.int(9, 1).string(9, "2"))).reason), {
      _tag: "RepeatedValue",
      path: ["field"],
      tag: 9,
      found: `the string "2"`
    })
  })

  it("gives the whole path through lists", () => {
    const start = (w: TaggedWriter.TaggedWriter) => w.int(7, 1).int(24, 0).int(6, 2).separator()
    const where: ReadonlyArray<readonly [Write, string, number | undefined]> = [
      [(w) => start(w).bytes(4, new Uint8Array(3)), "transactions[1].txId", 4],
      [(w) => start(w).int(24, 0).int(6, 2).int(24, 1).int(6, 3), "transactions[1].outputs[1].amount", 6],
      [(w) => start(w).int(24, 0).int(6, 2).string(24, "1"), "transactions[1].outputs[1].index", 24],
      [(w) => start(w).int(24, 0), "transactions[1].outputs[0].amount", 6],
      [(w) => start(w).int(30, 2).int(30, 4).int(30, 5), "transactions[1].notes[2]", 30],
      [(w) => start(w).int(30, 2).string(30, "4"), "transactions[1].notes[1]", 30],
      [(w) => start(w).bool(0, false), "transactions", 0],
      [(w) => start(w).string(7, ""), "height", 7]
    ]
    for (const [values, path, id] of where) {
      const { reason } = decodeFailure(Block, write(values))
      assert.deepStrictEqual([BodyError.formatPath(reason.path), reason.tag], [path, id])
    }
  })

  it("gives the path that a check or transformation of a struct names", () => {
    const range = decodeFailure(Wire.group(Range), write((w) => w.int(1, 1).int(2, 2).int(1, 4).int(2, 3)))
    assert.deepStrictEqual(plain(range.reason), {
      _tag: "UnexpectedValue",
      path: [1, "to"],
      tag: 2,
      problem: "ends before it starts",
      found: "the number 3"
    })
    const span = decodeFailure(Span, write((w) => w.int(1, 2).bytes(2, new Uint8Array(2))))
    assert.deepStrictEqual(plain(span.reason), {
      _tag: "UnexpectedValue",
      path: ["to"],
      tag: 2,
      problem: "expected 4 bytes",
      found: "2 bytes 0000"
    })
  })

  it("says at which byte values stop being values, before what is missing for that", () => {
    const bytes = write((w) => w.int(7, 1).int(24, 0).string(9, "cut off"))
    const { message, reason } = decodeFailure(Block, bytes.subarray(0, bytes.length - 2))
    assert.strictEqual(reason._tag === "MalformedBody" ? reason.malformed._tag : reason._tag, "LengthPastEnd")
    assert.deepStrictEqual(reason.path, ["transactions", 0, "outputs", 0])
    assert.include(message, "transactions[0].outputs[0]: the value at byte 4 (tag 9) announces 7 bytes, but 5 are left")
  })

  it("is one of a few reasons, for Effect to catch", () =>
    Effect.runSync(Effect.gen(function*() {
      const caught = yield* Effect.fromResult(Wire.codec(one(Schema.Int)).decode(new Uint8Array(0))).pipe(
        Effect.catchReason("BodyDecodeError", "MissingValue", ({ tag }) => Effect.succeed({ field: tag ?? 0 }))
      )
      assert.deepStrictEqual(caught, { field: 9 })
    })))
})

describe("a failed encode", () => {
  const wrong: ReadonlyArray<readonly [string, Schema.Top, unknown, string, string]> = [
    ["a fraction for Int", Schema.Int, 1.5, "expected an integer up to 2^53-1 in either direction", "the double 1.5"],
    [
      "an inexact Int",
      Schema.Int,
      2 ** 53,
      "expected an integer up to 2^53-1 in either direction",
      "the number 9007199254740992"
    ],
    [
      "a bigint beyond 64 bits",
      Schema.BigInt,
      2n ** 64n,
      "expected an integer up to 2^64-1 in either direction",
      "the integer 18446744073709551616"
    ],
    ["a string for a boolean", Schema.Boolean, "true", "expected a boolean", `the string "true"`],
    ["half a pair of surrogates", Schema.String, "\ud800", "expected a well-formed string", `the string "\\ud800"`],
    ["null", Schema.String, null, "expected a well-formed string", "null"],
    ["an array for bytes", Schema.Uint8Array, [1, 2], "expected a byte array", "a list of 2"],
    ["a function", Schema.Finite, () => 1, "expected a double", "a function"],
    ["another literal", Schema.Literals([1, 2]), 3, "expected 1 or 2", "the number 3"],
    ["what a check refuses", Schema.Natural, -1, "expected a value greater than or equal to 0", "the number -1"],
    ["no value for a check", Schema.Natural, {}, "expected an integer up to 2^53-1 in either direction", "an object"],
    ["what a transformation refuses", Hash, "0102", "expected 4 bytes", `the string "0102"`],
    ["what an optional key refuses", optionalKey(Hash), "0102", "expected 4 bytes", `the string "0102"`],
    ["no list", Schema.Array(Schema.Int), 5, "expected a list", "the number 5"],
    ["no list for a check", Schema.Array(Even), 5, "expected a list", "the number 5"],
    ["an empty list", Schema.NonEmptyArray(Schema.Int), [], "expected a list of at least one element", "a list of 0"],
    ["nothing", Schema.Int, undefined, "expected an integer up to 2^53-1 in either direction", "nothing"]
  ]

  it.each(wrong.map(([name, field, value, problem, found]) => ({ name, field, value, problem, found })))(
    "says where, and what was found: $name",
    ({ field, found, problem, value }) => {
      const error = encodeFailure(one(field) as unknown as Codable, { field: value })
      assert.deepStrictEqual(plain(error.reason), { _tag: "UnwritableValue", path: ["field"], tag: 9, problem, found })
      assert.strictEqual(error.message, `Cannot encode the body: field (tag 9): ${problem}; found ${found}`)
    }
  )

  it("gives the whole path through lists", () => {
    const good = { outputs: [{ index: 0, amount: 2 }], notes: [] }
    const where: ReadonlyArray<readonly [unknown, string, number | undefined]> = [
      [{ height: 1, transactions: [good, { ...good, txId: "00" }] }, "transactions[1].txId", 4],
      [
        { height: 1, transactions: [good, { ...good, outputs: [{ index: 0, amount: 3 }] }] },
        "transactions[1].outputs[0].amount",
        6
      ],
      [{ height: 1, transactions: [good, { ...good, notes: [2, 3] }] }, "transactions[1].notes[1]", 30],
      [{ height: 1, transactions: [good, { ...good, notes: [2, "4"] }] }, "transactions[1].notes[1]", 30],
      [{ height: 1, transactions: [good, null] }, "transactions[1]", undefined],
      [{ height: 1, transactions: {} }, "transactions", undefined],
      [5, "", undefined]
    ]
    for (const [value, path, id] of where) {
      const { reason } = encodeFailure(Block, value)
      assert.deepStrictEqual([BodyError.formatPath(reason.path), reason.tag], [path, id])
    }
    assert.deepStrictEqual(encodeFailure(Wire.group(Range), [{ from: 1, to: 2 }, { from: 2, to: 1 }]).reason.path, [
      1,
      "to"
    ])
    assert.deepStrictEqual(encodeFailure(Wire.group(Range), [{ from: 1, to: 2 }, 5]).reason.path, [1])
    assert.deepStrictEqual(encodeFailure(Span, { from: 1 }).reason.path, [])
  })

  it("names the value that is too large for a body", () => {
    const schema = Struct({ list: Wire.records(Struct({ bytes: Schema.Uint8Array.pipe(tag(1)) })) })
    const half = new Uint8Array(TaggedWriter.defaultLimit / 2)
    const error = encodeFailure(schema, { list: [{ bytes: half }, { bytes: half }] })
    assert.deepStrictEqual(plain(error.reason), {
      _tag: "BodyTooLarge",
      path: ["list", "bytes"],
      tag: 1,
      limit: TaggedWriter.defaultLimit
    })
    assert.strictEqual(
      error.message,
      "Cannot encode the body: list.bytes (tag 1) does not fit into the 67108864 bytes of a body: send less"
    )
    assert.isTrue(Result.isSuccess(Wire.codec(schema).encode({ list: [] })))
  })
})

describe("errors about what must not be shown", () => {
  const Key = Schema.Uint8Array.check(Schema.makeFilter((bytes) => bytes.length === 4, { expected: "4 bytes" }))
  const key = Uint8Array.of(0xde, 0xad, 0xbe, 0xef)
  const isHidden = (error: { readonly message: string }, problem: string) => {
    assert.include(error.message, problem)
    assert.include(error.message, "what is not shown")
    assert.notMatch(error.message, /dead|beef|hunter2|222|173/)
  }
  const Secrets = [
    Schema.RedactedFromValue(Key),
    Schema.RedactedFromValue(Key).pipe(Schema.brand("Key")),
    Schema.optionalKey(Schema.RedactedFromValue(Key))
  ]

  it("do not show it when it is decoded", () => {
    for (const secret of Secrets) {
      const Body = one(secret)
      isHidden(decodeFailure(Body, write((writer) => writer.bytes(9, key.subarray(1)))), "expected 4 bytes")
      isHidden(decodeFailure(Body, write((writer) => writer.string(9, "hunter2"))), "expected a byte array")
      isHidden(decodeFailure(Body, write((writer) => writer.bytes(9, key).bytes(9, key))), "came twice")
    }
    const List = Struct({ field: Schema.Array(Schema.RedactedFromValue(Key)).pipe(tag(9)) })
    isHidden(decodeFailure(List, write((writer) => writer.bytes(9, key).bytes(9, key.subarray(1)))), "expected 4 bytes")
    const Lists = Struct({ list: Wire.group(Struct({ id: Schema.Int.pipe(tag(8)), field: Secrets[0]!.pipe(tag(9)) })) })
    isHidden(decodeFailure(Lists, write((writer) => writer.int(8, 1).bytes(9, key.subarray(1)))), "list[0].field")
  })

  it("do not show it when it is encoded", () => {
    for (const secret of Secrets) {
      isHidden(encodeFailure(one(secret), { field: key }), "expected Redacted")
      isHidden(encodeFailure(one(secret), { field: "hunter2" }), "expected Redacted")
    }
    assert.include(encodeFailure(one(Secrets[0]!), {}).message, "found nothing")
  })
})
