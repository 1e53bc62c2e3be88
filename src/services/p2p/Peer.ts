/**
 * A peer of the Bitcoin Cash network: one connection to a node, from the handshake to its end.
 *
 * **Details**
 *
 * - Both sides send `version` as soon as they are connected, answer the other's with `verack`, and announce that they
 *   want new blocks by their headers (`sendheaders`, BIP 130). A connection to this very node is found by its nonce.
 * - Pings of the peer are answered; it is pinged itself, and ended when it does not answer.
 * - A message that is larger than its command allows is not read. That costs `malformedPoints`, see `NetworkConfig`, and
 *   ends the peer. So does a body that is malformed, for 200 points, and what breaks the order of the handshake, for 100.
 * - There is one session: a peer that has ended does not come back. Whoever wants it again dials it again.
 *
 * Source: peer-to-peer component, "Handshake and peers".
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import type * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type * as Envelope from "../../domain/Envelope.ts"
import type * as EndPoint from "../../domain/EndPoint.ts"
import * as LegacyEnvelope from "../../domain/LegacyEnvelope.ts"
import * as P2PMessage from "../../domain/p2p/P2PMessage.ts"
import * as Session from "../../internal/p2p/session.ts"
import type * as BanList from "../BanList.ts"
import type * as Connection from "../Connection.ts"
import * as Hash256 from "../Hash256.ts"
import * as NetworkManager from "../NetworkManager.ts"
import * as ReconnectPolicy from "../ReconnectPolicy.ts"
import * as P2PConfig from "./P2PConfig.ts"
import type * as PeerError from "./PeerError.ts"

/**
 * @category type IDs
 * @since 0.1.0
 */
export const TypeId = "~effect-flowee/Peer"

/**
 * Where a peer is in its life. Times are milliseconds of the `Clock`.
 *
 * - `Handshaking`: the peer has not said yet what it is, or has not acknowledged what we are.
 * - `Ready`: messages flow.
 * - `Ended`: for good.
 *
 * @category models
 * @since 0.1.0
 */
export type PeerState = Data.TaggedEnum<{
  Handshaking: { readonly since: number; readonly version: P2PMessage.Of<"version"> | undefined }
  Ready: { readonly since: number; readonly version: P2PMessage.Of<"version"> }
  Ended: { readonly since: number; readonly reason: PeerError.Reason }
}>

/**
 * Constructors and matchers of the states of a peer.
 *
 * @category constructors
 * @since 0.1.0
 */
export const PeerState = Data.taggedEnum<PeerState>()

/**
 * What happens to a peer.
 *
 * - `Answered`: it answered a ping.
 * - `Punished`: it was given points.
 * - `Rejected`: it refused something that it was sent.
 *
 * @category models
 * @since 0.1.0
 */
export type PeerEvent = Data.TaggedEnum<{
  Answered: { readonly latency: Duration.Duration }
  Punished: { readonly points: number; readonly reason: string; readonly verdict: BanList.Verdict }
  Rejected: { readonly reject: P2PMessage.Of<"reject"> }
}>

/**
 * Constructors and matchers of the events of a peer.
 *
 * @category constructors
 * @since 0.1.0
 */
export const PeerEvent = Data.taggedEnum<PeerEvent>()

/**
 * Takes a message of a peer. The next message waits until its effect has ended, so a handler must not wait for another
 * message of the same peer. One that fails with `Misbehaved` gives the peer those points and ends it.
 *
 * @category models
 * @since 0.1.0
 */
export type Handler<R = never> = (
  message: P2PMessage.P2PMessage
) => Effect.Effect<unknown, PeerError.Misbehaved, R> | void

/**
 * A peer that has shaken hands.
 *
 * @category models
 * @since 0.1.0
 */
export interface Peer {
  readonly [TypeId]: typeof TypeId
  /** The id of its connection: tells the peers of a network manager apart. */
  readonly id: number
  /** What was dialled, or the address of a peer that dialled us. */
  readonly endPoint: string
  readonly side: "dialled" | "accepted"
  /** The address at the other end of the socket. */
  readonly address: NetAddress.SocketAddress
  /** What the peer says of itself. */
  readonly version: P2PMessage.Of<"version">
  /** When the handshake was done, in milliseconds of the `Clock`. */
  readonly since: number
  readonly state: Effect.Effect<PeerState>
  /** The state now, and each one that follows. It ends when the peer has ended. */
  readonly changes: Stream.Stream<PeerState>
  /** What happens from now on. A reader that lags by over 256 events misses the oldest. */
  readonly events: Stream.Stream<PeerEvent>
  /** Waits for the end of the peer, and says why it ended. */
  readonly ended: Effect.Effect<PeerError.Reason>
  /** The time of the last ping and its answer. */
  readonly latency: Effect.Effect<Option.Option<Duration.Duration>>
  /** Sends a message, waiting for room in its lane. */
  readonly send: (message: P2PMessage.P2PMessage) => Effect.Effect<void, PeerError.PeerError>
  /** Sends messages in order, waiting for room. Nothing is sent when one of them cannot be written. */
  readonly sendAll: (messages: ReadonlyArray<P2PMessage.P2PMessage>) => Effect.Effect<void, PeerError.PeerError>
  /**
   * Gives each message from now on to a handler, until the scope is closed or the peer has ended. Handlers are told one
   * after the other, in the order in which they were added.
   */
  readonly handle: <R = never>(handler: Handler<R>) => Effect.Effect<void, never, R | Scope.Scope>
  /** Gives the peer's address points, see `BanList`. With 1000 it is banned and its connections close. */
  readonly punish: (points: number, reason: string) => Effect.Effect<BanList.Verdict>
  /** Ends the peer. */
  readonly end: (reason: PeerError.Reason) => Effect.Effect<void>
}

