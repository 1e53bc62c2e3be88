/**
 * Puts the chunks of a message together again (wire format, section 2, "Chunking").
 *
 * Memory is taken as chunks arrive: an announcement alone costs at most one step of {@link joinStep} bytes.
 *
 * @stability unstable
 * @since 0.1.0
 */
import type * as Envelope from "./Envelope.ts"
import type * as Header from "./Header.ts"
import * as Message from "./Message.ts"
import type * as Slab from "./Slab.ts"
import * as WireError from "./WireError.ts"

/**
 * What is allocated for an announced message before its bytes have come, at most. Beyond it the memory doubles as it
 * fills.
 *
 * @category constants
 * @since 0.1.0
 */
export const joinStep = 1_048_576

/**
 * The header of one chunk.
 *
 * @category models
 * @since 0.1.0
 */
export interface Chunk {
  readonly serviceId: number
  readonly messageId: number
  readonly header: Header.Header
  /** The announced length of the whole body; -1 in every chunk but the first. */
  readonly announced: number
  readonly isLast: boolean
}

interface Sequence {
  readonly first: Chunk
  slab: Slab.Slab
  received: number
}

/**
 * Joins the chunks of one connection. After a failure it takes no more.
 *
 * @category models
 * @since 0.1.0
 */
export interface ChunkJoiner {
  readonly failure: WireError.Reason | undefined
  /** The message of which some chunks have come. */
  readonly unfinished: Envelope.Unfinished | undefined
  /** Adds the body bytes of a chunk. Returns the message when this was its last one. */
  readonly push: (chunk: Chunk, bytes: Uint8Array, from: number, to: number) => Message.Message | undefined
  /** The memory of the messages returned since the last call. It is the caller's now. */
  readonly takeFinished: () => ReadonlyArray<Slab.Slab>
  /** Gives the memory of an open sequence back. */
  readonly close: () => void
}

const none: ReadonlyArray<Slab.Slab> = []

class ChunkJoinerImpl implements ChunkJoiner {
  failure: WireError.Reason | undefined = undefined
  readonly #maxMessageSize: number
  readonly #slabs: Slab.SlabSource
  #open: Sequence | undefined = undefined
  #finished: Array<Slab.Slab> = []

  constructor(maxMessageSize: number, slabs: Slab.SlabSource) {
    this.#maxMessageSize = maxMessageSize
    this.#slabs = slabs
  }

  get unfinished(): Envelope.Unfinished | undefined {
    return this.#open === undefined ? undefined : { what: this.#open, bytes: this.#open.received }
  }

  push(chunk: Chunk, bytes: Uint8Array, from: number, to: number): Message.Message | undefined {
    if (this.failure !== undefined) return undefined
    const sequence = chunk.announced >= 0 ? this.#start(chunk) : this.#continue(chunk)
    if (sequence === undefined) return undefined
    const announced = sequence.first.announced
    const received = sequence.received + to - from
    if (received > announced) return this.#fail("TooMuch", announced, received)
    if (chunk.isLast && received < announced) return this.#fail("TooLittle", announced, received)
    if (received > sequence.slab.bytes.length) this.#grow(sequence, received)
    sequence.slab.bytes.set(bytes.subarray(from, to), sequence.received)
    sequence.received = received
    return chunk.isLast ? this.#finish(sequence) : undefined
  }

  takeFinished(): ReadonlyArray<Slab.Slab> {
    if (this.#finished.length === 0) return none
    const finished = this.#finished
    this.#finished = []
    return finished
  }

  close(): void {
    if (this.#open !== undefined) this.#slabs.give(this.#open.slab)
    this.#open = undefined
  }

  #start(chunk: Chunk): Sequence | undefined {
    const announced = chunk.announced
    if (this.#open !== undefined) return this.#fail("AlreadyOpen", announced, this.#open.received)
    if (announced > this.#maxMessageSize) {
      this.failure = new WireError.BadLength({
        what: "message",
        length: announced,
        minimum: 0,
        maximum: this.#maxMessageSize
      })
      return undefined
    }
    const sequence = { first: chunk, slab: this.#slabs.take(Math.min(announced, joinStep)), received: 0 }
    this.#open = sequence
    return sequence
  }

  #continue(chunk: Chunk): Sequence | undefined {
    const open = this.#open
    if (open === undefined) return this.#fail("NotOpen", 0, 0)
    if (open.first.serviceId === chunk.serviceId && open.first.messageId === chunk.messageId) return open
    return this.#fail("OtherMessage", open.first.announced, open.received)
  }

  #grow(sequence: Sequence, needed: number): void {
    const size = Math.min(sequence.first.announced, Math.max(needed, 2 * sequence.slab.bytes.length))
    const larger = this.#slabs.take(size)
    larger.bytes.set(sequence.slab.bytes.subarray(0, sequence.received))
    this.#slabs.give(sequence.slab)
    sequence.slab = larger
  }

  #finish(sequence: Sequence): Message.Message {
    const { first, received, slab } = sequence
    this.#open = undefined
    this.#finished.push(slab)
    return Message.fromSlab(first.serviceId, first.messageId, first.header, slab, 0, received)
  }

  #fail(problem: WireError.BadSequence["problem"], announced: number, received: number): undefined {
    this.failure = new WireError.BadSequence({ problem, announced, received })
    return undefined
  }
}

/**
 * Makes a joiner for one connection.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  /** The largest message that may be announced, in bytes. */
  readonly maxMessageSize: number
  readonly slabs: Slab.SlabSource
}): ChunkJoiner => new ChunkJoinerImpl(options.maxMessageSize, options.slabs)
