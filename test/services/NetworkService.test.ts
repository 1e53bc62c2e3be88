import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Scope } from "effect"
import * as Message from "../../src/domain/Message.ts"
import * as NetworkManager from "../../src/services/NetworkManager.ts"
import * as NetworkService from "../../src/services/NetworkService.ts"
import * as Native from "../utils/native.ts"
import { pass, type RawPeer, settle, withBed } from "../utils/network.ts"
import { listening, message, recorder, server, statsOf } from "../utils/serving.ts"

describe("a service by id", () => {
  it.effect("is told of messages from accepted and dialled connections, with a state for each peer", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { host } = yield* listening(bed)
        const { events, make } = recorder("s")
        yield* host.manager.register(7, make)
        const dialled: Array<RawPeer> = []
        yield* bed.listen("10.0.0.5:99", (peer) => void dialled.push(peer))
        yield* host.manager.connect("10.0.0.5:99")
        const first = yield* bed.dial("10.0.0.1", server)
        const second = yield* bed.dial("10.0.0.2", server)
        yield* settle
        // A peer that says nothing to the service costs it nothing.
        assert.deepStrictEqual(events, [])
        yield* first.send(message(7, 1), message(8, 2), message(7, 3))
        yield* settle
        yield* second.send(message(7, 4))
        yield* dialled[0]!.send(message(7, 5))
        yield* settle
        yield* first.send(message(7, 6))
        yield* settle
        assert.deepStrictEqual(events, [
          "s1 made for accepted",
          "s1 1",
          "s1 3",
          "s2 made for accepted",
          "s2 4",
          "s3 made for dialled",
          "s3 5",
          "s1 6"
        ])
        events.length = 0
        yield* first.close
        yield* settle
        assert.deepStrictEqual(events, ["s1 released"])
        yield* host.close
        assert.sameMembers(events, ["s1 released", "s2 released", "s3 released"])
      })
    ))

  it.effect("may have several handlers, each with all messages in order", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { host } = yield* listening(bed)
        const a = recorder("a")
        const b = recorder("b")
        const slow: Array<number> = []
        yield* host.manager.register(7, a.make)
        yield* host.manager.register(7, b.make)
        yield* host.manager.register(7, () =>
          Effect.succeed((message: Message.Message) =>
            Effect.andThen(
              Effect.yieldNow,
              Effect.sync(() => void slow.push(message.messageId))
            )
          ))
        const peer = yield* bed.dial("10.0.0.1", server)
        for (let id = 1; id <= 20; id++) yield* peer.send(message(7, id))
        yield* settle
        const ids = Array.from({ length: 20 }, (_, i) => i + 1)
        assert.deepStrictEqual(a.events, ["a1 made for accepted", ...ids.map((id) => `a1 ${id}`)])
        assert.deepStrictEqual(b.events, ["b1 made for accepted", ...ids.map((id) => `b1 ${id}`)])
        assert.deepStrictEqual(slow, ids)
      })
    ))

  it.effect("can be registered while connections are open, and is over with its scope", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { host, listener } = yield* listening(bed)
        const peer = yield* bed.dial("10.0.0.1", server)
        yield* peer.send(message(7, 1))
        yield* settle
        const scope = yield* Scope.make()
        const { events, make } = recorder("s")
        yield* Scope.provide(host.manager.register(7, make), scope)
        yield* peer.send(message(7, 2))
        yield* settle
        assert.deepStrictEqual(events, ["s1 made for accepted", "s1 2"])
        const before = bed.fibers()
        yield* Scope.close(scope, Exit.void)
        // The state is released before the scope is closed: what it stands on may go then.
        assert.deepStrictEqual(events.slice(2), ["s1 released"])
        assert.isBelow(bed.fibers(), before)
        yield* peer.send(message(7, 3))
        yield* settle
        assert.strictEqual(events.length, 3)
        assert.strictEqual((yield* statsOf(listener.connections))[0]!.messagesUnhandled, 2)
        // Registered again it begins anew.
        yield* host.manager.register(7, make)
        yield* peer.send(message(7, 4))
        yield* settle
        assert.deepStrictEqual(events.slice(3), ["s2 made for accepted", "s2 4"])
      })
    ))

  it.effect("that is over in the middle of a message is interrupted, and lets go of what waits", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { host, listener } = yield* listening(bed)
        const scope = yield* Scope.make()
        let interrupted = 0
        yield* host.manager.register(7, () =>
          Effect.succeed(() => Effect.onInterrupt(Effect.never, () => Effect.sync(() => void interrupted++)))).pipe(
            Scope.provide(scope)
          )
        const other = recorder("o")
        yield* host.manager.register(8, other.make)
        const peer = yield* bed.dial("10.0.0.1", server)
        for (let id = 1; id <= 5; id++) {
          yield* peer.send(message(7, id, 3000))
        }
        yield* settle
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual(interrupted, 1)
        yield* peer.send(message(8, 1))
        yield* settle
        assert.deepStrictEqual(other.events, ["o1 made for accepted", "o1 1"])
        assert.strictEqual((yield* listener.connections).length, 1)
      })
    ))

  it.effect("counts what nobody takes", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { host, listener } = yield* listening(bed)
        yield* host.manager.register(7, () => Effect.succeed(() => {}))
        const peer = yield* bed.dial("10.0.0.1", server)
        yield* peer.send(message(7, 1), message(8, 1), message(9, 1), message(7, 2), message(8, 2))
        yield* settle
        const [stats] = yield* statsOf(listener.connections)
        assert.strictEqual(stats!.messagesReceived, 5)
        assert.strictEqual(stats!.messagesUnhandled, 3)
        assert.strictEqual(bed.logs.filter((line) => line.includes("Nobody takes message 8/1")).length, 1)
      })
    ))

  it.effect("refuses an id that no message can have", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { host } = yield* listening(bed)
        for (const id of [-1, 0.5, 2 ** 31, NaN]) {
          const error = yield* Effect.flip(host.manager.register(id, () => Effect.succeed(() => {})))
          assert.strictEqual(error.reason._tag, "BadOption")
        }
        yield* host.manager.register(0, () => Effect.succeed(() => {}))
        yield* host.manager.register(2 ** 31 - 1, () => Effect.succeed(() => {}))
      })
    ))
})

