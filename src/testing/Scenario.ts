/**
 * Plays what may happen, at random and again: sequences of steps that are drawn from a description, each under a clock
 * and a chance of its own.
 *
 * **Details**
 *
 * A sequence that fails is made as short as it can be while it still fails, and is told with the number it was drawn
 * from. The environment variable `SEED` plays that one alone, `SCENARIOS` says how many are played.
 *
 * A step is plain data, usually of a tagged union; the kinds of steps are `Choice`s, and `Fault.choices` has some for
 * everything that a network does to its users.
 *
 * **Example** (A counter that forgets when it is opened again)
 *
 * ```ts
 * import { it } from "@effect/vitest"
 * import { Scenario } from "effect-flowee/testing"
 * import { Effect, Ref } from "effect"
 *
 * type Step = { readonly _tag: "Add"; readonly count: number } | { readonly _tag: "Reopen" }
 *
 * it.effect("counts over restarts", () =>
 *   Scenario.check<Step, never, never>({
 *     name: "counter",
 *     choices: [
 *       Scenario.choice(3, (draw) => ({ _tag: "Add", count: draw.int(1, 9) })),
 *       Scenario.choice(1, () => ({ _tag: "Reopen" }))
 *     ],
 *     play: (steps) =>
 *       Effect.gen(function*() {
 *         const counter = yield* Ref.make(0)
 *         let sum = 0
 *         for (const step of steps) {
 *           if (step._tag === "Reopen") continue
 *           sum += step.count
 *           yield* Ref.update(counter, (n) => n + step.count)
 *         }
 *         if ((yield* Ref.get(counter)) !== sum) return yield* Effect.die(new Error("the counter forgot"))
 *       })
 *   }))
 * ```
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as Shrink from "../internal/testing/shrink.ts"

/**
 * Draws at random; the same seed draws the same.
 *
 * @category models
 * @since 0.1.0
 */
export interface Draw {
  /** A whole number from `min` to `max`, both included. */
  readonly int: (min: number, max: number) => number
  /** `true` with this probability, from 0 to 1. */
  readonly chance: (probability: number) => boolean
  /** One of these, of which there must be some. */
  readonly pick: <A>(all: ReadonlyArray<A>) => A
}

/**
 * One kind of step, and how often it is drawn compared with the others.
 *
 * @category models
 * @since 0.1.0
 */
export interface Choice<out Step> {
  /** More than 0. */
  readonly weight: number
  readonly draw: (draw: Draw) => Step
}

/**
 * Makes a kind of step.
 *
 * @category constructors
 * @since 0.1.0
 */
export const choice = <Step>(weight: number, draw: (draw: Draw) => Step): Choice<Step> => ({ weight, draw })

/**
 * A description of what may happen.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<Step, E, R> {
  readonly name: string
  /** The kinds of steps. At least one. */
  readonly choices: ReadonlyArray<Choice<Step>>
  /** How many steps a sequence has: as many as this, or a number between the two. Default: 1 to 30. */
  readonly length?: number | readonly [min: number, max: number] | undefined
  /**
   * Plays one sequence on something new, and fails or dies when something is wrong. It has a `TestClock` that begins at
   * 0, a `Random` of its own, and a scope.
   */
  readonly play: (steps: ReadonlyArray<Step>) => Effect.Effect<unknown, E, R>
  /** How many sequences are played, if `SCENARIOS` does not say. Default: 100. */
  readonly sequences?: number | undefined
  /** What the first sequence is drawn from; the next ones from the numbers behind it. Default: 1. */
  readonly seed?: number | undefined
  /**
   * How long one sequence may take, by the clock on the wall; a failed one is made shorter for about twice as long. The
   * test needs more time than that to tell what it has found. Default: 5 seconds.
   */
  readonly timeLimit?: Duration.Input | undefined
  /** How often a failed sequence is played again to make it shorter. Default: 200. */
  readonly shrinkRuns?: number | undefined
}

/**
 * What was played.
 *
 * @category models
 * @since 0.1.0
 */
export interface Report {
  readonly sequences: number
  /** In all sequences together. */
  readonly steps: number
}

/**
 * A sequence failed.
 *
 * @category errors
 * @since 0.1.0
 */
