import { assert, describe, it } from "@effect/vitest"
import * as Message from "../../src/domain/Message.ts"
import {
  concat,
  encode,
  envelope,
  fromHex,
  packet,
  patternBody,
  Random,
  randomly,
  receive,
  seed,
  show,
  SpySource,
  toHex,
  vectors,
  whole
} from "../utils/native.ts"

// A header of a message, of a chunk or of a ping, sometimes with something odd in it.
const oddHeader = (random: Random): Uint8Array => {
  const parts = [fromHex(random.pick(["08 04", "08 04", "08 04", "08 04", "08 05", "08 7e 2c"]))]
  const values = [
    "10 07",
    "11 01",
    "18 0a",
    "18 64",
    "18 00",
    "24",
    "25",
    "24",
    "25",
    "58 05",
    "59 86 fe fe fe 7f",
    "5a 02 41 42"
  ]
  const odd = [
    "2c",
    "34",
    "18 8e a0 8f 01",
    "18 8d e3 8a 40",
    "58 fe fe fe fe fe fe fe fe fe 7f",
    "5e 00",
    "f8 80",
    "38 01",
    "5a 80",
    "f8 80 00 01",
    "10 07"
  ]
  for (let count = random.below(4); count > 0; count--) {
    parts.push(fromHex(random.pick(random.chance(90) ? values : odd)))
  }
  if (!random.chance(2)) parts.push(Uint8Array.of(4))
  return concat(parts)
}

const oddStream = (random: Random): Uint8Array =>
  concat(
    Array.from({ length: random.between(1, 8) }, () =>
      packet(toHex(oddHeader(random)), random.bytes(random.pick([0, 0, 5, 10, 90]))))
  )

const mutated = (random: Random, stream: Uint8Array): Uint8Array => {
  const bytes = Uint8Array.from(stream)
  for (let count = random.below(4); count > 0 && bytes.length > 0; count--) {
    const where = random.below(bytes.length)
    switch (random.below(3)) {
      case 0:
        bytes[where] = random.below(256)
        break
      case 1:
        bytes[where] ^= 1 << random.below(8)
        break
      default:
        bytes.copyWithin(where, random.below(bytes.length))
    }
  }
  return random.chance(20) ? bytes.subarray(0, random.below(bytes.length + 1)) : bytes
}

describe("NativeDecoder with foreign bytes", () => {
  it(`gives values or typed errors within its memory, for 100,000 of them (seed ${seed})`, { timeout: 120_000 }, () => {
    const random = new Random(seed)
    const limit = 100_000
    const recorded = vectors.map((vector) => fromHex(vector.hex))
    const large = encode(Message.make({ serviceId: 4, messageId: 7, body: patternBody(30_000) }))
    const outcomes = new Map<string, number>()
    for (let round = 0; round < 100_000; round++) {
      const kind = random.below(100)
      const stream = kind < 15
        ? random.bytes(random.below(60))
        : kind < 25
        ? concat([fromHex("07 00 08 04"), random.bytes(random.below(60))])
        : kind < 95
        ? mutated(random, oddStream(random))
        : kind < 99
        ? mutated(random, random.pick(recorded))
        : mutated(random, large)
      const slabs = new SpySource()
      const { failure, messages } = receive(stream, random.chance(50) ? whole : randomly(random), {
        slabs,
        maxMessageSize: limit,
        side: random.chance(50) ? "dialled" : "accepted",
        keep: random.chance(30)
      })
      const outcome = failure === undefined ? messages.length > 0 ? "values" : "nothing" : failure.reason._tag
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
      const most = slabs.peak > 2 * 16_384 + limit
      if (most || slabs.count > 0 || slabs.faults.length > 0) {
        assert.fail(
          `round ${round}: ${slabs.peak} bytes, ${slabs.count} slabs, ${slabs.faults.join()}; ${toHex(stream)}`
        )
      }
      for (const message of messages) {
        if (message.messageId < -1 || message.serviceId < 0 || message.bodyLength > limit) {
          assert.fail(`round ${round}: ${JSON.stringify(message)}`)
        }
      }
    }
    const seen = ["BadHeader", "BadLength", "BadSequence", "UnexpectedPing", "WrongProtocol", "nothing", "values"]
    assert.deepStrictEqual([...outcomes.keys()].sort(), seen)
    for (const [outcome, count] of outcomes) assert.isAbove(count, 100, outcome)
  })

  it(`sends what it received as it received it (seed ${seed})`, () => {
    const random = new Random(seed + 1)
    let count = 0
    for (let round = 0; round < 20_000; round++) {
      const { messages } = receive(mutated(random, oddStream(random)), whole, { keep: true })
      for (const message of messages) {
        const refused = envelope.check(message, "normal")
        if (refused !== undefined) assert.fail(`round ${round}: ${refused.message}`)
        const again = receive(encode(message), whole)
        assert.deepStrictEqual(again.received, [show(message)])
        count++
      }
    }
    assert.isAbove(count, 5000)
  })
})
