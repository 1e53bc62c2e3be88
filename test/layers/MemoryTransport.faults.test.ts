import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Queue } from "effect"
import { NetAddress } from "effect/net"
import { TestClock } from "effect/testing"
import type * as FaultControls from "../../src/layers/FaultControls.ts"
import * as MemoryTransport from "../../src/layers/MemoryTransport.ts"
import { bytes, connect, listen, millisNow, pair, rawPair, server, settle, text, withNetwork } from "../utils/memory.ts"

const { MemoryNetwork, probe } = MemoryTransport

describe("MemoryTransport, faults", () => {
  it.effect("cuts links by id, by address and between hosts", () =>
    Effect.gen(function*() {
      const network = yield* MemoryNetwork
      const { accept } = yield* listen()
      const dialFrom = (host: string) =>
        Effect.flatMap(network.transportFrom(host), (transport) => Effect.map(transport.connect(server), probe))
      const clients = yield* Effect.forEach(["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"], dialFrom)
      const accepted = probe(yield* accept)
      assert.strictEqual(yield* network.cut(99), 0)
      assert.strictEqual(yield* network.cut(1), 1)
      assert.strictEqual((yield* clients[0]!.ended)?.problem, "Reset")
      assert.strictEqual((yield* clients[0]!.ended)?.address, "10.0.0.9:1234")
      assert.strictEqual((yield* accepted.ended)?.problem, "Reset")
      assert.strictEqual((yield* accepted.ended)?.address, text(clients[0]!.link.localAddress))
      assert.strictEqual(yield* network.cut(clients[1]!.link.localAddress), 1)
      assert.strictEqual(yield* network.cut(["10.0.0.9", "10.0.0.3"]), 1)
      assert.deepStrictEqual((yield* network.links).map((link) => link.id), [4])
      assert.strictEqual(yield* network.cut("10.0.0.9:1234"), 1)
      assert.deepStrictEqual(yield* network.links, [])
    }).pipe(withNetwork()))

  it.effect("cuts after an exact number of bytes, however they are read", () =>
    Effect.gen(function*() {
      const network = yield* MemoryNetwork
      for (const bufferSize of [1, 7, 100, 4096]) {
        for (const count of [1, 99, 100, 101, 600]) {
          const { accepted, client } = yield* Effect.map(
            rawPair(NetAddress.inetAddressFromStringUnsafe("10.0.0.9:0")),
            (
              pair
            ) => ({ client: probe(pair.client), accepted: probe(pair.accepted, { bufferSize }) })
          )
          yield* network.cutAfter(client.link.localAddress, count, "toListener")
          yield* client.write(bytes(1000))
          assert.strictEqual((yield* accepted.ended)?.problem, "Reset")
          assert.deepStrictEqual(yield* accepted.rest, bytes(count))
          assert.strictEqual((yield* client.ended)?.problem, "Reset")
        }
      }
    }).pipe(withNetwork()))

  it.effect("cuts the next link after a number of bytes, and not the one after it", () =>
    Effect.gen(function*() {
      const network = yield* MemoryNetwork
      yield* network.cutAfter(server, 2, "toDialler")
      const first = yield* pair()
      yield* first.client.write(bytes(10))
      yield* first.accepted.write(bytes(1))
      yield* first.accepted.write(bytes(1))
      assert.strictEqual((yield* first.client.ended)?.problem, "Reset")
      assert.strictEqual((yield* first.client.rest).length, 2)
      const second = yield* pair(NetAddress.inetAddressFromStringUnsafe("10.0.0.9:1235"))
      yield* second.accepted.write(bytes(10))
      yield* second.client.read(10)
      yield* network.cutAfter(2, 3, "toDialler")
      yield* network.heal()
      yield* second.accepted.write(bytes(10))
      yield* second.client.read(10)
    }).pipe(withNetwork()))

  it.effect("lets bytes vanish without telling anybody, until it is healed", () =>
    Effect.gen(function*() {
      const network = yield* MemoryNetwork
      const { accepted, client } = yield* pair()
      yield* network.blackhole(server, "toListener")
      yield* accepted.write(bytes(10))
      assert.deepStrictEqual(yield* client.read(10), bytes(10))
      yield* client.write(bytes(60))
      yield* client.write(bytes(40))
      const stuck = yield* Effect.forkChild(client.write(bytes(1)), { startImmediately: true })
      yield* TestClock.adjust("1 day")
      assert.isUndefined(stuck.pollUnsafe())
      assert.deepStrictEqual((yield* network.links)[0]?.toListener, { written: 100, delivered: 0 })
      yield* network.heal(server)
      yield* Fiber.join(stuck)
      assert.deepStrictEqual(yield* accepted.read(101), Uint8Array.from([...bytes(60), ...bytes(40), ...bytes(1)]))
    }).pipe(withNetwork({ window: 100 })))

  it.effect("makes half-open links", () =>
    Effect.gen(function*() {
      const network = yield* MemoryNetwork
      const { accepted, client } = yield* pair()
      yield* network.blackhole(1)
      yield* client.close
      assert.isUndefined(yield* client.ended)
      const ended = yield* Effect.forkChild(Effect.zip(accepted.ended, millisNow))
      yield* accepted.write(bytes(10))
      yield* TestClock.adjust("1 hour")
      assert.isUndefined(ended.pollUnsafe())
      assert.strictEqual((yield* network.links).length, 1)
      yield* network.setConditions({ delay: 25 })
      yield* network.heal(1)
      yield* TestClock.adjust(100)
      const [error, at] = yield* Fiber.join(ended)
      assert.strictEqual(error?.problem, "Closed")
      assert.strictEqual(at, 3_600_025)
      assert.deepStrictEqual(yield* network.links, [])
    }).pipe(withNetwork()))

  it.effect("holds what is in flight, and sends it again in order", () =>
    Effect.gen(function*() {
      const network = yield* MemoryNetwork
      const { accepted, client } = yield* pair()
      yield* network.setConditions({ delay: 100 })
      yield* client.write(Uint8Array.of(1))
      yield* TestClock.adjust(50)
      yield* network.partition("127.0.0.1", "10.0.0.9")
      yield* client.write(Uint8Array.of(2))
      yield* TestClock.adjust(950)
      assert.strictEqual((yield* accepted.rest).length, 0)
      yield* network.heal(["10.0.0.9", "127.0.0.1"])
      yield* client.write(Uint8Array.of(3))
      yield* TestClock.adjust(99)
      assert.strictEqual((yield* accepted.rest).length, 0)
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(yield* accepted.rest, Uint8Array.of(1, 2, 3))
    }).pipe(withNetwork()))

  it.effect("separates two hosts and no others, for links and for dials", () =>
    Effect.gen(function*() {
      const network = yield* MemoryNetwork
      const { accept } = yield* listen()
      const one = yield* network.transportFrom("10.0.0.1")
      const two = yield* network.transportFrom("10.0.0.2")
      const client = probe(yield* one.connect(server))
      const accepted = probe(yield* accept)
      yield* network.partition("10.0.0.1", "10.0.0.9")
      yield* two.connect(server)
      const dialling = yield* Effect.forkChild(Effect.zip(one.connect(server), millisNow))
      yield* client.write(bytes(3))
      yield* accepted.write(bytes(3))
      yield* TestClock.adjust("5 seconds")
      assert.isUndefined(dialling.pollUnsafe())
      assert.strictEqual((yield* client.rest).length + (yield* accepted.rest).length, 0)
      yield* network.heal()
      const [, at] = yield* Fiber.join(dialling)
      assert.strictEqual(at, 5000)
      assert.deepStrictEqual(yield* client.read(3), bytes(3))
      assert.deepStrictEqual(yield* accepted.read(3), bytes(3))
    }).pipe(withNetwork()))

  it.effect("loses a dial that is under way when the hosts are separated, and sends it again", () =>
    Effect.gen(function*() {
      const network = yield* MemoryNetwork
      yield* listen()
      const dialling = yield* Effect.forkChild(Effect.zip(connect(), millisNow))
      yield* TestClock.adjust(5)
      yield* network.partition("127.0.0.1", "10.0.0.9")
      yield* TestClock.adjust(995)
      yield* network.heal()
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(dialling))[1], 1020)
    }).pipe(withNetwork({ delay: 10 })))

  it.effect("does not answer a dial when only the way back is blocked", () =>
    Effect.gen(function*() {
      const network = yield* MemoryNetwork
      const { accept } = yield* listen()
      yield* network.blackhole(server, "toDialler")
      const dialling = yield* Effect.forkChild(connect())
      const accepted = probe(yield* accept)
      assert.isUndefined(dialling.pollUnsafe())
      yield* Fiber.interrupt(dialling)
      assert.strictEqual((yield* accepted.ended)?.problem, "Closed")
    }).pipe(withNetwork()))

  it.effect("refuses, leaves unreachable or times out", () =>
    Effect.gen(function*() {
      const network = yield* MemoryNetwork
      const { client } = yield* pair()
      const refused = (problem?: FaultControls.Refusal) =>
        Effect.gen(function*() {
          yield* network.refuse("10.0.0.9", problem)
          const error = yield* Effect.flip(connect())
          yield* network.heal("10.0.0.9")
          return error.problem
        })
      assert.strictEqual(yield* refused(), "Refused")
      assert.strictEqual(yield* refused("Unreachable"), "Unreachable")
      assert.strictEqual(yield* refused("TimedOut"), "TimedOut")
      yield* network.setConditions({ delay: 15 })
      const dial = yield* Effect.forkChild(Effect.andThen(refused(), millisNow))
      yield* TestClock.adjust(100)
      assert.strictEqual(yield* Fiber.join(dial), 30)
      yield* connect().pipe(Effect.forkChild, Effect.tap(TestClock.adjust(30)), Effect.flatMap(Fiber.join))
      yield* client.write(bytes(1))
    }).pipe(withNetwork()))

  it.effect("hangs, lets go, and can be given up", () =>
    Effect.gen(function*() {
      const network = yield* MemoryNetwork
      const { accept, links } = yield* listen()
      yield* network.hang(server)
      const given = yield* Effect.forkChild(Effect.exit(Effect.timeout(connect(), "3 seconds")))
      const patient = yield* Effect.forkChild(Effect.zip(connect(), millisNow))
      yield* TestClock.adjust("10 seconds")
      const exit = yield* Fiber.join(given)
      assert.isTrue(Exit.isFailure(exit) && Cause.findErrorOption(exit.cause).pipe((error) => error._tag === "Some"))
      assert.isUndefined(patient.pollUnsafe())
      assert.strictEqual(Queue.sizeUnsafe(links), 0)
      yield* network.heal(server)
      yield* accept
      assert.strictEqual((yield* Fiber.join(patient))[1], 10_000)
      assert.strictEqual((yield* network.links).length, 1)
    }).pipe(withNetwork()))

  it.effect("closes the accepted side when a dial is given up half-way", () =>
    Effect.gen(function*() {
      const network = yield* MemoryNetwork
      const { accept } = yield* listen()
      const dialling = yield* Effect.forkChild(connect())
      yield* TestClock.adjust(15)
      const accepted = probe(yield* accept)
      yield* Fiber.interrupt(dialling)
      yield* TestClock.adjust(10)
      assert.strictEqual((yield* accepted.ended)?.problem, "Closed")
      assert.deepStrictEqual(yield* network.links, [])
    }).pipe(withNetwork({ delay: 10 })))

  it.effect("fails a dial whose link is cut before it is told", () =>
    Effect.gen(function*() {
      const network = yield* MemoryNetwork
      yield* listen()
      const dialling = yield* Effect.forkChild(Effect.flip(connect()))
      yield* TestClock.adjust(15)
      assert.strictEqual(yield* network.cut(server), 1)
      yield* TestClock.adjust(10)
      assert.strictEqual((yield* Fiber.join(dialling)).problem, "Reset")
    }).pipe(withNetwork({ delay: 10 })))

  it.effect("lists links, and waits for them", () =>
    Effect.gen(function*() {
      const network = yield* MemoryNetwork
      const waiting = yield* Effect.forkChild(network.awaitLink(server), { startImmediately: true })
      yield* settle
      assert.isUndefined(waiting.pollUnsafe())
      const { accepted, client } = yield* pair()
      yield* client.write(bytes(30))
      yield* accepted.read(30)
      const info = yield* Fiber.join(waiting)
      assert.strictEqual(info.id, 1)
      assert.deepStrictEqual(yield* network.links, [{
        id: 1,
        dialler: client.link.localAddress,
        listener: server,
        toListener: { written: 30, delivered: 30 },
        toDialler: { written: 0, delivered: 0 }
      }])
      assert.deepStrictEqual(yield* network.awaitLink("127.0.0.1"), (yield* network.links)[0])
    }).pipe(withNetwork()))

  it.effect("takes nonsense for the mistake of a test", () =>
    Effect.gen(function*() {
      const network = yield* MemoryNetwork
      const isDefect = (effect: Effect.Effect<unknown>) =>
        Effect.map(Effect.exit(effect), (exit) => Exit.isFailure(exit) && Cause.hasDies(exit.cause))
      assert.isTrue(yield* isDefect(network.cut("somewhere")))
      assert.isTrue(yield* isDefect(network.setConditions({ loss: 1 })))
      assert.isTrue(yield* isDefect(network.setConditions({ segmentSize: 0 }, "10.0.0.1")))
      assert.isTrue(yield* isDefect(network.setConditions({ bandwidth: 0 })))
      assert.isTrue(yield* isDefect(network.transportFrom("somewhere")))
      assert.isTrue(yield* isDefect(Effect.provide(Effect.void, MemoryTransport.layer({ window: 0 }))))
      yield* pair()
    }).pipe(withNetwork()))
})
