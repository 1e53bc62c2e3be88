import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Fiber, Stream } from "effect"
import * as Message from "../../src/domain/Message.ts"
import type * as Connection from "../../src/services/Connection.ts"
import type * as NetworkManager from "../../src/services/NetworkManager.ts"
import { send } from "../utils/links.ts"
import * as Native from "../utils/native.ts"
import { type Bed, pass, settle, until, withBed } from "../utils/network.ts"

const server = "10.0.0.9:1235"
const ping = "0600 087e 2c 04"
const pong = "0600087e3404"

const message = (serviceId: number, messageId: number): Uint8Array =>
  Native.encode(Message.make({ serviceId, messageId }))

const listening = <E = never, R = never>(bed: Bed, options: NetworkManager.BindOptions<E, R>) =>
  Effect.gen(function*() {
    const host = yield* bed.host("10.0.0.9")
    const listener = yield* host.manager.bind(server, { limitRate: false, ...options })
    return { host, listener }
  }).pipe(Effect.orDie)

describe("the program of a connection", () => {
  it.effect("gets a handle that says who came, and whose events and stream end with the connection", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const seen: Array<string> = []
        const { listener } = yield* listening(bed, {
          onConnection: (connection) =>
            Effect.gen(function*() {
              const state = yield* connection.state
              seen.push(`${connection.side} ${connection.endPoint} ${state._tag}`)
              const events = yield* Effect.forkChild(
                Stream.runForEach(connection.events, (event) => Effect.sync(() => void seen.push(event._tag)))
              )
              yield* Stream.runForEach(
                connection.messages,
                (message) => Effect.sync(() => void seen.push(`message ${message.messageId}`))
              )
              yield* Fiber.join(events)
              seen.push("end")
            })
        })
        const peer = yield* bed.dial("10.0.0.1", server)
        yield* peer.send(message(5, 1), message(5, 2))
        yield* settle
        const [connection] = yield* listener.connections
        assert.strictEqual(connection!.endPoint, "10.0.0.1:32768")
        yield* peer.close
        yield* settle
        assert.deepStrictEqual(seen, [
          "accepted 10.0.0.1:32768 Connected",
          "message 1",
          "message 2",
          "Disconnected",
          "end"
        ])
      })
    ))

  it.effect("may end the connection; one that ends itself does not", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { listener } = yield* listening(bed, {
          onConnection: (connection) =>
            connection.endPoint.startsWith("10.0.0.1:") ? connection.disconnect : Effect.void
        })
        const cut = yield* bed.dial("10.0.0.1", server)
        const kept = yield* bed.dial("10.0.0.2", server)
        yield* settle
        assert.strictEqual(yield* cut.status, "Closed")
        assert.strictEqual(yield* kept.status, "open")
        assert.strictEqual((yield* listener.connections).length, 1)
      })
    ))

  for (
    const [name, program] of [
      ["fails", () => Effect.fail("broken")],
      ["dies", () => Effect.die(new Error("broken"))],
      ["throws", () => {
        throw new Error("broken")
      }]
    ] as const
  ) {
    it.effect(`that ${name} is logged, and its connection goes on`, () =>
      withBed((bed) =>
        Effect.gen(function*() {
          yield* listening(bed, { onConnection: program })
          const peer = yield* bed.dial("10.0.0.1", server)
          yield* peer.send(ping)
          yield* settle
          assert.strictEqual(yield* peer.rest, pong)
          const line = bed.logs.find((line) => line.startsWith("Error The program of a connection failed"))
          assert.include(line, "broken")
          assert.include(line, "endPoint=10.0.0.1:")
        })
      ))
  }

  it.effect("may finish when the connection has ended, for as long as draining takes", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const seen: Array<string> = []
        const { listener } = yield* listening(bed, {
          drainTimeout: "2 seconds",
          onConnection: (connection) =>
            connection.handle((message) =>
              Effect.sleep("1500 millis").pipe(
                Effect.andThen(Effect.sync(() => void seen.push(`handled ${message.messageId}`))),
                Effect.onInterrupt(() => Effect.sync(() => void seen.push(`interrupted ${message.messageId}`)))
              )
            )
        })
        const before = bed.fibers()
        const peer = yield* bed.dial("10.0.0.1", server)
        yield* peer.send(message(5, 1), message(5, 2))
        yield* settle
        yield* bed.network.cut("10.0.0.1")
        yield* settle
        assert.deepStrictEqual(yield* listener.connections, [])
        yield* pass("1999 millis")
        assert.deepStrictEqual(seen, ["handled 1"])
        yield* pass("1 millis")
        assert.deepStrictEqual(seen, ["handled 1", "interrupted 2"])
        assert.strictEqual(bed.fibers(), before)
      })
    ))

  it.effect("with no time to drain is interrupted at once", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        let interrupted = 0
        yield* listening(bed, {
          drainTimeout: 0,
          onConnection: () => Effect.onInterrupt(Effect.never, () => Effect.sync(() => void interrupted++))
        })
        const peer = yield* bed.dial("10.0.0.1", server)
        yield* settle
        yield* peer.close
        yield* settle
        assert.strictEqual(interrupted, 1)
      })
    ))

  it.effect("has what the listener was bound with", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        class Name extends Context.Service<Name, string>()("test/Name") {}
        const done = yield* Deferred.make<string>()
        const host = yield* bed.host("10.0.0.9")
        yield* host.manager.bind(server, {
          onConnection: () => Effect.flatMap(Name, (name) => Deferred.succeed(done, name))
        }).pipe(Effect.provideService(Name, "hub"))
        yield* bed.dial("10.0.0.1", server)
        assert.strictEqual(yield* Deferred.await(done), "hub")
      })
    ))
})

