/**
 * Which errors of calls only say that there is no connection.
 */
import * as Effect from "effect/Effect"
import type * as Connection from "../../services/Connection.ts"
import type * as HubError from "../../services/hub/HubError.ts"

/**
 * Whether a call failed for want of a connection: what it was for is done when the connection is back.
 *
 * @internal
 */
export const isForLater = (connection: Connection.Connection, { reason }: HubError.HubError): Effect.Effect<boolean> =>
  reason._tag === "RequestTimedOut"
    ? Effect.map(connection.state, ({ _tag }) => _tag !== "Connected")
    : Effect.succeed(reason._tag === "RequestInterrupted")
