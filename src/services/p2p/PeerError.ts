/**
 * Why a peer of the Bitcoin Cash network is of no use, or not any more.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import type * as P2PMessage from "../../domain/p2p/P2PMessage.ts"
import type * as DisconnectReason from "../DisconnectReason.ts"
import type * as SendError from "../SendError.ts"

/**
 * The handshake took longer than `handshakeTimeout`.
 *
 * @category errors
 * @since 0.1.0
 */
export class HandshakeTimedOut extends Data.TaggedError("HandshakeTimedOut")<{
  /** What the peer did not send. */
  readonly missing: "version" | "verack"
  readonly after: Duration.Duration
}> {
  override get message(): string {
    return `the peer sent no "${this.missing}" within ${Duration.format(this.after)}`
  }
}

/**
 * This node has dialled itself: the peer has the nonce of a connection of ours.
 *
 * @category errors
 * @since 0.1.0
 */
export class SelfConnection extends Data.TaggedError("SelfConnection") {
  override get message(): string {
    return "this node has dialled itself"
  }
}

/**
 * The peer speaks too old a version of the protocol.
 *
 * @category errors
 * @since 0.1.0
 */
export class ObsoleteProtocol extends Data.TaggedError("ObsoleteProtocol")<{
  readonly protocol: number
  readonly minimum: number
}> {
  override get message(): string {
    return `the peer speaks version ${this.protocol} of the protocol; ${this.minimum} is needed`
  }
}

/**
 * The peer does not offer what it was dialled for.
 *
 * @category errors
 * @since 0.1.0
 */
export class MissingServices extends Data.TaggedError("MissingServices")<{
  readonly offered: bigint
  readonly needed: bigint
}> {
  override get message(): string {
    return `the peer offers services ${this.offered}; ${this.needed} are needed`
  }
}

/**
 * The peer sent something that no honest peer sends.
 *
 * @category errors
 * @since 0.1.0
 */
export class Misbehaved extends Data.TaggedError("Misbehaved")<{
  readonly what: string
  /** What it cost the peer, see `BanList`. */
  readonly points: number
}> {
  override get message(): string {
    return `the peer misbehaved: ${this.what}`
  }
}

/**
 * The peer did not answer a ping.
 *
 * @category errors
 * @since 0.1.0
 */
export class PongMissing extends Data.TaggedError("PongMissing")<{ readonly after: Duration.Duration }> {
  override get message(): string {
    return `the peer did not answer a ping for ${Duration.format(this.after)}`
  }
}

/**
 * The peer did not deliver what it was asked for and is bound to have.
 *
 * @category errors
 * @since 0.1.0
 */
export class Stalled extends Data.TaggedError("Stalled")<{
  readonly what: string
  readonly after: Duration.Duration
  /** What it costs the peer, see `BanList`. */
  readonly points: number
}> {
  override get message(): string {
    return `the peer did not deliver ${this.what} within ${Duration.format(this.after)}`
  }
}

/**
 * This node has no more use for the peer.
 *
 * @category errors
 * @since 0.1.0
 */
export class Dismissed extends Data.TaggedError("Dismissed")<{ readonly because: string }> {
  override get message(): string {
    return `dismissed: ${this.because}`
  }
}

/**
 * The connection ended, or was never made.
 *
 * @category errors
 * @since 0.1.0
 */
export class Disconnected extends Data.TaggedError("Disconnected")<{
  readonly reason: DisconnectReason.DisconnectReason
}> {
  override get message(): string {
    return this.reason.message
  }
}

/**
 * Why a peer ended.
 *
 * @category models
 * @since 0.1.0
 */
export type Reason =
  | HandshakeTimedOut
  | SelfConnection
  | ObsoleteProtocol
  | MissingServices
  | Misbehaved
  | P2PMessage.MalformedMessage
  | PongMissing
  | Stalled
  | Dismissed
  | Disconnected

/**
 * A peer is not there, or a message could not be sent to it.
 *
 * @category errors
 * @since 0.1.0
 */
export class PeerError extends Data.TaggedError("PeerError")<{
  readonly reason: Reason | P2PMessage.UnsendableMessage | SendError.SendError["reason"]
}> {
  override get message(): string {
    return this.reason.message
  }
}
