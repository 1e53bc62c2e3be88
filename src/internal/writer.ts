/**
 * The way out of a connection: takes messages from the lanes, the high one first, and writes them to the socket of the
 * moment, one gathered write at a time.
 *
 * What a failed write held goes back to its lane and is the first to leave on the next socket.
 */
import * as Effect from "effect/Effect"
import type * as Envelope from "../domain/Envelope.ts"
import type * as Message from "../domain/Message.ts"
import type * as Slab from "../domain/Slab.ts"
import * as WriteBatch from "../domain/WriteBatch.ts"
import type * as Transport from "../services/Transport.ts"
import type * as Lane from "./lane.ts"
import type * as Traffic from "./traffic.ts"

/** @internal */
export interface WriterOptions {
  readonly envelope: Envelope.Envelope
  readonly high: Lane.Lane
  readonly normal: Lane.Lane
  readonly slabs: Slab.SlabSource
  /** Bytes that one write takes, at most. */
  readonly writeBytes: number
  readonly traffic: Traffic.Traffic
  readonly owner: WriterOwner
}

/** @internal */
export interface WriterOwner {
  /** These messages have left. */
  readonly onWritten: (messages: ReadonlyArray<Message.Message>) => void
}

/** Who owns the link that is written to, and ends it when that fails. @internal */
export interface LinkOwner {
  readonly link: Transport.Link
  /** Calls in a later turn of the event loop. */
  readonly later: (f: () => void) => void
  readonly onWriteFailed: (error: Transport.TransportError) => void
  /** The transport or the envelope has thrown. */
  readonly onWriteBroken: (cause: unknown) => void
}

/** What the writer is about. */
type State =
  /** Nothing is to be written, or there is no link. */
  | { readonly _tag: "Resting" }
  /** It writes at the end of this turn of the event loop. */
  | { readonly _tag: "Waking" }
  /** One write after another is taken at once by the operating system. */
  | { readonly _tag: "Busy" }
  /** It has written so much that others are to have their turn first. */
  | { readonly _tag: "Yielding" }
  | Writing

/** A write is under way, and holds this memory. */
interface Writing {
  readonly _tag: "Writing"
  readonly to: LinkOwner
  readonly memory: Slab.Slab | undefined
}

const resting: State = { _tag: "Resting" }
const waking: State = { _tag: "Waking" }
const busy: State = { _tag: "Busy" }
const yielding: State = { _tag: "Yielding" }

/** @internal */
export class Writer {
  readonly #envelope: Envelope.Envelope
  readonly #high: Lane.Lane
  readonly #normal: Lane.Lane
  readonly #slabs: Slab.SlabSource
  readonly #writeBytes: number
  readonly #traffic: Traffic.Traffic
  readonly #owner: WriterOwner
  /** Complete packets that go out before anything else: a login, pings and pongs. */
  #urgent: Array<Uint8Array> | undefined = undefined
  #highFlight: Array<Message.Message> | undefined = undefined
  #normalFlight: Array<Message.Message> | undefined = undefined
  /** A chunked message of which some chunks have been written on this link, and how much of its body these were. */
  #partial: Message.Message | undefined = undefined
  #partialOffset = 0
  #batch: WriteBatch.WriteBatch | undefined = undefined
  #memory: Slab.Slab | undefined = undefined
  /** Who has the link of the moment. */
  #to: LinkOwner | undefined = undefined
  #state: State = resting
  /** Whether the operating system had all of the last write when that returned. */
  #wasTakenAtOnce = false
  #isHeld = false
  #onIdle: Array<() => void> | undefined = undefined

  constructor({ envelope, high, normal, owner, slabs, traffic, writeBytes }: WriterOptions) {
    this.#envelope = envelope
    this.#high = high
    this.#normal = normal
    this.#slabs = slabs
    this.#writeBytes = writeBytes
    this.#traffic = traffic
    this.#owner = owner
  }

  /** Whether all that was sent has been taken by the operating system. */
  get isIdle(): boolean {
    return this.#state._tag !== "Writing" && this.#urgent === undefined && this.#high.isEmpty && this.#normal.isEmpty
  }

  /** The write that is under way, to tell it apart from those before. */
  get underWay(): unknown {
    return this.#state._tag === "Writing" ? this.#state : undefined
  }