describe("a service that goes wrong", () => {
  const failures: ReadonlyArray<readonly [string, () => Effect.Effect<never, string>]> = [
    ["fails", () => Effect.fail("no state")],
    ["dies", () => Effect.die(new Error("no state"))],
    ["throws", () => {
      throw new Error("no state")
    }],
    ["fails later", () => Effect.andThen(Effect.sleep("1 second"), Effect.fail("no state"))]
  ]
  for (const [name, fail] of failures) {
    it.effect(`a state that ${name} to be made is logged, and what waited for it does not stop the connection`, () =>
      withBed((bed) =>
        Effect.gen(function*() {
          const { host, listener } = yield* listening(bed, { inboxBytes: 65_536 })
          let made = 0
          yield* host.manager.register(7, () => {
            made += 1
            return fail()
          })
          const good = recorder("g")
          yield* host.manager.register(7, good.make)
          const peer = yield* bed.dial("10.0.0.1", server)
          const count = 100
          const sending = yield* Effect.forkChild(
            Effect.forEach(Array.from({ length: count }), (_, i) => peer.send(message(7, i, 7000)))
          )
          yield* pass("1 second")
          yield* pass("1 second")
          assert.isDefined(sending.pollUnsafe(), "the connection has stopped")
          assert.strictEqual(good.events.length, count + 1)
          assert.strictEqual(made, 1)
          const lines = bed.logs.filter((line) => line.startsWith("Error The handler of a service could not be made"))
          assert.strictEqual(lines.length, 1)
          assert.include(lines[0], "no state")
          assert.include(lines[0], "service=7")
          assert.strictEqual((yield* listener.connections).length, 1)
        })
      ))
  }

  it.effect("a handler that fails, dies or throws is logged with the ids of the message, and the next one follows", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { host, listener } = yield* listening(bed)
        const seen: Array<number> = []
        yield* host.manager.register(7, () =>
          Effect.succeed((message: Message.Message) => {
            seen.push(message.messageId)
            switch (message.messageId) {
              case 1:
                return Effect.fail("one")
              case 2:
                return Effect.die(new Error("two"))
              case 3:
                throw new Error("three")
              case 4:
                return Effect.andThen(Effect.yieldNow, Effect.fail("four"))
              case 5:
                return Effect.interrupt
              default:
                return Effect.void
            }
          }))
        const peer = yield* bed.dial("10.0.0.1", server)
        const ids = [1, 2, 3, 4, 5, 6]
        yield* peer.send(...ids.map((id) => message(7, id)))
        yield* settle
        yield* peer.send(message(7, 7))
        yield* settle
        assert.deepStrictEqual(seen, [...ids, 7])
        for (const [id, what] of [[1, "one"], [2, "two"], [3, "three"], [4, "four"], [5, "interrupt"]] as const) {
          const line = bed.logs.find((line) => line.includes(`The handler of message 7/${id} failed`))
          assert.include(line, what)
          assert.include(line, "connection=")
        }
        assert.strictEqual((yield* listener.connections).length, 1)
      })
    ))

  it.effect("a release that dies is logged, and the peer is gone all the same", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { host, listener } = yield* listening(bed)
        yield* host.manager.register(7, () =>
          Effect.as(Effect.addFinalizer(() => Effect.die(new Error("cannot release"))), () => {}))
        const peer = yield* bed.dial("10.0.0.1", server)
        yield* peer.send(message(7, 1))
        yield* settle
        yield* peer.close
        yield* settle
        assert.deepStrictEqual(yield* listener.connections, [])
        assert.isTrue(bed.logs.some((line) =>
          line.includes("cannot release")
        ))
      })
    ))

  it.effect("a handler that hangs holds up its own peer, and nobody else", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { host } = yield* listening(bed)
        const seen: Array<string> = []
        yield* host.manager.register(7, (connection) =>
          Effect.succeed((message: Message.Message) =>
            message.messageId === 0
              ? Effect.never
              : connection.send(Message.reply(message))
          ))
        yield* host.manager.register(8, () =>
          Effect.succeed((message: Message.Message) => {
            seen.push(`8/${message.messageId}`)
          }))
        const hung = yield* bed.dial("10.0.0.1", server)
        yield* hung.send(message(7, 0), message(7, 1), message(8, 2))
        const other = yield* bed.dial("10.0.0.2", server)
        yield* other.send(message(7, 1))
        yield* settle
        assert.strictEqual(yield* hung.rest, "")
        assert.strictEqual(yield* other.rest, "07000807100204")
        assert.deepStrictEqual(seen, ["8/2"])
      })
    ))
})

