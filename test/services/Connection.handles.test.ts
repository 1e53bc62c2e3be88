import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope, Stream } from "effect"
import {
  clientHost,
  dial,
  numbered,
  numberedAll,
  receivedIds,
  recordStates,
  serve,
  server,
  stateOf
} from "../utils/dialling.ts"
import { encode } from "../utils/native.ts"
import { address, type Bed, pass, settle, until, withBed } from "../utils/network.ts"

const start = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkChild(effect, { startImmediately: true })

/** Two handles on one connection, each in a scope of its own, and the other end. */
const two = (bed: Bed) =>
  Effect.gen(function*() {
    const { accept, count } = yield* serve(bed)
    const { manager } = yield* bed.host(clientHost)
    const scopes = [yield* Scope.make(), yield* Scope.make()] as const
    const first = yield* Effect.orDie(Scope.provide(manager.connect(server), scopes[0]))
    const second = yield* Effect.orDie(Scope.provide(manager.connect(server), scopes[1]))
    const peer = yield* accept
    yield* settle
    return { first, second, scopes, peer, count, accept, manager }
  })

const close = (scope: Scope.Closeable) => Scope.close(scope, Exit.void)

describe("handles on one end point", () => {
  it.effect("have sockets of their own where they do not share", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { count } = yield* serve(bed)
        const { manager } = yield* bed.host(clientHost)
        const ids = new Set<number>()
        for (const share of [false, true, false, true]) {
          ids.add((yield* Effect.orDie(manager.connect(server, { share }))).id)
        }
        yield* settle
        assert.strictEqual(ids.size, 3)
        assert.strictEqual(count(), 3)
      })
    ))

  it.effect("share a socket, however the end point is written", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        yield* bed.network.setHost("hub.example", ["10.0.0.9"])
        const { count } = yield* serve(bed)
        const { manager } = yield* bed.host(clientHost)
        const ids = new Set<number>()
        for (
          const endPoint of [
            "hub.example:1235",
            "HUB.example:1235",
            { host: "hub.example", port: 1235 }
          ]
        ) ids.add((yield* Effect.orDie(manager.connect(endPoint))).id)
        yield* settle
        assert.strictEqual(ids.size, 1)
        assert.strictEqual(count(), 1)
        // The address is another end point than the name.
        for (const endPoint of [server, address(server), { host: "10.0.0.9", port: 1235 }]) {
          ids.add((yield* Effect.orDie(manager.connect(endPoint))).id)
        }
        yield* settle
        assert.strictEqual(ids.size, 2)
        assert.strictEqual(count(), 2)
        assert.strictEqual((yield* manager.connections).length, 2)
      })
    ))

  it.effect("share lanes, state and settings: those of the first one hold", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { manager } = yield* bed.host(clientHost)
        const first = yield* Effect.orDie(manager.connect(server, { normalLaneMessages: 2 }))
        const second = yield* Effect.orDie(manager.connect(server, { normalLaneMessages: 100 }))
        yield* first.send(numbered(1))
        yield* second.send(numbered(2))
        assert.strictEqual(second.sendUnsafe(numbered(3))?.reason._tag, "LaneFull")
        assert.deepStrictEqual(yield* first.stats, yield* second.stats)
        assert.strictEqual(yield* stateOf(first), yield* stateOf(second))
      })
    ))

  it.effect("each have their own view of the messages", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { first, peer, second } = yield* two(bed)
        const seen: Array<string> = []
        const note = (who: string) => (message: { readonly messageId: number }) =>
          void seen.push(`${who} ${message.messageId}`)
        yield* start(first.handle(note("first")))
        yield* start(second.handle(note("second")))
        const stream = yield* start(
          Stream.runForEach(second.messages, (message) => Effect.sync(() => note("stream")(message)))
        )
        yield* peer.send(encode(...numberedAll(3)))
        yield* settle
        for (const who of ["first", "second", "stream"]) {
          assert.deepStrictEqual(seen.filter((line) => line.startsWith(who)), [`${who} 0`, `${who} 1`, `${who} 2`])
        }
        yield* Fiber.interrupt(stream)
      })
    ))

  it.effect("live on when one of them is closed", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { count, first, peer, scopes, second } = yield* two(bed)
        const seen: Array<number> = []
        const handling = yield* start(first.handle(() => {}))
        const streaming = yield* start(Stream.runCollect(first.messages))
        yield* start(second.handle((message) => void seen.push(message.messageId)))
        yield* first.send(numbered(1))
        yield* close(scopes[0])
        // What was taken in leaves; what it had going ends; and it takes no more.
        yield* Fiber.join(handling)
        yield* Fiber.join(streaming)
        const error = yield* Effect.flip(first.send(numbered(2)))
        assert.strictEqual(error.message, "the connection is closed: closed by this side")
        assert.strictEqual((yield* Effect.flip(first.trySend(numbered(2)))).reason._tag, "ConnectionClosed")
        assert.strictEqual((yield* Effect.flip(first.sendAll([numbered(2)]))).reason._tag, "ConnectionClosed")
        assert.strictEqual((yield* Effect.flip(first.request(numbered(2)))).reason._tag, "ConnectionClosed")
        assert.strictEqual(first.sendUnsafe(numbered(2))?.reason._tag, "ConnectionClosed")
        yield* first.handle(() => {})
        yield* second.send(numbered(3))
        yield* peer.send(encode(numbered(4)))
        yield* settle
        assert.deepStrictEqual(yield* receivedIds(peer), [1, 3])
        assert.deepStrictEqual(seen, [4])
        assert.strictEqual(yield* stateOf(second), "connected to 10.0.0.9:1235")
        yield* close(scopes[1])
        yield* settle
        assert.strictEqual(yield* peer.status, "Closed")
        assert.strictEqual(yield* stateOf(second), "closed: ClosedHere")
        assert.strictEqual(count(), 1)
      })
    ))

  it.effect("of a new scope get a new socket, also while the old one still drains", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { accept, manager, peer, scopes, second } = yield* two(bed)
        yield* bed.network.setConditions({ bandwidth: 10_000, window: 1000 })
        yield* second.send(numbered(1, 20_000))
        yield* close(scopes[0])
        const closing = yield* start(close(scopes[1]))
        yield* pass("1 second")
        assert.isUndefined(closing.pollUnsafe())
        const third = yield* Effect.orDie(manager.connect(server))
        assert.notStrictEqual(third.id, second.id)
        yield* third.send(numbered(2))
        const other = yield* accept
        yield* pass("2 seconds")
        yield* Fiber.join(closing)
        assert.deepStrictEqual(yield* receivedIds(peer), [1])
        assert.deepStrictEqual(yield* receivedIds(other), [2])
        assert.strictEqual(yield* peer.status, "Closed")
      })
    ))
})

