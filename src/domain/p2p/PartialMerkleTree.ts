/**
 * The part of a block's merkle tree that proves some of its transactions: what a `merkleblock` carries (BIP 37).
 *
 * The tree is walked from its root, the left side first. A bit for each node on the way says whether there is a matched
 * transaction below; where there is none, and at the bottom, a hash stands for all that is below.
 *
 * **Details**
 *
 * A tree is refused unless there are transactions, not more hashes than transactions, not fewer bits than hashes, all
 * bits and hashes are used and the bits that fill the last byte are zero, and no node has two equal children
 * (CVE-2012-2459). The specification speaks of at most two hashes for each transaction; a tree that uses all its hashes
 * never has more than one. Source: peer-to-peer component, "Downloads and wallets".
 *
 * **Gotchas**
 *
 * A tree proves hashes. A transaction of 64 bytes could pass for a node of the tree: refuse those.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Result from "effect/Result"
import type * as BlockHeader from "./BlockHeader.ts"
import * as Pieces from "../../domain/internal/pieces.ts"
import * as HashHex from "./HashHex.ts"
import * as MerkleRoot from "./MerkleRoot.ts"

/**
 * A part of a merkle tree, as `merkleblock` carries it.
 *
 * @category models
 * @since 0.1.0
 */
export interface PartialMerkleTree {
  /** How many transactions the block has. */
  readonly transactions: number
  readonly hashes: ReadonlyArray<Uint8Array>
  /** Eight bits a byte, the lowest first. */
  readonly flags: Uint8Array
}

/**
 * A transaction that a tree names.
 *
 * @category models
 * @since 0.1.0
 */
export interface Match {
  readonly txid: Uint8Array
  /** Which transaction of the block it is, from 0. */
  readonly position: number
}

/**
 * What a tree says.
 *
 * @category models
 * @since 0.1.0
 */
export interface Proof {
  /** The root that the hashes lead to. It proves nothing before it is compared with that of a header. */
  readonly root: Uint8Array
  /** In the order of the block. */
  readonly matches: ReadonlyArray<Match>
}

/**
 * The most transactions that a block is believed to have: what fits into 4 GB, more than nodes can come to allow.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxTransactions = 0x400_0000

/**
 * A tree that proves nothing.
 *
 * - `NoTransactions`, `TooManyTransactions`: the number of transactions is none that a block has.
 * - `TooManyHashes`, `TooFewBits`: there cannot be so many hashes, or so few bits.
 * - `OutOfBits`, `OutOfHashes`: the walk comes to an end before it has gone round the tree.
 * - `UnusedBits`, `UnusedHashes`: the walk leaves some.
 * - `EqualChildren`: the children of a node are equal, which stands for a list with transactions twice.
 * - `WrongRoot`: the hashes lead to another root than that of the header.
 *
 * @category errors
 * @since 0.1.0
 */
export class PartialMerkleTreeError extends Data.TaggedError("PartialMerkleTreeError")<{
  readonly problem:
    | "NoTransactions"
    | "TooManyTransactions"
    | "TooManyHashes"
    | "TooFewBits"
    | "OutOfBits"
    | "OutOfHashes"
    | "UnusedBits"
    | "UnusedHashes"
    | "EqualChildren"
    | "WrongRoot"
}> {
  override get message(): string {
    return `the partial merkle tree proves nothing: ${explain[this.problem]}`
  }
}

const explain: { readonly [problem in PartialMerkleTreeError["problem"]]: string } = {
  NoTransactions: "its block has no transactions",
  TooManyTransactions: `its block has more than ${maxTransactions} transactions`,
  TooManyHashes: "it has more hashes than its block has transactions",
  TooFewBits: "it has fewer bits than hashes",
  OutOfBits: "it has too few bits",
  OutOfHashes: "it has too few hashes",
  UnusedBits: "it has bits that nothing uses",
  UnusedHashes: "it has hashes that nothing uses",
  EqualChildren: "two children of a node are equal",
  WrongRoot: "its root is not that of the header"
}

