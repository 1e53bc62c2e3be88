/**
 * An item of inventory as the key of a map.
 */
import type * as P2PMessage from "../p2p/P2PMessage.ts"

/** All characters are below 256, so that a hash takes 32 bytes. @internal */
export const hashKey = (hash: Uint8Array): string => Reflect.apply(String.fromCharCode, undefined, hash)

/** The low byte tells the types of `InventoryType` apart. @internal */
export const inventoryKey = ({ hash, type }: P2PMessage.Inventory): string =>
  hashKey(hash) + String.fromCharCode(type & 0xff)