describe("closing the last handle", () => {
  /** Closes a scope and tells how long that took, in milliseconds. */
  const timeToClose = (scope: Scope.Closeable, upTo: number) =>
    Effect.gen(function*() {
      const closing = yield* start(close(scope))
      for (let millis = 0; millis <= upTo; millis += 100) {
        yield* settle
        if (closing.pollUnsafe() !== undefined) return millis
        yield* pass("100 millis")
      }
      return Number.POSITIVE_INFINITY
    })

  it.effect("gives what is queued the time it needs, and not more", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { accept } = yield* serve(bed)
        const scope = yield* Scope.make()
        const connection = yield* Scope.provide(dial(bed), scope)
        const peer = yield* accept
        yield* bed.network.setConditions({ bandwidth: 10_000, window: 500 })
        yield* connection.sendAll(numberedAll(5, 4000))
        assert.strictEqual(yield* timeToClose(scope, 5000), 2000)
        yield* pass("1 second")
        assert.deepStrictEqual(yield* receivedIds(peer), [0, 1, 2, 3, 4])
        assert.strictEqual(yield* peer.status, "Closed")
      })
    ))

  it.effect("lets those in who wait for room, and refuses newcomers", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { accept } = yield* serve(bed)
        const scope = yield* Scope.make()
        const connection = yield* Scope.provide(dial(bed, { normalLaneMessages: 2 }), scope)
        const peer = yield* accept
        const sending = yield* start(connection.sendAll(numberedAll(20)))
        const closing = yield* start(close(scope))
        assert.strictEqual((yield* Effect.flip(connection.send(numbered(99)))).reason._tag, "ConnectionClosed")
        yield* Fiber.join(sending)
        yield* Fiber.join(closing)
        yield* settle
        assert.strictEqual((yield* receivedIds(peer)).length, 20)
      })
    ))

  it.effect("takes five seconds at most", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { accept } = yield* serve(bed)
        const scope = yield* Scope.make()
        const connection = yield* Scope.provide(dial(bed), scope)
        const peer = yield* accept
        yield* bed.network.setConditions({ bandwidth: 1000, window: 500 })
        yield* connection.sendAll(numberedAll(5, 4000))
        assert.strictEqual(yield* timeToClose(scope, 10_000), 5000)
        yield* pass("1 second")
        assert.deepStrictEqual(yield* receivedIds(peer), [0])
        assert.strictEqual(yield* stateOf(connection), "closed: ClosedHere")
      })
    ))

  it.effect("takes no time when that is wanted, or when nothing is queued", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        yield* serve(bed)
        const scope = yield* Scope.make()
        const connection = yield* Scope.provide(dial(bed, { drainTimeout: 0 }), scope)
        yield* settle
        yield* bed.network.setConditions({ bandwidth: 1000, window: 500 })
        yield* connection.sendAll(numberedAll(5, 4000))
        assert.strictEqual(yield* timeToClose(scope, 10_000), 0)
        const idle = yield* Scope.make()
        yield* Scope.provide(dial(bed), idle)
        yield* settle
        assert.strictEqual(yield* timeToClose(idle, 10_000), 0)
      })
    ))

  it.effect("of a connection that was never up takes as long, and gives up", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        const connection = yield* Scope.provide(dial(bed), scope)
        yield* connection.send(numbered(1))
        assert.strictEqual(yield* timeToClose(scope, 10_000), 5000)
        const idle = yield* Scope.make()
        yield* Scope.provide(dial(bed), idle)
        assert.strictEqual(yield* timeToClose(idle, 10_000), 0)
      })
    ))

  it.effect("of a connection that was down sends what is queued, if it comes up in that time", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        const connection = yield* Scope.provide(dial(bed), scope)
        const states = yield* recordStates(connection)
        yield* connection.send(numbered(1))
        yield* pass("1 second")
        const { accept } = yield* serve(bed)
        assert.strictEqual(yield* timeToClose(scope, 10_000), 3000)
        assert.deepStrictEqual(yield* receivedIds(yield* accept), [1])
        assert.deepStrictEqual(states.slice(-3), [
          "4000 connected to 10.0.0.9:1235",
          "4000 closed: ClosedHere",
          "end"
        ])
      })
    ))

  it.effect("does not wait for requests, and settles them", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { accept } = yield* serve(bed)
        const scope = yield* Scope.make()
        const connection = yield* Scope.provide(dial(bed), scope)
        const peer = yield* accept
        const request = yield* start(Effect.flip(connection.request(numbered(1))))
        yield* settle
        assert.strictEqual(yield* timeToClose(scope, 10_000), 0)
        assert.include((yield* Fiber.join(request)).message, "closed by this side")
        assert.deepStrictEqual(yield* receivedIds(peer), [1])
      })
    ))

  it.effect("is what the end of the manager does with all connections, at the same time", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host(clientHost)
        const connections = yield* Effect.forEach([1, 2, 3], (i) =>
          Effect.orDie(host.manager.connect(`10.0.0.${i}:1235`)))
        for (const connection of connections) {
          yield* connection.send(numbered(1))
        }
        const closing = yield* start(host.close)
        yield* pass("4999 millis")
        assert.isUndefined(closing.pollUnsafe())
        yield* pass("1 millis")
        yield* Fiber.join(closing)
        for (const connection of connections) {
          assert.strictEqual(yield* stateOf(connection), "closed: ClosedHere")
          assert.strictEqual((yield* Effect.flip(connection.send(numbered(2)))).reason._tag, "ConnectionClosed")
        }
        assert.deepStrictEqual(yield* host.manager.connections, [])
      })
    ))
})

describe("dialling and closing many times over", () => {
  it.effect("leaves nothing", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { count } = yield* serve(bed)
        const { manager } = yield* bed.host(clientHost)
        for (let i = 0; i < 50; i++) {
          const scope = yield* Scope.make()
          yield* Effect.orDie(Scope.provide(manager.connect(server), scope))
          for (let turns = 0; turns < i % 25; turns++) yield* Effect.yieldNow
          yield* close(scope)
        }
        yield* settle
        assert.isTrue(count() > 10)
        assert.deepStrictEqual(yield* manager.connections, [])
        assert.deepStrictEqual(yield* bed.network.links, [])
        yield* until("no fiber but this", () => bed.fibers() <= 2)
      })
    ))
})
