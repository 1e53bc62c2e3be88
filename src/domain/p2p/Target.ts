/**
 * The target of the proof of work: the largest number that the hash of a header may be.
 *
 * A header carries it in a compact form of 32 bits: a mantissa of 23 bits, a sign, and in the high byte how many bytes
 * the number has.
 *
 * @stability unstable
 * @since 0.1.0
 */

/**
 * The target that a compact form stands for; `undefined` when it is no target: zero, negative, or beyond 256 bits.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromBits = (bits: number): bigint | undefined => {
  const size = bits >>> 24
  const mantissa = bits & 0x7f_ffff
  if ((bits & 0x80_0000) !== 0 || mantissaSize(mantissa) + size > 35) return undefined
  const target = size <= 3 ? BigInt(mantissa >>> (8 * (3 - size))) : BigInt(mantissa) << BigInt(8 * (size - 3))
  return target === 0n ? undefined : target
}

const mantissaSize = (mantissa: number): number => mantissa > 0xffff ? 3 : mantissa > 0xff ? 2 : 1

/**
 * The compact form of a target of at most 256 bits. Digits that have no room are cut off, so it stands for the target
 * or a smaller one.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toBits = (target: bigint): number => {
  const size = target === 0n ? 0 : (target.toString(16).length + 1) >> 1
  const mantissa = size <= 3 ? Number(target) << (8 * (3 - size)) : Number(target >> BigInt(8 * (size - 3)))
  // The highest bit of the mantissa is the sign, so a number that would set it gets one byte more.
  return mantissa > 0x7f_ffff ? ((size + 1) << 24) | (mantissa >>> 8) : (size << 24) | mantissa
}

const range = 1n << 256n

/**
 * The work that a block with that target stands for: how many hashes it takes on average to find one. What is no target
 * stands for none.
 *
 * @category getters
 * @since 0.1.0
 */
export const work = (bits: number): bigint => {
  const target = fromBits(bits)
  return target === undefined ? 0n : range / (target + 1n)
}

/**
 * Tells whether a hash is at or under the target of a compact form. Nothing is at or under what is no target.
 *
 * **Details**
 *
 * It compares bytes and makes no bigint, since each header of a chain is checked with it.
 *
 * @category guards
 * @since 0.1.0
 */
export const isMet = (hash: Uint8Array, bits: number): boolean => {
  const size = bits >>> 24
  const mantissa = bits & 0x7f_ffff
  if ((bits & 0x80_0000) !== 0 || mantissaSize(mantissa) + size > 35) return false
  if (size < 3) return isMetBySmall(hash, mantissa >>> (8 * (3 - size)))
  if (mantissa === 0) return false
  // The hash is a little-endian number, so its last byte is the highest.
  for (let i = 31; i >= size; i--) if (hash[i] !== 0) return false
  const top = (byteAt(hash, size - 1) << 16) | (byteAt(hash, size - 2) << 8) | byteAt(hash, size - 3)
  if (top !== mantissa) return top < mantissa
  for (let i = size - 4; i >= 0; i--) if (hash[i] !== 0) return false
  return true
}

const isMetBySmall = (hash: Uint8Array, target: number): boolean => {
  if (target === 0) return false
  for (let i = 31; i >= 3; i--) if (hash[i] !== 0) return false
  return (hash[0] | (hash[1] << 8) | (hash[2] << 16)) <= target
}

const byteAt = (hash: Uint8Array, index: number): number => index < 32 ? hash[index] : 0
