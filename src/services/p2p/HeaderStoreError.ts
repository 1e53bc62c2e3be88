/**
 * Why stored headers cannot be used, or new ones not be stored.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * A file cannot be opened, read or written.
 *
 * @category errors
 * @since 0.1.0
 */
export class StoreUnavailable
  extends Schema.TaggedError<StoreUnavailable>("effect-flowee/HeaderStore/StoreUnavailable")("StoreUnavailable", {
    operation: Schema.Literals(["open", "read", "write", "set aside"]),
    path: Schema.String,
    cause: Schema.Defect()
  })
{
  override get message(): string {
    const cause = this.cause instanceof Error ? `: ${this.cause.message}` : ""
    return `failed to ${this.operation} the header file ${this.path}${cause}`
  }
}

/**
 * A file holds headers that break the rules, or are none.
 *
 * @category errors
 * @since 0.1.0
 */
export class CorruptFile
  extends Schema.TaggedError<CorruptFile>("effect-flowee/HeaderStore/CorruptFile")("CorruptFile", {
    path: Schema.String,
    /** Where the first header that is wrong begins, in bytes. What is before it is good. */
    offset: Schema.Int,
    problem: Schema.String
  })
{
  override get message(): string {
    return `the header file ${this.path} is corrupt at byte ${this.offset}: ${this.problem}`
  }
}

/**
 * A file begins with headers that do not belong to the chain: it is of another network, or no file of headers.
 *
 * @category errors
 * @since 0.1.0
 */
export class ForeignFile
  extends Schema.TaggedError<ForeignFile>("effect-flowee/HeaderStore/ForeignFile")("ForeignFile", {
    path: Schema.String,
    problem: Schema.String
  })
{
  override get message(): string {
    return `the file ${this.path} holds no headers of this chain: ${this.problem}`
  }
}

/**
 * A store of headers failed, or holds what it should not.
 *
 * @category errors
 * @since 0.1.0
 */
export class HeaderStoreError
  extends Schema.TaggedError<HeaderStoreError>("effect-flowee/HeaderStore/HeaderStoreError")(
    "HeaderStoreError",
    { reason: Schema.Union([StoreUnavailable, CorruptFile, ForeignFile]) }
  )
{
  override get message(): string {
    return this.reason.message
  }
}
