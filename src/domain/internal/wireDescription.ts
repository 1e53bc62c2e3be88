/**
 * Short descriptions of values for errors, however large the values are. Machinery of `Wire`; there is no reason to use
 * it alone.
 *
 * @stability unstable
 * @since 0.1.0
 */
import type * as BodyError from "../BodyError.ts"
import * as TaggedParser from "../TaggedParser.ts"

// How much of a string or byte array is shown.
const shownText = 40
const shownBytes = 16

/**
 * Describes what must not be shown.
 *
 * @category constants
 * @since 0.1.0
 */
export const secret = "what is not shown"

/**
 * Describes a value: "the integer 7", "32 bytes 0a0b…".
 *
 * @category formatting
 * @since 0.1.0
 */
export const describe = (value: unknown): string => {
  switch (typeof value) {
    case "undefined":
      return "nothing"
    case "number":
      return Number.isInteger(value) ? `the number ${value}` : `the double ${value}`
    case "bigint":
      return `the integer ${value}`
    case "string":
      return describeText(value.slice(0, shownText), value.length > shownText)
    case "boolean":
      return `the boolean ${value}`
    case "object":
      if (value === null) return "null"
      if (value instanceof Uint8Array) return describeBytes(value)
      return Array.isArray(value) ? `a list of ${value.length}` : "an object"
    default:
      return `a ${typeof value}`
  }
}

/**
 * Describes the current value of a parser, without reading all of it.
 *
 * @category formatting
 * @since 0.1.0
 */
export const describeCurrent = (parser: TaggedParser.TaggedParser): string => {
  switch (parser.type) {
    case TaggedParser.ValueType.Int:
      return `the integer ${parser.int}`
    case TaggedParser.ValueType.Text: {
      const utf8 = parser.utf8()
      return describeText(decoder.decode(utf8.subarray(0, shownText)), utf8.length > shownText)
    }
    case TaggedParser.ValueType.Bytes:
      return describeBytes(parser.bytes())
    case TaggedParser.ValueType.Bool:
      return `the boolean ${parser.bool}`
    case TaggedParser.ValueType.Double:
      return `the double ${parser.double}`
    case TaggedParser.ValueType.None:
      return "nothing"
  }
}

/**
 * What lies at a path in a value.
 *
 * @category getters
 * @since 0.1.0
 */
export const valueAt = (value: unknown, path: BodyError.Path): unknown => {
  let at = value
  for (const step of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, step)) return undefined
    at = (at as Record<string | number, unknown>)[step]
  }
  return at
}

const decoder = new TextDecoder()

const describeText = (start: string, more: boolean): string => `the string ${JSON.stringify(start)}${more ? "…" : ""}`

const describeBytes = (bytes: Uint8Array): string => {
  let hex = ""
  for (const byte of bytes.subarray(0, shownBytes)) hex += byte.toString(16).padStart(2, "0")
  return bytes.length === 0 ? "0 bytes" : `${bytes.length} bytes ${hex}${bytes.length > shownBytes ? "…" : ""}`
}
