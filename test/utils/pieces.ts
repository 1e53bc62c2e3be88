/**
 * How work is divided.
 */
import { Effect, Fiber } from "effect"

/** Does all of it, and counts the pauses. */
export const collect = <A>(pieces: Generator<void, A>): { readonly pauses: number; readonly value: A } => {
  let pauses = 0
  let step = pieces.next()
  for (; step.done !== true; step = pieces.next()) pauses += 1
  return { pauses, value: step.value }
}

/** Runs an effect, and counts how often another fiber had its turn meanwhile. */
export const turnsDuring = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<{ readonly turns: number; readonly value: A }, E, R> =>
  Effect.gen(function*() {
    let turns = 0
    // It yields after each round by itself.
    const other = yield* Effect.forkChild(Effect.forever(Effect.sync(() => ++turns)))
    yield* Effect.yieldNow
    const before = turns
    const value = yield* effect
    const during = turns - before
    yield* Fiber.interrupt(other)
    return { turns: during, value }
  })
