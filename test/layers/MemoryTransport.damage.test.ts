import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { NetAddress } from "effect/net"
import { TestClock } from "effect/testing"
import * as MemoryTransport from "../../src/layers/MemoryTransport.ts"
import { bytes, connect, listen, pair, server, settle, withNetwork } from "../utils/memory.ts"

const { MemoryNetwork, probe } = MemoryTransport

/** Which bytes differ from those that were sent, and how. */
const damage = (sent: Uint8Array, received: Uint8Array): ReadonlyArray<readonly [at: number, bits: number]> =>
  Array.from(sent, (byte, at) => [at, byte ^ received[at]!] as const).filter(([, bits]) => bits !== 0)

describe("MemoryTransport, damage", () => {
  it.effect("changes the byte that was asked for, in one direction, and no other", () =>
    Effect.gen(function*() {
      const network = yield* MemoryNetwork
      const { accepted, client } = yield* pair()
      yield* client.write(bytes(10))
      assert.deepStrictEqual(yield* accepted.read(10), bytes(10))
      yield* network.corruptAfter(1, 7, "toListener")
      yield* network.corruptAfter(1, 0, "toListener")
      yield* client.write(bytes(1000))
      yield* accepted.write(bytes(1000))
      assert.deepStrictEqual(damage(bytes(1000), yield* accepted.read(1000)), [[0, 0xff], [7, 0xff]])
      assert.deepStrictEqual(yield* client.read(1000), bytes(1000))
    }).pipe(withNetwork()))

  it.effect("finds the byte, however the bytes are read", () =>
    Effect.gen(function*() {
      const network = yield* MemoryNetwork
      for (const segmentSize of [1, 3, 10, 11, "random", Number.POSITIVE_INFINITY] as const) {
        yield* network.setConditions({ segmentSize })
        const { accepted, client } = yield* pair(NetAddress.inetAddressFromStringUnsafe("10.0.0.9:0"))
        yield* network.corruptAfter(client.link.localAddress, 10, "toListener")
        yield* client.write(bytes(30))
        assert.deepStrictEqual(damage(bytes(30), yield* accepted.read(30)), [[10, 0xff]])
      }
    }).pipe(withNetwork()))

  it.effect("changes a byte of the next link when there is none, and not of the one after it", () =>
    Effect.gen(function*() {
      const network = yield* MemoryNetwork
      yield* network.corruptAfter(server, 2, "toDialler")
      const first = yield* pair()
      yield* first.accepted.write(bytes(5))
      assert.deepStrictEqual(damage(bytes(5), yield* first.client.read(5)), [[2, 0xff]])
      yield* network.corruptAfter(1, 1, "toDialler")
      yield* network.heal()
      yield* first.accepted.write(bytes(5))
      assert.deepStrictEqual(yield* first.client.read(5), bytes(5))
    }).pipe(withNetwork()))

  it.effect("changes a bit here and there, and the sender's memory not at all", () =>
    Effect.gen(function*() {
      const { accepted, client } = yield* pair()
      const sent = bytes(10_000)
      yield* client.write(sent)
      const changed = damage(bytes(10_000), yield* accepted.read(10_000))
      assert.deepStrictEqual(sent, bytes(10_000))
      assert.isTrue(changed.length > 20 && changed.length < 80, `${changed.length} of 100 segments`)
      for (const [, bits] of changed) assert.strictEqual(bits & (bits - 1), 0)
    }).pipe(withNetwork({ corruption: 0.5, segmentSize: 100, seed: "damage" })))

  it.effect("ends one direction: its receiver has all bytes before, and the writer is told when that one closes", () =>
    Effect.gen(function*() {
      const network = yield* MemoryNetwork
      const { accepted, client } = yield* pair()
      yield* network.setConditions({ delay: 10 })
      yield* client.write(bytes(20))
      assert.strictEqual(yield* network.halfClose(server, "toListener"), 1)
      yield* client.write(bytes(20))
      yield* TestClock.adjust(10)
      assert.strictEqual((yield* accepted.ended)?.problem, "Closed")
      assert.deepStrictEqual(yield* accepted.rest, bytes(20))
      const ended = yield* Effect.forkChild(client.ended, { startImmediately: true })
      yield* TestClock.adjust(9)
      assert.isUndefined(ended.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.strictEqual((yield* Fiber.join(ended))?.problem, "Closed")
      assert.deepStrictEqual(yield* network.links, [])
      assert.strictEqual(yield* network.halfClose("everywhere", "toDialler"), 0)
    }).pipe(withNetwork()))

  it.effect("leaves a writer in the dark when nothing comes back either", () =>
    Effect.gen(function*() {
      const network = yield* MemoryNetwork
      const { accepted, client } = yield* pair()
      yield* network.blackhole(1, "toDialler")
      yield* network.halfClose(1, "toListener")
      yield* settle
      assert.strictEqual((yield* accepted.ended)?.problem, "Closed")
      yield* client.write(bytes(100))
      const stuck = yield* Effect.forkChild(client.write(bytes(1)), { startImmediately: true })
      yield* TestClock.adjust("1 hour")
      assert.isUndefined(stuck.pollUnsafe())
      yield* network.heal()
      assert.strictEqual((yield* client.ended)?.problem, "Closed")
      assert.strictEqual((yield* Effect.flip(Fiber.join(stuck))).problem, "Closed")
    }).pipe(withNetwork({ window: 100 })))

  it.effect("lets dials through in the order that the test wants", () =>
    Effect.gen(function*() {
      const network = yield* MemoryNetwork
      const { accept } = yield* listen()
      yield* network.hang("everywhere")
      const dials = yield* Effect.forEach([1, 2, 3], () => Effect.forkChild(connect(), { startImmediately: true }))
      const waiting = yield* network.awaitDials(3)
      assert.deepStrictEqual(waiting.map(({ id }) => id), [1, 2, 3])
      assert.isFalse(yield* network.letThrough(9))
      for (const id of [3, 1, 2]) {
        assert.isTrue(yield* network.letThrough(id))
        const link = yield* accept
        assert.deepStrictEqual(link.remoteAddress, waiting[id - 1]!.dialler)
        assert.deepStrictEqual((yield* Fiber.join(dials[id - 1]!)).localAddress, link.remoteAddress)
        probe(link)
      }
      assert.deepStrictEqual(yield* network.dials, [])
      assert.isFalse(yield* network.letThrough(1))
    }).pipe(withNetwork()))

  it.effect("waits for dials, and forgets those that are given up", () =>
    Effect.gen(function*() {
      const network = yield* MemoryNetwork
      yield* listen()
      yield* network.hang(server)
      const two = yield* Effect.forkChild(network.awaitDials(2), { startImmediately: true })
      const first = yield* Effect.forkChild(connect(), { startImmediately: true })
      yield* settle
      assert.isUndefined(two.pollUnsafe())
      yield* Fiber.interrupt(first)
      const second = yield* Effect.forkChild(connect(), { startImmediately: true })
      yield* settle
      assert.isUndefined(two.pollUnsafe())
      const third = yield* Effect.forkChild(connect(), { startImmediately: true })
      assert.deepStrictEqual((yield* Fiber.join(two)).map(({ id }) => id), [2, 3])
      yield* network.heal()
      yield* Fiber.join(second)
      yield* Fiber.join(third)
    }).pipe(withNetwork()))

  it.effect("takes a number of bytes that makes no sense for a mistake", () =>
    Effect.gen(function*() {
      const network = yield* MemoryNetwork
      for (const count of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
        for (const mark of [network.cutAfter, network.corruptAfter]) {
          const exit = yield* Effect.exit(mark("everywhere", count, "toListener"))
          assert.include(String(exit), "RangeError", String(count))
        }
      }
    }).pipe(withNetwork()))
})
