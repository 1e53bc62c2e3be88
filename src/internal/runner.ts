/**
 * Runs effects from callbacks, in the context that a manager or a listener was made with, for as long as it is open.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Alarms from "./alarms.ts"

/** What all runners of one context share. */
interface Shared {
  readonly context: Context.Context<never>
  readonly clock: Clock.Clock
  readonly start: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
}

/** @internal */
export class Runner {
  /** The deadlines of all that runs here. */
  readonly alarms: Alarms.Alarms
  readonly #shared: Shared
  /** Made for the first fiber that goes on by itself: most connections of a busy server have none. */
  #fibers: Set<Fiber.Fiber<unknown, unknown>> | undefined = undefined
  #isClosed = false

  constructor(shared: Shared, alarms?: Alarms.Alarms) {
    this.#shared = shared
    this.alarms = alarms ?? new Alarms.Alarms(this)
  }

  /** A runner that is closed by itself. It shares the context and the alarms of this one. */
  child(): Runner {
    return new Runner(this.#shared, this.alarms)
  }

  get context(): Context.Context<never> {
    return this.#shared.context
  }

  now(): number {
    return this.#shared.clock.currentTimeMillisUnsafe()
  }

  /** Starts an effect at once, up to its first suspension. It is interrupted when the runner is closed. */
  fork<A, E>(effect: Effect.Effect<A, E>): Fiber.Fiber<A, E> {
    const fiber = this.#shared.start(effect)
    if (fiber.pollUnsafe() !== undefined) return fiber
    if (this.#isClosed) {
      fiber.interruptUnsafe()
      return fiber
    }
    const fibers = this.#fibers ??= new Set()
    fibers.add(fiber)
    fiber.addObserver(() => fibers.delete(fiber))
    return fiber
  }

  /** Interrupts what runs and all that would start from now on, and waits for the end of it. */
  get close(): Effect.Effect<void> {
    return Effect.withFiber((closing) => {
      this.#isClosed = true
      // Who closes may be one of them, and cannot be waited for.
      const others = Array.from(this.#fibers ?? []).filter((fiber) => fiber !== closing)
      return Fiber.interruptAll(others)
    })
  }
}

/** @internal */
export const make: Effect.Effect<Runner, never, Scope.Scope> = Effect.acquireRelease(
  Effect.map(
    Effect.context<Scope.Scope>(),
    (context) => new Runner({ context, clock: Context.get(context, Clock.Clock), start: Effect.runForkWith(context) })
  ),
  (runner) => runner.close
)
