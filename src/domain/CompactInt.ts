/**
 * Compact integers: whole numbers from 0 to 2^64-1 in one to ten bytes, small ones in few.
 *
 * An integer is cut into groups of seven bits, the most significant group first, and every byte but the last has its
 * high bit set. Every continuation adds one, so each integer has exactly one encoding and {@link size} tells how many
 * bytes a decoded integer took. Source: wire format, section 1.
 *
 * @stability unstable
 * @since 0.1.0
 */

/**
 * The most bytes that a compact integer takes.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxSize = 10

/**
 * The largest compact integer, 2^64-1.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxValue = 0xffff_ffff_ffff_ffffn

/**
 * What {@link read} gives for bytes that stop before the last byte of the integer.
 *
 * @category constants
 * @since 0.1.0
 */
export const truncated = -1

/**
 * What {@link read} gives for an integer without an end within {@link maxSize} bytes, or beyond {@link maxValue}.
 *
 * @category constants
 * @since 0.1.0
 */
export const overflow = -2

// The smallest integer of each length: 128 + 128^2 + ... An integer less its threshold is plain base 128.
const from2 = 128
const from3 = 16_512
const from4 = 2_113_664
const from5 = 270_549_120
const from6 = 34_630_287_488
const from7 = 4_432_676_798_592
const from8 = 567_382_630_219_904
const from9 = 72_624_976_668_147_840n
const from10 = 9_295_997_013_522_923_648n

const maxSafe = Number.MAX_SAFE_INTEGER
const maxSafeBig = BigInt(Number.MAX_SAFE_INTEGER)

/**
 * Says how many bytes an integer takes as a compact integer: 1 to 10.
 *
 * **Details**
 *
 * The result is 0 for what has no encoding: a negative or fractional number, a number above 2^53-1 (it may have lost
 * digits already: use a bigint), a bigint that is negative or above 2^64-1.
 *
 * @category encoding
 * @since 0.1.0
 */
export const size = (n: number | bigint): number => {
  if (typeof n === "bigint") {
    if (n >= 0n && n <= maxSafeBig) return size(Number(n))
    return n < 0n || n > maxValue ? 0 : n < from9 ? 8 : n < from10 ? 9 : 10
  }
  if ((n & 0xfff_ffff) === n) return n < from2 ? 1 : n < from3 ? 2 : n < from4 ? 3 : 4
  if (!(Number.isSafeInteger(n) && n > 0)) return 0
  return n < from5 ? 4 : n < from6 ? 5 : n < from7 ? 6 : n < from8 ? 7 : 8
}

/**
 * Writes an integer as a compact integer and gives the offset after its last byte.
 *
 * **Details**
 *
 * An integer without an encoding (see {@link size}) writes nothing and gives `offset` back.
 *
 * **Gotchas**
 *
 * The caller makes room: `size(n)` bytes, at most {@link maxSize}. What does not fit into `buffer` is dropped, and the
 * result then lies past the end of the buffer.
 *
 * @category encoding
 * @since 0.1.0
 */
export const write = (buffer: Uint8Array, offset: number, n: number | bigint): number => {
  // Compares equal only for whole numbers in range, so it is also the check that a small number has an encoding.
  if (typeof n === "number" && (n & 0xfff_ffff) === n) {
    if (n < from2) {
      buffer[offset] = n
      return offset + 1
    }
    if (n < from3) {
      const rest = n - from2
      buffer[offset] = 0x80 | (rest >> 7)
      buffer[offset + 1] = rest & 0x7f
      return offset + 2
    }
    if (n < from4) {
      const rest = n - from3
      buffer[offset] = 0x80 | (rest >> 14)
      buffer[offset + 1] = 0x80 | (rest >> 7)
      buffer[offset + 2] = rest & 0x7f
      return offset + 3
    }
    return writeFour(buffer, offset, n - from4, 0)
  }
  return writeLong(buffer, offset, n)
}

/** Four groups of the 28-bit `rest`; all but the last carry the continuation bit, and the last carries `more`. */
const writeFour = (buffer: Uint8Array, offset: number, rest: number, more: 0 | 0x80): number => {
  buffer[offset] = 0x80 | (rest >> 21)
  buffer[offset + 1] = 0x80 | (rest >> 14)
  buffer[offset + 2] = 0x80 | (rest >> 7)
  buffer[offset + 3] = more | (rest & 0x7f)
  return offset + 4
}

