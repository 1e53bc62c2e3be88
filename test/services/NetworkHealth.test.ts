import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Schedule, Scope } from "effect"
import * as DisconnectReason from "../../src/services/DisconnectReason.ts"
import * as NetworkHealth from "../../src/services/NetworkHealth.ts"
import { numberedAll } from "../utils/dialling.ts"
import { settle, withBed } from "../utils/network.ts"

const well: NetworkHealth.Status = {
  isClosed: false,
  listeners: [{ address: "10.0.0.9:1", connections: 2, maxConnections: 10 }],
  connections: { Connecting: 0, LoggingIn: 0, Connected: 2, Waiting: 0 },
  down: [],
  filledLanes: []
}

const tags = (problems: ReadonlyArray<NetworkHealth.Problem>) => problems.map(({ _tag }) => _tag)

const judge = (status: Partial<NetworkHealth.Status>, options?: NetworkHealth.Options, delay = Duration.zero) =>
  NetworkHealth.judge({ ...well, ...status }, delay, options)

describe("the judgement", () => {
  it("finds nothing wrong with what is well", () => {
    assert.deepStrictEqual(judge({}, { minListeners: 1, minConnections: 2 }), [])
  })

  it("says what is missing, and what there is too much of", () => {
    const full = { address: "10.0.0.9:1", connections: 10, maxConnections: 10 }
    const problems = judge({ listeners: [full] }, { minListeners: 2, minConnections: 3 })
    assert.deepStrictEqual(problems.map(({ message }) => message), [
      "1 of 2 listeners are bound: see the errors of bind, such as an address in use",
      "2 of 3 connections are open",
      "10.0.0.9:1 serves 10 connections and turns newcomers away: raise maxConnections (10), or find out who holds them"
    ])
  })

  it("says which connections are in trouble, and why", () => {
    const reason = new DisconnectReason.PeerBanned({ address: "10.0.0.5:1" })
    const problems = judge({
      down: [{ connection: 7, endPoint: "hub:1", failures: 3, reason }],
      filledLanes: [{ connection: 8, endPoint: "hub:2", lane: "normal", messages: 1900, bytes: 5000, fill: 0.95 }]
    })
    assert.deepStrictEqual(problems.map(({ message }) => message), [
      "connection 7 to hub:1 is down after 3 failures: 10.0.0.5:1 is banned",
      "the normal lane of connection 8 (hub:2) is 95% full: 1900 messages, 5000 bytes; its peer is down, or reads slower " +
      "than this program sends"
    ])
  })

  it("says when the event loop is slow", () => {
    assert.deepStrictEqual(tags(judge({}, {}, Duration.millis(100))), [])
    assert.deepStrictEqual(tags(judge({}, {}, Duration.millis(101))), ["EventLoopDelayed"])
    assert.deepStrictEqual(tags(judge({}, { maxEventLoopDelay: "1 second" }, Duration.millis(101))), [])
  })

  it("of a closed manager is that it is closed", () => {
    assert.deepStrictEqual(tags(judge({ isClosed: true, listeners: [] }, { minListeners: 2 })), ["Closed"])
  })
})

describe("the check", () => {
  it.effect("tells of listeners and connections by state", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9", { maxConnections: 2 })
        const check = Effect.provideContext(NetworkHealth.check({ minListeners: 1 }), host.context)
        assert.deepStrictEqual(tags((yield* check).problems), ["TooFewListeners"])
        yield* host.manager.bind("10.0.0.9:1")
        yield* bed.dial("10.0.0.7", "10.0.0.9:1")
        yield* settle
        const health = yield* check
        assert.isTrue(health.isHealthy)
        assert.deepStrictEqual(health.listeners, [{ address: "10.0.0.9:1", connections: 1, maxConnections: 2 }])
        assert.deepStrictEqual(health.connections, { Connecting: 0, LoggingIn: 0, Connected: 1, Waiting: 0 })
        yield* bed.dial("10.0.0.8", "10.0.0.9:1")
        yield* settle
        assert.deepStrictEqual(tags((yield* check).problems), ["ListenerFull"])
      }).pipe(Effect.scoped)
    ))

  it.effect("forgets listeners that are closed, and those that could not be bound", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        const check = Effect.provideContext(NetworkHealth.check(), host.context)
        const scope = yield* Scope.make()
        yield* Scope.provide(host.manager.bind("10.0.0.9:1"), scope)
        yield* Effect.flip(host.manager.bind("10.0.0.9:1"))
        assert.strictEqual((yield* check).listeners.length, 1)
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual((yield* check).listeners.length, 0)
      }).pipe(Effect.scoped)
    ))

  it.effect("tells of connections that are down and of lanes that are nearly full", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.7", { normalLaneMessages: 8, drainTimeout: 0 })
        const check = Effect.provideContext(NetworkHealth.check(), host.context)
        const connection = yield* host.manager.connect("10.0.0.99:1", { reconnect: Schedule.spaced("1 hour") })
        yield* connection.sendAll(numberedAll(5))
        yield* settle
        const [down, ...none] = (yield* check).problems
        assert.deepStrictEqual(tags(none), [])
        assert.match(down!.message, /^connection 1 to 10\.0\.0\.99:1 is down after 1 failures: /)
        yield* connection.send(numberedAll(1)[0]!)
        const { filledLanes, problems } = yield* check
        assert.deepStrictEqual(tags(problems), ["ConnectionDown", "LaneFilled"])
        assert.deepInclude(filledLanes[0], { connection: 1, lane: "normal", messages: 6, fill: 0.75 })
      }).pipe(Effect.scoped)
    ))

  it.effect("lists a bounded number, the worst first", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.7", { normalLaneMessages: 100, drainTimeout: 0 })
        for (let i = 0; i < NetworkHealth.maxListed + 4; i++) {
          const connection = yield* host.manager.connect(`10.0.0.99:${i + 1}`, { reconnect: Schedule.spaced("1 hour") })
          yield* connection.sendAll(numberedAll(75 + i))
        }
        yield* settle
        const status = yield* host.manager.status
        assert.strictEqual(status.connections.Waiting, NetworkHealth.maxListed + 4)
        assert.strictEqual(status.down.length, NetworkHealth.maxListed)
        assert.strictEqual(status.filledLanes.length, NetworkHealth.maxListed)
        assert.strictEqual(status.filledLanes[0]!.messages, 75 + NetworkHealth.maxListed + 3)
      }).pipe(Effect.scoped)
    ))

  it.effect("tells that a manager is closed", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        yield* host.manager.bind("10.0.0.9:1")
        yield* host.close
        const health = yield* Effect.provideContext(NetworkHealth.check({ minListeners: 1 }), host.context)
        assert.deepStrictEqual(tags(health.problems), ["Closed"])
      }).pipe(Effect.scoped)
    ))
})
