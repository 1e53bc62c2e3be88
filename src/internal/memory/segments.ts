/**
 * Segments in a queue, and the line that says when each of them arrives.
 */
import * as Conditions from "./conditions.ts"

/**
 * Bytes that travel together, or the end of the stream. Segments share the memory of the write they were cut from.
 *
 * @internal
 */
export interface Segment {
  /** `undefined`: nothing follows. */
  readonly bytes: Uint8Array | undefined
  start: number
  readonly end: number
  /** When it arrives, in milliseconds of the monotonic clock. */
  due: number
  next: Segment | undefined
}

/**
 * First in, first out, as a linked list: a window may hold a segment for each of its bytes.
 *
 * @internal
 */
export class SegmentQueue {
  head: Segment | undefined
  #tail: Segment | undefined

  push(segment: Segment): void {
    segment.next = undefined
    if (this.#tail === undefined) this.head = segment
    else this.#tail.next = segment
    this.#tail = segment
  }
  shift(): Segment | undefined {
    const segment = this.head
    if (segment === undefined) return undefined
    this.head = segment.next
    if (this.head === undefined) this.#tail = undefined
    return segment
  }
  clear(): void {
    this.head = undefined
    this.#tail = undefined
  }
}

/**
 * Gives each segment of one direction its time of arrival. None arrives before the one that was sent before it.
 *
 * @internal
 */
export class Line {
  /** When the last bit of what was sent is on the line. */
  #freeAt = 0
  #lastDue = 0

  arrival(conditions: Conditions.Resolved, length: number, now: number, random: () => number): number {
    this.#freeAt = Math.max(this.#freeAt, now) + length * 1000 / conditions.bandwidth
    this.#lastDue = Math.max(this.#lastDue, this.#freeAt + Conditions.latency(conditions, random))
    return this.#lastDue
  }
  /** Forgets what was sent: it is going to be sent again. */
  reset(): void {
    this.#freeAt = 0
    this.#lastDue = 0
  }
}