export class ScenarioFailed extends Data.TaggedError("ScenarioFailed")<{
  readonly scenario: string
  /** What the sequence was drawn from. */
  readonly seed: number
  /** The steps that were left when it could not be made shorter. */
  readonly steps: ReadonlyArray<unknown>
  /** How many steps it had. */
  readonly drawn: number
  /** Why the shortened sequence fails. */
  readonly failure: Cause.Cause<unknown>
}> {
  override get message(): string {
    const steps = this.steps.map((step, i) => `  ${i + 1}. ${format(step)}`)
    return [
      `Scenario "${this.scenario}" failed. SEED=${this.seed} plays it again. ${steps.length} of ${this.drawn} steps do:`,
      ...steps,
      Cause.pretty(this.failure)
    ].join("\n")
  }
}

/** As JSON, with the numbers that it has none for. */
const format = (step: unknown): string =>
  JSON.stringify(
    step,
    (_, value: unknown) =>
      typeof value === "bigint" || (typeof value === "number" && !Number.isFinite(value)) ? String(value) : value
  )

/**
 * Something did not end in its time.
 *
 * @category errors
 * @since 0.1.0
 */
export class Stuck extends Data.TaggedError("Stuck")<{
  /** What was waited for, if it had a name. */
  readonly what: string
  readonly after: Duration.Duration
}> {
  override get message(): string {
    return `${this.what} did not end within ${Duration.format(this.after)}`
  }
}

/** What a sequence is played with. */
type Provided<R> = Exclude<R, Scope.Scope>

/**
 * Plays sequences until one fails.
 *
 * @category running
 * @since 0.1.0
 */
export const check = Effect.fnUntraced(function*<Step, E, R>(
  options: Options<Step, E, R>
): Effect.fn.Return<Report, ScenarioFailed | Config.ConfigError, Provided<R>> {
  const replayed = yield* Config.option(Config.Int("SEED"))
  const count = yield* Config.withDefault(Config.Int("SCENARIOS"), options.sequences ?? 100)
  const first = Option.getOrElse(replayed, () => options.seed ?? 1)
  const sequences = Option.isSome(replayed) ? 1 : count
  let steps = 0
  for (let seed = first; seed < first + sequences; seed++) {
    const drawn = yield* draw(options, seed)
    steps += drawn.length
    const { cause } = yield* playOnce(options, seed, drawn)
    if (cause !== undefined) return yield* shortened(options, seed, drawn, cause)
  }
  return { sequences, steps }
})

/**
 * The steps that a seed gives.
 *
 * @category running
 * @since 0.1.0
 */
export const draw = <Step>(
  options: Pick<Options<Step, unknown, unknown>, "choices" | "length">,
  seed: number
): Effect.Effect<ReadonlyArray<Step>> =>
  Effect.map(Random.withSeed(Random.Random, seed), (random) => {
    const { choices, length = [1, 30] } = options
    const source = makeDraw(() => random.nextDoubleUnsafe())
    const count = typeof length === "number" ? length : source.int(length[0], length[1])
    const total = choices.reduce((sum, { weight }) => sum + weight, 0)
    return Array.from({ length: count }, () => {
      let left = source.int(1, 1_000_000) / 1_000_000 * total
      const found = choices.find(({ weight }) => (left -= weight) <= 0) ?? choices.at(-1)
      if (found === undefined) throw new RangeError("Scenario: there must be a choice")
      return found.draw(source)
    })
  })

const makeDraw = (random: () => number): Draw => {
  const int = (min: number, max: number) => min + Math.floor(random() * (max - min + 1))
  return {
    int,
    chance: (probability) => random() < probability,
    pick: (all) => all[int(0, all.length - 1)]!
  }
}

/** Why a sequence fails, if it does, and how long it took by the clock on the wall. */
interface Played {
  readonly cause: Cause.Cause<unknown> | undefined
  readonly millis: number
}

const limitOf = (options: Pick<Options<never, never, never>, "timeLimit">): Duration.Duration =>
  Duration.fromInputUnsafe(options.timeLimit ?? "5 seconds")

