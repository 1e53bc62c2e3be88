/**
 * Bytes as hexadecimal digits.
 */
import * as Buffer from "node:buffer"

/** @internal */
export const format = (bytes: Uint8Array): string =>
  Buffer.Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex")

/**
 * The bytes, or `undefined` where a text is anything but pairs of digits.
 *
 * @internal
 */
export const parse = (text: string): Uint8Array | undefined => {
  const bytes = Buffer.Buffer.from(text, "hex")
  // Reading stops at what is no digit, and nothing is said about it.
  return bytes.length * 2 === text.length ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length) : undefined
}

/**
 * The digits in the opposite order of bytes, as people write hashes.
 *
 * @internal
 */
export const formatReversed = (bytes: Uint8Array): string => format(bytes.slice().reverse())
