/**
 * Tagged values as rows that JSON can hold and that lose nothing: `[tag, type, value]`.
 *
 * Integers are decimal text; strings and byte arrays the hexadecimal digits of their bytes; doubles the 16 digits of
 * their IEEE 754 bits, highest first.
 */
import * as Result from "effect/Result"
import * as TaggedParser from "../../domain/TaggedParser.ts"
import * as TaggedWriter from "../../domain/TaggedWriter.ts"
import * as Hex from "./hex.ts"

const { ValueType } = TaggedParser

/** @internal */
export const types = ["int", "string", "bytes", "bool", "double"] as const

/** @internal */
export type Type = typeof types[number]

/** @internal */
export type Row = readonly [tag: number, type: Type, value: string | boolean]

/** A value can take one byte, but a row some 100: this bounds the memory of a body. */
const maxRows = 1_000_000

/** @internal */
export const isType = (text: unknown): text is Type => types.some((type) => type === text)

const reversed = (bytes: Uint8Array): Uint8Array => bytes.slice().reverse()

/** The value that a parser stands on, of the body that it parses. */
const readValue = (parser: TaggedParser.TaggedParser, body: Uint8Array): Row | undefined => {
  switch (parser.type) {
    case ValueType.Int:
      return [parser.tag, "int", String(parser.int)]
    case ValueType.Text:
      return [parser.tag, "string", Hex.format(parser.utf8())]
    case ValueType.Bytes:
      return [parser.tag, "bytes", Hex.format(parser.bytes())]
    case ValueType.Bool:
      return [parser.tag, "bool", parser.bool]
    case ValueType.Double:
      // Read as it lies there: a number in between may lose the payload of a NaN.
      return [parser.tag, "double", Hex.formatReversed(body.subarray(parser.offset - 8, parser.offset))]
    case ValueType.None:
      return undefined
  }
}

/**
 * The rows of a body, or what is wrong with it.
 *
 * @internal
 */
export const read = (body: Uint8Array): Result.Result<ReadonlyArray<Row>, string> => {
  const parser = TaggedParser.make(body)
  const rows: Array<Row> = []
  while (parser.next()) {
    if (rows.length === maxRows) return Result.fail(`there are more than ${maxRows} values`)
    rows.push(readValue(parser, body)!)
  }
  return parser.failure === undefined ? Result.succeed(rows) : Result.fail(parser.failure.reason.message)
}

/** What a writer has no means to write: the bytes of a value are put into their place afterwards. */
interface Patch {
  readonly at: number
  readonly bytes: Uint8Array
}

const digitsOf = (value: unknown): Uint8Array | undefined => typeof value === "string" ? Hex.parse(value) : undefined

const integerOf = (value: unknown): bigint | number | undefined => {
  if (typeof value === "number") return value
  return typeof value === "string" && /^-?\d{1,20}$/.test(value) ? BigInt(value) : undefined
}

/** Appends one row. Returns what is wrong with it. */
const writeRow = (
  writer: TaggedWriter.TaggedWriter,
  patches: Array<Patch>,
  [tag, type, value]: readonly [tag: number, type: Type, value: unknown]
): string | undefined => {
  const start = writer.length
  switch (type) {
    case "int": {
      const integer = integerOf(value)
      if (integer === undefined) return "an int is a decimal integer of 64 bits, as text"
      writer.int(tag, integer)
      return undefined
    }
    case "string":
    case "bytes": {
      const bytes = digitsOf(value)
      if (bytes === undefined) return `${type === "bytes" ? "bytes are" : "a string is"} written in hexadecimal digits`
      writer.bytes(tag, bytes)
      // A string differs from a byte array in its type only, and may hold bytes that are no text.
      if (type === "string") patches.push({ at: start, bytes: Uint8Array.of(tag < 31 ? (tag << 3) | 2 : 0xfa) })
      return undefined
    }
    case "bool":
      if (typeof value !== "boolean") return "a bool is true or false"
      writer.bool(tag, value)
      return undefined
    case "double": {
      const bits = digitsOf(value)
      if (bits?.length !== 8) return "a double is 16 hexadecimal digits, its bits"
      writer.double(tag, 0)
      patches.push({ at: writer.length - 8, bytes: reversed(bits) })
      return undefined
    }
  }
}

const checkShape = (row: unknown): string | undefined => {
  // A fourth element, the name, is for people.
  if (!Array.isArray(row) || row.length < 3 || row.length > 4) return "it is not [tag, type, value]"
  if (typeof row[0] !== "number") return "its tag is no number"
  return isType(row[1]) ? undefined : `its type is none of ${types.join(", ")}`
}

/**
 * The body of rows, or what is wrong with them.
 *
 * @internal
 */
export const write = (rows: unknown): Result.Result<Uint8Array, string> => {
  if (!Array.isArray(rows)) return Result.fail("the values are not a list of [tag, type, value]")
  const writer = TaggedWriter.make()
  const patches: Array<Patch> = []
  for (let i = 0; i < rows.length; i++) {
    const problem = checkShape(rows[i]) ?? writeRow(writer, patches, rows[i])
    if (problem !== undefined) return Result.fail(`value ${i + 1}: ${problem}`)
  }
  const body = writer.finish()
  if (Result.isFailure(body)) return Result.fail(body.failure.reason.message)
  for (const { at, bytes } of patches) body.success.set(bytes, at)
  return Result.succeed(body.success)
}
