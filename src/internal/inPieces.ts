/**
 * Does work that pauses now and then: at each pause others have their turn.
 */
import * as Effect from "effect/Effect"

/** @internal */
export const run = <A>(start: () => Generator<void, A>): Effect.Effect<A> =>
  Effect.suspend(() => {
    const pieces = start()
    let step = pieces.next()
    // Most work is done in one piece.
    if (step.done === true) return Effect.succeed(step.value)
    return Effect.andThen(
      Effect.whileLoop({
        while: () => step.done !== true,
        body: () =>
          Effect.map(Effect.yieldNow, () => {
            step = pieces.next()
          }),
        step: () => {}
      }),
      Effect.sync(() => step.value as A)
    )
  })
