/**
 * Keeps the chain of headers at the tip of the network.
 *
 * **Details**
 *
 * One peer leads: it is asked for all that is missing, 2000 headers at a time. When it has no more, all others are asked
 * too, so that nobody who leads can hide the better chain. A leader that does not answer is dismissed, and another one
 * leads. From then on peers announce new blocks by themselves.
 *
 * Headers that break a rule cost their sender 1001 points, which bans it. One that sends side branches without end, or
 * headers that connect to nothing, is dismissed too.
 *
 * Peers that ask for headers are answered from the chain.
 *
 * Source: peer-to-peer component, "Header chain" and "Downloads and wallets".
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import * as OptionRules from "../../domain/internal/optionRules.ts"
import * as Sync from "../../internal/p2p/sync/sync.ts"
import type * as NetworkConfig from "../NetworkConfig.ts"
import * as HeaderChain from "./HeaderChain.ts"
import * as PeerManager from "./PeerManager.ts"

/**
 * How far the chain is.
 *
 * - `Alone`: there is no peer to ask.
 * - `Syncing`: peers are asked. `target` is the height that the best of them claims to have, which nobody has proven.
 * - `Synced`: no peer has more.
 *
 * @category models
 * @since 0.1.0
 */
export type SyncStatus = Data.TaggedEnum<{
  Alone: { readonly height: number }
  Syncing: { readonly height: number; readonly target: number }
  Synced: { readonly height: number }
}>

/**
 * Constructors and matchers of the status.
 *
 * @category constructors
 * @since 0.1.0
 */
export const SyncStatus = Data.taggedEnum<SyncStatus>()

/**
 * Keeps the chain of headers at the tip of the network.
 *
 * @category services
 * @since 0.1.0
 */
export class HeaderSync extends Context.Service<HeaderSync, {
  readonly status: Effect.Effect<SyncStatus>
  /** The status now, and each one that follows. */
  readonly changes: Stream.Stream<SyncStatus>
  /** Waits until no peer has more headers. */
  readonly synced: Effect.Effect<void>
}>()("effect-flowee/HeaderSync") {}

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** How long a peer may take to answer a request for headers. Default: 20 seconds. */
  readonly stallTimeout?: Duration.Input | undefined
}

const rules = { stallTimeout: OptionRules.time("20 seconds", 1) }

/**
 * Makes the service. It ends with the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (options?: Options) => Effect.Effect<
  HeaderSync["Service"],
  NetworkConfig.BadOption,
  HeaderChain.HeaderChain | PeerManager.PeerManager | Scope.Scope
> = Effect.fnUntraced(function*(options) {
  const { stallTimeout } = yield* Effect.fromResult(OptionRules.resolve(rules, options))
  return yield* Sync.make({
    stallTimeout,
    chain: yield* HeaderChain.HeaderChain,
    peers: yield* PeerManager.PeerManager
  })
})

/**
 * Provides the service.
 *
 * **Example** (Waiting for the tip)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { HeaderChain, HeaderSync } from "effect-flowee"
 *
 * const height = Effect.gen(function*() {
 *   const sync = yield* HeaderSync.HeaderSync
 *   yield* sync.synced
 *   const chain = yield* HeaderChain.HeaderChain
 *   return (yield* chain.tip).height
 * }).pipe(Effect.provide(HeaderSync.layer()))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Options): Layer.Layer<
  HeaderSync,
  NetworkConfig.BadOption,
  HeaderChain.HeaderChain | PeerManager.PeerManager
> => Layer.effect(HeaderSync, make(options))
