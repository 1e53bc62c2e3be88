/**
 * Tagged values as plain data, and the codec that turns a list of them into bytes and back.
 *
 * This is the convenient form, for tests, tools and small bodies: it makes an object for each value. A program that
 * handles many messages reads them with `TaggedParser` and writes them with `TaggedWriter`, which make none.
 * Source: wire format, section 1.
 *
 * **Example** (Encoding and decoding)
 *
 * ```ts
 * import * as Tagged from "effect-flowee/Tagged"
 * import * as Result from "effect/Result"
 *
 * const body = Tagged.encode([Tagged.int(1, 5), Tagged.text(2, "hi"), Tagged.separator])
 * const values = Result.flatMap(body, Tagged.decode)
 * ```
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as TaggedError from "./TaggedError.ts"
import * as TaggedParser from "./TaggedParser.ts"
import * as TaggedWriter from "./TaggedWriter.ts"

/**
 * A tagged integer, -(2^64-1) to 2^64-1.
 *
 * **Details**
 *
 * Decoding gives a number up to 2^53-1 in either direction and a bigint beyond. Encoding takes a bigint of any size.
 *
 * @category models
 * @since 0.1.0
 */
export interface Int {
  readonly _tag: "Int"
  readonly tag: number
  readonly value: number | bigint
}

/**
 * A tagged string.
 *
 * @category models
 * @since 0.1.0
 */
export interface Text {
  readonly _tag: "Text"
  readonly tag: number
  readonly value: string
}

/**
 * A tagged byte array.
 *
 * @category models
 * @since 0.1.0
 */
export interface Bytes {
  readonly _tag: "Bytes"
  readonly tag: number
  readonly value: Uint8Array
}

/**
 * A tagged boolean.
 *
 * @category models
 * @since 0.1.0
 */
export interface Bool {
  readonly _tag: "Bool"
  readonly tag: number
  readonly value: boolean
}

/**
 * A tagged 64-bit floating point number.
 *
 * @category models
 * @since 0.1.0
 */
export interface Double {
  readonly _tag: "Double"
  readonly tag: number
  readonly value: number
}

/**
 * One tagged value. `tag` is a whole number from 0 to 2^32-1; the same tag may come more than once in a body.
 *
 * @category models
 * @since 0.1.0
 */
export type TaggedValue = Int | Text | Bytes | Bool | Double

/**
 * How many values {@link decode} hands out at most when it is not told otherwise: 100,000, which take about 10 MB.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultMaxValues = 100_000

/**
 * Makes a tagged integer. Neither tag nor value is checked before {@link encode}.
 *
 * @category constructors
 * @since 0.1.0
 */
export const int = (tag: number, value: number | bigint): Int => ({ _tag: "Int", tag, value })

/**
 * Makes a tagged string.
 *
 * @category constructors
 * @since 0.1.0
 */
export const text = (tag: number, value: string): Text => ({ _tag: "Text", tag, value })

/**
 * Makes a tagged byte array, which keeps `value` itself and no copy.
 *
 * @category constructors
 * @since 0.1.0
 */
export const bytes = (tag: number, value: Uint8Array): Bytes => ({ _tag: "Bytes", tag, value })

/**
 * Makes a tagged boolean.
 *
 * @category constructors
 * @since 0.1.0
 */
export const bool = (tag: number, value: boolean): Bool => ({ _tag: "Bool", tag, value })

/**
 * Makes a tagged double.
 *
 * @category constructors
 * @since 0.1.0
 */
export const double = (tag: number, value: number): Double => ({ _tag: "Double", tag, value })

/**
 * The value that ends one record of a list: tag 0, true.
 *
 * @category constants
 * @since 0.1.0
 */
export const separator: Bool = bool(0, true)

/**
 * Appends one value to a writer.
 *
 * @category encoding
 * @since 0.1.0
 */
export const write = (writer: TaggedWriter.TaggedWriter, value: TaggedValue): TaggedWriter.TaggedWriter => {
  switch (value._tag) {
    case "Int":
      return writer.int(value.tag, value.value)
    case "Text":
      return writer.string(value.tag, value.value)
    case "Bytes":
      return writer.bytes(value.tag, value.value)
    case "Bool":
      return writer.bool(value.tag, value.value)
    case "Double":
      return writer.double(value.tag, value.value)
  }
}

/**
 * Writes values one after another.
 *
 * **Details**
 *
 * Fails with the first value that cannot be written. `limit` is the most bytes to write, by default
 * `TaggedWriter.defaultLimit`.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (
  values: Iterable<TaggedValue>,
  options?: { readonly limit?: number | undefined }
): Result.Result<Uint8Array, TaggedError.TaggedEncodeError> => {
  const writer = TaggedWriter.make(options)
  for (const value of values) write(writer, value)
  return writer.finish()
}

/**
 * The value that a parser stands on, or `undefined` where it stands on none.
 *
 * @category decoding
 * @since 0.1.0
 */
export const read = (parser: TaggedParser.TaggedParser): TaggedValue | undefined => {
  switch (parser.type) {
    case TaggedParser.ValueType.Int:
      return int(parser.tag, parser.int)
    case TaggedParser.ValueType.Text:
      return text(parser.tag, parser.text())
    case TaggedParser.ValueType.Bytes:
      return bytes(parser.tag, parser.bytes())
    case TaggedParser.ValueType.Bool:
      return bool(parser.tag, parser.bool)
    case TaggedParser.ValueType.Double:
      return double(parser.tag, parser.double)
    case TaggedParser.ValueType.None:
      return undefined
  }
}

/**
 * Reads all values of a body, in order.
 *
 * **Details**
 *
 * Fails when the bytes are not a run of tagged values, or hold more than `maxValues` values, by default
 * {@link defaultMaxValues}: a value takes as little as one byte on the wire, but an object here.
 *
 * **Gotchas**
 *
 * Byte arrays in the result are views of `body`: copy them when it will be written again.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (
  body: Uint8Array,
  options?: { readonly maxValues?: number | undefined }
): Result.Result<ReadonlyArray<TaggedValue>, TaggedError.MalformedTagged> => {
  const limit = options?.maxValues ?? defaultMaxValues
  const parser = TaggedParser.make(body)
  const values: Array<TaggedValue> = []
  while (true) {
    const offset = parser.offset
    if (!parser.next()) break
    const value = read(parser)
    if (value === undefined) break
    if (values.length >= limit) {
      return Result.fail(
        new TaggedError.MalformedTagged({ reason: new TaggedError.TooManyValues({ offset, limit }) })
      )
    }
    values.push(value)
  }
  return parser.failure === undefined ? Result.succeed(values) : Result.fail(parser.failure)
}
