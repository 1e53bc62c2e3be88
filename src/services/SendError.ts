/**
 * Why a message did not go into a lane, or a request got no reply.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import type * as Message from "../domain/Message.ts"
import type * as SendRefusal from "../domain/SendRefusal.ts"
import type * as DisconnectReason from "./DisconnectReason.ts"
import type * as NetworkConfig from "./NetworkConfig.ts"

/**
 * The lane holds as many messages or bytes as it may.
 *
 * @category errors
 * @since 0.1.0
 */
export class LaneFull extends Data.TaggedError("LaneFull")<{
  readonly priority: Message.Priority
  readonly messages: number
  readonly bytes: number
}> {
  override get message(): string {
    return `the ${this.priority} lane is full: ${this.messages} messages, ${this.bytes} bytes`
  }
}

/**
 * The connection is closed for good.
 *
 * @category errors
 * @since 0.1.0
 */
export class ConnectionClosed extends Data.TaggedError("ConnectionClosed")<{
  readonly reason: DisconnectReason.DisconnectReason
}> {
  override get message(): string {
    return `the connection is closed: ${this.reason.message}`
  }
}

/**
 * A message was not taken. Which part of a batch was taken before is in `accepted`.
 *
 * @category errors
 * @since 0.1.0
 */
export class SendError extends Data.TaggedError("SendError")<{
  readonly reason: LaneFull | ConnectionClosed | SendRefusal.SendRefusal
  /** How many messages of the same call were taken. */
  readonly accepted: number
}> {
  override get message(): string {
    return this.reason.message
  }
}

/**
 * No reply came in time. Whether the peer has acted on the request is not known.
 *
 * @category errors
 * @since 0.1.0
 */
export class RequestTimedOut extends Data.TaggedError("RequestTimedOut")<{
  readonly serviceId: number
  readonly messageId: number
  readonly after: Duration.Duration
}> {
  override get message(): string {
    return `request ${this.serviceId}/${this.messageId}: no reply within ${Duration.format(this.after)}`
  }
}

/**
 * The connection was lost after the request had left. Whether the peer has acted on it is not known.
 *
 * @category errors
 * @since 0.1.0
 */
export class RequestInterrupted extends Data.TaggedError("RequestInterrupted")<{
  readonly serviceId: number
  readonly messageId: number
  readonly reason: DisconnectReason.DisconnectReason
}> {
  override get message(): string {
    return `request ${this.serviceId}/${this.messageId}: ${this.reason.message}`
  }
}

/**
 * As many requests wait for their replies on this connection as may, see `maxPendingRequests`.
 *
 * @category errors
 * @since 0.1.0
 */
export class TooManyRequests extends Data.TaggedError("TooManyRequests")<{ readonly pending: number }> {
  override get message(): string {
    return `${this.pending} requests wait for their replies already`
  }
}

/**
 * A request got no reply. With `BadOption` and the reasons of a `SendError` it was not sent.
 *
 * @category errors
 * @since 0.1.0
 */
export class RequestError extends Data.TaggedError("RequestError")<{
  readonly reason:
    | RequestTimedOut
    | RequestInterrupted
    | TooManyRequests
    | NetworkConfig.BadOption
    | SendError["reason"]
}> {
  override get message(): string {
    return this.reason.message
  }
}
