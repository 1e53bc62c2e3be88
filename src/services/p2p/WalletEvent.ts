/**
 * What a wallet is told of.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as PartialMerkleTree from "../../domain/p2p/PartialMerkleTree.ts"

/**
 * What a wallet is told of. Hashes are in the order of the wire.
 *
 * - `Matched`: a transaction of the wallet is in a block. `proof` is a tree that proves it, and maybe others, against the
 *   header of that block: see `PartialMerkleTree.verify`.
 * - `Unconfirmed`: a peer has told of a transaction of the wallet that is in no block yet. Nothing proves it: it may be
 *   invalid, and never be in any.
 * - `RolledBack`: the blocks above `height` are not in the chain any more. `txids` are those of the transactions that were
 *   told of as matched there; they may come again.
 * - `Synced`: every block up to `height` has been looked at, and what was found there has been told before.
 *
 * `isExact` is `true` but for strangers that only look like transactions of the wallet, which are told of when
 * `falsePositives` was asked for.
 *
 * @category models
 * @since 0.1.0
 */
export type WalletEvent = Data.TaggedEnum<{
  Matched: {
    readonly txid: Uint8Array
    readonly bytes: Uint8Array
    readonly height: number
    readonly blockHash: Uint8Array
    readonly proof: PartialMerkleTree.PartialMerkleTree
    readonly isExact: boolean
  }
  Unconfirmed: { readonly txid: Uint8Array; readonly bytes: Uint8Array; readonly isExact: boolean }
  RolledBack: { readonly height: number; readonly txids: ReadonlyArray<Uint8Array> }
  Synced: { readonly height: number }
}>

/**
 * Constructors and matchers of events.
 *
 * @category constructors
 * @since 0.1.0
 */
export const WalletEvent = Data.taggedEnum<WalletEvent>()
