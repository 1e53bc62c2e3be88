/**
 * The headers of a chain, packed, in slabs of 80 KB: growing never moves what is there, and each header has 96 bytes
 * with its work.
 */
import * as BlockHeader from "../../domain/p2p/BlockHeader.ts"
import * as HashIndex from "./hashIndex.ts"

const slabShift = 10

const slabHeaders = 1 << slabShift

const { size } = BlockHeader

const previousOffset = BlockHeader.binary.offsets.previous

interface Slab {
  readonly headers: Uint8Array
  /**
   * The work of the chain up to each header: its low 64 bits, then its high ones. Proof of work is checked before, so
   * nobody lives to see 2^128.
   */
  readonly works: BigUint64Array
  /** The latest time in this slab and all before it. */
  latest: number
}

/** @internal */
export class HeaderSlabs {
  readonly #slabs: Array<Slab> = []
  #count = 0

  get count(): number {
    return this.#count
  }

  /** Takes one of the packed headers, and the work of the chain with it. */
  push(packed: Uint8Array, index: number, work: bigint): void {
    const slab = this.#slabFor(this.#count)
    const at = this.#count % slabHeaders
    const source = index * size
    // For 80 bytes this is faster than a subarray that lives for one call.
    const { headers } = slab
    for (let i = 0, to = at * size; i < size; i++, to++) headers[to] = packed[source + i]
    slab.works[2 * at] = work
    slab.works[2 * at + 1] = work >> 64n
    slab.latest = Math.max(slab.latest, BlockHeader.timeAt(packed, index))
    this.#count++
  }

  #slabFor(index: number): Slab {
    const slab = this.#slabs[index >> slabShift]
    if (slab !== undefined) return slab
    const made = {
      headers: new Uint8Array(slabHeaders * size),
      works: new BigUint64Array(2 * slabHeaders),
      latest: this.#slabs.at(-1)?.latest ?? 0
    }
    this.#slabs.push(made)
    return made
  }

  /** Forgets all headers but the first ones. */
  truncate(count: number): void {
    this.#count = count
    this.#slabs.length = Math.ceil(count / slabHeaders)
    const last = this.#slabs.at(-1)
    if (last === undefined) return
    last.latest = this.#slabs.at(-2)?.latest ?? 0
    for (let i = (this.#slabs.length - 1) << slabShift; i < count; i++) {
      last.latest = Math.max(last.latest, this.time(i))
    }
  }

  time(index: number): number {
    return BlockHeader.timeAt(this.#slabs[index >> slabShift].headers, index % slabHeaders)
  }

  bits(index: number): number {
    return BlockHeader.bitsAt(this.#slabs[index >> slabShift].headers, index % slabHeaders)
  }

  work(index: number): bigint {
    const { works } = this.#slabs[index >> slabShift]
    const at = 2 * (index % slabHeaders)
    return (works[at + 1] << 64n) | works[at]
  }

  /** The 80 bytes of a header, where they are stored. */
  bytes(index: number): Uint8Array {
    return BlockHeader.bytesAt(this.#slabs[index >> slabShift].headers, index % slabHeaders)
  }

  /** The hash of the block before a header, where it is stored. */
  previous(index: number): Uint8Array {
    return BlockHeader.previousAt(this.#slabs[index >> slabShift].headers, index % slabHeaders)
  }

  /** The key of that hash: see `HashIndex`. */
  previousKey(index: number): number {
    return HashIndex.keyOf(this.#slabs[index >> slabShift].headers, (index % slabHeaders) * size + previousOffset)
  }

  /** Whether the block before a header has that hash. */
  follows(index: number, hash: Uint8Array): boolean {
    return BlockHeader.followsAt(this.#slabs[index >> slabShift].headers, index % slabHeaders, hash)
  }

  /** A copy of some headers, packed. */
  copy(from: number, count: number): Uint8Array {
    const packed = new Uint8Array(count * size)
    let done = 0
    while (done < count) {
      const at = (from + done) % slabHeaders
      const part = Math.min(count - done, slabHeaders - at)
      const { headers } = this.#slabs[(from + done) >> slabShift]
      packed.set(headers.subarray(at * size, (at + part) * size), done * size)
      done += part
    }
    return packed
  }

  /** The first header whose time is that one or a later one; the number of headers when there is none. */
  firstAtTime(time: number): number {
    let low = 0
    let high = this.#slabs.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#slabs[middle].latest < time) low = middle + 1
      else high = middle
    }
    let index = low << slabShift
    while (index < this.#count && this.time(index) < time) index++
    return Math.min(index, this.#count)
  }
}
