/**
 * Whose turn it is to change a state. Most changes are made at once; a large one takes some turns of the event loop, and
 * whoever would see half of it waits.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as InPieces from "./inPieces.ts"

/** @internal */
export class Turn {
  readonly #free = Latch.makeUnsafe(true)

  /** Whether changes can be made at once. */
  get isFree(): boolean {
    return this.#free.isOpen()
  }

  /** Does something at once when nobody is at it, else then. */
  whenFree<A>(f: () => A): Effect.Effect<A> {
    return Effect.suspend(() => this.isFree ? Effect.sync(f) : Effect.andThen(this.#free.await, this.whenFree(f)))
  }

  /** Does work with pauses while others wait. What has begun comes to its end. */
  hold(work: () => Generator<void, void>): Effect.Effect<void> {
    const held = Effect.suspend(() => {
      if (!this.isFree) return Effect.succeed(false)
      this.#free.closeUnsafe()
      return Effect.as(Effect.ensuring(InPieces.run(work), this.#release), true)
    })
    return Effect.flatMap(
      Effect.andThen(this.#free.await, Effect.uninterruptible(held)),
      (isDone) => isDone ? Effect.void : this.hold(work)
    )
  }

  readonly #release = Effect.sync(() => this.#free.openUnsafe())
}
