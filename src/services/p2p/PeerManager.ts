/**
 * Keeps the wanted number of good peers: dials addresses of the book, replaces peers that end, and lets peers in.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type * as EndPoint from "../../domain/EndPoint.ts"
import type * as NetworkManager from "../NetworkManager.ts"
import type * as Peer from "./Peer.ts"
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
  Failed: { readonly endPoint: string; readonly reason: PeerError.PeerError["reason"] }
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
  /** Dials an end point again and again, besides the peers that are wanted, until the scope is closed. */
  readonly connect: (endPoint: EndPoint.Input) => Effect.Effect<void, NetworkManager.NetworkError, Scope.Scope>
}>()("effect-flowee/PeerManager") {}
