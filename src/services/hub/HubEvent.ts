/**
 * What the subscriptions of a Hub tell.
 *
 * **Details**
 *
 * A subscription is as good as the connection: what happens while it is down is not told later. So each stream says where
 * something may be missing, with an element `Gap`.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as HubBlockNotification from "../../domain/hub/HubBlockNotification.ts"
import type * as HubHash from "../../domain/hub/HubHash.ts"
import type * as HubQuantity from "../../domain/hub/HubQuantity.ts"

/**
 * Here something may be missing. Times are milliseconds of the `Clock`.
 *
 * - `Disconnected`: there was no connection. The subscription holds again.
 * - `TooSlow`: more came than the reader of the stream took, and was dropped.
 *
 * @category models
 * @since 0.1.0
 */
export interface Gap {
  readonly _tag: "Gap"
  readonly reason: "Disconnected" | "TooSlow"
  readonly since: number
  readonly until: number
}

/**
 * The two ways in which a double spend is shown: a proof, or the other transaction.
 *
 * @category models
 * @since 0.1.0
 */
export interface Evidence {
  /** The double-spend proof. */
  readonly proof?: Uint8Array
  /** The transaction that spends the same. */
  readonly transaction?: Uint8Array
}

/**
 * What happens to the chain of blocks.
 *
 * - `Block`: the next block; its height is one more than that of the last.
 * - `BlocksRemoved`: these have left the chain, the highest first; others follow in their place.
 * - `Gap`: what was missed meanwhile follows, so that no block is missing.
 *
 * @category models
 * @since 0.1.0
 */
export type BlockEvent =
  | { readonly _tag: "Block"; readonly hash: HubHash.BlockHash; readonly height: HubQuantity.BlockHeight }
  | { readonly _tag: "BlocksRemoved"; readonly blocks: ReadonlyArray<HubBlockNotification.BlockRef> }
  | Gap

/**
 * A transaction that pays to, or spends from, a script that is watched. Height and offset are there once it is in a
 * block: it is then told a second time.
 *
 * @category models
 * @since 0.1.0
 */
export interface AddressMatch {
  readonly scriptHash: HubHash.ScriptHash
  readonly txId: HubHash.TxId
  readonly amount: HubQuantity.Amount
  readonly height?: HubQuantity.BlockHeight
  readonly offset?: HubQuantity.OffsetInBlock
}

/**
 * What happens to addresses.
 *
 * @category models
 * @since 0.1.0
 */
export type AddressEvent =
  | ({ readonly _tag: "Found" } & AddressMatch)
  | ({ readonly _tag: "DoubleSpend" } & AddressMatch & Evidence)
  | Gap

/**
 * What happens to transactions. Height and offset are there once it is in a block.
 *
 * @category models
 * @since 0.1.0
 */
export type TransactionEvent =
  | {
    readonly _tag: "Found"
    readonly txId: HubHash.TxId
    readonly height?: HubQuantity.BlockHeight
    readonly offset?: HubQuantity.OffsetInBlock
  }
  | ({ readonly _tag: "DoubleSpend"; readonly txId: HubHash.TxId } & Evidence)
  | Gap

/**
 * Which transactions of the mempool others want to take the place of.
 *
 * @category models
 * @since 0.1.0
 */
export type DoubleSpendEvent =
  | ({ readonly _tag: "DoubleSpend"; readonly txId: HubHash.TxId } & Evidence)
  | Gap

/**
 * Constructors and matchers of the events of blocks.
 *
 * @category constructors
 * @since 0.1.0
 */
export const BlockEvent = Data.taggedEnum<BlockEvent>()

/**
 * Constructors and matchers of the events of addresses.
 *
 * @category constructors
 * @since 0.1.0
 */
export const AddressEvent = Data.taggedEnum<AddressEvent>()

/**
 * Constructors and matchers of the events of transactions.
 *
 * @category constructors
 * @since 0.1.0
 */
export const TransactionEvent = Data.taggedEnum<TransactionEvent>()

/**
 * Constructors and matchers of double spends.
 *
 * @category constructors
 * @since 0.1.0
 */
export const DoubleSpendEvent = Data.taggedEnum<DoubleSpendEvent>()
