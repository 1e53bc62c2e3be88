import { assert, describe, it } from "@effect/vitest"
import * as ChunkJoiner from "../../src/domain/ChunkJoiner.ts"
import * as Header from "../../src/domain/Header.ts"
import * as Slab from "../../src/domain/Slab.ts"
import type * as WireError from "../../src/domain/WireError.ts"
import * as BufferPool from "../../src/services/BufferPool.ts"
import { patternBody, SpySource } from "../utils/native.ts"

const MB = 1_048_576

const setup = (maxMessageSize = 32_000_000, inner?: Slab.SlabSource) => {
  const source = new SpySource(inner)
  const joiner = ChunkJoiner.make({ maxMessageSize, slabs: source })
  const push = (chunk: Partial<ChunkJoiner.Chunk>, bytes: Uint8Array) =>
    joiner.push(
      { serviceId: 4, messageId: 7, header: Header.empty, announced: -1, isLast: false, ...chunk },
      bytes,
      0,
      bytes.length
    )
  return { joiner, push, source }
}

const failed = (joiner: ChunkJoiner.ChunkJoiner, expected: object) =>
  assert.deepStrictEqual({ ...joiner.failure, _tag: joiner.failure?._tag }, expected as never)

const sequenceError = (
  problem: WireError.BadSequence["problem"],
  announced: number,
  received: number
) => ({ _tag: "BadSequence", problem, announced, received })

