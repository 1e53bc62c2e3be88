import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Scope, Stream } from "effect"
import * as Message from "../../src/domain/Message.ts"
import * as ConnectionAuthorizer from "../../src/services/ConnectionAuthorizer.ts"
import type * as NetworkManager from "../../src/services/NetworkManager.ts"
import { send } from "../utils/links.ts"
import * as Native from "../utils/native.ts"
import { address, type Bed, type Host, pass, settle, withBed } from "../utils/network.ts"

const server = "10.0.0.9:1235"

const message = (messageId: number, size = 0): Message.Message =>
  Message.make({ serviceId: 5, messageId, body: new Uint8Array(size) })

/** Closes, and tells after how many milliseconds of the test clock that is done. */
const timeToClose = (close: Effect.Effect<void>, atMost: number) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(close, { startImmediately: true })
    yield* settle
    if (fiber.pollUnsafe() !== undefined) return 0
    yield* pass(atMost - 1)
    assert.isUndefined(fiber.pollUnsafe(), `closed before ${atMost} ms`)
    yield* pass(1)
    assert.isDefined(fiber.pollUnsafe(), `not closed after ${atMost} ms`)
    return atMost
  })

/** A listener in a scope of its own. */
const listening = <E = never, R = never>(host: Host, options: NetworkManager.BindOptions<E, R> = {}, on = server) =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const listener = yield* Scope.provide(host.manager.bind(on, { limitRate: false, ...options }), scope)
    return { listener, close: Scope.close(scope, Exit.void) }
  }).pipe(Effect.orDie)

/** A peer that dialled and does not read a byte. */
const deaf = (bed: Bed, from: string, to = server) =>
  Effect.gen(function*() {
    const transport = yield* bed.network.transportFrom(from)
    return yield* transport.connect(address(to))
  }).pipe(Effect.orDie)

