import { assert, describe, it } from "@effect/vitest"
import * as Header from "../../src/domain/Header.ts"
import * as Message from "../../src/domain/Message.ts"
import * as NativeEnvelope from "../../src/domain/NativeEnvelope.ts"
import type * as SendRefusal from "../../src/domain/SendRefusal.ts"
import * as Slab from "../../src/domain/Slab.ts"
import * as WriteBatch from "../../src/domain/WriteBatch.ts"
import {
  bytewise,
  concat,
  encode,
  envelope,
  fromHex,
  packetLengths,
  patternBody,
  Random,
  randomHeader,
  randomId,
  randomly,
  randomMessage,
  receive,
  type Received,
  seed,
  show,
  toHex,
  traces,
  vectorMessage,
  vectors,
  whole,
  writeAll
} from "../utils/native.ts"

const refusal = (
  message: Message.Message,
  priority: Message.Priority = "normal"
): readonly [SendRefusal.SendRefusal["problem"], number] | undefined => {
  const refused = envelope.check(message, priority)
  return refused === undefined ? undefined : [refused.problem, refused.value]
}

const isAccepted = (message: Message.Message, priority?: Message.Priority) =>
  assert.strictEqual(refusal(message, priority), undefined)

/** A message that says it has a body of a length, for lengths that need not be there. */
const ofLength = (bodyLength: number): Message.Message => ({ ...Message.make({ serviceId: 1 }), bodyLength })

const manyValues = (count: number, firstTag: number, value: number): Header.Header =>
  Header.fromPairsUnsafe(Array.from({ length: count }, (_, i) => [firstTag + i, value]).flat())

