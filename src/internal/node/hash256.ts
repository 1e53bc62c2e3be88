/**
 * SHA-256 of SHA-256 by Node.js.
 */
import * as Crypto from "node:crypto"

const scratch = Buffer.allocUnsafeSlow(32)

/**
 * The result goes through strings, which `hash` makes three times as fast as buffers: 0.6 us in place of 2.2 us for
 * a few bytes.
 *
 * @internal
 */
export const hash256 = (bytes: Uint8Array): Uint8Array => {
  scratch.write(Crypto.hash("sha256", bytes, "binary"), "binary")
  const text = Crypto.hash("sha256", scratch, "binary")
  const result = new Uint8Array(32)
  for (let i = 0; i < 32; i++) result[i] = text.charCodeAt(i)
  return result
}
