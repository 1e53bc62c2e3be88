import * as Fs from "node:fs"
import type * as Envelope from "../../src/domain/Envelope.ts"
import * as Header from "../../src/domain/Header.ts"
import * as Message from "../../src/domain/Message.ts"
import * as NativeEnvelope from "../../src/domain/NativeEnvelope.ts"
import * as PacketReader from "../../src/domain/PacketReader.ts"
import * as Slab from "../../src/domain/Slab.ts"
import type * as WireError from "../../src/domain/WireError.ts"
import * as WriteBatch from "../../src/domain/WriteBatch.ts"

export const { envelope } = NativeEnvelope

export const fromHex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"))

export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

export const concat = (parts: ReadonlyArray<Uint8Array>): Uint8Array => Uint8Array.from(Buffer.concat(parts))

/** The seed of all random tests. Another one can be tried with the environment variable `SEED`. */
export const seed = Number(process.env["SEED"] ?? 20_220_822)

/** Random numbers that a seed repeats (xorshift). */
export class Random {
  #state: number
  constructor(from: number) {
    this.#state = (from ^ 0x2545f491) | 1
    for (let i = 0; i < 8; i++) this.next()
  }
  /** 0 to 2^32 - 1 */
  next(): number {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x
    return x >>> 0
  }
  /** 0 to n - 1 */
  below(n: number): number {
    return this.next() % n
  }
  /** From `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1)
  }
  chance(percent: number): boolean {
    return this.below(100) < percent
  }
  pick<A>(all: ReadonlyArray<A>): A {
    return all[this.below(all.length)]!
  }
  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    for (let i = 0; i < length; i++) bytes[i] = this.next() >>> 11
    return bytes
  }
}

/** The body of the recorded cases: byte i is (i * 7 + 3) & 255. */
export const patternBody = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 7 + 3) & 255)

// ---------------------------------------------------------------------------------------------------------------------
// recordings
// ---------------------------------------------------------------------------------------------------------------------

interface VectorMessage {
  readonly serviceId: number
  readonly messageId: number
  readonly header: { readonly [tag: number]: number }
  readonly bodyLength: number
  readonly priority?: Message.Priority
}

interface Vector {
  readonly name: string
  readonly envelope: "native" | "legacy"
  readonly messages: ReadonlyArray<VectorMessage>
  readonly hex: string
}

const read = (path: string) => JSON.parse(Fs.readFileSync(new URL(path, import.meta.url), "utf8"))

export const vectors: ReadonlyArray<Vector> = (read("../vectors/envelope.json").cases as ReadonlyArray<Vector>)
  .filter((vector) => vector.envelope === "native")

export const vectorMessage = (message: VectorMessage): Message.Message =>
  Message.make({ ...message, body: patternBody(message.bodyLength) })

interface Frame {
  readonly dir: "client->hub" | "hub->client"
  readonly hex: string
}

export const traces: ReadonlyArray<{ readonly name: string; readonly frames: ReadonlyArray<Frame> }> = [
  "hub-regtest",
  "hub-regtest-spend"
].map((name) => ({ name, frames: read(`../traces/${name}.json`).frames }))

// ---------------------------------------------------------------------------------------------------------------------
// writing
// ---------------------------------------------------------------------------------------------------------------------

/** Writes a message in as many batches of a size as it takes, and returns each batch. */
export const writeAll = (
  message: Message.Message,
  nextLimit: () => number = () => 250_000
): Array<Uint8Array> => {
  const written: Array<Uint8Array> = []
  let offset = 0
  do {
    const batch = WriteBatch.make({ limit: nextLimit(), capacity: 64 })
    const reached = envelope.write(message, offset, batch)
    if (reached <= offset && message.bodyLength > 0) throw new Error("no progress")
    offset = reached
    written.push(concat(batch.finish()))
  } while (offset < message.bodyLength)
  return written
}

export const encode = (...messages: ReadonlyArray<Message.Message>): Uint8Array =>
  concat(messages.flatMap((message) => writeAll(message)))