describe("NativeEnvelope", () => {
  it("is the native one, with a heartbeat", () => {
    assert.strictEqual(envelope.name, "native")
    assert.isTrue(envelope.heartbeat)
    assert.strictEqual(toHex(NativeEnvelope.ping), "0600087e2c04")
    assert.strictEqual(toHex(NativeEnvelope.pong), "0600087e3404")
    assert.strictEqual(envelope.ping, NativeEnvelope.ping)
    assert.strictEqual(envelope.pong, NativeEnvelope.pong)
  })

  describe("writes what the reference writes", () => {
    it("is proved by twelve recorded cases", () => assert.strictEqual(vectors.length, 12))

    for (const { hex, messages, name } of vectors) {
      it(name, () => {
        const made = messages.map(vectorMessage)
        for (const [i, message] of made.entries()) isAccepted(message, messages[i]!.priority)
        assert.strictEqual(toHex(encode(...made)), hex)
        // One packet in each batch.
        assert.strictEqual(toHex(concat(made.flatMap((message) => writeAll(message, () => 1)))), hex)
      })
    }
  })

  for (const { frames, name } of traces) {
    describe(`sends the frames of ${name} again`, () => {
      for (const dir of ["client->hub", "hub->client"] as const) {
        const sent = frames.filter((frame) => frame.dir === dir).map((frame) => frame.hex)
        for (
          const [how, cut] of [["whole", whole], ["bytewise", bytewise], [
            "random",
            randomly(new Random(seed))
          ]] as const
        ) {
          it(`${dir}, read ${how}`, () => {
            const { failure, messages, received } = receive(fromHex(sent.join("")), cut, { keep: true })
            assert.strictEqual(failure, undefined)
            assert.strictEqual(received.length, sent.length)
            let next = 0
            const again = received.map((one) => {
              if (one === "ping") return toHex(envelope.ping)
              if (one === "pong") return toHex(envelope.pong)
              return toHex(encode(messages[next++]!))
            })
            assert.deepStrictEqual(again, sent)
          })
        }
      }
    })
  }

  it(`writes any message so that it is read as it was, at any split, between high ones and pings (seed ${seed})`, () => {
    const random = new Random(seed)
    for (let round = 0; round < 150; round++) {
      const stream: Array<Uint8Array> = []
      const expected: Array<Received> = []
      for (let count = random.between(1, 6); count > 0; count--) {
        const message = randomMessage(random)
        isAccepted(message)
        const written = writeAll(message, () => random.between(1, 40_000))
        let size = 0
        for (const [i, batch] of written.entries()) {
          stream.push(batch)
          size += batch.length
          if (i === written.length - 1) break
          // Between the chunks of a message.
          if (random.chance(30)) {
            const high = randomMessage(random, random.below(8001))
            isAccepted(high, "high")
            stream.push(encode(high))
            expected.push(show(high))
          }
          if (random.chance(20)) {
            stream.push(NativeEnvelope.ping)
            expected.push("ping")
          }
        }
        expected.push(show(message))
        assert.isAtMost(size, envelope.wireSize(message))
      }
      const { failure, received } = receive(concat(stream), randomly(random))
      assert.strictEqual(failure, undefined)
      assert.deepStrictEqual(received, expected)
    }
  })

  it(`writes many messages into one batch (seed ${seed})`, () => {
    const random = new Random(seed + 1)
    const batch = WriteBatch.make({ limit: 250_000 })
    for (let round = 0; round < 40; round++) {
      batch.clear()
      const messages: Array<Message.Message> = []
      while (batch.room > 0) {
        const message = randomMessage(random)
        const before = batch.size
        let offset = 0
        do offset = envelope.write(message, offset, batch)
        while (offset < message.bodyLength)
        assert.isAtMost(batch.size - before, envelope.wireSize(message))
        messages.push(message)
      }
      const { failure, received } = receive(concat(batch.finish()), randomly(random))
      assert.strictEqual(failure, undefined)
      assert.deepStrictEqual(received, messages.map(show))
    }
  })

  it("stops after the first packet that leaves no room for another", () => {
    const message = Message.make({ serviceId: 1, body: patternBody(40_000) })
    // The first packet has 8012 bytes. Another is begun when there is room for the longest that can be: 8022.
    for (const [limit, reached] of [[1, 8000], [8000, 8000], [16_033, 8000], [16_034, 16_000], [50_000, 40_000]]) {
      const batch = WriteBatch.make({ limit: limit! })
      assert.strictEqual(envelope.write(message, 0, batch), reached)
    }
    const full = WriteBatch.make({ limit: 0 })
    assert.strictEqual(envelope.write(message, 16_000, full), 24_000)
    assert.strictEqual(envelope.write(message, 32_000, full), 40_000)
  })

  it("writes a received message, kept or not, and its encoded header", () => {
    const slab = Slab.make(Uint8Array.from({ length: 9000 }, (_, i) => i))
    const received = Message.fromSlab(4, 5, Header.make({ 11: 7 }), slab, 1000, 8000)
    assert.deepStrictEqual(encode(received).subarray(9), slab.bytes.subarray(1000, 8000))
    const encodedHeader = fromHex("08 04 10 05 58 07 04")
    const relayed = Message.makeEncoded({ encodedHeader, serviceId: 4, messageId: 5, body: received.body })
    isAccepted(relayed)
    assert.deepStrictEqual(encode(relayed), encode(received))
    assert.strictEqual(envelope.wireSize(relayed), 2 + 7 + 7000)
  })

  it("says how much a message takes at most", () => {
    const size = (length: number) => envelope.wireSize(Message.make({ serviceId: 1, body: patternBody(length) }))
    assert.strictEqual(size(0), 22)
    assert.strictEqual(size(8000), 8022)
    assert.strictEqual(size(8001), 8001 + 3 * 22)
  })

  describe("refuses", () => {
    it("no service id", () => {
      for (const serviceId of [-1, 0.5, NaN, 2 ** 31, Infinity, undefined as unknown as number]) {
        assert.deepStrictEqual(refusal(Message.make({ serviceId })), ["NoServiceId", serviceId])
      }
      isAccepted(Message.make({ serviceId: 0 }))
      isAccepted(Message.make({ serviceId: 2 ** 31 - 1 }))
    })

    it("the service id of the network layer", () => {
      assert.deepStrictEqual(refusal(Message.make({ serviceId: 126 })), ["ReservedServiceId", 126])
      isAccepted(Message.make({ serviceId: 125 }))
      isAccepted(Message.make({ serviceId: 127 }))
    })

    it("a message id that is none", () => {
      for (const messageId of [-2, 0.5, NaN, 2 ** 31]) {
        assert.deepStrictEqual(refusal(Message.make({ serviceId: 1, messageId })), ["BadMessageId", messageId])
      }
      isAccepted(Message.make({ serviceId: 1, messageId: -1 }))
      isAccepted(Message.make({ serviceId: 1, messageId: 2 ** 31 - 1 }))
    })

    it("a high priority message over 8000 bytes", () => {
      isAccepted(Message.make({ serviceId: 1, body: patternBody(8000) }), "high")
      const long = Message.make({ serviceId: 1, body: patternBody(8001) })
      assert.deepStrictEqual(refusal(long, "high"), ["HighPriorityTooLong", 8001])
      isAccepted(long, "normal")
    })

    it("more than 95 header values", () => {
      isAccepted(Message.make({ serviceId: 1, header: manyValues(95, 10, 1) }))
      const header = manyValues(96, 10, 1)
      assert.deepStrictEqual(refusal(Message.make({ serviceId: 1, header })), ["TooManyHeaderValues", 96])
    })

    it("a header tag from 0 to 9", () => {
      for (let tag = 0; tag < 10; tag++) {
        const message = Message.make({ serviceId: 1, header: { [tag]: 1, 11: 5 } })
        assert.deepStrictEqual(refusal(message), ["ReservedHeaderTag", tag])
      }
      isAccepted(Message.make({ serviceId: 1, header: { 10: 1 } }))
    })

    it("a header tag or value that cannot be written", () => {
      for (const tag of [-1, 10.5, 2 ** 32, NaN]) {
        const message = Message.make({ serviceId: 1, header: Header.fromPairsUnsafe([tag, 1]) })
        assert.deepStrictEqual(refusal(message), ["BadHeaderValue", tag])
      }
      for (const value of [2 ** 31, -(2 ** 31), 0.5, NaN, undefined as unknown as number]) {
        assert.deepStrictEqual(refusal(Message.make({ serviceId: 1, header: { 11: value } })), ["BadHeaderValue", 11])
      }
      isAccepted(Message.make({ serviceId: 1, header: { 11: 2 ** 31 - 1, 12: 1 - 2 ** 31, 4294967295: 0 } }))
    })

    it("a header that leaves no room for the body in a packet", () => {
      // 2 + (1 + 1) + (1 + 1) + 90 * (1 + 5 + 5) + 1 is 997 bytes.
      const header = manyValues(90, 0xffff0000, 2 ** 31 - 1)
      const message = (length: number) =>
        Message.make({ serviceId: 1, messageId: 1, header, body: patternBody(length) })
      isAccepted(message(8000))
      isAccepted(message(7999))
      assert.strictEqual(encode(message(8000)).length, 8997)
      // A chunked one says how long it is: 1 + 2 bytes, and 1 more for LastInSequence.
      assert.deepStrictEqual(refusal(message(8001)), ["HeaderTooLong", 9001])
      const shorter = Message.make({ serviceId: 1, messageId: 1, header: manyValues(90, 0xfffffff, 2 ** 31 - 1) })
      isAccepted(Message.make({ ...shorter, serviceId: 1, body: patternBody(8001) }))
    })

    it("a body beyond what the format can announce", () => {
      isAccepted(ofLength(2 ** 31 - 1))
      assert.deepStrictEqual(refusal(ofLength(2 ** 31)), ["BodyTooLong", 2 ** 31])
    })

    it("an encoded header with a body over 8000 bytes, or too long for its packet", () => {
      const encodedHeader = fromHex("08 04 10 05 04")
      const relayed = (body: number, header = encodedHeader) =>
        Message.makeEncoded({ encodedHeader: header, serviceId: 4, body: patternBody(body) })
      isAccepted(relayed(8000))
      assert.deepStrictEqual(refusal(relayed(8001)), ["EncodedHeaderTooLong", 8001])
      // 08 04, a byte array that is skipped, 04.
      const padded = (length: number) =>
        concat([fromHex("08 04 53"), lengthBytes(length - 6), patternBody(length - 6), fromHex("04")])
      assert.strictEqual(padded(998).length, 998)
      isAccepted(relayed(8000, padded(998)))
      assert.deepStrictEqual(refusal(relayed(8000, padded(999))), ["EncodedHeaderTooLong", 999])
    })

    it("an encoded header that is not one whole header", () => {
      for (const hex of ["", "04", "08 04", "08 04 04 00", "10 05 08 04 04", "08 04 38 01 04", "08 04 57 04"]) {
        const message = Message.makeEncoded({ encodedHeader: fromHex(hex), serviceId: 4 })
        assert.deepStrictEqual(refusal(message), ["BadEncodedHeader", fromHex(hex).length])
      }
    })

    it("with an explanation", () => {
      const refused = envelope.check(Message.make({ serviceId: 1, header: { 7: 1 } }), "normal")
      assert.strictEqual(
        refused?.message,
        "the message cannot be sent: header tags 0 to 9 belong to the network layer (7)"
      )
    })
  })

  it(`refuses exactly those whose packets would be longer than 9000 bytes (seed ${seed})`, () => {
    const random = new Random(seed + 2)
    let refused = 0
    for (let round = 0; round < 4000; round++) {
      const message = Message.make({
        serviceId: randomId(random),
        messageId: random.chance(20) ? -1 : randomId(random),
        header: random.chance(10)
          ? randomHeader(random, 95)
          : manyValues(
            random.between(85, 95),
            random.pick([20, 0x10000, 0xfff0000, 0xffff0000]),
            random.pick([1, 1 - 2 ** 31])
          ),
        body: new Uint8Array(random.pick([7900, 7990, 7999, 8000, 8001, 8100, 17_000]))
      })
      const stream = encode(message)
      assert.isAtMost(stream.length, envelope.wireSize(message))
      const [problem] = refusal(message) ?? []
      // What does not fit must not be measured by its length bytes: they say less than what was written.
      const chunks = message.bodyLength <= 8000 ? 1 : Math.ceil(message.bodyLength / 8000)
      const first = stream.length - (chunks === 1 ? 0 : laterPackets(message))
      if (first > 9000) {
        refused++
        assert.strictEqual(problem, "HeaderTooLong")
      } else {
        assert.strictEqual(problem, undefined)
        assert.isTrue(packetLengths(stream).every((length) => length <= 9000))
      }
    }
    assert.isAbove(refused, 100)
  })
})

const laterPackets = (message: Message.Message): number => {
  const batch = WriteBatch.make({ limit: 250_000 })
  envelope.write(message, 8000, batch)
  return batch.size
}

/** A compact integer from 128 to 16511. */
const lengthBytes = (n: number): Uint8Array => Uint8Array.of(0x80 | ((n - 128) >> 7), (n - 128) & 0x7f)
