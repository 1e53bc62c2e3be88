import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Metric, Schedule } from "effect"
import * as Message from "../../src/domain/Message.ts"
import * as ConnectionAuthorizer from "../../src/services/ConnectionAuthorizer.ts"
import * as NetworkMetrics from "../../src/services/NetworkMetrics.ts"
import { dial, dialPair, numbered, numberedAll, serve, server } from "../utils/dialling.ts"
import { encode } from "../utils/native.ts"
import { address, pass, settle, withBed } from "../utils/network.ts"

/** Runs a test with a registry of its own. */
const counted = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.provideService(effect, Metric.MetricRegistry, new Map())

const count = (counter: Metric.Counter<number>, labels: Record<string, string> = {}) =>
  Effect.map(Metric.value(Metric.withAttributes(counter, labels)), (state) => state.count)

const gauge = (metric: Metric.Gauge<number>, labels: Record<string, string> = {}) =>
  Effect.map(Metric.value(Metric.withAttributes(metric, labels)), (state) => state.value)

const start = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkChild(effect, { startImmediately: true })

const ofService = (serviceId: number, bodyLength = 0) =>
  Message.make({ serviceId, messageId: 1, body: new Uint8Array(bodyLength) })

describe("metrics of traffic", () => {
  it.effect("count messages and bytes by service, each way", () =>
    counted(withBed((bed) =>
      Effect.gen(function*() {
        const { connection, peer } = yield* dialPair(bed)
        yield* connection.sendAll([ofService(7, 10), ofService(7, 5), ofService(8, 1), ofService(7, 100)])
        yield* settle
        yield* peer.send(encode(ofService(8, 3), ofService(9, 20_000)))
        yield* settle
        assert.strictEqual(yield* count(NetworkMetrics.messagesSent, { service: "7" }), 3)
        assert.strictEqual(yield* count(NetworkMetrics.bytesSent, { service: "7" }), 115)
        assert.strictEqual(yield* count(NetworkMetrics.messagesSent, { service: "8" }), 1)
        assert.strictEqual(yield* count(NetworkMetrics.messagesReceived, { service: "7" }), 0)
        assert.strictEqual(yield* count(NetworkMetrics.messagesReceived, { service: "8" }), 1)
        assert.strictEqual(yield* count(NetworkMetrics.bytesReceived, { service: "8" }), 3)
        assert.strictEqual(yield* count(NetworkMetrics.bytesReceived, { service: "9" }), 20_000)
      })
    )))

  it.effect("have a bound on their series, whatever service ids a peer makes up", () =>
    counted(withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        yield* host.manager.register(5000, () => Effect.succeed(() => undefined))
        yield* host.manager.bind("10.0.0.9:1")
        const peer = yield* bed.dial("10.0.0.7", "10.0.0.9:1")
        const strange = Array.from({ length: 300 }, (_, i) => ofService(1000 + i, 1))
        yield* peer.send(encode(...strange), encode(ofService(5000, 2)))
        yield* settle
        const snapshot = yield* Metric.snapshot
        const series = snapshot.filter(({ id }) => id === "flowee_messages_received_total")
        assert.strictEqual(series.length, NetworkMetrics.maxServices + 1)
        assert.strictEqual(yield* count(NetworkMetrics.messagesReceived, { service: "5000" }), 1)
        assert.strictEqual(
          yield* count(NetworkMetrics.messagesReceived, { service: "other" }),
          300 - (NetworkMetrics.maxServices - 1)
        )
      }).pipe(Effect.scoped)
    )))

  it.effect("tell what nobody took and what never left", () =>
    counted(withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9", { drainTimeout: 0 })
        yield* host.manager.bind("10.0.0.9:1")
        const peer = yield* bed.dial("10.0.0.7", "10.0.0.9:1")
        yield* peer.send(encode(...numberedAll(3)))
        yield* settle
        assert.strictEqual(yield* count(NetworkMetrics.messagesDropped, { cause: "Unhandled" }), 3)
        yield* Effect.scoped(Effect.gen(function*() {
          const unreachable = yield* host.manager.connect("10.0.0.99:1")
          yield* unreachable.sendAll(numberedAll(4))
        }))
        yield* settle
        assert.strictEqual(yield* count(NetworkMetrics.messagesDropped, { cause: "Unsent" }), 4)
      }).pipe(Effect.scoped)
    )))

  it.effect("count what was kept for a handler that never came", () =>
    counted(withBed((bed) =>
      Effect.gen(function*() {
        const { connection, peer } = yield* dialPair(bed)
        yield* peer.send(encode(...numberedAll(5)))
        yield* settle
        assert.strictEqual((yield* connection.stats).messagesUnhandled, 5)
        assert.strictEqual(yield* count(NetworkMetrics.messagesDropped, { cause: "Unhandled" }), 0)
      }).pipe(
        Effect.scoped,
        Effect.andThen(settle),
        Effect.andThen(count(NetworkMetrics.messagesDropped, { cause: "Unhandled" })),
        Effect.map((dropped) => assert.strictEqual(dropped, 5))
      )
    )))
})

