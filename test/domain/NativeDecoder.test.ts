import { assert, describe, it } from "@effect/vitest"
import type * as Envelope from "../../src/domain/Envelope.ts"
import * as Message from "../../src/domain/Message.ts"
import * as NativeDecoder from "../../src/domain/NativeDecoder.ts"
import * as Slab from "../../src/domain/Slab.ts"
import {
  at,
  bytewise,
  concat,
  envelope,
  fromHex,
  packet,
  patternBody,
  Random,
  randomly,
  reasonOf,
  receive,
  type Received,
  seed,
  show,
  SpySource,
  toHex,
  vectorMessage,
  vectors,
  whole
} from "../utils/native.ts"

const good = packet("08 04 10 01 04", patternBody(2))
const goodReceived: Received = { serviceId: 4, messageId: 1, header: [], body: "030a" }

const ping = envelope.ping

/** What one packet says, after another one, with the values of its header. */
const headerOf = (hex: string) => {
  const { failure, received } = receive(concat([good, packet(hex)]), whole)
  assert.strictEqual(failure, undefined)
  const [, one] = received
  return typeof one === "object" ? [one.serviceId, one.messageId, ...one.header] : one
}

interface Malformed {
  readonly name: string
  readonly stream: Uint8Array
  readonly reason: object
  /** What comes before the fault. */
  readonly received?: ReadonlyArray<Received>
  readonly options?: Envelope.DecoderOptions
}

const header = (problem: string, tag: number) => ({ _tag: "BadHeader", problem, tag })

const badHeader = (name: string, hex: string, problem: string, tag: number): Malformed => ({
  name,
  stream: concat([good, packet(hex)]),
  received: [goodReceived],
  reason: header(problem, tag)
})

const badLength = (bytes: string, length: number): Malformed => ({
  name: `a packet of ${length} bytes`,
  stream: concat([good, fromHex(bytes)]),
  received: [goodReceived],
  reason: { _tag: "BadLength", what: "packet", length, minimum: 5, maximum: 9000 }
})

const wrongProtocol = (name: string, hex: string): Malformed => ({
  name,
  stream: fromHex(hex),
  reason: { _tag: "WrongProtocol", expected: "08 as the third byte", found: hex.slice(0, 8) }
})

const badSequence = (
  name: string,
  problem: string,
  announced: number,
  received: number,
  ...packets: ReadonlyArray<Uint8Array>
): Malformed => ({
  name,
  stream: concat([good, ...packets]),
  received: [goodReceived],
  reason: { _tag: "BadSequence", problem, announced, received }
})

// Chunks of message 7 of service 4: of 10 bytes, a later one and the last one.
const start = (body: Uint8Array) => packet("08 04 10 07 18 0a 25 04", body)
const later = (body: Uint8Array) => packet("08 04 10 07 25 04", body)
const last = (body: Uint8Array) => packet("08 04 10 07 24 04", body)
const five = patternBody(5)

