/**
 * A command's questions to its Hub.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HubClient from "../../services/hub/HubClient.ts"
import type * as Error from "../../services/hub/HubError.ts"
import type * as NetworkManager from "../../services/NetworkManager.ts"
import * as Connecting from "./connecting.ts"
import type * as Target from "./target.ts"

/** @internal */
export type Hub = HubClient.HubClient["Service"]

/** @internal */
export type HubError = Error.HubError

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
 * Asks a Hub, which has `timeout` to be there and to answer.
 *
 * @internal
 */
export const ask = <A, E, R>(target: Target.Target, use: (hub: Hub) => Effect.Effect<A, E, R>) =>
  Effect.flatMap(connect(target), (hub) => Connecting.within(hub.connection, target.timeout)(use(hub))).pipe(
    Effect.scoped,
    Effect.provide(Connecting.network)
  )