describe("metrics of queues and memory", () => {
  it.effect("are sums over all connections, and gone with the last manager", () =>
    counted(
      Effect.andThen(
        withBed((bed) =>
          Effect.gen(function*() {
            const { manager } = yield* bed.host("10.0.0.7", { drainTimeout: 0 })
            yield* bed.host("10.0.0.8")
            for (const to of ["10.0.0.98:1", "10.0.0.99:1"]) {
              const connection = yield* manager.connect(to)
              yield* connection.sendAll(numberedAll(3, 100))
              yield* connection.send(numbered(9, 10), { priority: "high" })
            }
            yield* settle
            assert.strictEqual(yield* gauge(NetworkMetrics.laneMessages, { lane: "normal" }), 6)
            assert.strictEqual(yield* gauge(NetworkMetrics.laneMessages, { lane: "high" }), 2)
            assert.isAbove(yield* gauge(NetworkMetrics.laneBytes, { lane: "normal" }), 600)
            assert.isBelow(yield* gauge(NetworkMetrics.laneBytes, { lane: "normal" }), 800)
            assert.isAbove(yield* gauge(NetworkMetrics.laneBytes, { lane: "high" }), 20)
          }).pipe(Effect.scoped)
        ),
        Effect.map(Metric.snapshot, (snapshot) => {
          assert.deepStrictEqual(snapshot.filter(({ type }) => type === "Gauge").map(({ id }) => id), [])
        })
      )
    ))

  it.effect("tell what the buffer pool does", () =>
    counted(withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        const slabs = [host.pool.take(10_000), host.pool.take(1)]
        const stats = yield* host.pool.stats
        assert.strictEqual(yield* gauge(NetworkMetrics.slabsTaken), 2)
        assert.strictEqual(yield* gauge(NetworkMetrics.slabsAllocated), 2)
        assert.strictEqual(yield* gauge(NetworkMetrics.slabBytes, { use: "taken" }), stats.takenBytes)
        for (const slab of slabs) host.pool.give(slab)
        assert.strictEqual(yield* gauge(NetworkMetrics.slabBytes, { use: "taken" }), 0)
        assert.strictEqual(yield* gauge(NetworkMetrics.slabBytes, { use: "free" }), stats.takenBytes)
      })
    )))
})