const malformed: ReadonlyArray<Malformed> = [
  wrongProtocol("a first packet that does not start with a service id", "07 00 10 04 10 65 04"),
  wrongProtocol("a first packet with a negative service id", "07 00 09 04 10 65 04"),
  wrongProtocol("the beginning of a legacy packet", "e3 e1 f3 e8 76 65 72 73"),
  wrongProtocol("the beginning of a TLS handshake", "16 03 01 02 00 01 00 01"),
  wrongProtocol("the beginning of a web request", "47 45 54 20 2f 20 48 54"),
  badLength("00 00", 0),
  badLength("01 00", 1),
  badLength("02 00", 2),
  badLength("03 00 08", 3),
  badLength("04 00 08 04", 4),
  badLength("29 23", 9001),
  badLength("ff ff", 65_535),
  {
    name: "a first packet that is too long",
    stream: fromHex("29 23 08 04"),
    reason: { _tag: "BadLength", what: "packet", length: 9001, minimum: 5, maximum: 9000 }
  },
  badHeader("a later packet that does not start with a service id", "10 04 08 04 04", "ServiceIdNotFirst", 1),
  badHeader("a negative service id", "09 04 10 01 04", "ServiceIdNegative", 1),
  badHeader("a service id that is text", "0a 01 41 04", "ServiceIdNotFirst", 1),
  badHeader("a second service id", "08 04 10 01 08 04 04", "ServiceIdRepeated", 1),
  badHeader("a second service id, negative", "08 04 09 04 04", "ServiceIdRepeated", 1),
  badHeader("a second service id by extended tag", "08 04 f8 01 04 04", "ServiceIdRepeated", 1),
  badHeader("a service id over 31 bits", "08 86 fe fe ff 00 04", "OutOfRange", 1),
  badHeader("a service id without an end", "08 80 80 80", "Malformed", 1),
  badHeader("a service id of eleven bytes", "08 80 80 80 80 80 80 80 80 80 80 00 04", "Malformed", 1),
  badHeader("a header without an end", "08 04 10 01", "Unterminated", 0),
  badHeader("a message id without its value", "08 04 10", "Malformed", 2),
  badHeader("a header without an end, in the short form", "08 04 58", "Malformed", 11),
  badHeader("a header that ends in a value that is skipped", "08 04 5c", "Unterminated", 0),
  badHeader("the end of a header as an integer", "08 04 00 01 04", "WrongType", 0),
  badHeader("the end of a header as false", "08 04 05 04", "WrongType", 0),
  badHeader("a message id below -1", "08 04 11 02 04", "OutOfRange", 2),
  badHeader("a message id over 31 bits", "08 04 10 86 fe fe ff 00 04", "OutOfRange", 2),
  badHeader("a message id that is text", "08 04 12 01 41 04", "WrongType", 2),
  badHeader("a message id that is true", "08 04 14 04", "WrongType", 2),
  badHeader("a negative announced size", "08 04 19 05 25 04", "OutOfRange", 3),
  badHeader("an announced size over 2^53", "08 04 18 8e fe fe fe fe fe ff 00 25 04", "OutOfRange", 3),
  badHeader("an announced size that is a double", "08 04 1e 00 00 00 00 00 00 00 00 25 04", "WrongType", 3),
  badHeader("an announced size in a packet that is no chunk", "08 04 18 0a 04", "WrongType", 4),
  badHeader("LastInSequence as an integer", "08 04 20 01 04", "WrongType", 4),
  badHeader("a ping as an integer", "08 7e 28 01 04", "WrongType", 5),
  badHeader("a pong as bytes", "08 7e 33 01 00 04", "WrongType", 6),
  badHeader("type 7 in a tag of the envelope", "08 04 17 04", "WrongType", 2),
  ...[7, 8, 9].flatMap((tag) =>
    ["0 01", "1 01", "2 00", "3 00", "4", "5", "6 0000000000000000", "7"].map((typeAndPayload) => {
      const [type, payload = ""] = typeAndPayload.split(" ")
      const first = ((tag << 3) | Number(type)).toString(16)
      return badHeader(`reserved tag ${tag} with type ${type}`, `08 04 ${first} ${payload} 04`, "ReservedTag", tag)
    })
  ),
  badHeader("type 7", "08 04 57 04", "Malformed", 10),
  badHeader("type 7 behind an extended tag", "08 04 ff 80 00 04", "Malformed", 128),
  badHeader("a value without an end", "08 04 58 80 80", "Malformed", 11),
  badHeader("a value without an end within ten bytes", "08 04 58 80 80 80 80 80 80 80 80 80 80 04", "Malformed", 11),
  badHeader("a value beyond 2^64-1", "08 04 58 80 fe fe fe fe fe fe fe ff 00 04", "Malformed", 11),
  badHeader("an extended tag beyond 2^32-1", "08 04 f8 8e fe fe ff 00 01 04", "OutOfRange", 31),
  badHeader("an extended tag without an end", "08 04 f8 80 80", "Malformed", 31),
  badHeader("a text past the end", "08 04 5a 02 04", "Malformed", 11),
  badHeader("a text far past the end", "08 04 5a fe fe fe fe 7f 04", "Malformed", 11),
  badHeader("bytes past the end by 2^64-1", "08 04 5b 80 fe fe fe fe fe fe fe fe 7f 04", "Malformed", 11),
  badHeader("bytes whose length has no end", "08 04 5b 80 80", "Malformed", 11),
  badHeader("a cut double", "08 04 5e 00 00 00 00 00 00 04", "Malformed", 11),
  badSequence("a chunk with no sequence open", "NotOpen", 0, 0, last(five)),
  badSequence("a second start", "AlreadyOpen", 10, 5, start(five), start(five)),
  badSequence("a chunk of another service", "OtherMessage", 10, 5, start(five), packet("08 05 10 07 24 04", five)),
  badSequence("a chunk of another message", "OtherMessage", 10, 5, start(five), packet("08 04 10 08 24 04", five)),
  badSequence("a chunk without the message id", "OtherMessage", 10, 5, start(five), packet("08 04 24 04", five)),
  badSequence("more bytes than announced at once", "TooMuch", 10, 11, start(patternBody(11))),
  badSequence("more bytes than announced in the end", "TooMuch", 10, 11, start(five), last(patternBody(6))),
  badSequence(
    "more bytes than announced before the end",
    "TooMuch",
    10,
    11,
    start(five),
    later(five),
    later(patternBody(1))
  ),
  badSequence("a last chunk that leaves too few", "TooLittle", 10, 9, start(five), last(patternBody(4))),
  badSequence("an empty last chunk that leaves too few", "TooLittle", 10, 5, start(five), last(patternBody(0))),
  {
    name: "an announced size over the limit",
    stream: concat([good, packet("08 04 10 07 18 86 69 25 04", five)]),
    received: [goodReceived],
    reason: { _tag: "BadLength", what: "message", length: 1001, minimum: 0, maximum: 1000 },
    options: { maxMessageSize: 1000 }
  },
  {
    name: "an announced size over the default limit",
    stream: concat([good, packet("08 04 10 07 18 8e a0 8f 01 25 04", five)]),
    received: [goodReceived],
    reason: { _tag: "BadLength", what: "message", length: 32_000_001, minimum: 0, maximum: 32_000_000 }
  },
  {
    name: "a ping to the side that dialled",
    stream: concat([good, ping]),
    received: [goodReceived],
    reason: { _tag: "UnexpectedPing" },
    options: { side: "dialled" }
  },
  {
    name: "a fault between the chunks of a message",
    stream: concat([start(five), packet("08 05 04"), packet("08 05 38 01 04"), last(five)]),
    received: [{ serviceId: 5, messageId: -1, header: [], body: "" }],
    reason: header("ReservedTag", 7)
  },
  {
    name: "a fault behind a joined message",
    stream: concat([start(five), last(five), fromHex("00 00")]),
    received: [{ serviceId: 4, messageId: 7, header: [], body: toHex(concat([five, five])) }],
    reason: { _tag: "BadLength", what: "packet", length: 0, minimum: 5, maximum: 9000 }
  }
]