describe("ChunkJoiner", () => {
  it("joins chunks into one message with the header of the first", () => {
    const { joiner, push, source } = setup()
    const body = patternBody(20_000)
    const header = Header.make({ 11: 312 })
    assert.strictEqual(push({ announced: 20_000, header }, body.subarray(0, 8000)), undefined)
    assert.strictEqual(push({}, body.subarray(8000, 16_000)), undefined)
    assert.deepStrictEqual(joiner.takeFinished(), [])
    const message = push({ isLast: true }, body.subarray(16_000))
    assert.deepStrictEqual(message?.body, body)
    assert.strictEqual(message?.header, header)
    assert.strictEqual(message?.serviceId, 4)
    assert.strictEqual(message?.messageId, 7)
    assert.strictEqual(joiner.failure, undefined)
    assert.strictEqual(joiner.takeFinished().length, 1)
    assert.deepStrictEqual(joiner.takeFinished(), [])
    assert.deepStrictEqual(source.asked, [20_000])
    joiner.close()
    // What was finished belongs to the taker; closing gives nothing of it back.
    assert.strictEqual(source.count, 1)
    assert.deepStrictEqual(source.faults, [])
  })

  it("reads a chunk out of the middle of its memory", () => {
    const { joiner } = setup()
    const bytes = Uint8Array.of(9, 9, 1, 2, 3, 9)
    const message = joiner.push(
      { serviceId: 4, messageId: -1, header: Header.empty, announced: 3, isLast: true },
      bytes,
      2,
      5
    )
    assert.deepStrictEqual(message?.body, Uint8Array.of(1, 2, 3))
  })

  it("joins sequences one after another, a single chunk and an empty body too", () => {
    const { joiner, push } = setup()
    assert.deepStrictEqual(push({ announced: 3, isLast: true }, patternBody(3))?.body, patternBody(3))
    assert.strictEqual(push({ announced: 0, isLast: true }, patternBody(0))?.bodyLength, 0)
    push({ announced: 2, serviceId: 5 }, patternBody(1))
    assert.strictEqual(push({ serviceId: 5, isLast: true }, patternBody(1))?.serviceId, 5)
    assert.strictEqual(joiner.takeFinished().length, 3)
  })

  it("waits for the last chunk when all bytes have come", () => {
    const { push } = setup()
    assert.strictEqual(push({ announced: 3 }, patternBody(3)), undefined)
    assert.strictEqual(push({}, patternBody(0)), undefined)
    assert.strictEqual(push({ isLast: true }, patternBody(0))?.bodyLength, 3)
  })

  describe("refuses", () => {
    it("a chunk with no sequence open", () => {
      const { joiner, push } = setup()
      assert.strictEqual(push({ isLast: true }, patternBody(3)), undefined)
      failed(joiner, sequenceError("NotOpen", 0, 0))
    })

    it("a second start while a sequence is open", () => {
      const { joiner, push } = setup()
      push({ announced: 100 }, patternBody(10))
      push({ announced: 90 }, patternBody(10))
      failed(joiner, sequenceError("AlreadyOpen", 90, 10))
    })

    for (const [what, other] of [["service", { serviceId: 5 }], ["message", { messageId: 8 }]] as const) {
      it(`a chunk of another ${what} id`, () => {
        const { joiner, push } = setup()
        push({ announced: 100 }, patternBody(10))
        push(other, patternBody(10))
        failed(joiner, sequenceError("OtherMessage", 100, 10))
      })
    }

    it("a byte more than announced, in the first chunk and in a later one", () => {
      const first = setup()
      first.push({ announced: 10 }, patternBody(11))
      failed(first.joiner, sequenceError("TooMuch", 10, 11))
      const later = setup()
      later.push({ announced: 10 }, patternBody(5))
      later.push({ isLast: true }, patternBody(6))
      failed(later.joiner, sequenceError("TooMuch", 10, 11))
    })

    it("a last chunk that leaves a byte fewer than announced", () => {
      const { joiner, push } = setup()
      push({ announced: 10 }, patternBody(5))
      push({ isLast: true }, patternBody(4))
      failed(joiner, sequenceError("TooLittle", 10, 9))
    })

    it("an announcement over the limit, which costs nothing", () => {
      const { joiner, push, source } = setup(1000)
      assert.strictEqual(push({ announced: 1001 }, patternBody(10)), undefined)
      failed(joiner, { _tag: "BadLength", what: "message", length: 1001, minimum: 0, maximum: 1000 })
      assert.strictEqual(source.peak, 0)
      assert.strictEqual(setup(1000).push({ announced: 1000, isLast: true }, patternBody(1000))?.bodyLength, 1000)
    })

    it("everything after a failure", () => {
      const { joiner, push, source } = setup()
      push({ announced: 10 }, patternBody(5))
      push({ serviceId: 5 }, patternBody(5))
      const { failure } = joiner
      assert.strictEqual(push({ isLast: true }, patternBody(5)), undefined)
      assert.strictEqual(push({ announced: 5, isLast: true }, patternBody(5)), undefined)
      assert.strictEqual(joiner.failure, failure)
      assert.deepStrictEqual(joiner.takeFinished(), [])
      joiner.close()
      joiner.close()
      assert.strictEqual(source.count, 0)
      assert.deepStrictEqual(source.faults, [])
    })
  })

  describe("memory", () => {
    it("is 1 MB at most for an announcement of 31 MB with one chunk", () => {
      for (const inner of [Slab.sourceUnpooled(0), Slab.sourceUnpooled(262_144), BufferPool.makeUnsafe()]) {
        const { joiner, push, source } = setup(32_000_000, inner)
        push({ announced: 31_000_000 }, patternBody(8000))
        assert.strictEqual(source.peak, MB)
        joiner.close()
        assert.strictEqual(source.count, 0)
        assert.deepStrictEqual(source.faults, [])
      }
    })

    it("doubles as it fills, up to what was announced", () => {
      const { joiner, push, source } = setup()
      const total = 5_000_000
      const body = new Uint8Array(8000).map((_, i) => i)
      push({ announced: total }, body)
      for (let at = 8000; at + 8000 < total; at += 8000) push({}, body)
      const message = push({ isLast: true }, body)
      assert.strictEqual(message?.bodyLength, total)
      assert.deepStrictEqual(source.asked, [MB, 2 * MB, 4 * MB, total])
      assert.strictEqual(source.peak, 4 * MB + total)
      assert.strictEqual(source.count, 1)
      assert.deepStrictEqual(source.faults, [])
      const joined = message!.body
      for (let at = 0; at < total; at += 8000) {
        assert.strictEqual(Buffer.compare(joined.subarray(at, at + 8000), body), 0)
      }
      assert.strictEqual(joiner.takeFinished().length, 1)
    })

    it("is what was announced when that is less than a step", () => {
      const { push, source } = setup()
      push({ announced: 9000 }, patternBody(8000))
      assert.deepStrictEqual(source.asked, [9000])
    })
  })
})
