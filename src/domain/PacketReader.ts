/**
 * The receive memory of one connection: where the next bytes go, what of it is still looked at, and when it is used
 * again.
 *
 * **Details**
 *
 * Bytes are read into a slab and decoded where they lie. When all messages of a slab are done, the same memory takes
 * the next bytes; while some are not, reading goes on behind them or in another slab. Slabs are small at first, and grow
 * when reads fill them. A connection that is quiet holds none: it reads into memory that all of them share, and what was
 * read is copied out of it at once. A packet that a slab cannot hold gets memory that grows as its bytes arrive, never on its word alone.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import type * as Envelope from "./Envelope.ts"
import * as Message from "./Message.ts"
import * as Slab from "./Slab.ts"
import type * as WireError from "./WireError.ts"

/**
 * The default size of a slab in bytes.
 *
 * @category constants
 * @since 0.1.0
 */
export const slabSize = 262_144

/** What quiet connections read into, in bytes. */
const landingSize = 65_536

let sharedLanding: Uint8Array | undefined

/** One for all readers of a thread: each read is copied from it before the next one is made. */
const landing = (): Uint8Array => sharedLanding ??= new Uint8Array(landingSize)

/** The slab of a reader that has none. */
const noSlab = Slab.make(new Uint8Array(0))

/** Room of at least half a slab, or of so many bytes, is read into behind messages that are still handled. */
const minRead = 16_384

/** With less room than this behind the beginning of a packet, the beginning is moved to where there is more. */
const minRest = 2048

/** A read of at most so many bytes is a short one, and so many in a row make a connection a quiet one. */
const shortRead = 2048
const quietReads = 8

/** So many times the size of the slab before it has the next one. */
const growth = 4

/**
 * Receive memory and decoder of one connection.
 *
 * @category models
 * @since 0.1.0
 */
export interface PacketReader {
  /** Memory for the next read. What it returned before is not to be written any more. */
  readonly buffer: () => Uint8Array
  /** Says that `count` bytes were read into `buffer()`, and decodes them. */
  readonly commit: (count: number, sink: Envelope.Sink) => void
  /** Holds all slabs that the messages of the last `commit` point into, and returns them. */
  readonly hold: () => ReadonlyArray<Slab.Slab>
  /** Ends one holding of slabs. The last end makes their memory free. */
  readonly release: (slabs: ReadonlyArray<Slab.Slab>) => void
  /** Bytes of slabs that are held and cannot be read into any more. */
  readonly heldBytes: number
  /** Whether the message of the last `commit` lies alone in its memory. It is so when no slab could hold its packet. */
  readonly isAlone: boolean
  /** What was wrong with the bytes, once something was. */
  readonly failure: WireError.WireError | undefined
  /** What has begun to arrive and is not complete: a message in chunks, or else a packet. */
  readonly unfinished: Envelope.Unfinished | undefined
  /**
   * Decodes a piece of input of any size: the plain form, for use outside a connection. The messages may be kept;
   * pings and pongs are left out.
   */
  readonly push: (chunk: Uint8Array) => Result.Result<ReadonlyArray<Message.Message>, WireError.WireError>
  /** Gives all memory back that is not held. */
  readonly close: () => void
}

class PacketReaderImpl implements PacketReader {
  heldBytes = 0
  readonly #decoder: Envelope.Decoder
  readonly #slabs: Slab.SlabSource
  readonly #largest: number
  #slab: Slab.Slab = noSlab
  /** The size of the slab that is taken next. */
  #size = Slab.smallestSize
  /** Whether the slab was taken for a packet that slabs of the usual size cannot hold. */
  #isOversized = false
  #isClosed = false
  #view: Uint8Array = noSlab.bytes
  /** Whether the view is somebody's to write: from when it was asked for until it was read into. */
  #isLent = false
  #readAt = 0
  #writeAt = 0
  #shortReads = quietReads
  #filled = false
  /** Bytes of all reads. */
  #total = 0

  constructor(decoder: Envelope.Decoder, slabs: Slab.SlabSource) {
    this.#decoder = decoder
    this.#slabs = slabs
    this.#largest = Math.max(slabs.slabSize, Slab.smallestSize)
  }

