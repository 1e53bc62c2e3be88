/**
 * What can be wrong with bytes that a description of `Binary` reads, and with values that it writes.
 *
 * There is one error for each direction. It says what happened (`reason`), to which part of the value (`path`), and at
 * which byte (`offset`), so that a person finds the place and a program can react to the reason.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * The bytes stop too early.
 *
 * @category errors
 * @since 0.1.0
 */
export class Truncated extends Data.TaggedError("Truncated")<{
  /** How many bytes are needed at the least. */
  readonly needed: number
  readonly available: number
}> {
  override get message(): string {
    return `${this.needed} bytes are needed, and ${this.available} are left`
  }
}

/**
 * A list announces more items than it may have, or has more.
 *
 * @category errors
 * @since 0.1.0
 */
export class TooMany extends Data.TaggedError("TooMany")<{
  readonly count: number
  readonly limit: number
}> {
  override get message(): string {
    return `there are ${this.count} items; at most ${this.limit} are allowed`
  }
}

/**
 * A run of bytes or a string is longer than it may be.
 *
 * @category errors
 * @since 0.1.0
 */
export class TooLong extends Data.TaggedError("TooLong")<{
  /** In bytes. */
  readonly length: number
  readonly limit: number
}> {
  override get message(): string {
    return `there are ${this.length} bytes; at most ${this.limit} are allowed`
  }
}

/**
 * A CompactSize takes more bytes than its value needs.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotCanonical extends Data.TaggedError("NotCanonical")<{
  readonly value: number
}> {
  override get message(): string {
    return `the CompactSize of ${this.value} takes more bytes than needed`
  }
}

/**
 * There are bytes after the end of the value.
 *
 * @category errors
 * @since 0.1.0
 */
export class TrailingBytes extends Data.TaggedError("TrailingBytes")<{
  readonly count: number
}> {
  override get message(): string {
    return `${this.count} bytes follow the end of the value`
  }
}

/**
 * A number lies outside of its range, or is no whole number.
 *
 * @category errors
 * @since 0.1.0
 */
export class OutOfRange extends Data.TaggedError("OutOfRange")<{
  readonly value: number | bigint
  readonly minimum: number | bigint
  readonly maximum: number | bigint
}> {
  override get message(): string {
    return `${this.value} is no whole number from ${this.minimum} to ${this.maximum}`
  }
}

/**
 * A value of fixed length has another one.
 *
 * @category errors
 * @since 0.1.0
 */
export class WrongLength extends Data.TaggedError("WrongLength")<{
  /** In bytes. */
  readonly length: number
  readonly expected: number
}> {
  override get message(): string {
    return `there are ${this.length} bytes in place of ${this.expected}`
  }
}

/**
 * A string has a character that is more than one byte.
 *
 * @category errors
 * @since 0.1.0
 */
export class WideCharacter extends Data.TaggedError("WideCharacter")<{
  /** Which character of the string it is, from 0. */
  readonly position: number
}> {
  override get message(): string {
    return `character ${this.position} of the string is beyond U+00FF, and strings have one byte a character`
  }
}

/**
 * Everything that makes bytes malformed.
 *
 * @category errors
 * @since 0.1.0
 */
export type DecodeReason = Truncated | TooMany | TooLong | NotCanonical | TrailingBytes | OutOfRange

/**
 * Everything that keeps a value from being written.
 *
 * @category errors
 * @since 0.1.0
 */
export type EncodeReason = OutOfRange | WrongLength | WideCharacter | TooMany | TooLong

/**
 * The way to a part of a value: names of fields and positions in lists, the outermost first.
 *
 * @category models
 * @since 0.1.0
 */
export type Path = ReadonlyArray<string | number>

/**
 * Writes a path as `addresses[3].port`; the value as a whole is `value`.
 *
 * @category conversions
 * @since 0.1.0
 */
export const formatPath = (path: Path): string => {
  let text = ""
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`
    else text += text === "" ? step : `.${step}`
  }
  return text === "" ? "value" : text
}

/**
 * Bytes that are not what their description says.
 *
 * @category errors
 * @since 0.1.0
 */
export class BinaryDecodeError extends Data.TaggedError("BinaryDecodeError")<{
  readonly path: Path
  /** The first byte of the part that is wrong, counted from the beginning of the input. */
  readonly offset: number
  readonly reason: DecodeReason
}> {
  override get message(): string {
    return `${formatPath(this.path)} at byte ${this.offset}: ${this.reason.message}`
  }
}

/**
 * A value that its description cannot write.
 *
 * @category errors
 * @since 0.1.0
 */
export class BinaryEncodeError extends Data.TaggedError("BinaryEncodeError")<{
  readonly path: Path
  readonly reason: EncodeReason
}> {
  override get message(): string {
    return `${formatPath(this.path)} cannot be written: ${this.reason.message}`
  }
}
