/**
 * Why a node does not take a transaction.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * A rule that a transaction breaks, with the code and the name that nodes have for it (BIP 61).
 *
 * **Details**
 *
 * Codes: 16 it is invalid, 64 it is not standard, 66 its fee is too low, 257 it is known, 258 another one spends the
 * same.
 *
 * @category errors
 * @since 0.1.0
 */
export class TransactionRefused extends Data.TaggedError("TransactionRefused")<{
  readonly code: number
  readonly rule: string
}> {
  override get message(): string {
    return `${this.code}: ${this.rule}`
  }
}

/**
 * The transaction can never be mined.
 *
 * @category constructors
 * @since 0.1.0
 */
export const invalid = (rule: string): TransactionRefused => new TransactionRefused({ code: 16, rule })

/**
 * The transaction could be mined, but nodes do not pass it on.
 *
 * @category constructors
 * @since 0.1.0
 */
export const nonStandard = (rule: string): TransactionRefused => new TransactionRefused({ code: 64, rule })

/**
 * The fee is too low for the size.
 *
 * @category constants
 * @since 0.1.0
 */
export const lowFee = new TransactionRefused({ code: 66, rule: "min relay fee not met" })

/**
 * The mempool has no room.
 *
 * @category constants
 * @since 0.1.0
 */
export const mempoolFull = new TransactionRefused({ code: 66, rule: "mempool full" })

/**
 * A transaction that spends the same output is in the mempool.
 *
 * @category constants
 * @since 0.1.0
 */
export const conflict = new TransactionRefused({ code: 258, rule: "txn-mempool-conflict" })

/**
 * The transaction is in a block.
 *
 * @category constants
 * @since 0.1.0
 */
export const known = new TransactionRefused({ code: 257, rule: "txn-already-known" })
