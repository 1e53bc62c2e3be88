/**
 * Gives transactions to the peers of a node, and reports who took them and who rejected them.
 *
 * **Details**
 *
 * - A transaction is announced (`inv`) and sent to the peers that ask for it. It goes on being offered to peers that join
 *   later, until it expires, is withdrawn, or the layer is closed.
 * - A peer that was sent it counts as having taken it when it has not rejected it for a while (`settleTime`), or when it
 *   announces it itself. Other peers that announce it are the best sign that it spreads.
 * - Bytes that are no transaction, and a transaction of 64 bytes, are refused before anything is sent. Whether a
 *   transaction is valid is for the peers to say: most of them end the connection when it is not.
 * - A peer is served only what was announced to it, so that peers cannot find out what others were told.
 *
 * **Example** (Paying somebody)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Broadcast } from "effect-flowee"
 *
 * const pay = Effect.fn(function*(transaction: Uint8Array) {
 *   const broadcast = yield* Broadcast.Broadcast
 *   const { outcome, peers } = yield* broadcast.broadcast(transaction, { minimum: 2, timeout: "1 minute" })
 *   for (const { endPoint, progress } of peers) yield* Effect.logInfo(`${endPoint}: ${progress._tag}`)
 *   return outcome === "Taken"
 * })
 * ```
 *
 * Source: peer-to-peer component, "Downloads and wallets"; BIP 61 for rejections.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import * as OptionRules from "../../domain/internal/optionRules.ts"
import type * as BroadcastReport from "../../domain/p2p/BroadcastReport.ts"
import * as Core from "../../internal/p2p/broadcasts.ts"
import * as Runner from "../../internal/runner.ts"
import * as Hash256 from "../Hash256.ts"
import type * as NetworkConfig from "../NetworkConfig.ts"
import type * as BroadcastError from "./BroadcastError.ts"
import type * as Peer from "./Peer.ts"
import * as PeerManager from "./PeerManager.ts"

/**
 * What became of a transaction.
 *
 * - `Taken`: as many peers as wanted have it.
 * - `Rejected`: more than half of the peers that it was announced to reject it. The report says why.
 * - `TimedOut`: neither is so yet. It goes on being offered.
 * - `Withdrawn`: it was withdrawn or has expired.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome = "Taken" | "Rejected" | "TimedOut" | "Withdrawn"

/**
 * What became of a transaction, and how far it has come with each peer.
 *
 * @category models
 * @since 0.1.0
 */
export interface Result extends BroadcastReport.BroadcastReport {
  readonly outcome: Outcome
}

/**
 * Options of one broadcast.
 *
 * @category models
 * @since 0.1.0
 */
export interface BroadcastOptions {
  /**
   * Which peers it is announced to, also of those that join later. Those of the last broadcast of a transaction hold.
   * Default: all.
   */
  readonly peers?: ((peer: Peer.Peer) => boolean) | undefined
  /** How many peers are to take it, 1 to 1000. Default: 1. */
  readonly minimum?: number | undefined
  /** How long to wait for what becomes of it, at least 1 ms. Default: 30 seconds. */
  readonly timeout?: Duration.Input | undefined
}

/**
 * The resolved settings.
 *
 * @category models
 * @since 0.1.0
 */
