/**
 * One direction of a link: what is written at one side, until it is read at the other.
 *
 * A byte is in the window from the moment it is written until it is read. On its way it is in flight, where segments
 * wait for their time of arrival, and then it waits to be read.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Transport from "../../services/Transport.ts"
import * as Conditions from "./conditions.ts"
import type { Runtime } from "./runtime.ts"
import { Line, type Segment, SegmentQueue } from "./segments.ts"

type Done = (error: Transport.TransportError | undefined) => void

/** A write that did not fit into the window yet. */
interface PendingWrite {
  readonly parts: ReadonlyArray<Uint8Array>
  readonly done: Done
  part: number
  offset: number
  left: number
}

/**
 * The side that reads from a pipe.
 *
 * @internal
 */
export interface Reader {
  /** Whose memory to read into; `undefined` while it does not want to read. */
  readonly receiver: () => Transport.LinkReceiver | undefined
  readonly pause: () => void
  /** All bytes are read, and the other side has ended the link. */
  readonly onFinished: () => void
  /** The number of bytes is delivered at which the link was to be cut. */
  readonly onCut: () => void
}

/** @internal */
export class Pipe {
  written = 0
  delivered = 0
  #conditions: Conditions.Resolved
  readonly #runtime: Runtime
  readonly #reader: Reader
  readonly #line = new Line()
  readonly #flying = new SegmentQueue()
  readonly #readable = new SegmentQueue()
  /** Bytes in the window. */
  #used = 0
  #pending: PendingWrite | undefined
  #completed: Done | undefined
  /** Nobody reads any more. What is written fills the window and is forgotten. */
  #deaf = false
  #held = false
  #cutAt = Number.POSITIVE_INFINITY
  /** Which bytes are to be changed, counted as `delivered` counts. */
  #corruptAt: ReadonlyArray<number> = []
  /** Nothing follows what is in the window: what is still written is forgotten. */
  #isFinished = false
  #turnScheduled = false
  /** A fiber lets segments arrive. Only while some are in flight. */
  #timing = false
  #timer: Fiber.Fiber<void> | undefined

  constructor(runtime: Runtime, conditions: Conditions.Resolved, reader: Reader) {
    this.#runtime = runtime
    this.#conditions = conditions
    this.#reader = reader
  }

