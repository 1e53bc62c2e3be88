/**
 * Connections and network managers against the contract, over sequences of anything that may happen to them.
 *
 * `SCENARIOS=10000` plays more of them (`npm run model`), `SEED=n` plays one again.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type * as Fault from "../../src/testing/Fault.ts"
import * as Scenario from "../../src/testing/Scenario.ts"
import { type Bed, pass, withBed } from "../utils/network.ts"
import { actions, faults, type Step } from "./steps.ts"
import * as Verify from "./verify.ts"
import * as World from "./world.ts"

/** By then all connections are up again, all requests have ended and slow handlers have seen everything. */
const recover = (world: World.World) =>
  Effect.gen(function*() {
    yield* world.recover
    let unrest = "?"
    for (let tries = 0; tries < 20 && unrest !== ""; tries++) {
      yield* pass("15 seconds")
      unrest = yield* world.unrest
    }
    assert.strictEqual(unrest, "", "it never came to rest")
    yield* pass("30 seconds")
    yield* world.inspect
  })

const close = (world: World.World) =>
  Effect.gen(function*() {
    yield* Scenario.lasting(world.close)
    yield* pass("10 seconds")
    Verify.whenClosed(world)
  })

/** Nothing is logged that somebody would have to look at. */
const checkLogs = (bed: Bed) => {
  // What had not left when something was closed is told in a warning; any other one would be about a fault of ours.
  const faults = bed.logs.filter((line) => /^(Warn|Error|Fatal)/.test(line) && !line.includes("that had not left"))
  assert.strictEqual(faults.join("\n"), "")
}

const play = (steps: ReadonlyArray<Step>) =>
  withBed((bed) =>
    Effect.gen(function*() {
      const world = yield* World.make(bed)
      yield* Scenario.forEach(steps, (step) => Effect.andThen(world.perform(step), world.inspect))
      yield* recover(world)
      Verify.whenCalm(world)
      yield* close(world)
      checkLogs(bed)
    })
  )

/** Wrong bytes may say anything: what is left of the contract is that everything ends, and within its bounds. */
const playDamaged = (steps: ReadonlyArray<Step>) =>
  withBed((bed) =>
    Effect.gen(function*() {
      const world = yield* World.make(bed)
      yield* Scenario.forEach(steps, (step) => Effect.andThen(world.perform(step), world.inspect))
      yield* world.recover
      yield* close(world)
    })
  )

const hour = 3_600_000

describe("the contract", () => {
  it.effect("holds, whatever happens to connections and managers", () =>
    Scenario.check<Step, unknown, never>({
      name: "network",
      choices: [...actions, ...faults()],
      length: [1, 40],
      sequences: 300,
      timeLimit: "1 minute",
      play
    }), hour)

  it.effect("holds where bytes are wrong, as far as it can", () =>
    Scenario.check<Step, unknown, never>({
      name: "damage",
      choices: [
        ...actions,
        ...faults(["CorruptAfter", "Conditions", "Heal", "Pause", "Cut"] satisfies ReadonlyArray<Fault.Fault["_tag"]>)
      ],
      length: [1, 30],
      sequences: 50,
      timeLimit: "1 minute",
      play: playDamaged
    }), hour)
})
