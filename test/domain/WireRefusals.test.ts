import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Wire from "../../src/domain/Wire.ts"

const { Struct, optionalKey } = Schema
const { group, records, tag } = Wire

const int = (id: number) => Schema.Int.pipe(tag(id))
const maybe = (id: number) => optionalKey(Schema.Int).pipe(tag(id))

interface Node {
  readonly value: number
  readonly children: ReadonlyArray<Node>
}

const Node: Schema.Codec<Node> = Struct({
  value: int(1),
  children: group(Schema.suspend((): Schema.Codec<Node> => Node))
})

class Untagged extends Schema.Class<Untagged>("Untagged")({ x: int(1), y: Schema.Int }) {}

/** The schema, and what the error has to say. */
const refused: ReadonlyArray<readonly [string, Schema.ConstraintCodec<unknown, unknown>, string]> = [
  ["a field without a tag", Struct({ a: int(1), b: Schema.Int }), `Field "b" cannot go on the wire: it has no tag`],
  ["a field of a class without a tag", Untagged, `Field "y" cannot go on the wire: it has no tag`],
  [
    "a literal without a tag",
    Struct({ kind: Schema.Literal("x") }),
    `Field "kind" cannot go on the wire: it has no tag`
  ],
  ["tag 0", Struct({ a: int(0) }), `Field "a" cannot go on the wire: it has tag 0`],
  ["a negative tag", Struct({ a: int(-1) }), `Field "a" cannot go on the wire: it has tag -1`],
  ["a tag with a fraction", Struct({ a: int(1.5) }), `Field "a" cannot go on the wire: it has tag 1.5`],
  ["tag NaN", Struct({ a: int(NaN) }), `Field "a" cannot go on the wire: it has tag NaN`],
  ["a tag of 2^32", Struct({ a: int(2 ** 32) }), `Field "a" cannot go on the wire: it has tag 4294967296`],
  [
    "the same tag twice",
    Struct({ a: int(7), b: int(7) }),
    `Field "b" cannot go on the wire: it has tag 7, which "a" has`
  ],
  [
    "the same tag within a list",
    Struct({ id: int(4), list: group(Struct({ a: int(1), b: maybe(4) })) }),
    `Field "list.b" cannot go on the wire: it has tag 4, which "id" has too`
  ],
  [
    "the same tag in two lists",
    Struct({ a: group(Struct({ x: int(1) })), b: records(Struct({ y: int(1) })) }),
    `Field "b.y" cannot go on the wire: it has tag 1, which "a.x" has too`
  ],
  [
    "a group without a field that is always there",
    Struct({ list: group(Struct({ a: maybe(1), b: maybe(2) })) }),
    `Field "list" cannot go on the wire: it is a group without a field that is always there`
  ],
  [
    "a group that only has lists",
    Struct({ list: group(Struct({ a: Schema.Array(Schema.Int).pipe(tag(1)) })) }),
    `Field "list" cannot go on the wire: it is a group without a field that is always there`
  ],
  [
    "a group with another start tag",
    group(Struct({ a: int(1), b: int(2) }), { startTag: 2 }),
    "The schema cannot go on the wire: it is a group with start tag 2"
  ],
  [
    "a group whose start may be absent",
    group(Struct({ a: maybe(1), b: int(2) }), { startTag: 1 }),
    "The schema cannot go on the wire: it is a group with start tag 1"
  ],
  [
    "two lists of records",
    Struct({ a: records(Struct({ x: int(1) })), b: records(Struct({ y: int(2) })) }),
    `Field "b" cannot go on the wire: it has records, and so has "a"`
  ],
  [
    "records within records",
    Struct({ a: records(Struct({ x: int(1), b: records(int(2)) })) }),
    `Field "a.b" cannot go on the wire: it has records, and so has "a"`
  ],
  [
    "elements without a field",
    Struct({ a: records(Schema.TaggedStruct("A", {})) }),
    `Field "a" cannot go on the wire: it has elements without a field that travels`
  ],
  ["a list of structs with a tag", Struct({ a: group(Struct({ x: int(1) })).pipe(tag(2)) }), `Field "a" cannot go`],
  [
    "an array of structs",
    Struct({ a: Schema.Array(Struct({ x: int(1) })).pipe(tag(2)) }),
    "Wire.records or Wire.group"
  ],
  ["a struct as a field", Struct({ a: Struct({ x: int(1) }).pipe(tag(2)) }), "Wire.records or Wire.group"],
  ["an array of arrays", Struct({ a: Schema.Array(Schema.Array(Schema.Int)).pipe(tag(2)) }), `Field "a" cannot go`],
  [
    "a tuple",
    Struct({ a: Schema.Tuple([Schema.Int, Schema.String]).pipe(tag(2)) }),
    `Field "a" cannot go on the wire: it is a tuple`
  ],
  [
    "a tuple that goes on",
    Struct({ a: Schema.TupleWithRest(Schema.Tuple([Schema.Int]), [Schema.String]).pipe(tag(2)) }),
    `Field "a" cannot go on the wire: it is a tuple`
  ],
  ["a group of no structs", Struct({ a: group(int(1)) }), `Field "a" cannot go on the wire: it is no struct`],
  ["a schema that contains itself", Node, `Field "children" cannot go on the wire: it contains itself`],
  [
    "a promise of itself",
    Struct({ a: Schema.suspend((): Schema.Codec<number> => Endless).pipe(tag(1)) }),
    `Field "a" cannot go on the wire`
  ],
  ["null", Struct({ a: Schema.NullOr(Schema.Int).pipe(tag(1)) }), `Field "a" cannot go on the wire: it is Null`],
  ["undefined", Struct({ a: Schema.UndefinedOr(Schema.Int).pipe(tag(1)) }), "make its key optional"],
  ["anything", Struct({ a: Schema.Unknown.pipe(tag(1)) }), `Field "a" cannot go on the wire`],
  ["a declaration", Struct({ a: Schema.Date.pipe(tag(1)) }), `Field "a" cannot go on the wire: it is a valid Date`],
  ["a symbol", Struct({ a: Schema.Symbol.pipe(tag(1)) }), `Field "a" cannot go on the wire: it is Symbol`],
  ["a literal beyond 64 bits", Struct({ a: Schema.Literal(2n ** 64n).pipe(tag(1)) }), `Field "a" cannot go`],
  ["a union with nothing", Struct({ a: Schema.Union([]).pipe(tag(1)) }), `Field "a" cannot go`],
  [
    "any key",
    Schema.Record(Schema.String, Schema.Int),
    "The schema cannot go on the wire: it is a record with any keys"
  ],
  [
    "a key that is a symbol",
    Struct({ [Symbol("s")]: int(1) }),
    "The schema cannot go on the wire: it has a key named Symbol(s)"
  ],
  ["a key that would change a prototype", Struct({ ["__proto__"]: int(1) }), "it has a key named __proto__"],
  ["no struct", Schema.String, "The schema cannot go on the wire: it is no struct, but String"]
]

const Endless: Schema.Codec<number> = Schema.suspend(() => Endless)

describe("Wire.codec refuses", () => {
  it.each(refused.map(([name, schema, problem]) => ({ name, schema, problem })))("$name", ({ problem, schema }) => {
    let message = "nothing was refused"
    try {
      Wire.codec(schema)
    } catch (error) {
      assert.instanceOf(error, Error)
      message = error.message
    }
    assert.include(message, problem)
  })
})
