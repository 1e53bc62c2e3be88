import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Metric, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as Alarms from "../../src/internal/alarms.ts"
import * as Runner from "../../src/internal/runner.ts"
import { Random, seed } from "../utils/native.ts"
import { pass, settle } from "../utils/network.ts"

/** A runner, and how many fibers it has started that have not ended. */
const countingRunner = Effect.gen(function*() {
  let fibers = 0
  const metrics: Metric.FiberRuntimeMetricsService = {
    recordFiberStart: () => void fibers++,
    recordFiberEnd: () => void fibers--
  }
  // The test clock starts a fiber of its own with the first sleep, unless it was moved before.
  yield* pass(0)
  const runner = yield* Effect.provideService(Runner.make, Metric.FiberRuntimeMetrics, metrics)
  return { runner, fibers: () => fibers }
})

/** An alarm that notes when it rings, and how many fibers there are because of it. */
const make = (again: (now: number, alarm: Alarms.Alarm) => number | undefined = () => undefined) =>
  Effect.gen(function*() {
    const { fibers, runner } = yield* countingRunner
    const rings: Array<number> = []
    const alarm: Alarms.Alarm = new Alarms.Alarm(runner.alarms, {
      ring: (now) => {
        rings.push(now)
        return again(now, alarm)
      }
    })
    return { alarm, rings, fibers }
  })

describe("Alarm", () => {
  it.effect("rings once, at its time, and leaves no fiber", () =>
    Effect.gen(function*() {
      const { alarm, fibers, rings } = yield* make()
      alarm.set(500)
      assert.strictEqual(fibers(), 1)
      yield* pass(499)
      assert.deepStrictEqual(rings, [])
      yield* pass(1)
      assert.deepStrictEqual(rings, [500])
      assert.strictEqual(fibers(), 0)
      yield* pass(10_000)
      assert.deepStrictEqual(rings, [500])
    }))

  it.effect("rings at times that a sleep cannot tell exactly", () =>
    Effect.gen(function*() {
      const { alarm, rings } = yield* make()
      for (let i = 1; i <= 200; i++) {
        alarm.set(100 * i + Math.sqrt(i) / 7)
        yield* TestClock.setTime(100 * i + 50)
      }
      assert.strictEqual(rings.length, 200)
      rings.forEach((at, i) => assert.closeTo(at, 100 * (i + 1) + Math.sqrt(i + 1) / 7, 0.001))
    }), 5000)

  it.effect("rings at the earliest of its times, with one fiber for all of them", () =>
    Effect.gen(function*() {
      const { alarm, fibers, rings } = yield* make()
      for (const at of [500, 300, 400, 200, 900]) alarm.set(at)
      yield* settle
      assert.strictEqual(fibers(), 1)
      yield* pass(1000)
      // Later times are the business of whoever is rung.
      assert.deepStrictEqual(rings, [200])
      assert.strictEqual(fibers(), 0)
    }))

  it.effect("rings again when it is told to", () =>
    Effect.gen(function*() {
      const { alarm, fibers, rings } = yield* make((now) => now < 400 ? now + 100 : undefined)
      alarm.set(100)
      yield* pass(1000)
      assert.deepStrictEqual(rings, [100, 200, 300, 400])
      assert.strictEqual(fibers(), 0)
    }))

  it.effect("may be set while it rings", () =>
    Effect.gen(function*() {
      const { alarm, fibers, rings } = yield* make((now, alarm) => {
        if (now === 100) {
          alarm.set(300)
          alarm.set(200)
          return 400
        }
        return now === 200 ? 300 : undefined
      })
      alarm.set(100)
      yield* pass(1000)
      assert.deepStrictEqual(rings, [100, 200, 300])
      assert.strictEqual(fibers(), 0)
    }))

  it.effect("rings at once when its time is over, and can still be moved and cleared after that", () =>
    Effect.gen(function*() {
      const { alarm, fibers, rings } = yield* make((now) => now + 1000)
      yield* pass(50)
      alarm.set(50)
      yield* settle
      assert.deepStrictEqual(rings, [50])
      assert.strictEqual(fibers(), 1)
      alarm.set(500)
      yield* settle
      assert.strictEqual(fibers(), 1)
      yield* pass(450)
      assert.deepStrictEqual(rings, [50, 500])
      alarm.clear()
      yield* settle
      assert.strictEqual(fibers(), 0)
      yield* pass(10_000)
      assert.deepStrictEqual(rings, [50, 500])
    }))

  it.effect("may be cleared while it rings", () =>
    Effect.gen(function*() {
      const { alarm, fibers, rings } = yield* make((now, alarm) => {
        alarm.set(now + 400)
        alarm.clear()
        return undefined
      })
      alarm.set(100)
      yield* pass(1000)
      assert.deepStrictEqual(rings, [100])
      yield* settle
      assert.strictEqual(fibers(), 0)
      alarm.set(2000)
      yield* pass(1000)
      assert.deepStrictEqual(rings, [100, 2000])
    }))

  it.effect("never rings at no time at all", () =>
    Effect.gen(function*() {
      const { alarm, fibers, rings } = yield* make()
      alarm.set(Number.POSITIVE_INFINITY)
      assert.strictEqual(fibers(), 0)
      yield* pass("1000 days")
      assert.deepStrictEqual(rings, [])
      alarm.set((yield* Clock.currentTimeMillis) + 1)
      yield* pass(1)
      assert.strictEqual(rings.length, 1)
    }))

  it.effect("ends with the scope of its runner", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { alarm, fibers, rings } = yield* Scope.provide(make(), scope)
      alarm.set(100)
      yield* Scope.close(scope, yield* Effect.exit(Effect.void))
      yield* settle
      assert.strictEqual(fibers(), 0)
      yield* pass(1000)
      assert.deepStrictEqual(rings, [])
    }))
})

