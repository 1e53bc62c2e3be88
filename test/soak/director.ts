/**
 * Who lets things go wrong: each kind once before any comes again, one after another but not one at a time.
 */
import { Cause, Effect, Fiber, Random } from "effect"
import type { Scope } from "effect"
import * as Faults from "./faults.ts"
import type { Place } from "./place.ts"

/** From one fault to the next, in milliseconds. */
const shortestPause = 100
const longestPause = 700

export interface Director {
  /** Goes on until it is interrupted. */
  readonly direct: Effect.Effect<never, never, Scope.Scope>
  /** The faults that are not over. */
  readonly running: () => ReadonlyArray<string>
  /** Completes when all faults that have begun are over. */
  readonly settled: Effect.Effect<void>
  /** How often each fault was. */
  readonly counts: Readonly<Record<string, number>>
  /** What faults have found that may not be, in words. */
  readonly problems: ReadonlyArray<string>
}

export const make = (place: Place): Effect.Effect<Director> =>
  Effect.gen(function*() {
    const counts: Record<string, number> = {}
    const problems: Array<string> = []
    const running = new Map<Fiber.Fiber<void>, string>()
    const first = yield* Random.shuffle(Faults.faults)
    const next = Effect.suspend(() => {
      const fault = first.pop()
      return fault === undefined ? Faults.choose : Effect.succeed(fault)
    })
    const start = (fault: Faults.Fault) =>
      Effect.gen(function*() {
        counts[fault.name] = (counts[fault.name] ?? 0) + 1
        const fiber = yield* Effect.forkScoped(Effect.matchCause(fault.run(place), {
          onSuccess: (found) => void problems.push(...found),
          onFailure: (cause) => void problems.push(`${fault.name}: ${Cause.pretty(cause)}`)
        }))
        running.set(fiber, fault.name)
        fiber.addObserver(() => running.delete(fiber))
      })
    const pause = Effect.flatMap(Random.nextIntBetween(shortestPause, longestPause), (millis) => Effect.sleep(millis))
    return {
      direct: Effect.forever(Effect.andThen(pause, Effect.flatMap(next, start))),
      running: () => [...running.values()],
      settled: Effect.suspend(() => Effect.asVoid(Fiber.awaitAll([...running.keys()]))),
      counts,
      problems
    }
  })
