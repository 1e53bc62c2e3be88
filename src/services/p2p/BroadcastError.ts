/**
 * Why a transaction is not broadcast. Nothing was sent.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as BinaryError from "../../domain/p2p/BinaryError.ts"
import * as TransactionBytes from "../../domain/p2p/TransactionBytes.ts"

/**
 * The bytes are no transaction.
 *
 * @category errors
 * @since 0.1.0
 */
export class Malformed extends Data.TaggedError("Malformed")<{ readonly reason: BinaryError.BinaryDecodeError }> {
  override get message(): string {
    return `these bytes are no transaction: ${this.reason.message}`
  }
}

/**
 * The transaction has 64 bytes: it could be taken for a node of a merkle tree, and no node takes it.
 *
 * @category errors
 * @since 0.1.0
 */
export class Ambiguous extends Data.TaggedError("Ambiguous") {
  override get message(): string {
    return `a transaction of ${TransactionBytes.ambiguousSize} bytes is not valid`
  }
}

/**
 * The transaction is larger than any that is valid.
 *
 * @category errors
 * @since 0.1.0
 */
export class TooLarge extends Data.TaggedError("TooLarge")<{
  /** In bytes. */
  readonly size: number
  readonly limit: number
}> {
  override get message(): string {
    return `the transaction has ${this.size} bytes; at most ${this.limit} are valid`
  }
}

/**
 * So many transactions are being broadcast that there is no room for another one.
 *
 * @category errors
 * @since 0.1.0
 */
export class TooMany extends Data.TaggedError("TooMany")<{ readonly limit: number }> {
  override get message(): string {
    return `${this.limit} transactions are being broadcast, which is as many as may be`
  }
}

/**
 * A transaction is not broadcast.
 *
 * @category errors
 * @since 0.1.0
 */
export class BroadcastError extends Data.TaggedError("BroadcastError")<{
  readonly reason: Malformed | Ambiguous | TooLarge | TooMany
}> {
  override get message(): string {
    return this.reason.message
  }
}
