/**
 * What the network needs of the program it runs in: time, chance, and a way to run something next.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Scheduler from "effect/Scheduler"
import type * as Scope from "effect/Scope"

/** @internal */
export interface Runtime {
  /** Runs `task` in a later turn, in the order in which tasks were scheduled. */
  readonly schedule: (task: () => void) => void
  /** Milliseconds of the monotonic clock. */
  readonly now: () => number
  readonly sleep: (duration: Duration.Input) => Effect.Effect<void>
  readonly sleepUntil: (time: number) => Effect.Effect<void>
  /** At least 0 and less than 1. */
  readonly random: () => number
  /** Runs until the scope of the network is closed. */
  readonly fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
}

/** @internal */
export const make: Effect.Effect<Runtime, never, Scope.Scope> = Effect.gen(function*() {
  const context = yield* Effect.context<never>()
  const scope = yield* Effect.scope
  const clock = yield* Clock.Clock
  const random = yield* Random.Random
  // Tasks of the scheduler, not microtasks: the test clock waits for the former, and for all that follows from them,
  // before it moves on.
  const dispatcher = (yield* Scheduler.Scheduler).makeDispatcher()
  const runFork = Effect.runForkWith(context)
  const now = () => Number(clock.monotonicTimeNanosUnsafe()) / 1_000_000
  return {
    schedule: (task) => dispatcher.scheduleTask(task, 0),
    now,
    sleep: (duration) => {
      const time = Duration.fromInputUnsafe(duration)
      return Duration.toMillis(time) > 0 ? clock.sleep(time) : Effect.void
    },
    sleepUntil: (time) => clock.sleep(Duration.millis(Math.max(0, time - now()))),
    random: () => random.nextDoubleUnsafe(),
    fork: (effect) => Fiber.runIn(runFork(effect), scope)
  }
})
