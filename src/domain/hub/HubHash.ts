/**
 * The hashes of the Hub API: 32 bytes in internal order on the wire, and hexadecimal text in the opposite order
 * everywhere else, as block explorers, logs and users write them.
 *
 * **Details**
 *
 * Each kind of hash is a type of its own, so that none is taken for another. Being text, hashes are compared with `===`
 * and are keys of maps. The schemas with plain names check text that comes from people; those named `FromBytes` are
 * fields of messages.
 *
 * **Example** (A hash from a person)
 *
 * ```ts
 * import { HubHash } from "effect-flowee"
 * import { Schema } from "effect"
 *
 * const genesis = HubHash.BlockHash.make("0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206")
 * const parse = Schema.decodeUnknownEffect(HubHash.TxId)
 * ```
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"

const digits: ReadonlyArray<string> = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"))

const reversedHex = (bytes: Uint8Array): string => {
  let text = ""
  for (let i = bytes.length - 1; i >= 0; i--) text += digits[bytes[i]]
  return text
}

const bytesOf = (text: string): Uint8Array => {
  const bytes = new Uint8Array(32)
  for (let i = 0; i < 32; i++) bytes[31 - i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16)
  return bytes
}

const HashText = Schema.String.check(
  Schema.isPattern(/^[0-9a-f]{64}$/, { expected: "a hash of 64 lower-case hexadecimal digits" })
)

const HashBytes = Schema.Uint8Array.check(
  Schema.makeFilter((bytes) => bytes.length === 32, { expected: "a hash of 32 bytes" })
)

const FromBytes = HashBytes.pipe(
  Schema.decodeTo(HashText, SchemaTransformation.transform({ decode: reversedHex, encode: bytesOf }))
)

/**
 * The hash of a block's header.
 *
 * @category schemas
 * @since 0.1.0
 */
export const BlockHash = HashText.pipe(Schema.brand("BlockHash"))

/**
 * The hash of a block's header.
 *
 * @category models
 * @since 0.1.0
 */
export type BlockHash = typeof BlockHash.Type

/**
 * The id of a transaction: the hash of all of it.
 *
 * @category schemas
 * @since 0.1.0
 */
export const TxId = HashText.pipe(Schema.brand("TxId"))

/**
 * The id of a transaction: the hash of all of it.
 *
 * @category models
 * @since 0.1.0
 */
export type TxId = typeof TxId.Type

/**
 * One SHA-256 of an output script. It stands for an address of any kind.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ScriptHash = HashText.pipe(Schema.brand("ScriptHash"))

/**
 * One SHA-256 of an output script. It stands for an address of any kind.
 *
 * @category models
 * @since 0.1.0
 */
export type ScriptHash = typeof ScriptHash.Type

/**
 * The root of the merkle tree over the transactions of a block.
 *
 * @category schemas
 * @since 0.1.0
 */
export const MerkleRoot = HashText.pipe(Schema.brand("MerkleRoot"))

/**
 * The root of the merkle tree over the transactions of a block.
 *
 * @category models
 * @since 0.1.0
 */
export type MerkleRoot = typeof MerkleRoot.Type

/**
 * The id of a double-spend proof.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ProofId = HashText.pipe(Schema.brand("ProofId"))

/**
 * The id of a double-spend proof.
 *
 * @category models
 * @since 0.1.0
 */
export type ProofId = typeof ProofId.Type

/**
 * {@link BlockHash} in a message.
 *
 * @category schemas
 * @since 0.1.0
 */
export const BlockHashFromBytes = FromBytes.pipe(Schema.brand("BlockHash"))

/**
 * {@link TxId} in a message.
 *
 * @category schemas
 * @since 0.1.0
 */
export const TxIdFromBytes = FromBytes.pipe(Schema.brand("TxId"))

/**
 * {@link ScriptHash} in a message.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ScriptHashFromBytes = FromBytes.pipe(Schema.brand("ScriptHash"))

/**
 * {@link MerkleRoot} in a message.
 *
 * @category schemas
 * @since 0.1.0
 */
export const MerkleRootFromBytes = FromBytes.pipe(Schema.brand("MerkleRoot"))

/**
 * {@link ProofId} in a message.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ProofIdFromBytes = FromBytes.pipe(Schema.brand("ProofId"))

/**
 * {@link TxId} in a request that is answered even when it is none: other byte arrays stay as they are.
 *
 * @category schemas
 * @since 0.1.0
 */
export const TxIdOrBytes = Schema.Union([TxIdFromBytes, Schema.Uint8Array])

/**
 * {@link ScriptHash} in a request that is answered even when it is none: other byte arrays stay as they are.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ScriptHashOrBytes = Schema.Union([ScriptHashFromBytes, Schema.Uint8Array])

/**
 * Any of the hashes.
 *
 * @category models
 * @since 0.1.0
 */
export type HubHash = BlockHash | TxId | ScriptHash | MerkleRoot | ProofId

/**
 * The 32 bytes of a hash in internal order, as they are within blocks and transactions.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toBytes = (hash: HubHash): Uint8Array => bytesOf(hash)

/**
 * The text of 32 bytes in internal order, for the `make` of one of the schemas: `BlockHash.make(fromBytes(bytes))`.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromBytes = (bytes: Uint8Array): string => reversedHex(bytes)
