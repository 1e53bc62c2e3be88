/**
 * A growing buffer that tagged values are appended to.
 *
 * Every method appends one value and returns the writer, so a body reads like the list of its values. Nothing throws
 * on the way: the first value that cannot be written is remembered, the rest is ignored, and {@link TaggedWriter.finish}
 * gives the error. Source: wire format, section 1.
 *
 * **Example** (Writing a body)
 *
 * ```ts
 * import * as TaggedWriter from "effect-flowee/TaggedWriter"
 *
 * const body = TaggedWriter.make().int(1, 5).string(2, "hi").finish()
 * // Result.succeed(Uint8Array.of(0x08, 0x05, 0x12, 0x02, 0x68, 0x69))
 * ```
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as CompactInt from "./CompactInt.ts"
import * as TaggedError from "./TaggedError.ts"

/**
 * A growing buffer of tagged values. A tag is a whole number from 0 to 2^32-1.
 *
 * @category models
 * @since 0.1.0
 */
export interface TaggedWriter {
  /** How many bytes have been written. */
  readonly length: number
  /**
   * Appends an integer: a number up to 2^53-1 in either direction, or a bigint up to 2^64-1 in either direction. Zero,
   * and -0 too, is written as the positive integer.
   */
  int(tag: number, value: number | bigint): this
  /** Appends a string as UTF-8. A lone surrogate becomes U+FFFD, as it does in `TextEncoder`. */
  string(tag: number, value: string): this
  /** Appends a byte array. Its content is copied at once. */
  bytes(tag: number, value: Uint8Array): this
  /** Appends a boolean. */
  bool(tag: number, value: boolean): this
  /** Appends a double: 8 bytes, whatever the number. */
  double(tag: number, value: number): this
  /** Appends what ends one record of a list: tag 0, true. */
  separator(): this
  /**
   * Gives the bytes written so far, or the first error. The bytes may be kept: neither more values nor `clear` write to
   * them again. Results over 64 bytes may lie in one `ArrayBuffer` with other results of the writer, so do not transfer
   * that buffer to another thread.
   */
  finish(): Result.Result<Uint8Array, TaggedError.TaggedEncodeError>
  /** As `finish`, but throws the error. For values that are known to be fine. */
  finishUnsafe(): Uint8Array
  /** Forgets all values and the error. A writer that is used again allocates about once in 8 KB of results. */
  clear(): this
}

/**
 * Options of {@link make}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** How many bytes to make room for at first. Default: 64, which engines allocate cheaply. */
  readonly capacity?: number | undefined
  /** The most bytes to write. Default: {@link defaultLimit}. */
  readonly limit?: number | undefined
}