/** The lengths of the packets in a well-formed stream. */
export const packetLengths = (stream: Uint8Array): Array<number> => {
  const lengths: Array<number> = []
  for (let at = 0; at < stream.length; at += lengths.at(-1)!) lengths.push(stream[at]! | (stream[at + 1]! << 8))
  return lengths
}

/** A packet of any header and body, right or wrong, behind its true length. */
export const packet = (header: string, body: Uint8Array = new Uint8Array(0)): Uint8Array => {
  const bytes = fromHex(header)
  const length = 2 + bytes.length + body.length
  return concat([Uint8Array.of(length & 255, length >> 8), bytes, body])
}

const randomTag = (random: Random): number => {
  switch (random.below(4)) {
    case 0:
      return random.between(10, 30)
    case 1:
      return random.between(31, 300)
    case 2:
      return random.between(31, 70_000)
    default:
      return random.pick([30, 31, 127, 128, 16_511, 16_512, 0x7fffffff, 0x80000000, 0xffffffff])
  }
}

const randomValue = (random: Random): number => {
  const value = random.pick([0, 1, 127, 128, 16_511, 16_512, 0x7fffffff, random.next() >>> 1, random.below(1000)])
  return random.chance(40) ? 0 - value : value
}

export const randomHeader = (random: Random, most: number): { readonly [tag: number]: number } =>
  Object.fromEntries(Array.from({ length: random.below(most + 1) }, () => [randomTag(random), randomValue(random)]))

export const randomId = (random: Random): number =>
  random.pick([0, 1, 127, 128, 16_511, 16_512, 0x7fffffff, random.next() >>> 1, random.between(2, 100)])

export const randomBodyLength = (random: Random): number => {
  switch (random.below(6)) {
    case 0:
      return 0
    case 1:
      return random.pick([1, 64, 65, 511, 512, 513, 4095, 4096, 7999, 8000, 8001, 15_999, 16_000, 16_001, 24_001])
    case 2:
      return random.below(40_001)
    case 3:
      return random.below(9000)
    default:
      return random.below(300)
  }
}

export const randomMessage = (random: Random, bodyLength: number = randomBodyLength(random)): Message.Message =>
  Message.make({
    serviceId: randomId(random),
    messageId: random.chance(15) ? -1 : randomId(random),
    header: random.chance(50) ? {} : randomHeader(random, 6),
    body: random.bytes(bodyLength)
  })

// ---------------------------------------------------------------------------------------------------------------------
// reading
// ---------------------------------------------------------------------------------------------------------------------

/** A way to cut input into pieces: the length of the next one. */
export type Cut = (left: number) => number

export const whole: Cut = (left) => left

export const bytewise: Cut = () => 1

export const at = (offset: number): Cut => {
  let isFirst = offset > 0
  return (left) => {
    const length = isFirst ? offset : left
    isFirst = false
    return length
  }
}

export const randomly = (random: Random): Cut => (left) =>
  1 + random.below(random.chance(50) ? Math.min(left, 40) : left)

/** What was received, in a form that can be compared. */
export type Received = "ping" | "pong" | {
  readonly serviceId: number
  readonly messageId: number
  readonly header: ReadonlyArray<number>
  readonly body: string
}

const shortened = (body: Uint8Array): string =>
  body.length <= 64 ? toHex(body) : `${body.length} bytes: ${Buffer.from(body).toString("latin1")}`

export const show = (message: Message.Message): Received => ({
  serviceId: message.serviceId,
  messageId: message.messageId,
  header: [...message.header.pairs],
  body: shortened(Message.borrow(message))
})

export interface Outcome {
  readonly received: ReadonlyArray<Received>
  readonly messages: ReadonlyArray<Message.Message>
  readonly failure: WireError.WireError | undefined
}

/**
 * Receives a stream as a connection does: in pieces, through receive memory, with a hold for each read. After a failure
 * it goes on, to see that nothing more is decoded.
 */
