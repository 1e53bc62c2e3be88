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
  readonly hashAt: (height: number) => Uint8Array
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
    for (let slot = home(hash) & mask;; slot = (slot + 1) & mask) {
      const value = this.#slots[slot]
      if (value === 0) return undefined
      if (this.#chain.hasHash(value - 1, hash)) return value - 1
    }
  }

  /** The chain must have the block already, and the index not yet. */
  add(height: number, hash: Uint8Array): void {
    if (this.#count + 1 > this.#slots.length * maxLoad) this.#grow()
    insert(this.#slots, height, hash)
    this.#count++
  }

  /** The chain must still have the block. */
  remove(height: number): void {
    const slots = this.#slots
    const mask = slots.length - 1
    let free = home(this.#chain.hashAt(height)) & mask
    while (slots[free] !== height + 1) free = (free + 1) & mask
    // What follows moves up where it may, so that no look-up stops at a gap before it.
    for (let slot = (free + 1) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const wanted = home(this.#chain.hashAt(slots[slot] - 1)) & mask
      if (((slot - wanted) & mask) < ((slot - free) & mask)) continue
      slots[free] = slots[slot]
      free = slot
    }
    slots[free] = 0
    this.#count--
  }

  #grow(): void {
    const slots = new Uint32Array(this.#slots.length * 2)
    for (const value of this.#slots) if (value !== 0) insert(slots, value - 1, this.#chain.hashAt(value - 1))
    this.#slots = slots
  }
}

const insert = (slots: Uint32Array, height: number, hash: Uint8Array): void => {
  const mask = slots.length - 1
  let slot = home(hash) & mask
  while (slots[slot] !== 0) slot = (slot + 1) & mask
  slots[slot] = height + 1
}

/** The proof of work makes zeros of the last bytes of a hash; the first ones are as good as random. */
const home = (hash: Uint8Array): number => hash[0] | (hash[1] << 8) | (hash[2] << 16) | (hash[3] << 24)
