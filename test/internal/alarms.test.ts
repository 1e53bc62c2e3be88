import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Metric, Scope } from "effect"
import * as Alarms from "../../src/internal/alarms.ts"
import * as Runner from "../../src/internal/runner.ts"
import { pass, settle } from "../utils/network.ts"

/** An alarm that notes when it rings, and how many fibers there are because of it. */
const make = (again: (now: number, alarm: Alarms.Alarm) => number | undefined = () => undefined) =>
  Effect.gen(function*() {
    let fibers = 0
    const metrics: Metric.FiberRuntimeMetricsService = {
      recordFiberStart: () => void fibers++,
      recordFiberEnd: () => void fibers--
    }
    // The test clock starts a fiber of its own with the first sleep, unless it was moved before.
    yield* pass(0)
    const runner = yield* Effect.provideService(Runner.make, Metric.FiberRuntimeMetrics, metrics)
    const rings: Array<number> = []
    const alarm: Alarms.Alarm = new Alarms.Alarm(runner.alarms, {
      ring: (now) => {
        rings.push(now)
        return again(now, alarm)
      }
    })
    return { alarm, rings, fibers: () => fibers }
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
