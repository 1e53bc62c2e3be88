/**
 * The connection of a command to its Hub, and the patience with a Hub that is not there yet.
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as NodeCookieFile from "../../layers/NodeCookieFile.ts"
import * as NodeNetwork from "../../layers/NodeNetwork.ts"
import type * as Connection from "../../services/Connection.ts"
import * as CookieFile from "../../services/CookieFile.ts"
import type * as DisconnectReason from "../../services/DisconnectReason.ts"
import type * as NetworkManager from "../../services/NetworkManager.ts"
import type * as ReconnectPolicy from "../../services/ReconnectPolicy.ts"
import * as Output from "../terminal/output.ts"
import type * as Target from "./target.ts"

/**
 * The Hub did not answer in time.
 *
 * @internal
 */
export class GaveUp extends Data.TaggedError("GaveUp")<{ readonly message: string }> {}

/** A person waits: the next try is never far. */
const reconnect: ReconnectPolicy.ReconnectPolicy = Schedule.min([
  Schedule.exponential("100 millis", 1.5),
  Schedule.spaced("3 seconds")
]).pipe(Schedule.setInputType<DisconnectReason.DisconnectReason>())

/**
 * The network of a command.
 *
 * @internal
 */
export const network = NodeNetwork.layer({ drainTimeout: "1 second" })

const login = (path: string): Effect.Effect<CookieFile.CookieFile["Service"], never, Scope.Scope> =>
  Effect.map(Layer.build(NodeCookieFile.layer({ path })), Context.get(CookieFile.CookieFile))

/**
 * How a command connects to its Hub.
 *
 * @internal
 */
export const options = (target: Target.Target): Effect.Effect<NetworkManager.ConnectOptions, never, Scope.Scope> =>
  Option.match(target.cookieFile, {
    onNone: () => Effect.succeed({ reconnect }),
    onSome: (path) => Effect.map(login(path), (login) => ({ reconnect, login }))
  })

/** Says once that the Hub is waited for, and why. */
const explainWait = (connection: Connection.Connection): Effect.Effect<void> =>
  connection.changes.pipe(
    Stream.filter((state) => state._tag === "Waiting"),
    Stream.take(1),
    Stream.runForEach(({ reason }) => Output.note(`waiting for the Hub: ${reason.message}`))
  )

/**
 * Says when the connection is lost and when it is back, for as long as the command runs.
 *
 * @internal
 */
export const explainLosses = (connection: Connection.Connection): Effect.Effect<void> =>
  Stream.runForEach(connection.events, (event) => {
    if (event._tag === "Connected") return Output.note(`${connection.endPoint}: connected again`)
    return event._tag === "Disconnected" ? Output.note(`lost the Hub: ${event.reason.message}`) : Effect.void
  })

const gaveUp = (connection: Connection.Connection, after: Duration.Duration): Effect.Effect<never, GaveUp> =>
  Effect.flatMap(connection.state, (state) => {
    const why = state._tag === "Waiting"
      ? state.reason.message
      : `${connection.endPoint}: ${state._tag === "Connected" ? "connected, but not answered" : "no connection"}`
    return new GaveUp({ message: `gave up after ${Duration.format(after)}: ${why}` })
  })

/**
 * Ends what waits for a Hub when its time is over.
 *
 * @internal
 */
export const within =
  (connection: Connection.Connection, duration: Duration.Duration) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | GaveUp, R> =>
    effect.pipe(
      Effect.timeoutOrElse({ duration, orElse: () => gaveUp(connection, duration) }),
      Effect.raceFirst(Effect.andThen(explainWait(connection), Effect.never))
    )
