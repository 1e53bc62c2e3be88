import * as Crypto from "node:crypto"
import * as Fs from "node:fs"
import type * as Envelope from "../../src/domain/Envelope.ts"
import * as LegacyEnvelope from "../../src/domain/LegacyEnvelope.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Network from "../../src/domain/Network.ts"
import * as PacketReader from "../../src/domain/PacketReader.ts"
import type * as WireError from "../../src/domain/WireError.ts"
import * as WriteBatch from "../../src/domain/WriteBatch.ts"

/** A second implementation of the hash, apart from the one under test. */
export const hash256 = (bytes: Uint8Array): Uint8Array => {
  const once = Crypto.createHash("sha256").update(bytes).digest()
  return Crypto.createHash("sha256").update(once).digest()
}

export const regtest = Network.regtest.magic

export const envelope = LegacyEnvelope.make({ magic: regtest, hash256 })

export const fromHex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"))

export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

/** Random numbers that are the same in each run: `below(n)` gives 0 to n - 1. */
export const makeRandom = (seed: number) => {
  let state = seed
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
  const below = (n: number) => Math.floor(next() * n)
  return { next, below, bytes: (length: number) => Uint8Array.from({ length }, () => below(256)) }
}

export type Random = ReturnType<typeof makeRandom>

/** A packet made straight from the wire format, right or wrong. */
export const packet = (parts: {
  readonly command: string
  readonly body?: Uint8Array
  readonly magic?: Uint8Array
  readonly length?: number
  readonly checksum?: Uint8Array
}): Uint8Array => {
  const body = parts.body ?? new Uint8Array(0)
  const bytes = Buffer.alloc(24 + body.length)
  bytes.set(parts.magic ?? regtest, 0)
  bytes.write(parts.command, 4, "latin1")
  bytes.writeUInt32LE(parts.length ?? body.length, 16)
  bytes.set(parts.checksum ?? hash256(body).subarray(0, 4), 20)
  bytes.set(body, 24)
  return Uint8Array.from(bytes)
}

export const concat = (...parts: ReadonlyArray<Uint8Array>): Uint8Array => Uint8Array.from(Buffer.concat(parts))

/** Cuts bytes at the given offsets, which ascend. */
export const cutAt = (bytes: Uint8Array, offsets: ReadonlyArray<number>): Array<Uint8Array> =>
  [0, ...offsets].map((from, i) => bytes.subarray(from, offsets[i] ?? bytes.length))

export const cutRandomly = (bytes: Uint8Array, random: Random): Array<Uint8Array> => {
  const offsets = Array.from({ length: 1 + random.below(12) }, () => random.below(bytes.length + 1))
  return cutAt(bytes, offsets.sort((a, b) => a - b))
}

/** What came out of some input: the messages as text, and how it ended. */
export interface Decoded {
  readonly messages: Array<Message.Message>
  readonly failure: WireError.WireError | undefined
}

/** Decodes pieces of input through receive memory, as a connection does. */
export const decode = (
  pieces: ReadonlyArray<Uint8Array>,
  using: Envelope.Envelope = envelope,
  options: Envelope.DecoderOptions = {}
): Decoded => {
  const reader = PacketReader.make(using, options)
  const messages: Array<Message.Message> = []
  const sink: Envelope.Sink = {
    onMessage: (message) => messages.push(message),
    onPing: () => {
      throw new Error("a ping of the envelope")
    },
    onPong: () => {
      throw new Error("a pong of the envelope")
    }
  }
  for (const piece of pieces) {
    let at = 0
    while (at < piece.length && reader.failure === undefined) {
      const buffer = reader.buffer()
      const count = Math.min(buffer.length, piece.length - at)
      buffer.set(piece.subarray(at, at + count))
      at += count
      const before = messages.length
      reader.commit(count, sink)
      const held = reader.hold()
      for (const message of messages.slice(before)) Message.keep(message)
      reader.release(held)
    }
  }
  reader.close()
  return { messages, failure: reader.failure }
}

export const show = ({ failure, messages }: Decoded) => ({
  messages: messages.map((message) => `${LegacyEnvelope.commandOf(message)} ${toHex(message.body)}`),
  failure: failure?.message
})

/** Writes a message in batches of a size, and returns each batch. */
export const writeAll = (
  message: Message.Message,
  limit: number,
  using: Envelope.Envelope = envelope
): Array<Uint8Array> => {
  const written: Array<Uint8Array> = []
  const batch = WriteBatch.make({ limit, capacity: 64 })
  let offset = 0
  do {
    offset = using.write(message, offset, batch)
    written.push(concat(...batch.finish()))
    batch.clear()
  } while (offset < message.bodyLength)
  return written
}

export const encode = (message: Message.Message, using?: Envelope.Envelope): Uint8Array =>
  concat(...writeAll(message, 250_000, using))

interface Trace {
  readonly messages: ReadonlyArray<{ readonly dir: string; readonly command: string; readonly hex: string }>
}

export const trace = (name: string): Trace =>
  JSON.parse(Fs.readFileSync(new URL(`../traces/${name}.json`, import.meta.url), "utf8")) as Trace
