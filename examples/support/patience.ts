/**
 * Waiting for a Hub in the open: what is tried, when the next try is, and an end to it.
 */
import { Clock, Console, Data, DateTime, Duration, Effect, Stream } from "effect"
import { type Connection, ConnectionState } from "effect-flowee"

/** The Hub did not answer in time. */
export class GaveUp extends Data.TaggedError("GaveUp")<{ readonly message: string }> {}

const timeOfDay = (millis: number): string =>
  DateTime.format(DateTime.makeUnsafe(millis), {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23"
  })

const describe = (hub: Connection.Connection, state: ConnectionState.ConnectionState, now: number) =>
  ConnectionState.ConnectionState.$match(state, {
    Connecting: ({ attempt }) => `connecting to ${hub.endPoint}${attempt === 1 ? "" : `, attempt ${attempt}`}`,
    LoggingIn: () => undefined,
    Connected: () => undefined,
    Waiting: ({ reason, retryAt }) => {
      const seconds = Math.round((retryAt - now) / 1000)
      return `${reason.message}; next try ${seconds < 1 ? "now" : `in ${seconds} s, at ${timeOfDay(retryAt)}`}`
    },
    Closed: () => undefined
  })

/** Tells on standard error what is tried and when the next try is. */
const reportAttempts = (hub: Connection.Connection) =>
  Stream.runForEach(hub.changes, (state) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const line = describe(hub, state, now)
      return line === undefined ? Effect.void : Console.error(line)
    }))

const gaveUp = (hub: Connection.Connection, after: Duration.Duration) =>
  Effect.flatMap(hub.state, (state) => {
    const why = state._tag === "Waiting"
      ? state.reason.message
      : state._tag === "Connected"
      ? `${hub.endPoint}: connected, but not answered`
      : `${hub.endPoint}: no connection`
    return new GaveUp({ message: `gave up after ${Duration.format(after)}: ${why}` })
  })

/** Reports the attempts to reach a Hub as long as an effect runs, and ends the effect after a while. */
export const giveUpAfter =
  (hub: Connection.Connection, duration: Duration.Duration) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    effect.pipe(
      Effect.timeoutOrElse({ duration, orElse: () => gaveUp(hub, duration) }),
      Effect.raceFirst(Effect.andThen(reportAttempts(hub), Effect.never))
    )
