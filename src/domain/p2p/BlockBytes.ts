/**
 * Blocks as bytes: the header, the transactions that follow it, and whether they are those that the header commits to.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Result from "effect/Result"
import * as Pieces from "../../domain/internal/pieces.ts"
import type * as BinaryError from "./BinaryError.ts"
import * as BinaryReader from "./BinaryReader.ts"
import * as BlockHeader from "./BlockHeader.ts"
import * as HashHex from "./HashHex.ts"
import * as MerkleRoot from "./MerkleRoot.ts"
import * as TransactionBytes from "./TransactionBytes.ts"

/**
 * The parts of a block. They point into its bytes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Parts {
  readonly header: BlockHeader.BlockHeader
  /** The bytes of each transaction. */
  readonly transactions: ReadonlyArray<Uint8Array>
}

/**
 * A block does not have the transactions that its header commits to.
 *
 * - `WrongRoot`: the merkle root is another one.
 * - `RepeatedTransactions`: the list could have been made of another one by repeating its end (CVE-2012-2459).
 * - `InnerNodes`: what looks like transactions may be nodes of the tree: there is no coinbase, and one has 64 bytes.
 *
 * @category errors
 * @since 0.1.0
 */
export class ForgedBlock extends Data.TaggedError("ForgedBlock")<{
  readonly problem: "WrongRoot" | "RepeatedTransactions" | "InnerNodes"
}> {
  override get message(): string {
    return `these are not the transactions of the block: ${problems[this.problem]}`
  }
}

const problems = {
  WrongRoot: "the merkle root is another one",
  RepeatedTransactions: "the end of the list is repeated",
  InnerNodes: "they may be nodes of the merkle tree"
}

/**
 * Cuts a block into its parts. Nothing is hashed.
 *
 * @category decoding
 * @since 0.1.0
 */
export const split = (bytes: Uint8Array): Result.Result<Parts, BinaryError.BinaryDecodeError> =>
  Pieces.runSync(splitInPieces(bytes))

/**
 * As {@link split}, with pauses in a large block.
 *
 * @category decoding
 * @since 0.1.0
 */
export const splitInPieces = function*(
  bytes: Uint8Array
): Generator<void, Result.Result<Parts, BinaryError.BinaryDecodeError>> {
  const header = BlockHeader.decode(bytes.subarray(0, BlockHeader.size))
  if (Result.isFailure(header)) return Result.fail(header.failure)
  const reader = BinaryReader.make(bytes)
  reader.take(BlockHeader.size)
  const count = reader.compactSize()
  const transactions = yield* TransactionBytes.splitInPieces(reader, count)
  return Result.map(transactions, (transactions) => ({ header: header.success, transactions }))
}

/**
 * Says why transactions are not those of their block; `undefined` when they are. `txids` are their hashes, in order.
 *
 * @category guards
 * @since 0.1.0
 */
export const forgery = (
  parts: Parts,
  txids: ReadonlyArray<Uint8Array>,
  hash256: BlockHeader.Hash256
): ForgedBlock | undefined => Pieces.runSync(forgeryInPieces(parts, txids, hash256))

/**
 * As {@link forgery}, with pauses in a large block.
 *
 * @category guards
 * @since 0.1.0
 */
export const forgeryInPieces = function*(
  { header, transactions }: Parts,
  txids: ReadonlyArray<Uint8Array>,
  hash256: BlockHeader.Hash256
): Generator<void, ForgedBlock | undefined> {
  const { isAmbiguous, root } = yield* MerkleRoot.computeInPieces(txids, hash256)
  if (txids.length === 0 || !HashHex.equals(root, header.merkleRoot)) return new ForgedBlock({ problem: "WrongRoot" })
  if (isAmbiguous) return new ForgedBlock({ problem: "RepeatedTransactions" })
  const mayBeNodes = !TransactionBytes.isCoinbase(transactions[0]) &&
    transactions.some(({ length }) => length === TransactionBytes.ambiguousSize)
  return mayBeNodes ? new ForgedBlock({ problem: "InnerNodes" }) : undefined
}