/** How many nodes a row of the tree has; row 0 is that of the transactions. */
const widthOf = (transactions: number, row: number): number => Math.ceil(transactions / 2 ** row)

/** The row of the root. */
const rootRow = (transactions: number): number => {
  let row = 0
  while (widthOf(transactions, row) > 1) row++
  return row
}

/** What is below a node of that row, 4096 transactions at most, is walked in one go: some milliseconds. */
const rowAtOnce = 12

class Walk {
  readonly matches: Array<Match> = []
  bitsUsed = 0
  hashesUsed = 0
  problem: PartialMerkleTreeError["problem"] | undefined = undefined
  #hasBegun = false
  readonly #tree: PartialMerkleTree
  readonly #hash256: BlockHeader.Hash256

  constructor(tree: PartialMerkleTree, hash256: BlockHeader.Hash256) {
    this.#tree = tree
    this.#hash256 = hash256
  }

  /** The hash of a node; it means nothing once there is a problem. */
  visit(row: number, position: number): Uint8Array {
    const hasMatch = this.#nextBit()
    if (row === 0 || !hasMatch) {
      const hash = this.#nextHash()
      if (row === 0 && hasMatch) this.matches.push({ txid: hash, position })
      return hash
    }
    const left = this.visit(row - 1, position * 2)
    if (this.problem !== undefined) return HashHex.zero
    const hasRight = position * 2 + 1 < widthOf(this.#tree.transactions, row - 1)
    return this.#join(left, hasRight ? this.visit(row - 1, position * 2 + 1) : undefined)
  }

  /** As {@link visit}, with a pause between parts of the tree that some thousand transactions are in. */
  *visitInPieces(row: number, position: number): Generator<void, Uint8Array> {
    if (row <= rowAtOnce) {
      if (this.#hasBegun) yield
      this.#hasBegun = true
      return this.visit(row, position)
    }
    const hasMatch = this.#nextBit()
    if (!hasMatch) return this.#nextHash()
    const left = yield* this.visitInPieces(row - 1, position * 2)
    if (this.problem !== undefined) return HashHex.zero
    const hasRight = position * 2 + 1 < widthOf(this.#tree.transactions, row - 1)
    return this.#join(left, hasRight ? yield* this.visitInPieces(row - 1, position * 2 + 1) : undefined)
  }

  /** The hash of a node with these children. */
  #join(left: Uint8Array, right: Uint8Array | undefined): Uint8Array {
    if (right !== undefined && this.problem === undefined && HashHex.equals(left, right)) this.problem = "EqualChildren"
    return this.problem === undefined ? MerkleRoot.combine(left, right ?? left, this.#hash256) : HashHex.zero
  }

  #nextBit(): boolean {
    const index = this.bitsUsed++
    const { flags } = this.#tree
    if (index >= flags.length * 8) this.problem ??= "OutOfBits"
    return ((flags[index >> 3] >> (index & 7)) & 1) === 1
  }

  #nextHash(): Uint8Array {
    const hash = this.#tree.hashes[this.hashesUsed++]
    if (hash === undefined) this.problem ??= "OutOfHashes"
    return hash ?? HashHex.zero
  }
}

const findProblemBefore = (tree: PartialMerkleTree): PartialMerkleTreeError["problem"] | undefined => {
  if (tree.transactions < 1) return "NoTransactions"
  if (tree.transactions > maxTransactions) return "TooManyTransactions"
  if (tree.hashes.length > tree.transactions) return "TooManyHashes"
  return tree.flags.length * 8 < tree.hashes.length ? "TooFewBits" : undefined
}

const findProblemAfter = (tree: PartialMerkleTree, walk: Walk): PartialMerkleTreeError["problem"] | undefined => {
  if (walk.problem !== undefined) return walk.problem
  if (Math.ceil(walk.bitsUsed / 8) !== tree.flags.length) return "UnusedBits"
  const lastBits = walk.bitsUsed & 7
  if (lastBits > 0 && tree.flags[tree.flags.length - 1] >> lastBits !== 0) return "UnusedBits"
  return walk.hashesUsed === tree.hashes.length ? undefined : "UnusedHashes"
}

const fail = (problem: PartialMerkleTreeError["problem"]) => Result.fail(new PartialMerkleTreeError({ problem }))

/**
 * Says what a tree names, and to which root it leads.
 *
 * @category decoding
 * @since 0.1.0
 */
export const extract = (
  self: PartialMerkleTree,
  hash256: BlockHeader.Hash256
): Result.Result<Proof, PartialMerkleTreeError> => Pieces.runSync(extractInPieces(self, hash256))

const extractInPieces = function*(
  self: PartialMerkleTree,
  hash256: BlockHeader.Hash256
): Generator<void, Result.Result<Proof, PartialMerkleTreeError>> {
  const before = findProblemBefore(self)
  if (before !== undefined) return fail(before)
  const walk = new Walk(self, hash256)
  const root = yield* walk.visitInPieces(rootRow(self.transactions), 0)
  const after = findProblemAfter(self, walk)
  return after === undefined ? Result.succeed({ root, matches: walk.matches }) : fail(after)
}

/**
 * The transactions that a tree proves to be in the block whose header has that merkle root.
 *
 * @category validation
 * @since 0.1.0
 */
export const verify = (
  self: PartialMerkleTree,
  merkleRoot: Uint8Array,
  hash256: BlockHeader.Hash256
): Result.Result<ReadonlyArray<Match>, PartialMerkleTreeError> =>
  Pieces.runSync(verifyInPieces(self, merkleRoot, hash256))

/**
 * As {@link verify}, with a pause between parts of the tree that some thousand transactions are in.
 *
 * @category validation
 * @since 0.1.0
 */
export const verifyInPieces = function*(
  self: PartialMerkleTree,
  merkleRoot: Uint8Array,
  hash256: BlockHeader.Hash256
): Generator<void, Result.Result<ReadonlyArray<Match>, PartialMerkleTreeError>> {
  const proof = yield* extractInPieces(self, hash256)
  return Result.flatMap(
    proof,
    ({ matches, root }) => HashHex.equals(root, merkleRoot) ? Result.succeed(matches) : fail("WrongRoot")
  )
}

/**
 * Makes the tree that proves some transactions of a block, as a node does.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  /** The ids of all transactions of the block, in its order; at least one. */
  readonly txids: ReadonlyArray<Uint8Array>
  /** Which of them are to be proven, by their position. */
  readonly isMatch: (position: number) => boolean
  readonly hash256: BlockHeader.Hash256
}): PartialMerkleTree => {
  const { hash256, isMatch, txids } = options
  const rows: Array<ReadonlyArray<Uint8Array>> = [txids]
  const matched: Array<ReadonlyArray<boolean>> = [txids.map((_, position) => isMatch(position))]
  while (rows[rows.length - 1].length > 1) {
    rows.push(MerkleRoot.rowAbove(rows[rows.length - 1], hash256))
    matched.push(anyOfTwo(matched[matched.length - 1]))
  }
  const hashes: Array<Uint8Array> = []
  const bits: Array<boolean> = []
  const visit = (row: number, position: number): void => {
    const hasMatch = matched[row][position]
    bits.push(hasMatch)
    if (row === 0 || !hasMatch) {
      hashes.push(rows[row][position])
      return
    }
    visit(row - 1, position * 2)
    if (position * 2 + 1 < rows[row - 1].length) visit(row - 1, position * 2 + 1)
  }
  visit(rows.length - 1, 0)
  return { transactions: txids.length, hashes, flags: packBits(bits) }
}

const anyOfTwo = (row: ReadonlyArray<boolean>): ReadonlyArray<boolean> => {
  const above: Array<boolean> = []
  for (let i = 0; i < row.length; i += 2) above.push(row[i] || (row[i + 1] ?? false))
  return above
}

const packBits = (bits: ReadonlyArray<boolean>): Uint8Array => {
  const flags = new Uint8Array(Math.ceil(bits.length / 8))
  for (let i = 0; i < bits.length; i++) if (bits[i]) flags[i >> 3] |= 1 << (i & 7)
  return flags
}
