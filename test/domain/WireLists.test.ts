import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import * as TaggedWriter from "../../src/domain/TaggedWriter.ts"
import * as Wire from "../../src/domain/Wire.ts"

const { Struct, optionalKey } = Schema
const { tag } = Wire

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

/** Writes integers by tag: `"8:1 0 8:2"`, where a lone 0 is a separator. */
const bytesOf = (values: string): Uint8Array => {
  const writer = TaggedWriter.make()
  for (const value of values.split(" ").filter((value) => value !== "")) {
    const [id, n] = value.split(":")
    if (n === undefined) writer.separator()
    else writer.int(Number(id), Number(n))
  }
  return writer.finishUnsafe()
}

type Codable = Schema.ConstraintCodec<unknown, unknown>

const reads = <S extends Codable>(schema: S, values: string, value: S["Type"]): void =>
  assert.deepStrictEqual(Result.getOrThrow(Wire.codec(schema).decode(bytesOf(values))), value)

const goesThrough = <S extends Codable>(schema: S, value: S["Type"], values: string): void => {
  assert.strictEqual(hex(Result.getOrThrow(Wire.codec(schema).encode(value))), hex(bytesOf(values)))
  reads(schema, values, value)
}

const problemOf = (schema: Codable, values: string): string => {
  const result = Wire.codec(schema).decode(bytesOf(values))
  return Result.isFailure(result) ? `${result.failure.reason._tag} ${result.failure.message}` : "none"
}

const int = (id: number) => Schema.Int.pipe(tag(id))
const maybe = (id: number) => optionalKey(Schema.Int).pipe(tag(id))

describe("Wire.records", () => {
  const Pair = Struct({ a: int(1), b: maybe(2) })

  it("writes separators between records unless told otherwise, and reads them with one more too", () => {
    const schema = Wire.records(Pair)
    goesThrough(schema, [], "")
    goesThrough(schema, [{ a: 1 }], "1:1")
    goesThrough(schema, [{ a: 1, b: 2 }, { a: 3 }, { a: 4, b: 5 }], "1:1 2:2 0 1:3 0 1:4 2:5")
    reads(schema, "0 0 1:1 0 0 1:2 0", [{ a: 1 }, { a: 2 }])
  })

  it("writes separators after records, and reads them with one missing too", () => {
    const schema = Wire.records(Pair, { separators: "after" })
    goesThrough(schema, [], "")
    goesThrough(schema, [{ a: 1 }, { a: 3, b: 4 }], "1:1 0 1:3 2:4 0")
    reads(schema, "1:1 0 2:4 1:3", [{ a: 1 }, { a: 3, b: 4 }])
  })

  it("knows records without values where each ends with a separator", () => {
    const schema = Wire.records(Struct({ a: maybe(1) }), { separators: "after" })
    goesThrough(schema, [{}, { a: 1 }, {}, {}], "0 1:1 0 0 0")
    assert.include(problemOf(Wire.records(Pair, { separators: "after" }), "1:1 0 0"), "[1].a (tag 1) is missing")
  })

  it("refuses to write a record that nobody could see", () => {
    const codec = Wire.codec(Wire.records(Struct({ a: maybe(1) })))
    assert.strictEqual(hex(Result.getOrThrow(codec.encode([{ a: 1 }, { a: 2 }]))), hex(bytesOf("1:1 0 1:2")))
    const result = codec.encode([{ a: 1 }, {}])
    assert.deepStrictEqual(Result.isFailure(result) ? { ...result.failure.reason } : result, {
      _tag: "EmptyRecord",
      path: [1],
      tag: undefined
    } as never)
  })

  it("stands as a field between others, whose tags end the record", () => {
    for (const separators of ["between", "after"] as const) {
      const schema = Struct({ height: int(7), pairs: Wire.records(Pair, { separators }), time: int(63) })
      const value = { height: 1, pairs: [{ a: 1 }, { a: 2, b: 3 }], time: 4 }
      goesThrough(schema, value, separators === "after" ? "7:1 1:1 0 1:2 2:3 0 63:4" : "7:1 1:1 0 1:2 2:3 63:4")
      reads(schema, "1:1 7:1 1:2 2:3 0 63:4", value)
    }
  })

  it("skips unknown tags within and between records", () => {
    reads(Wire.records(Pair), "50:1 1:1 50:2 2:2 50:3 0 50:4 1:3 50:5", [{ a: 1, b: 2 }, { a: 3 }])
  })

  it("separates single values", () => {
    const between = Struct({ ids: Wire.records(int(4)), time: int(63) })
    goesThrough(between, { ids: [1, 2, 3], time: 4 }, "4:1 0 4:2 0 4:3 63:4")
    goesThrough(between, { ids: [], time: 4 }, "63:4")
    reads(between, "4:1 4:2 0 63:4", { ids: [1, 2], time: 4 })
    goesThrough(Wire.records(int(4), { separators: "after" }), [1, 2], "4:1 0 4:2 0")
  })

  it("wants separators to be true", () => {
    assert.include(
      problemOf(Wire.records(Pair), "1:1 0:5 1:1"),
      "expected a separator, which is true; found the integer 5"
    )
  })

  it("may be optional, and checked as a whole", () => {
    goesThrough(Struct({ pairs: optionalKey(Wire.records(Pair)) }), {}, "")
    const some = Wire.records(Pair).check(Schema.isMinLength(2))
    goesThrough(some, [{ a: 1 }, { a: 2 }], "1:1 0 1:2")
    assert.include(problemOf(some, "1:1"), "the body: expected a value with a length of at least 2; found a list of 1")
  })
})

