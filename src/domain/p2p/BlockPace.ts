/**
 * How fast a peer delivers blocks, and when that is too slow: under one block a second over 4.2 seconds, three times in a
 * row. Source: peer-to-peer component, "Downloads and wallets".
 *
 * @stability unstable
 * @since 0.1.0
 */

/**
 * How long the blocks of a peer are counted before they are looked at, in milliseconds.
 *
 * @category constants
 * @since 0.1.0
 */
export const window = 4200

/** A block a second. */
const blocksNeeded = window / 1000

/** So many slow windows in a row are too many. */
const maxSlow = 3

/**
 * The pace of a peer in the window that it is in.
 *
 * @category models
 * @since 0.1.0
 */
export interface BlockPace {
  /** When the window ends, in milliseconds of the clock. */
  readonly until: number
  /** Blocks that came within it. */
  readonly blocks: number
  /** Slow windows in a row before it. */
  readonly slow: number
}

/**
 * What a window has shown.
 *
 * @category models
 * @since 0.1.0
 */
export type Verdict =
  | { readonly _tag: "GoesOn"; readonly pace: BlockPace }
  | { readonly _tag: "Stalled" }

/**
 * The pace of a peer that has just been asked.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (now: number): BlockPace => ({ until: now + window, blocks: 0, slow: 0 })

/**
 * Counts a block.
 *
 * @category combinators
 * @since 0.1.0
 */
export const count = (self: BlockPace): BlockPace => ({ ...self, blocks: self.blocks + 1 })

/**
 * Looks at a window when it is over.
 *
 * @category getters
 * @since 0.1.0
 */
export const judge = (self: BlockPace, now: number): Verdict => {
  if (now < self.until) return { _tag: "GoesOn", pace: self }
  const slow = self.blocks < blocksNeeded ? self.slow + 1 : 0
  return slow === maxSlow ? { _tag: "Stalled" } : { _tag: "GoesOn", pace: { until: now + window, blocks: 0, slow } }
}
