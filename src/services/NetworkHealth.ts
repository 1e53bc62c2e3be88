/**
 * How a network manager is, for a probe or a person.
 *
 * **Details**
 *
 * `check` looks at a manager and says what is wrong: each problem has a message that says what it is and what to do about
 * it. What counts as wrong beyond that, such as listeners that must be there, is an option.
 *
 * **Example** (A probe)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { NetworkHealth } from "effect-flowee"
 *
 * const probe = Effect.gen(function*() {
 *   const health = yield* NetworkHealth.check({ minListeners: 1 })
 *   for (const problem of health.problems) yield* Effect.logWarning(problem.message)
 *   return health.isHealthy ? 200 : 503
 * })
 * ```
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Message from "../domain/Message.ts"
import type * as DisconnectReason from "./DisconnectReason.ts"
import * as NetworkManager from "./NetworkManager.ts"

/**
 * A listener that is bound.
 *
 * @category models
 * @since 0.1.0
 */
export interface BoundListener {
  readonly address: string
  /** Those that are served at the moment. */
  readonly connections: number
  /** How many may be, see `NetworkConfig`. */
  readonly maxConnections: number
}

/**
 * A dialled connection that is down and waits for its next attempt.
 *
 * @category models
 * @since 0.1.0
 */
export interface DownConnection {
  readonly connection: number
  readonly endPoint: string
  /** Attempts that failed since the last healthy session. */
  readonly failures: number
  readonly reason: DisconnectReason.DisconnectReason
}

/**
 * A lane that is filled over three quarters.
 *
 * @category models
 * @since 0.1.0
 */
export interface FilledLane {
  readonly connection: number
  readonly endPoint: string
  readonly lane: Message.Priority
  readonly messages: number
  readonly bytes: number
  /** From 3/4 to 1; beyond when one large message fills the lane by itself. */
  readonly fill: number
}

/**
 * What a network manager knows of itself.
 *
 * @category models
 * @since 0.1.0
 */
export interface Status {
  /** Whether the manager is closed, or closing. */
  readonly isClosed: boolean
  readonly listeners: ReadonlyArray<BoundListener>
  /** Connections by state, dialled and accepted. */
  readonly connections: {
    readonly Connecting: number
    readonly LoggingIn: number
    readonly Connected: number
    readonly Waiting: number
  }
  /** Up to {@link maxListed}, those that failed most often first. */
  readonly down: ReadonlyArray<DownConnection>
  /** Up to {@link maxListed}, the fullest first. */
  readonly filledLanes: ReadonlyArray<FilledLane>
}

/**
 * How many connections of one kind are listed, at most.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxListed = 16

/**
 * The manager is closed.
 *
 * @category problems
 * @since 0.1.0
 */
export class Closed extends Data.TaggedError("Closed") {
  override get message(): string {
    return "the network manager is closed: nothing is sent or received until the program starts another one"
  }
}

/**
 * Fewer listeners are bound than there must be.
 *
 * @category problems
 * @since 0.1.0
 */
export class TooFewListeners extends Data.TaggedError("TooFewListeners")<{
  readonly bound: number
  readonly wanted: number
}> {
  override get message(): string {
    return `${this.bound} of ${this.wanted} listeners are bound: see the errors of bind, such as an address in use`
  }
}

/**
 * Fewer connections are open than there must be.
 *
 * @category problems
 * @since 0.1.0
 */
export class TooFewConnections extends Data.TaggedError("TooFewConnections")<{
  readonly connected: number
  readonly wanted: number
}> {
  override get message(): string {
    return `${this.connected} of ${this.wanted} connections are open`
  }
}

/**
 * A listener serves as many as it may: newcomers are turned away.
 *
 * @category problems
 * @since 0.1.0
 */
export class ListenerFull extends Data.TaggedError("ListenerFull")<BoundListener> {
  override get message(): string {
    return `${this.address} serves ${this.connections} connections and turns newcomers away: raise maxConnections ` +
      `(${this.maxConnections}), or find out who holds them`
  }
}

/**
 * A dialled connection is down.
 *
 * @category problems
 * @since 0.1.0
 */
