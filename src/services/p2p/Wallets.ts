/**
 * Wallets that follow their own transactions by peers that know nothing but a bloom filter: BIP 37.
 *
 * Each wallet is a *segment* of the network: it has peers of its own, at least 3 where there are enough, and none of
 * them ever serves another wallet, so that nobody learns which addresses belong together.
 *
 * **Details**
 *
 * - A peer is given the filter of its wallet and asked for blocks in ranges of 100. Of each it sends a tree that proves,
 *   against the header in the `HeaderChain`, which transactions match, and then those.
 * - A node can leave out what matches, and cannot make it up. So a second peer is asked for the same blocks. When it
 *   tells of more, what it has proven is told, the first one is banned if its filter must have found it, and a third peer
 *   looks at the block. `verifiedTo` says how far two peers agree.
 * - A peer that delivers under one block a second is dropped, and one that names transactions and does not send them.
 * - When the chain is reorganised, what was found in blocks that have left it is taken back.
 * - Only peers that this node has dialled serve wallets: who dials us may be looking for somebody.
 * - One filter, with some room in it, goes to all peers of a wallet: two different ones would tell more than each.
 *
 * What is known of a wallet lives in a `WalletStore`: how far it has got, what it has found, who has served it. A wallet
 * that is opened again goes on from there.
 *
 * **Gotchas**
 *
 * Two peers that leave out the same are believed: choose peers of different operators. An `Unconfirmed` transaction is a
 * rumour.
 *
 * **Example** (Payments to an address)
 *
 * ```ts
 * import { Effect, Stream } from "effect"
 * import { HashHex, Network, WalletElement, Wallets } from "effect-flowee"
 *
 * const watch = Effect.gen(function*() {
 *   const wallets = yield* Wallets.Wallets
 *   const address = yield* Effect.fromResult(
 *     WalletElement.fromAddress("bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a", Network.mainnet)
 *   )
 *   const wallet = yield* wallets.open({ id: "shop", firstBlock: { height: 800_000 }, elements: [address] })
 *   yield* Stream.runForEach(wallet.events, (event) =>
 *     event._tag === "Matched"
 *       ? Effect.logInfo(`${HashHex.format(event.txid)} is in block ${event.height}`)
 *       : Effect.void)
 * })
 * ```
 *
 * Source: peer-to-peer component, "Downloads and wallets".
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type * as Segment from "../../domain/p2p/Segment.ts"
import type * as WalletElement from "../../domain/p2p/WalletElement.ts"
import * as Core from "../../internal/p2p/wallets/core.ts"
import type * as Hash256 from "../Hash256.ts"
import type * as Downloads from "./Downloads.ts"
import type * as HeaderChain from "./HeaderChain.ts"
import type * as Peer from "./Peer.ts"
import type * as PeerManager from "./PeerManager.ts"
import type * as WalletError from "./WalletError.ts"
import type * as WalletEvent from "./WalletEvent.ts"
import type * as WalletStore from "./WalletStore.ts"

/**
 * Which block a wallet begins with: that of a height, or the first that may have been made since a time, in seconds
 * since 1970. Times of blocks are up to two hours off; that is taken care of.
 *
 * @category models
 * @since 0.1.0
 */
export type FirstBlock = { readonly height: number } | { readonly time: number }

/**
 * What a wallet is opened with.
 *
 * @category models
 * @since 0.1.0
 */
export interface OpenOptions {
  /** 1 to 64 of the characters `a-z`, `0-9`, `-` and `_`. */
  readonly id: string
  /** Whether it gets peers before other wallets do. Default: `"normal"`. */
  readonly priority?: Segment.Priority | undefined
  /**
   * The first block that is looked at. A wallet that was opened before goes on from where it was; it begins anew, from
   * here, when there are elements that it did not watch for, or when this is below its first block.
   */
  readonly firstBlock: FirstBlock
  /** What it watches for, at most 50,000, besides what it has watched for before. */
  readonly elements: Iterable<WalletElement.WalletElement>
  /**
   * The share of the transactions of others that peers send too: above 0, up to 0.1. The higher it is, the less they
   * learn, and the more there is to fetch. Default: 0.0001.
   */
  readonly falsePositiveRate?: number | undefined
  /** Whether those of others are told of. Default: `false`. */
  readonly falsePositives?: boolean | undefined
}

/**
 * A wallet that is open.
 *
 * @category models
 * @since 0.1.0
 */
export interface Wallet {
  readonly id: string
  /**
   * Watches for more.
   *
   * `from` is the first block in which the elements can be: blocks from there on that were looked at are looked at again,
   * and what was told of them is not told twice. Default: the next block.
   */
  readonly add: (
    elements: Iterable<WalletElement.WalletElement>,
    options?: { readonly from?: number | undefined }
  ) => Effect.Effect<void, WalletError.WalletError>
  /**
   * What happens to the wallet, from where it was saved. For one reader, who has to read: with 1000 events that wait no
   * further blocks are looked at. It ends when the wallet is closed.
   *
   * Nothing is lost: an event counts as dealt with when the reader comes for more, and is told again after a restart when
   * it did not. None is told twice otherwise.
   */
  readonly events: Stream.Stream<WalletEvent.WalletEvent>
  /** Every block up to this height has been looked at. `None` while its first block is not known. */
  readonly syncedTo: Effect.Effect<Option.Option<number>>
  /** Every block up to this height has been looked at by two peers. `None` while its first block is not known. */
  readonly verifiedTo: Effect.Effect<Option.Option<number>>
  /** Those that serve it. */
  readonly peers: Effect.Effect<ReadonlyArray<Peer.Peer>>
}

/**
 * The wallets of a node.
 *
 * @category services
 * @since 0.1.0
 */
export class Wallets extends Context.Service<Wallets, {
  /**
   * Opens a wallet until the scope is closed. Its peers are then dismissed, since they have its filter, and what is known
   * of it is saved.
   */
  readonly open: (options: OpenOptions) => Effect.Effect<Wallet, WalletError.WalletError, Scope.Scope>
  /** The ids of the wallets that are open. */
  readonly opened: Effect.Effect<ReadonlyArray<string>>
  /** The id of the wallet that a peer serves. */
  readonly servedBy: (peer: Peer.Peer) => Effect.Effect<Option.Option<string>>
}>()("effect-flowee/Wallets") {}

/**
 * Makes the wallets of a node, over the store. Fails when what is stored cannot be read.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<
  Wallets["Service"],
  WalletStore.WalletStoreError,
  | Downloads.Downloads
  | Hash256.Hash256
  | HeaderChain.HeaderChain
  | PeerManager.PeerManager
  | Scope.Scope
  | WalletStore.WalletStore
> = Core.make

/**
 * Provides the wallets of a node, over the `WalletStore` in the context.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<
  Wallets,
  WalletStore.WalletStoreError,
  | Downloads.Downloads
  | Hash256.Hash256
  | HeaderChain.HeaderChain
  | PeerManager.PeerManager
  | WalletStore.WalletStore
> = Layer.effect(Wallets, make)
