/**
 * The best chain in memory, from its first block to its tip: about 105 bytes for each header.
 */
import * as BlockHeader from "../../domain/p2p/BlockHeader.ts"
import type * as ChainParams from "../../domain/p2p/ChainParams.ts"
import type * as ChainView from "../../domain/p2p/ChainView.ts"
import * as HashHex from "../../domain/p2p/HashHex.ts"
import * as Target from "../../domain/p2p/Target.ts"
import * as HashIndex from "./hashIndex.ts"
import * as Slabs from "./slabs.ts"

/** @internal */
export const hashSize = 32

/** @internal */
export class StoredChain implements ChainView.ChainView {
  readonly #slabs = new Slabs.HeaderSlabs()
  readonly #index = new HashIndex.HashIndex(this)
  /** The hash of any other block is in the header after it. */
  #tipHash: Uint8Array
  #work = 0n
  #lastBits = 0
  #lastWork = 0n

  constructor(params: ChainParams.ChainParams) {
    this.#tipHash = params.genesisHash
    this.append(BlockHeader.pack([params.genesis]), params.genesisHash)
  }

  get height(): number {
    return this.#slabs.count - 1
  }

  get hash(): Uint8Array {
    return this.#tipHash
  }

  /** The work of all blocks. */
  get work(): bigint {
    return this.#work
  }

  time(height: number): number {
    return this.#slabs.time(height)
  }

  bits(height: number): number {
    return this.#slabs.bits(height)
  }

  chainWork(height: number): bigint {
    return this.#slabs.work(height)
  }

  /** The hash of a block, where it is stored. */
  hashAt(height: number): Uint8Array {
    return height === this.height ? this.#tipHash : this.#slabs.previous(height + 1)
  }

  /** See `HashIndex`. */
  keyAt(height: number): number {
    return height === this.height ? HashIndex.keyOf(this.#tipHash, 0) : this.#slabs.previousKey(height + 1)
  }

  hasHash(height: number, hash: Uint8Array): boolean {
    return height === this.height ? HashHex.equals(this.#tipHash, hash) : this.#slabs.follows(height + 1, hash)
  }

  /** The 80 bytes of a header, where they are stored. */
  bytes(height: number): Uint8Array {
    return this.#slabs.bytes(height)
  }

  heightOf(hash: Uint8Array): number | undefined {
    return hash.length === hashSize ? this.#index.find(hash) : undefined
  }

  /** A copy of some headers, packed. */
  copy(from: number, count: number): Uint8Array {
    return this.#slabs.copy(from, count)
  }

  /** Copies of the hashes of all blocks above a height. */
  hashesAbove(height: number): Uint8Array {
    const hashes = new Uint8Array((this.height - height) * hashSize)
    for (let i = height + 1; i <= this.height; i++) hashes.set(this.hashAt(i), (i - height - 1) * hashSize)
    return hashes
  }

  /** The first block with that time or a later one; one above the tip when there is none. */
  firstAtTime(time: number): number {
    return this.#slabs.firstAtTime(time)
  }

  /** Takes packed headers with their hashes. They were checked. */
  append(headers: Uint8Array, hashes: Uint8Array): void {
    const count = headers.length / BlockHeader.size
    if (count === 0) return
    for (let i = 0; i < count; i++) {
      this.#work += this.#workOf(BlockHeader.bitsAt(headers, i))
      this.#slabs.push(headers, i, this.#work)
      this.#index.push(HashIndex.keyOf(hashes, i * hashSize))
    }
    // A copy, since a part would keep all of them alive.
    this.#tipHash = hashes.slice(-hashSize)
  }

  #workOf(bits: number): bigint {
    if (bits !== this.#lastBits) {
      this.#lastBits = bits
      this.#lastWork = Target.work(bits)
    }
    return this.#lastWork
  }

  /** Forgets all blocks above a height. */
  truncate(height: number): void {
    const hash = this.hashAt(height).slice()
    for (let i = this.height; i > height; i--) this.#index.pop()
    this.#slabs.truncate(height + 1)
    this.#tipHash = hash
    this.#work = this.#slabs.work(height)
  }
}

/**
 * A stored chain as it was when a block below its tip was the last one.
 *
 * @internal
 */
export const upTo = (chain: StoredChain, height: number): ChainView.ChainView =>
  height === chain.height ? chain : {
    height,
    hash: chain.hashAt(height),
    time: (at) => chain.time(at),
    bits: (at) => chain.bits(at),
    chainWork: (at) => chain.chainWork(at)
  }
