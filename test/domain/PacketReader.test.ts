import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import type * as Envelope from "../../src/domain/Envelope.ts"
import * as Message from "../../src/domain/Message.ts"
import * as PacketReader from "../../src/domain/PacketReader.ts"
import * as Slab from "../../src/domain/Slab.ts"
import * as BufferPool from "../../src/services/BufferPool.ts"
import {
  concat,
  encode,
  envelope,
  fromHex,
  longPacket,
  longPackets,
  packet,
  patternBody,
  reasonOf,
  show,
  SpySource
} from "../utils/native.ts"

const { slabSize } = PacketReader

/** What quiet connections read into, and the smallest slab. */
const landingSize = 65_536
const smallest = Slab.smallestSize

const small = (messageId: number, length = 20) => Message.make({ serviceId: 4, messageId, body: patternBody(length) })

const makeReader = (options: { readonly envelope?: Envelope.Envelope; readonly source?: Slab.SlabSource } = {}) => {
  const source = new SpySource(options.source ?? BufferPool.makeUnsafe())
  const reader = PacketReader.make(options.envelope ?? envelope, { slabs: source })
  const messages: Array<Message.Message> = []
  const sink: Envelope.Sink = { onMessage: (message) => messages.push(message), onPing: () => {}, onPong: () => {} }
  /** One read of at most these bytes. Returns how many there was room for. */
  const read = (bytes: Uint8Array): number => {
    const buffer = reader.buffer()
    const count = Math.min(buffer.length, bytes.length)
    buffer.set(bytes.subarray(0, count))
    reader.commit(count, sink)
    return count
  }
  const readAll = (bytes: Uint8Array, size = 65_536): void => {
    for (let at = 0; at < bytes.length;) at += read(bytes.subarray(at, at + size))
  }
  return { reader, source, messages, read, readAll }
}

