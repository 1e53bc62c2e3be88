/**
 * The difficulty rule of Bitcoin Cash since November 2020, aserti3-2d: the target follows from how far the chain is
 * ahead of or behind its schedule since one anchor block, and doubles for each half-life that it is behind.
 *
 * It is integer arithmetic throughout, since all nodes must come to the same bit. Source: the specification
 * "2020-11-15-asert" of Bitcoin Cash.
 *
 * @stability unstable
 * @since 0.1.0
 */

/**
 * What the next target follows from.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The target of the anchor block, 1 to `limit`. */
  readonly anchorTarget: bigint
  /** The time of the last block less that of the block before the anchor block, in seconds. It may be negative. */
  readonly timeDiff: number
  /** The height of the last block less that of the anchor block, from 0. */
  readonly heightDiff: number
  /** How many seconds there should be between blocks. */
  readonly spacing: number
  /** In how many seconds behind the schedule the target doubles. */
  readonly halfLife: number
  /** The highest target. */
  readonly limit: bigint
}

/** The parts of a number below one have 16 bits. */
const fractionBits = 16n

/**
 * 65536 * 2^x for x = fraction / 65536, by a polynomial of the third degree, which is off by 0.013 % at most.
 *
 * The coefficients are those of 0.695502049 x + 0.2262698 x^2 + 0.0782318 x^3, times 2^48.
 */
const power = (fraction: bigint): bigint =>
  65_536n +
  ((195_766_423_245_049n * fraction +
    971_821_376n * fraction * fraction +
    5_127n * fraction * fraction * fraction +
    (1n << 47n)) >> 48n)

/**
 * The target of the block after the last one.
 *
 * @category getters
 * @since 0.1.0
 */
export const nextTarget = (options: Options): bigint => {
  const { anchorTarget, halfLife, heightDiff, limit, spacing, timeDiff } = options
  const behind = timeDiff - spacing * (heightDiff + 1)
  // This division rounds towards zero and the shift below towards negative infinity, as the specification demands.
  const exponent = (BigInt(behind) << fractionBits) / BigInt(halfLife)
  const doublings = exponent >> fractionBits
  const factor = power(BigInt.asUintN(16, exponent))
  const shift = doublings - fractionBits
  if (shift > 256n) return limit
  const target = shift < 0n ? (anchorTarget * factor) >> -shift : (anchorTarget * factor) << shift
  if (target === 0n) return 1n
  return target > limit ? limit : target
}
