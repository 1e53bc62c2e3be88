/**
 * One timer for many deadlines: a single fiber sleeps until the earliest of them, and none while there are none.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Runner from "./runner.ts"

/** @internal */
export class Alarm {
  readonly #runner: Runner.Runner
  readonly #ring: (now: number) => number | undefined
  #at = Number.POSITIVE_INFINITY
  #fiber: Fiber.Fiber<void> | undefined = undefined

  /** `ring` does what is due and returns when it wants to be called next. */
  constructor(runner: Runner.Runner, ring: (now: number) => number | undefined) {
    this.#runner = runner
    this.#ring = ring
  }

  /** Makes sure that the alarm rings no later than `at`, in milliseconds of the clock. */
  set(at: number): void {
    if (at >= this.#at) return
    this.#fiber?.interruptUnsafe()
    this.#at = at
    const fiber = this.#runner.fork(this.#sleep)
    // One that is due rings at once, and may have set the alarm anew.
    if (fiber.pollUnsafe() === undefined) this.#fiber = fiber
  }

  clear(): void {
    this.#fiber?.interruptUnsafe()
    this.#fiber = undefined
    this.#at = Number.POSITIVE_INFINITY
  }

  readonly #sleep: Effect.Effect<void> = Effect.suspend(() =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      if (now < this.#at) return Effect.andThen(Effect.sleep(this.#at - now), this.#sleep)
      this.#at = Number.POSITIVE_INFINITY
      this.#fiber = undefined
      const next = this.#ring(now)
      if (next !== undefined) this.set(next)
      return Effect.void
    })
  )
}
