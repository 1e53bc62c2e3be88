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

const nothingWhole = "no message is complete: there are only pieces of one, or commands that are not known"

/** The bytes that tell one envelope from another. */
const telling = 4

/** The decoder of one envelope, and what its messages are. */
interface Way {
  readonly decoder: Envelope.Decoder
  readonly toFrame: (message: Message.Message) => Frame.Frame
}

const nativeWay = (): Way => ({
  decoder: NativeEnvelope.envelope.decoder({}),
  toFrame: ({ body, header, messageId, serviceId }) => ({ _tag: "Native", serviceId, messageId, header, body })
})

const legacyWay = (network: Network.Network): Way => ({
  decoder: Frame.legacyEnvelope(network).decoder({}),
  toFrame: ({ body, messageId }) => ({ _tag: "Legacy", network, command: LegacyCommand.fromId(messageId)!, body })
})

/** @internal */
export class FrameReader {
  readonly #options: Options
  readonly #ways = new Map<Network.Network | undefined, Way>()
  #way: Way | undefined = undefined
  #pieces: Array<Uint8Array> = []
  #length = 0
  /** Whether the last bytes that were decoded gave nothing. */
  #isSilent = false
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
    this.#way ??= this.#choose(bytes)
    const { decoder } = this.#way
    const before = this.#found.length
    const at = decoder.decode(Slab.make(bytes), 0, bytes.length, this.#sink(this.#way))
    this.#pieces = at < bytes.length ? [bytes.subarray(at)] : []
    this.#length = bytes.length - at
    this.#isSilent = at > 0 && this.#found.length === before
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

  #sink(way: Way): Envelope.Sink {
    const add = (frame: Frame.Frame) => this.#found.push(Result.succeed(frame))
    return {
      onMessage: (message) => add(way.toFrame(Message.keep(message))),
      onPing: () => add({ _tag: "System", what: "ping" }),
      onPong: () => add({ _tag: "System", what: "pong" })
    }
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
