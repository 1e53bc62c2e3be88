/**
 * Keeps the wanted number of good peers: dials addresses of the book, replaces peers that end, and lets peers in.
 *
 * **Details**
 *
 * - Each part of a program says how many peers it wants, and what they must offer. While some are missing, addresses of
 *   the book are dialled, up to eight at a time, and no two of one group of addresses (`AddressGroup`): who owns many
 *   addresses of one network must not become all of our peers. Peers of this machine are of no group.
 * - The book learns how each attempt and each peer ended. Peers that nobody wants any more are dismissed after a minute,
 *   the youngest first, and one that lacks what is wanted makes room when there is none.
 * - Peers that dial us are let in when there is a place, or when one of them is worth less than the others: see
 *   `Eviction`.
 * - Peers are asked for addresses, and told some, once.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type * as EndPoint from "../../domain/EndPoint.ts"
import * as OptionRules from "../../domain/internal/optionRules.ts"
import * as PeerAddress from "../../domain/p2p/PeerAddress.ts"
import * as Manager from "../../internal/p2p/peers/manager.ts"
import type * as Hash256 from "../Hash256.ts"
import type * as NetworkConfig from "../NetworkConfig.ts"
import type * as NetworkManager from "../NetworkManager.ts"
import type * as P2PConfig from "./P2PConfig.ts"
import type * as Peer from "./Peer.ts"
import * as PeerAddressBook from "./PeerAddressBook.ts"
import type * as PeerError from "./PeerError.ts"

/**
 * What happens to the peers of a node.
 *
 * - `Dialling`: an attempt to reach a peer has begun.
 * - `Failed`: an attempt has failed, or a peer that dialled us did not shake hands.
 * - `Joined`: a peer has shaken hands.
 * - `Left`: it has ended.
 *
 * @category models
 * @since 0.1.0
 */
export type PeersEvent = Data.TaggedEnum<{
  Dialling: { readonly endPoint: string }
  Failed: {
    readonly endPoint: string
    readonly reason: PeerError.PeerError["reason"] | NetworkManager.NetworkError["reason"]
  }
  Joined: { readonly peer: Peer.Peer }
  Left: { readonly peer: Peer.Peer; readonly reason: PeerError.Reason }
}>

/**
 * Constructors and matchers of the events of the peers.
 *
 * @category constructors
 * @since 0.1.0
 */
export const PeersEvent = Data.taggedEnum<PeersEvent>()

/**
 * What peers are wanted for.
 *
 * @category models
 * @since 0.1.0
 */
export interface Demand {
  /** How many peers, over those that others want. */
  readonly count: number
  /** Services that they must offer. Default: none. */
  readonly services?: bigint | undefined
}

/**
 * The peers of a node.
 *
 * @category services
 * @since 0.1.0
 */
export class PeerManager extends Context.Service<PeerManager, {
  /** The peers that have shaken hands, those of the longest standing first. */
  readonly peers: Effect.Effect<ReadonlyArray<Peer.Peer>>
  /** What happens from now on. A reader that lags by over 1024 events misses the oldest. */
  readonly events: Stream.Stream<PeersEvent>
  /**
   * Runs for each peer, those that are there and those that come: before any further message of it is looked at, so that
   * a handler that is added misses nothing. The scope is closed when the peer ends, or with the registration.
   */
  readonly register: (
    attach: (peer: Peer.Peer) => Effect.Effect<void, never, Scope.Scope>
  ) => Effect.Effect<void, never, Scope.Scope>
  /** Wants more peers until the scope is closed. */
  readonly want: (demand: Demand) => Effect.Effect<void, never, Scope.Scope>
  /**
   * Keeps a peer from being dismissed for another one while `isNeeded` says so, until the scope is closed. Default: as
   * long as that is.
   */
  readonly hold: (peer: Peer.Peer, isNeeded?: () => boolean) => Effect.Effect<void, never, Scope.Scope>
  /** Where peers are listened for, with the port that was given out for port 0; `undefined` when they are not. */
  readonly address: NetAddress.SocketAddress | undefined
  /** Dials an end point again and again, besides the peers that are wanted, until the scope is closed. */
  readonly connect: (endPoint: EndPoint.Input) => Effect.Effect<void, NetworkManager.NetworkError, Scope.Scope>
}>()("effect-flowee/PeerManager") {}

/**
 * How many peers there are to be.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Peers that are wanted in any case: 0 to 1000. They must have all blocks. Default: 8. */
  readonly outbound?: number | undefined
  /** Peers that are dialled from the book at one time, whatever is wanted: 0 to 1000. Default: 64. */
  readonly maxOutbound?: number | undefined
  /** Where peers are listened for. Default: nowhere. */
  readonly listen?: EndPoint.Input | undefined
  /** Peers that may have dialled us at one time: 0 to 10,000. Default: 64. */
  readonly maxInbound?: number | undefined
  /** The height that peers are told we have. Default: 0. */
  readonly startHeight?: Effect.Effect<number> | undefined
}

const rules = {
  outbound: OptionRules.count(8, 0, 1000),
  maxOutbound: OptionRules.count(64, 0, 1000),
  maxInbound: OptionRules.count(64, 0, 10_000)
}

/**
 * Makes the peers of a node. They end with the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (options?: Options) => Effect.Effect<
  PeerManager["Service"],
  NetworkConfig.BadOption | NetworkManager.NetworkError,
  | PeerAddressBook.PeerAddressBook
  | NetworkManager.NetworkManager
  | P2PConfig.P2PConfig
  | Hash256.Hash256
  | Scope.Scope
> = Effect.fnUntraced(function*(options = {}) {
  const { maxInbound, maxOutbound, outbound } = yield* Effect.fromResult(OptionRules.resolve(rules, options))
  return yield* Manager.make({
    book: yield* PeerAddressBook.PeerAddressBook,
    outbound: { count: outbound, services: PeerAddress.Service.network },
    maxOutbound,
    maxInbound,
    listen: options.listen,
    startHeight: options.startHeight ?? Effect.succeed(0)
  })
})

/**
 * Provides the peers of a node.
 *
 * **Example** (Telling who joins)
 *
 * ```ts
 * import { Effect, Stream } from "effect"
 * import { PeerManager } from "effect-flowee"
 *
 * const program = Effect.gen(function*() {
 *   const peers = yield* PeerManager.PeerManager
 *   yield* Stream.runForEach(peers.events, (event) =>
 *     event._tag === "Joined" ? Effect.logInfo(`${event.peer.endPoint} is ${event.peer.version.userAgent}`) : Effect.void)
 * }).pipe(Effect.provide(PeerManager.layer({ outbound: 4 })))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Options): Layer.Layer<
  PeerManager,
  NetworkConfig.BadOption | NetworkManager.NetworkError,
  PeerAddressBook.PeerAddressBook | NetworkManager.NetworkManager | P2PConfig.P2PConfig | Hash256.Hash256
> => Layer.effect(PeerManager, make(options))