  write(parts: ReadonlyArray<Uint8Array>, done: Done): void {
    if (this.#pending !== undefined || this.#completed !== undefined) throw new Error("Link.write: one write at a time")
    let left = 0
    for (const part of parts) left += part.length
    this.#pending = { parts, done, part: 0, offset: 0, left }
    this.#admit()
  }
  /** Holds for what is written from now on. */
  setConditions(conditions: Conditions.Resolved): void {
    this.#conditions = conditions
    if (this.#pending !== undefined) this.wake()
  }
  /** Ends the stream behind what is in the window. */
  finish(): void {
    if (this.#deaf || this.#isFinished) return
    this.#isFinished = true
    this.#launch({ bytes: undefined, start: 0, end: 0, due: 0, next: undefined })
    this.wake()
  }
  /** The write that is under way. It will not be done. */
  takePending(): Done | undefined {
    const done = this.#pending?.done
    this.#pending = undefined
    return done
  }
  /** Forgets all bytes: nobody will read them. */
  drop(): void {
    this.#deaf = true
    this.#flying.clear()
    this.#readable.clear()
    this.#stopTimer()
  }
  /** While a pipe is held nothing arrives. When it is let go all of it is sent again. */
  hold(held: boolean): void {
    if (this.#held === held) return
    this.#held = held
    if (held) {
      this.#stopTimer()
      return
    }
    this.#line.reset()
    let segment = this.#flying.head
    this.#flying.clear()
    while (segment !== undefined) {
      const next = segment.next
      this.#launch(segment)
      segment = next
    }
    this.wake()
  }
  /** Cuts the link when `count` more bytes are delivered. */
  cutAfter(count: number): void {
    this.#cutAt = this.delivered + count
  }
  /** Changes the byte that follows after `count` more. */
  corruptAfter(count: number): void {
    this.#corruptAt = [...this.#corruptAt, this.delivered + count]
  }
  /** Takes back `cutAfter` and `corruptAfter`. */
  unmark(): void {
    this.#cutAt = Number.POSITIVE_INFINITY
    this.#corruptAt = []
  }
  /** Delivers in a later turn. */
  wake(): void {
    if (this.#turnScheduled) return
    this.#turnScheduled = true
    this.#runtime.schedule(this.#turn)
  }

  readonly #turn = (): void => {
    this.#turnScheduled = false
    const done = this.#completed
    this.#completed = undefined
    if (done !== undefined) done(undefined)
    this.#deliver()
    this.#admit()
  }

  /** Takes as much of the pending write as the window has room for. */
  #admit(): void {
    const write = this.#pending
    if (write === undefined) return
    const size = Math.min(write.left, this.#conditions.window - this.#used)
    if (size > 0) this.#send(gather(write, size))
    if (write.left > 0) return
    this.#pending = undefined
    this.#completed = write.done
    this.wake()
  }
  #send(bytes: Uint8Array): void {
    const length = bytes.length
    this.#used += length
    this.written += length
    if (this.#deaf || this.#isFinished) return
    for (let start = 0; start < length;) {
      const end = start + Conditions.segmentLength(this.#conditions, length - start, this.#runtime.random)
      Conditions.corrupt(this.#conditions, bytes.subarray(start, end), this.#runtime.random)
      this.#launch({ bytes, start, end, due: 0, next: undefined })
      start = end
    }
    if (this.#readable.head !== undefined) this.wake()
  }
  #launch(segment: Segment): void {
    if (this.#held) {
      this.#flying.push(segment)
      return
    }
    if (this.#flying.head === undefined && Conditions.isInstant(this.#conditions)) {
      this.#readable.push(segment)
      return
    }
    segment.due = this.#line.arrival(
      this.#conditions,
      segment.end - segment.start,
      this.#runtime.now(),
      this.#runtime.random
    )
    this.#flying.push(segment)
    this.#startTimer()
  }

  #startTimer(): void {
    if (this.#timing) return
    this.#timing = true
    const fiber = this.#runtime.fork(Effect.whileLoop({
      while: () => this.#flying.head !== undefined || this.#endTimer(),
      body: () => this.#runtime.sleepUntil(this.#flying.head!.due),
      step: () => this.#arrive()
    }))
    if (this.#timing) this.#timer = fiber
  }
  #endTimer(): false {
    this.#timing = false
    this.#timer = undefined
    return false
  }
  #stopTimer(): void {
    const timer = this.#timer
    this.#endTimer()
    timer?.interruptUnsafe()
  }
  #arrive(): void {
    const due = this.#flying.head?.due ?? 0
    while (this.#flying.head !== undefined && this.#flying.head.due <= due) this.#readable.push(this.#flying.shift()!)
    this.wake()
  }

  #deliver(): void {
    while (this.#readable.head !== undefined) {
      const receiver = this.#reader.receiver()
      if (receiver === undefined) return
      if (this.#readable.head.bytes === undefined) {
        this.#readable.clear()
        this.#reader.onFinished()
        return
      }
      const buffer = receiver.buffer()
      if (buffer.length === 0) throw new RangeError("LinkReceiver.buffer: at least one byte of memory is needed")
      // `buffer` may have closed the link.
      if (this.#readable.head === undefined) return
      const count = this.#read(buffer)
      this.#corrupt(buffer, count)
      this.#used -= count
      this.delivered += count
      if (!receiver.onRead(count)) this.#reader.pause()
      if (this.delivered >= this.#cutAt) {
        this.#reader.onCut()
        return
      }
    }
  }
  #corrupt(target: Uint8Array, count: number): void {
    if (this.#corruptAt.length === 0) return
    const end = this.delivered + count
    for (const at of this.#corruptAt) if (at < end) target[at - this.delivered]! ^= 0xff
    this.#corruptAt = this.#corruptAt.filter((at) => at >= end)
  }
  /** Fills `target` with one segment or a piece of it; with all there is, when writes are not cut into segments. */
  #read(target: Uint8Array): number {
    const room = Math.min(target.length, this.#cutAt - this.delivered)
    let count = this.#readSegment(target, 0, room)
    if (this.#conditions.segmentSize !== Number.POSITIVE_INFINITY) return count
    while (count < room && this.#readable.head?.bytes !== undefined) count += this.#readSegment(target, count, room)
    return count
  }
  #readSegment(target: Uint8Array, offset: number, limit: number): number {
    const segment = this.#readable.head
    if (segment?.bytes === undefined) return 0
    const size = Math.min(limit - offset, segment.end - segment.start)
    target.set(segment.bytes.subarray(segment.start, segment.start + size), offset)
    segment.start += size
    if (segment.start === segment.end) this.#readable.shift()
    return size
  }
}

/** Copies the next `size` bytes, so that their owner may use its memory again. */
const gather = (write: PendingWrite, size: number): Uint8Array => {
  const bytes = new Uint8Array(size)
  let at = 0
  while (at < size) {
    const part = write.parts[write.part]!
    const length = Math.min(part.length - write.offset, size - at)
    bytes.set(part.subarray(write.offset, write.offset + length), at)
    at += length
    write.offset += length
    if (write.offset === part.length) {
      write.part += 1
      write.offset = 0
    }
  }
  write.left -= size
  return bytes
}
