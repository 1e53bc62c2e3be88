import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Exit, Fiber, Scope } from "effect"
import * as Message from "../../src/domain/Message.ts"
import * as Native from "../utils/native.ts"
import { address, type Host, pass, settle, withBed } from "../utils/network.ts"

const server = "10.0.0.9:1235"

const message = (messageId: number, size = 0): Message.Message =>
  Message.make({ serviceId: 5, messageId, body: new Uint8Array(size) })

/** Closes a manager, and tells when that was over by the clock of the test. */
const closeIn = (host: Host) =>
  Effect.forkChild(
    Effect.andThen(host.close, Clock.currentTimeMillis),
    { startImmediately: true }
  )

describe("closing a manager", () => {
  it.effect("that is connected and idle takes no time, on either side", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        yield* host.manager.bind(server)
        const client = yield* bed.host("10.0.0.1")
        yield* (yield* client.manager.connect(server)).connected
        const other = yield* bed.host("10.0.0.2")
        yield* (yield* other.manager.connect(server)).connected
        yield* settle
        for (const one of [client, host]) {
          const closing = yield* closeIn(one)
          yield* settle
          assert.strictEqual(yield* Fiber.join(closing), 0)
        }
      })
    ))

  it.effect("that a peer floods ends in time, while the flood goes on", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9", { drainTimeout: "1 second", inboxBytes: 65_536 })
        let handled = 0
        yield* host.manager.register(
          5,
          () => Effect.succeed(() => Effect.andThen(Effect.sync(() => void handled++), Effect.sleep("10 millis")))
        )
        yield* host.manager.bind(server, { limitRate: false })
        const peer = yield* bed.dial("10.0.0.1", server)
        const flooding = yield* Effect.forkChild(
          Effect.forever(Effect.exit(peer.send(Native.encode(message(1, 2000)))), { disableYield: false })
        )
        yield* settle
        const closing = yield* closeIn(host)
        yield* pass("1 second")
        assert.isAtMost(yield* Fiber.join(closing), 1000)
        yield* Fiber.interrupt(flooding)
        assert.isAbove(handled, 0)
        assert.strictEqual(yield* peer.status, "Closed")
        const atEnd = handled
        yield* pass("1 second")
        assert.strictEqual(handled, atEnd)
      })
    ))

  it.effect("that is draining, once more and twice at once, ends all of them with the first", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9", { drainTimeout: "3 seconds" })
        const listening = yield* Scope.make()
        yield* Scope.provide(host.manager.bind(server, { limitRate: false }), listening)
        const transport = yield* bed.network.transportFrom("10.0.0.1")
        yield* transport.connect(address(server))
        yield* settle
        yield* (yield* host.manager.connections)[0]!.send(message(1, 5000))
        const first = yield* closeIn(host)
        yield* pass("1 second")
        const more = yield* Effect.forEach([
          host.close,
          host.close,
          Scope.close(listening, Exit.void)
        ], (close) => Effect.forkChild(Effect.andThen(close, Clock.currentTimeMillis), { startImmediately: true }))
        yield* pass("2 seconds")
        const times = yield* Effect.forEach([first, ...more], Fiber.join)
        assert.isTrue(times.every((time) => time <= 3000), times.join())
        assert.strictEqual(times[0], 3000)
      }), { window: 1000 }))

  it.effect("whose login is never read ends in time, and fails who waits for the connection", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        yield* host.manager.bind(server)
        const client = yield* bed.host("10.0.0.1", { drainTimeout: "2 seconds" })
        const login = { read: Effect.never, obtain: Effect.never }
        const connection = yield* client.manager.connect(server, { login })
        const waiting = yield* Effect.forkChild(Effect.flip(connection.connected), { startImmediately: true })
        yield* connection.send(message(1))
        yield* pass("100 millis")
        const closing = yield* closeIn(client)
        yield* pass("2 seconds")
        assert.strictEqual(yield* Fiber.join(closing), 2100)
        assert.strictEqual((yield* Fiber.join(waiting)).reason._tag, "ClosedHere")
      })
    ))
})
