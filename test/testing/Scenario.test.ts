import { assert, describe, it } from "@effect/vitest"
import { Cause, Clock, ConfigProvider, Effect, Exit, Random } from "effect"
import { TestClock } from "effect/testing"
import * as Scenario from "../../src/testing/Scenario.ts"

type Step = { readonly _tag: "Add"; readonly count: number } | { readonly _tag: "Forget" } | {
  readonly _tag: "Nothing"
}

const choices: ReadonlyArray<Scenario.Choice<Step>> = [
  Scenario.choice(3, (draw): Step => ({ _tag: "Add", count: draw.int(1, 9) })),
  Scenario.choice(1, (): Step => ({ _tag: "Forget" })),
  Scenario.choice(6, (): Step => ({ _tag: "Nothing" }))
]

/** Without the variables of whoever runs the tests, or with others. */
const withEnvironment = (env: Record<string, string> = {}) =>
  Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env })))

/** Fails when something is forgotten that was added before. */
const play = (steps: ReadonlyArray<Step>): Effect.Effect<void, string> => {
  let sum = 0
  let added = 0
  for (const step of steps) {
    if (step._tag === "Add") {
      sum += step.count
      added += step.count
    } else if (step._tag === "Forget") sum = 0
  }
  return sum === added ? Effect.void : Effect.fail(`${sum} and not ${added}`)
}