export class ConnectionDown extends Data.TaggedError("ConnectionDown")<DownConnection> {
  override get message(): string {
    return `connection ${this.connection} to ${this.endPoint} is down after ${this.failures} failures: ` +
      this.reason.message
  }
}

/**
 * A lane is nearly full: senders will wait soon, or do.
 *
 * @category problems
 * @since 0.1.0
 */
export class LaneFilled extends Data.TaggedError("LaneFilled")<FilledLane> {
  override get message(): string {
    return `the ${this.lane} lane of connection ${this.connection} (${this.endPoint}) is ${
      Math.round(this.fill * 100)
    }% full: ${this.messages} messages, ${this.bytes} bytes; its peer is down, or reads slower than this program sends`
  }
}

/**
 * The event loop was busy with something else for long.
 *
 * @category problems
 * @since 0.1.0
 */
export class EventLoopDelayed extends Data.TaggedError("EventLoopDelayed")<{ readonly delay: Duration.Duration }> {
  override get message(): string {
    return `the event loop was busy for ${Duration.format(this.delay)}: move long computations to WorkerThreads`
  }
}

/**
 * What is wrong, and what to do about it.
 *
 * @category problems
 * @since 0.1.0
 */
export type Problem =
  | Closed
  | TooFewListeners
  | TooFewConnections
  | ListenerFull
  | ConnectionDown
  | LaneFilled
  | EventLoopDelayed

/**
 * How a manager is.
 *
 * @category models
 * @since 0.1.0
 */
export interface Health extends Status {
  /** Whether there are no problems. */
  readonly isHealthy: boolean
  readonly problems: ReadonlyArray<Problem>
  /** How long the check waited for its turn of the event loop. */
  readonly eventLoopDelay: Duration.Duration
}

/**
 * What must be so.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Listeners that must be bound. Default: 0. */
  readonly minListeners?: number | undefined
  /** Connections that must be open, dialled and accepted together. Default: 0. */
  readonly minConnections?: number | undefined
  /** How long the event loop may be busy with something else. Default: 100 milliseconds. */
  readonly maxEventLoopDelay?: Duration.Input | undefined
}

const defaultDelay = Duration.millis(100)

/**
 * Says what is wrong with a manager that has this status.
 *
 * @category combinators
 * @since 0.1.0
 */
export const judge = (
  status: Status,
  eventLoopDelay: Duration.Duration,
  options: Options = {}
): ReadonlyArray<Problem> => {
  if (status.isClosed) return [new Closed()]
  const { minConnections = 0, minListeners = 0 } = options
  const maxDelay = Duration.fromInputUnsafe(options.maxEventLoopDelay ?? defaultDelay)
  const bound = status.listeners.length
  const connected = status.connections.Connected
  return [
    ...(bound < minListeners ? [new TooFewListeners({ bound, wanted: minListeners })] : []),
    ...(connected < minConnections ? [new TooFewConnections({ connected, wanted: minConnections })] : []),
    ...status.listeners.filter(isFull).map((listener) => new ListenerFull(listener)),
    ...status.down.map((connection) => new ConnectionDown(connection)),
    ...status.filledLanes.map((lane) => new LaneFilled(lane)),
    ...(Duration.isGreaterThan(eventLoopDelay, maxDelay) ? [new EventLoopDelayed({ delay: eventLoopDelay })] : [])
  ]
}

const isFull = ({ connections, maxConnections }: BoundListener): boolean => connections >= maxConnections

/** How long it takes until it is the turn of something that could run at once. */
const measureDelay: Effect.Effect<Duration.Duration> = Effect.gen(function*() {
  const before = yield* Clock.currentTimeNanos
  yield* Effect.yieldNow
  return Duration.nanos((yield* Clock.currentTimeNanos) - before)
})

/**
 * Checks the network manager of the context. It takes one turn of the event loop and looks at each connection once.
 *
 * @category combinators
 * @since 0.1.0
 */
export const check = (options: Options = {}): Effect.Effect<Health, never, NetworkManager.NetworkManager> =>
  Effect.gen(function*() {
    const manager = yield* NetworkManager.NetworkManager
    const eventLoopDelay = yield* measureDelay
    const status = yield* manager.status
    const problems = judge(status, eventLoopDelay, options)
    return { ...status, eventLoopDelay, problems, isHealthy: problems.length === 0 }
  })