describe("closing a listener", () => {
  it.effect("accepts nobody any more, turns away who is being vetted, and leaves other listeners alone", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        const { close, listener } = yield* listening(host, {
          authorizer: {
            authorize: ({ remoteAddress }) =>
              JSON.stringify(remoteAddress).includes("10.0.0.2")
                ? Effect.never
                : Effect.succeed(ConnectionAuthorizer.accept()),
            checkLogin: () => Effect.succeed(ConnectionAuthorizer.accept())
          }
        })
        yield* listening(host, {}, "10.0.0.9:2")
        const peer = yield* bed.dial("10.0.0.1", server)
        const newcomer = yield* bed.dial("10.0.0.2", server)
        const other = yield* bed.dial("10.0.0.3", "10.0.0.9:2")
        yield* settle
        assert.strictEqual(yield* timeToClose(close, 0), 0)
        yield* settle
        assert.deepStrictEqual(yield* Effect.forEach([peer, newcomer, other], (one) => one.status), [
          "Closed",
          "Closed",
          "open"
        ])
        assert.deepStrictEqual(yield* listener.connections, [])
        const transport = yield* bed.network.transportFrom("10.0.0.1")
        assert.strictEqual((yield* Effect.flip(transport.connect(address(server)))).problem, "Refused")
        // The address is free for the next one.
        yield* listening(host)
      })
    ))

  it.effect("lets queued messages leave first", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        const { close, listener } = yield* listening(host)
        const peer = yield* bed.dial("10.0.0.1", server)
        yield* settle
        const [connection] = yield* listener.connections
        yield* connection!.sendAll(Array.from({ length: 1000 }, (_, id) => message(id, 500)))
        yield* close
        yield* settle
        const { messages } = Native.receive(Native.fromHex(yield* peer.rest), Native.whole)
        assert.deepStrictEqual(messages.map(({ messageId }) => messageId), Array.from({ length: 1000 }, (_, id) => id))
        assert.strictEqual(yield* peer.status, "Closed")
      }), { window: 5000 }))

  for (const [drainTimeout, millis] of [["5 seconds", 5000], ["100 millis", 100], [0, 0]] as const) {
    it.effect(`waits ${drainTimeout} at most for those who do not read`, () =>
      withBed((bed) =>
        Effect.gen(function*() {
          const host = yield* bed.host("10.0.0.9", { drainTimeout })
          const { close, listener } = yield* listening(host)
          yield* deaf(bed, "10.0.0.1")
          yield* deaf(bed, "10.0.0.2")
          yield* settle
          for (const connection of yield* listener.connections) yield* connection.send(message(1, 5000))
          assert.strictEqual(yield* timeToClose(close, millis), millis)
        }), { window: 1000 }))
  }

  it.effect("joins programs and handlers: they may finish within the same time, and are interrupted then", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9", { drainTimeout: "5 seconds" })
        const events: Array<string> = []
        const work = (name: string, time: `${number} seconds`) =>
          Effect.sleep(time).pipe(
            Effect.andThen(Effect.sync(() => void events.push(`${name} finished`))),
            Effect.onInterrupt(() => Effect.sync(() => void events.push(`${name} interrupted`)))
          )
        yield* host.manager.register(5, () => Effect.succeed(() => work("short handler", "1 seconds")))
        yield* host.manager.register(5, () => Effect.succeed(() => work("long handler", "9 seconds")))
        const { close, listener } = yield* listening(host, {
          onConnection: (connection) =>
            Effect.ensuring(
              connection.handle(() => work("program", "4 seconds")),
              Effect.sync(() => void events.push("program ended"))
            )
        })
        const link = yield* deaf(bed, "10.0.0.1")
        yield* Effect.orDie(send(link, Native.encode(message(1))))
        yield* settle
        // Draining and finishing share one deadline.
        yield* (yield* listener.connections)[0]!.send(message(1, 5000))
        assert.strictEqual(yield* timeToClose(close, 5000), 5000)
        assert.deepStrictEqual(events.slice(0, 2), ["short handler finished", "program finished"])
        assert.sameMembers(events.slice(2), ["program ended", "long handler interrupted"])
      }), { window: 1000 }))

  it.effect("lets nobody in while it drains", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9", { drainTimeout: "3 seconds" })
        const answer = yield* Deferred.make<ConnectionAuthorizer.Verdict>()
        let asked = 0
        const { close, listener } = yield* listening(host, {
          authorizer: {
            authorize: () => asked++ === 0 ? Effect.succeed(ConnectionAuthorizer.accept()) : Deferred.await(answer),
            checkLogin: () => Effect.succeed(ConnectionAuthorizer.accept())
          }
        })
        yield* deaf(bed, "10.0.0.1")
        yield* settle
        const newcomer = yield* bed.dial("10.0.0.2", server)
        yield* settle
        assert.strictEqual(asked, 2)
        yield* (yield* listener.connections)[0]!.send(message(1, 5000))
        const closing = yield* Effect.forkChild(close)
        yield* pass("1 second")
        assert.strictEqual(yield* newcomer.status, "Closed")
        yield* Deferred.succeed(answer, ConnectionAuthorizer.accept())
        yield* settle
        assert.strictEqual((yield* listener.connections).length, 1)
        yield* pass("2 seconds")
        yield* Fiber.join(closing)
      }), { window: 1000 }))

  it.effect("twice, or while it is being closed, is the same as once", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9", { drainTimeout: "2 seconds" })
        const { close, listener } = yield* listening(host)
        yield* deaf(bed, "10.0.0.1")
        yield* settle
        yield* (yield* listener.connections)[0]!.send(message(1, 5000))
        yield* Effect.forkChild(close, { startImmediately: true })
        yield* pass("1 second")
        assert.strictEqual(yield* timeToClose(host.close, 1000), 1000)
        yield* close
        yield* host.close
      }), { window: 1000 }))

  it.effect("does not wait for one who has not logged in", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        const { close, listener } = yield* listening(host, {
          authorizer: {
            authorize: () => Effect.succeed(ConnectionAuthorizer.awaitLogin()),
            checkLogin: () => Effect.never
          }
        })
        const silent = yield* bed.dial("10.0.0.1", server)
        const checked = yield* bed.dial("10.0.0.2", server)
        yield* checked.send(Native.encode(message(1)))
        yield* settle
        for (const connection of yield* listener.connections) yield* connection.send(message(2))
        assert.strictEqual(yield* timeToClose(close, 0), 0)
        yield* settle
        assert.strictEqual(yield* silent.rest, "")
        assert.strictEqual(yield* checked.status, "Closed")
      })
    ))
})

