/**
 * All blocks that are known, those off the best chain too, and which of them the best chain is made of.
 */
import type * as Block from "../../domain/chain/Block.ts"
import type * as BlockRefused from "../../domain/chain/BlockRefused.ts"
import * as Target from "../../domain/p2p/Target.ts"
import * as ChainView from "../../domain/p2p/ChainView.ts"
import * as Keys from "./keys.ts"

/**
 * A block as it is kept: its transactions are read again from its bytes when they are needed.
 *
 * @internal
 */
export interface StoredBlock {
  readonly hash: Uint8Array
  readonly height: number
  readonly bytes: Uint8Array
  readonly previous: StoredBlock | undefined
  readonly time: number
  readonly bits: number
  /** The median time of this block and the ten before it. */
  readonly medianTime: number
  /** A block that was found to break a rule when its turn came, and those after it, are never tried again. */
  isInvalid: boolean
}

/**
 * The way from one block to another: back to where they meet, then on.
 *
 * @internal
 */
export interface Path {
  /** The last block first. */
  readonly removed: ReadonlyArray<StoredBlock>
  /** The first block first. */
  readonly added: ReadonlyArray<StoredBlock>
}

/** @internal */
export class BlockTree {
  readonly #known = new Map<string, StoredBlock>()
  readonly #best: Array<StoredBlock>

  constructor(genesis: Block.Block) {
    this.#best = [this.add(genesis, undefined)]
  }

  get tip(): StoredBlock {
    return this.#best[this.#best.length - 1]
  }

  /** A block of the best chain. */
  at(height: number): StoredBlock | undefined {
    return this.#best[height]
  }

  /** Any block. */
  find(hash: Uint8Array): StoredBlock | undefined {
    return this.#known.get(Keys.hashKey(hash))
  }

  isOnBestChain(block: StoredBlock): boolean {
    return this.#best[block.height] === block
  }

  add({ bytes, hash, header: { bits, time } }: Block.Block, previous: StoredBlock | undefined): StoredBlock {
    const height = previous === undefined ? 0 : previous.height + 1
    const isInvalid = previous?.isInvalid ?? false
    const unplaced = { hash, height, bytes, previous, time, bits, medianTime: 0, isInvalid }
    const block = { ...unplaced, medianTime: ChainView.medianTimePast(viewOf(unplaced), height) }
    this.#known.set(Keys.hashKey(hash), block)
    return block
  }

  path(from: StoredBlock, to: StoredBlock): Path {
    const removed: Array<StoredBlock> = []
    const added: Array<StoredBlock> = []
    let a = from
    let b = to
    while (a !== b) {
      if (a.height >= b.height) {
        removed.push(a)
        a = a.previous!
      } else {
        added.push(b)
        b = b.previous!
      }
    }
    return { removed, added: added.reverse() }
  }

  follow({ added, removed }: Path): void {
    this.#best.length -= removed.length
    this.#best.push(...added)
  }

  /** Remembers that a block breaks a rule, and gives the refusal back. */
  invalidate(block: StoredBlock, refusal: BlockRefused.BlockRefused): BlockRefused.BlockRefused {
    for (const other of this.#known.values()) {
      other.isInvalid ||= other.height >= block.height && ancestor(other, block.height) === block
    }
    return refusal
  }
}

/**
 * The block at a height of the chain that ends with a block. It walks, so the height should be near.
 *
 * @internal
 */
export const ancestor = (block: StoredBlock, height: number): StoredBlock => {
  let found = block
  while (found.height > height && found.previous !== undefined) found = found.previous
  return found
}

/**
 * The chain that ends with a block, for the rules of headers.
 *
 * @internal
 */
export const viewOf = (tip: StoredBlock): ChainView.ChainView => ({
  height: tip.height,
  hash: tip.hash,
  time: (height) => ancestor(tip, height).time,
  bits: (height) => ancestor(tip, height).bits,
  chainWork: (height) => BigInt(height + 1) * Target.work(tip.bits)
})
