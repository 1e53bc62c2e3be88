/**
 * Finds messages in the bytes of a native connection, at any split of the input, and joins their chunks.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as ChunkJoiner from "./ChunkJoiner.ts"
import * as CompactInt from "./CompactInt.ts"
import * as Envelope from "./Envelope.ts"
import * as Header from "./Header.ts"
import * as Message from "./Message.ts"
import * as NativeFormat from "./NativeFormat.ts"
import * as Slab from "./Slab.ts"
import * as WireError from "./WireError.ts"

const { maxPacket, systemServiceId, Tag, Type } = NativeFormat

const maxInt31 = 0x7fffffff

/** The first byte of a header: ServiceId as a positive integer. */
const serviceIdStart = 0x08

/** MessageId as a positive integer. */
const messageIdStart = 0x10

/** ServiceId as a negative integer, which it must not be. */
const serviceIdNegative = 0x09

/** Length, service id with its value, and HeaderEnd: no packet is shorter. */
const minPacket = 5

/**
 * Reads the header of one packet. What it found stays in its fields until the next one is read.
 */
class HeaderReader {
  serviceId = 0
  messageId = Message.noMessageId
  header: Header.Header = Header.empty
  sequenceStart = -1
  lastInSequence: boolean | undefined = undefined
  ping = false
  pong = false
  problem: WireError.BadHeader["problem"] | undefined = undefined
  tag = 0

  #at = 0
  #value = 0

  /** Returns where the body starts, or -1 with `problem` set. */
  read(bytes: Uint8Array, from: number, to: number): number {
    this.messageId = Message.noMessageId
    this.header = Header.empty
    this.sequenceStart = -1
    this.lastInSequence = undefined
    this.ping = false
    this.pong = false
    this.tag = Tag.serviceId
    if (bytes[from] !== serviceIdStart) {
      return this.#fail(bytes[from] === serviceIdNegative ? "ServiceIdNegative" : "ServiceIdNotFirst")
    }
    if (!this.#compact(bytes, from + 1, to, maxInt31)) return -1
    this.serviceId = this.#value
    let at = this.#at
    let pairs: Array<number> | undefined
    while (at < to) {
      const first = bytes[at++]!
      if (first === NativeFormat.headerEnd) {
        if (pairs !== undefined) this.header = Header.fromPairsUnsafe(ascending(pairs))
        return at
      }
      const type = first & 7
      this.tag = first >> 3
      if (this.tag === 31) {
        if (!this.#compact(bytes, at, to, 0xffffffff)) return -1
        this.tag = this.#value
        at = this.#at
      }
      if (type <= Type.negative) {
        const isKnown = this.tag < Header.firstUserTag
        if (!this.#compact(bytes, at, to, Number.MAX_SAFE_INTEGER)) {
          if (isKnown || this.problem !== "OutOfRange") return -1
          // Too large for a header value, but whole: skipped like every value that is no integer of 31 bits.
          this.problem = undefined
          at = this.#at
          continue
        }
        at = this.#at
        const value = type === Type.negative ? 0 - this.#value : this.#value
        if (!isKnown) {
          if (value <= maxInt31 && value >= -maxInt31) (pairs ??= []).push(this.tag, value)
        } else if (!this.#integer(value)) return -1
      } else {
        at = this.#skip(bytes, at, to, type)
        if (at < 0) return -1
      }
    }
    this.tag = Tag.headerEnd
    return this.#fail("Unterminated")
  }

  #fail(problem: WireError.BadHeader["problem"]): -1 {
    this.problem = problem
    return -1
  }

  #integer(value: number): boolean {
    switch (this.tag) {
      case Tag.serviceId:
        this.problem = "ServiceIdRepeated"
        return false
      case Tag.messageId:
        if (value > maxInt31 || value < -1) break
        this.messageId = value
        return true
      case Tag.sequenceStart:
        if (value > Number.MAX_SAFE_INTEGER || value < 0) break
        this.sequenceStart = value
        return true
      case Tag.headerEnd:
      case Tag.lastInSequence:
      case Tag.ping:
      case Tag.pong:
        this.problem = "WrongType"
        return false
      default:
        this.problem = "ReservedTag"
        return false
    }
    this.problem = "OutOfRange"
    return false
  }

  /** Reads or skips a value that is no integer. Returns the offset after it, or -1. */
  #skip(bytes: Uint8Array, at: number, to: number, type: number): number {
    const tag = this.tag
    if (type === Type.yes || type === Type.no) {
      if (tag >= Header.firstUserTag) return at
      if (tag === Tag.lastInSequence) this.lastInSequence = type === Type.yes
      else if (tag === Tag.ping && type === Type.yes) this.ping = true
      else if (tag === Tag.pong && type === Type.yes) this.pong = true
      else if (tag !== Tag.ping && tag !== Tag.pong) {
        return this.#fail(tag >= Tag.firstReserved ? "ReservedTag" : "WrongType")
      }
      return at
    }
    if (tag < Header.firstUserTag) return this.#fail(tag >= Tag.firstReserved ? "ReservedTag" : "WrongType")
    if (type === Type.double) return at + 8 <= to ? at + 8 : this.#fail("Malformed")
    if (type !== Type.string && type !== Type.bytes) return this.#fail("Malformed")
    const length = CompactInt.read(bytes, at, to)
    const end = length < 0 ? Infinity : at + CompactInt.size(length) + Number(length)
    return end <= to ? end : this.#fail("Malformed")
  }

