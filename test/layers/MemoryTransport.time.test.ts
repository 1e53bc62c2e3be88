import { assert, describe, it } from "@effect/vitest"
import type { Context } from "effect"
import { Effect, Fiber, Random } from "effect"
import { TestClock } from "effect/testing"
import * as MemoryTransport from "../../src/layers/MemoryTransport.ts"
import type * as Transport from "../../src/services/Transport.ts"
import { bytes, connect, listen, millisNow, pair, rawPair, server, settle, withNetwork } from "../utils/memory.ts"

const { MemoryNetwork, probe } = MemoryTransport

describe("MemoryTransport, time", () => {
  describe("time", () => {
    it.effect("delays each direction, and a dial by a round trip", () =>
      Effect.gen(function*() {
        const { accept } = yield* listen()
        const dialling = yield* Effect.forkChild(Effect.zip(connect(), millisNow))
        const accepting = yield* Effect.forkChild(Effect.zip(accept, millisNow))
        yield* TestClock.adjust("1 minute")
        const [link, connectedAt] = yield* Fiber.join(dialling)
        const [other, acceptedAt] = yield* Fiber.join(accepting)
        assert.deepStrictEqual([acceptedAt, connectedAt], [50, 100])
        const client = probe(link)
        const accepted = probe(other)
        const echo = yield* Effect.forkChild(Effect.gen(function*() {
          yield* accepted.read(10)
          const at = yield* millisNow
          yield* accepted.write(bytes(10))
          return at
        }))
        yield* client.write(bytes(5))
        yield* TestClock.adjust(20)
        yield* client.write(bytes(5))
        const answered = yield* Effect.forkChild(Effect.andThen(client.read(10), millisNow))
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(yield* Fiber.join(echo), 60_070)
        assert.strictEqual(yield* Fiber.join(answered), 60_120)
        assert.deepStrictEqual(yield* accepted.reads, [5, 5])
      }).pipe(withNetwork({ delay: "50 millis" })))

    it.effect("delays the end as it delays bytes, and not the close itself", () =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        const { accepted, client } = yield* pair()
        yield* network.setConditions({ delay: 30 })
        const ended = yield* Effect.forkChild(Effect.zip(accepted.ended, millisNow), { startImmediately: true })
        yield* client.write(bytes(5))
        yield* client.close
        assert.isUndefined(yield* client.ended)
        yield* TestClock.adjust(29)
        assert.strictEqual((yield* accepted.rest).length, 0)
        yield* TestClock.adjust(1)
        const [error, at] = yield* Fiber.join(ended)
        assert.strictEqual(error?.problem, "Closed")
        assert.strictEqual(at, 30)
        assert.deepStrictEqual(yield* accepted.rest, bytes(5))
      }).pipe(withNetwork()))

    it.effect("delays some paths only, in both directions, whoever dials", () =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        const { accept } = yield* listen()
        yield* network.setConditions({ delay: 10 })
        yield* network.setConditions({ delay: 40 }, "10.0.0.7")
        yield* network.setConditions({ delay: 70 }, ["10.0.0.9:1234", "10.0.0.8"])
        const dial = (from: string) =>
          Effect.gen(function*() {
            const host = yield* network.transportFrom(from)
            const start = yield* millisNow
            yield* host.connect(server)
            return (yield* millisNow) - start
          })
        const dials = yield* Effect.forkChild(Effect.forEach(["10.0.0.6", "10.0.0.7", "10.0.0.8"], dial))
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* Fiber.join(dials), [20, 80, 140])
        const first = probe(yield* accept)
        yield* first.write(bytes(1))
        yield* network.setConditions({ delay: 1 }, 1)
        yield* first.write(bytes(1))
        yield* TestClock.adjust(9)
        assert.deepStrictEqual((yield* network.links)[0]?.toDialler, { written: 2, delivered: 0 })
      }).pipe(withNetwork()))

    it.effect("keeps the order when conditions get better", () =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        const { accepted, client } = yield* pair()
        yield* network.setConditions({ delay: 100 })
        yield* client.write(Uint8Array.of(1))
        yield* TestClock.adjust(10)
        yield* network.setConditions({ delay: 0 })
        yield* client.write(Uint8Array.of(2))
        yield* TestClock.adjust(89)
        assert.deepStrictEqual(yield* accepted.rest, new Uint8Array())
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(yield* accepted.rest, Uint8Array.of(1, 2))
        yield* client.write(Uint8Array.of(3))
        yield* settle
        assert.deepStrictEqual(yield* accepted.rest, Uint8Array.of(3))
      }).pipe(withNetwork()))

    it.effect("carries no more than the bandwidth", () =>
      Effect.gen(function*() {
        const { accepted, client } = yield* pair()
        const network = yield* MemoryNetwork
        yield* network.setConditions({ bandwidth: 1000, delay: 5, segmentSize: 100 })
        yield* client.write(bytes(250))
        yield* client.write(bytes(10))
        const arrived: Array<readonly [number, number]> = []
        for (let i = 0; i < 300; i++) {
          yield* TestClock.adjust(1)
          const { length } = yield* accepted.rest
          if (length > 0) arrived.push([yield* millisNow, length])
        }
        assert.deepStrictEqual(arrived, [[105, 100], [205, 100], [255, 50], [265, 10]])
      }).pipe(withNetwork()))

    it.effect("sends lost segments again, and lets what is behind them wait", () =>
      Effect.gen(function*() {
        // Each number is drawn once for a segment, and once more after each loss.
        const draws = [0.9, 0.1, 0.1, 0.9, 0.9]
        const random: Context.Service.Shape<typeof Random.Random> = {
          nextIntUnsafe: () => 0,
          nextDoubleUnsafe: () => draws.shift() ?? 0.9
        }
        yield* Effect.gen(function*() {
          const network = yield* MemoryNetwork
          const { accepted, client } = yield* pair()
          yield* network.setConditions({ loss: 0.5, delay: 10, segmentSize: 4 })
          yield* client.write(bytes(12))
          const arrived: Array<readonly [number, number]> = []
          for (let i = 0; i < 50; i++) {
            yield* TestClock.adjust(10)
            const { length } = yield* accepted.rest
            if (length > 0) arrived.push([yield* millisNow, length])
          }
          assert.deepStrictEqual(arrived, [[10, 4], [410, 8]])
          assert.deepStrictEqual(yield* accepted.reads, [4, 4, 4])
        }).pipe(withNetwork(), Effect.provideService(Random.Random, random))
      }))

    it.effect("jitters within its range and in order, the same way for the same seed", () => {
      const times = Effect.gen(function*() {
        const network = yield* MemoryNetwork
        const { accepted, client } = yield* pair()
        yield* network.setConditions({ delay: 100, jitter: 50 })
        const arrived: Array<number> = []
        for (let i = 0; i < 20; i++) {
          const start = yield* millisNow
          yield* client.write(Uint8Array.of(i))
          const read = yield* Effect.forkChild(Effect.andThen(accepted.read(1), millisNow))
          yield* TestClock.adjust(150)
          arrived.push((yield* Fiber.join(read)) - start)
        }
        return arrived
      }).pipe(withNetwork({ seed: 7 }), Effect.scoped)
      return Effect.gen(function*() {
        const first = yield* times
        for (const time of first) assert.isTrue(time >= 100 && time <= 150, String(time))
        assert.isAbove(new Set(first).size, 15)
        const second = yield* times
        for (const [i, time] of second.entries()) assert.closeTo(time, first[i]!, 0.001)
      })
    })
  })

  describe("whatever happens", () => {
    /** Writes of random sizes until `total` bytes are written or the link ends. Counts how the writes went. */
    const writeAll = (link: Transport.Link, total: number, pick: (limit: number) => number) => {
      const writer = { started: 0, done: 0, failed: 0 }
      let written = 0
      const next = (): void => {
        if (written === total) {
          link.close()
          return
        }
        const size = Math.min(1 + pick(3000), total - written)
        const cut = pick(size)
        const content = bytes(size, written)
        written += size
        writer.started += 1
        let hasReturned = false
        link.write([content.subarray(0, cut), content.subarray(cut)], (error) => {
          assert.isTrue(hasReturned, "done before write returned")
          content.fill(255)
          if (error === undefined) {
            writer.done += 1
            next()
          } else writer.failed += 1
        })
        hasReturned = true
      }
      next()
      return writer
    }

    /** Reads into memory of random sizes, pauses at random, and looks after the rules of the port. */
    const readAll = (link: Transport.Link, pick: (limit: number) => number) => {
      const reader = { received: Array<number>(), ends: Array<string>() }
      let memory = new Uint8Array(1)
      let isCalled = false
      const alone = (f: () => void) => {
        assert.isFalse(isCalled, "a call within a call")
        assert.strictEqual(reader.ends.length, 0, "a call after the end")
        isCalled = true
        f()
        isCalled = false
      }
      link.start({
        buffer: () => memory = new Uint8Array(1 + pick(700)),
        onRead: (count) => {
          alone(() => {
            for (let i = 0; i < count; i++) reader.received.push(memory[i]!)
          })
          return pick(4) > 0
        },
        onEnd: (error) => alone(() => reader.ends.push(error?.problem ?? "here"))
      })
      return reader
    }

    const segmentSizes = [1, 3, 100, 5000, "random", Number.POSITIVE_INFINITY] as const

    /** One run: writes, pauses and conditions at random, and a cut in every second run. */
    const run = (seed: number) =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        const random = yield* Random.Random
        const pick = (limit: number) => Math.floor(random.nextDoubleUnsafe() * limit)
        const total = pick(12_000)
        const { accepted, client } = yield* rawPair()
        yield* network.setConditions({ window: 1 + pick(5000), segmentSize: segmentSizes[pick(6)]! })
        const reader = readAll(accepted, pick)
        const back = readAll(client, pick)
        const writer = writeAll(client, total, pick)
        const isCut = seed % 2 === 1
        if (isCut) yield* network.cutAfter(1, pick(15_000), "toListener")

        for (let step = 0; reader.ends.length === 0; step++) {
          assert.isBelow(step, 100_000, `no end in sight, seed ${seed}`)
          const choice = pick(12)
          if (choice === 0) accepted.pause()
          else if (choice < 8) accepted.resume()
          else if (choice === 8) yield* network.setConditions({ delay: pick(20), jitter: pick(20), loss: pick(3) / 10 })
          else if (choice === 9) yield* network.setConditions({ delay: 0, jitter: 0, loss: 0 })
          else if (choice === 10) {
            yield* network.blackhole(1)
            yield* TestClock.adjust(pick(300))
            yield* network.heal()
          } else yield* TestClock.adjust(pick(300))
          yield* Effect.yieldNow
        }
        yield* settle
        const { length } = reader.received
        assert.deepStrictEqual(Uint8Array.from(reader.received), bytes(total).subarray(0, length), `seed ${seed}`)
        assert.strictEqual(writer.started, writer.done + writer.failed, `seed ${seed}`)
        if (!isCut || reader.ends[0] === "Closed") {
          assert.strictEqual(length, total, `seed ${seed}`)
          assert.deepStrictEqual([...reader.ends, ...back.ends], ["Closed", "here"], `seed ${seed}`)
        } else assert.strictEqual(reader.ends[0], "Reset", `seed ${seed}`)
        assert.strictEqual(back.ends.length, 1, `seed ${seed}`)
        assert.deepStrictEqual(yield* network.links, [])
      }).pipe(withNetwork(), Random.withSeed(seed), Effect.scoped)

    it.effect(
      "bytes arrive whole and in order, and each side ends once",
      () => Effect.forEach(Array.from({ length: 40 }, (_, i) => i), run, { discard: true }),
      60_000
    )
  })
})
