/**
 * Tagged bodies and compact integers, each against a second and slow implementation of its format.
 */
import { Result } from "effect"
import * as CompactInt from "../../../src/domain/CompactInt.ts"
import * as Tagged from "../../../src/domain/Tagged.ts"
import * as TaggedParser from "../../../src/domain/TaggedParser.ts"
import { concat, fromHex, type Random } from "../../utils/native.ts"
import { recorded } from "../../utils/hubBodies.ts"
import { vectors } from "../../utils/tagged.ts"
import * as Borders from "../harness/borders.ts"
import { equal, inProportion, isTrue, refusalOf, valueOf } from "../harness/expect.ts"
import type { Decoder, Made } from "../harness/target.ts"

/** The definition of a compact integer, in bigints. */
const compactAt = (bytes: Uint8Array, offset: number): bigint | "truncated" | "overflow" => {
  let value = 0n
  for (let i = 0; i < 10; i++) {
    const byte = bytes[offset + i]
    if (byte === undefined) return "truncated"
    value = (value << 7n) | BigInt(byte & 0x7f)
    if (byte < 0x80) return value < 1n << 64n ? value : "overflow"
    value++
  }
  return "overflow"
}

const runCompact = (input: Uint8Array): string => {
  const expected = compactAt(input, 0)
  const found = CompactInt.read(input, 0, input.length)
  if (typeof expected === "string") {
    equal(found, expected === "truncated" ? CompactInt.truncated : CompactInt.overflow, "what is no integer")
    return expected
  }
  equal(BigInt(found), expected, "the integer")
  equal(typeof found, expected < 1n << 53n ? "number" : "bigint", "its type")
  // Each integer has one way to be written, so what was read is written as it was.
  const buffer = new Uint8Array(CompactInt.maxSize)
  const end = CompactInt.write(buffer, 0, found)
  equal(end, CompactInt.size(found), "its size")
  equal(buffer.subarray(0, end), input.subarray(0, end), "the integer, written again")
  return `${end} bytes`
}

const randomInteger = (random: Random): bigint => {
  const bits = BigInt(random.below(65))
  const value = ((BigInt(random.next()) << 32n) | BigInt(random.next())) & ((1n << bits) - 1n)
  return random.chance(30) ? (1n << bits) - 1n : value
}

const makeCompact = (random: Random): Made => {
  const value = randomInteger(random)
  const buffer = new Uint8Array(CompactInt.maxSize)
  const bytes = buffer.slice(0, CompactInt.write(buffer, 0, value))
  return { bytes, verify: () => equal(BigInt(CompactInt.read(bytes, 0, bytes.length)), value, "the integer") }
}

export const compactInt: Decoder = {
  kind: "decoder",
  name: "compact-int",
  weight: 1,
  seeds: [],
  make: makeCompact,
  run: runCompact
}

interface Parsed {
  readonly values: ReadonlyArray<readonly [tag: number, value: unknown]>
  readonly end: string
}

/** The definition of a tagged body. */
const parse = (bytes: Uint8Array): Parsed => {
  const values: Array<readonly [number, unknown]> = []
  let at = 0
  let problem = ""
  const compact = (): bigint | undefined => {
    const value = compactAt(bytes, at)
    if (typeof value === "string") problem = value === "truncated" ? "Truncated" : "IntegerOverflow"
    else for (at++; bytes[at - 1]! >= 0x80;) at++
    return typeof value === "string" ? undefined : value
  }
  const stopped = () => ({ values, end: problem })
  while (at < bytes.length) {
    const first = bytes[at++]!
    const type = first & 7
    let tag = BigInt(first >> 3)
    if (tag === 31n) {
      const extended = compact()
      if (extended === undefined) return stopped()
      if (extended >= 1n << 32n) return { values, end: "TagOverflow" }
      tag = extended
    }
    const push = (value: unknown) => values.push([Number(tag), value])
    if (type === 7) return { values, end: "UnknownType" }
    if (type === 4 || type === 5) {
      push(type === 4)
    } else if (type === 6) {
      if (at + 8 > bytes.length) return { values, end: "Truncated" }
      push(Buffer.from(bytes.buffer, bytes.byteOffset + at, 8).readDoubleLE())
      at += 8
    } else {
      const number = compact()
      if (number === undefined) return stopped()
      if (type < 2) {
        const signed = type === 0 ? number : -number
        push(number < 1n << 53n ? (type === 1 ? 0 - Number(number) : Number(number)) : signed)
      } else {
        if (number > BigInt(bytes.length - at)) return { values, end: "LengthPastEnd" }
        const content = bytes.subarray(at, at + Number(number))
        push(type === 2 ? new TextDecoder("utf-8", { ignoreBOM: true }).decode(content) : content)
        at += content.length
      }
    }
  }
  return { values, end: "" }
}

