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

/** @internal */
export interface WriterOptions {
  readonly envelope: Envelope.Envelope
  readonly high: Lane.Lane
  readonly normal: Lane.Lane
  readonly slabs: Slab.SlabSource
  /** Bytes that one write takes, at most. */
  readonly writeBytes: number
  /** Told which messages have left. */
  readonly onWritten: (messages: ReadonlyArray<Message.Message>) => void
}

/** A chunked message of which some chunks have been written on this socket. */
interface Partial {
  readonly message: Message.Message
  offset: number
}

/** A link that is written to, and how to tell the fiber that owns the writing of its end. */
interface Writing {
  readonly link: Transport.Link
  readonly fail: (effect: Effect.Effect<never, Transport.TransportError>) => void
}

/** @internal */
export class Writer {
  readonly #options: WriterOptions
  /** Complete packets that go out before anything else: a login, pings and pongs. */
  #urgent: Array<Uint8Array> = []
  #highFlight: Array<Message.Message> = []
  #normalFlight: Array<Message.Message> = []
  #partial: Partial | undefined = undefined
  #batch: WriteBatch.WriteBatch | undefined = undefined
  #memory: Slab.Slab | undefined = undefined
  /** The socket of the moment. */
  #writing: Writing | undefined = undefined
  #isWaking = false
  /** The write that is under way, with the memory it holds. */
  #write: { readonly memory: Slab.Slab | undefined } | undefined = undefined
  #isHeld = false
  #onIdle: Array<() => void> = []

  constructor(options: WriterOptions) {
    this.#options = options
  }

  /** Whether all that was sent has been taken by the operating system. */
  get isIdle(): boolean {
    return this.#write === undefined && this.#urgent.length === 0 && this.#options.high.isEmpty &&
      this.#options.normal.isEmpty
  }

