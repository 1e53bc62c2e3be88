/**
 * A command's questions to its Hub.
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as HubClient from "../../services/hub/HubClient.ts"
import * as HubError from "../../services/hub/HubError.ts"
import type * as NetworkManager from "../../services/NetworkManager.ts"
import * as Connecting from "./connecting.ts"
import type * as Target from "./target.ts"

/** @internal */
export type Hub = HubClient.HubClient["Service"]

/**
 * The client of a command. How long it waits is for the command to say.
 *
 * @internal
 */
export const connect = Effect.fnUntraced(function*(target: Target.Target) {
  const options: NetworkManager.ConnectOptions = yield* Connecting.options(target)
  return yield* HubClient.make({ ...options, endPoint: target.hub, timeout: Duration.infinity })
})

/**
 * The Hub closes the connection.
 *
 * @internal
 */
export class TurnedOut extends Data.TaggedError("TurnedOut")<{ readonly message: string }> {}

/**
 * A Hub that wants a login, or another one, closes the connection and says nothing: then it is said here.
 *
 * @internal
 */
export const explain = (target: Target.Target) => <E extends { readonly message: string }>(error: E): E | TurnedOut => {
  if (!(error instanceof HubError.HubError) || error.reason._tag !== "RequestInterrupted") return error
  const hint = Option.isNone(target.cookieFile)
    ? "if the Hub wants a login, --cookie-file gives it"
    : "perhaps the Hub has another cookie"
  return new TurnedOut({ message: `${error.message}; ${hint}` })
}

/**
 * Asks a Hub, which has `timeout` to be there and to answer.
 *
 * @internal
 */
export const ask = <A, E extends { readonly message: string }, R>(
  target: Target.Target,
  use: (hub: Hub) => Effect.Effect<A, E, R>
) =>
  Effect.flatMap(connect(target), (hub) => Connecting.within(hub.connection, target.timeout)(use(hub))).pipe(
    Effect.mapError(explain(target)),
    Effect.scoped,
    Effect.provide(Connecting.network)
  )
