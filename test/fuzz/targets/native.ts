/**
 * Streams of the native envelope, as a connection receives them, and the joining of chunks.
 */
import * as ChunkJoiner from "../../../src/domain/ChunkJoiner.ts"
import * as Header from "../../../src/domain/Header.ts"
import type * as Message from "../../../src/domain/Message.ts"
import * as PacketReader from "../../../src/domain/PacketReader.ts"
import * as Slab from "../../../src/domain/Slab.ts"
import * as Native from "../../utils/native.ts"
import * as Borders from "../harness/borders.ts"
import { equal, isTrue } from "../harness/expect.ts"
import { digest } from "../harness/inputs.ts"
import type { Decoder, Made } from "../harness/target.ts"

const { Random, concat, encode, envelope, packet, receive, show } = Native

const maxMessageSize = 20_000

/**
 * The memory of two slabs, and of a message that grows while its old memory is still there. A slab is exchanged when it
 * is half full, for one of four times its size, so two are at most ten times what came, or the smallest and its next.
 */
const mostMemory = (received: number): number =>
  Math.min(2 * PacketReader.slabSize, 10 * received + 5 * Slab.smallestSize) + 2 * maxMessageSize

interface Way {
  readonly cut: Native.Cut
  readonly side: "dialled" | "accepted" | undefined
  readonly keep: boolean
}

const receiveChecked = (input: Uint8Array, { cut, keep, side }: Way): Native.Outcome => {
  const slabs = new Native.SpySource()
  const outcome = receive(input, cut, { slabs, maxMessageSize, keep, ...(side === undefined ? {} : { side }) })
  isTrue(slabs.peak <= mostMemory(input.length), `${slabs.peak} bytes of slabs are within the limit`)
  equal(slabs.count, 0, "slabs that are left")
  equal(slabs.faults, [], "faults of slabs")
  return outcome
}

const goesAgain = (message: Message.Message): void => {
  isTrue(message.serviceId >= 0 && message.messageId >= -1, "the ids are in their range")
  isTrue(message.bodyLength <= maxMessageSize, "the body is within the limit")
  equal(envelope.check(message, "normal"), undefined, "what was received can be sent")
  equal(receive(encode(message), Native.whole).received, [show(message)], "what was received, sent again")
}

const run = (input: Uint8Array): string => {
  const random = new Random(digest(input))
  const side = random.pick(["dialled", "accepted", undefined] as const)
  const atOnce = receiveChecked(input, { cut: Native.whole, side, keep: true })
  const cuts = [Native.randomly(random), ...(input.length < 80 ? [Native.bytewise] : [])]
  for (const cut of cuts) {
    const inPieces = receiveChecked(input, { cut, side, keep: random.chance(30) })
    equal(inPieces.received, atOnce.received, "received in pieces")
    equal(Native.reasonOf(inPieces.failure), Native.reasonOf(atOnce.failure), "the failure in pieces")
  }
  atOnce.messages.slice(0, 4).forEach(goesAgain)
  return atOnce.failure?.reason._tag ?? (atOnce.received.length > 0 ? "messages" : "nothing")
}

const bodyLength = (random: Native.Random): number =>
  random.chance(4) ? random.below(maxMessageSize) : random.below(random.pick([2, 20, 300]))

const make = (random: Native.Random): Made => {
  const messages = Array.from(
    { length: random.between(1, 4) },
    () => Native.randomMessage(random, bodyLength(random))
  )
  const bytes = encode(...messages)
  return {
    bytes,
    verify: () => equal(receive(bytes, Native.whole).received, messages.map(show), "the messages that were sent")
  }
}

const headerValues = [
  "10 07",
  "11 01",
  "18 0a",
  "18 64",
  "18 00",
  "24",
  "25",
  "58 05",
  "59 86 fe fe fe 7f",
  "5a 02 41 42",
  "2c",
  "34",
  "18 8e a0 8f 01",
  "18 8d e3 8a 40",
  "58 fe fe fe fe fe fe fe fe fe 7f",
  "5e 00",
  "f8 80",
  "38 01",
  "5a 80",
  "f8 80 00 01"
]

/** Packets of right lengths whose headers hold anything: chunks in any order, pings, values that mean nothing. */
const odd = (random: Native.Random): Uint8Array =>
  concat(Array.from({ length: random.between(1, 8) }, () => {
    const values = Array.from({ length: random.below(4) }, () => random.pick(headerValues))
    const first = random.pick(["08 04", "08 04", "08 04", "08 05", "08 7e 2c", "08 7e 34"])
    const end = random.chance(3) ? "" : "04"
    return packet(`${first} ${values.join(" ")} ${end}`, random.bytes(random.pick([0, 0, 5, 10, 90])))
  }))

