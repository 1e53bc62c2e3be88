/**
 * Why a connection is not open.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import type * as WireError from "../domain/WireError.ts"
import type * as Transport from "./Transport.ts"

/**
 * The whole attempt, from look-up to login, took longer than `connectTimeout`.
 *
 * @category models
 * @since 0.1.0
 */
export class ConnectTimedOut extends Data.TaggedError("ConnectTimedOut")<{
  readonly endPoint: string
  readonly after: Duration.Duration
}> {
  override get message(): string {
    return `${this.endPoint}: not connected within ${Duration.format(this.after)}`
  }
}

/**
 * The peer does not answer pings (dialled side), or sends none (accepted side).
 *
 * @category models
 * @since 0.1.0
 */
export class PeerUnresponsive extends Data.TaggedError("PeerUnresponsive")<{
  readonly missing: "pong" | "ping" | "first message"
  readonly after: Duration.Duration
}> {
  override get message(): string {
    return `the peer sent no ${this.missing} for ${Duration.format(this.after)}`
  }
}

/**
 * The peer did not log in as this side demands.
 *
 * @category models
 * @since 0.1.0
 */
export class LoginFailed extends Data.TaggedError("LoginFailed")<{
  readonly problem: "TimedOut" | "NotALogin" | "Refused" | "CheckFailed"
}> {
  override get message(): string {
    return `the peer did not log in: ${explainLogin[this.problem]}`
  }
}

const explainLogin = {
  TimedOut: "no login came in time",
  NotALogin: "its first message was something else",
  Refused: "its login is not valid",
  CheckFailed: "the login could not be checked"
} as const

/**
 * The peer's address is banned.
 *
 * @category models
 * @since 0.1.0
 */
export class PeerBanned extends Data.TaggedError("PeerBanned")<{ readonly address: string }> {
  override get message(): string {
    return `${this.address} is banned`
  }
}

/**
 * A newcomer was turned away before anything was read from it.
 *
 * @category models
 * @since 0.1.0
 */
export class TurnedAway extends Data.TaggedError("TurnedAway")<{
  readonly problem:
    | "TooManyConnections"
    | "TooManyFromAddress"
    | "TooManyNewcomers"
    | "TooOften"
    | "NotAuthorized"
    | "NotAuthorizedInTime"
  /** What the authorizer says about it. */
  readonly detail?: string | undefined
}> {
  override get message(): string {
    return `turned away: ${this.problem}${this.detail === undefined ? "" : ` (${this.detail})`}`
  }
}

/**
 * A peer that was let in does not get on: a message that it began does not come to its end, or what is sent to it is not
 * taken.
 *
 * @category models
 * @since 0.1.0
 */
export class TooSlow extends Data.TaggedError("TooSlow")<{
  /** What the peer has to do. */
  readonly doing: "sending a message" | "taking a write"
  /** The time that it had, counted from when it was last fast enough. */
  readonly after: Duration.Duration
}> {
  override get message(): string {
    return `the peer was not done with ${this.doing} after ${Duration.format(this.after)}`
  }
}

/**
 * The peer sent pings as nobody does who wants to know whether a connection lives.
 *
 * @category models
 * @since 0.1.0
 */
export class PingFlood extends Data.TaggedError("PingFlood")<{
  /** How many are let pass, see `NetworkConfig`. */
  readonly limit: number
}> {
  override get message(): string {
    return `the peer sent more than ${this.limit} pings within 10 seconds`
  }
}

/**
 * The listener was full, and a newcomer had more right to the place, see `Eviction`.
 *
 * @category models
 * @since 0.1.0
 */
export class Evicted extends Data.TaggedError("Evicted")<{}> {
  override get message(): string {
    return "the connection had to make room for a newcomer"
  }
}

/**
 * All accepted connections held more memory than they may, and this one held most: of the address that held most, of the
 * network that held most. See `maxBytesInFlight` of `NetworkConfig`.
 *
 * @category models
 * @since 0.1.0
 */
export class TooMuchMemory extends Data.TaggedError("TooMuchMemory")<{
  /** What it held, in bytes: received and not done with, or waiting to be sent. */
  readonly held: number
  /** What all may hold together, in bytes. */
  readonly limit: number
}> {
  override get message(): string {
    return `the connection held ${this.held} bytes, the most of all, which may hold ${this.limit} together`
  }
}

/**
 * A large message could not be verified: the thread that was given its memory died. The message is lost.
 *
 * @category models
 * @since 0.1.0
 */
export class VerificationFailed extends Data.TaggedError("VerificationFailed")<{}> {
  override get message(): string {
    return "a large message was lost with the thread that verified it"
  }
}

/**
 * This side closed the connection: the program asked for it, or the last scope that held it was closed.
 *
 * @category models
 * @since 0.1.0
 */
export class ClosedHere extends Data.TaggedError("ClosedHere")<{}> {
  override get message(): string {
    return "closed by this side"
  }
}

/**
 * Why a connection ended, or why an attempt to connect failed.
 *
 * @category models
 * @since 0.1.0
 */
export type DisconnectReason =
  | Transport.TransportError
  | WireError.WireError
  | ConnectTimedOut
  | PeerUnresponsive
  | TooSlow
  | PingFlood
  | Evicted
  | TooMuchMemory
  | LoginFailed
  | PeerBanned
  | TurnedAway
  | VerificationFailed
  | ClosedHere
