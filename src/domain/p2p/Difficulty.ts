/**
 * How hard the next block must be: the compact target that the rules of a network demand of it.
 *
 * Mainnet has had four rules, each from a height on: a new target every 2016 blocks; that with an emergency adjustment
 * when blocks stop coming (August 2017); the average of 144 blocks (November 2017); and ASERT (November 2020). Networks
 * for tests have them too, and let a block of the lowest difficulty pass when none came for 20 minutes.
 *
 * **Details**
 *
 * The arithmetic is that of the published rules, to the last bit. Source: peer-to-peer component, "Header chain"; the
 * specifications of the upgrades of August 2017, November 2017 and November 2020.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Asert from "./Asert.ts"
import * as ChainView from "./ChainView.ts"
import * as Target from "./Target.ts"

/**
 * Each block has the target of the block before it: regtest.
 *
 * @category models
 * @since 0.1.0
 */
export interface Fixed {
  readonly _tag: "Fixed"
  /** The highest target. */
  readonly limit: bigint
}

/**
 * The target follows the hash rate.
 *
 * @category models
 * @since 0.1.0
 */
export interface Adjusting {
  readonly _tag: "Adjusting"
  /** The highest target. */
  readonly limit: bigint
  /** How many seconds there should be between blocks. */
  readonly spacing: number
  /** How many blocks keep one target under the first rule. */
  readonly interval: number
  /** After how many seconds without a block the next one may have the highest target. `undefined`: never. */
  readonly easyAfter: number | undefined
  /** The height of the first block of the emergency adjustment. */
  readonly emergencyFrom: number
  /** The height of the first block of the average of 144 blocks. */
  readonly averageFrom: number
  readonly asert: {
    /** In how many seconds behind the schedule the target doubles. */
    readonly halfLife: number
    readonly anchor: Anchor
  }
}

/**
 * Where ASERT begins: with the block after the anchor.
 *
 * - `Block`: after a block that is known.
 * - `MedianTime`: after the first block whose median time past is at or after a time.
 *
 * @category models
 * @since 0.1.0
 */
export type Anchor =
  | {
    readonly _tag: "Block"
    readonly height: number
    readonly bits: number
    /** The time of the block before the anchor. */
    readonly parentTime: number
  }
  | { readonly _tag: "MedianTime"; readonly time: number }

/**
 * The rules of a network.
 *
 * @category models
 * @since 0.1.0
 */
export type Difficulty = Fixed | Adjusting

/**
 * The compact target that the block after the last one of a view must have.
 *
 * `time` is what that block says of its time: on networks for tests its target may follow from it.
 *
 * @category getters
 * @since 0.1.0
 */
export const nextBits = (rules: Difficulty, view: ChainView.ChainView, time: number): number => {
  if (rules._tag === "Fixed") return view.bits(view.height)
  const anchor = findAnchor(rules.asert.anchor, view)
  if (anchor !== undefined) return byAsert(rules, view, time, anchor)
  return view.height + 1 >= rules.averageFrom ? byAverage(rules, view, time) : byInterval(rules, view, time)
}

const isEasy = (rules: Adjusting, view: ChainView.ChainView, time: number): boolean =>
  rules.easyAfter !== undefined && time > view.time(view.height) + rules.easyAfter

const toBits = (rules: Adjusting, target: bigint): number => Target.toBits(target > rules.limit ? rules.limit : target)

/** What was checked when its block was taken is a target. */
const targetOf = (bits: number): bigint => Target.fromBits(bits) ?? 1n

interface AnchorBlock {
  readonly height: number
  readonly bits: number
  readonly parentTime: number
}

const findAnchor = (anchor: Anchor, view: ChainView.ChainView): AnchorBlock | undefined => {
  if (anchor._tag === "Block") return view.height >= anchor.height ? anchor : undefined
  const { time } = anchor
  if (ChainView.medianTimePast(view, view.height) < time) return undefined
  // The median time past never falls from one block to the next, so the first such block can be searched for.
  let low = 0
  let high = view.height
  while (low < high) {
    const middle = (low + high) >> 1
    if (ChainView.medianTimePast(view, middle) < time) low = middle + 1
    else high = middle
  }
  return { height: low, bits: view.bits(low), parentTime: view.time(Math.max(0, low - 1)) }
}

