import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import * as Message from "../../src/domain/Message.ts"
import { pass, settle, withBed } from "../utils/network.ts"
import { listening, message, server, statsOf } from "../utils/serving.ts"

describe("the end of a peer", () => {
  it.effect("lets its handlers finish what has come, for as long as draining takes", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { host, listener } = yield* listening(bed, { drainTimeout: "3 seconds" })
        const events: Array<string> = []
        yield* host.manager.register(7, () =>
          Effect.gen(function*() {
            yield* Effect.addFinalizer(() => Effect.sync(() => void events.push("released")))
            return (message: Message.Message) =>
              Effect.andThen(
                Effect.sleep("1 second"),
                Effect.sync(() => void events.push(`handled ${message.messageId} ${Message.borrow(message).length}`))
              )
          }))
        const peer = yield* bed.dial("10.0.0.1", server)
        yield* peer.send(message(7, 1, 10), message(7, 2, 2000))
        yield* settle
        yield* peer.close
        yield* settle
        assert.deepStrictEqual(yield* listener.connections, [])
        yield* pass("1 second")
        assert.deepStrictEqual(events, ["handled 1 10"])
        yield* pass("1 second")
        assert.deepStrictEqual(events, ["handled 1 10", "handled 2 2000", "released"])
      })
    ))

  it.effect("interrupts them then", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { host } = yield* listening(bed, { drainTimeout: "3 seconds" })
        const events: Array<string> = []
        yield* host.manager.register(7, () =>
          Effect.succeed(() =>
            Effect.sleep("1 minute").pipe(
              Effect.ensuring(Effect.sync(() => void events.push("stopped")))
            )
          ))
        const before = bed.fibers()
        const peer = yield* bed.dial("10.0.0.1", server)
        yield* peer.send(message(7, 1))
        yield* settle
        yield* bed.network.cut("10.0.0.1")
        yield* pass("2999 millis")
        assert.deepStrictEqual(events, [])
        yield* pass("1 millis")
        assert.deepStrictEqual(events, ["stopped"])
        assert.strictEqual(bed.fibers(), before)
      })
    ))
})

describe("beside a program", () => {
  it.effect("messages for a program that is not ready wait for it, whatever a service takes meanwhile", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const ready = yield* Deferred.make<void>()
        const seen: Array<string> = []
        const { host, listener } = yield* listening(bed, {
          onConnection: (connection) =>
            Effect.andThen(
              Deferred.await(ready),
              Effect.forEach(
                [5, 6, undefined],
                (serviceId) =>
                  connection.handle((message) => {
                    seen.push(`${serviceId ?? "all"}: ${message.serviceId}/${message.messageId}`)
                  }, { serviceId }),
                { concurrency: "unbounded", discard: true }
              )
            )
        })
        yield* host.manager.register(7, () =>
          Effect.succeed((message: Message.Message) => {
            seen.push(`service ${message.messageId}`)
          }))
        const peer = yield* bed.dial("10.0.0.1", server)
        yield* peer.send(message(5, 1), message(7, 2), message(6, 3), message(8, 4))
        yield* settle
        assert.deepStrictEqual(seen, ["service 2"])
        assert.strictEqual((yield* statsOf(listener.connections))[0]!.messagesUnhandled, 3)
        yield* Deferred.succeed(ready, undefined)
        yield* settle
        assert.deepStrictEqual(seen, ["service 2", "5: 5/1", "6: 6/3", "all: 8/4"])
        const [stats] = yield* statsOf(listener.connections)
        assert.strictEqual(stats!.messagesUnhandled, 0)
        assert.strictEqual(stats!.messagesReceived, 4)
      })
    ))

  it.effect("a program that comes to its messages after the peer has gone still gets them", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const seen: Array<number> = []
        yield* listening(bed, {
          onConnection: (connection) =>
            Effect.andThen(
              Effect.sleep("1 second"),
              connection.handle((message) => void seen.push(message.messageId))
            )
        })
        const peer = yield* bed.dial("10.0.0.1", server)
        yield* peer.send(message(5, 1), message(5, 2))
        yield* settle
        yield* peer.close
        yield* pass("1 second")
        assert.deepStrictEqual(seen, [1, 2])
      })
    ))

  it.effect("what waits for a program is bounded", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const ready = yield* Deferred.make<void>()
        const seen: Array<number> = []
        const { listener } = yield* listening(bed, {
          onConnection: (connection) =>
            Effect.andThen(Deferred.await(ready), connection.handle((message) => void seen.push(message.messageId)))
        })
        const peer = yield* bed.dial("10.0.0.1", server)
        for (let id = 0; id < 100; id++) yield* peer.send(message(5, id, 1000))
        for (let id = 100; id < 1500; id++) yield* peer.send(message(5, id))
        yield* settle
        yield* Deferred.succeed(ready, undefined)
        yield* settle
        // 65,536 bytes hold 65 of the large ones; 1000 messages are kept in all.
        assert.strictEqual(seen.length, 1000)
        assert.deepStrictEqual(seen.slice(0, 67), [...Array.from({ length: 65 }, (_, i) => i), 100, 101])
        assert.strictEqual((yield* statsOf(listener.connections))[0]!.messagesUnhandled, 500)
      })
    ))
})