export interface Settings {
  /** How long a transaction is offered, from 1 second to 24 days. Default: 24 hours. */
  readonly expiry: Duration.Duration
  /** How long a peer that was sent a transaction has for a rejection, at least 0. Default: 2 seconds. */
  readonly settleTime: Duration.Duration
  /** Transactions that are offered at the same time, 1 to 100,000. The oldest that nobody waits for give way. Default: 1000. */
  readonly maxTransactions: number
  /** The same in bytes, from 1,000,000 to 10^9. Default: 64 MB. */
  readonly maxBytes: number
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
 * Gives transactions to peers.
 *
 * @category services
 * @since 0.1.0
 */
export class Broadcast extends Context.Service<Broadcast, {
  /**
   * Announces a transaction, and waits until enough peers took it, most reject it, or the time is over. When the wait is
   * interrupted it goes on being offered. One that is offered already is announced to the peers that have not heard of
   * it, and its time begins again.
   */
  readonly broadcast: (
    bytes: Uint8Array,
    options?: BroadcastOptions
  ) => Effect.Effect<Result, BroadcastError.BroadcastError | NetworkConfig.BadOption>
  /** How far a transaction has come that is being offered. */
  readonly status: (txid: Uint8Array) => Effect.Effect<Option.Option<BroadcastReport.BroadcastReport>>
  /**
   * The same now, and after each change, until it is not offered any more. A reader that lags is told of the newest
   * state. Empty for a transaction that is not offered.
   */
  readonly changes: (txid: Uint8Array) => Stream.Stream<BroadcastReport.BroadcastReport>
  /** Offers a transaction no more; `false` when it was not offered. Peers that have it keep it. */
  readonly withdraw: (txid: Uint8Array) => Effect.Effect<boolean>
}>()("effect-flowee/Broadcast") {}

const rules = {
  expiry: OptionRules.time("24 hours", 1000, OptionRules.longestTimer),
  settleTime: OptionRules.time("2 seconds", 0, OptionRules.longestTimer),
  maxTransactions: OptionRules.count(1000, 1, 100_000),
  maxBytes: OptionRules.count(64_000_000, 1_000_000, 1_000_000_000)
}

const callRules = {
  minimum: OptionRules.count(1, 1, 1000),
  timeout: OptionRules.time("30 seconds", 1, OptionRules.longestTimer)
}

/**
 * Makes a broadcast to the peers of a node. Transactions are offered until the scope is closed. Without options it
 * cannot fail.
 *
 * @category constructors
 * @since 0.1.0
 */
export function make(): Effect.Effect<
  Broadcast["Service"],
  never,
  PeerManager.PeerManager | Hash256.Hash256 | Scope.Scope
>
export function make(
  options: Options | undefined
): Effect.Effect<
  Broadcast["Service"],
  NetworkConfig.BadOption,
  PeerManager.PeerManager | Hash256.Hash256 | Scope.Scope
>
export function make(
  options?: Options
): Effect.Effect<
  Broadcast["Service"],
  NetworkConfig.BadOption,
  PeerManager.PeerManager | Hash256.Hash256 | Scope.Scope
> {
  return Effect.gen(function*() {
    const settings = yield* Effect.fromResult(OptionRules.resolve(rules, options))
    const manager = yield* PeerManager.PeerManager
    const { hash256 } = yield* Hash256.Hash256
    const core = new Core.Core(settings, yield* Runner.make, hash256)
    const settleTime = Duration.toMillis(settings.settleTime)
    yield* Effect.addFinalizer(() => Effect.sync(() => core.end()))
    yield* manager.register(core.attach)
    return {
      broadcast: (bytes, options = {}) =>
        Effect.flatMap(
          Effect.fromResult(OptionRules.resolve(callRules, options)),
          ({ minimum, timeout }) => core.broadcast(bytes, { minimum, settleTime }, timeout, options.peers)
        ),
      status: (txid) => Effect.sync(() => core.status(txid)),
      changes: (txid) => core.changes(txid),
      withdraw: (txid) => Effect.sync(() => core.withdraw(txid))
    }
  })
}

/**
 * Provides a broadcast to the peers of a node. Without options it cannot fail.
 *
 * @category layers
 * @since 0.1.0
 */
export function layer(): Layer.Layer<Broadcast, never, PeerManager.PeerManager | Hash256.Hash256>
export function layer(
  options: Options | undefined
): Layer.Layer<Broadcast, NetworkConfig.BadOption, PeerManager.PeerManager | Hash256.Hash256>
export function layer(
  options?: Options
): Layer.Layer<Broadcast, NetworkConfig.BadOption, PeerManager.PeerManager | Hash256.Hash256> {
  return Layer.effect(Broadcast, make(options))
}
