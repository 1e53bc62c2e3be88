import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import type * as Envelope from "../../src/domain/Envelope.ts"
import * as Header from "../../src/domain/Header.ts"
import * as Message from "../../src/domain/Message.ts"
import * as PacketReader from "../../src/domain/PacketReader.ts"
import type * as Slab from "../../src/domain/Slab.ts"
import * as BufferPool from "../../src/services/BufferPool.ts"
import {
  concat,
  encode,
  envelope,
  fromHex,
  packet,
  patternBody,
  Random,
  randomMessage,
  reasonOf,
  seed,
  show,
  SpySource
} from "../utils/native.ts"

const { idleSize, slabSize } = PacketReader

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

const longPackets: Envelope.Envelope = { ...envelope, decoder: () => new LongPackets() }

const longPacket = (body: Uint8Array): Uint8Array => {
  const length = Buffer.alloc(4)
  length.writeUInt32LE(body.length)
  return concat([length, body])
}

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
    it("is its own few KB, for any number of short reads", () => {
      const { messages, read, reader, source } = makeReader()
      for (let i = 0; i < 100; i++) {
        assert.isAtMost(reader.buffer().length, idleSize)
        read(encode(small(i)))
        reader.release(reader.hold())
      }
      assert.strictEqual(messages.length, 100)
      assert.deepStrictEqual(source.asked, [])
      assert.strictEqual(reader.heldBytes, 0)
    })

    it("grows with a read that fills it, and is given back after eight short ones", () => {
      const { read, reader, source } = makeReader()
      const many = encode(...Array.from({ length: 400 }, (_, i) => small(i)))
      assert.strictEqual(read(many), idleSize)
      assert.strictEqual(reader.buffer().length, slabSize)
      assert.strictEqual(source.count, 1)
      read(many.subarray(idleSize))
      for (let i = 0; i < 8; i++) {
        assert.strictEqual(reader.buffer().length, slabSize)
        read(encode(small(i)))
      }
      assert.strictEqual(reader.buffer().length, idleSize)
      assert.strictEqual(source.count, 0)
      assert.deepStrictEqual(source.faults, [])
    })

    it("is found again while a slab is held", () => {
      const { read, reader, source } = makeReader()
      const many = encode(...Array.from({ length: 400 }, (_, i) => small(i)))
      read(many.subarray(read(many)))
      const held = [reader.hold()]
      for (let i = 0; i < 8; i++) {
        read(encode(small(i)))
        held.push(reader.hold())
      }
      assert.isAtMost(reader.buffer().length, idleSize)
      assert.strictEqual(source.count, 1)
      assert.isAbove(reader.heldBytes, 0)
      for (const slabs of held) reader.release(slabs)
      assert.strictEqual(source.count, 0)
      assert.strictEqual(reader.heldBytes, 0)
      assert.deepStrictEqual(source.faults, [])
    })

    it("is read into behind messages that are still handled", () => {
      const { read, reader, source } = makeReader()
      const before = reader.buffer()
      read(encode(small(1)))
      const held = reader.hold()
      const behind = reader.buffer()
      assert.strictEqual(behind.buffer, before.buffer)
      assert.isAbove(behind.byteOffset, before.byteOffset)
      assert.strictEqual(reader.heldBytes, 0)
      reader.release(held)
      assert.strictEqual(reader.buffer().byteOffset, before.byteOffset)
      assert.deepStrictEqual(source.asked, [])
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
      assert.isAtMost(source.asked.length, 3)
      for (let i = 0; i < 120; i += 3) assert.deepStrictEqual(messages[i]!.body, patternBody(3000))
      reader.close()
      assert.deepStrictEqual([source.count, source.faults], [0, []])
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

    it("cost little on their word", () => {
      const { read, reader, source } = makeReader({ envelope: longPackets })
      read(longPacket(body).subarray(0, 1000))
      reader.buffer()
      assert.strictEqual(source.count, 0)
      read(new Uint8Array(3000))
      reader.buffer()
      assert.strictEqual(source.peak, slabSize)
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

interface Sent {
  readonly message: Message.Message
  readonly body: Uint8Array
}

interface Holder {
  readonly slabs: ReadonlyArray<Slab.Slab>
  readonly borrowed: ReadonlyArray<Sent>
}

/** Compares what a reader does with what may be seen of it, for one random run. */
class Model {
  readonly #random: Random
  readonly #source: SpySource
  readonly #reader: PacketReader.PacketReader
  readonly #nextPacket: () => { readonly body: Uint8Array; readonly bytes: Uint8Array }
  #input: Uint8Array = new Uint8Array(0)
  readonly #expected: Array<Uint8Array> = []
  #holders: Array<Holder> = []
  readonly #ended: Array<Sent> = []
  readonly #kept: Array<Sent> = []
  #fresh: Array<Message.Message> = []
  #count = 0
  lost = 0

  constructor(
    random: Random,
    source: Slab.SlabSource,
    using: Envelope.Envelope,
    nextPacket: () => { readonly body: Uint8Array; readonly bytes: Uint8Array }
  ) {
    this.#random = random
    this.#source = new SpySource(source)
    this.#reader = PacketReader.make(using, { slabs: this.#source })
    this.#nextPacket = nextPacket
  }

  run(steps: number): void {
    for (let step = 0; step < steps; step++) {
      this.#read()
      while (this.#random.chance(this.#holders.length > 6 ? 70 : 40)) this.#release()
      if (this.#random.chance(30)) this.#askForOld()
      this.#checkHeld()
    }
    while (this.#holders.length > 0) this.#release()
    assert.strictEqual(this.#reader.heldBytes, 0)
    if (this.#random.chance(50)) this.#reader.buffer()
    this.#reader.close()
    assert.strictEqual(this.#reader.heldBytes, 0)
    assert.deepStrictEqual([this.#source.count, this.#source.faults], [0, []])
    for (let i = 0; i < 50; i++) this.#askForOld()
    for (const { body, message } of this.#kept) this.#same(message.body, body)
    assert.isAbove(this.#kept.length, 0)
  }

  #same(found: Uint8Array, expected: Uint8Array): void {
    if (Buffer.compare(found, expected) !== 0) assert.fail(`message of ${expected.length} bytes shows other bytes`)
  }

  #read(): void {
    while (this.#input.length < 60_000) {
      const { body, bytes } = this.#nextPacket()
      this.#expected.push(body)
      this.#input = concat([this.#input, bytes])
    }
    const buffer = this.#reader.buffer()
    assert.isAtLeast(buffer.length, 1)
    // All of it is the transport's to write.
    if (this.#random.chance(10)) buffer.fill(0xdd)
    const wanted = this.#random.pick([1, 20, 200, 2048, 5000, 16_384, 65_536])
    const count = Math.min(buffer.length, this.#input.length, 1 + this.#random.below(wanted))
    buffer.set(this.#input.subarray(0, count))
    this.#input = this.#input.subarray(count)
    this.#reader.commit(count, {
      onMessage: (message) => this.#fresh.push(message),
      onPing: () => {},
      onPong: () => {}
    })
    assert.strictEqual(this.#reader.failure, undefined)
    this.#handle()
  }

  #handle(): void {
    const fresh = this.#fresh.map((message) => ({ message, body: this.#expected[this.#count++]! }))
    this.#fresh = []
    const slabs = this.#reader.hold()
    const borrowed: Array<Sent> = []
    for (const sent of fresh) {
      this.#same(Message.borrow(sent.message), sent.body)
      if (this.#random.chance(15)) this.#keep(sent)
      else borrowed.push(sent)
    }
    this.#holders.push({ slabs, borrowed })
  }

  #keep(sent: Sent): void {
    const { body } = sent.message
    this.#same(body, sent.body)
    assert.strictEqual(sent.message.body, body)
    this.#kept.push(sent)
  }

  #release(): void {
    if (this.#holders.length === 0) return
    const [holder] = this.#holders.splice(this.#random.below(this.#holders.length), 1)
    for (const { body, message } of holder!.borrowed) this.#same(Message.borrow(message), body)
    this.#reader.release(holder!.slabs)
    this.#ended.push(...holder!.borrowed)
  }

  /** A message whose handler has ended shows its own bytes or explains itself; it never shows others. */
  #askForOld(): void {
    if (this.#ended.length === 0) return
    const [old] = this.#ended.splice(this.#random.below(this.#ended.length), 1)
    try {
      Message.keep(old!.message)
    } catch (error) {
      assert.match((error as Error).message, /was asked for after its handler had ended/)
      this.lost++
      return
    }
    this.#keep(old!)
  }

  #checkHeld(): void {
    const sizes = [...new Set(this.#holders.flatMap((holder) => holder.slabs))].map((slab) => slab.bytes.length)
    const all = sizes.reduce((sum, size) => sum + size, 0)
    assert.isAtMost(this.#reader.heldBytes, all)
    // The slab that is read into does not count.
    assert.isAtLeast(this.#reader.heldBytes, all - Math.max(0, ...sizes))
  }
}

describe("PacketReader, compared with a model", () => {
  const rounds = (
    name: string,
    steps: number,
    using: Envelope.Envelope,
    next: (random: Random) => () => { readonly body: Uint8Array; readonly bytes: Uint8Array }
  ) =>
    it(`${name} (seed ${seed})`, { timeout: 60_000 }, () => {
      let lost = 0
      for (let round = 0; round < 16; round++) {
        const random = new Random(seed + round)
        const source = round % 4 === 0
          ? new SpySource()
          : BufferPool.makeUnsafe({ slabSize: random.pick([16_384, 40_000, 262_144, 1_000_000]), maxFreeBytes: 2_000_000 })
        const model = new Model(random, source, using, next(random))
        model.run(steps)
        lost += model.lost
      }
      assert.isAbove(lost, 100)
    })

  rounds("with messages and chunks", 400, envelope, (random) => () => {
    const message = randomMessage(random)
    const body = Uint8Array.from(message.body)
    return { body, bytes: random.chance(10) ? concat([encode(message), envelope.ping]) : encode(message) }
  })

  rounds("with large packets", 400, longPackets, (random) => () => {
    const body = random.bytes(random.below(random.pick([10, 500, 5000, 100_000, 600_000])))
    return { body, bytes: longPacket(body) }
  })
})
