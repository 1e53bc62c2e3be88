/**
 * Runs effects from callbacks, in the context that a connection was made with, for as long as its scope is open.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"

/** @internal */
export interface Runner {
  readonly scope: Scope.Scope
  readonly clock: Clock.Clock
  /** Starts an effect at once, up to its first suspension. It is interrupted when the scope is closed. */
  readonly fork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
  /** As `fork`, for an effect that the caller ends before the scope is closed. */
  readonly start: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
  readonly now: () => number
}

/** @internal */
export const make: Effect.Effect<Runner, never, Scope.Scope> = Effect.map(
  Effect.context<Scope.Scope>(),
  (context) => {
    const scope = Context.get(context, Scope.Scope)
    const clock = Context.get(context, Clock.Clock)
    const run = Effect.runForkWith(context)
    return {
      scope,
      clock,
      fork: (effect) => {
        const fiber = run(effect)
        Fiber.runIn(fiber, scope)
        return fiber
      },
      start: run,
      now: () => clock.currentTimeMillisUnsafe()
    }
  }
)
