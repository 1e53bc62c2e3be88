/**
 * What can be wrong with tagged values: bytes that are not tagged values, and values that cannot become bytes.
 *
 * There is one error for each direction, and its `reason` says what happened and where, so a program can react with
 * `Effect.catchReason`. Source: wire format, section 1.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * The bytes stop inside a value: in its compact integer, its extended tag or its double.
 *
 * @category errors
 * @since 0.1.0
 */
export class Truncated extends Data.TaggedError("Truncated")<{
  /** Where the first byte of the value is. */
  readonly offset: number
}> {
  override get message(): string {
    return `the value at byte ${this.offset} is cut off: the sender stopped too early, or the body was cut on its way`
  }
}

/**
 * A string or byte array announces more bytes than there are.
 *
 * @category errors
 * @since 0.1.0
 */
export class LengthPastEnd extends Data.TaggedError("LengthPastEnd")<{
  /** Where the first byte of the value is. */
  readonly offset: number
  readonly tag: number
  /** The announced length in bytes. */
  readonly length: number | bigint
  /** How many bytes are left for it. */
  readonly available: number
}> {
  override get message(): string {
    return `the value at byte ${this.offset} (tag ${this.tag}) announces ${this.length} bytes, but ${this.available} are left`
  }
}

/**
 * A compact integer has no end within 10 bytes, or lies beyond 2^64-1.
 *
 * @category errors
 * @since 0.1.0
 */
export class IntegerOverflow extends Data.TaggedError("IntegerOverflow")<{
  /** Where the first byte of the value is. */
  readonly offset: number
}> {
  override get message(): string {
    return `the value at byte ${this.offset} holds an integer beyond 2^64-1 or one without an end: these are not tagged values`
  }
}

/**
 * An extended tag lies beyond 2^32-1.
 *
 * @category errors
 * @since 0.1.0
 */
export class TagOverflow extends Data.TaggedError("TagOverflow")<{
  /** Where the first byte of the value is. */
  readonly offset: number
  readonly tag: number | bigint
}> {
  override get message(): string {
    return `the value at byte ${this.offset} has tag ${this.tag}; a tag is at most 4294967295`
  }
}

/**
 * A value has type 7, which does not exist.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnknownType extends Data.TaggedError("UnknownType")<{
  /** Where the first byte of the value is. */
  readonly offset: number
}> {
  override get message(): string {
    return `the value at byte ${this.offset} has type 7, which does not exist: these are not tagged values`
  }
}

/**
 * There are more values than the decoder was told to hand out at once.
 *
 * @category errors
 * @since 0.1.0
 */
export class TooManyValues extends Data.TaggedError("TooManyValues")<{
  /** Where the first byte of the first value beyond the limit is. */
  readonly offset: number
  readonly limit: number
}> {
  override get message(): string {
    return `there are more than ${this.limit} values (the next is at byte ${this.offset}): raise maxValues, or read them one by one with a parser`
  }
}

/**
 * Everything that makes bytes malformed as tagged values.
 *
 * @category errors
 * @since 0.1.0
 */
export type MalformedReason = Truncated | LengthPastEnd | IntegerOverflow | TagOverflow | UnknownType | TooManyValues

/**
 * Bytes that are not a run of tagged values.
 *
 * **Details**
 *
 * `reason.offset` counts from the beginning of the byte array that the parser was given, not from its `start`.
 *
 * @category errors
 * @since 0.1.0
 */
export class MalformedTagged extends Data.TaggedError("MalformedTagged")<{
  readonly reason: MalformedReason
}> {
  override get message(): string {
    return `Malformed tagged values: ${this.reason.message}`
  }
}

/**
 * A tag is not a whole number from 0 to 2^32-1.
 *
 * @category errors
 * @since 0.1.0
 */
export class TagOutOfRange extends Data.TaggedError("TagOutOfRange")<{
  readonly tag: number
}> {
  override get message(): string {
    return `tag ${this.tag} is not a whole number from 0 to 4294967295`
  }
}

/**
 * A number with a fraction, or no number at all, was to be written as an integer.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotAnInteger extends Data.TaggedError("NotAnInteger")<{
  readonly tag: number
  readonly value: number
}> {
  override get message(): string {
    return `the value ${this.value} of tag ${this.tag} is not an integer: round it, or write it as a double`
  }
}

/**
 * A number beyond 2^53-1 in either direction was to be written as an integer; it may have lost digits already.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnsafeInteger extends Data.TaggedError("UnsafeInteger")<{
  readonly tag: number
  readonly value: number
}> {
  override get message(): string {
    return `the value ${this.value} of tag ${this.tag} is beyond 2^53-1, where numbers are not exact: use a bigint`
  }
}

/**
 * A bigint needs more than 64 bits.
 *
 * @category errors
 * @since 0.1.0
 */
export class IntegerOutOfRange extends Data.TaggedError("IntegerOutOfRange")<{
  readonly tag: number
  readonly value: bigint
}> {
  override get message(): string {
    return `the value of tag ${this.tag} is beyond 2^64-1 in one direction or the other: write it as bytes`
  }
}

/**
 * The values take more bytes than the writer may use.
 *
 * @category errors
 * @since 0.1.0
 */
export class OverLimit extends Data.TaggedError("OverLimit")<{
  /** The tag of the first value that does not fit. */
  readonly tag: number
  /** Where the first byte of that value would have been. */
  readonly offset: number
  /** The most bytes that the writer may use. */
  readonly limit: number
}> {
  override get message(): string {
    return `the value of tag ${this.tag} at byte ${this.offset} does not fit into the limit of ${this.limit} bytes: send less, or raise the limit`
  }
}

/**
 * Everything that keeps values from being written.
 *
 * @category errors
 * @since 0.1.0
 */
export type EncodeReason = TagOutOfRange | NotAnInteger | UnsafeInteger | IntegerOutOfRange | OverLimit

/**
 * Values that cannot be written as tagged values.
 *
 * @category errors
 * @since 0.1.0
 */
export class TaggedEncodeError extends Data.TaggedError("TaggedEncodeError")<{
  readonly reason: EncodeReason
}> {
  override get message(): string {
    return `Cannot write tagged values: ${this.reason.message}`
  }
}