describe("Scenario", () => {
  it.effect("finds a sequence that fails, and leaves what is needed for it", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Scenario.check({ name: "sum", choices, play, seed: 7 }))
      assert(error._tag === "ScenarioFailed")
      assert.deepStrictEqual((error.steps as ReadonlyArray<Step>).map(({ _tag }) => _tag), ["Add", "Forget"])
      assert.isAbove(error.drawn, 2)
      assert.include(error.message, `Scenario "sum" failed. SEED=${error.seed} plays it again`)
      assert.include(error.message, `2 of ${error.drawn} steps`)
      assert.match(error.message, / {2}1\. \{"_tag":"Add","count":\d\}\n {2}2\. \{"_tag":"Forget"\}\n.*0 and not \d/s)
      const drawn = yield* Scenario.draw<Step>({ choices }, error.seed)
      assert.strictEqual(drawn.length, error.drawn)
      assert.isTrue(Exit.isFailure(yield* Effect.exit(play(drawn))))
    }).pipe(withEnvironment()))

  it.effect("tells all values of a step", () =>
    Effect.gen(function*() {
      const odd = Scenario.choice(1, () => ({ a: Number.POSITIVE_INFINITY, b: 12n, c: Number.NaN, d: 0.5 }))
      const error = yield* Effect.flip(
        Scenario.check({
          name: "odd",
          choices: [odd],
          play: ([first]) => first === undefined ? Effect.void : Effect.fail("odd")
        })
      )
      assert.include(error.message, `1. {"a":"Infinity","b":"12","c":"NaN","d":0.5}`)
    }).pipe(withEnvironment()))

  it.effect("plays the sequence of SEED alone, and as many as SCENARIOS says", () =>
    Effect.gen(function*() {
      const played: Array<ReadonlyArray<Step>> = []
      const keep = (steps: ReadonlyArray<Step>) => Effect.sync(() => void played.push(steps))
      const options = { name: "any", choices, play: keep, sequences: 20, seed: 100 }
      const all = yield* Scenario.check(options).pipe(withEnvironment())
      assert.deepStrictEqual(all, { sequences: 20, steps: played.flat().length })
      const one = yield* Scenario.check(options).pipe(withEnvironment({ SEED: "113" }))
      assert.strictEqual(one.sequences, 1)
      assert.deepStrictEqual(played[20], played[13])
      assert.strictEqual((yield* Scenario.check(options).pipe(withEnvironment({ SCENARIOS: "3" }))).sequences, 3)
      const bad = yield* Effect.flip(Scenario.check(options).pipe(withEnvironment({ SEED: "x" })))
      assert.strictEqual(bad._tag, "ConfigError")
    }))

  it.effect("draws what was weighted, as long as was said", () =>
    Effect.gen(function*() {
      const steps = yield* Scenario.draw({ choices, length: 10_000 }, 1)
      assert.strictEqual(steps.length, 10_000)
      const share = (tag: Step["_tag"]) => steps.filter(({ _tag }) => _tag === tag).length / 10_000
      assert.closeTo(share("Add"), 0.3, 0.03)
      assert.closeTo(share("Forget"), 0.1, 0.03)
      const lengths = yield* Effect.forEach(
        Array.from({ length: 200 }, (_, i) => i),
        (seed) => Effect.map(Scenario.draw({ choices, length: [2, 4] }, seed), (drawn) => drawn.length)
      )
      assert.deepStrictEqual([...new Set(lengths)].sort(), [2, 3, 4])
      const none = yield* Effect.exit(Scenario.draw({ choices: [], length: 1 }, 1))
      assert.isTrue(Exit.isFailure(none) && Cause.hasDies(none.cause))
    }))

  it.effect("gives each sequence a clock, a chance and a scope of its own", () =>
    Effect.gen(function*() {
      const seen: Array<readonly [number, number]> = []
      let closed = 0
      const playOne = Effect.gen(function*() {
        seen.push([yield* Clock.currentTimeMillis, yield* Random.next])
        yield* Effect.addFinalizer(() => Effect.sync(() => void closed++))
        yield* TestClock.adjust("1 hour")
      })
      const run = Scenario.check({ name: "own", choices, play: () => playOne, sequences: 2 }).pipe(withEnvironment())
      yield* TestClock.adjust("1 minute")
      yield* run
      yield* run
      assert.strictEqual(closed, 4)
      assert.deepStrictEqual(seen.map(([now]) => now), [0, 0, 0, 0])
      assert.deepStrictEqual(seen.slice(0, 2), seen.slice(2))
      assert.notStrictEqual(seen[0]![1], seen[1]![1])
      assert.strictEqual(yield* Clock.currentTimeMillis, 60_000)
    }))

  it.effect("takes defects and interruption for failures, and what hangs", () =>
    Effect.gen(function*() {
      const failure = (play: Effect.Effect<unknown>) =>
        Effect.flip(Scenario.check({ name: "bad", choices, play: () => play, timeLimit: "20 millis", shrinkRuns: 2 }))
          .pipe(withEnvironment(), Effect.map((error) => error.message))
      assert.include(yield* failure(Effect.die(new Error("broken"))), "broken")
      assert.include(yield* failure(Effect.sync(() => assert.fail("asserted"))), "asserted")
      assert.include(yield* failure(Effect.interrupt), "interrupt")
      assert.include(yield* failure(Effect.never), "the sequence did not end within 20ms")
    }))

  it.effect("shrinks no more often than was allowed", () =>
    Effect.gen(function*() {
      let runs = 0
      const error = yield* Effect.flip(Scenario.check({
        name: "long",
        choices,
        length: 64,
        shrinkRuns: 1,
        play: () => Effect.andThen(Effect.sync(() => void runs++), Effect.fail("always"))
      })).pipe(withEnvironment())
      assert.strictEqual(runs, 2)
      assert(error._tag === "ScenarioFailed")
      assert.deepStrictEqual([error.drawn, error.steps.length], [64, 32])
    }))

  it.effect("moves the clock on while a step waits, and gives up when it waits for too long", () =>
    Effect.gen(function*() {
      const times: Array<number> = []
      const note = Effect.map(Clock.currentTimeMillis, (now) => void times.push(now))
      yield* Scenario.forEach([0, 1, 30_000], (millis) => Effect.andThen(Effect.sleep(millis), note))
      assert.strictEqual(times[0], 0)
      assert.strictEqual(times[1], 1)
      assert.isTrue(times[2]! > 30_000 && times[2]! < 32_000, `${times[2]}`)
      const stuck = yield* Effect.flip(Scenario.forEach(
        ["well", "stuck"],
        (name) => name === "well" ? Effect.void : Effect.never,
        { patience: "10 seconds" }
      ))
      assert.strictEqual(stuck.message, "step 2 did not end within 10s")
      assert.strictEqual(yield* Scenario.lasting(Effect.as(Effect.sleep("1 second"), 5)), 5)
      assert.strictEqual(yield* Effect.flip(Scenario.lasting(Effect.fail("no"))), "no")
    }))
})