/**
 * The most bytes that a writer writes when it is not told otherwise: 67,108,864 (64 MiB).
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultLimit = 0x400_0000

/**
 * Makes a writer without values.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options?: Options): TaggedWriter =>
  new Writer(options?.capacity ?? 64, options?.limit ?? defaultLimit)

// The most that a value takes besides the content of a string or byte array: first byte, extended tag, integer.
const maxHead = 16

// Measured: up to here a loop over the characters beats a call of the encoder (about 65 ns).
const shortText = 40

// Results up to here are copied: engines keep arrays of this size on their own heap, which makes them cheap.
const copyLimit = 64

// A writer that is used again places its results side by side in memory of this size. Measured: allocating anything
// over 64 bytes takes about 800 ns, a view 25 ns.
const arenaSize = 8192

const empty = new Uint8Array(0)

const encoder = new TextEncoder()

const double = new DataView(new ArrayBuffer(8))
const doubleBytes = new Uint8Array(double.buffer)

class Writer implements TaggedWriter {
  private buffer: Uint8Array
  /** Where the first value starts: what lies before belongs to earlier results. */
  private base = 0
  /** Where the next value starts. */
  private position = 0
  private readonly limit: number
  private error: TaggedError.TaggedEncodeError | undefined = undefined
  /** `true` once a view of the memory between `base` and `position` has left. */
  private shared = false
  /** The least to allocate next. Only the first `clear` shows that a writer is used again, and makes an arena worthwhile. */
  private reserve = 0
  private readonly arena: number

  constructor(capacity: number, limit: number) {
    this.limit = limit
    this.buffer = new Uint8Array(Math.max(maxHead, Math.min(capacity, limit)))
    this.arena = Math.max(arenaSize, this.buffer.length)
  }

  get length(): number {
    return this.position - this.base
  }

  int(tag: number, value: number | bigint): this {
    const at = this.head(tag, value < 0 ? 1 : 0)
    if (at === 0) return this
    const end = CompactInt.write(this.buffer, at, value < 0 ? -value : value)
    return end === at ? this.badInteger(tag, value) : this.end(tag, end)
  }

  bool(tag: number, value: boolean): this {
    const at = this.head(tag, value ? 4 : 5)
    return at === 0 ? this : this.end(tag, at)
  }

  separator(): this {
    return this.bool(0, true)
  }

  double(tag: number, value: number): this {
    const at = this.head(tag, 6)
    if (at === 0) return this
    const buffer = this.buffer
    double.setFloat64(0, value, true)
    for (let i = 0; i < 8; i++) buffer[at + i] = doubleBytes[i]
    return this.end(tag, at + 8)
  }

  bytes(tag: number, value: Uint8Array): this {
    const at = this.head(tag, 3)
    if (at === 0) return this
    const head = CompactInt.write(this.buffer, at, value.length) - this.position
    if (!this.room(tag, head, value.length)) return this
    this.buffer.set(value, this.position + head)
    return this.end(tag, this.position + head + value.length)
  }

  string(tag: number, value: string): this {
    const at = this.head(tag, 2)
    if (at === 0) return this
    const length = value.length
    const head = at - this.position
    if (length > shortText) return this.longString(tag, value, head)
    // A short length takes one byte, so the characters have their place before it is known whether all are ASCII.
    if (!this.room(tag, head, 1 + length)) return this
    const buffer = this.buffer
    const from = this.position + head + 1
    let i = 0
    while (i < length) {
      const code = value.charCodeAt(i)
      if (code > 0x7f) return this.longString(tag, value, head)
      buffer[from + i++] = code
    }
    buffer[from - 1] = length
    return this.end(tag, from + length)
  }

  /** Encodes behind the place of the length and writes the length then: it is not known before. */
  private longString(tag: number, value: string, head: number): this {
    // Every UTF-16 unit takes a byte or more, so this is the least that is needed, and for ASCII it is all.
    let skip = head + CompactInt.size(value.length)
    if (!this.room(tag, head, skip - head + value.length)) return this
    const { read, written } = encoder.encodeInto(value, this.buffer.subarray(this.position + skip))
    let size = written
    if (read < value.length) {
      const rest = value.slice(read)
      const restSize = utf8Size(rest)
      if (!this.room(tag, skip + written, restSize)) return this
      encoder.encodeInto(rest, this.buffer.subarray(this.position + skip + written))
      size += restSize
    }
    const shift = head + CompactInt.size(size) - skip
    if (shift > 0) {
      if (!this.room(tag, skip + size, shift)) return this
      const from = this.position + skip
      this.buffer.copyWithin(from + shift, from, from + size)
      skip += shift
    }
    CompactInt.write(this.buffer, this.position + head, size)
    return this.end(tag, this.position + skip + size)
  }

  finish(): Result.Result<Uint8Array, TaggedError.TaggedEncodeError> {
    return this.error === undefined ? Result.succeed(this.take()) : Result.fail(this.error)
  }

  finishUnsafe(): Uint8Array {
    if (this.error !== undefined) throw this.error
    return this.take()
  }

  clear(): this {
    if (this.buffer.length > this.arena) {
      // Memory that grew for one large body does not stay with a writer that is kept.
      this.buffer = empty
      this.base = 0
    } else if (this.shared) {
      this.base = this.position
    }
    this.position = this.base
    this.shared = false
    this.error = undefined
    this.reserve = this.arena
    return this
  }

  private take(): Uint8Array {
    const { base, buffer, position } = this
    const size = position - base
    // A view keeps all memory around it alive. That must stay small, or in proportion to the result.
    if (size <= copyLimit || (buffer.length > arenaSize && size * 2 < buffer.length)) {
      return buffer.slice(base, position)
    }
    this.shared = true
    return buffer.subarray(base, position)
  }

  /** Writes what comes before the payload and gives the offset after it; 0 when there is nothing more to do. */
  private head(tag: number, wire: number): number {
    if (this.error !== undefined) return 0
    if (tag >>> 0 !== tag) {
      this.fail(new TaggedError.TagOutOfRange({ tag }))
      return 0
    }
    if (this.position + maxHead > this.buffer.length) this.grow(0, maxHead)
    const at = this.position
    if (tag < 31) {
      this.buffer[at] = (tag << 3) | wire
      return at + 1
    }
    this.buffer[at] = 0xf8 | wire
    return CompactInt.write(this.buffer, at + 1, tag)
  }

  private end(tag: number, end: number): this {
    if (end - this.base > this.limit) return this.overLimit(tag)
    this.position = end
    return this
  }

  /**
   * Makes room for `more` bytes after the `used` ones of the current value, if the limit allows that many. May move
   * everything to other memory, so offsets have to be taken from `position` again.
   */
  private room(tag: number, used: number, more: number): boolean {
    if (this.length + used + more > this.limit) {
      this.overLimit(tag)
      return false
    }
    if (this.position + used + more > this.buffer.length) this.grow(used, more)
    return true
  }

  private grow(used: number, more: number): void {
    const { base, buffer, position } = this
    const needed = position - base + used + more
    // Doubling stops at the limit, so a writer holds at most that and one head, or its arena.
    const doubled = Math.min((position - base) * 2, this.limit + maxHead)
    this.buffer = new Uint8Array(Math.max(needed, doubled, this.reserve))
    this.buffer.set(buffer.subarray(base, position + used))
    this.base = 0
    this.position = position - base
    this.shared = false
  }

  private badInteger(tag: number, value: number | bigint): this {
    if (typeof value === "bigint") return this.fail(new TaggedError.IntegerOutOfRange({ tag, value }))
    if (Number.isInteger(value)) return this.fail(new TaggedError.UnsafeInteger({ tag, value }))
    return this.fail(new TaggedError.NotAnInteger({ tag, value }))
  }

  private overLimit(tag: number): this {
    return this.fail(new TaggedError.OverLimit({ tag, offset: this.length, limit: this.limit }))
  }

  private fail(reason: TaggedError.EncodeReason): this {
    this.error = new TaggedError.TaggedEncodeError({ reason })
    return this
  }
}

/** How many bytes a string takes as UTF-8, a lone surrogate counting as U+FFFD. */
const utf8Size = (value: string): number => {
  let size = 0
  for (let i = 0; i < value.length; i++) {
    const code = value.codePointAt(i)!
    if (code > 0xffff) i++
    size += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x1_0000 ? 3 : 4
  }
  return size
}