const runTagged = (input: Uint8Array): string => {
  const expected = parse(input)
  const decoded = Tagged.decode(input)
  if (Result.isFailure(decoded)) {
    refusalOf(decoded.failure)
    equal(decoded.failure.reason._tag, expected.end, "what is wrong with the body")
    isTrue(decoded.failure.reason.offset < input.length, "the fault is within the body")
    return expected.end
  }
  equal(decoded.success.map(({ tag, value }) => [tag, value]), expected.values, "the values")
  equal(expected.end, "", "what is wrong with the body")
  inProportion(decoded.success, input.length, 64)
  const again = valueOf(Tagged.encode(decoded.success), "what was read can be written")
  equal(Tagged.decode(again), decoded, "the values, written and read again")
  // A parser on a piece of a larger body sees nothing but its piece.
  const around = concat([fromHex("ffff"), input, fromHex("0505")])
  const parser = TaggedParser.make(around, { start: 2, end: 2 + input.length })
  let count = 0
  while (parser.next()) count++
  equal([count, parser.failure, parser.offset], [decoded.success.length, undefined, 2 + input.length], "a piece")
  return "values"
}

const randomTag = (random: Random): number =>
  random.pick([0, 1, random.below(31), 30, 31, 127, 128, random.below(70_000), 0xffff_ffff])

const randomText = (random: Random): string =>
  Array.from(
    { length: random.below(random.pick([3, 40, 100])) },
    () => String.fromCodePoint(random.pick([random.between(32, 126), 0, 0xe9, 0x20ac, 0x1f600, 0xfeff, 0xfffd]))
  ).join("")

/** A value that a body can hold and that comes back as it is. */
export const randomTaggedValue = (random: Random): Tagged.TaggedValue => {
  const tag = randomTag(random)
  switch (random.below(5)) {
    case 0: {
      const value = randomInteger(random)
      const signed = random.chance(30) ? -value : value
      return Tagged.int(tag, value < 1n << 53n ? Number(signed) : signed)
    }
    case 1:
      return Tagged.text(tag, randomText(random))
    case 2:
      return Tagged.bytes(tag, random.bytes(random.below(random.pick([3, 40, 200]))))
    case 3:
      return Tagged.bool(tag, random.chance(50))
    default:
      return Tagged.double(tag, random.pick([0, -0, 1.5, NaN, Infinity, -Infinity, 5e-324, random.next() / 7]))
  }
}

const makeTagged = (random: Random): Made => {
  const values = Array.from({ length: random.below(8) }, () => randomTaggedValue(random))
  const bytes = valueOf(Tagged.encode(values), "values that can be written")
  return { bytes, verify: () => equal(Tagged.decode(bytes), Result.succeed(values), "the values") }
}

export const tagged: Decoder = {
  kind: "decoder",
  name: "tagged",
  weight: 3,
  seeds: [...vectors.map(({ hex }) => fromHex(hex)), ...recorded.map(({ body }) => body)].filter(({ length }) =>
    length <= 400
  ),
  make: makeTagged,
  borders: Borders.ofTagged,
  run: runTagged
}
