import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as BufferPool from "../../src/services/BufferPool.ts"

const KB = 1024
const MB = 1024 * KB

describe("BufferPool", () => {
  it.effect("hands out slabs of four sizes, or of the next power of two", () =>
    Effect.gen(function*() {
      const pool = BufferPool.makeUnsafe()
      assert.strictEqual(pool.slabSize, 262_144)
      const sizes = [0, 1, 4096, 4097, 16_384, 16_385, 65_536, 65_537].map((size) => pool.take(size).bytes.length)
      assert.deepStrictEqual(sizes, [4096, 4096, 4096, 16_384, 16_384, 65_536, 65_536, 262_144])
      assert.strictEqual(pool.take(262_144).bytes.length, 262_144)
      assert.strictEqual(pool.take(262_145).bytes.length, 524_288)
      assert.strictEqual(pool.take(MB).bytes.length, MB)
      assert.strictEqual(pool.take(MB + 1).bytes.length, 2 * MB)
      assert.deepStrictEqual(yield* pool.stats, { taken: 12, takenBytes: 4268 * KB, freeBytes: 0, allocated: 12 })
    }))

  it.effect("uses slabs again, each with those of its size", () =>
    Effect.gen(function*() {
      const pool = BufferPool.makeUnsafe()
      const usual = pool.take(200_000)
      const large = pool.take(MB)
      pool.give(usual)
      pool.give(large)
      assert.deepStrictEqual(yield* pool.stats, { taken: 0, takenBytes: 0, freeBytes: 262_144 + MB, allocated: 2 })
      assert.strictEqual(pool.take(600 * KB), large)
      assert.strictEqual(pool.take(262_144), usual)
      assert.notStrictEqual(pool.take(262_144), usual)
      assert.deepStrictEqual(yield* pool.stats, { taken: 3, takenBytes: 1536 * KB, freeBytes: 0, allocated: 3 })
    }))

  it.effect("never hands out memory again that somebody kept a view of", () =>
    Effect.gen(function*() {
      const pool = BufferPool.makeUnsafe()
      const slab = pool.take(0)
      slab.exposed = true
      pool.give(slab)
      assert.deepStrictEqual(yield* pool.stats, { taken: 0, takenBytes: 0, freeBytes: 0, allocated: 1 })
      assert.notStrictEqual(pool.take(0), slab)
    }))

  it.effect("keeps no more free memory than it may", () =>
    Effect.gen(function*() {
      const pool = BufferPool.makeUnsafe({ slabSize: 64 * KB, maxFreeBytes: 200 * KB })
      const slabs = Array.from({ length: 5 }, () => pool.take(64 * KB))
      for (const slab of slabs) pool.give(slab)
      assert.deepStrictEqual(yield* pool.stats, { taken: 0, takenBytes: 0, freeBytes: 192 * KB, allocated: 5 })
    }))

  it.effect("keeps none with no room for any", () =>
    Effect.gen(function*() {
      const pool = BufferPool.makeUnsafe({ maxFreeBytes: 0 })
      pool.give(pool.take(0))
      assert.deepStrictEqual(yield* pool.stats, { taken: 0, takenBytes: 0, freeBytes: 0, allocated: 1 })
    }))

  it.effect("does not let large slabs displace those of the usual size", () =>
    Effect.gen(function*() {
      const pool = BufferPool.makeUnsafe()
      const sizes = [1, 2, 4, 8, 16]
      // What a joined message of 9 MB leaves behind.
      for (const slab of sizes.map((size) => pool.take(size * MB))) pool.give(slab)
      assert.strictEqual((yield* pool.stats).freeBytes, 7 * MB)
      const usual = Array.from({ length: 36 }, () => pool.take(pool.slabSize))
      for (const slab of usual) pool.give(slab)
      assert.strictEqual((yield* pool.stats).freeBytes, 16 * MB)
    }))

  it.effect("takes a slab size that is no power of two", () =>
    Effect.gen(function*() {
      const pool = BufferPool.makeUnsafe({ slabSize: 100_000 })
      const slab = pool.take(99_999)
      assert.strictEqual(slab.bytes.length, 100_000)
      assert.strictEqual(pool.take(100_001).bytes.length, 131_072)
      pool.give(slab)
      assert.strictEqual(pool.take(100_000), slab)
      assert.strictEqual((yield* pool.stats).allocated, 2)
    }))

  it.effect("lets go what nobody needed for a while, and nothing else", () =>
    Effect.gen(function*() {
      const pool = yield* BufferPool.BufferPool
      const freeBytes = Effect.map(pool.stats, ({ freeBytes }) => freeBytes)
      const burst = Array.from({ length: 10 }, () => pool.take(64 * KB))
      const large = pool.take(MB)
      for (const slab of [...burst, large]) pool.give(slab)
      // They were given back during the first half minute, and no whole one has passed since.
      yield* TestClock.adjust("59 seconds")
      assert.strictEqual(yield* freeBytes, 640 * KB + MB)
      const [first, second] = [pool.take(64 * KB), pool.take(64 * KB)]
      assert.deepStrictEqual([first, second], [burst[9], burst[8]])
      pool.give(second)
      pool.give(first)
      yield* TestClock.adjust("1 seconds")
      assert.strictEqual(yield* freeBytes, 128 * KB)
      assert.strictEqual(pool.take(64 * KB), first)
      pool.give(first)
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(yield* freeBytes, 64 * KB)
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(yield* pool.stats, { taken: 0, takenBytes: 0, freeBytes: 0, allocated: 11 })
      assert.notStrictEqual(pool.take(64 * KB), first)
    }).pipe(Effect.provide(BufferPool.layer())))

  it.effect("keeps for as long as it is told, and what is taken has nothing to do with it", () =>
    Effect.gen(function*() {
      const pool = yield* BufferPool.BufferPool
      const held = pool.take(4 * KB)
      pool.give(pool.take(4 * KB))
      yield* TestClock.adjust("100 millis")
      assert.deepStrictEqual(yield* pool.stats, { taken: 1, takenBytes: 4 * KB, freeBytes: 0, allocated: 2 })
      pool.give(held)
      assert.strictEqual(pool.take(4 * KB), held)
    }).pipe(Effect.provide(BufferPool.layer({ keepFree: "50 millis" }))))

  it.effect("refuses to keep nothing for no time", () =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(Effect.scoped(Layer.build(BufferPool.layer({ keepFree: 0 }))))
      assert.isTrue(Exit.isFailure(exit))
    }))

  it.effect("is one pool for all that share the layer", () =>
    Effect.gen(function*() {
      const one = yield* BufferPool.BufferPool
      const other = yield* BufferPool.BufferPool
      const slab = one.take(one.slabSize)
      other.give(slab)
      assert.strictEqual(slab.bytes.length, 64 * KB)
      assert.deepStrictEqual(yield* other.stats, { taken: 0, takenBytes: 0, freeBytes: 64 * KB, allocated: 1 })
    }).pipe(Effect.provide(BufferPool.layer({ slabSize: 64 * KB }))))
})
