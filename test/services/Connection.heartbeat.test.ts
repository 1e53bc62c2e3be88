import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { dial, dialPair, numbered, numberedAll, recordEvents, serve, server, stateOf } from "../utils/dialling.ts"
import { encode, toHex } from "../utils/native.ts"
import { type Bed, pass, settle, withBed } from "../utils/network.ts"

const ping = "0600087e2c04"
const pong = "0600087e3404"

/** A dialled connection whose peer does not answer by itself. */
const pinged = (bed: Bed, options: Parameters<typeof dialPair>[1] = {}) => dialPair(bed, options)

describe("the heartbeat of a dialled connection", () => {
  it.effect("is a ping 90 seconds after connecting, and every 90 seconds from then on", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connection, peer } = yield* pinged(bed)
        for (let i = 0; i < 5; i++) {
          yield* pass("89999 millis")
          assert.strictEqual(yield* peer.rest, "")
          yield* pass("1 millis")
          assert.strictEqual(yield* peer.rest, ping)
          yield* peer.send(pong)
        }
        assert.strictEqual(yield* stateOf(connection), "connected to 10.0.0.9:1235")
      })
    ))

  it.effect("does not depend on what else is said", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connection, peer } = yield* pinged(bed)
        yield* pass("80 seconds")
        yield* connection.send(numbered(1))
        yield* peer.send(encode(numbered(2)))
        yield* pass("10 seconds")
        assert.strictEqual(yield* peer.rest, toHex(encode(numbered(1))) + ping)
      })
    ))

  it.effect("starts anew with each socket", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { accept, peer } = yield* pinged(bed)
        yield* pass("60 seconds")
        yield* peer.close
        const second = yield* accept
        yield* pass("89 seconds")
        assert.strictEqual(yield* second.rest, "")
        yield* pass("1 second")
        assert.strictEqual(yield* second.rest, ping)
      })
    ))

  it.effect("goes ahead of what waits in the lanes", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        yield* bed.network.setConditions({ bandwidth: 1000, window: 1000 })
        const { connection, peer } = yield* pinged(bed, { pingInterval: "1 second", writeBytes: 9000 })
        yield* connection.sendAll(numberedAll(5, 5000))
        yield* pass("5 seconds")
        yield* peer.rest
        yield* pass("6 seconds")
        const heard = yield* peer.rest
        assert.include(heard, ping)
        assert.isTrue((yield* connection.stats).queuedNormal > 0)
      })
    ))

  it.effect("closes and dials again when a ping goes unanswered, on a link that is half open", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { accept, connection } = yield* pinged(bed)
        const events = yield* recordEvents(connection)
        yield* pass("10 seconds")
        yield* bed.network.blackhole(server)
        yield* pass("109999 millis")
        assert.deepStrictEqual(events, [])
        yield* pass("1 millis")
        assert.deepStrictEqual(events, ["120000 10.0.0.9:1235 disconnected: no pong"])
        yield* bed.network.heal()
        yield* settle
        yield* accept
        assert.strictEqual(yield* stateOf(connection), "connected to 10.0.0.9:1235")
      })
    ))

  it.effect("counts from the first ping without an answer", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connection, peer } = yield* pinged(bed, { pingInterval: "10 seconds", pongTimeout: "25 seconds" })
        const events = yield* recordEvents(connection)
        yield* pass("15 seconds")
        yield* peer.send(pong)
        yield* pass("30 seconds")
        assert.deepStrictEqual(events[0], "45000 10.0.0.9:1235 disconnected: no pong")
      })
    ))

  it.effect("takes no message for an answer", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connection, peer } = yield* pinged(bed)
        const events = yield* recordEvents(connection)
        yield* Effect.forkChild(
          Effect.forever(Effect.andThen(Effect.sleep("1 second"), peer.send(encode(numbered(1)))))
        )
        yield* pass("119 seconds")
        assert.deepStrictEqual(events, [])
        yield* pass("1 second")
        assert.deepStrictEqual(events[0], "120000 10.0.0.9:1235 disconnected: no pong")
      })
    ))

  it.effect("blames nobody for a pong that was not read, and gives the time anew when reading goes on", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        // When reading goes on, the line still takes over twenty seconds for what is before the pong.
        yield* bed.network.setConditions({ bandwidth: 30_000, window: 65_536 })
        const { connection, peer } = yield* pinged(bed, { inboxBytes: 65_536 })
        const events = yield* recordEvents(connection)
        let lasts = 1000
        const handling = yield* Effect.forkChild(connection.handle(() => Effect.sleep(`${lasts} seconds`)))
        yield* pass("1 second")
        // The handler takes the first message and is stuck. Reading pauses, and the pong lies behind all this.
        const flood = yield* Effect.forkChild(
          Effect.andThen(peer.send(encode(...numberedAll(100, 8000))), peer.send(pong))
        )
        yield* pass("900 seconds")
        assert.deepStrictEqual(events, [])
        assert.isUndefined(flood.pollUnsafe())
        lasts = 0
        yield* pass("140 seconds")
        yield* Fiber.join(flood)
        assert.deepStrictEqual(events, [])
        // From here on the peer answers no more, and nothing pauses.
        yield* pass("180 seconds")
        assert.include(events[0] ?? "", "no pong")
        yield* Fiber.interrupt(handling)
      })
    ))

  it.effect("comes from the dialling side only: a ping from the other is a protocol error", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connection, peer } = yield* pinged(bed)
        const events = yield* recordEvents(connection)
        yield* peer.send(ping)
        yield* settle
        assert.deepStrictEqual(events[0], "0 10.0.0.9:1235 disconnected: UnexpectedPing")
        assert.strictEqual(yield* peer.rest, "")
        assert.strictEqual(yield* peer.status, "Closed")
      })
    ))

  it.effect("a pong that nobody asked for does no harm", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connection, peer } = yield* pinged(bed)
        yield* peer.send(pong, pong, encode(numbered(1)), pong)
        yield* pass("90 seconds")
        assert.strictEqual(yield* peer.rest, ping)
        assert.strictEqual((yield* connection.stats).messagesReceived, 1)
      })
    ))

  it.effect("is turned off by an infinite interval", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { peer } = yield* pinged(bed, { pingInterval: Infinity })
        yield* pass("10 days")
        assert.strictEqual(yield* peer.rest, "")
      })
    ))

  it.effect("is none of a connection that is not up", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const connection = yield* dial(bed)
        yield* pass("10 minutes")
        const { accept } = yield* serve(bed)
        yield* pass("44 seconds")
        const peer = yield* accept
        assert.strictEqual(yield* peer.rest, "")
        assert.strictEqual((yield* connection.stats).queuedBytes, 0)
      })
    ))
})