/**
 * What a handshake needs to know, besides the settings of the node.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The height of the chain that this node has. Default: 0. */
  readonly startHeight?: number | undefined
  /** Services that the peer must offer. Default: none. */
  readonly services?: bigint | undefined
  /** Whether the peer is to announce transactions before it has a filter. Default: `false`. */
  readonly relay?: boolean | undefined
  /**
   * The nonces of the handshakes that this node is in: that of this one is added while it lasts, and a peer that has one
   * of them is this node. Default: a set for this peer alone.
   */
  readonly nonces?: Set<bigint> | undefined
  /**
   * Runs when the handshake is done, before any further message of the peer is looked at: handlers that it adds miss
   * nothing. Its scope is closed when the peer has ended.
   */
  readonly onReady?: ((peer: Peer) => Effect.Effect<void, never, Scope.Scope>) | undefined
}

/**
 * Tells whether a value is a peer.
 *
 * @category guards
 * @since 0.1.0
 */
export const isPeer = (u: unknown): u is Peer => Predicate.hasProperty(u, TypeId)

/**
 * Makes the envelope of a node: that of its network, with a limit for each command.
 *
 * @category constructors
 * @since 0.1.0
 */
export const envelope: Effect.Effect<Envelope.Envelope, never, P2PConfig.P2PConfig | Hash256.Hash256> = Effect.gen(
  function*() {
    const { params } = yield* P2PConfig.P2PConfig
    const { hash256 } = yield* Hash256.Hash256
    return LegacyEnvelope.make({
      magic: params.network.magic,
      hash256,
      maxBodySizeOf: P2PMessage.maxBodySize,
      deferAbove: verifiedAtOnce
    })
  }
)

/** Hashing more than this many bytes would hold up the event loop for over a millisecond. */
const verifiedAtOnce = 500_000

/**
 * Shakes hands over a connection, which must have the {@link envelope} of the node. Fails when the peer ends before the
 * handshake is done. The peer ends with the scope.
 *
 * **Example** (A listener for peers)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { NetworkManager, Peer } from "effect-flowee"
 *
 * const listen = Effect.gen(function*() {
 *   const manager = yield* NetworkManager.NetworkManager
 *   const envelope = yield* Peer.envelope
 *   yield* manager.bind("127.0.0.1:18444", {
 *     envelope,
 *     onConnection: (connection) =>
 *       Effect.scoped(Effect.gen(function*() {
 *         const peer = yield* Peer.make(connection)
 *         yield* Effect.logInfo(`${peer.endPoint} is ${peer.version.userAgent}`)
 *         yield* peer.ended
 *       }))
 *   })
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (
  connection: Connection.Connection,
  options?: Options
) => Effect.Effect<Peer, PeerError.PeerError, P2PConfig.P2PConfig | Scope.Scope> = Effect.fnUntraced(
  function*(connection, options = {}) {
    return yield* Session.make(connection, yield* P2PConfig.P2PConfig, options)
  }
)

/**
 * Dials a node and shakes hands with it. Fails when the peer ends before the handshake is done. The peer ends with the
 * scope.
 *
 * **Example** (Asking a node who it is)
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { NodeNetwork, P2PConfig, Peer } from "effect-flowee"
 *
 * const program = Effect.gen(function*() {
 *   const peer = yield* Peer.connect("127.0.0.1:18444")
 *   return peer.version.userAgent
 * }).pipe(
 *   Effect.scoped,
 *   Effect.provide(Layer.merge(NodeNetwork.layer(), P2PConfig.layer({ network: "regtest" })))
 * )
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const connect: (
  endPoint: EndPoint.Input,
  options?: Options
) => Effect.Effect<
  Peer,
  PeerError.PeerError | NetworkManager.NetworkError,
  P2PConfig.P2PConfig | Hash256.Hash256 | NetworkManager.NetworkManager | Scope.Scope
> = Effect.fnUntraced(function*(endPoint, options = {}) {
  const config = yield* P2PConfig.P2PConfig
  const manager = yield* NetworkManager.NetworkManager
  const connection = yield* manager.connect(endPoint, {
    envelope: yield* envelope,
    reconnect: ReconnectPolicy.never,
    share: false,
    connectTimeout: config.connectTimeout,
    drainTimeout: 0,
    // What it costs a peer is decided where its session ends.
    malformedPoints: 0
  })
  return yield* Session.make(connection, config, options)
})
