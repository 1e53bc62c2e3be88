/**
 * A run of checked headers that leaves the best chain at some height.
 */
import * as BlockHeader from "../../domain/p2p/BlockHeader.ts"
import * as ChainView from "../../domain/p2p/ChainView.ts"
import * as StoredChain from "./storedChain.ts"

const { hashSize } = StoredChain

/** @internal */
export interface Branch {
  /** The height of the last block that the best chain has too. */
  readonly fork: number
  /** Packed. */
  readonly headers: Uint8Array
  readonly hashes: Uint8Array
  /** The work of its whole chain, from the first block on. */
  readonly work: bigint
}

/** @internal */
export const count = (self: Branch): number => self.headers.length / BlockHeader.size

/** The height of its last block. @internal */
export const height = (self: Branch): number => self.fork + count(self)

/** The hash of its last block. @internal */
export const hash = (self: Branch): Uint8Array => self.hashes.subarray(-hashSize)

/** The hashes of its blocks, the lowest first. @internal */
export const hashList = (self: Branch): ReadonlyArray<Uint8Array> =>
  Array.from({ length: count(self) }, (_, i) => self.hashes.slice(i * hashSize, (i + 1) * hashSize))

/** The headers up to and including a height. The work of the result is that of the whole branch. @internal */
export const upTo = (self: Branch, height: number): Pick<Branch, "headers" | "hashes"> => ({
  headers: self.headers.subarray(0, (height - self.fork) * BlockHeader.size),
  hashes: self.hashes.subarray(0, (height - self.fork) * hashSize)
})

/** The height of the block with that hash. @internal */
export const heightOf = (self: Branch, hash: Uint8Array): number | undefined => {
  for (let at = 0; at < self.hashes.length; at += hashSize) {
    if (areEqual(self.hashes, at, hash, 0, hashSize)) return self.fork + 1 + at / hashSize
  }
  return undefined
}

/** Whether it has that packed header. @internal */
export const hasAt = (self: Branch, height: number, headers: Uint8Array, index: number): boolean =>
  height > self.fork &&
  (height - self.fork) * BlockHeader.size <= self.headers.length &&
  areEqual(self.headers, (height - self.fork - 1) * BlockHeader.size, headers, index * BlockHeader.size)

/** The chain that ends with one of its blocks. @internal */
export const view = (self: Branch, chain: StoredChain.StoredChain, height: number): ChainView.ChainView => {
  const { hashes, headers } = upTo(self, height)
  const view = ChainView.growing(StoredChain.upTo(chain, self.fork), headers)
  for (let at = 0; at < hashes.length; at += hashSize) view.grow(hashes.subarray(at, at + hashSize))
  return view
}

/** What the best chain loses when it gives way to a branch from a height on. @internal */
export const ofChain = (chain: StoredChain.StoredChain, fork: number): Branch => ({
  fork,
  headers: chain.copy(fork + 1, chain.height - fork),
  hashes: chain.hashesAbove(fork),
  work: chain.work
})

/**
 * A branch as it is after the best chain has changed: `before` gave way to `after`, from the same height on. `undefined`
 * when all of it is in the best chain now.
 *
 * @internal
 */
export const rebase = (self: Branch, before: Branch, after: Branch): Branch | undefined => {
  if (self.fork < after.fork) return self
  if (self.fork === after.fork) return withoutCommon(self, after)
  // It left a part of the chain that is none of it any more, and takes that part along.
  const carried = upTo(before, self.fork)
  return {
    fork: after.fork,
    headers: concat(carried.headers, self.headers),
    hashes: concat(carried.hashes, self.hashes),
    work: self.work
  }
}

const withoutCommon = (self: Branch, after: Branch): Branch | undefined => {
  let common = 0
  while (common < count(self) && hasAt(after, self.fork + 1 + common, self.headers, common)) common++
  if (common === count(self)) return undefined
  return common === 0 ? self : {
    fork: self.fork + common,
    headers: self.headers.slice(common * BlockHeader.size),
    hashes: self.hashes.slice(common * hashSize),
    work: self.work
  }
}

/** @internal */
export const concat = (a: Uint8Array, b: Uint8Array): Uint8Array => {
  const joined = new Uint8Array(a.length + b.length)
  joined.set(a)
  joined.set(b, a.length)
  return joined
}

const areEqual = (
  a: Uint8Array,
  aStart: number,
  b: Uint8Array,
  bStart: number,
  length: number = BlockHeader.size
): boolean => {
  for (let i = 0; i < length; i++) if (a[aStart + i] !== b[bStart + i]) return false
  return true
}