describe("NetworkService", () => {
  class Offset extends Context.Service<Offset, number>()("test/Offset") {}

  it.effect("is a layer, with what it needs from the context", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { host } = yield* listening(bed)
        const provide = (layer: Layer.Layer<never, NetworkManager.NetworkError, NetworkManager.NetworkManager>) =>
          Effect.orDie(Layer.build(Layer.provide(layer, Layer.succeedContext(host.context))))
        const Counter = NetworkService.layer(42, (connection) =>
          Effect.gen(function*() {
            let count = yield* Offset
            yield* Effect.addFinalizer(() => Effect.void)
            return (message) => connection.send(Message.reply(message, { body: Uint8Array.of(++count) }))
          }))
        const Echo = NetworkService.layerHandler(43, (message, connection) =>
          Effect.flatMap(
            Offset,
            (offset) =>
              connection.send(Message.reply(message, { messageId: message.messageId + offset, body: message.body }))
          ))
        yield* provide(Layer.provide(Layer.mergeAll(Counter, Echo), Layer.succeed(Offset, 100)))
        const peer = yield* bed.dial("10.0.0.1", server)
        const reply = (bytes: Uint8Array) =>
          Effect.gen(function*() {
            yield* peer.send(bytes)
            yield* settle
            return yield* peer.rest
          })
        assert.strictEqual(yield* reply(message(42, 1)), "0800082a10020465")
        assert.strictEqual(yield* reply(message(42, 1)), "0800082a10020466")
        const other = yield* bed.dial("10.0.0.2", server)
        yield* other.send(message(42, 1))
        yield* settle
        assert.strictEqual(yield* other.rest, "0800082a10020465")
        const body = Uint8Array.of(1, 2, 3)
        const echo = yield* reply(Native.encode(Message.make({ serviceId: 43, messageId: 1, body })))
        assert.strictEqual(echo, Native.toHex(Native.encode(Message.make({ serviceId: 43, messageId: 101, body }))))
      })
    ))

  it.effect("cannot be built with an id that no message can have", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { host } = yield* listening(bed)
        const layer = Layer.provide(
          NetworkService.layerHandler(-1, () => Effect.void),
          Layer.succeedContext(host.context)
        )
        const error = yield* Effect.flip(Layer.build(layer))
        assert.instanceOf(error, NetworkManager.NetworkError)
      })
    ))

  it.effect("takes a plain function as its handler", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { host } = yield* listening(bed)
        const seen: Array<number> = []
        const layer = NetworkService.layerHandler(43, (message, connection) => {
          seen.push(message.messageId)
          connection.sendUnsafe(Message.reply(message, { messageId: 9 }))
        })
        yield* Layer.build(Layer.provide(layer, Layer.succeedContext(host.context)))
        const peer = yield* bed.dial("10.0.0.1", server)
        for (const messageId of [1, 2]) {
          yield* peer.send(Native.encode(Message.make({ serviceId: 43, messageId })))
          yield* settle
        }
        assert.deepStrictEqual(seen, [1, 2])
        assert.isAbove((yield* peer.rest).length, 0)
      })
    ))
})
