/**
 * The merkle tree over the transactions of a block: pairs of hashes are hashed together until one is left, the root that
 * the header carries. The last hash of a row that is odd is paired with itself.
 *
 * @stability unstable
 * @since 0.1.0
 */
import type * as BlockHeader from "./BlockHeader.ts"
import * as Pieces from "../../domain/internal/pieces.ts"
import * as HashHex from "./HashHex.ts"

/**
 * The root of a tree.
 *
 * @category models
 * @since 0.1.0
 */
export interface MerkleRoot {
  readonly root: Uint8Array
  /**
   * Whether two hashes that are equal were paired. Then another list, with transactions twice, has the same root, and
   * the block is to be refused (CVE-2012-2459).
   */
  readonly isAmbiguous: boolean
}

/**
 * Hashes two hashes together.
 *
 * @category getters
 * @since 0.1.0
 */
export const combine = (left: Uint8Array, right: Uint8Array, hash256: BlockHeader.Hash256): Uint8Array => {
  const pair = new Uint8Array(64)
  pair.set(left)
  pair.set(right, 32)
  return hash256(pair)
}

/**
 * The row above a row of hashes.
 *
 * @category getters
 * @since 0.1.0
 */
export const rowAbove = (row: ReadonlyArray<Uint8Array>, hash256: BlockHeader.Hash256): Array<Uint8Array> => {
  const above: Array<Uint8Array> = []
  for (let i = 0; i < row.length; i += 2) above.push(combine(row[i], row[i + 1] ?? row[i], hash256))
  return above
}

const hasTwins = (row: ReadonlyArray<Uint8Array>): boolean => {
  for (let i = 0; i + 1 < row.length; i += 2) if (HashHex.equals(row[i], row[i + 1])) return true
  return false
}

/**
 * After so many hashes there is a pause: some milliseconds.
 *
 * @category constants
 * @since 0.1.0
 */
export const hashesAtOnce = 5000

/**
 * As {@link compute}, with a pause after every {@link hashesAtOnce} hashes: a block can have half a million transactions.
 *
 * @category getters
 * @since 0.1.0
 */
export const computeInPieces = function*(
  txids: ReadonlyArray<Uint8Array>,
  hash256: BlockHeader.Hash256
): Generator<void, MerkleRoot> {
  let row = txids
  let isAmbiguous = false
  while (row.length > 1) {
    const above: Array<Uint8Array> = []
    for (let at = 0; at < row.length; at += 2 * hashesAtOnce) {
      const part = row.slice(at, at + 2 * hashesAtOnce)
      isAmbiguous = isAmbiguous || hasTwins(part)
      for (const hash of rowAbove(part, hash256)) above.push(hash)
      if (part.length === 2 * hashesAtOnce) yield
    }
    row = above
  }
  return { root: row[0] ?? HashHex.zero, isAmbiguous }
}

/**
 * The root of the tree over the ids of transactions, in the order of the block. That over no transaction is zeros.
 *
 * @category getters
 * @since 0.1.0
 */
export const compute = (txids: ReadonlyArray<Uint8Array>, hash256: BlockHeader.Hash256): MerkleRoot =>
  Pieces.runSync(computeInPieces(txids, hash256))