const playOnce = <Step, E, R>(
  options: Options<Step, E, R>,
  seed: number,
  steps: ReadonlyArray<Step>
): Effect.Effect<Played, never, Provided<R>> => {
  const limit = limitOf(options)
  const tooLong = TestClock.withLive(Effect.sleep(limit)).pipe(
    Effect.andThen(Effect.fail(new Stuck({ what: "the sequence", after: limit })))
  )
  const playing = Effect.suspend(() => options.play(steps)).pipe(
    Effect.scoped,
    Effect.raceFirst(tooLong),
    Random.withSeed(seed),
    Effect.exit
  )
  return Effect.gen(function*() {
    const now = TestClock.withLive(Clock.currentTimeMillis)
    const begun = yield* now
    const exit = yield* playing
    return { cause: Exit.isSuccess(exit) ? undefined : exit.cause, millis: (yield* now) - begun }
  }).pipe(Effect.provide(TestClock.layer({ warningDelay: "10 minutes" })))
}

/** Makes a failing sequence shorter, and fails with what is left. */
const shortened = Effect.fnUntraced(function*<Step, E, R>(
  options: Options<Step, E, R>,
  seed: number,
  drawn: ReadonlyArray<Step>,
  failure: Cause.Cause<unknown>
): Effect.fn.Return<never, ScenarioFailed, Provided<R>> {
  const shrink = new Shrink.Shrink(drawn, options.shrinkRuns ?? 200)
  let cause = failure
  // Sequences that hang cost all their time each: they are told rather than made as short as can be.
  let left = 2 * Duration.toMillis(limitOf(options))
  for (let candidate = shrink.next(); candidate !== undefined && left > 0; candidate = shrink.next()) {
    const again = yield* playOnce(options, seed, candidate)
    left -= again.millis
    cause = again.cause ?? cause
    shrink.report(again.cause !== undefined)
  }
  return yield* new ScenarioFailed({
    scenario: options.name,
    seed,
    steps: shrink.steps,
    drawn: drawn.length,
    failure: cause
  })
})

/** So many turns of the scheduler are enough for what needs no time, unless it goes on for ever. */
const turns = Array.from({ length: 40 })

/**
 * Lets everything happen that needs no time.
 *
 * @category running
 * @since 0.1.0
 */
export const settle: Effect.Effect<void> = Effect.forEach(turns, () => Effect.yieldNow, { discard: true })

/** How much longer the test clock moves at each look: few looks for what lasts, and little time too much. */
const tickGrowth = 1.5

/**
 * Runs an effect, and moves the test clock on while it waits, each time by about half of what has passed. When it has not ended after `patience` of that clock, one
 * minute if nothing is said, it is interrupted, and fails with {@link Stuck}.
 *
 * @category running
 * @since 0.1.0
 */
export const lasting = Effect.fnUntraced(function*<A, E, R>(
  effect: Effect.Effect<A, E, R>,
  options?: { readonly patience?: Duration.Input | undefined; readonly what?: string | undefined }
): Effect.fn.Return<A, E | Stuck, R> {
  const after = Duration.fromInputUnsafe(options?.patience ?? "1 minute")
  const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
  yield* settle
  let left = Duration.toMillis(after)
  for (let tick = 1; fiber.pollUnsafe() === undefined && left > 0; tick = Math.ceil(tick * tickGrowth)) {
    yield* TestClock.adjust(Math.min(tick, left))
    yield* settle
    left -= tick
  }
  if (fiber.pollUnsafe() !== undefined) return yield* Fiber.join(fiber)
  yield* Fiber.interrupt(fiber)
  return yield* new Stuck({ what: options?.what ?? "an effect", after })
})

/**
 * Performs steps one after the other, each as {@link lasting}, and lets everything happen after each that needs no time.
 *
 * @category running
 * @since 0.1.0
 */
export const forEach = <Step, E, R>(
  steps: ReadonlyArray<Step>,
  perform: (step: Step, index: number) => Effect.Effect<unknown, E, R>,
  options?: {
    /** How long one step may take, by the test clock. Default: 1 minute. */
    readonly patience?: Duration.Input | undefined
  }
): Effect.Effect<void, E | Stuck, R> =>
  Effect.forEach(
    steps,
    (step, index) => lasting(perform(step, index), { patience: options?.patience, what: `step ${index + 1}` }),
    { discard: true }
  )