const byAsert = (rules: Adjusting, view: ChainView.ChainView, time: number, anchor: AnchorBlock): number => {
  const { limit, spacing } = rules
  if (isEasy(rules, view, time)) return Target.toBits(limit)
  return Target.toBits(Asert.nextTarget({
    anchorTarget: targetOf(anchor.bits),
    timeDiff: view.time(view.height) - anchor.parentTime,
    heightDiff: view.height - anchor.height,
    spacing,
    halfLife: rules.asert.halfLife,
    limit
  }))
}

const averageSpan = 144

const range = 1n << 256n

/** The height of the block with the middle time of three, the last of which has that height. */
const suitable = (view: ChainView.ChainView, height: number): number => {
  let a = Math.max(0, height - 2)
  let b = Math.max(0, height - 1)
  let c = Math.max(0, height)
  // It is these three swaps that the specification has, and they say which block wins when times are equal.
  if (view.time(a) > view.time(c)) [a, c] = [c, a]
  if (view.time(a) > view.time(b)) [a, b] = [b, a]
  if (view.time(b) > view.time(c)) [b, c] = [c, b]
  return b
}

const byAverage = (rules: Adjusting, view: ChainView.ChainView, time: number): number => {
  const { spacing } = rules
  if (isEasy(rules, view, time)) return Target.toBits(rules.limit)
  const last = suitable(view, view.height)
  const first = suitable(view, view.height - averageSpan)
  const elapsed = clamp(
    view.time(last) - view.time(first),
    (averageSpan / 2) * spacing,
    averageSpan * 2 * spacing
  )
  const work = ((view.chainWork(last) - view.chainWork(first)) * BigInt(spacing)) / BigInt(elapsed)
  // There is no work between them only when the chain is too short, which no network with this rule is.
  return work <= 0n ? Target.toBits(rules.limit) : toBits(rules, (range - work) / work)
}

const clamp = (value: number, minimum: number, maximum: number): number => Math.min(Math.max(value, minimum), maximum)

const byInterval = (rules: Adjusting, view: ChainView.ChainView, time: number): number => {
  if ((view.height + 1) % rules.interval === 0) return retarget(rules, view)
  const limitBits = Target.toBits(rules.limit)
  if (rules.easyAfter !== undefined) return isEasy(rules, view, time) ? limitBits : lastUneasy(rules, view, limitBits)
  const bits = view.bits(view.height)
  return bits !== limitBits && isEmergency(rules, view) ? ease(rules, bits) : bits
}

const retarget = (rules: Adjusting, view: ChainView.ChainView): number => {
  const wanted = rules.interval * rules.spacing
  const first = view.height + 1 - rules.interval
  const elapsed = clamp(
    view.time(view.height) - view.time(first),
    Math.floor(wanted / 4),
    wanted * 4
  )
  return toBits(rules, (targetOf(view.bits(view.height)) * BigInt(elapsed)) / BigInt(wanted))
}

/** The target of the last block that did not get the highest one for being late. */
const lastUneasy = (rules: Adjusting, view: ChainView.ChainView, limitBits: number): number => {
  let height = view.height
  while (height > 0 && height % rules.interval !== 0 && view.bits(height) === limitBits) height--
  return view.bits(height)
}

const emergencySpan = 6

const emergencySeconds = 12 * 3600

/** Whether six blocks took twelve hours, as the medians of the times tell. */
const isEmergency = (rules: Adjusting, view: ChainView.ChainView): boolean => {
  const { height } = view
  if (height + 1 < rules.emergencyFrom || height < emergencySpan) return false
  const elapsed = ChainView.medianTimePast(view, height) - ChainView.medianTimePast(view, height - emergencySpan)
  return elapsed >= emergencySeconds
}

/** A quarter more, so a fifth less difficulty. */
const ease = (rules: Adjusting, bits: number): number => {
  const target = targetOf(bits)
  return toBits(rules, target + (target >> 2n))
}
