/**
 * The first words on a connection. A server of the Hub API closes one on which nothing is said for 4 seconds (the Hub
 * API, "Rules of every service"), and a client may have nothing to ask for longer than that.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Connection from "../../services/Connection.ts"

/** Long enough for the first question of a program, and short enough for any server. */
const silence = "1 second"

/**
 * Asks something soon after each time that the connection is made, until the scope is closed. What comes of it does not
 * matter.
 *
 * @internal
 */
export const keep = <A, E>(
  connection: Connection.Connection,
  question: Effect.Effect<A, E>
): Effect.Effect<void, never, Scope.Scope> =>
  connection.changes.pipe(
    Stream.switchMap(({ _tag }) =>
      _tag === "Connected"
        ? Stream.fromEffectDrain(Effect.delay(Effect.ignore(question), silence))
        : Stream.empty
    ),
    Stream.runDrain,
    Effect.forkScoped,
    Effect.asVoid
  )
