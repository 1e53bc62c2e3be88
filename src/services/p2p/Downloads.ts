/**
 * Fetches transactions, double-spend proofs and blocks from the peers of a node, and checks what they send.
 *
 * **Details**
 *
 * - What peers announce is followed as long as somebody reads `transactions` or `doubleSpends`. Each item is asked of
 *   one peer at a time, and of the next that offers it when that one does not deliver. See `DownloadQueue`.
 * - What comes is what was asked for: its hash is checked, and the merkle tree of a block. A peer that sends a forged
 *   block is banned.
 * - A transaction that nobody asked for costs a peer 34 points. Who makes a peer send transactions without asking for
 *   each, as with a merkle block, says so with `expect`.
 *
 * **Gotchas**
 *
 * Peers have the transactions that are in no block yet, and few others. Whether a transaction is valid is not checked:
 * that takes the outputs that it spends.
 *
 * **Example** (Transactions as they are relayed)
 *
 * ```ts
 * import { Effect, Stream } from "effect"
 * import { Downloads, HashHex } from "effect-flowee"
 *
 * const watch = Effect.gen(function*() {
 *   const downloads = yield* Downloads.Downloads
 *   yield* Stream.runForEach(
 *     downloads.transactions,
 *     ({ bytes, peer, txid }) => Effect.logInfo(`${HashHex.format(txid)}: ${bytes.length} bytes from ${peer.endPoint}`)
 *   )
 * })
 * ```
 *
 * Source: peer-to-peer component, "Downloads and wallets".
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import * as OptionRules from "../../domain/internal/optionRules.ts"
import type * as BlockBytes from "../../domain/p2p/BlockBytes.ts"
import type * as DownloadQueue from "../../domain/p2p/DownloadQueue.ts"
import type * as P2PMessage from "../../domain/p2p/P2PMessage.ts"
import * as Core from "../../internal/p2p/downloads.ts"
import * as Runner from "../../internal/runner.ts"
import * as Hash256 from "../Hash256.ts"
import type * as NetworkConfig from "../NetworkConfig.ts"
import type * as DownloadError from "./DownloadError.ts"
import type * as Peer from "./Peer.ts"
import * as PeerManager from "./PeerManager.ts"

/**
 * A transaction that a peer has sent.
 *
 * @category models
 * @since 0.1.0
 */
export interface Transaction {
  readonly peer: Peer.Peer
  readonly txid: Uint8Array
  readonly bytes: Uint8Array
  /** How many elements of the stream were left out just before this one, because the reader was too slow. */
  readonly missed: number
}

/**
 * A double-spend proof that a peer has sent. Its signatures are not checked.
 *
 * @category models
 * @since 0.1.0
 */
export interface DoubleSpend {
  readonly peer: Peer.Peer
  /** The double SHA-256 of the proof: what it was announced by. */
  readonly hash: Uint8Array
  readonly proof: P2PMessage.Of<"dsproof-beta">
  /** How many elements of the stream were left out just before this one, because the reader was too slow. */
  readonly missed: number
}

/**
 * A whole block, with the transactions that its header commits to. All byte arrays point into `bytes`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Block extends BlockBytes.Parts {
  readonly peer: Peer.Peer
  readonly hash: Uint8Array
  /** The ids of `transactions`. */
  readonly txids: ReadonlyArray<Uint8Array>
  readonly bytes: Uint8Array
}

/**
 * The resolved settings.
 *
 * @category models
 * @since 0.1.0
 */
export interface Settings {
  /** The peers whose announcements are followed. Default: all. */
  readonly relayed: (peer: Peer.Peer) => boolean
  /** Transactions and proofs that are asked of one peer at a time, 1 to 1000. Default: 10. */
  readonly atOnce: number
  /** How long a peer has for them, at least 1 ms. Default: 30 seconds. */
  readonly timeout: Duration.Duration
  /** How long `transaction` tries, over all peers, at least 1 ms. Default: 2 minutes. */
  readonly patience: Duration.Duration
  /** Announced items that wait, in all, 1 to 1,000,000. Default: 50,000. */
  readonly maxItems: number
  /** Announced items of one peer that wait; more are dropped. 1 to 1,000,000. Default: 10,000. */
  readonly maxItemsPerPeer: number
  /** Items that are remembered so that they are not fetched again, 0 to 10,000,000. Default: 100,000. */
  readonly maxKnown: number
  /** Elements that wait for a reader of a stream; the oldest are left out. 1 to 1,000,000. Default: 1024. */
  readonly bufferSize: number
  /** The same in bytes, 1 to 1,000,000,000. Default: 16 MB. One element is always kept. */
  readonly bufferBytes: number
  /** Blocks that a reader of `blocks` fetches ahead, 1 to 1000. Each may have 32 MB. Default: 8. */
  readonly prefetch: number
  /** Blocks that are asked of one peer at a time, 1 to 1000. Default: 2. */
  readonly blocksAtOnce: number
  /** How long a peer has for a block, at least 1 ms. Default: 1 minute. */
  readonly blockTimeout: Duration.Duration
  /** How long `blocks` tries to get one block, over all peers, at least 1 ms. Default: 10 minutes. */
  readonly blockPatience: Duration.Duration
}