  /** Reads a compact integer into `#value`. One beyond `maximum` is read to its end and reported as out of range. */
  #compact(bytes: Uint8Array, at: number, to: number, maximum: number): boolean {
    // Seven bytes stay below 2^53. Nearly all integers are shorter, and this costs them no second look.
    const exactEnd = at + 7 < to ? at + 7 : to
    let value = 0
    for (let end = at; end < exactEnd;) {
      const byte = bytes[end++]!
      value = value * 128 + (byte & 0x7f)
      if (byte < 0x80) return this.#bounded(value, end, maximum)
      value += 1
    }
    const long = CompactInt.read(bytes, at, to)
    if (long >= 0) return this.#bounded(Number(long), at + CompactInt.size(long), maximum)
    this.problem = "Malformed"
    return false
  }

  #bounded(value: number, end: number, maximum: number): boolean {
    this.#at = end
    this.#value = value
    if (value <= maximum) return true
    this.problem = "OutOfRange"
    return false
  }
}

/** Puts pairs into the order of their tags where a peer has not. A tag that comes again replaces its value. */
const ascending = (pairs: Array<number>): Array<number> => {
  for (let i = 2; i < pairs.length; i += 2) if (pairs[i]! <= pairs[i - 2]!) return sortPairs(pairs)
  return pairs
}

/**
 * Numbers sort natively, much faster than pairs with a comparison: a peer chooses how many there are, and in what
 * order. A tag has 32 bits, so with its place it is an exact number.
 */
const sortPairs = (pairs: Array<number>): Array<number> => {
  const count = pairs.length / 2
  const places = new Float64Array(count)
  for (let i = 0; i < count; i++) places[i] = pairs[2 * i]! * count + i
  places.sort()
  const sorted: Array<number> = []
  for (const place of places) {
    const tag = Math.floor(place / count)
    const value = pairs[2 * (place - tag * count) + 1]!
    const last = sorted.length - 1
    if (last > 0 && sorted[last - 1] === tag) sorted[last] = value
    else sorted.push(tag, value)
  }
  return sorted
}

/**
 * Whether bytes are one whole header, `HeaderEnd` included, and nothing else.
 *
 * @category guards
 * @since 0.1.0
 */
export const isWholeHeader = (bytes: Uint8Array): boolean =>
  new HeaderReader().read(bytes, 0, bytes.length) === bytes.length

/** ServiceId and MessageId with values of one byte each, and HeaderEnd. */
const shortHeader = 5

/** Most packets have a header of two small ids and nothing else: it is read at a glance. Pings and pongs do not. */
const isShortHeader = (bytes: Uint8Array, from: number, to: number): boolean =>
  to - from >= shortHeader && bytes[from] === serviceIdStart && bytes[from + 1]! < systemServiceId &&
  bytes[from + 2] === messageIdStart && bytes[from + 3]! < 0x80 && bytes[from + 4] === NativeFormat.headerEnd

/** One for all decoders of a thread: what it found is used before the next header is read. */
const header = new HeaderReader()

const noSlabs: ReadonlyArray<Slab.Slab> = []

class NativeDecoder implements Envelope.Decoder {
  failure: WireError.WireError | undefined = undefined
  needed = 0
  readonly #maxMessageSize: number
  readonly #slabs: Slab.SlabSource | undefined
  /** Made for the first chunk. */
  #joiner: ChunkJoiner.ChunkJoiner | undefined = undefined
  readonly #mayBePinged: boolean
  #isFirst = true

