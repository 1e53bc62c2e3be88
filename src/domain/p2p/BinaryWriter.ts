/**
 * Growing memory that the descriptions of `Binary` write to.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as BinaryError from "./BinaryError.ts"

/**
 * Growing memory.
 *
 * @category models
 * @since 0.1.0
 */
export interface BinaryWriter {
  /** The memory so far. {@link BinaryWriter.reserve} may replace it: ask for it after that. */
  readonly buffer: Uint8Array
  /** Whether something went wrong. */
  readonly hasFailed: boolean
  /** What went wrong first, and where; `undefined` as long as nothing did. */
  readonly failure: BinaryError.BinaryEncodeError | undefined
  /** Makes room for `size` bytes, which the caller fills, and says where they begin. */
  reserve(size: number): number
  /** Writes bytes as they are. */
  append(bytes: Uint8Array): void
  /** Writes a CompactSize, from 0 to 2^53-1, in its shortest form. */
  compactSize(value: number): void
  /** Notes a failure, unless there is one already. */
  fail(reason: BinaryError.EncodeReason): void
  /** Says in which part the failure is. Each part that encloses another one adds itself on the way out. */
  enclose(step: string | number): void
  /** What was written. Large bytes that came first and had nothing after them are handed out as they were given. */
  finish(): Uint8Array
}

/** Bytes of this size are worth not being copied. */
const large = 4096

const initialSize = 256

const noBytes = new Uint8Array(0)

class Writer implements BinaryWriter {
  buffer: Uint8Array = new Uint8Array(initialSize)
  hasFailed = false
  #offset = 0
  /** A transaction or block is the only thing in its message, so it need not be copied. */
  #whole: Uint8Array = noBytes
  #reason: BinaryError.EncodeReason | undefined = undefined
  readonly #path: Array<string | number> = []

  get failure(): BinaryError.BinaryEncodeError | undefined {
    if (this.#reason === undefined) return undefined
    return new BinaryError.BinaryEncodeError({ path: this.#path.toReversed(), reason: this.#reason })
  }

  reserve(size: number): number {
    if (this.#whole.length > 0) this.#copyWhole()
    const at = this.#offset
    const end = at + size
    if (end > this.buffer.length) {
      const grown = new Uint8Array(Math.max(end, this.buffer.length * 2))
      grown.set(this.buffer)
      this.buffer = grown
    }
    this.#offset = end
    return at
  }

  #copyWhole(): void {
    const bytes = this.#whole
    this.#whole = noBytes
    const at = this.reserve(bytes.length)
    this.buffer.set(bytes, at)
  }

  append(bytes: Uint8Array): void {
    if (bytes.length >= large && this.#offset === 0 && this.#whole.length === 0) {
      this.#whole = bytes
      return
    }
    const at = this.reserve(bytes.length)
    this.buffer.set(bytes, at)
  }

  compactSize(value: number): void {
    const size = value < 253 ? 0 : value < 0x1_0000 ? 2 : value < 0x1_0000_0000 ? 4 : 8
    let at = this.reserve(1 + size)
    if (size === 0) {
      this.buffer[at] = value
      return
    }
    this.buffer[at++] = size === 2 ? 253 : size === 4 ? 254 : 255
    let rest = value
    for (let i = 0; i < size; i++) {
      this.buffer[at + i] = rest % 256
      rest = Math.floor(rest / 256)
    }
  }

  fail(reason: BinaryError.EncodeReason): void {
    if (this.hasFailed) return
    this.hasFailed = true
    this.#reason = reason
  }

  enclose(step: string | number): void {
    this.#path.push(step)
  }

  finish(): Uint8Array {
    return this.#whole.length > 0 ? this.#whole : this.buffer.slice(0, this.#offset)
  }
}

/**
 * Makes an empty writer.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (): BinaryWriter => new Writer()