export const receive = (
  stream: Uint8Array,
  cut: Cut,
  options: Envelope.DecoderOptions & { readonly keep?: boolean } = {}
): Outcome => {
  const reader = PacketReader.make(envelope, options)
  const received: Array<Received> = []
  const messages: Array<Message.Message> = []
  const sink: Envelope.Sink = {
    onMessage: (message) => {
      messages.push(message)
      received.push(show(message))
    },
    onPing: () => received.push("ping"),
    onPong: () => received.push("pong")
  }
  for (let from = 0; from < stream.length;) {
    const end = from + cut(stream.length - from)
    while (from < end) {
      const buffer = reader.buffer()
      const count = Math.min(buffer.length, end - from)
      buffer.set(stream.subarray(from, from + count))
      from += count
      const before = messages.length
      reader.commit(count, sink)
      const held = reader.hold()
      if (options.keep === true) messages.slice(before).forEach(Message.keep)
      reader.release(held)
    }
  }
  reader.close()
  if (reader.heldBytes !== 0) throw new Error(`${reader.heldBytes} bytes are still held`)
  return { received, messages, failure: reader.failure }
}

/** The reason of a failure as plain data. */
export const reasonOf = (failure: WireError.WireError | undefined): object | undefined =>
  failure === undefined ? undefined : { ...failure.reason, _tag: failure.reason._tag }

export const pairsOf = (header: Header.Header): ReadonlyArray<number> => [...header.pairs]

// ---------------------------------------------------------------------------------------------------------------------
// memory
// ---------------------------------------------------------------------------------------------------------------------

/**
 * A source that counts what it hands out, notices what is given back wrongly, and overwrites what comes back.
 */
export class SpySource implements Slab.SlabSource {
  readonly #inner: Slab.SlabSource
  readonly #out = new Set<Slab.Slab>()
  /** The sizes that were asked for, in order. */
  readonly asked: Array<number> = []
  readonly faults: Array<string> = []
  bytesOut = 0
  peak = 0
  constructor(inner: Slab.SlabSource = Slab.sourceUnpooled(262_144)) {
    this.#inner = inner
  }
  get count(): number {
    return this.#out.size
  }
  get slabSize(): number {
    return this.#inner.slabSize
  }
  readonly take = (size: number): Slab.Slab => {
    const slab = this.#inner.take(size)
    if (slab.holders !== 0) this.faults.push("taken while held")
    this.#out.add(slab)
    this.asked.push(size)
    this.bytesOut += slab.size
    this.peak = Math.max(this.peak, this.bytesOut)
    return slab
  }
  readonly give = (slab: Slab.Slab): void => {
    if (!this.#out.delete(slab)) this.faults.push(`a slab of ${slab.bytes.length} bytes was given that was not taken`)
    if (slab.holders !== 0) this.faults.push(`given with ${slab.holders} holders`)
    this.bytesOut -= slab.size
    if (!slab.exposed) slab.bytes.fill(0xee)
    this.#inner.give(slab)
  }
}

/** An envelope whose packets may be large: a length of four bytes, then the body. */
class LongPackets implements Envelope.Decoder {
  readonly failure = undefined
  needed = 0
  decode(slab: Slab.Slab, from: number, to: number, sink: Envelope.Sink): number {
    this.needed = 0
    while (to - from >= 4) {
      const end = from + 4 + Buffer.from(slab.bytes.buffer, slab.bytes.byteOffset + from, 4).readUInt32LE()
      if (end > to) {
        this.needed = end - from
        return from
      }
      sink.onMessage(Message.fromSlab(1, -1, Header.empty, slab, from + 4, end))
      from = end
    }
    return from
  }
  takeJoined(): ReadonlyArray<Slab.Slab> {
    return []
  }
  close(): void {}
}

export const longPackets: Envelope.Envelope = { ...envelope, decoder: () => new LongPackets() }

export const longPacket = (body: Uint8Array): Uint8Array => {
  const length = Buffer.alloc(4)
  length.writeUInt32LE(body.length)
  return concat([length, body])
}
