/**
 * Faults as data: what a network does to its users, to be drawn for a `Scenario` and inflicted on a network in memory
 * or on a proxy.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as FaultControls from "../layers/FaultControls.ts"
import * as Scenario from "./Scenario.ts"

/**
 * Something that happens to a network, see `FaultControls`.
 *
 * - `LetThrough`: lets one of the dials through that hang, the first or another one.
 * - `Pause`: nothing new happens for that many milliseconds.
 *
 * @category models
 * @since 0.1.0
 */
export type Fault = Data.TaggedEnum<{
  Cut: { readonly where: FaultControls.Where }
  CutAfter: {
    readonly where: FaultControls.Where
    readonly bytes: number
    readonly direction: FaultControls.Direction
  }
  HalfClose: { readonly where: FaultControls.Where; readonly direction: FaultControls.Direction }
  CorruptAfter: {
    readonly where: FaultControls.Where
    readonly bytes: number
    readonly direction: FaultControls.Direction
  }
  Blackhole: { readonly where: FaultControls.Where; readonly direction: FaultControls.Direction | "both" }
  Refuse: { readonly where: FaultControls.Where; readonly problem: FaultControls.Refusal }
  Hang: { readonly where: FaultControls.Where }
  LetThrough: { readonly index: number }
  Heal: {}
  Conditions: { readonly conditions: FaultControls.Conditions }
  Pause: { readonly millis: number }
}>

/**
 * Constructors and matchers of faults.
 *
 * @category constructors
 * @since 0.1.0
 */
export const Fault = Data.taggedEnum<Fault>()

/**
 * Lets a fault happen. A pause takes its time.
 *
 * @category running
 * @since 0.1.0
 */
export const inflict = (controls: FaultControls.FaultControls, fault: Fault): Effect.Effect<void> => {
  switch (fault._tag) {
    case "Cut":
      return Effect.asVoid(controls.cut(fault.where))
    case "CutAfter":
      return controls.cutAfter(fault.where, fault.bytes, fault.direction)
    case "HalfClose":
      return Effect.asVoid(controls.halfClose(fault.where, fault.direction))
    case "CorruptAfter":
      return controls.corruptAfter(fault.where, fault.bytes, fault.direction)
    case "Blackhole":
      return controls.blackhole(fault.where, fault.direction)
    case "Refuse":
      return controls.refuse(fault.where, fault.problem)
    case "Hang":
      return controls.hang(fault.where)
    case "LetThrough":
      return Effect.flatMap(controls.dials, (dials) =>
        dials.length === 0
          ? Effect.void
          : Effect.asVoid(controls.letThrough(dials[fault.index % dials.length]!.id)))
    case "Heal":
      return controls.heal()
    case "Conditions":
      return controls.setConditions(fault.conditions)
    case "Pause":
      return Effect.sleep(fault.millis)
  }
}

/**
 * Options of {@link choices}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Where faults happen. Default: everywhere. */
  readonly places?: ReadonlyArray<FaultControls.Where> | undefined
  /** Which kinds there are. Default: all but `CorruptAfter`, since most formats do not notice wrong bytes. */
  readonly kinds?: ReadonlyArray<Fault["_tag"]> | undefined
  /** How often a fault of any kind is drawn compared with other choices. Default: 10. */
  readonly weight?: number | undefined
  /** How many bytes pass at most before something happens at a byte. Default: 10,000. */
  readonly maxBytes?: number | undefined
  /** How long a pause is at most. Default: 1 minute. */
  readonly maxPause?: Duration.Input | undefined
}

/** How often each kind is drawn: what ends things has to be healed again for anything else to happen. */
const weights: { readonly [tag in Fault["_tag"]]: number } = {
  Cut: 3,
  CutAfter: 4,
  HalfClose: 1,
  CorruptAfter: 2,
  Blackhole: 1,
  Refuse: 1,
  Hang: 1,
  LetThrough: 1,
  Heal: 4,
  Conditions: 2,
  Pause: 6
}

const directions = ["toListener", "toDialler"] as const

/** Small numbers are drawn as often as large ones: much goes wrong at the beginning. */
const small = (draw: Scenario.Draw, most: number): number => draw.int(0, draw.pick([10, 100, 1000, most]))

const drawFault = (tag: Fault["_tag"], options: Options, draw: Scenario.Draw): Fault => {
  const where = draw.pick(options.places ?? ["everywhere"])
  const bytes = () => small(draw, options.maxBytes ?? 10_000)
  switch (tag) {
    case "Cut":
      return Fault.Cut({ where })
    case "CutAfter":
      return Fault.CutAfter({ where, bytes: bytes(), direction: draw.pick(directions) })
    case "HalfClose":
      return Fault.HalfClose({ where, direction: draw.pick(directions) })
    case "CorruptAfter":
      return Fault.CorruptAfter({ where, bytes: bytes(), direction: draw.pick(directions) })
    case "Blackhole":
      return Fault.Blackhole({ where, direction: draw.pick([...directions, "both"]) })
    case "Refuse":
      return Fault.Refuse({ where, problem: draw.pick(["Refused", "Unreachable", "TimedOut"]) })
    case "Hang":
      return Fault.Hang({ where })
    case "LetThrough":
      return Fault.LetThrough({ index: draw.int(0, 9) })
    case "Heal":
      return Fault.Heal()
    case "Conditions":
      return Fault.Conditions({ conditions: drawConditions(draw) })
    case "Pause":
      return Fault.Pause({
        millis: small(draw, Duration.toMillis(Duration.fromInputUnsafe(options.maxPause ?? 60_000)))
      })
  }
}

const drawConditions = (draw: Scenario.Draw): FaultControls.Conditions => ({
  delay: draw.pick([0, 0, 1, 50, 500]),
  jitter: draw.pick([0, 0, 20]),
  loss: draw.pick([0, 0, 0.1]),
  segmentSize: draw.pick([Number.POSITIVE_INFINITY, "random", 100, 1000]),
  // A small one makes writes last until nearly all of them is read.
  window: draw.pick([262_144, 10_000, 100])
})

const all: ReadonlyArray<Fault["_tag"]> = [
  "Cut",
  "CutAfter",
  "HalfClose",
  "Blackhole",
  "Refuse",
  "Hang",
  "LetThrough",
  "Heal",
  "Conditions",
  "Pause"
]

/**
 * The kinds of faults as choices of a scenario.
 *
 * **Example** (Steps of a test: an action of its own, and faults)
 *
 * ```ts
 * import { Fault, Scenario } from "effect-flowee/testing"
 *
 * type Step = Fault.Fault | { readonly _tag: "Ask"; readonly currency: string }
 *
 * const choices: ReadonlyArray<Scenario.Choice<Step>> = [
 *   Scenario.choice(10, (draw): Step => ({ _tag: "Ask", currency: draw.pick(["EUR", "USD"]) })),
 *   ...Fault.choices({ places: ["10.0.0.9"], maxPause: "2 minutes" })
 * ]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const choices = (options: Options = {}): ReadonlyArray<Scenario.Choice<Fault>> => {
  const kinds = options.kinds ?? all
  const total = kinds.reduce((sum, tag) => sum + weights[tag], 0)
  return kinds.map((tag) =>
    Scenario.choice(weights[tag] * (options.weight ?? 10) / total, (draw) => drawFault(tag, options, draw))
  )
}