describe("metrics of requests", () => {
  it.effect("tell outcomes, and the time to a reply", () =>
    counted(withBed((bed) =>
      Effect.gen(function*() {
        const { accept } = yield* serve(bed)
        const connection = yield* dial(bed, { maxPendingRequests: 3 })
        const peer = yield* accept
        yield* settle
        const replied = yield* start(connection.request(numbered(2)))
        yield* start(Effect.exit(connection.request(numbered(4), { timeout: "2 seconds" })))
        const cancelled = yield* start(connection.request(numbered(6)))
        yield* Effect.exit(connection.request(numbered(8)))
        assert.strictEqual(yield* gauge(NetworkMetrics.requestsPending), 3)
        yield* pass("40 millis")
        yield* peer.send(encode(Message.make({ serviceId: 7, messageId: 3, header: { 11: 1 } })))
        yield* Fiber.join(replied)
        yield* Fiber.interrupt(cancelled)
        yield* pass("2 seconds")
        const interrupted = yield* start(Effect.exit(connection.request(numbered(10))))
        yield* settle
        yield* peer.close
        yield* Fiber.join(interrupted)
        const outcomes: Record<string, number> = {}
        for (const outcome of ["Replied", "TimedOut", "Cancelled", "Refused", "Interrupted", "Closed"]) {
          outcomes[outcome] = yield* count(NetworkMetrics.requests, { outcome })
        }
        assert.deepStrictEqual(outcomes, {
          Replied: 1,
          TimedOut: 1,
          Cancelled: 1,
          Refused: 1,
          Interrupted: 1,
          Closed: 0
        })
        const seconds = yield* Metric.value(NetworkMetrics.requestSeconds)
        assert.deepStrictEqual([seconds.count, seconds.sum], [1, 0.04])
        assert.strictEqual(yield* gauge(NetworkMetrics.requestsPending), 0)
      })
    )))
})

describe("metrics of connections", () => {
  it.effect("tell states, ends and reconnects", () =>
    counted(withBed((bed) =>
      Effect.gen(function*() {
        const { accept } = yield* serve(bed)
        const host = yield* bed.host("10.0.0.7")
        yield* host.manager.connect(server, { reconnect: Schedule.spaced("10 seconds") })
        yield* host.manager.connect("10.0.0.99:1", { reconnect: Schedule.spaced("1 hour") })
        const peer = yield* accept
        yield* settle
        const states = Effect.all({
          connected: gauge(NetworkMetrics.connections, { side: "dialled", state: "Connected" }),
          waiting: gauge(NetworkMetrics.connections, { side: "dialled", state: "Waiting" }),
          connecting: gauge(NetworkMetrics.connections, { side: "dialled", state: "Connecting" })
        })
        assert.deepStrictEqual(yield* states, { connected: 1, waiting: 1, connecting: 0 })
        assert.strictEqual(yield* count(NetworkMetrics.connectFailures, { reason: "TransportError" }), 1)
        assert.strictEqual(yield* count(NetworkMetrics.reconnects), 0)
        yield* peer.close
        yield* settle
        assert.deepStrictEqual(yield* states, { connected: 0, waiting: 2, connecting: 0 })
        assert.strictEqual(yield* count(NetworkMetrics.disconnects, { reason: "TransportError" }), 1)
        yield* pass("30 seconds")
        assert.strictEqual(yield* count(NetworkMetrics.reconnects), 1)
        assert.deepStrictEqual((yield* states).connected, 1)
      }).pipe(Effect.scoped)
    )))

  it.effect("tell logins under way, who was turned away and why, and bans", () =>
    counted(withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9", { maxConnectionsPerAddress: 2 })
        yield* host.manager.bind("10.0.0.9:1", {
          authorizer: {
            authorize: () => Effect.succeed(ConnectionAuthorizer.awaitLogin()),
            checkLogin: () => Effect.succeed(ConnectionAuthorizer.accept())
          }
        })
        for (let i = 0; i < 3; i++) yield* bed.dial("10.0.0.7", "10.0.0.9:1")
        yield* settle
        assert.strictEqual(yield* gauge(NetworkMetrics.connections, { side: "accepted", state: "LoggingIn" }), 2)
        assert.strictEqual(yield* count(NetworkMetrics.newcomersRefused, { reason: "TooManyFromAddress" }), 1)
        yield* host.banList.ban(address("10.0.0.5:1"))
        assert.strictEqual(yield* count(NetworkMetrics.bans), 1)
        yield* bed.dial("10.0.0.5", "10.0.0.9:1")
        yield* settle
        assert.strictEqual(yield* count(NetworkMetrics.newcomersRefused, { reason: "PeerBanned" }), 1)
        yield* pass("10 seconds")
        assert.strictEqual(yield* count(NetworkMetrics.disconnects, { reason: "LoginFailed" }), 2)
        assert.strictEqual(yield* gauge(NetworkMetrics.connections, { side: "accepted", state: "LoggingIn" }), 0)
      }).pipe(Effect.scoped)
    )))
})