  /**
   * Says that there is something to write. What comes in the same turn of the event loop leaves in the same write, unless
   * it is so much that the peer had better begin to read.
   */
  signal(): void {
    if (this.#to === undefined || (this.#state !== resting && this.#state !== waking)) return
    if (this.#normal.bytes >= eagerBytes) return this.#writeAll()
    if (this.#state === waking) return
    this.#state = waking
    queueMicrotask(() => this.#goOn(waking))
  }

  /** Writes, if nothing else has happened since. */
  #goOn(state: State): void {
    if (this.#state === state) this.#writeAll()
  }

  /** How many packets of the envelope itself wait. */
  get urgentPackets(): number {
    return this.#urgent?.length ?? 0
  }

  /** Keeps the lanes back until the peer has logged in. */
  hold(): void {
    this.#isHeld = true
  }

  letGo(): void {
    this.#isHeld = false
    this.signal()
  }

  /** Queues a whole packet of the envelope itself, ahead of both lanes. */
  sendUrgent(packet: Uint8Array): void {
    const urgent = this.#urgent ??= []
    urgent.push(packet)
    this.signal()
  }

  /** Completes when everything has left. */
  get idle(): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      if (this.isIdle) return resume(Effect.void)
      const done = () => resume(Effect.void)
      const waiting = this.#onIdle ??= []
      waiting.push(done)
      return Effect.sync(() => {
        this.#onIdle = this.#onIdle?.filter((f) => f !== done)
      })
    })
  }

  /** Writes to a link until `stop`: one write leads to the next by callbacks, and a quiet connection has no fiber. */
  start(owner: LinkOwner): void {
    this.#to = owner
    if (this.#state !== busy) this.#writeAll()
  }

  /** The link is gone: what it may not have taken is the first to leave on the next one. */
  stop(): void {
    this.#to = undefined
    // The transport may still hold parts of a write that is under way: that memory comes back with its end.
    if (this.#state._tag !== "Writing") this.#giveMemory(this.#memory)
    if (this.#state !== busy) this.#state = resting
    this.#urgent = undefined
    if (this.#partial !== undefined) this.#normal.giveBack([this.#partial])
    if (this.#normalFlight !== undefined) this.#normal.giveBack(this.#normalFlight)
    if (this.#highFlight !== undefined) this.#high.giveBack(this.#highFlight)
    this.#partial = undefined
    this.#partialOffset = 0
    this.#normalFlight = undefined
    this.#highFlight = undefined
    this.#memory = undefined
    this.#batch = undefined
    this.#wasTakenAtOnce = false
  }

  /** Writes until there is nothing left, a write is under way, or others are to have their turn. */
  #writeAll(): void {
    this.#state = busy
    let written = 0
    for (let to = this.#to; to !== undefined && this.#state === busy; to = this.#to) {
      if (written >= turnBytes) return this.#writeLater(to)
      written += this.#writeNext(to)
    }
    if (this.#state === busy) this.#state = resting
  }

  #writeLater(to: LinkOwner): void {
    this.#state = yielding
    to.later(() => this.#goOn(yielding))
  }

  /** Returns how many bytes have left at once. */
  #writeNext(to: LinkOwner): number {
    if (!this.#startWrite(to)) return 0
    const size = this.#batch?.size ?? 0
    this.#state = busy
    this.#settle()
    return size
  }

  /** Returns whether there was something to write, and all of it was taken at once. */
  #startWrite(to: LinkOwner): boolean {
    try {
      const parts = this.#nextParts(to.link)
      if (parts === undefined) {
        this.#rest()
        return false
      }
      const write: Writing = { _tag: "Writing", to, memory: this.#memory }
      this.#state = write
      this.#wasTakenAtOnce = to.link.write(parts, (error) => this.#onWritten(write, error))
      return this.#wasTakenAtOnce
    } catch (cause) {
      // The transport holds nothing of it.
      this.#state = resting
      to.onWriteBroken(cause)
      return false
    }
  }

  #onWritten(write: Writing, error: Transport.TransportError | undefined): void {
    // A link that was given up reports late: its messages are accounted for, and only now is its memory free.
    if (this.#state !== write) return this.#giveMemory(write.memory)
    this.#state = error === undefined ? busy : resting
    if (error !== undefined) return write.to.onWriteFailed(error)
    // Nothing is written while messages are told apart from those of the next write.
    this.#settle()
    this.#goOn(busy)
  }

  #nextParts(link: Transport.Link): ReadonlyArray<Uint8Array> | undefined {
    const isQuiet = this.#isHeld || (this.#partial === undefined && this.#high.isEmpty && this.#normal.isEmpty)
    // A ping by itself needs no memory: connections by the thousand may send theirs in the same moment.
    if (isQuiet) return this.#takeUrgent()
    const batch = this.#startBatch(link)
    this.#fill(batch)
    return batch.size === 0 ? undefined : batch.finish()
  }

  #fill(batch: WriteBatch.WriteBatch): void {
    const mayInterrupt = this.#envelope.interleaves || this.#partial === undefined
    if (!mayInterrupt && !this.#writeNormal(this.#partial!, batch)) return
    if (this.#fillHigh(batch)) this.#fillNormal(batch)
  }

  #takeUrgent(): ReadonlyArray<Uint8Array> | undefined {
    const packets = this.#urgent
    this.#urgent = undefined
    return packets
  }

  /** Takes what goes before the normal lane. Returns whether there is room for more. */
  #fillHigh(batch: WriteBatch.WriteBatch): boolean {
    for (const packet of this.#takeUrgent() ?? []) batch.append(packet)
    for (let message = this.#high.next(); message !== undefined; message = this.#high.next()) {
      if (!this.#fits(message, batch)) {
        this.#high.giveBack([message])
        return false
      }
      this.#envelope.write(message, 0, batch)
      const flight = this.#highFlight ??= []
      flight.push(message)
      this.#traffic.sent(message)
    }
    return true
  }

  /** The next packet of a message must not take the batch over its limit, unless the batch is empty. */
  #fits(message: Message.Message, batch: WriteBatch.WriteBatch): boolean {
    const { room, size } = batch
    return room >= firstPacket || size === 0 || this.#envelope.wireSize(message) <= room
  }

  #fillNormal(batch: WriteBatch.WriteBatch): void {
    while (batch.room > 0) {
      const message = this.#partial ?? this.#normal.next()
      if (message === undefined) return
      if (!this.#fits(message, batch)) {
        if (this.#partial === undefined) this.#normal.giveBack([message])
        return
      }
      if (!this.#writeNormal(message, batch)) return
    }
  }

  /** Writes a message from where it was left, as far as there is room. Returns whether it is complete. */
  #writeNormal(message: Message.Message, batch: WriteBatch.WriteBatch): boolean {
    const offset = this.#envelope.write(message, this.#partialOffset, batch)
    const isComplete = offset >= message.bodyLength
    this.#partial = isComplete ? undefined : message
    this.#partialOffset = isComplete ? 0 : offset
    if (!isComplete) return false
    const flight = this.#normalFlight ??= []
    flight.push(message)
    this.#traffic.sent(message)
    return true
  }

  #startBatch(link: Transport.Link): WriteBatch.WriteBatch {
    const limit = this.#limit
    const size = Math.min(this.#waitingBytes, this.#slabs.slabSize)
    if (this.#batch !== undefined && size <= this.#memory!.size) {
      this.#batch.clear(limit)
      return this.#batch
    }
    this.#giveMemory(this.#memory)
    this.#memory = this.#slabs.take(size)
    this.#batch = WriteBatch.make({ limit, memory: this.#memory.bytes, slice: link.slice })
    return this.#batch
  }

  /** What waits behind a write that is taken at once does not wait: while nothing is urgent, such a link gets more. */
  get #limit(): number {
    const isWide = this.#wasTakenAtOnce && this.#urgent === undefined && this.#high.isEmpty
    return isWide ? wideWrite * this.#writeBytes : this.#writeBytes
  }

  /** What all that waits could take of the memory of a batch, at most. */
  get #waitingBytes(): number {
    let bytes = this.#high.bytes + this.#normal.bytes
    for (const packet of this.#urgent ?? []) bytes += packet.length
    return bytes
  }

  /** The write is done: its messages have left. */
  #settle(): void {
    const high = this.#highFlight
    this.#highFlight = undefined
    if (high !== undefined) this.#release(this.#high, high)
    const normal = this.#normalFlight
    this.#normalFlight = undefined
    if (normal !== undefined) this.#release(this.#normal, normal)
  }

  #release(lane: Lane.Lane, written: Array<Message.Message>): void {
    this.#owner.onWritten(written)
    lane.release(written)
    // What V8 makes in old memory keeps all that it holds alive until that is collected: it is left empty.
    written.length = 0
  }

  /** Nothing to write: the memory goes back, and who waits for this is told. */
  #rest(): void {
    this.#state = resting
    this.#giveMemory(this.#memory)
    this.#memory = undefined
    this.#batch = undefined
    const waiting = this.#onIdle
    if (waiting === undefined || !this.isIdle) return
    this.#onIdle = undefined
    for (const done of waiting) done()
  }

  #giveMemory(memory: Slab.Slab | undefined): void {
    if (memory !== undefined) this.#slabs.give(memory)
  }
}

/** No packet of a message is larger (wire format, section 2); a legacy message is cut anywhere. */
const firstPacket = 9000

/**
 * A write to a link that takes writes at once may be so many times larger: a message of 1 MB is one write. Over loopback
 * that passed 4.3 GB/s, a write of 1 MB and one for the rest 4.0, and writes of 250 KB 2.7.
 */
const wideWrite = 5

/**
 * With so many bytes in the normal lane a write does not wait for the end of the turn, so that the peer reads while the
 * rest is being made. Messages of 32 bytes, 8000 of which may be outstanding, passed 3.4 million a second when each write
 * waited, and 8.5 million with this. Half of it costs the sender more, since writes get smaller; twice as much gains less.
 */
const eagerBytes = 32_768

/** What is written in one turn of the event loop, before others have theirs. */
const turnBytes = 1_048_576
