/**
 * Why a body does not fit the schema it is read with, and why a value cannot become a body.
 *
 * Bodies come from peers, so a failed decode is a value: it says which field, by its path and its tag, what was found
 * there and what had been expected. A program reacts to a single reason with `Effect.catchReason`.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as TaggedError from "./TaggedError.ts"

/**
 * Where in a value something is: names of fields and positions in lists, from the outside in. Empty for the body itself.
 *
 * @category models
 * @since 0.1.0
 */
export type Path = ReadonlyArray<string | number>

/**
 * The bytes are no tagged values, from some byte on.
 *
 * @category errors
 * @since 0.1.0
 */
export class MalformedBody extends Data.TaggedError("MalformedBody")<{
  /** The list element that was being read. Empty outside of lists. */
  readonly path: Path
  readonly tag: undefined
  /** What is wrong with the bytes, and at which byte. */
  readonly malformed: TaggedError.MalformedReason
}> {
  override get message(): string {
    return `${place(this.path, this.tag)}: ${this.malformed.message}`
  }
}

/**
 * A value that has to be there is not.
 *
 * @category errors
 * @since 0.1.0
 */
export class MissingValue extends Data.TaggedError("MissingValue")<{
  readonly path: Path
  readonly tag: number | undefined
  /** What the schema wants there. */
  readonly expected: string
  readonly found: string
}> {
  override get message(): string {
    return `${place(this.path, this.tag)} is missing: expected ${this.expected}`
  }
}

/**
 * A value has another type than its field, or is not what the checks and transformations of the schema take.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnexpectedValue extends Data.TaggedError("UnexpectedValue")<{
  readonly path: Path
  /** The tag of the value; `undefined` when a check of a whole struct refused it. */
  readonly tag: number | undefined
  /** "expected an integer", or the message of the check or transformation that refused the value. */
  readonly problem: string
  /** A short description: "the integer 7", "32 bytes 0a0b…". */
  readonly found: string
}> {
  override get message(): string {
    return `${place(this.path, this.tag)}: ${this.problem}; found ${this.found}`
  }
}

/**
 * A value came a second time for a field that holds one.
 *
 * @category errors
 * @since 0.1.0
 */
export class RepeatedValue extends Data.TaggedError("RepeatedValue")<{
  readonly path: Path
  readonly tag: number
  /** A short description of the second value. */
  readonly found: string
}> {
  override get message(): string {
    return `${place(this.path, this.tag)} came twice, now as ${this.found}`
  }
}

/**
 * The lists of a body have more elements together than the codec was told to take.
 *
 * @category errors
 * @since 0.1.0
 */
export class TooManyElements extends Data.TaggedError("TooManyElements")<{
  /** The first element beyond the limit. */
  readonly path: Path
  readonly tag: number | undefined
  readonly found: string
  readonly limit: number
}> {
  override get message(): string {
    return `${
      place(this.path, this.tag)
    } is more than the ${this.limit} list elements that a body may have: raise maxElements`
  }
}

/**
 * Everything that keeps a body from being decoded.
 *
 * @category errors
 * @since 0.1.0
 */
export type DecodeReason = MalformedBody | MissingValue | UnexpectedValue | RepeatedValue | TooManyElements

/**
 * A body that does not fit the schema.
 *
 * @category errors
 * @since 0.1.0
 */
export class BodyDecodeError extends Data.TaggedError("BodyDecodeError")<{
  readonly reason: DecodeReason
}> {
  override get message(): string {
    return `Cannot decode the body: ${this.reason.message}`
  }
}

/**
 * A value is not what its field takes: of another type, missing, or refused by a check or transformation.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnwritableValue extends Data.TaggedError("UnwritableValue")<{
  readonly path: Path
  /** The tag of the field; `undefined` for a whole struct or list. */
  readonly tag: number | undefined
  /** "expected an integer", or the message of the check or transformation that refused the value. */
  readonly problem: string
  readonly found: string
}> {
  override get message(): string {
    return `${place(this.path, this.tag)}: ${this.problem}; found ${this.found}`
  }
}

/**
 * A record without any value, in a list that is written with separators between its records: it could not be told from
 * no record.
 *
 * @category errors
 * @since 0.1.0
 */
export class EmptyRecord extends Data.TaggedError("EmptyRecord")<{
  readonly path: Path
  readonly tag: undefined
}> {
  override get message(): string {
    return `${place(this.path, this.tag)} has no value at all: a reader could not tell it from no record`
  }
}

/**
 * The values take more bytes than a body may have, see `TaggedWriter.defaultLimit`.
 *
 * @category errors
 * @since 0.1.0
 */
export class BodyTooLarge extends Data.TaggedError("BodyTooLarge")<{
  /** The field whose value does not fit any more, without the positions in lists. */
  readonly path: Path
  readonly tag: number
  /** The most bytes of a body. */
  readonly limit: number
}> {
  override get message(): string {
    return `${place(this.path, this.tag)} does not fit into the ${this.limit} bytes of a body: send less`
  }
}

/**
 * Everything that keeps a value from becoming a body.
 *
 * @category errors
 * @since 0.1.0
 */
export type EncodeReason = UnwritableValue | EmptyRecord | BodyTooLarge

/**
 * A value that cannot become a body.
 *
 * @category errors
 * @since 0.1.0
 */
export class BodyEncodeError extends Data.TaggedError("BodyEncodeError")<{
  readonly reason: EncodeReason
}> {
  override get message(): string {
    return `Cannot encode the body: ${this.reason.message}`
  }
}

/**
 * Writes a path as a program would: `transactions[2].inputs[0].script`.
 *
 * @category formatting
 * @since 0.1.0
 */
export const formatPath = (path: Path): string => {
  let text = ""
  for (const step of path) {
    text += typeof step === "number" ? `[${step}]` : text === "" ? step : `.${step}`
  }
  return text
}

const place = (path: Path, tag: number | undefined): string => {
  const where = path.length === 0 ? "the body" : formatPath(path)
  return tag === undefined ? where : `${where} (tag ${tag})`
}
