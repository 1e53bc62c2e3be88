import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import * as Turn from "../../src/internal/turn.ts"

/** Work with so many pauses. */
const pausing = (log: Array<string>, name: string, pauses: number) =>
  function*(): Generator<void, void> {
    for (let i = 0; i < pauses; i++) {
      log.push(`${name} ${i}`)
      yield
    }
    log.push(`${name} ends`)
  }

const start = <A>(effect: Effect.Effect<A>): Effect.Effect<Fiber.Fiber<A>> =>
  Effect.forkChild(effect, { startImmediately: true })

describe("a turn", () => {
  it.effect("has others wait until the work of one is done", () =>
    Effect.gen(function*() {
      const turn = new Turn.Turn()
      const log: Array<string> = []
      yield* turn.whenFree(() => log.push("at once"))
      const fibers = [
        yield* start(turn.hold(pausing(log, "a", 2))),
        yield* start(turn.whenFree(() => log.push("later"))),
        yield* start(turn.hold(pausing(log, "b", 1)))
      ]
      assert.deepStrictEqual(log, ["at once", "a 0"])
      assert.isFalse(turn.isFree)
      yield* Fiber.awaitAll<Fiber.Fiber<unknown>>(fibers)
      assert.deepStrictEqual(log, ["at once", "a 0", "a 1", "a ends", "later", "b 0", "b ends"])
      assert.isTrue(turn.isFree)
    }))

  it.effect("ends what has begun, and forgets what has not", () =>
    Effect.gen(function*() {
      const turn = new Turn.Turn()
      const log: Array<string> = []
      const begun = yield* start(turn.hold(pausing(log, "a", 3)))
      const waiting = yield* start(turn.hold(pausing(log, "b", 3)))
      yield* Fiber.interrupt(waiting)
      yield* Fiber.interrupt(begun)
      assert.deepStrictEqual(log, ["a 0", "a 1", "a 2", "a ends"])
      assert.isTrue(turn.isFree)
    }))

  it.effect("is free again when work fails", () =>
    Effect.gen(function*() {
      const turn = new Turn.Turn()
      yield* Effect.exit(turn.hold(function*() {
        yield
        throw new Error("a fault of this program")
      }))
      assert.isTrue(turn.isFree)
      assert.strictEqual(yield* turn.whenFree(() => 1), 1)
    }))
})
