/**
 * A cursor over bytes that the descriptions of `Binary` read from.
 *
 * **Details**
 *
 * The first failure stays, and whoever reads several parts looks at `hasFailed` between them. Nothing is thrown.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as BinaryError from "./BinaryError.ts"

/**
 * A cursor over bytes.
 *
 * @category models
 * @since 0.1.0
 */
export interface BinaryReader {
  readonly bytes: Uint8Array
  /** Where the next byte is. */
  readonly offset: number
  /** How many bytes are left. */
  readonly available: number
  /** Whether something went wrong. What is read after that means nothing. */
  readonly hasFailed: boolean
  /** What went wrong first, and where; `undefined` as long as nothing did. */
  readonly failure: BinaryError.BinaryDecodeError | undefined
  /** Steps over the next `size` bytes and says where they begin. Where there are fewer it fails and gives -1. */
  take(size: number): number
  /** Reads a CompactSize up to 2^53-1 in its shortest form. Fails and gives -1 for anything else. */
  compactSize(): number
  /**
   * Reads the number of items that follow, each of at least `minSize` bytes. Fails and gives 0 when there are more than
   * `limit`, or fewer bytes than they take.
   */
  count(limit: number, minSize: number): number
  /** Steps over bytes that are always these. Fails at the first one that is another. */
  expect(constant: Uint8Array): void
  /** Notes a failure at `offset`, unless there is one already. */
  fail(reason: BinaryError.DecodeReason, offset: number): void
  /** Says in which part the failure is. Each part that encloses another one adds itself on the way out. */
  enclose(step: string | number): void
}

const uint16 = (bytes: Uint8Array, at: number): number => bytes[at] | (bytes[at + 1] << 8)

const uint32 = (bytes: Uint8Array, at: number): number => (uint16(bytes, at) | (uint16(bytes, at + 2) << 16)) >>> 0

/** The smallest value that needs the form that a first byte of 253, 254 or 255 announces. */
const thresholds = [253, 0x1_0000, 0x1_0000_0000] as const

class Reader implements BinaryReader {
  readonly bytes: Uint8Array
  offset = 0
  hasFailed = false
  #reason: BinaryError.DecodeReason | undefined = undefined
  #failedAt = 0
  readonly #path: Array<string | number> = []

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  get available(): number {
    return this.bytes.length - this.offset
  }

  get failure(): BinaryError.BinaryDecodeError | undefined {
    if (this.#reason === undefined) return undefined
    return new BinaryError.BinaryDecodeError({
      path: this.#path.toReversed(),
      offset: this.#failedAt,
      reason: this.#reason
    })
  }

  take(size: number): number {
    const at = this.offset
    if (at + size <= this.bytes.length) {
      this.offset = at + size
      return at
    }
    this.fail(new BinaryError.Truncated({ needed: size, available: this.available }), at)
    return -1
  }

  compactSize(): number {
    const at = this.take(1)
    if (at < 0) return -1
    const first = this.bytes[at]
    return first < 253 ? first : this.#longCompactSize(first, at)
  }

  #longCompactSize(first: number, start: number): number {
    const size = 2 ** (first - 252)
    const at = this.take(size)
    if (at < 0) return -1
    const low = size === 2 ? uint16(this.bytes, at) : uint32(this.bytes, at)
    const value = size === 8 ? uint32(this.bytes, at + 4) * 0x1_0000_0000 + low : low
    if (value < thresholds[first - 253]) {
      this.fail(new BinaryError.NotCanonical({ value }), start)
      return -1
    }
    if (value > Number.MAX_SAFE_INTEGER) {
      this.fail(new BinaryError.OutOfRange({ value, minimum: 0, maximum: Number.MAX_SAFE_INTEGER }), start)
      return -1
    }
    return value
  }

  count(limit: number, minSize: number): number {
    const start = this.offset
    const count = this.compactSize()
    if (count > limit) this.fail(new BinaryError.TooMany({ count, limit }), start)
    const needed = count * minSize
    if (needed > this.available) {
      this.fail(new BinaryError.Truncated({ needed, available: this.available }), this.offset)
    }
    return this.hasFailed ? 0 : count
  }

  expect(constant: Uint8Array): void {
    const at = this.take(constant.length)
    if (at < 0) return
    for (let i = 0; i < constant.length; i++) {
      const value = this.bytes[at + i]
      const wanted = constant[i]
      if (value === wanted) continue
      return this.fail(new BinaryError.OutOfRange({ value, minimum: wanted, maximum: wanted }), at + i)
    }
  }

  fail(reason: BinaryError.DecodeReason, offset: number): void {
    if (this.hasFailed) return
    this.hasFailed = true
    this.#reason = reason
    this.#failedAt = offset
  }

  enclose(step: string | number): void {
    this.#path.push(step)
  }
}

/**
 * Makes a cursor at the beginning of some bytes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (bytes: Uint8Array): BinaryReader => new Reader(bytes)