/**
 * Settings as they are given. All may be left out, and times may be given in any form of a duration.
 *
 * @category models
 * @since 0.1.0
 */
export type Options = {
  readonly [K in keyof Settings]?: (Settings[K] extends Duration.Duration ? Duration.Input : Settings[K]) | undefined
}

/**
 * Whom to ask.
 *
 * @category models
 * @since 0.1.0
 */
export interface FetchOptions {
  /**
   * Which peers may be asked, also of those that join while it is being fetched. Default: all, and for blocks those that
   * say that they have them (service `NETWORK`).
   */
  readonly peers?: ((peer: Peer.Peer) => boolean) | undefined
}

/**
 * What has been fetched and what has not, since the start.
 *
 * @category models
 * @since 0.1.0
 */
export interface Stats {
  /** Transactions and double-spend proofs. */
  readonly inventory: DownloadQueue.Counts
  readonly blocks: DownloadQueue.Counts
}

/**
 * What can be fetched from the peers of a node.
 *
 * @category services
 * @since 0.1.0
 */
export class Downloads extends Context.Service<Downloads, {
  /**
   * The transactions that peers announce from now on. Each comes once, unless it is forgotten meanwhile (`maxKnown`).
   * A reader that is too slow misses the oldest: `missed` says how many.
   */
  readonly transactions: Stream.Stream<Transaction>
  /** The double-spend proofs that peers announce from now on, in the same way. */
  readonly doubleSpends: Stream.Stream<DoubleSpend>
  /** Fetches one transaction: peers are asked one after the other. `missed` is 0. */
  readonly transaction: (
    txid: Uint8Array,
    options?: FetchOptions
  ) => Effect.Effect<Transaction, DownloadError.DownloadError>
  /**
   * Fetches blocks, and gives them in the order asked for. Some are fetched ahead, from several peers at once. It fails
   * in the place of the first one that cannot be had.
   */
  readonly blocks: (
    hashes: Iterable<Uint8Array>,
    options?: FetchOptions
  ) => Stream.Stream<Block, DownloadError.DownloadError>
  /**
   * Says that a peer will send transactions that were not asked for here: each may come once, and is not punished for.
   * They are left to whoever made it send them. The last 100,000 of a peer are remembered.
   */
  readonly expect: (peer: Peer.Peer, txids: ReadonlyArray<Uint8Array>) => Effect.Effect<void>
  readonly stats: Effect.Effect<Stats>
}>()("effect-flowee/Downloads") {}

const rules = {
  atOnce: OptionRules.count(10, 1, 1000),
  timeout: OptionRules.time("30 seconds", 1, OptionRules.longestTimer),
  patience: OptionRules.time("2 minutes", 1, OptionRules.longestTimer),
  maxItems: OptionRules.count(50_000, 1, 1_000_000),
  maxItemsPerPeer: OptionRules.count(10_000, 1, 1_000_000),
  maxKnown: OptionRules.count(100_000, 0, 10_000_000),
  bufferSize: OptionRules.count(1024, 1, 1_000_000),
  bufferBytes: OptionRules.count(16_000_000, 1, 1_000_000_000),
  prefetch: OptionRules.count(8, 1, 1000),
  blocksAtOnce: OptionRules.count(2, 1, 1000),
  blockTimeout: OptionRules.time("1 minute", 1, OptionRules.longestTimer),
  blockPatience: OptionRules.time("10 minutes", 1, OptionRules.longestTimer)
}

/**
 * Makes the downloads of the peers of a node. The streams end with the scope. Without options it cannot fail.
 *
 * @category constructors
 * @since 0.1.0
 */
export function make(): Effect.Effect<
  Downloads["Service"],
  never,
  PeerManager.PeerManager | Hash256.Hash256 | Scope.Scope
>
export function make(
  options: Options | undefined
): Effect.Effect<
  Downloads["Service"],
  NetworkConfig.BadOption,
  PeerManager.PeerManager | Hash256.Hash256 | Scope.Scope
>
export function make(
  options: Options = {}
): Effect.Effect<
  Downloads["Service"],
  NetworkConfig.BadOption,
  PeerManager.PeerManager | Hash256.Hash256 | Scope.Scope
> {
  return Effect.gen(function*() {
    const resolved = yield* Effect.fromResult(OptionRules.resolve(rules, options))
    const settings: Settings = { ...resolved, relayed: options.relayed ?? (() => true) }
    const manager = yield* PeerManager.PeerManager
    const { hash256 } = yield* Hash256.Hash256
    const core = new Core.Core(settings, yield* Runner.make, hash256)
    yield* Effect.addFinalizer(() => Effect.sync(() => core.end()))
    yield* manager.register(core.attach)
    return core.service
  })
}

/**
 * Provides the downloads of the peers of a node. Without options it cannot fail.
 *
 * @category layers
 * @since 0.1.0
 */
export function layer(): Layer.Layer<Downloads, never, PeerManager.PeerManager | Hash256.Hash256>
export function layer(
  options: Options | undefined
): Layer.Layer<Downloads, NetworkConfig.BadOption, PeerManager.PeerManager | Hash256.Hash256>
export function layer(
  options?: Options
): Layer.Layer<Downloads, NetworkConfig.BadOption, PeerManager.PeerManager | Hash256.Hash256> {
  return Layer.effect(Downloads, make(options))
}