describe("NativeDecoder", () => {
  describe("reads what the reference writes", () => {
    const cuts = [
      ["whole", () => whole],
      ["byte by byte", () => bytewise],
      [`at random splits (seed ${seed})`, () => randomly(new Random(seed))]
    ] as const
    for (const { hex, messages, name } of vectors) {
      for (const [how, cut] of cuts) {
        it(`${name}, ${how}`, () => {
          const { failure, received } = receive(fromHex(hex), cut())
          assert.strictEqual(failure, undefined)
          assert.deepStrictEqual(received, messages.map((message) => show(vectorMessage(message))))
        })
      }
    }
  })

  describe("reads", () => {
    it("a packet without a message id, and with -1 as one", () => {
      assert.deepStrictEqual(headerOf("08 04 04"), [4, -1])
      assert.deepStrictEqual(headerOf("08 04 11 01 04"), [4, -1])
    })

    it("the largest ids and the largest packet", () => {
      assert.deepStrictEqual(headerOf("08 86 fe fe fe 7f 10 86 fe fe fe 7f 04"), [2 ** 31 - 1, 2 ** 31 - 1])
      const { failure, received } = receive(packet("08 04 04", patternBody(8995)), bytewise)
      assert.strictEqual(failure, undefined)
      assert.deepStrictEqual(received, [show(Message.make({ serviceId: 4, body: patternBody(8995) }))])
    })

    it("header values up to 31 bits, positive and negative, and skips larger integers", () => {
      assert.deepStrictEqual(headerOf("08 04 58 86 fe fe fe 7f 61 86 fe fe fe 7f 04"), [
        4,
        -1,
        11,
        2147483647,
        12,
        -2147483647
      ])
      assert.deepStrictEqual(headerOf("08 04 58 86 fe fe ff 00 61 86 fe fe ff 00 68 03 04"), [4, -1, 13, 3])
      // 2^53, and 2^64-1, the largest integer that the format knows.
      assert.deepStrictEqual(headerOf("08 04 58 8e fe fe fe fe fe ff 00 60 05 04"), [4, -1, 12, 5])
      assert.deepStrictEqual(headerOf("08 04 58 80 fe fe fe fe fe fe fe fe 7f 60 05 04"), [4, -1, 12, 5])
      assert.deepStrictEqual(headerOf("08 04 59 00 04"), [4, -1, 11, 0])
    })

    it("a header with the largest tag", () => {
      assert.deepStrictEqual(headerOf("08 04 f8 8e fe fe fe 7f 05 04"), [4, -1, 0xffffffff, 5])
    })

    it("past values that are no integers", () => {
      assert.deepStrictEqual(
        headerOf("08 04 10 02 52 02 41 42 5b 01 04 64 6d 76 00 01 02 03 04 05 06 07 fb 80 00 00 78 05 04"),
        [4, 2, 15, 5]
      )
      assert.deepStrictEqual(headerOf("08 04 2d 35 04"), [4, -1])
    })

    it("header values in any order, and takes the last of a tag that comes twice", () => {
      assert.deepStrictEqual(headerOf("08 04 60 02 58 01 fa 80 00 00 50 03 04"), [4, -1, 10, 3, 11, 1, 12, 2])
      assert.deepStrictEqual(headerOf("08 04 58 01 60 02 58 03 04"), [4, -1, 11, 3, 12, 2])
      assert.deepStrictEqual(headerOf("08 04 58 01 58 03 04"), [4, -1, 11, 3])
      assert.deepStrictEqual(headerOf("08 04 58 01 10 09 04"), [4, 9, 11, 1])
    })

    it("many header values as few, whatever their order", () => {
      const random = new Random(seed)
      for (let round = 0; round < 200; round++) {
        const most = random.pick([20, 31, 120])
        const tags = Array.from({ length: random.between(1, 300) }, () => random.between(10, most))
        const values = new Map(tags.map((tag, i) => [tag, i & 63] as const))
        const text = tags.map((tag, i) => toHex(Uint8Array.from(tag < 31 ? [tag << 3, i & 63] : [0xf8, tag, i & 63])))
          .join("")
        const [message] = receive(packet(`08 04 10 07 ${text} 04`), whole, { keep: true }).messages
        assert.deepStrictEqual([...message!.header.pairs], [...values].sort((a, b) => a[0] - b[0]).flat())
      }
    })

    it("pings and pongs, and nothing else of the system service", () => {
      const stream = concat([
        ping,
        envelope.pong,
        packet("08 7e 04"),
        packet("08 7e 10 01 2c 04", patternBody(3)),
        good
      ])
      for (const side of ["accepted", undefined] as const) {
        const { failure, received } = receive(stream, whole, { side })
        assert.strictEqual(failure, undefined)
        assert.deepStrictEqual(received, ["ping", "pong", "ping", goodReceived])
      }
      const { failure, received } = receive(concat([envelope.pong, good]), whole, { side: "dialled" })
      assert.strictEqual(failure, undefined)
      assert.deepStrictEqual(received, ["pong", goodReceived])
    })

    it("chunks of any size, with whole packets and pings between them", () => {
      const stream = concat([
        start(patternBody(0)),
        good,
        later(patternBody(1)),
        ping,
        later(patternBody(9)),
        last(patternBody(0))
      ])
      const { failure, received } = receive(stream, bytewise)
      assert.strictEqual(failure, undefined)
      const joined = { ...goodReceived, messageId: 7, body: toHex(concat([patternBody(1), patternBody(9)])) }
      assert.deepStrictEqual(received, [goodReceived, "ping", joined])
    })

    it("one chunk that is all", () => {
      const { failure, received } = receive(packet("08 04 10 07 18 02 24 04", patternBody(2)), whole)
      assert.strictEqual(failure, undefined)
      assert.deepStrictEqual(received, [{ ...goodReceived, messageId: 7 }])
    })
  })

  describe("stops at", () => {
    for (const { name, options = {}, reason, received = [], stream } of malformed) {
      it(name, () => {
        const all = concat([stream, good, ping])
        const cuts = [whole, bytewise, ...Array.from(all, (_, offset) => at(offset))]
        for (const [i, cut] of cuts.entries()) {
          const slabs = new SpySource()
          const outcome = receive(all, cut, { ...options, slabs })
          assert.deepStrictEqual(reasonOf(outcome.failure), reason, `split ${i}`)
          assert.deepStrictEqual(outcome.received, received, `split ${i}`)
          assert.strictEqual(outcome.failure?._tag, "WireError")
          assert.strictEqual(outcome.failure?.message, outcome.failure?.reason.message)
          assert.deepStrictEqual([slabs.count, slabs.faults], [0, []])
        }
      })
    }
  })

  it("says how much of the next packet it needs, and decodes nothing after a failure", () => {
    const decoder = NativeDecoder.make()
    const slab = Slab.make(concat([good, packet("08 04 04", patternBody(300)), fromHex("00 00"), good]))
    let count = 0
    const sink: Envelope.Sink = { onMessage: () => count++, onPing: () => {}, onPong: () => {} }
    assert.strictEqual(decoder.decode(slab, 0, 1, sink), 0)
    assert.strictEqual(decoder.needed, 0)
    assert.strictEqual(decoder.decode(slab, 0, 3, sink), 0)
    assert.strictEqual(decoder.needed, 9)
    assert.strictEqual(decoder.decode(slab, 0, 10, sink), 9)
    assert.strictEqual(decoder.needed, 0)
    assert.strictEqual(decoder.decode(slab, 9, 11, sink), 9)
    assert.strictEqual(decoder.needed, 305)
    assert.strictEqual(count, 1)
    assert.strictEqual(decoder.decode(slab, 9, slab.bytes.length, sink), 314)
    assert.strictEqual(count, 2)
    const { failure } = decoder
    assert.deepStrictEqual(reasonOf(failure), {
      _tag: "BadLength",
      what: "packet",
      length: 0,
      minimum: 5,
      maximum: 9000
    })
    assert.strictEqual(decoder.decode(slab, 316, slab.bytes.length, sink), 316)
    assert.strictEqual(count, 2)
    assert.strictEqual(decoder.failure, failure)
    decoder.close()
  })

  it("gives the memory of an unfinished message back when it fails", () => {
    const slabs = new SpySource()
    const decoder = NativeDecoder.make({ slabs })
    const slab = Slab.make(concat([start(five), fromHex("00 00")]))
    const sink: Envelope.Sink = { onMessage: () => {}, onPing: () => {}, onPong: () => {} }
    decoder.decode(slab, 0, slab.bytes.length - 2, sink)
    assert.strictEqual(slabs.count, 1)
    decoder.decode(slab, slab.bytes.length - 2, slab.bytes.length, sink)
    assert.deepStrictEqual([slabs.count, slabs.faults], [0, []])
  })

  it("tells whether bytes are one whole header", () => {
    const whole = fromHex("08 04 10 02 58 83 60 5a 01 41 04")
    assert.isTrue(NativeDecoder.isWholeHeader(whole))
    for (let end = 0; end < whole.length; end++) assert.isFalse(NativeDecoder.isWholeHeader(whole.subarray(0, end)))
    assert.isFalse(NativeDecoder.isWholeHeader(concat([whole, Uint8Array.of(0)])))
  })

  it("joins in memory that is bounded by what has arrived", () => {
    const slabs = new SpySource()
    const first = packet("08 04 18 8d e3 8a 40 25 04", patternBody(8000))
    const { failure, received } = receive(first, whole, { slabs })
    assert.strictEqual(failure, undefined)
    assert.deepStrictEqual(received, [])
    // 31,000,000 are announced. One slab of the reader and 1 MB for the message.
    assert.deepStrictEqual(slabs.asked.filter((size) => size > 16_384), [1_048_576])
    assert.deepStrictEqual([slabs.count, slabs.faults], [0, []])
  })
})
