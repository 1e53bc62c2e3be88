import { assert, describe, it } from "@effect/vitest"
import type * as Envelope from "../../src/domain/Envelope.ts"
import * as Message from "../../src/domain/Message.ts"
import * as PacketReader from "../../src/domain/PacketReader.ts"
import type * as Slab from "../../src/domain/Slab.ts"
import * as BufferPool from "../../src/services/BufferPool.ts"
import {
  concat,
  encode,
  envelope,
  longPacket,
  longPackets,
  Random,
  randomMessage,
  seed,
  SpySource
} from "../utils/native.ts"

interface Sent {
  readonly message: Message.Message
  readonly body: Uint8Array
}

interface Holder {
  readonly slabs: ReadonlyArray<Slab.Slab>
  readonly borrowed: ReadonlyArray<Sent>
}

const allSizes = [1, 20, 200, 2048, 5000, 16_384, 65_536]

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
  #sizes: ReadonlyArray<number> = allSizes
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
    if (this.#random.chance(5)) this.#sizes = this.#random.pick([[1, 20, 200, 2048], [5000, 65_536], allSizes])
    const wanted = this.#random.pick(this.#sizes)
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
          : BufferPool.makeUnsafe({
            slabSize: random.pick([16_384, 40_000, 262_144, 1_000_000]),
            maxFreeBytes: 2_000_000
          })
        const model = new Model(random, source, using, next(random))
        model.run(steps)
        lost += model.lost
      }
      assert.isAbove(lost, 30)
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
