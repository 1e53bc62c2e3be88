/**
 * What the chain has, as the Hub API calls it. The bytes of the chain are known to be what they are called here.
 */
import * as HubAddress from "../../domain/hub/HubAddress.ts"
import * as HubHash from "../../domain/hub/HubHash.ts"
import type * as HubQuantity from "../../domain/hub/HubQuantity.ts"

/** @internal */
export const blockHash = (bytes: Uint8Array) => HubHash.fromBytes(bytes) as HubHash.BlockHash

/** @internal */
export const txId = (bytes: Uint8Array) => HubHash.fromBytes(bytes) as HubHash.TxId

/** @internal */
export const scriptHash = (bytes: Uint8Array) => HubHash.fromBytes(bytes) as HubHash.ScriptHash

/** @internal */
export const merkleRoot = (bytes: Uint8Array) => HubHash.fromBytes(bytes) as HubHash.MerkleRoot

/** @internal */
export const proofId = (bytes: Uint8Array) => HubHash.fromBytes(bytes) as HubHash.ProofId

/** @internal */
export const address = (bytes: Uint8Array): HubAddress.AddressHash => HubAddress.fromBytesUnsafe(bytes)

/** @internal */
export const height = (value: number) => value as HubQuantity.BlockHeight

/** @internal */
export const offset = (value: number) => value as HubQuantity.OffsetInBlock

/** @internal */
export const index = (value: number) => value as HubQuantity.OutputIndex

/** @internal */
export const amount = (value: bigint) => value as HubQuantity.Amount
