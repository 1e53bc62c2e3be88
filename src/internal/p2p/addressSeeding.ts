/**
 * Asks the seeds: one time at once, and only so often.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import type * as Scope from "effect/Scope"

/** @internal */
export interface Seeding {
  /** Begins to ask, unless that is under way or was done lately. */
  readonly start: Effect.Effect<void>
  /** Waits until no answer is under way. */
  readonly wait: Effect.Effect<void>
}

/** @internal */
export const make = (options: {
  readonly ask: Effect.Effect<void>
  readonly interval: Duration.Duration
}): Effect.Effect<Seeding, never, Scope.Scope> =>
  Effect.gen(function*() {
    const handle = yield* FiberHandle.make<void, never>()
    const interval = Duration.toMillis(options.interval)
    let askedAt = -Infinity
    const start = Effect.gen(function*() {
      const now = yield* Clock.currentTimeMillis
      if (now - askedAt < interval) return
      askedAt = now
      yield* FiberHandle.run(handle, options.ask, { onlyIfMissing: true })
    })
    return { start, wait: FiberHandle.awaitEmpty(handle) }
  })
