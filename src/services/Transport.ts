/**
 * The port between connections and whatever carries their bytes.
 *
 * **Details**
 *
 * A transport makes {@link Link}s: ordered, reliable byte streams in both directions. `NodeTransport` makes them of TCP,
 * TLS and Unix sockets, `MemoryTransport` makes them inside one process. The interface is built from callbacks, since it
 * is called for each read and each write: bytes go into memory that the receiver offers, and one write of many parts is
 * under way at a time.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Identity from "../domain/Identity.ts"

/**
 * Why a link could not be made, or why it ended.
 *
 * - `NameNotFound`: the name has no address, or the look-up failed.
 * - `Refused`: nobody listens there.
 * - `Unreachable`: there is no way to the host or the network.
 * - `TimedOut`: no answer in time.
 * - `Reset`: the other side, or the network, cut the link.
 * - `Closed`: the other side ended the link in good order.
 * - `AddressInUse`, `AccessDenied`: the address cannot be listened on.
 * - `TlsFailed`: the two sides could not agree on TLS, or a certificate is not trusted.
 * - `Other`: see the cause.
 *
 * @category errors
 * @since 0.1.0
 */
export const Problem = Schema.Literals([
  "NameNotFound",
  "Refused",
  "Unreachable",
  "TimedOut",
  "Reset",
  "Closed",
  "AddressInUse",
  "AccessDenied",
  "TlsFailed",
  "Other"
])

/**
 * A link could not be made, or has ended.
 *
 * @category errors
 * @since 0.1.0
 */
export class TransportError extends Schema.TaggedError<TransportError>("effect-flowee/Transport/TransportError")(
  "TransportError",
  {
    problem: Problem,
    /** The address that was dialled or listened on, as text. */
    address: Schema.String,
    cause: Schema.optionalKey(Schema.Defect())
  }
) {
  override get message(): string {
    // The other problems say all that their causes do.
    const isVague = this.problem === "TlsFailed" || this.problem === "Other"
    const cause = isVague && this.cause instanceof Error ? `: ${this.cause.message}` : ""
    return `${this.address}: ${explain[this.problem]}${cause}`
  }
}

const explain: { readonly [problem in typeof Problem.Type]: string } = {
  NameNotFound: "the name could not be looked up",
  Refused: "connection refused",
  Unreachable: "unreachable",
  TimedOut: "no answer in time",
  Reset: "the connection was cut",
  Closed: "the peer closed the connection",
  AddressInUse: "the address is in use",
  AccessDenied: "access denied",
  TlsFailed: "TLS failed",
  Other: "failed"
}

/**
 * The receiving end of a link. Its functions are called one at a time and never after `onEnd`.
 *
 * @category models
 * @since 0.1.0
 */
export interface LinkReceiver {
  /**
   * Memory to read into next, at least one byte. Asked for anew after each `onRead`. Other receivers may offer the same
   * memory: it is written and `onRead` called within one turn of the event loop, with nothing of other links in between.
   */
  readonly buffer: () => Uint8Array
  /** `count` bytes are in what `buffer()` returned last. With `false` reading pauses until `resume`. */
  readonly onRead: (count: number) => boolean
  /** The link has ended, and this is the last call. `undefined`: it was ended by `close` on this side. */
  readonly onEnd: (error: TransportError | undefined) => void
}

/**
 * One byte stream in both directions. Nothing is read from it before `start`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Link {
  readonly remoteAddress: NetAddress.SocketAddress
  readonly localAddress: NetAddress.SocketAddress
  /** What the peer of an accepted link showed in the handshake, where it was asked for a certificate and has one. */
  readonly certificate?: Identity.Certificate | undefined
  /** Begins to read. To be called once. */
  readonly start: (receiver: LinkReceiver) => void
  /** Stops reading after the read that is under way. */
  readonly pause: () => void
  /** Reads on. */
  readonly resume: () => void
  /**
   * Writes all parts in order. Returns whether the operating system has taken all of them at once. When it has not,
   * `done` is called once, when it has or when that has failed, and never before `write` returns. The parts must not
   * change until then. One write at a time.
   */
  readonly write: (parts: ReadonlyArray<Uint8Array>, done: (error: TransportError | undefined) => void) => boolean
  /** Makes a part of what is to be written, `bytes[start, end)`, in the form that costs this link least to write. */
  readonly slice?: ((bytes: Uint8Array, start: number, end: number) => Uint8Array) | undefined
  /** Ends the link at once, without waiting for a write that is under way; what was written goes out. Idempotent. */
  readonly close: () => void
}

/**
 * What a transport listens with.
 *
 * @category models
 * @since 0.1.0
 */
export interface LinkListener {
  /** The address that is listened on, with the port that was given out for port 0. */
  readonly address: NetAddress.SocketAddress
}

/**
 * Makes links.
 *
 * @category services
 * @since 0.1.0
 */
export class Transport extends Context.Service<Transport, {
  /** Dials one address. The link is closed with the scope. Interruption gives up. */
  readonly connect: (address: NetAddress.SocketAddress) => Effect.Effect<Link, TransportError, Scope.Scope>
  /** Listens on an address until the scope is closed, and hands over each link that is accepted, in a callback. */
  readonly listen: (
    address: NetAddress.SocketAddress,
    onLink: (link: Link) => void
  ) => Effect.Effect<LinkListener, TransportError, Scope.Scope>
}>()("effect-flowee/Transport") {}
