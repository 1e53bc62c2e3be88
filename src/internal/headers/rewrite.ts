/**
 * A change of stored headers, as the bytes of a file: which headers take the place of all from a height on, with a
 * checksum over them.
 */
import * as BlockHeader from "../../domain/p2p/BlockHeader.ts"
import * as HashHex from "../../domain/p2p/HashHex.ts"

/** @internal */
export interface Rewrite {
  readonly height: number
  /** Packed, at least one. */
  readonly headers: Uint8Array
}

const magic = new TextEncoder().encode("headers1")

const headersAt = magic.length + 4

const checksumSize = 32

/** @internal */
export const encode = ({ headers, height }: Rewrite, hash256: BlockHeader.Hash256): Uint8Array => {
  const bytes = new Uint8Array(headersAt + headers.length + checksumSize)
  bytes.set(magic)
  new DataView(bytes.buffer).setUint32(magic.length, height, true)
  bytes.set(headers, headersAt)
  bytes.set(hash256(bytes.subarray(0, -checksumSize)), bytes.length - checksumSize)
  return bytes
}

/** `undefined` for any other bytes. @internal */
export const decode = (bytes: Uint8Array, hash256: BlockHeader.Hash256): Rewrite | undefined => {
  const headers = bytes.subarray(headersAt, -checksumSize)
  if (headers.length === 0 || headers.length % BlockHeader.size !== 0) return undefined
  const isWhole = HashHex.equals(hash256(bytes.subarray(0, -checksumSize)), bytes.subarray(-checksumSize))
  if (!isWhole || !HashHex.equals(bytes.subarray(0, magic.length), magic)) return undefined
  return { height: new DataView(bytes.buffer, bytes.byteOffset).getUint32(magic.length, true), headers }
}