  /** Says that there is something to write. What comes in the same turn of the event loop leaves in the same write. */
  signal(): void {
    if (this.#writing === undefined || this.#write !== undefined || this.#isWaking) return
    this.#isWaking = true
    queueMicrotask(this.#onSignal)
  }

  readonly #onSignal = (): void => {
    this.#isWaking = false
    if (this.#writing !== undefined && this.#write === undefined) this.#writeNext(this.#writing)
  }

  /** How many packets of the envelope itself wait. */
  get urgentPackets(): number {
    return this.#urgent.length
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
    this.#urgent.push(packet)
    this.signal()
  }

  /** Completes when everything has left. */
  readonly idle: Effect.Effect<void> = Effect.callback<void>((resume) => {
    if (this.isIdle) return resume(Effect.void)
    const done = () => resume(Effect.void)
    this.#onIdle.push(done)
    return Effect.sync(() => {
      this.#onIdle = this.#onIdle.filter((f) => f !== done)
    })
  })

  /**
   * Writes to a link until that fails. To be run by one fiber at a time: it owns the writing, and waits while one write
   * leads to the next by callbacks. To resume it for each write took a fifth of the time of a round trip.
   */
  run(link: Transport.Link): Effect.Effect<never, Transport.TransportError> {
    return Effect.onExit(
      Effect.callback<never, Transport.TransportError>((resume) => {
        this.#writing = { link, fail: resume }
        this.#writeNext(this.#writing)
      }),
      () => Effect.sync(() => this.#abandon())
    )
  }

  #writeNext(writing: Writing): void {
    try {
      const batch = this.#fill()
      if (batch === undefined) return this.#rest()
      const write = { memory: this.#memory }
      this.#write = write
      writing.link.write(batch.finish(), (error) => {
        // A link that was given up reports late: its messages are accounted for, and only now is its memory free.
        if (this.#write !== write) return this.#giveMemory(write.memory)
        this.#write = undefined
        if (error !== undefined) return writing.fail(Effect.fail(error))
        this.#settle()
        if (this.#writing === writing) this.#writeNext(writing)
      })
    } catch (cause) {
      // The transport holds nothing of it.
      this.#write = undefined
      writing.fail(Effect.die(cause))
    }
  }

  #fill(): WriteBatch.WriteBatch | undefined {
    const { envelope, high, normal } = this.#options
    const isQuiet = this.#isHeld || (this.#partial === undefined && high.isEmpty && normal.isEmpty)
    if (this.#urgent.length === 0 && isQuiet) return undefined
    const batch = this.#startBatch()
    if (isQuiet) {
      this.#fillUrgent(batch)
      return batch
    }
    const mayInterrupt = envelope.interleaves || this.#partial === undefined
    if (!mayInterrupt && !this.#writePartial(this.#partial!, batch)) return batch
    if (!this.#fillHigh(batch)) return batch
    while (batch.room > 0) {
      if (this.#partial === undefined) {
        const message = normal.next()
        if (message === undefined) break
        if (!this.#fits(message, batch)) {
          normal.giveBack([message])
          break
        }
        this.#partial = { message, offset: 0 }
      } else if (!this.#fits(this.#partial.message, batch)) break
      if (!this.#writePartial(this.#partial, batch)) break
    }
    return batch.size === 0 ? undefined : batch
  }

  #fillUrgent(batch: WriteBatch.WriteBatch): void {
    for (const packet of this.#urgent) batch.append(packet)
    this.#urgent = []
  }

  /** Takes what goes before the normal lane. Returns whether there is room for more. */
  #fillHigh(batch: WriteBatch.WriteBatch): boolean {
    const { envelope, high } = this.#options
    this.#fillUrgent(batch)
    for (let message = high.next(); message !== undefined; message = high.next()) {
      if (!this.#fits(message, batch)) {
        high.giveBack([message])
        return false
      }
      envelope.write(message, 0, batch)
      this.#highFlight.push(message)
    }
    return true
  }

  /** The next packet of a message must not take the batch over its limit, unless the batch is empty. */
  #fits(message: Message.Message, batch: WriteBatch.WriteBatch): boolean {
    return batch.size === 0 || Math.min(this.#options.envelope.wireSize(message), firstPacket) <= batch.room
  }

  /** Returns whether the message is complete. */
  #writePartial(partial: Partial, batch: WriteBatch.WriteBatch): boolean {
    partial.offset = this.#options.envelope.write(partial.message, partial.offset, batch)
    if (partial.offset < partial.message.bodyLength) return false
    this.#normalFlight.push(partial.message)
    this.#partial = undefined
    return true
  }

  #startBatch(): WriteBatch.WriteBatch {
    if (this.#batch !== undefined) {
      this.#batch.clear()
      return this.#batch
    }
    const { slabs, writeBytes } = this.#options
    this.#memory = slabs.take(0)
    this.#batch = WriteBatch.make({ limit: writeBytes, memory: this.#memory.bytes })
    return this.#batch
  }

  /** The write is done: its messages have left. */
  #settle(): void {
    const { high, normal, onWritten } = this.#options
    if (this.#highFlight.length > 0) {
      const written = this.#highFlight
      this.#highFlight = []
      onWritten(written)
      high.release(written)
    }
    if (this.#normalFlight.length > 0) {
      const written = this.#normalFlight
      this.#normalFlight = []
      onWritten(written)
      normal.release(written)
    }
  }

  /** Nothing to write: the memory goes back, and who waits for this is told. */
  #rest(): void {
    this.#giveMemory(this.#memory)
    this.#memory = undefined
    this.#batch = undefined
    if (this.#onIdle.length === 0 || !this.isIdle) return
    const waiting = this.#onIdle
    this.#onIdle = []
    for (const done of waiting) done()
  }

  /** The socket is gone: what it may not have taken is the first to leave on the next one. */
  #abandon(): void {
    const { high, normal } = this.#options
    this.#writing = undefined
    // The transport may still hold parts of a write that is under way: that memory comes back with its end.
    if (this.#write === undefined) this.#giveMemory(this.#memory)
    this.#write = undefined
    this.#urgent = []
    if (this.#partial !== undefined) normal.giveBack([this.#partial.message])
    normal.giveBack(this.#normalFlight)
    high.giveBack(this.#highFlight)
    this.#partial = undefined
    this.#normalFlight = []
    this.#highFlight = []
    this.#memory = undefined
    this.#batch = undefined
  }

  #giveMemory(memory: Slab.Slab | undefined): void {
    if (memory !== undefined) this.#options.slabs.give(memory)
  }
}

/** No packet of a message is larger (wire format, section 2); a legacy message is cut anywhere. */
const firstPacket = 9000