describe("Wire.group", () => {
  it("begins an element with its first field, when that is always there", () => {
    const schema = Wire.group(Struct({ index: int(24), amount: maybe(6), script: maybe(23) }))
    goesThrough(schema, [], "")
    goesThrough(
      schema,
      [{ index: 0, amount: 1, script: 2 }, { index: 1 }, { index: 2, script: 3 }],
      "24:0 6:1 23:2 24:1 24:2 23:3"
    )
    reads(schema, "24:0 23:2 6:1 24:1", [{ index: 0, amount: 1, script: 2 }, { index: 1 }])
    assert.include(
      problemOf(schema, "24:0 6:1 6:2"),
      "RepeatedValue Cannot decode the body: [0].amount (tag 6) came twice"
    )
    assert.include(problemOf(schema, "6:1 24:0"), "[0].index (tag 24) is missing")
  })

  it("begins an element where the declared order is broken, when its first field may be absent", () => {
    const schema = Wire.group(Struct({ id: maybe(20), index: maybe(21), script: int(22) }))
    goesThrough(
      schema,
      [{ script: 1 }, { id: 2, index: 3, script: 4 }, { index: 5, script: 6 }, { script: 7 }],
      "22:1 20:2 21:3 22:4 21:5 22:6 22:7"
    )
  })

  it("takes repeated values within its elements", () => {
    const schema = Wire.group(Struct({ ids: Schema.Array(Schema.Int).pipe(tag(1)), end: int(2) }))
    goesThrough(schema, [{ ids: [1, 2], end: 3 }, { ids: [], end: 4 }, { ids: [5], end: 6 }], "1:1 1:2 2:3 2:4 1:5 2:6")
    const first = Wire.group(Struct({ start: int(1), ids: Schema.Array(Schema.Int).pipe(tag(2)) }))
    goesThrough(first, [{ start: 1, ids: [] }, { start: 2, ids: [3, 4] }], "1:1 1:2 2:3 2:4")
  })

  it("takes groups within groups, and groups within records", () => {
    const inner = Wire.group(Struct({ c: int(3), d: maybe(4) }))
    const schema = Wire.group(Struct({ a: int(1), list: inner, b: maybe(2) }))
    goesThrough(schema, [
      { a: 1, list: [{ c: 2 }, { c: 3, d: 4 }], b: 5 },
      { a: 6, list: [] },
      { a: 7, list: [{ c: 8 }] }
    ], "1:1 3:2 3:3 4:4 2:5 1:6 1:7 3:8")
    const ordered = Wire.group(Struct({ list: inner, a: int(1) }))
    goesThrough(ordered, [{ list: [{ c: 1 }, { c: 2 }], a: 3 }, { list: [], a: 4 }], "3:1 3:2 1:3 1:4")
    const transactions = Wire.records(
      Struct({ offset: maybe(8), inputs: inner, outputs: Wire.group(Struct({ index: int(24), amount: maybe(6) })) }),
      { separators: "after" }
    )
    goesThrough(Struct({ height: int(7), transactions }), {
      height: 9,
      transactions: [
        { offset: 1, inputs: [{ c: 1 }, { c: 2 }], outputs: [{ index: 0 }, { index: 1, amount: 5 }] },
        { inputs: [], outputs: [] },
        { offset: 2, inputs: [], outputs: [{ index: 0, amount: 6 }] }
      ]
    }, "7:9 8:1 3:1 3:2 24:0 24:1 6:5 0 0 8:2 24:0 6:6 0")
  })

  it("takes records within groups", () => {
    const schema = Wire.group(Struct({ a: int(1), pairs: Wire.records(Struct({ b: int(2), c: maybe(3) })) }))
    goesThrough(
      schema,
      [{ a: 1, pairs: [{ b: 2 }, { b: 3, c: 4 }] }, { a: 5, pairs: [] }, { a: 6, pairs: [{ b: 7 }] }],
      "1:1 2:2 0 2:3 3:4 1:5 1:6 2:7"
    )
  })

  it("goes on where a field in between has interrupted it", () => {
    const schema = Struct({ fee: maybe(53), outputs: Wire.group(Struct({ index: int(24), amount: maybe(6) })) })
    reads(schema, "24:0 6:1 53:9 24:1 6:2", { fee: 9, outputs: [{ index: 0, amount: 1 }, { index: 1, amount: 2 }] })
  })

  it("skips unknown tags within and between elements, separators among them", () => {
    const schema = Wire.group(Struct({ a: int(1), b: maybe(2) }))
    reads(schema, "50:1 1:1 0 50:2 2:2 300:3 1:3", [{ a: 1, b: 2 }, { a: 3 }])
  })
})