  constructor(options: Envelope.DecoderOptions) {
    this.#maxMessageSize = options.maxMessageSize ?? Envelope.defaultMaxMessageSize
    this.#slabs = options.slabs
    this.#mayBePinged = options.side !== "dialled"
  }

  decode(slab: Slab.Slab, from: number, to: number, sink: Envelope.Sink): number {
    if (this.failure !== undefined) return from
    const bytes = slab.bytes
    this.needed = 0
    while (to - from >= 2) {
      const length = bytes[from]! | (bytes[from + 1]! << 8)
      if (this.#isFirst) {
        if (to - from < 3) return from
        if (bytes[from + 2] !== serviceIdStart) return this.#fail(from, wrongProtocol(bytes, from))
        this.#isFirst = false
      }
      if (length > maxPacket || length < minPacket) {
        return this.#fail(
          from,
          new WireError.BadLength({ what: "packet", length, minimum: minPacket, maximum: maxPacket })
        )
      }
      if (to - from < length) {
        this.needed = length
        return from
      }
      if (!this.#packet(slab, from + 2, from + length, sink)) return from
      from += length
    }
    return from
  }

  get unfinished(): Envelope.Unfinished | undefined {
    return this.#joiner?.unfinished
  }

  takeJoined(): ReadonlyArray<Slab.Slab> {
    return this.#joiner === undefined ? noSlabs : this.#joiner.takeFinished()
  }

  close(): void {
    this.#joiner?.close()
  }

  #makeJoiner(): ChunkJoiner.ChunkJoiner {
    return ChunkJoiner.make({
      maxMessageSize: this.#maxMessageSize,
      slabs: this.#slabs ?? Slab.sourceUnpooled(0)
    })
  }

  #packet(slab: Slab.Slab, from: number, to: number, sink: Envelope.Sink): boolean {
    const bytes = slab.bytes
    if (isShortHeader(bytes, from, to)) {
      sink.onMessage(Message.fromSlab(bytes[from + 1]!, bytes[from + 3]!, Header.empty, slab, from + shortHeader, to))
      return true
    }
    const body = header.read(bytes, from, to)
    if (body < 0) {
      this.#fail(from, new WireError.BadHeader({ problem: header.problem!, tag: header.tag }))
      return false
    }
    if (header.serviceId === systemServiceId) return this.#system(sink)
    if (header.sequenceStart === -1 && header.lastInSequence === undefined) {
      sink.onMessage(Message.fromSlab(header.serviceId, header.messageId, header.header, slab, body, to))
      return true
    }
    if (header.lastInSequence === undefined) {
      this.#fail(from, new WireError.BadHeader({ problem: "WrongType", tag: Tag.lastInSequence }))
      return false
    }
    return this.#chunk(bytes, body, to, sink)
  }

  #chunk(bytes: Uint8Array, from: number, to: number, sink: Envelope.Sink): boolean {
    const joiner = this.#joiner ??= this.#makeJoiner()
    const joined = joiner.push(
      {
        serviceId: header.serviceId,
        messageId: header.messageId,
        header: header.header,
        announced: header.sequenceStart,
        isLast: header.lastInSequence === true
      },
      bytes,
      from,
      to
    )
    if (joined !== undefined) sink.onMessage(joined)
    if (joiner.failure !== undefined) {
      this.#fail(from, joiner.failure)
      return false
    }
    return true
  }

  #system(sink: Envelope.Sink): boolean {
    if (header.ping) {
      if (!this.#mayBePinged) {
        this.#fail(0, new WireError.UnexpectedPing())
        return false
      }
      sink.onPing()
    } else if (header.pong) sink.onPong()
    return true
  }

  #fail(at: number, reason: WireError.Reason): number {
    this.failure = new WireError.WireError({ reason })
    this.#joiner?.close()
    return at
  }
}

const wrongProtocol = (bytes: Uint8Array, from: number): WireError.WrongProtocol =>
  new WireError.WrongProtocol({
    expected: "08 as the third byte",
    found: Array.from(bytes.subarray(from, from + 3), (byte) => byte.toString(16).padStart(2, "0")).join(" ")
  })

/**
 * Makes a decoder for one connection.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Envelope.DecoderOptions = {}): Envelope.Decoder => new NativeDecoder(options)
