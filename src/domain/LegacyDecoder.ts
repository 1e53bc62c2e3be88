/**
 * Finds messages in the bytes of a legacy connection, at any split of the input.
 *
 * **Details**
 *
 * The magic, the shape of the command, the length and the checksum of each packet are checked. A packet whose command
 * is not known is skipped as it arrives, whatever its checksum, and takes no memory, unless the sink has `onUnknown`.
 *
 * @stability unstable
 * @since 0.1.0
 */
import type * as Envelope from "./Envelope.ts"
import * as Header from "./Header.ts"
import * as LegacyCommand from "./LegacyCommand.ts"
import * as LegacyFormat from "./LegacyFormat.ts"
import * as Message from "./Message.ts"
import * as Network from "./Network.ts"
import type * as Slab from "./Slab.ts"
import * as WireError from "./WireError.ts"

const { commandSize, emptyChecksum, headerSize, magicSize, serviceId } = LegacyFormat

/**
 * What a decoder checks packets against.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The four bytes that begin each packet. */
  readonly magic: Uint8Array
  /** SHA-256, twice. The result must not change any more. */
  readonly hash256: (bytes: Uint8Array) => Uint8Array
  /** The largest body in bytes. */
  readonly maxBodySize: number
  /** Where a command has a smaller limit. */
  readonly maxBodySizeOf?: ((command: LegacyCommand.Command) => number) | undefined
  /** Bodies of more bytes go to `Sink.onUnverified`, when the sink has that. */
  readonly deferAbove: number
}

const nothing: ReadonlyArray<Slab.Slab> = []

class LegacyDecoder implements Envelope.Decoder {
  failure: WireError.WireError | undefined = undefined
  needed = 0
  readonly #options: Options
  readonly #magic: number
  /** Bytes that are still to come of a packet that nobody wants. */
  #toSkip = 0

  constructor(options: Options) {
    this.#options = options
    this.#magic = uint32(options.magic, 0)
  }

  decode(slab: Slab.Slab, from: number, to: number, sink: Envelope.Sink): number {
    if (this.failure !== undefined) return from
    const bytes = slab.bytes
    this.needed = 0
    from = this.#skip(from, to)
    while (to - from >= magicSize) {
      if (uint32(bytes, from) !== this.#magic) return this.#fail(from, wrongProtocol(this.#options.magic, bytes, from))
      if (to - from < headerSize) return from
      const length = uint32(bytes, from + magicSize + commandSize)
      const id = LegacyCommand.decode(bytes, from + magicSize)
      if (id === undefined) {
        const malformed = LegacyCommand.check(bytes, from + magicSize)
        if (malformed !== undefined) return this.#fail(from, badCommand(malformed))
      }
      const maxBodySize = this.#maxBodySize(id)
      if (length > maxBodySize) {
        return this.#fail(from, new WireError.BadLength({ what: "body", length, minimum: 0, maximum: maxBodySize }))
      }
      if (id === undefined && sink.onUnknown === undefined) {
        this.#toSkip = headerSize + length
        from = this.#skip(from, to)
        continue
      }
      const size = headerSize + length
      if (to - from < size) {
        this.needed = size
        return from
      }
      if (!this.#packet(slab, id, from, from + size, sink)) return from
      from += size
    }
    return from
  }

  takeJoined(): ReadonlyArray<Slab.Slab> {
    return nothing
  }

  close(): void {}

  #maxBodySize(id: number | undefined): number {
    const { maxBodySize, maxBodySizeOf } = this.#options
    const command = id === undefined || maxBodySizeOf === undefined ? undefined : LegacyCommand.fromId(id)
    return command === undefined ? maxBodySize : Math.min(maxBodySize, maxBodySizeOf!(command))
  }

  #skip(from: number, to: number): number {
    const count = Math.min(this.#toSkip, to - from)
    this.#toSkip -= count
    return from + count
  }

  #packet(slab: Slab.Slab, id: number | undefined, from: number, to: number, sink: Envelope.Sink): boolean {
    const body = from + headerSize
    const found = LegacyFormat.checksum(slab.bytes.subarray(body - 4, body))
    const message = id === undefined ? undefined : Message.fromSlab(serviceId, id, Header.empty, slab, body, to)
    if (message !== undefined && sink.onUnverified !== undefined && to - body > this.#options.deferAbove) {
      sink.onUnverified(message, found)
      return true
    }
    const expected = body === to
      ? emptyChecksum
      : LegacyFormat.checksum(this.#options.hash256(slab.bytes.subarray(body, to)))
    const command = () => LegacyCommand.nameIn(slab.bytes, from + magicSize)
    if (found !== expected) {
      this.#fail(from, new WireError.BadChecksum({ command: command(), expected, found }))
      return false
    }
    if (message === undefined) sink.onUnknown?.(command(), slab.bytes.subarray(body, to))
    else sink.onMessage(message)
    return true
  }

  #fail(at: number, reason: WireError.Reason): number {
    this.failure = new WireError.WireError({ reason })
    return at
  }
}

const uint32 = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0

const badCommand = (malformed: LegacyCommand.Malformed): WireError.BadHeader =>
  new WireError.BadHeader({ problem: malformed.problem, tag: malformed.position })

/** The magic in hexadecimal digits, with the network's name where it is one that is known. */
const showMagic = (magic: Uint8Array): string => {
  const digits = Array.from(magic, (byte) => byte.toString(16).padStart(2, "0")).join(" ")
  const network = Network.fromMagic(magic)
  return network === undefined ? digits : `${digits} (${network.name})`
}

const wrongProtocol = (magic: Uint8Array, bytes: Uint8Array, from: number): WireError.WrongProtocol =>
  new WireError.WrongProtocol({
    expected: `packets that begin with ${showMagic(magic)}`,
    found: showMagic(bytes.subarray(from, from + magicSize))
  })

/**
 * Compares a message that was delivered unverified with the double SHA-256 of its body: says what is wrong, or
 * `undefined` when the checksum matches.
 *
 * @category decoding
 * @since 0.1.0
 */
export const verify = (
  message: Message.Message,
  announced: number,
  hash: Uint8Array
): WireError.WireError | undefined => {
  const expected = LegacyFormat.checksum(hash)
  if (announced === expected) return undefined
  const command = LegacyCommand.fromId(message.messageId) ?? `message ${message.messageId}`
  return new WireError.WireError({ reason: new WireError.BadChecksum({ command, expected, found: announced }) })
}

/**
 * Makes a decoder for one connection.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Envelope.Decoder => new LegacyDecoder(options)