describe("the lists of a body", () => {
  const schema = Struct({
    ids: Schema.Array(Schema.Int).pipe(tag(4)),
    pairs: Wire.group(Struct({ a: int(1), more: Schema.Array(Schema.Int).pipe(tag(2)) }))
  })

  it("have as many elements together as the codec takes", () => {
    const codec = Wire.codec(schema, { maxElements: 5 })
    assert.isTrue(Result.isSuccess(codec.decode(bytesOf("4:1 4:2 1:1 2:1 1:2"))))
    const places = ["4:1 4:2 1:1 2:1 2:2 2:3", "4:1 4:1 4:1 4:1 4:1 4:1", "1:1 1:1 1:1 1:1 1:1 1:1"].map((values) => {
      const result = codec.decode(bytesOf(values))
      const reason = Result.isFailure(result) ? result.failure.reason : undefined
      return reason?._tag === "TooManyElements" ? [reason.path, reason.tag, reason.limit] : reason
    })
    assert.deepStrictEqual(places, [
      [["pairs", 0, "more", 2], 2, 5],
      [["ids", 5], 4, 5],
      [["pairs", 5], undefined, 5]
    ])
  })

  it("stop at a million when the codec is not told otherwise", () => {
    const codec = Wire.codec(Wire.records(Struct({ a: maybe(1) }), { separators: "after" }))
    const separators = new Uint8Array(Wire.defaultMaxElements + 1).fill(bytesOf("0")[0])
    const result = codec.decode(separators)
    assert.strictEqual(Result.isFailure(result) ? result.failure.reason._tag : "none", "TooManyElements")
    assert.strictEqual(Result.getOrThrow(codec.decode(separators.subarray(1))).length, Wire.defaultMaxElements)
  })
})
