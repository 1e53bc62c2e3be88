/**
 * Whole blocks: a header and the transactions that it commits to.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Auth from "@bitauth/libauth"
import * as Data from "effect/Data"
import * as Result from "effect/Result"
import * as Pieces from "../../domain/internal/pieces.ts"
import * as BinaryReader from "../p2p/BinaryReader.ts"
import * as BlockHeader from "../p2p/BlockHeader.ts"
import * as MerkleRoot from "../p2p/MerkleRoot.ts"
import * as Target from "../p2p/Target.ts"
import * as TransactionBytes from "../p2p/TransactionBytes.ts"
import * as Transaction from "./Transaction.ts"

/**
 * A transaction and its place in the block.
 *
 * @category models
 * @since 0.1.0
 */
export interface Placed {
  readonly transaction: Transaction.Transaction
  /** Where its bytes begin within those of the block. */
  readonly offset: number
}

/**
 * A block.
 *
 * @category models
 * @since 0.1.0
 */
export interface Block {
  /** The hash of the header, in internal order. */
  readonly hash: Uint8Array
  readonly header: BlockHeader.BlockHeader
  readonly transactions: ReadonlyArray<Placed>
  readonly bytes: Uint8Array
}

/**
 * Bytes are no block.
 *
 * @category errors
 * @since 0.1.0
 */
export class MalformedBlock extends Data.TaggedError("MalformedBlock")<{ readonly problem: string }> {
  override get message(): string {
    return `these bytes are no block: ${this.problem}`
  }
}

const malformed = (problem: string) => Result.fail(new MalformedBlock({ problem }))

/**
 * Reads a block. It points into the bytes, which must not change.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (bytes: Uint8Array): Result.Result<Block, MalformedBlock> => Pieces.runSync(decodeInPieces(bytes))

/** So many bytes are read in one piece. What a transaction is made of takes its time too. */
const bytesAtOnce = 100_000
const transactionWeight = 100

/**
 * As {@link decode}, with a pause after each 100,000 bytes or so. The bytes must not change meanwhile.
 *
 * @category decoding
 * @since 0.1.0
 */
export function* decodeInPieces(bytes: Uint8Array): Generator<void, Result.Result<Block, MalformedBlock>> {
  const header = BlockHeader.decode(bytes.subarray(0, BlockHeader.size))
  if (Result.isFailure(header)) return malformed(header.failure.message)
  const count = Auth.readCompactUintMinimal({ bin: bytes, index: BlockHeader.size })
  if (typeof count === "string") return malformed(count)
  const transactions: Array<Placed> = []
  let offset = count.position.index
  const isTime = Pieces.meter(bytesAtOnce)
  for (let left = count.result; left > 0n; left--) {
    // One that cannot be valid might take any time.
    if (bytes.length - offset > TransactionBytes.maxSize && isTooLong(bytes, offset)) {
      return malformed(`transaction ${transactions.length}: it has more than ${TransactionBytes.maxSize} bytes`)
    }
    const found = Transaction.read(bytes, offset)
    if (Result.isFailure(found)) return malformed(`transaction ${transactions.length}: ${found.failure.problem}`)
    transactions.push({ transaction: found.success.transaction, offset })
    if (isTime(found.success.end - offset + transactionWeight)) yield
    offset = found.success.end
  }
  if (offset !== bytes.length) return malformed(`${bytes.length - offset} bytes follow its end`)
  const hash = Auth.hash256(bytes.subarray(0, BlockHeader.size))
  return Result.succeed({ hash, header: header.success, transactions, bytes })
}

const isTooLong = (bytes: Uint8Array, offset: number): boolean => {
  const reader = BinaryReader.make(bytes.subarray(offset))
  TransactionBytes.skip(reader)
  return !reader.hasFailed && reader.offset > TransactionBytes.maxSize
}

/**
 * The root of the merkle tree over the transactions of a block.
 *
 * @category getters
 * @since 0.1.0
 */
export const merkleRoot = (transactions: ReadonlyArray<Transaction.Transaction>): MerkleRoot.MerkleRoot =>
  Pieces.runSync(merkleRootInPieces(transactions))

/**
 * As {@link merkleRoot}, with pauses.
 *
 * @category getters
 * @since 0.1.0
 */
export const merkleRootInPieces = (
  transactions: ReadonlyArray<Transaction.Transaction>
): Generator<void, MerkleRoot.MerkleRoot> => MerkleRoot.computeInPieces(transactions.map(({ id }) => id), Auth.hash256)

/**
 * Puts a block together and finds its nonce. The target must be an easy one, as that of regtest is: a hash or two.
 *
 * @category constructors
 * @since 0.1.0
 */
export const mine = (options: {
  readonly version: number
  /** The hash of the block before. */
  readonly previous: Uint8Array
  /** In seconds since 1970. */
  readonly time: number
  readonly bits: number
  /** The coinbase, then the others in the order of their ids: see {@link compareIds}. */
  readonly transactions: ReadonlyArray<Transaction.Transaction>
}): Block => {
  const { bits, previous, time, transactions, version } = options
  const unsolved = { version, previous, merkleRoot: merkleRoot(transactions).root, time, bits, nonce: 0 }
  const { hash, nonce, packed } = solve(unsolved)
  const parts = [
    packed,
    Auth.bigIntToCompactUint(BigInt(transactions.length)),
    ...transactions.map(({ bytes }) => bytes)
  ]
  let offset = parts[0].length + parts[1].length
  return {
    hash,
    header: { ...unsolved, nonce },
    transactions: transactions.map((transaction) => {
      const placed = { transaction, offset }
      offset += transaction.bytes.length
      return placed
    }),
    bytes: Auth.flattenBinArray(parts)
  }
}

const nonceOffset = 76

const solve = (header: BlockHeader.BlockHeader) => {
  const packed = BlockHeader.pack([header])
  const view = new DataView(packed.buffer, packed.byteOffset)
  for (let nonce = 0;; nonce++) {
    view.setUint32(nonceOffset, nonce, true)
    const hash = Auth.hash256(packed)
    if (Target.isMet(hash, header.bits)) return { hash, nonce, packed }
  }
}

/**
 * The order that a block has its transactions in after the coinbase: by id, as the number that people see.
 *
 * @category ordering
 * @since 0.1.0
 */
export const compareIds = (a: Transaction.Transaction, b: Transaction.Transaction): number => {
  for (let i = 31; i >= 0; i--) {
    const difference = a.id[i] - b.id[i]
    if (difference !== 0) return difference
  }
  return 0
}
