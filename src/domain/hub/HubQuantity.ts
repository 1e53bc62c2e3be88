/**
 * The numbers of the Hub API, each of a type of its own, so that a height is never taken for an index.
 *
 * **Example** (A height from a program)
 *
 * ```ts
 * import { HubQuantity } from "effect-flowee"
 *
 * const height = HubQuantity.BlockHeight.make(125)
 * ```
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"

/**
 * So many satoshis there will ever be: 21 million coins of 100 million satoshis.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxAmount = 2_100_000_000_000_000n

/**
 * An amount in satoshis, 0 to {@link maxAmount}. A bigint, as `@bitauth/libauth` has amounts, so that sums are exact.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Amount = Schema.BigInt.check(
  Schema.isBetweenBigInt({ minimum: 0n, maximum: maxAmount }, { expected: "an amount from 0 to 21 million coins" })
).pipe(Schema.brand("Amount"))

/**
 * An amount in satoshis.
 *
 * @category models
 * @since 0.1.0
 */
export type Amount = typeof Amount.Type

const upTo = (maximum: number) => (what: string) =>
  Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }, { expected: `${what} from 0 to ${maximum}` }))

const upTo31Bits = upTo(0x7fff_ffff)
const upTo32Bits = upTo(0xffff_ffff)

/**
 * The height of a block, 0 to 2^31-1; 0 is the first one.
 *
 * @category schemas
 * @since 0.1.0
 */
export const BlockHeight = upTo31Bits("a height").pipe(Schema.brand("BlockHeight"))

/**
 * The height of a block.
 *
 * @category models
 * @since 0.1.0
 */
export type BlockHeight = typeof BlockHeight.Type

/**
 * Where a transaction starts in its block, in bytes from the start of the block, 0 to 2^31-1. With the height of the
 * block it names a transaction.
 *
 * @category schemas
 * @since 0.1.0
 */
export const OffsetInBlock = upTo31Bits("an offset").pipe(Schema.brand("OffsetInBlock"))

/**
 * Where a transaction starts in its block, in bytes.
 *
 * @category models
 * @since 0.1.0
 */
export type OffsetInBlock = typeof OffsetInBlock.Type

/**
 * Which output of a transaction, from 0 to 2^32-1.
 *
 * @category schemas
 * @since 0.1.0
 */
export const OutputIndex = upTo32Bits("an index").pipe(Schema.brand("OutputIndex"))

/**
 * Which output of a transaction, from 0.
 *
 * @category models
 * @since 0.1.0
 */
export type OutputIndex = typeof OutputIndex.Type

const fromLittleEndian = (bytes: Uint8Array): bigint => bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n)

const toLittleEndian = (value: bigint): Uint8Array =>
  Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn))

/**
 * The work that went into a chain of blocks, as the expected number of hashes: 32 bytes in a message, the lowest first.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ChainWorkFromBytes = Schema.Uint8Array.check(
  Schema.makeFilter((bytes) => bytes.length === 32, { expected: "a number of 32 bytes" })
).pipe(
  Schema.decodeTo(
    Schema.BigInt.check(
      Schema.isBetweenBigInt({ minimum: 0n, maximum: (1n << 256n) - 1n }, { expected: "a number below 2^256" })
    ),
    SchemaTransformation.transform({ decode: fromLittleEndian, encode: toLittleEndian })
  )
)

/**
 * Seconds since 1970, 0 to 2^32-1.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Seconds = upTo32Bits("seconds since 1970")
