/**
 * The bytes of one write to a socket, gathered from many messages.
 *
 * Small pieces are copied one after another into memory that is used again and again; large pieces stay where they are
 * and are gathered by the operating system. The result is a short list of parts in the order they were written.
 *
 * @stability unstable
 * @since 0.1.0
 */

/**
 * Pieces of at least this many bytes are gathered instead of being copied.
 *
 * @category constants
 * @since 0.1.0
 */
export const gatherThreshold = 4096

/** A copy loop takes 1.2 ns for each byte, and `set` 11 ns for any number of them that is gathered here. */
const loopLimit = 8

/**
 * Copies few bytes to a place in other memory, in the way that costs least, and returns where they end.
 *
 * @category combinators
 * @since 0.1.0
 */
export const copy = (bytes: Uint8Array, to: Uint8Array, at: number): number => {
  const { length } = bytes
  if (length <= loopLimit) { for (let i = 0; i < length; i++) to[at + i] = bytes[i]! }
  else to.set(bytes, at)
  return at + length
}

/** The small pieces of a message that goes over the limit: its header, and a body or the end of one. */
const overhang = 2 * gatherThreshold

/**
 * Collects the parts of one write.
 *
 * @category models
 * @since 0.1.0
 */
export interface WriteBatch {
  /** Bytes written so far. */
  readonly size: number
  /** Bytes that still fit into this batch; negative when the last message went over its limit. */
  readonly room: number
  /** Memory for a small piece. It is valid until the next `reserve` or `append`. Write at `offset`, then `commit`. */
  readonly buffer: Uint8Array
  readonly offset: number
  /** Makes sure that `size` bytes can be written at `offset` of `buffer`. */
  readonly reserve: (size: number) => void
  /** Takes `buffer[offset, end)` into the batch. */
  readonly commit: (end: number) => void
  /** Adds bytes that must not change until the write is done: copied when they are few, gathered when they are many. */
  readonly append: (bytes: Uint8Array) => void
  /** Gathers `bytes[start, end)`, be they few or many. They must not change until the write is done. */
  readonly gather: (bytes: Uint8Array, start: number, end: number) => void
  /** Makes a piece that is to be gathered again and again by `gatherPiece`, in memory of its own. */
  readonly copyOf: (start: number, end: number) => Uint8Array
  /** Gathers a piece as it is. */
  readonly gatherPiece: (piece: Uint8Array) => void
  /** Closes the batch and returns its parts. */
  readonly finish: () => ReadonlyArray<Uint8Array>
  /**
   * Starts over with the same memory, and with another limit if one is given. Only when the parts of the last write are
   * not needed any more.
   */
  readonly clear: (limit?: number) => void
}

/** Makes a view of `bytes[start, end)` over the same memory. */
type Slice = (bytes: Uint8Array, start: number, end: number) => Uint8Array

const subarray: Slice = (bytes, start, end) => bytes.subarray(start, end)

class WriteBatchImpl implements WriteBatch {
  size = 0
  buffer: Uint8Array
  offset = 0
  #limit: number
  readonly #memorySize: number
  #segmentStart = 0
  #parts: Array<Uint8Array> = []
  readonly #capacity: number
  readonly #first: Uint8Array
  readonly #slice: Slice

  constructor(limit: number, capacity: number, memory: Uint8Array | undefined, slice: Slice) {
    this.#limit = limit
    this.#slice = slice
    this.#capacity = capacity
    this.#memorySize = memory?.length ?? Number.POSITIVE_INFINITY
    this.#first = memory ?? new Uint8Array(capacity)
    this.buffer = this.#first
  }
  get room(): number {
    const inMemory = this.#memorySize - this.offset
    const belowLimit = this.#limit - this.size
    return belowLimit < inMemory ? belowLimit : inMemory
  }
  reserve(size: number): void {
    if (this.buffer.length - this.offset >= size) return
    this.#closeSegment()
    this.buffer = new Uint8Array(Math.max(this.#capacity, size))
    this.offset = 0
    this.#segmentStart = 0
  }
  commit(end: number): void {
    this.size += end - this.offset
    this.offset = end
  }
  append(bytes: Uint8Array): void {
    const length = bytes.length
    if (length >= gatherThreshold) return this.gatherPiece(bytes)
    this.reserve(length)
    this.commit(copy(bytes, this.buffer, this.offset))
  }
  gather(bytes: Uint8Array, start: number, end: number): void {
    this.gatherPiece(this.#slice(bytes, start, end))
  }
  copyOf(start: number, end: number): Uint8Array {
    return this.#slice(new Uint8Array(this.buffer.subarray(start, end)), 0, end - start)
  }
  gatherPiece(piece: Uint8Array): void {
    this.#closeSegment()
    this.#parts.push(piece)
    this.size += piece.length
  }
  finish(): ReadonlyArray<Uint8Array> {
    this.#closeSegment()
    return this.#parts
  }
  clear(limit = this.#limit): void {
    this.#limit = limit
    this.size = 0
    this.offset = 0
    this.#segmentStart = 0
    this.#parts = []
    this.buffer = this.#first
  }
  #closeSegment(): void {
    if (this.offset > this.#segmentStart) {
      this.#parts.push(this.#slice(this.buffer, this.#segmentStart, this.offset))
    }
    this.#segmentStart = this.offset
  }
}

/**
 * Makes an empty batch.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  /** What a batch should not exceed, in bytes. It bounds `room`; a single message may go over it. */
  readonly limit: number
  /**
   * Memory for small pieces, in bytes. More is allocated where that does not suffice. Default: `limit` and 8 KB more,
   * so that the message that goes over the limit fits.
   */
  readonly capacity?: number | undefined
  /** Memory to use in place of newly allocated one. It bounds `room` too. */
  readonly memory?: Uint8Array | undefined
  /** Makes the parts: views of `bytes[start, end)`, in the form that who writes them likes best. Default: `subarray`. */
  readonly slice?: ((bytes: Uint8Array, start: number, end: number) => Uint8Array) | undefined
}): WriteBatch =>
  new WriteBatchImpl(
    options.limit,
    options.capacity ?? options.limit + overhang,
    options.memory,
    options.slice ?? subarray
  )
