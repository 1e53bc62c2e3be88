/**
 * The block locator of a `getheaders`: hashes of a chain, the newest first, in which a peer finds the last block that it
 * has too. Source: peer-to-peer component, "Header chain".
 *
 * @stability unstable
 * @since 0.1.0
 */

/** How far below the tip the blocks are. */
const depths = [0, 3, 20, 60, 100, 200, 400, 600, 800, 1000]

/**
 * The heights of the blocks that a locator names: the tip, and 3, 20, 60, 100, 200, 400, 600, 800 and 1000 below it, as
 * far as there are blocks.
 *
 * **Details**
 *
 * A peer that has none of them begins after the genesis block, so the genesis block need not be among them.
 *
 * @category getters
 * @since 0.1.0
 */
export const heights = (tip: number): ReadonlyArray<number> =>
  depths.map((depth) => tip - depth).filter((height) => height >= 0)

/**
 * The locator of a chain up to a tip.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (tip: number, hashAt: (height: number) => Uint8Array): ReadonlyArray<Uint8Array> =>
  heights(tip).map((height) => hashAt(height))
