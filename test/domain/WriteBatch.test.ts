import { assert, describe, it } from "@effect/vitest"
import * as WriteBatch from "../../src/domain/WriteBatch.ts"
import { concat, patternBody, Random, seed } from "../utils/native.ts"

const { gatherThreshold } = WriteBatch

const write = (batch: WriteBatch.WriteBatch, bytes: Uint8Array) => {
  batch.reserve(bytes.length)
  const { buffer, offset } = batch
  buffer.set(bytes, offset)
  batch.commit(offset + bytes.length)
}

describe("WriteBatch", () => {
  it("is empty at first", () => {
    const batch = WriteBatch.make({ limit: 100 })
    assert.strictEqual(batch.size, 0)
    assert.strictEqual(batch.room, 100)
    assert.deepStrictEqual(batch.finish(), [])
  })

  it("copies small pieces into one part", () => {
    const batch = WriteBatch.make({ limit: 1000 })
    const piece = patternBody(70)
    write(batch, Uint8Array.of(1, 2))
    batch.append(Uint8Array.of(3))
    batch.append(new Uint8Array(0))
    batch.append(piece)
    piece.fill(0)
    assert.strictEqual(batch.size, 73)
    assert.strictEqual(batch.room, 927)
    const parts = batch.finish()
    assert.strictEqual(parts.length, 1)
    assert.deepStrictEqual(parts[0]!, concat([Uint8Array.of(1, 2, 3), patternBody(70)]))
  })

  it("gathers large pieces as they are, in their place", () => {
    const batch = WriteBatch.make({ limit: 100_000 })
    const large = patternBody(gatherThreshold)
    const small = patternBody(gatherThreshold - 1)
    write(batch, Uint8Array.of(1))
    batch.append(large)
    batch.append(large)
    batch.append(small)
    const parts = batch.finish()
    assert.strictEqual(parts.length, 4)
    assert.strictEqual(parts[1], large)
    assert.strictEqual(parts[2], large)
    assert.notStrictEqual(parts[3]!.buffer, small.buffer)
    assert.deepStrictEqual(concat(parts), concat([Uint8Array.of(1), large, large, small]))
    assert.strictEqual(batch.size, 1 + 2 * gatherThreshold + small.length)
  })

  it("gathers parts of memory however small, and one piece again and again", () => {
    const bytes = patternBody(100)
    for (
      const slice of [
        undefined,
        (all: Uint8Array, start: number, end: number) => Buffer.from(all.buffer, start, end - start)
      ]
    ) {
      const batch = WriteBatch.make({ limit: 1000, slice })
      write(batch, Uint8Array.of(1, 2, 3))
      const piece = batch.copyOf(1, 3)
      batch.buffer[1] = 9
      batch.gather(bytes, 10, 12)
      batch.gatherPiece(piece)
      batch.gatherPiece(piece)
      assert.strictEqual(batch.size, 9)
      const parts = batch.finish()
      assert.deepStrictEqual(Array.from(concat(parts)), [1, 9, 3, bytes[10], bytes[11], 2, 3, 2, 3])
      assert.strictEqual(parts[1]!.buffer, bytes.buffer)
      assert.strictEqual(parts[2], parts[3])
      if (slice !== undefined) assert.isTrue(parts.every((part) => part instanceof Buffer))
    }
  })

  it("has negative room after a message that went over the limit", () => {
    const batch = WriteBatch.make({ limit: 10 })
    batch.append(patternBody(12))
    assert.strictEqual(batch.room, -2)
  })

  it("uses its memory again", () => {
    const batch = WriteBatch.make({ limit: 100 })
    write(batch, Uint8Array.of(1))
    const first = batch.finish()[0]!
    batch.clear()
    assert.strictEqual(batch.size, 0)
    assert.strictEqual(batch.room, 100)
    assert.deepStrictEqual(batch.finish(), [])
    write(batch, Uint8Array.of(2))
    const second = batch.finish()[0]!
    assert.strictEqual(second.buffer, first.buffer)
    assert.deepStrictEqual(second, Uint8Array.of(2))
  })

  it("has memory for the message that goes over the limit", () => {
    const batch = WriteBatch.make({ limit: 1000 })
    const { buffer } = batch
    batch.append(patternBody(999))
    write(batch, patternBody(1200))
    batch.append(patternBody(gatherThreshold - 1))
    assert.strictEqual(batch.buffer, buffer)
    assert.strictEqual(batch.finish().length, 1)
  })

  it("uses the memory that it was given", () => {
    const memory = new Uint8Array(50)
    const batch = WriteBatch.make({ limit: 1000, memory })
    assert.strictEqual(batch.buffer, memory)
    batch.append(patternBody(30))
    batch.append(patternBody(30))
    assert.deepStrictEqual(concat(batch.finish()), concat([patternBody(30), patternBody(30)]))
    batch.clear()
    assert.strictEqual(batch.buffer, memory)
  })

  it("keeps what was written before when it needs more memory", () => {
    const batch = WriteBatch.make({ limit: 1000, capacity: 16 })
    write(batch, patternBody(10))
    write(batch, patternBody(10))
    write(batch, patternBody(100))
    batch.append(patternBody(5))
    assert.strictEqual(batch.size, 125)
    assert.deepStrictEqual(
      concat(batch.finish()),
      concat([patternBody(10), patternBody(10), patternBody(100), patternBody(5)])
    )
  })

  it(`is the pieces in their order, whatever they are (seed ${seed})`, () => {
    const random = new Random(seed)
    for (let round = 0; round < 300; round++) {
      const batch = WriteBatch.make({ limit: random.below(50_000), capacity: 1 + random.below(3000) })
      for (let use = 0; use < 3; use++) {
        const pieces = Array.from(
          { length: random.below(20) },
          () => random.bytes(random.chance(20) ? random.below(9000) : random.below(200))
        )
        for (const piece of pieces) {
          if (random.chance(50)) batch.append(piece)
          else write(batch, piece)
        }
        const all = concat(pieces)
        assert.strictEqual(batch.size, all.length)
        assert.strictEqual(Buffer.compare(concat(batch.finish()), all), 0)
        batch.clear()
      }
    }
  })
})
