/**
 * Bodies that are read in pieces: the same values and errors, with pauses.
 */
import { assert, describe, it } from "@effect/vitest"
import { Result, Schema, SchemaTransformation } from "effect"
import * as TaggedParser from "../../src/domain/TaggedParser.ts"
import * as TaggedWriter from "../../src/domain/TaggedWriter.ts"
import * as Wire from "../../src/domain/Wire.ts"
import * as WireCompiler from "../../src/domain/internal/wireCompiler.ts"
import * as WireDecoder from "../../src/domain/internal/wireDecoder.ts"
import { recorded, schemas } from "../utils/hubBodies.ts"
import * as Pieces from "../utils/pieces.ts"

const Output = Schema.Struct({
  index: Schema.Natural.pipe(Wire.tag(24)),
  amount: Schema.BigInt.pipe(Wire.tag(6))
})

const Block = Schema.Struct({
  height: Schema.Natural.pipe(Wire.tag(7)),
  transactions: Wire.records(
    Schema.Struct({
      offset: Schema.optionalKey(Schema.Natural).pipe(Wire.tag(8)),
      outputs: Wire.group(Output)
    }),
    { separators: "after" }
  ),
  note: Schema.optionalKey(Schema.String).pipe(Wire.tag(30))
})

const Hex = Schema.Natural.pipe(
  Schema.decodeTo(
    Schema.String,
    SchemaTransformation.transform({
      decode: (number) => number.toString(16),
      encode: (text) => Number.parseInt(text, 16)
    })
  )
)

const Hashes = Schema.Array(Schema.Natural.check(Schema.isLessThan(1_000_000))).pipe(Wire.tag(4))

const Pairs = Wire.records(Schema.Struct({
  a: Schema.Natural.pipe(Wire.tag(1)),
  b: Schema.optionalKey(Schema.Array(Hex)).pipe(Wire.tag(2))
}))

const blockOf = (transactions: number, outputs: number): typeof Block.Type => ({
  height: 1,
  transactions: Array.from({ length: transactions }, (_, i) => ({
    offset: i,
    outputs: Array.from({ length: outputs }, (_, index) => ({ index, amount: BigInt(i) }))
  })),
  note: "the end"
})

/** Reads a body both ways, which has to give the same. Counts the pauses. */
const readBoth = <A>(codec: Wire.Codec<A>, body: Uint8Array): number => {
  const { pauses, value } = Pieces.collect(codec.decodeInPieces(body))
  assert.deepStrictEqual(value, codec.decode(body))
  return pauses
}

/** A small generator with a seed, so that a failure can be repeated. */
const randomOf = (seed: number) => (below: number): number => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) % below
}

describe("bodies in pieces", () => {
  const codec = Wire.codec(Block)
  const encode = (block: typeof Block.Type) => Result.getOrThrow(codec.encode(block))

  it("have no pause when they are small", () => {
    assert.strictEqual(readBoth(codec, encode(blockOf(10, 10))), 0)
  })

  it("have a pause after each thousand elements, those of lists within lists too", () => {
    // Each transaction is an element, and so is each of its outputs.
    assert.strictEqual(readBoth(codec, encode(blockOf(10_000, 0))), 9)
    assert.strictEqual(readBoth(codec, encode(blockOf(1000, 9))), 9)
    assert.strictEqual(readBoth(codec, encode(blockOf(1, 10_000))), 10)
  })

  it("have a pause among values of a list, which are converted as they come", () => {
    const hashes = Wire.codec(Hashes)
    const body = Result.getOrThrow(hashes.encode(Array.from({ length: 10_000 }, (_, i) => i)))
    assert.strictEqual(readBoth(hashes, body), 9)
  })

  it("have a pause among values that nobody takes", () => {
    const writer = TaggedWriter.make()
    writer.int(7, 1)
    for (let i = 0; i < 10_000; i++) writer.int(99, i)
    assert.strictEqual(readBoth(codec, writer.finishUnsafe()), 10)
    const within = TaggedWriter.make()
    within.int(7, 1)
    within.int(8, 1)
    for (let i = 0; i < 10_000; i++) within.int(99, i)
    within.int(24, 1)
    within.int(6, 5)
    assert.strictEqual(readBoth(codec, within.finishUnsafe()), 10)
  })

  it("have a pause among separators with nothing between", () => {
    const pairs = Wire.codec(Pairs)
    const writer = TaggedWriter.make()
    for (let i = 0; i < 10_000; i++) writer.bool(0, true)
    assert.strictEqual(readBoth(pairs, writer.finishUnsafe()), 10)
    const empty = TaggedWriter.make()
    empty.int(7, 1)
    for (let i = 0; i < 10_000; i++) empty.bool(0, true)
    assert.strictEqual(readBoth(codec, empty.finishUnsafe()), 9)
  })

  it("end where there are too many elements", () => {
    const few = Wire.codec(Block, { maxElements: 2500 })
    const { pauses, value } = Pieces.collect(few.decodeInPieces(encode(blockOf(2600, 0))))
    assert.strictEqual(pauses, 2)
    assert.isTrue(Result.isFailure(value))
    readBoth(few, encode(blockOf(2500, 0)))
    readBoth(few, encode(blockOf(100, 26)))
  })

  const seed = 20_260_611

  it(`give the same as in one go, wherever they pause and whatever comes (seed ${seed})`, () => {
    const random = randomOf(seed)
    const bodies = recorded.filter(({ body }) => body.length > 0)
    const compiled = Object.values(schemas).map((schema) => WireCompiler.compile(schema))
    let pauses = 0
    for (let i = 0; i < 20_000; i++) {
      const { body, key } = bodies[random(bodies.length)]
      // What is recorded may be a Buffer, whose slices are no copies, and belongs to other tests too.
      const bytes = Uint8Array.from(random(8) === 0 ? body.subarray(0, random(body.length)) : body)
      for (let changes = random(4); changes > 0 && bytes.length > 0; changes--) {
        bytes[random(bytes.length)] = random(3) === 0 ? random(256) : bytes[random(bytes.length)]
      }
      const layout = random(4) === 0 ? compiled[random(compiled.length)] : WireCompiler.compile(schemas[key])
      const most = 1 + random(50)
      const read = Pieces.collect(
        WireDecoder.decodeInPieces(layout, TaggedParser.make(bytes), most, 1 + random(3))
      )
      assert.deepStrictEqual(read.value, WireDecoder.decode(layout, TaggedParser.make(bytes), most))
      pauses += read.pauses
    }
    assert.isAbove(pauses, 5000)
  })
})
