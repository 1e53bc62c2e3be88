/**
 * The values of tagged rows as people write them, without loss.
 */
import * as Result from "effect/Result"
import * as Hex from "./hex.ts"
import type * as TaggedRows from "./taggedRows.ts"

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** Before the digits of what has no other form: a string that is no UTF-8, a double that is one of many NaNs. */
const rawPrefix = "hex:"

const double = new DataView(new ArrayBuffer(8))

/**
 * A text in which nothing steers a terminal.
 *
 * @internal
 */
export const printable = (text: string): string => text.replace(/[\p{Cc}\u2028\u2029]+/gu, " ")

/** A text in quotes as JSON has it, with the control characters escaped that JSON leaves alone. */
const quote = (text: string): string =>
  JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
  )

/**
 * A name as one word, in quotes where it would not be one.
 *
 * @internal
 */
export const formatWord = (text: string): string => /^[\w.-]+$/.test(text) ? text : quote(text)

const formatString = (digits: string): string =>
  Result.match(Result.try(() => strict.decode(Hex.parse(digits))), {
    onSuccess: quote,
    onFailure: () => rawPrefix + digits
  })

const formatDouble = (bits: string): string => {
  double.setBigUint64(0, BigInt(`0x${bits}`))
  const number = double.getFloat64(0)
  const text = Object.is(number, -0) ? "-0" : String(number)
  return bitsOf(text) === bits ? text : rawPrefix + bits
}

const bitsOf = (text: string): string => {
  double.setFloat64(0, Number(text))
  return double.getBigUint64(0).toString(16).padStart(16, "0")
}

/**
 * A value as text.
 *
 * @internal
 */
export const format = ([, type, value]: TaggedRows.Row): string => {
  if (typeof value === "boolean") return String(value)
  if (type === "string") return formatString(value)
  return type === "double" ? formatDouble(value) : value
}

const unquote = (text: string): string | undefined => {
  const value = Result.getOrUndefined(Result.try((): unknown => JSON.parse(text)))
  return typeof value === "string" ? value : undefined
}

/**
 * The name that {@link formatWord} wrote; `undefined` where the quotes do not end.
 *
 * @internal
 */
export const parseWord = (text: string): string | undefined => text.startsWith("\"") ? unquote(text) : text

const parseString = (text: string): string | undefined => {
  const value = unquote(text)
  return value === undefined ? undefined : Hex.format(new TextEncoder().encode(value))
}

const parseDouble = (text: string): string | undefined =>
  text === "NaN" || !Number.isNaN(Number(text)) ? bitsOf(text) : undefined

/**
 * The value of a row from its text, as rows have it. `undefined` where that is nothing of the type.
 *
 * @internal
 */
export const parse = (type: TaggedRows.Type, text: string): string | boolean | undefined => {
  if (type === "bool") return text === "true" ? true : text === "false" ? false : undefined
  if (text.startsWith(rawPrefix) && type !== "int") return text.slice(rawPrefix.length)
  if (type === "string") return parseString(text)
  return type === "double" ? parseDouble(text) : text
}
