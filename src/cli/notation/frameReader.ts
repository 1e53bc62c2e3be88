/**
 * Finds frames in bytes that come in pieces, of whatever envelope, and never gives up on what is none.
 */
import * as Result from "effect/Result"
import type * as Envelope from "../../domain/Envelope.ts"
import * as LegacyCommand from "../../domain/LegacyCommand.ts"
import * as Message from "../../domain/Message.ts"
import * as NativeEnvelope from "../../domain/NativeEnvelope.ts"
import * as Network from "../../domain/Network.ts"
import * as Slab from "../../domain/Slab.ts"
import * as Bytes from "./bytes.ts"
import * as Frame from "./frame.ts"

/**
 * A frame, or why there is none.
 *
 * @internal
 */
export type Found = Result.Result<Frame.Frame, string>

/** @internal */
export interface Options {
  /** Where the frames are from, when they are of Bitcoin Cash peers. Default: seen from how they begin. */
  readonly network?: Network.Network | undefined
  /** Whether each piece that begins with a packet may be of another envelope than the one before. */
  readonly isMixed: boolean
}

const nothingWhole = "no message is complete: there are only pieces of one"

/** The bytes that tell one envelope from another. */
const telling = 4

type Add = (frame: Frame.Frame) => void

/** The decoder of one envelope, and what becomes of what it finds. */
interface Way {
  readonly decoder: Envelope.Decoder
  readonly sink: (add: Add) => Envelope.Sink
}

const pings = (add: Add) => ({
  onPing: () => add({ _tag: "System", what: "ping" }),
  onPong: () => add({ _tag: "System", what: "pong" })
})

const nativeWay = (): Way => ({
  decoder: NativeEnvelope.envelope.decoder({}),
  sink: (add) => ({
    ...pings(add),
    onMessage: (message) => {
      const { body, header, messageId, serviceId } = Message.keep(message)
      add({ _tag: "Native", serviceId, messageId, header, body })
    }
  })
})

const legacyWay = (network: Network.Network): Way => ({
  decoder: Frame.legacyEnvelope(network).decoder({}),
  sink: (add) => ({
    ...pings(add),
    onMessage: (message) => {
      const { body, messageId } = Message.keep(message)
      add({ _tag: "Legacy", network, command: LegacyCommand.fromId(messageId)!, body })
    },
    onUnknown: (command, body) => add({ _tag: "Legacy", network, command, body: body.slice() })
  })
})

/** @internal */
export class FrameReader {
  readonly #options: Options
  readonly #ways = new Map<Network.Network | undefined, Way>()
  #way: Way | undefined = undefined
  #pieces: Array<Uint8Array> = []
  #length = 0
  /** Whether nothing was found in what was decoded; of mixed pieces, in the last one. */
  #isSilent = false
  #hasFound = false
  #found: Array<Found> = []

  constructor(options: Options) {
    this.#options = options
  }

  /** Frames that end in this piece. After a problem the next piece is taken for a beginning. */
  push(piece: Uint8Array): ReadonlyArray<Found> {
    if (piece.length > 0) {
      this.#pieces.push(piece)
      this.#length += piece.length
      if (this.#length >= Math.max(telling, this.#way?.decoder.needed ?? 0)) this.#decode()
    }
    return this.#take()
  }

  /** What is left at the end of the input. */
  end(): ReadonlyArray<Found> {
    if (this.#length > 0) this.#decode()
    if (this.#length > 0) {
      this.#found.push(Result.fail(`the input ends within a packet: ${this.#length} bytes of it are there`))
    } else if (this.#isSilent) {
      this.#found.push(Result.fail(nothingWhole))
    }
    return this.#take()
  }

  #decode(): void {
    const bytes = Bytes.concat(this.#pieces)
    const { decoder, sink } = this.#way ??= this.#choose(bytes)
    const before = this.#found.length
    const found = sink((frame) => this.#found.push(Result.succeed(frame)))
    const at = decoder.decode(Slab.make(bytes), 0, bytes.length, found)
    this.#pieces = at < bytes.length ? [bytes.subarray(at)] : []
    this.#length = bytes.length - at
    const isNothing = this.#found.length === before
    if (!isNothing) this.#hasFound = true
    this.#isSilent = at > 0 && isNothing && (this.#options.isMixed || !this.#hasFound)
    if (decoder.failure !== undefined) this.#fail(decoder.failure.message)
    else if (this.#length === 0 && this.#options.isMixed) this.#way = undefined
  }

  /** The way of an envelope goes on where it was left: a message may be in several pieces. */
  #choose(bytes: Uint8Array): Way {
    const network = this.#options.network ?? Network.fromMagic(bytes)
    let way = this.#ways.get(network)
    if (way === undefined) {
      way = network === undefined ? nativeWay() : legacyWay(network)
      this.#ways.set(network, way)
    }
    return way
  }

  #fail(reason: string): void {
    this.#found.push(Result.fail(reason))
    this.#ways.clear()
    this.#way = undefined
    this.#pieces = []
    this.#length = 0
    this.#isSilent = false
  }

  #take(): ReadonlyArray<Found> {
    const found = this.#found
    this.#found = []
    return found
  }
}
