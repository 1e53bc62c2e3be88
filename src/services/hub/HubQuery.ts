/**
 * What a client asks a Hub about: which block, which transaction, which output.
 *
 * @stability unstable
 * @since 0.1.0
 */
import type * as HubHash from "../../domain/hub/HubHash.ts"
import type * as HubQuantity from "../../domain/hub/HubQuantity.ts"
import type * as HubTransaction from "../../domain/hub/HubTransaction.ts"

/**
 * A block, by its hash or by its height on the best chain.
 *
 * @category models
 * @since 0.1.0
 */
export type Block =
  | { readonly hash: HubHash.BlockHash; readonly height?: undefined }
  | { readonly height: HubQuantity.BlockHeight; readonly hash?: undefined }

/**
 * A transaction, by where it is in the chain, or by its id.
 *
 * @category models
 * @since 0.1.0
 */
export type Transaction =
  | { readonly txId: HubHash.TxId; readonly height?: undefined; readonly offset?: undefined }
  | {
    readonly height: HubQuantity.BlockHeight
    readonly offset: HubQuantity.OffsetInBlock
    readonly txId?: undefined
  }

/**
 * A transaction, by its id or by the hash of one of its output scripts.
 *
 * @category models
 * @since 0.1.0
 */
export type LiveTransaction =
  | { readonly txId: HubHash.TxId; readonly scriptHash?: undefined }
  | { readonly scriptHash: HubHash.ScriptHash; readonly txId?: undefined }

/**
 * An output of a transaction.
 *
 * @category models
 * @since 0.1.0
 */
export type Output = Transaction & {
  /** Which of its outputs. Default: 0. */
  readonly index?: HubQuantity.OutputIndex | undefined
}

/**
 * What to tell of each transaction. With nothing asked for: its bytes.
 *
 * @category models
 * @since 0.1.0
 */
export type Choices = { readonly [K in keyof HubTransaction.Choices]?: HubTransaction.Choices[K] | undefined }

/**
 * What to tell of a block.
 *
 * @category models
 * @since 0.1.0
 */
export interface BlockOptions extends Choices {
  /** Only transactions that pay to one of these scripts, or spend from one. Default: all. */
  readonly scriptHashes?: ReadonlyArray<HubHash.ScriptHash> | undefined
  /** Only transactions with such output scripts: a sum of `HubBlockChain.ScriptKind`. Default: all. */
  readonly scriptKinds?: number | undefined
}

/**
 * What to find in the mempool: transactions with one of these ids, or that pay to one of these scripts.
 *
 * @category models
 * @since 0.1.0
 */
export interface Search extends Choices {
  readonly txIds?: ReadonlyArray<HubHash.TxId> | undefined
  readonly scriptHashes?: ReadonlyArray<HubHash.ScriptHash> | undefined
}