  get failure(): WireError.WireError | undefined {
    return this.#decoder.failure
  }

  get isAlone(): boolean {
    return this.#isOversized
  }

  get unfinished(): Envelope.Unfinished | undefined {
    const pending = this.#writeAt - this.#readAt
    // A packet is known by where it begins.
    const packet = pending === 0 ? undefined : { what: this.#total - pending, bytes: pending }
    return this.#decoder.unfinished ?? packet
  }

  buffer(): Uint8Array {
    if (this.#readAt === this.#writeAt) this.#rewind()
    else this.#makeRoomForRest()
    if (this.#slab === noSlab) this.#view = landing()
    else if (this.#isOversized) {
      // Nothing but its packet is read into memory that was taken for it.
      this.#view = this.#slab.bytes.subarray(this.#writeAt, this.#readAt + Math.max(this.#decoder.needed, 1))
    } else if (this.#writeAt === 0) this.#view = this.#slab.bytes
    else if (this.#view.byteOffset !== this.#slab.bytes.byteOffset + this.#writeAt || !this.#isSameMemory()) {
      this.#view = this.#slab.bytes.subarray(this.#writeAt)
    }
    this.#isLent = true
    return this.#view
  }

  commit(count: number, sink: Envelope.Sink): void {
    this.#isLent = false
    this.#total += count
    this.#filled = count === this.#view.length
    this.#shortReads = count <= shortRead ? this.#shortReads + 1 : 0
    if (this.#filled) this.#size = Math.min(this.#largest, Math.max(this.#size, growth * count))
    if (this.#slab === noSlab) this.#land(count)
    else this.#writeAt += count
    this.#readAt = this.#decoder.decode(this.#slab, this.#readAt, this.#writeAt, sink)
    // After a failure nothing is decoded any more, so no memory is spent on what still arrives.
    if (this.#decoder.failure !== undefined) this.#readAt = this.#writeAt
  }

  hold(): ReadonlyArray<Slab.Slab> {
    const joined = this.#decoder.takeJoined()
    if (this.#slab === noSlab) return joined
    this.#slab.holders += 1
    if (joined.length === 0) return [this.#slab]
    for (const slab of joined) {
      slab.holders += 1
      this.heldBytes += slab.size
    }
    return [this.#slab, ...joined]
  }

  release(slabs: ReadonlyArray<Slab.Slab>): void {
    for (const slab of slabs) {
      slab.holders -= 1
      if (slab.holders > 0) continue
      if (slab !== this.#slab) {
        this.heldBytes -= slab.size
        this.#recycle(slab)
      } else if (this.#isQuiet && !this.#isLent && this.#readAt === this.#writeAt) this.#moveTo(noSlab)
    }
  }

  push(chunk: Uint8Array): Result.Result<ReadonlyArray<Message.Message>, WireError.WireError> {
    const messages: Array<Message.Message> = []
    const sink: Envelope.Sink = {
      onMessage: (message) => messages.push(message),
      onPing: () => {},
      onPong: () => {}
    }
    let at = 0
    let kept = 0
    while (at < chunk.length && this.failure === undefined) {
      const buffer = this.buffer()
      const count = Math.min(buffer.length, chunk.length - at)
      buffer.set(count === chunk.length ? chunk : chunk.subarray(at, at + count))
      at += count
      this.commit(count, sink)
      const held = this.hold()
      while (kept < messages.length) Message.keep(messages[kept++]!)
      this.release(held)
    }
    return this.failure === undefined ? Result.succeed(messages) : Result.fail(this.failure)
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#decoder.close()
    for (const slab of this.#decoder.takeJoined()) this.#recycle(slab)
    this.#readAt = this.#writeAt
    this.#moveTo(Slab.make(new Uint8Array(0)))
    this.#view = this.#slab.bytes
  }

  #isSameMemory(): boolean {
    return this.#view.buffer === this.#slab.bytes.buffer
  }

  /** What was read into the memory of all gets memory of its own. */
  #land(count: number): void {
    const slab = this.#slabs.take(count)
    slab.bytes.set(this.#view.subarray(0, count))
    this.#slab = slab
    this.#readAt = 0
    this.#writeAt = count
  }

  /** Nothing waits to be decoded: the memory can be taken from its beginning, or be changed for other memory. */
  #rewind(): void {
    if (this.#isClosed || this.#slab === noSlab) return
    const slab = this.#slab
    // What is looked at, or kept, stays where it is: reading goes on behind it.
    const isInUse = slab.holders > 0 || slab.exposed
    const room = slab.bytes.length - this.#writeAt
    const isRoomy = room >= Math.min(minRead, slab.size / 2)
    if (this.#isOversized) this.#moveTo(this.#isQuiet ? noSlab : this.#takeSlab(0))
    else if (this.#isQuiet && !(isInUse && isRoomy && slab.size <= Slab.smallestSize)) this.#moveTo(noSlab)
    else if (this.#mustGrow) this.#moveTo(this.#takeSlab(0))
    else if (!isInUse) this.#startOver()
    else if (!isRoomy) this.#moveTo(this.#takeSlab(growth * slab.size))
  }

  get #isQuiet(): boolean {
    return this.#shortReads >= quietReads
  }

  get #mustGrow(): boolean {
    return this.#filled && this.#slab.size < this.#size
  }

  #startOver(): void {
    if (this.#writeAt > 0) this.#slab.generation += 1
    this.#readAt = 0
    this.#writeAt = 0
  }

  /** The beginning of a packet waits: the rest of it must come to lie behind it. */
  #makeRoomForRest(): void {
    const slab = this.#slab
    const pending = this.#writeAt - this.#readAt
    const needed = Math.max(this.#decoder.needed, pending + 1)
    const capacity = slab.bytes.length
    const isRoomy = capacity - this.#writeAt >= minRest
    if (needed > capacity) {
      // Filled before it is exchanged: each byte is moved a few times at most, however large the packet.
      if (isRoomy) return
    } else {
      if (this.#readAt === 0 || (isRoomy && this.#readAt + needed <= capacity)) return
      if (slab.holders === 0 && !slab.exposed && !this.#mustGrow) {
        slab.bytes.copyWithin(0, this.#readAt, this.#writeAt)
        slab.generation += 1
        this.#readAt = 0
        this.#writeAt = pending
        return
      }
    }
    // A packet may announce far more than it sends: at most twice what has arrived is taken for it.
    const size = Math.min(needed, Math.max(this.#largest, 2 * pending))
    this.#moveTo(size > this.#largest ? this.#slabs.take(size) : this.#takeSlab(size))
    this.#isOversized = size > this.#largest
  }

  /** Goes on in another slab, with the bytes that are not decoded yet. */
  #moveTo(next: Slab.Slab): void {
    const previous = this.#slab
    const pending = this.#writeAt - this.#readAt
    if (pending > 0) next.bytes.set(previous.bytes.subarray(this.#readAt, this.#writeAt))
    if (next === noSlab) this.#size = Slab.smallestSize
    this.#slab = next
    this.#readAt = 0
    this.#writeAt = pending
    this.#filled = false
    this.#isOversized = false
    if (previous.holders === 0) this.#recycle(previous)
    else this.heldBytes += previous.size
  }

  /** The next slab of a connection that is not quiet, of at least so many bytes where that is usual. */
  #takeSlab(atLeast: number): Slab.Slab {
    this.#size = Math.min(this.#largest, Math.max(this.#size, atLeast))
    return this.#slabs.take(this.#size)
  }

  #recycle(slab: Slab.Slab): void {
    if (slab === noSlab) return
    if (!slab.exposed) slab.generation += 1
    this.#slabs.give(slab)
  }
}

/**
 * Makes the reader of one connection.
 *
 * **Example** (Decoding a capture)
 *
 * ```ts
 * import { NativeEnvelope, PacketReader } from "effect-flowee"
 *
 * const reader = PacketReader.make(NativeEnvelope.envelope)
 * const decoded = reader.push(Uint8Array.of(7, 0, 8, 4, 16, 101, 4))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (envelope: Envelope.Envelope, options: Envelope.DecoderOptions = {}): PacketReader => {
  const slabs = options.slabs ?? Slab.sourceUnpooled(slabSize)
  return new PacketReaderImpl(envelope.decoder({ ...options, slabs }), slabs)
}