describe("closing a manager", () => {
  it.effect("without connections takes no time", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        const before = bed.fibers()
        yield* host.close
        assert.isAtMost(bed.fibers(), before)
        yield* host.close
      })
    ))

  /** What brings a connection to `hub` into a state: what is done before it is asked for, and what after. */
  interface Case {
    readonly name: string
    readonly state: string
    readonly before?: (bed: Bed, peer: Host) => Effect.Effect<unknown, unknown, Scope.Scope>
    readonly after?: (bed: Bed) => Effect.Effect<void>
  }
  const cases: ReadonlyArray<Case> = [
    {
      name: "a look-up that never ends",
      state: "Connecting",
      before: ({ network }) => network.setHost("hub", ["10.0.0.9"], { delay: "Infinity" })
    },
    { name: "a dial without an answer", state: "Connecting", before: ({ network }) => network.hang("10.0.0.9") },
    { name: "the wait for the next dial", state: "Waiting" },
    {
      name: "a connection to one who does not read",
      state: "Connected",
      before: (_, peer) =>
        peer.manager.bind(server, { onConnection: (connection) => connection.handle(() => Effect.never) })
    },
    {
      name: "a dead line",
      state: "Connected",
      before: (_, peer) => peer.manager.bind(server),
      after: ({ network }) => network.blackhole("10.0.0.9", "toListener")
    }
  ]

  for (const { after, before, name, state } of cases) {
    it.effect(`during ${name} gives queued messages 5 s, and not more`, () =>
      withBed((bed) =>
        Effect.gen(function*() {
          const peer = yield* bed.host("10.0.0.9", { inboxBytes: 65_536, drainTimeout: 0 })
          yield* bed.network.setHost("hub", ["10.0.0.9"])
          const client = yield* bed.host("10.0.0.1", { normalLaneMessages: 100 })
          if (before !== undefined) yield* before(bed, peer)
          const connection = yield* client.manager.connect("hub:1235")
          yield* pass("2 seconds")
          if (after !== undefined) yield* after(bed)
          const requests = yield* Effect.forkChild(
            Effect.exit(connection.request(message(1, 8000), { timeout: "1 minute" }))
          )
          for (let i = 0; i < 20; i++) {
            while (connection.sendUnsafe(message(2, 8000)) === undefined);
            yield* settle
          }
          const waiting = yield* Effect.forkChild(Effect.flip(connection.send(message(3))), { startImmediately: true })
          const ended = yield* Effect.forkChild(connection.handle(() => {}))
          const events: Array<string> = []
          yield* Effect.forkChild(
            Stream.runForEach(connection.events, (event) => Effect.sync(() => void events.push(event._tag))),
            { startImmediately: true }
          )
          assert.strictEqual((yield* connection.state)._tag, state)
          assert.strictEqual(yield* timeToClose(client.close, 5000), 5000)

          const closed = yield* connection.state
          assert.strictEqual(closed._tag === "Closed" && closed.reason._tag, "ClosedHere")
          if (state === "Connected") assert.deepStrictEqual(events, ["Disconnected"])
          const error = connection.sendUnsafe(message(4))
          assert.strictEqual(error?.reason._tag, "ConnectionClosed")
          assert.isTrue(Exit.isFailure(yield* Fiber.join(requests)))
          assert.strictEqual((yield* Fiber.join(waiting)).reason._tag, "ConnectionClosed")
          yield* Fiber.join(ended)
          assert.deepStrictEqual(yield* client.manager.connections, [])
        }), { window: 1000 }))
  }

  it.effect("lets messages leave that were sent before the connection was up", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const seen: Array<number> = []
        const peer = yield* bed.host("10.0.0.9")
        yield* peer.manager.register(5, () =>
          Effect.succeed((message: Message.Message) => {
            seen.push(message.messageId)
          }))
        yield* peer.manager.bind(server)
        const client = yield* bed.host("10.0.0.1")
        const connection = yield* client.manager.connect(server)
        yield* connection.sendAll([1, 2, 3].map((id) => message(id)))
        yield* client.close
        yield* settle
        assert.deepStrictEqual(seen, [1, 2, 3])
      })
    ))

  it.effect("closes everything at the same time: many connections take no longer than one", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9", { drainTimeout: "3 seconds" })
        const first = yield* listening(host)
        const second = yield* listening(host, {}, "10.0.0.9:2")
        for (let i = 0; i < 10; i++) {
          yield* deaf(bed, `10.0.1.${i}`)
          yield* deaf(bed, `10.0.1.${i}`, "10.0.0.9:2")
          const dialled = yield* host.manager.connect(`10.0.2.${i}:1`)
          yield* dialled.send(message(1))
        }
        yield* settle
        for (const { listener } of [first, second]) {
          for (const connection of yield* listener.connections) yield* connection.send(message(1, 5000))
        }
        assert.strictEqual((yield* host.manager.connections).length, 30)
        assert.strictEqual(yield* timeToClose(host.close, 3000), 3000)
        assert.deepStrictEqual(yield* host.manager.connections, [])
      }), { window: 1000 }))

  it.effect("gives all connections of one scope their time together, and those of the next scope theirs", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9", { drainTimeout: "3 seconds" })
        for (const share of [true, false]) {
          const scope = yield* Scope.make()
          for (let i = 0; i < 5; i++) {
            const connection = yield* Scope.provide(host.manager.connect(`10.0.2.${i}:1`, { share }), scope)
            yield* connection.send(message(1))
          }
          yield* pass(10_000)
          assert.strictEqual(yield* timeToClose(Scope.close(scope, Exit.void), 3000), 3000)
        }
      }).pipe(Effect.orDie)
    ))

  it.effect("gives a shared connection its time from the end of its last handle on", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9", { drainTimeout: "3 seconds" })
        const scopes = [yield* Scope.make(), yield* Scope.make()] as const
        for (const scope of scopes) {
          const connection = yield* Scope.provide(host.manager.connect("10.0.2.1:1"), scope)
          yield* connection.send(message(1))
        }
        assert.strictEqual(yield* timeToClose(Scope.close(scopes[0], Exit.void), 0), 0)
        yield* pass(10_000)
        assert.strictEqual(yield* timeToClose(Scope.close(scopes[1], Exit.void), 3000), 3000)
      }).pipe(Effect.orDie)
    ))

  it.effect("lets a last word leave, though another connection of the scope has used up the time", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9", { drainTimeout: "3 seconds" })
        const seen: Array<number> = []
        const other = yield* bed.host("10.0.0.8")
        yield* other.manager.register(5, () =>
          Effect.succeed(({ messageId }) => Effect.sync(() => void seen.push(messageId))))
        yield* listening(other, {}, "10.0.0.8:1")
        const scope = yield* Scope.make()
        const open = yield* Scope.provide(host.manager.connect("10.0.0.8:1"), scope)
        yield* open.connected
        yield* Scope.addFinalizer(scope, Effect.orDie(open.send(message(7))))
        const stuck = yield* Scope.provide(host.manager.connect("10.0.2.1:1"), scope)
        yield* stuck.send(message(1))
        assert.strictEqual(yield* timeToClose(Scope.close(scope, Exit.void), 3000), 3000)
        yield* settle
        assert.deepStrictEqual(seen, [7])
      }).pipe(Effect.orDie)
    ))

  it.effect("during a login check, with handlers at work and reading paused", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9", { inboxBytes: 65_536, drainTimeout: "1 second" })
        const stuck = yield* Deferred.make<void>()
        yield* host.manager.register(5, () => Effect.succeed(() => Deferred.await(stuck)))
        yield* listening(host)
        yield* listening(host, {
          authorizer: {
            authorize: () => Effect.succeed(ConnectionAuthorizer.awaitLogin()),
            checkLogin: () => Effect.never
          }
        }, "10.0.0.9:2")
        const flooding = yield* bed.dial("10.0.0.1", server)
        const writing = yield* Effect.forkChild(
          Effect.forEach(Array.from({ length: 500 }), () => flooding.send(Native.encode(message(1, 2000))))
        )
        const checked = yield* bed.dial("10.0.0.2", "10.0.0.9:2")
        yield* checked.send(Native.encode(message(1)))
        yield* settle
        assert.isUndefined(writing.pollUnsafe(), "reading is not paused")
        assert.strictEqual(yield* timeToClose(host.close, 1000), 1000)
        yield* settle
        assert.strictEqual(yield* flooding.status, "Closed")
        assert.strictEqual(yield* checked.status, "Closed")
        yield* Fiber.interrupt(writing)
      })
    ))

  it.effect("a connection, a listener or a service is not to be had from a closed manager", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        yield* host.close
        const { bind, connect, register } = host.manager
        for (const ask of [connect(server), bind(server), register(5, () => Effect.succeed(() => {}))]) {
          const { reason } = yield* Effect.flip(ask as Effect.Effect<unknown, NetworkManager.NetworkError, Scope.Scope>)
          assert.strictEqual(reason._tag, "ManagerClosed")
        }
        assert.deepStrictEqual(yield* bed.network.links, [])
      })
    ))

  it.effect("a program that asks for its own manager's end ends with it", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9", { drainTimeout: "2 seconds" })
        const end = yield* Deferred.make<void>()
        yield* host.manager.register(5, () => Effect.succeed(() => Deferred.succeed(end, undefined)))
        yield* listening(host)
        const waiting = yield* Effect.forkChild(Effect.andThen(Deferred.await(end), host.close))
        const peer = yield* bed.dial("10.0.0.1", server)
        yield* peer.send(Native.encode(message(1)))
        yield* settle
        assert.isDefined(waiting.pollUnsafe())
        assert.strictEqual(yield* peer.status, "Closed")
      })
    ))
})