describe("Alarms", () => {
  it.effect(`ring each at its time, whatever is set and cleared meanwhile, with one fiber (seed ${seed})`, () =>
    Effect.gen(function*() {
      const random = new Random(seed)
      const { fibers, runner } = yield* countingRunner
      const due = new Map<number, number>()
      const rung: Array<readonly [number, number]> = []
      const expected: Array<readonly [number, number]> = []
      const alarms = Array.from({ length: 200 }, (_, i) =>
        new Alarms.Alarm(runner.alarms, {
          ring: (now) => {
            rung.push([now, i])
            return undefined
          }
        }))
      for (let now = 0; now < 400; now++) {
        for (let change = 0; change < 5; change++) {
          const i = random.below(alarms.length)
          if (random.chance(30)) {
            alarms[i]!.clear()
            due.delete(i)
          } else {
            const at = now + 1 + random.below(50)
            alarms[i]!.set(at)
            due.set(i, Math.min(at, due.get(i) ?? at))
          }
        }
        yield* settle
        assert.strictEqual(fibers(), due.size === 0 ? 0 : 1)
        for (const [i, at] of due) {
          if (at !== now + 1) continue
          expected.push([at, i])
          due.delete(i)
        }
        yield* pass("1 millis")
      }
      const inOrder = (rings: Array<readonly [number, number]>) => rings.sort((a, b) => a[0] - b[0] || a[1] - b[1])
      assert.isAbove(expected.length, 500)
      assert.deepStrictEqual(inOrder(rung), inOrder(expected))
    }))

  it.effect("go on when what one of them does dies", () =>
    Effect.gen(function*() {
      const { runner } = yield* countingRunner
      const rings: Array<string> = []
      const dying = new Alarms.Alarm(runner.alarms, {
        ring: () => {
          rings.push("dying")
          throw new Error("at its deadline")
        }
      })
      const other = new Alarms.Alarm(runner.alarms, {
        ring: () => {
          rings.push("other")
          return undefined
        }
      })
      dying.set(100)
      other.set(100)
      yield* pass(100)
      assert.deepStrictEqual(rings.sort(), ["dying", "other"])
    }))
})
