import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as MemoryTransport from "../../src/layers/MemoryTransport.ts"
import {
  bytes,
  connect,
  listen,
  millisNow,
  pair,
  rawPair,
  Recorder,
  server,
  settle,
  withNetwork
} from "../utils/memory.ts"

const { MemoryNetwork, probe } = MemoryTransport

describe("MemoryTransport, delivery", () => {
  describe("delivery", () => {
    it.effect("needs no time when nothing delays it", () =>
      Effect.gen(function*() {
        const { accepted, client } = yield* pair()
        yield* client.write(bytes(10), bytes(5, 100))
        assert.deepStrictEqual(yield* accepted.read(15), Uint8Array.from([...bytes(10), ...bytes(5, 100)]))
        yield* accepted.write(bytes(100_000))
        assert.deepStrictEqual(yield* client.read(100_000), bytes(100_000))
        assert.strictEqual(yield* millisNow, 0)
      }).pipe(withNetwork()))

    it.effect("calls nobody back within a call, and done before the receiver is told anything later", () =>
      Effect.gen(function*() {
        const { accepted, client } = yield* rawPair()
        const recorder = new Recorder()
        accepted.start(recorder)
        client.start({ buffer: () => new Uint8Array(1), onRead: () => true, onEnd: () => {} })
        client.write([bytes(3)], (error) => {
          recorder.done(error)
          client.write([bytes(2)], recorder.done)
          recorder.events.push("written again")
        })
        assert.deepStrictEqual(recorder.events, [])
        yield* settle
        assert.deepStrictEqual(recorder.events, ["done well", "written again", "read 5", "done well"])
        client.write([], recorder.done)
        accepted.write([bytes(0)], recorder.done)
        client.close()
        accepted.close()
        accepted.write([bytes(1)], recorder.done)
        assert.strictEqual(recorder.events.length, 4)
        yield* settle
        assert.deepStrictEqual(recorder.events.slice(4).sort(), ["done Closed", "done well", "done well", "end here"])
      }).pipe(withNetwork()))

    it.effect("copies what is written", () =>
      Effect.gen(function*() {
        const { accepted, client } = yield* rawPair()
        const memory = bytes(10)
        client.write([memory], () => memory.fill(0))
        yield* settle
        const recorder = new Recorder()
        accepted.start(recorder)
        yield* settle
        assert.deepStrictEqual(recorder.received, [...bytes(10)])
      }).pipe(withNetwork()))

    it.effect("reads nothing before start, while paused, and after the reader said so", () =>
      Effect.gen(function*() {
        const { accepted, client } = yield* rawPair()
        client.write([bytes(10)], () => {})
        yield* settle
        const answers = [true, false, false, true, true]
        const recorder = new Recorder(3, () => answers.shift() ?? true)
        accepted.start(recorder)
        yield* settle
        assert.deepStrictEqual(recorder.events, ["read 3", "read 3"])
        accepted.resume()
        accepted.resume()
        assert.strictEqual(recorder.events.length, 2)
        yield* settle
        assert.deepStrictEqual(recorder.events, ["read 3", "read 3", "read 3"])
        accepted.resume()
        accepted.pause()
        client.close()
        yield* settle
        assert.strictEqual(recorder.events.length, 3)
        accepted.resume()
        yield* settle
        assert.deepStrictEqual(recorder.events, ["read 3", "read 3", "read 3", "read 1", "end Closed"])
        assert.deepStrictEqual(recorder.received, [...bytes(10)])
      }).pipe(withNetwork()))

    it.effect("pauses in the middle of a read", () =>
      Effect.gen(function*() {
        const { accepted, client } = yield* rawPair()
        const recorder: Recorder = new Recorder(4, () => {
          accepted.pause()
          return true
        })
        accepted.start(recorder)
        client.write([bytes(10)], () => {})
        yield* settle
        assert.deepStrictEqual(recorder.events, ["read 4"])
      }).pipe(withNetwork()))

    it.effect("cuts writes into segments of the given size", () =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        const { accepted, client } = yield* pair()
        yield* client.write(bytes(5))
        yield* client.write(bytes(4))
        assert.deepStrictEqual(yield* accepted.read(9), Uint8Array.from([...bytes(5), ...bytes(4)]))
        assert.deepStrictEqual(yield* accepted.reads, [2, 2, 1, 2, 2])
        yield* network.setConditions({ segmentSize: 1 })
        yield* client.write(bytes(3))
        yield* accepted.read(3)
        assert.deepStrictEqual((yield* accepted.reads).slice(5), [1, 1, 1])
      }).pipe(withNetwork({ segmentSize: 2 })))

    it.effect("cuts writes at random, the same way for the same seed", () => {
      const reads = (seed: string) =>
        Effect.gen(function*() {
          const { accepted, client } = yield* pair()
          yield* client.write(bytes(40))
          yield* client.write(bytes(20_000))
          yield* accepted.read(20_040)
          return yield* accepted.reads
        }).pipe(withNetwork({ segmentSize: "random", seed }), Effect.scoped)
      return Effect.gen(function*() {
        const one = yield* reads("one")
        assert.deepStrictEqual(yield* reads("one"), one)
        assert.notDeepEqual(yield* reads("two"), one)
        assert.isAtMost(Math.max(...one), 1460)
        assert.isAbove(one.length, 15)
        assert.isBelow(one[0]!, 40)
      })
    })
  })

  describe("backpressure", () => {
    it.effect("is done when all is in the window, which empties as the receiver reads", () =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        const { accepted, client } = yield* rawPair()
        const recorder = new Recorder(40, () => false)
        accepted.start(recorder)
        client.write([bytes(60), bytes(40)], recorder.done)
        yield* settle
        assert.deepStrictEqual(recorder.events, ["done well", "read 40"])
        client.write([bytes(20), bytes(50)], recorder.done)
        yield* settle
        const [link] = yield* network.links
        assert.deepStrictEqual(link?.toListener, { written: 140, delivered: 40 })
        assert.strictEqual(recorder.events.length, 2)
        accepted.resume()
        yield* settle
        assert.deepStrictEqual(recorder.events, ["done well", "read 40", "read 40", "done well"])
        while (recorder.received.length < 170) {
          accepted.resume()
          yield* settle
        }
        assert.deepStrictEqual(recorder.received, [...bytes(60), ...bytes(40), ...bytes(20), ...bytes(50)])
        assert.deepStrictEqual((yield* network.links)[0]?.toListener, { written: 170, delivered: 170 })
      }).pipe(withNetwork({ window: 100 })))

    it.effect("holds 256 KB if nothing else is said, and more when the window is widened", () =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        const { client } = yield* rawPair()
        const recorder = new Recorder()
        client.write([bytes(262_144)], recorder.done)
        yield* settle
        assert.deepStrictEqual(recorder.events, ["done well"])
        client.write([bytes(1)], recorder.done)
        yield* settle
        assert.deepStrictEqual(recorder.events, ["done well"])
        yield* network.setConditions({ window: 300_000 })
        yield* settle
        assert.deepStrictEqual(recorder.events, ["done well", "done well"])
      }).pipe(withNetwork()))

    it.effect("fails the write that is under way when the link ends", () =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        const { accepted, client } = yield* rawPair()
        const recorder = new Recorder()
        const other = new Recorder()
        client.start(recorder)
        accepted.start(other)
        accepted.pause()
        client.write([bytes(11)], recorder.done)
        yield* network.cut(server)
        assert.deepStrictEqual(recorder.events, [])
        yield* settle
        assert.deepStrictEqual(recorder.events, ["done Reset", "end Reset"])
        assert.deepStrictEqual(other.events, ["end Reset"])
        client.write([bytes(1)], recorder.done)
        yield* settle
        assert.deepStrictEqual(recorder.events.slice(2), ["done Reset"])
      }).pipe(withNetwork({ window: 10 })))

    it.effect("closes without waiting for the write that is under way", () =>
      Effect.gen(function*() {
        const { accepted, client } = yield* rawPair()
        const recorder = new Recorder()
        const other = new Recorder()
        client.start(recorder)
        client.write([bytes(15)], recorder.done)
        client.close()
        client.close()
        yield* settle
        assert.deepStrictEqual(recorder.events, ["done Closed", "end here"])
        accepted.start(other)
        yield* settle
        assert.deepStrictEqual(other.events, ["read 10", "end Closed"])
        assert.deepStrictEqual(other.received, [...bytes(10)])
      }).pipe(withNetwork({ window: 10 })))
  })

  describe("the end", () => {
    it.effect("is told after all bytes, to the other side alone, and frees the link", () =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        const { accepted, client } = yield* pair()
        yield* client.write(bytes(100_000))
        yield* client.close
        assert.deepStrictEqual(yield* accepted.read(100_000), bytes(100_000))
        assert.strictEqual((yield* accepted.ended)?.problem, "Closed")
        assert.strictEqual((yield* accepted.ended)?.address, "127.0.0.1:32768")
        assert.isUndefined(yield* client.ended)
        assert.deepStrictEqual(yield* network.links, [])
        assert.strictEqual((yield* Effect.flip(accepted.read(1))).problem, "Closed")
        assert.strictEqual((yield* Effect.flip(accepted.write(bytes(1)))).problem, "Closed")
      }).pipe(withNetwork()))

    it.effect("comes with the scope of a dial", () =>
      Effect.gen(function*() {
        const { accept } = yield* listen()
        yield* Effect.scoped(connect())
        assert.strictEqual((yield* probe(yield* accept).ended)?.problem, "Closed")
      }).pipe(withNetwork()))

    it.effect("is told to a receiver that comes later", () =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        const { accepted, client } = yield* rawPair()
        client.write([bytes(3)], () => {})
        yield* network.cut(server)
        yield* settle
        const recorder = new Recorder()
        accepted.start(recorder)
        assert.deepStrictEqual(recorder.events, [])
        yield* settle
        assert.deepStrictEqual(recorder.events, ["end Reset"])
      }).pipe(withNetwork()))

    it.effect("stops reading at once when the reader closes", () =>
      Effect.gen(function*() {
        const { accepted, client } = yield* rawPair()
        const other = new Recorder()
        client.start(other)
        const recorder: Recorder = new Recorder(2, () => {
          accepted.close()
          return true
        })
        accepted.start(recorder)
        client.write([bytes(10)], other.done)
        yield* settle
        assert.deepStrictEqual(recorder.events, ["read 2", "end here"])
        assert.deepStrictEqual(other.events, ["done well", "end Closed"])
      }).pipe(withNetwork()))
  })
})