describe("PacketReader", () => {
  describe("memory of a quiet connection", () => {
    it("is that of all quiet ones, and what was read is copied out of it", () => {
      const one = makeReader()
      const other = makeReader()
      assert.strictEqual(one.reader.buffer().length, landingSize)
      assert.strictEqual(one.reader.buffer(), other.reader.buffer())
      one.read(encode(small(1)))
      const held = one.reader.hold()
      other.read(encode(small(2, 30)))
      other.reader.buffer().fill(0xdd)
      assert.deepStrictEqual(Message.borrow(one.messages[0]!), patternBody(20))
      one.reader.release(held)
    })

    it("is none of its own between reads, for any number of short ones", () => {
      const { messages, read, reader, source } = makeReader()
      for (let i = 0; i < 100; i++) {
        assert.strictEqual(reader.buffer().length, landingSize)
        assert.strictEqual(source.count, 0)
        read(encode(small(i)))
        reader.release(reader.hold())
      }
      assert.strictEqual(messages.length, 100)
      assert.strictEqual(source.peak, smallest)
      assert.strictEqual(reader.heldBytes, 0)
    })

    it("is left for a packet that it cannot hold", () => {
      const { messages, read, reader, source } = makeReader()
      for (let i = 0; i < 10; i++) read(encode(small(i)))
      const bytes = encode(small(10, 5000))
      for (let at = 0; at < bytes.length;) at += read(bytes.subarray(at, at + 2000))
      assert.strictEqual(source.bytesOut, 16_384)
      assert.deepStrictEqual(messages[10]?.body, patternBody(5000))
      reader.close()
      assert.deepStrictEqual([source.count, source.faults], [0, []])
    })

    it("is found again while a slab is held", () => {
      const { read, reader, source } = makeReader()
      read(encode(...Array.from({ length: 4 }, (_, i) => small(i, 7000))))
      const held = [reader.hold()]
      for (let i = 0; i < 8; i++) {
        read(encode(small(i)))
        held.push(reader.hold())
      }
      assert.strictEqual(reader.buffer().length, landingSize)
      assert.strictEqual(source.count, 1)
      assert.strictEqual(reader.heldBytes, 65_536)
      for (const slabs of held) reader.release(slabs)
      assert.strictEqual(source.count, 0)
      assert.strictEqual(reader.heldBytes, 0)
      assert.deepStrictEqual(source.faults, [])
    })

    it("is read into behind messages that are still handled", () => {
      const { messages, read, reader, source } = makeReader()
      read(encode(small(1)))
      const held = [reader.hold()]
      // They share one slab as long as half of it is free.
      for (let i = 0; reader.buffer().length < landingSize; i++) {
        assert.isBelow(i, 100)
        read(encode(small(2)))
        held.push(reader.hold())
      }
      assert.isAbove(messages.length, smallest / 2 / 27)
      assert.strictEqual(source.count, 1)
      assert.strictEqual(reader.heldBytes, smallest)
      for (const message of messages) assert.deepStrictEqual(Message.borrow(message), patternBody(20))
      for (const slabs of held) reader.release(slabs)
      assert.deepStrictEqual([source.count, source.faults], [0, []])
    })
  })

  describe("slabs that grow", () => {
    it("grow with reads that fill them, and are given back after eight short reads", () => {
      const { read, reader, source } = makeReader()
      // Packets of 64 bytes, so that every slab ends with one.
      const many = encode(...Array.from({ length: 8000 }, (_, i) => small(i % 100, 57)))
      const found = [read(many.subarray(0, 64 * 50)), read(many), read(many), read(many), read(many), read(many)]
      assert.deepStrictEqual(found, [3200, smallest, 16_384, 65_536, slabSize, slabSize])
      assert.strictEqual(source.count, 1)
      // A longer read in between starts the count again.
      for (const length of [20, 20, 20, 20, 20, 20, 20, 3000, 20, 20, 20, 20, 20, 20, 20, 20]) {
        assert.strictEqual(reader.buffer().length, slabSize)
        read(encode(small(1, length)))
      }
      assert.strictEqual(reader.buffer().length, landingSize)
      assert.strictEqual(source.count, 0)
      assert.deepStrictEqual(source.faults, [])
    })

    it("begin with what fits a first large read", () => {
      const { read, reader } = makeReader()
      const many = encode(...Array.from({ length: 20_000 }, (_, i) => small(i, 100)))
      assert.strictEqual(read(many), landingSize)
      assert.isAbove(reader.buffer().length, slabSize - 200)
    })
  })

  describe("messages", () => {
    it("lose their bytes when the memory is used again, and say so", () => {
      const { messages, read, reader } = makeReader()
      read(encode(small(1)))
      const held = reader.hold()
      assert.deepStrictEqual(Message.borrow(messages[0]!), patternBody(20))
      reader.release(held)
      reader.buffer()
      assert.throws(() => messages[0]!.body, /was asked for after its handler had ended/)
      assert.throws(() => Message.borrow(messages[0]!), /was asked for after its handler had ended/)
    })

    it("that were kept in the small memory are safe there", () => {
      const { messages, read, reader } = makeReader()
      read(encode(small(1, 1000)))
      Message.keep(messages[0]!)
      for (let round = 0; round < 3; round++) {
        const many = encode(...Array.from({ length: 400 }, (_, i) => small(i)))
        for (let at = 0; at < many.length;) at += read(many.subarray(at))
        for (let i = 0; i < 12; i++) read(encode(small(i)))
      }
      assert.strictEqual(reader.buffer().length, landingSize)
      assert.deepStrictEqual(messages[0]!.body, patternBody(1000))
    })

    it("that are handled in the small memory are safe there", () => {
      const { messages, read, reader, source } = makeReader()
      const held: Array<ReadonlyArray<Slab.Slab>> = []
      // Large reads, then as many short ones as make it quiet again.
      for (let i = 0; i < 2; i++) read(encode(small(i, 7000)))
      for (let i = 0; i < 12; i++) read(encode(small(i)))
      assert.strictEqual(reader.buffer().length, landingSize)
      messages.length = 0
      for (let i = 0; i < 40; i++) {
        read(encode(small(i, 900 + i)))
        held.push(reader.hold())
      }
      assert.isAtMost(source.bytesOut, 20 * smallest)
      messages.forEach((message, i) => assert.deepStrictEqual(Message.borrow(message), patternBody(900 + i)))
      held.forEach(reader.release, reader)
      reader.buffer()
      assert.deepStrictEqual([reader.heldBytes, source.count, source.faults], [0, 0, []])
    })

    it("that were kept fill a slab one behind the other", () => {
      const { messages, read, reader, source } = makeReader()
      const one = encode(small(1, 3000))
      let kept = 0
      // Of each three reads one is kept, and none is short.
      for (let i = 0; i < 120; i++) {
        read(one)
        const held = reader.hold()
        if (i % 3 === 0) kept += Message.keep(messages[i]!).bodyLength
        reader.release(held)
      }
      assert.strictEqual(kept, 40 * 3000)
      assert.isAtMost(source.asked.length, 6)
      for (let i = 0; i < 120; i += 3) assert.deepStrictEqual(messages[i]!.body, patternBody(3000))
      reader.close()
      assert.deepStrictEqual([source.count, source.faults], [0, []])
    })
  })

  describe("the beginning of a packet", () => {
    const packetOf = (messageId: number, length: number) => encode(small(messageId, length - 7))

    it("is moved to other memory, and the next read goes behind it", () => {
      const { messages, read, reader } = makeReader()
      const first = packetOf(1, 2096)
      const second = packetOf(2, 3000)
      read(first.subarray(0, 2000))
      // This fills the small memory. What waits then ends at the offset where this read began.
      assert.strictEqual(read(concat([first.subarray(2000), second.subarray(0, 2000)])), 2096)
      read(second.subarray(2000))
      assert.strictEqual(reader.failure, undefined)
      assert.deepStrictEqual(messages[1]?.body, patternBody(2993))
    })

    it("is moved when little room is left behind it", () => {
      const { messages, read, reader } = makeReader()
      const stream = concat(Array.from({ length: 160 }, () => packetOf(1, 2048)))
      const at = read(stream)
      assert.strictEqual(at, landingSize)
      // The rest of the last packet would just fit into the slab, but nothing else.
      const split = at + 127 * 2048 + 1500
      assert.strictEqual(read(stream.subarray(at, split)), split - at)
      assert.isAbove(reader.buffer().length, slabSize / 2)
      read(stream.subarray(split))
      assert.strictEqual(reader.failure, undefined)
      assert.strictEqual(messages.length, 160)
    })
  })

  describe("large packets", () => {
    const body = new Uint8Array(9_000_000).map((_, i) => i >> 3)

    it("get memory by doubling as they arrive, and it is given back when they are done", () => {
      const { messages, read, reader, source } = makeReader({ envelope: longPackets, source: new SpySource() })
      const bytes = longPacket(body)
      for (let at = 0; at < bytes.length;) {
        const taken = source.asked.length
        reader.buffer()
        if (source.asked.length > taken) assert.isAtMost(source.asked.at(-1)!, Math.max(slabSize, 2 * at))
        at += read(bytes.subarray(at, at + 65_536))
      }
      assert.deepStrictEqual(messages[0]!.bodyLength, body.length)
      assert.strictEqual(Buffer.compare(Message.borrow(messages[0]!), body), 0)
      assert.isAtMost(source.asked.length, 8)
      const held = reader.hold()
      read(longPacket(patternBody(5)))
      assert.isAbove(reader.heldBytes, body.length)
      reader.release(held)
      assert.strictEqual(reader.heldBytes, 0)
      assert.isAtMost(source.bytesOut, slabSize)
      reader.close()
      assert.deepStrictEqual([source.count, source.faults], [0, []])
    })

    it("lie alone in memory that was taken for them", () => {
      const { messages, read, reader, source } = makeReader({ envelope: longPackets })
      read(longPacket(patternBody(3)))
      assert.isFalse(reader.isAlone)
      const bytes = concat([longPacket(body), longPacket(patternBody(100))])
      let at = 0
      while (messages.length < 2) at += read(bytes.subarray(at))
      assert.isTrue(reader.isAlone)
      assert.strictEqual(at, 4 + body.length)
      const held = reader.hold()
      read(bytes.subarray(at))
      assert.isFalse(reader.isAlone)
      assert.strictEqual(Buffer.compare(Message.borrow(messages[1]!), body), 0)
      assert.deepStrictEqual(messages[2]!.body, patternBody(100))
      reader.release(held)
      reader.close()
      assert.deepStrictEqual([source.count, source.faults, reader.heldBytes], [0, [], 0])
    })

    it("count as held when their memory has been lent", () => {
      const { messages, read, reader, source } = makeReader({ envelope: longPackets })
      const bytes = longPacket(body)
      for (let at = 0; at < bytes.length;) at += read(bytes.subarray(at))
      const held = reader.hold()
      structuredClone(messages[0]!.body.buffer, { transfer: [messages[0]!.body.buffer as ArrayBuffer] })
      assert.strictEqual(messages[0]!.body.length, 0)
      reader.buffer()
      assert.isAbove(reader.heldBytes, body.length)
      reader.release(held)
      reader.close()
      assert.deepStrictEqual([source.count, source.bytesOut, source.faults, reader.heldBytes], [0, 0, [], 0])
    })

    it("cost little on their word", () => {
      const { read, reader, source } = makeReader({ envelope: longPackets })
      read(longPacket(body).subarray(0, 1000))
      reader.buffer()
      assert.strictEqual(source.peak, smallest)
      read(new Uint8Array(3000))
      reader.buffer()
      assert.isAtMost(source.peak, slabSize + smallest)
    })

    it("leave their memory even when the next packet has begun", () => {
      const { messages, read, reader, source } = makeReader({ envelope: longPackets })
      const next = longPacket(patternBody(100))
      const bytes = concat([longPacket(body), next.subarray(0, 50)])
      for (let at = 0; at < bytes.length;) at += read(bytes.subarray(at, at + 65_536))
      reader.buffer()
      assert.strictEqual(source.bytesOut, slabSize)
      read(next.subarray(50))
      assert.deepStrictEqual(messages[1]!.body, patternBody(100))
    })
  })

  describe("slabs", () => {
    it("of the source's own size are used again, however large they are", () => {
      const { read, reader, source } = makeReader({ source: BufferPool.makeUnsafe({ slabSize: 1_048_576 }) })
      const bytes = encode(...Array.from({ length: 4 }, (_, i) => small(i, 7000)))
      for (let i = 0; i < 20; i++) {
        read(bytes)
        reader.release(reader.hold())
      }
      assert.deepStrictEqual(source.asked.length, 1)
    })

    it("of joined messages go back to the source, those of the idle size too", () => {
      const { messages, read, reader, source } = makeReader({ source: new SpySource() })
      // A sequence of one chunk with 4096 bytes.
      read(concat([packet("08 04 18 9f 00 24 04"), new Uint8Array(0)]))
      assert.deepStrictEqual(reasonOf(reader.failure), {
        _tag: "BadSequence",
        problem: "TooLittle",
        announced: 4096,
        received: 0
      })
      reader.close()
      assert.deepStrictEqual([source.count, source.faults, messages.length], [0, [], 0])

      const other = makeReader({ source: new SpySource() })
      other.readAll(packet("08 04 18 9f 00 24 04", patternBody(4096)))
      assert.deepStrictEqual(other.messages[0]?.bodyLength, 4096)
      const held = other.reader.hold()
      assert.strictEqual(other.reader.heldBytes, 4096)
      other.reader.release(held)
      assert.strictEqual(other.reader.heldBytes, 0)
      other.reader.close()
      assert.deepStrictEqual([other.source.count, other.source.faults], [0, []])
    })

    it("are given back once by closing, and those that are held by their release", () => {
      const { messages, read, readAll, reader, source } = makeReader()
      const bytes = encode(small(1, 9000), small(2, 9000), small(3, 9000))
      readAll(bytes)
      const held = reader.hold()
      read(bytes.subarray(0, 8500))
      reader.close()
      reader.close()
      assert.strictEqual(source.count, held.length)
      assert.deepStrictEqual(Message.borrow(messages[1]!), patternBody(9000))
      assert.isAbove(reader.heldBytes, 0)
      reader.release(held)
      assert.strictEqual(reader.heldBytes, 0)
      assert.deepStrictEqual([source.count, source.faults], [0, []])
      assert.strictEqual(reader.buffer().length, 0)
    })

    it("of joined messages that nobody held are given back by closing", () => {
      const { messages, readAll, reader, source } = makeReader()
      readAll(encode(small(1, 9000)))
      reader.close()
      assert.deepStrictEqual([source.count, source.faults], [0, []])
      assert.throws(() => messages[0]!.body, /was asked for after its handler had ended/)
    })

    it("are not spent on what comes after a failure", () => {
      const { read, reader, source } = makeReader()
      read(fromHex("07 00 10 00"))
      assert.deepStrictEqual(reader.failure?.reason._tag, "WrongProtocol")
      for (let i = 0; i < 100; i++) read(new Uint8Array(100_000))
      assert.isAtMost(source.peak, 2 * slabSize)
      reader.close()
      assert.deepStrictEqual([source.count, source.faults], [0, []])
    })
  })

  describe("push", () => {
    it("decodes a piece of any size into messages that may be kept", () => {
      const reader = PacketReader.make(envelope)
      const sent = [small(1), small(2, 600), small(3, 30_000), small(4, 0)]
      const stream = concat([encode(...sent.slice(0, 2)), envelope.ping, encode(...sent.slice(2))])
      const first = Result.getOrThrow(reader.push(stream.subarray(0, 700)))
      const second = Result.getOrThrow(reader.push(stream.subarray(700)))
      assert.deepStrictEqual(Result.getOrThrow(reader.push(new Uint8Array(0))), [])
      assert.deepStrictEqual([...first, ...second].map(show), sent.map(show))
      assert.strictEqual(reader.heldBytes, 0)
    })

    it("fails with what is wrong, and goes on failing", () => {
      const reader = PacketReader.make(envelope)
      const failed = reader.push(concat([encode(small(1)), fromHex("00 00")]))
      assert.isTrue(Result.isFailure(failed))
      assert.strictEqual(Result.isFailure(failed) ? failed.failure : undefined, reader.failure)
      assert.isTrue(Result.isFailure(reader.push(encode(small(1)))))
    })
  })
})
