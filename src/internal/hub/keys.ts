/**
 * Hashes as keys of maps: strings of one byte a character, which take half the memory of hexadecimal digits.
 */
import type * as Transaction from "../../domain/chain/Transaction.ts"

/** @internal */
export const hashKey = (hash: Uint8Array): string => String.fromCharCode(...hash)

/** @internal */
export const outPointKey = ({ index, txId }: Transaction.OutPoint): string => `${hashKey(txId)}${index}`
