/**
 * Finds the height of a block by its hash: a table of heights alone, in about 8 bytes for each block.
 *
 * The hashes are looked up in the chain, where they are anyway.
 */

/**
 * The chain that an index is of.
 *
 * @internal
 */
export interface Indexed {
  /** The key of the block at a height: see {@link keyOf}. */
  readonly keyAt: (height: number) => number
  readonly hasHash: (height: number, hash: Uint8Array) => boolean
}

const initialSlots = 1024

/** Beyond that share of full slots a look-up takes too many steps. */
const maxLoad = 0.75

/** @internal */
export class HashIndex {
  readonly #chain: Indexed
  /** A height and one, or zero for nothing. A block is in the slot of its hash or in the next free one after that. */
  #slots = new Uint32Array(initialSlots)
  #count = 0

  constructor(chain: Indexed) {
    this.#chain = chain
  }

  find(hash: Uint8Array): number | undefined {
    const mask = this.#slots.length - 1
    for (let slot = keyOf(hash, 0) & mask;; slot = (slot + 1) & mask) {
      const value = this.#slots[slot]
      if (value === 0) return undefined
      if (this.#chain.hasHash(value - 1, hash)) return value - 1
    }
  }

  /** Takes the block on top of those that it has. */
  push(key: number): void {
    if (this.#count + 1 > this.#slots.length * maxLoad) this.#grow()
    insert(this.#slots, this.#count, key)
    this.#count++
  }

  /** Forgets the highest block. The chain must still have it. */
  pop(): void {
    const height = this.#count - 1
    const slots = this.#slots
    const mask = slots.length - 1
    let free = this.#chain.keyAt(height) & mask
    while (slots[free] !== height + 1) free = (free + 1) & mask
    // What follows moves up where it may, so that no look-up stops at a gap before it.
    for (let slot = (free + 1) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const wanted = this.#chain.keyAt(slots[slot] - 1) & mask
      if (((slot - wanted) & mask) < ((slot - free) & mask)) continue
      slots[free] = slots[slot]
      free = slot
    }
    slots[free] = 0
    this.#count--
  }

  #grow(): void {
    const slots = new Uint32Array(this.#slots.length * 2)
    // In the order in which they lie in memory, which is several times as fast as the order of the slots.
    for (let height = 0; height < this.#count; height++) insert(slots, height, this.#chain.keyAt(height))
    this.#slots = slots
  }
}

const insert = (slots: Uint32Array, height: number, key: number): void => {
  const mask = slots.length - 1
  let slot = key & mask
  while (slots[slot] !== 0) slot = (slot + 1) & mask
  slots[slot] = height + 1
}

/**
 * What a hash is looked up by: four of its bytes. The proof of work makes zeros of the last ones; the first ones are as
 * good as random.
 *
 * @internal
 */
export const keyOf = (bytes: Uint8Array, at: number): number =>
  bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)