describe("connections", () => {
  it.effect("are those of the listener, and of the manager, while they are open", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { host, listener } = yield* listening(bed, {})
        const other = yield* host.manager.bind("10.0.0.9:2")
        yield* bed.listen("10.0.0.5:99", () => {})
        yield* host.manager.connect("10.0.0.5:99")
        const a = yield* bed.dial("10.0.0.1", server)
        yield* bed.dial("10.0.0.2", server)
        yield* bed.dial("10.0.0.3", "10.0.0.9:2")
        yield* settle
        const names = (connections: ReadonlyArray<Connection.Connection>) =>
          connections.map(({ endPoint, side }) => `${side} ${endPoint.split(":")[0]}`)
        assert.deepStrictEqual(names(yield* listener.connections), ["accepted 10.0.0.1", "accepted 10.0.0.2"])
        assert.deepStrictEqual(names(yield* other.connections), ["accepted 10.0.0.3"])
        assert.deepStrictEqual(names(yield* host.manager.connections), [
          "dialled 10.0.0.5",
          "accepted 10.0.0.1",
          "accepted 10.0.0.2",
          "accepted 10.0.0.3"
        ])
        yield* a.close
        yield* settle
        assert.deepStrictEqual(names(yield* listener.connections), ["accepted 10.0.0.2"])
        assert.strictEqual((yield* host.manager.connections).length, 3)
        const ids = (yield* host.manager.connections).map(({ id }) => id)
        assert.strictEqual(new Set(ids).size, 3)
      })
    ))
})

describe("heartbeat of the accepting side", () => {
  it.effect("answers pings byte by byte, and gives the peer up 150 s after it came", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { listener } = yield* listening(bed, {})
        const silent = yield* bed.dial("10.0.0.1", server)
        const pinging = yield* bed.dial("10.0.0.2", server)
        yield* settle
        const [silentHandle] = yield* listener.connections
        yield* pass("149999 millis")
        yield* pinging.send(ping, ping)
        yield* pinging.expect(pong + pong)
        // Messages are no pings.
        yield* silent.send(message(5, 1))
        yield* settle
        assert.strictEqual(yield* silent.status, "open")
        yield* pass("1 millis")
        assert.strictEqual(yield* silent.status, "Closed")
        const state = yield* silentHandle!.state
        assert.strictEqual(
          state._tag === "Closed" ? state.reason.message : state._tag,
          "the peer sent no ping for 2m 30s"
        )
        assert.strictEqual(yield* pinging.status, "open")
        yield* pass("119998 millis")
        assert.strictEqual(yield* pinging.status, "open")
        yield* pass("1 millis")
        assert.strictEqual(yield* pinging.status, "Closed")
        assert.strictEqual(yield* pinging.rest, "")
      })
    ))

  it.effect("never pings by itself", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        yield* listening(bed, { firstPingTimeout: "1 day" })
        const peer = yield* bed.dial("10.0.0.1", server)
        yield* pass("23 hours")
        assert.strictEqual(yield* peer.rest, "")
        assert.strictEqual(yield* peer.status, "open")
      })
    ))

  it.effect("may give up who says nothing: pings are no message", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        yield* listening(bed, { firstMessageTimeout: "10 seconds" })
        const silent = yield* bed.dial("10.0.0.1", server)
        const talking = yield* bed.dial("10.0.0.2", server)
        yield* pass("9 seconds")
        yield* silent.send(ping)
        yield* talking.send(message(5, 1))
        yield* pass("1 second")
        assert.strictEqual(yield* silent.status, "Closed")
        assert.strictEqual(yield* talking.status, "open")
        yield* pass("100 seconds")
        assert.strictEqual(yield* talking.status, "open")
      })
    ))

  it.effect("answers a ping before all that waits in full lanes", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { listener } = yield* listening(bed, { normalLaneMessages: 20, highLaneMessages: 5, writeBytes: 9000 })
        // Not started: it does not read, and the window of 1000 bytes is soon full.
        const transport = yield* bed.network.transportFrom("10.0.0.1")
        const link = yield* transport.connect(listener.address)
        yield* settle
        const [connection] = yield* listener.connections
        const body = new Uint8Array(2000)
        const fill = (priority: Message.Priority) => {
          while (
            connection!.sendUnsafe(Message.make({ serviceId: 5, messageId: 1, body }), { priority }) === undefined
          );
        }
        fill("normal")
        fill("high")
        yield* settle
        yield* Effect.orDie(send(link, Native.fromHex(ping)))
        yield* pass("5 millis")
        const heard: Array<number> = []
        const memory = new Uint8Array(4096)
        link.start({
          buffer: () => memory,
          onRead: (count) => {
            heard.push(...memory.subarray(0, count))
            return true
          },
          onEnd: () => {}
        })
        yield* until("all has come", () => heard.length >= 25 * 2007)
        const { received } = Native.receive(Uint8Array.from(heard), Native.whole)
        const at = received.indexOf("pong")
        // What the write that was under way had taken comes first, and nothing else.
        assert.isAtLeast(at, 0)
        assert.isAtMost(at, 6)
        assert.strictEqual(received.length, 26)
        link.close()
      }), { window: 1000 }))
})
