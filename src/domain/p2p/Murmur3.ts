/**
 * The 32-bit form of MurmurHash3, with which bloom filters spread their elements. It is fast, and no protection against
 * anybody.
 *
 * @stability unstable
 * @since 0.1.0
 */

const multiplierA = 0xcc9e_2d51
const multiplierB = 0x1b87_3593

const rotate = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits))

const scramble = (block: number): number => Math.imul(rotate(Math.imul(block, multiplierA), 15), multiplierB)

const finish = (value: number): number => {
  let hash = value
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/**
 * The hash of some bytes, 0 to 2^32-1, for a seed of 32 bits.
 *
 * @category getters
 * @since 0.1.0
 */
export const hash = (bytes: Uint8Array, seed: number): number => {
  const end = bytes.length & ~3
  let state = seed
  for (let i = 0; i < end; i += 4) {
    const block = bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24)
    state = (Math.imul(rotate(state ^ scramble(block), 13), 5) + 0xe654_6b64) | 0
  }
  let tail = 0
  for (let i = bytes.length - 1; i >= end; i--) tail = (tail << 8) | bytes[i]
  if (end < bytes.length) state ^= scramble(tail)
  return finish(state ^ bytes.length)
}