export const native: Decoder = {
  kind: "decoder",
  name: "native",
  weight: 2,
  seeds: [
    ...Native.vectors.map(({ hex }) => Native.fromHex(hex)),
    ...Native.traces.flatMap(({ frames }) => frames.slice(0, 40).map(({ hex }) => Native.fromHex(hex)))
  ].filter(({ length }) => length < 2000),
  make,
  odd,
  borders: Borders.ofNative,
  longest: 40_000,
  run
}

const chunkLimit = 3_000_000

interface Step {
  readonly chunk: ChunkJoiner.Chunk
  readonly length: number
}

/** Chunks that an input stands for, five bytes each: what it is, two ids, and two of a length. */
const stepsOf = (input: Uint8Array): ReadonlyArray<Step> => {
  const steps: Array<Step> = []
  for (let at = 0; at + 5 <= input.length && steps.length < 200; at += 5) {
    const [flags = 0, serviceId = 0, messageId = 0, low = 0, high = 0] = input.subarray(at, at + 5)
    const length = (low | (high << 8)) % 8001
    const scale = 10 ** ((flags >> 2) & 7)
    steps.push({
      chunk: {
        serviceId: serviceId & 3,
        messageId: (messageId & 3) - 1,
        header: Header.empty,
        announced: (flags & 2) === 0 ? -1 : low * scale,
        isLast: (flags & 1) === 1
      },
      length
    })
  }
  return steps
}

/** What the joining comes to, said once more: lengths of messages, then a problem. */
const modelOf = (steps: ReadonlyArray<Step>): ReadonlyArray<string> => {
  const told: Array<string> = []
  let open: { readonly chunk: ChunkJoiner.Chunk; received: number } | undefined
  for (const { chunk, length } of steps) {
    if (chunk.announced >= 0) {
      if (open !== undefined) return [...told, "AlreadyOpen"]
      if (chunk.announced > chunkLimit) return [...told, "BadLength"]
      open = { chunk, received: 0 }
    }
    if (open === undefined) return [...told, "NotOpen"]
    const first = open.chunk
    if (first.serviceId !== chunk.serviceId || first.messageId !== chunk.messageId) return [...told, "OtherMessage"]
    open.received += length
    if (open.received > first.announced) return [...told, "TooMuch"]
    if (!chunk.isLast) continue
    if (open.received < first.announced) return [...told, "TooLittle"]
    told.push(`${first.serviceId}/${first.messageId} ${open.received}`)
    open = undefined
  }
  return told
}

const bytes = Native.patternBody(8000)

const runChunks = (input: Uint8Array): string => {
  const slabs = new Native.SpySource()
  const joiner = ChunkJoiner.make({ maxMessageSize: chunkLimit, slabs })
  const steps = stepsOf(input)
  const told: Array<string> = []
  let given = 0
  for (const { chunk, length } of steps) {
    const message = joiner.push(chunk, bytes, 0, length)
    given += length
    if (message !== undefined) told.push(`${message.serviceId}/${message.messageId} ${message.bodyLength}`)
    for (const slab of joiner.takeFinished()) slabs.give(slab)
    isTrue(slabs.peak <= ChunkJoiner.joinStep + 16_384 + 4 * given, `${slabs.peak} bytes are in proportion to ${given}`)
    if (joiner.failure !== undefined) break
  }
  const { failure } = joiner
  if (failure !== undefined) told.push(failure._tag === "BadSequence" ? failure.problem : failure._tag)
  equal(told, modelOf(steps), "what was joined")
  joiner.close()
  equal([slabs.count, slabs.faults], [0, []], "slabs that are left")
  return failure === undefined ? told.length > 0 ? "messages" : "nothing" : told.at(-1)!
}

/** A message in chunks, announced as it is. */
const makeChunks = (random: Native.Random): Made => {
  const scale = random.below(4)
  const first = random.between(1, 200)
  const lengths: Array<number> = []
  for (let left = first * 10 ** scale - first; left > 0;) {
    const length = Math.min(left, random.chance(80) ? 8000 : 1 + random.below(8000))
    lengths.push(length)
    left -= length
  }
  const steps = lengths.map((length, i) => [i === lengths.length - 1 ? 1 : 0, 1, 2, length & 255, length >> 8])
  return { bytes: Uint8Array.from([2 | (scale << 2) | (steps.length === 0 ? 1 : 0), 1, 2, first, 0, ...steps.flat()]) }
}

export const chunks: Decoder = {
  kind: "decoder",
  name: "chunks",
  seeds: [],
  make: makeChunks,
  borders: (input) => Array.from({ length: Math.floor(input.length / 5) }, (_, i) => 5 * i),
  run: runChunks,
  allowance: 20_000_000
}
