/**
 * A handle on a connection to a peer.
 *
 * **Details**
 *
 * Handles on one end point share one socket. A handle works at once: what is sent before the socket is up, or while it
 * is down, waits in its lane. Messages of a lane leave in order; those of the high lane overtake the normal ones.
 *
 * What is promised: a message leaves its lane when the operating system has taken all of it. If the socket fails before
 * that, the message is sent again on the next one, so a peer may see it twice. What the operating system had taken and
 * the peer never read is lost with the socket. A program that must know uses `request`.
 *
 * @stability unstable
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type * as Stream from "effect/Stream"
import type * as Message from "../domain/Message.ts"
import type * as Access from "./Access.ts"
import type * as BanList from "./BanList.ts"
import type * as ConnectionState from "./ConnectionState.ts"
import type * as SendError from "./SendError.ts"

/**
 * @category type IDs
 * @since 0.1.0
 */
export const TypeId = "~effect-flowee/Connection"

/**
 * How a message is sent.
 *
 * @category models
 * @since 0.1.0
 */
export interface SendOptions {
  /** Default: "normal". A "high" message has at most 8000 bytes. */
  readonly priority?: Message.Priority | undefined
}

/**
 * How a request is sent.
 *
 * @category models
 * @since 0.1.0
 */
export interface RequestOptions extends SendOptions {
  /** How long to wait for the reply, 0 or more, the wait for room included. Default: `requestTimeout`. */
  readonly timeout?: Duration.Input | undefined
  /** What its span is called behind the prefix, see `ConnectionTracing`. Default: "request". */
  readonly spanName?: string | undefined
}

/**
 * What is taken from a connection.
 *
 * @category models
 * @since 0.1.0
 */
export interface HandleOptions {
  /** Only messages of this service. Default: all. */
  readonly serviceId?: number | undefined
}

/**
 * Takes a message. What it sees of the message's memory is good until its effect ends, see `Message`. A plain function
 * costs least.
 *
 * @category models
 * @since 0.1.0
 */
export type Handler<E = never, R = never> = (message: Message.Message) => Effect.Effect<unknown, E, R> | void

/**
 * Counts of a connection since it was made.
 *
 * @category models
 * @since 0.1.0
 */
export interface Stats {
  /** Messages in the two lanes. */
  readonly queuedNormal: number
  readonly queuedHigh: number
  /** Bytes in the two lanes together. */
  readonly queuedBytes: number
  /** Requests that wait for a reply. */
  readonly pendingRequests: number
  readonly messagesSent: number
  readonly messagesReceived: number
  /** Messages that nobody took: no handler was there for them. */
  readonly messagesUnhandled: number
  /** Messages that the peer may not send, see `Access`. */
  readonly messagesRefused: number
}

/**
 * A handle on a connection.
 *
 * @category models
 * @since 0.1.0
 */
export interface Connection {
  readonly [TypeId]: typeof TypeId
  /** Tells the connections of a manager apart, in logs too. */
  readonly id: number
  /** What was dialled, or the address of the peer that dialled. */
  readonly endPoint: string
  readonly side: "dialled" | "accepted"
  readonly state: Effect.Effect<ConnectionState.ConnectionState>
  /** Who the peer is and what it may do. It does not change while the connection is open; before that, it is nothing. */
  readonly access: Effect.Effect<Access.Access>
  /** The state now, and each one that follows. It ends when the connection is closed for good. */
  readonly changes: Stream.Stream<ConnectionState.ConnectionState>
  /** What happens from now on. A reader that lags by over 256 events misses the oldest. */
  readonly events: Stream.Stream<ConnectionState.ConnectionEvent>
  /** Waits until the connection is open. Fails when it is closed for good. */
  readonly connected: Effect.Effect<void, SendError.ConnectionClosed>
  /**
   * Sends a message, waiting for room in its lane. When both sides flood each other, and the handlers of both wait for
   * room to answer, they can wait for each other: such a handler uses `trySend`.
   */
  readonly send: (message: Message.Message, options?: SendOptions) => Effect.Effect<void, SendError.SendError>
  /** Sends a message, or fails with `LaneFull` at once. */
  readonly trySend: (message: Message.Message, options?: SendOptions) => Effect.Effect<void, SendError.SendError>
  /** Sends messages in order, waiting for room: one effect for all of them. */
  readonly sendAll: (
    messages: ReadonlyArray<Message.Message>,
    options?: SendOptions
  ) => Effect.Effect<void, SendError.SendError>
  /** `trySend` outside of effects: returns why the message was not taken, or `undefined`. */
  readonly sendUnsafe: (message: Message.Message, options?: SendOptions) => SendError.SendError | undefined
  /**
   * Sends a request under a fresh RequestId and waits for the reply, which no handler sees. Interruption, timeout and the
   * loss of a socket that had taken the request end the wait; a request that has not left yet survives a lost socket.
   */
  readonly request: (
    message: Message.Message,
    options?: RequestOptions
  ) => Effect.Effect<Message.Message, SendError.RequestError>
  /**
   * Runs a handler for each message, one at a time and in order, until the connection is closed for good. A message
   * whose handling fails or dies is logged with its ids, and the next one follows.
   */
  readonly handle: <E = never, R = never>(
    handler: Handler<E, R>,
    options?: HandleOptions
  ) => Effect.Effect<void, never, R>
  /** As `handle`, with all messages that one read brought: one effect for all of them. */
  readonly handleBatch: <E = never, R = never>(
    handler: (messages: ReadonlyArray<Message.Message>) => Effect.Effect<unknown, E, R>,
    options?: HandleOptions
  ) => Effect.Effect<void, never, R>
  /** The messages from now on, safe to keep. Reading from the socket pauses while the stream is not read. */
  readonly messages: Stream.Stream<Message.Message>
  /** Gives the peer's address points, see `BanList`. With 1000 it is banned and its connections close. */
  readonly punish: (points: number, reason: string) => Effect.Effect<BanList.Verdict>
  /** Ends the socket of the moment. A dialled connection then dials again, an accepted one is closed. */
  readonly disconnect: Effect.Effect<void>
  readonly stats: Effect.Effect<Stats>
}

/**
 * Tells whether a value is a connection.
 *
 * @category guards
 * @since 0.1.0
 */
export const isConnection = (u: unknown): u is Connection => Predicate.hasProperty(u, TypeId)