const writeLong = (buffer: Uint8Array, offset: number, n: number | bigint): number => {
  const length = size(n)
  if (length === 0) return offset
  if (typeof n === "bigint") {
    if (n <= maxSafeBig) return write(buffer, offset, Number(n))
    const rest = n - (length === 8 ? BigInt(from8) : length === 9 ? from9 : from10)
    const top = Number(rest >> 56n)
    let at = offset
    if (length === 10) buffer[at++] = 0x80 | (top >> 7)
    if (length >= 9) buffer[at++] = 0x80 | top
    at = writeFour(buffer, at, Number((rest >> 28n) & 0xfff_ffffn), 0x80)
    return writeFour(buffer, at, Number(rest & 0xfff_ffffn), 0)
  }
  if (length === 4) return writeFour(buffer, offset, n - from4, 0)
  const rest = n - (length === 5 ? from5 : length === 6 ? from6 : length === 7 ? from7 : from8)
  const high = Math.floor(rest / 0x1000_0000)
  let at = offset
  if (length >= 8) buffer[at++] = 0x80 | (high >> 21)
  if (length >= 7) buffer[at++] = 0x80 | (high >> 14)
  if (length >= 6) buffer[at++] = 0x80 | (high >> 7)
  buffer[at++] = 0x80 | high
  return writeFour(buffer, at, rest - high * 0x1000_0000, 0)
}

/**
 * Reads the compact integer that starts at `offset`, looking at no byte at or after `end`.
 *
 * **Details**
 *
 * Up to `Number.MAX_SAFE_INTEGER` (2^53-1) the result is a number, above it a bigint, and exact in both cases.
 * It took `size(result)` bytes.
 *
 * A failure is a negative result: {@link truncated} or {@link overflow}. Nothing is thrown and nothing is allocated,
 * except the bigint where one is needed.
 *
 * **Gotchas**
 *
 * `end` must not be larger than `bytes.length`.
 *
 * @category decoding
 * @since 0.1.0
 */
export const read = (bytes: Uint8Array, offset: number, end: number): number | bigint => {
  if (offset >= end) return truncated
  const a = bytes[offset]
  if (a < 0x80) return a
  // Written out up to the five bytes of 32-bit numbers, so that common integers cost no loop and no second call.
  if (offset + 1 >= end) return truncated
  const b = bytes[offset + 1]
  const two = ((a & 0x7f) << 7) | (b & 0x7f)
  if (b < 0x80) return two + from2
  if (offset + 2 >= end) return truncated
  const c = bytes[offset + 2]
  const three = (two << 7) | (c & 0x7f)
  if (c < 0x80) return three + from3
  if (offset + 3 >= end) return truncated
  const d = bytes[offset + 3]
  const four = (three << 7) | (d & 0x7f)
  if (d < 0x80) return four + from4
  if (offset + 4 >= end) return truncated
  const e = bytes[offset + 4]
  const five = four * 128 + (e & 0x7f) + from5
  return e < 0x80 ? five : readLong(bytes, offset + 5, end, five)
}

/** Bytes six to ten, after `value` from the first five. Float arithmetic stays exact up to the seventh. */
const readLong = (bytes: Uint8Array, offset: number, end: number, five: number): number | bigint => {
  let value = five
  const floatEnd = offset + 2 < end ? offset + 2 : end
  for (let at = offset; at < floatEnd; at++) {
    const byte = bytes[at]
    value = (value + 1) * 128 + (byte & 0x7f)
    if (byte < 0x80) return value
  }
  let low = -1
  let unit = 1
  const lastEnd = offset + 5 < end ? offset + 5 : end
  for (let at = offset + 2; at < lastEnd; at++) {
    const byte = bytes[at]
    low = (low + 1) * 128 + (byte & 0x7f)
    unit *= 128
    if (byte < 0x80) {
      // An inexact sum rounds to 2^53 or above, so one that is still safe is exact.
      const sum = (value + 1) * unit + low
      if (sum <= maxSafe) return sum
      const exact = BigInt(value + 1) * BigInt(unit) + BigInt(low)
      return exact > maxValue ? overflow : exact
    }
  }
  return offset + 5 <= end ? overflow : truncated
}
