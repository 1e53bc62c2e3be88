/**
 * A chain of headers as the rules look at it: from the genesis block up to one last block.
 *
 * Whoever keeps a chain provides this interface over its own storage. {@link growing} puts headers that are not stored
 * yet on top of any view, so that a batch is checked before it is taken.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as BlockHeader from "./BlockHeader.ts"
import * as Target from "./Target.ts"

/**
 * A chain up to one last block.
 *
 * **Details**
 *
 * Heights that are asked for lie between 0 and `height`. Look-ups are made several times for each header that is
 * checked, so they should not search.
 *
 * @category models
 * @since 0.1.0
 */
export interface ChainView {
  /** The height of the last block. The genesis block has height 0. */
  readonly height: number
  /** The hash of the last block. */
  readonly hash: Uint8Array
  /** The time of the block at that height, in seconds since 1970. */
  readonly time: (height: number) => number
  /** The compact target of the block at that height. */
  readonly bits: (height: number) => number
  /**
   * The work of all blocks up to and including that height. Only differences are looked at, and only while the rule of
   * the average of 144 blocks holds.
   */
  readonly chainWork: (height: number) => bigint
}

/**
 * The view of a chain that has nothing but its first block.
 *
 * @category constructors
 * @since 0.1.0
 */
export const genesis = (header: BlockHeader.BlockHeader, hash: Uint8Array): ChainView => ({
  height: 0,
  hash,
  time: () => header.time,
  bits: () => header.bits,
  chainWork: () => Target.work(header.bits)
})

/**
 * A view that grows over packed headers, one by one.
 *
 * @category models
 * @since 0.1.0
 */
export interface GrowingView extends ChainView {
  /** Takes the next header. Its hash is given, since whoever checks it has computed it. */
  readonly grow: (hash: Uint8Array) => void
  /** The work of the headers that were taken. */
  readonly addedWork: bigint
}

class Growing implements GrowingView {
  readonly #base: ChainView
  readonly #headers: Uint8Array
  readonly #first: number
  height: number
  hash: Uint8Array
  addedWork = 0n
  /** The added work up to each header. */
  readonly #works: Array<bigint> = []
  #lastBits = 0
  #lastWork = 0n

  constructor(base: ChainView, headers: Uint8Array) {
    this.#base = base
    this.#headers = headers
    this.#first = base.height + 1
    this.height = base.height
    this.hash = base.hash
  }

  time(height: number): number {
    return height < this.#first ? this.#base.time(height) : BlockHeader.timeAt(this.#headers, height - this.#first)
  }

  bits(height: number): number {
    return height < this.#first ? this.#base.bits(height) : BlockHeader.bitsAt(this.#headers, height - this.#first)
  }

  chainWork(height: number): bigint {
    if (height < this.#first) return this.#base.chainWork(height)
    return this.#base.chainWork(this.#first - 1) + this.#works[height - this.#first]
  }

  grow(hash: Uint8Array): void {
    this.height++
    this.hash = hash
    const bits = this.bits(this.height)
    if (bits !== this.#lastBits) {
      this.#lastBits = bits
      this.#lastWork = Target.work(bits)
    }
    this.addedWork += this.#lastWork
    this.#works.push(this.addedWork)
  }
}

/**
 * Makes a view of packed headers on top of another view. None of them is taken at first.
 *
 * **Gotchas**
 *
 * Each view on top of another one makes look-ups slower, and keeps the headers of both in memory: store what was taken
 * and begin the next batch with the view of the store.
 *
 * @category constructors
 * @since 0.1.0
 */
export const growing = (base: ChainView, headers: Uint8Array): GrowingView => new Growing(base, headers)

const medianSpan = 11

/** Used by one call at a time, since nothing in it waits. */
const times = new Float64Array(medianSpan)

/**
 * The median of the times of a block and the ten before it, or of as many as there are. The time of the next block must
 * be above it.
 *
 * @category getters
 * @since 0.1.0
 */
export const medianTimePast = (self: ChainView, height: number): number => {
  const count = Math.min(medianSpan, height + 1)
  for (let i = 0; i < count; i++) {
    const time = self.time(height - i)
    let at = i
    while (at > 0 && times[at - 1] > time) {
      times[at] = times[at - 1]
      at--
    }
    times[at] = time
  }
  return times[count >> 1]
}
