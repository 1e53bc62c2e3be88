/**
 * Hashes as text: 64 hexadecimal digits, in the opposite order of the bytes on the wire, as block explorers, logs and
 * users write the hashes of blocks and transactions.
 *
 * @stability unstable
 * @since 0.1.0
 */

/**
 * The hash that stands for none: the block before the genesis block, and no stop hash.
 *
 * @category constants
 * @since 0.1.0
 */
export const zero: Uint8Array = new Uint8Array(32)

/**
 * Writes a hash as text.
 *
 * @category conversions
 * @since 0.1.0
 */
export const format = (hash: Uint8Array): string => {
  let text = ""
  for (let i = hash.length - 1; i >= 0; i--) text += hash[i].toString(16).padStart(2, "0")
  return text
}

/**
 * Reads 64 hexadecimal digits as a hash; `undefined` for any other text.
 *
 * @category conversions
 * @since 0.1.0
 */
export const parse = (text: string): Uint8Array | undefined => {
  if (!/^[0-9a-fA-F]{64}$/.test(text)) return undefined
  const hash = new Uint8Array(32)
  for (let i = 0; i < 32; i++) hash[31 - i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16)
  return hash
}

/**
 * Reads a hash that is known to be one, such as a constant. Any other text is a defect.
 *
 * @category conversions
 * @since 0.1.0
 */
export const parseUnsafe = (text: string): Uint8Array => {
  const hash = parse(text)
  if (hash === undefined) throw new Error(`"${text}" is no hash of 64 hexadecimal digits`)
  return hash
}

/**
 * Tells whether two hashes are the same.
 *
 * @category guards
 * @since 0.1.0
 */
export const equals = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
