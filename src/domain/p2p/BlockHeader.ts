/**
 * The header of a block: 80 bytes that name the block before, commit to the transactions, and carry the proof of work.
 *
 * There are two forms: an object, for programs, and *packed* headers, which follow each other in one byte array, for
 * chains of a million of them. Source: peer-to-peer component, "Messages".
 *
 * @stability unstable
 * @since 0.1.0
 */
import type * as Result from "effect/Result"
import * as Binary from "./Binary.ts"
import * as BinaryBytes from "./BinaryBytes.ts"
import type * as BinaryError from "./BinaryError.ts"
import * as BinaryNumber from "./BinaryNumber.ts"
import * as HashHex from "./HashHex.ts"

/**
 * How many bytes a header takes.
 *
 * @category constants
 * @since 0.1.0
 */
export const size = 80

/**
 * The format of a header.
 *
 * @category constants
 * @since 0.1.0
 */
export const binary = Binary.struct({
  version: BinaryNumber.int32,
  /** The hash of the block before; zeros in the genesis block. */
  previous: BinaryBytes.hash,
  /** The root of the merkle tree of the block's transactions. */
  merkleRoot: BinaryBytes.hash,
  /** When the miner says that it was made, in seconds since 1970. */
  time: BinaryNumber.uint32,
  /** The target of the proof of work in its compact form: see `Target`. */
  bits: BinaryNumber.uint32,
  nonce: BinaryNumber.uint32
})

/**
 * The header of a block.
 *
 * @category models
 * @since 0.1.0
 */
export type BlockHeader = Binary.Type<typeof binary>

/**
 * Double SHA-256: see `Hash256`. It must return new memory each time.
 *
 * @category models
 * @since 0.1.0
 */
export type Hash256 = (bytes: Uint8Array) => Uint8Array

/** No chain has that many blocks, and no computer the memory for more. */
const maxPacked = 0x400_0000

const packedBinary = Binary.items(binary, maxPacked)

/**
 * Reads a header from 80 bytes.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (bytes: Uint8Array): Result.Result<BlockHeader, BinaryError.BinaryDecodeError> =>
  Binary.decode(binary, bytes)

/**
 * Writes a header as 80 bytes, or says which field does not fit.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (self: BlockHeader): Result.Result<Uint8Array, BinaryError.BinaryEncodeError> =>
  Binary.encode(binary, self)

/**
 * The hash of a header. A header with fields that do not fit their format is a defect.
 *
 * @category getters
 * @since 0.1.0
 */
export const hash = (self: BlockHeader, hash256: Hash256): Uint8Array => hash256(Binary.encodeUnsafe(binary, self))

/**
 * The hash of a header as people know it: reversed, in hexadecimal digits.
 *
 * @category getters
 * @since 0.1.0
 */
export const id = (self: BlockHeader, hash256: Hash256): string => HashHex.format(hash(self, hash256))

/**
 * Packs headers. One with fields that do not fit their format is a defect.
 *
 * @category encoding
 * @since 0.1.0
 */
export const pack = (headers: ReadonlyArray<BlockHeader>): Uint8Array => Binary.encodeUnsafe(packedBinary, headers)

/**
 * Reads all packed headers. Bytes that end within one are malformed.
 *
 * @category decoding
 * @since 0.1.0
 */
export const unpack = (
  packed: Uint8Array
): Result.Result<ReadonlyArray<BlockHeader>, BinaryError.BinaryDecodeError> => Binary.decode(packedBinary, packed)

/**
 * How many packed headers there are. A part of one at the end does not count.
 *
 * @category getters
 * @since 0.1.0
 */
export const count = (packed: Uint8Array): number => Math.floor(packed.length / size)

const { fields, offsets } = binary

/**
 * The 80 bytes of a packed header. The header must be there.
 *
 * @category getters
 * @since 0.1.0
 */
export const bytesAt = (packed: Uint8Array, index: number): Uint8Array =>
  packed.subarray(index * size, (index + 1) * size)

/**
 * The time of a packed header, in seconds since 1970.
 *
 * @category getters
 * @since 0.1.0
 */
export const timeAt = (packed: Uint8Array, index: number): number =>
  fields.time.readAt(packed, index * size + offsets.time)

/**
 * The compact target of a packed header.
 *
 * @category getters
 * @since 0.1.0
 */
export const bitsAt = (packed: Uint8Array, index: number): number =>
  fields.bits.readAt(packed, index * size + offsets.bits)

/**
 * The hash of the block before a packed header.
 *
 * @category getters
 * @since 0.1.0
 */
export const previousAt = (packed: Uint8Array, index: number): Uint8Array =>
  fields.previous.readAt(packed, index * size + offsets.previous)

/**
 * The root of the merkle tree of a packed header.
 *
 * @category getters
 * @since 0.1.0
 */
export const merkleRootAt = (packed: Uint8Array, index: number): Uint8Array =>
  fields.merkleRoot.readAt(packed, index * size + offsets.merkleRoot)

/**
 * Tells whether a packed header names that hash as the block before it.
 *
 * @category guards
 * @since 0.1.0
 */
export const followsAt = (packed: Uint8Array, index: number, previous: Uint8Array): boolean => {
  const start = index * size + offsets.previous
  for (let i = 0; i < previous.length; i++) if (packed[start + i] !== previous[i]) return false
  return true
}
