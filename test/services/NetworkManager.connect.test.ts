import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Exit, Fiber, Redacted, Schedule, Scope, Stream } from "effect"
import * as Message from "../../src/domain/Message.ts"
import type * as ConnectionState from "../../src/services/ConnectionState.ts"
import type * as CookieFile from "../../src/services/CookieFile.ts"
import type * as DisconnectReason from "../../src/services/DisconnectReason.ts"
import type * as Transport from "../../src/services/Transport.ts"
import {
  clientHost,
  dial,
  dialName,
  numbered,
  receivedIds,
  recordEvents,
  recordStates,
  serve,
  server,
  stateOf
} from "../utils/dialling.ts"
import { address, type Bed, pass, settle, withBed } from "../utils/network.ts"

describe("NetworkManager.connect", () => {
  describe("states and events", () => {
    it.effect("are told in order, with end point, address and reason", () =>
      withBed((bed) =>
        Effect.gen(function*() {
          const scope = yield* Scope.make()
          yield* bed.network.refuse("10.0.0.9")
          const connection = yield* Scope.provide(dial(bed), scope)
          const states = yield* recordStates(connection)
          const events = yield* recordEvents(connection)
          const { accept } = yield* serve(bed)
          yield* pass("1 second")
          yield* bed.network.heal()
          yield* pass("3 seconds")
          const peer = yield* accept
          yield* pass("20 seconds")
          yield* peer.close
          yield* pass("1 second")
          yield* accept
          yield* Scope.close(scope, Exit.void)
          yield* settle
          assert.deepStrictEqual(states, [
            "0 connecting 1",
            "0 waiting after 1 until 0: Refused",
            "0 connecting 2",
            "0 waiting after 2 until 4000: Refused",
            "4000 connecting 3",
            "4000 connected to 10.0.0.9:1235",
            "24000 waiting after 1 until 24000: Closed",
            "24000 connecting 1",
            "24000 connected to 10.0.0.9:1235",
            "25000 closed: ClosedHere",
            "end"
          ])
          assert.deepStrictEqual(events, [
            "0 10.0.0.9:1235 failed until 0: Refused",
            "0 10.0.0.9:1235 failed until 4000: Refused",
            "4000 10.0.0.9:1235 connected to 10.0.0.9:1235",
            "24000 10.0.0.9:1235 disconnected: Closed",
            "24000 10.0.0.9:1235 connected to 10.0.0.9:1235",
            "25000 10.0.0.9:1235 disconnected: ClosedHere",
            "end"
          ])
        })
      ))

    it.effect("name the end point that was asked for, and the address that answered", () =>
      withBed((bed) =>
        Effect.gen(function*() {
          yield* bed.network.setHost("hub.example", ["10.0.0.9"], { delay: "1 second" })
          const { accept } = yield* serve(bed)
          const connection = yield* dialName(bed)
          const events = yield* recordEvents(connection)
          yield* pass("1 second")
          yield* (yield* accept).close
          yield* settle
          assert.strictEqual(connection.endPoint, "hub.example:1235")
          assert.deepStrictEqual(events, [
            "1000 hub.example:1235 connected to 10.0.0.9:1235",
            "1000 hub.example:1235 disconnected: Closed"
          ])
        })
      ))

    it.effect("tell of a link that was cut, and of a disconnect that this side asked for", () =>
      withBed((bed) =>
        Effect.gen(function*() {
          yield* serve(bed)
          const connection = yield* dial(bed)
          const events = yield* recordEvents(connection)
          yield* pass("10 seconds")
          yield* bed.network.cut(server)
          yield* pass("10 seconds")
          yield* connection.disconnect
          yield* settle
          assert.deepStrictEqual(events, [
            "0 10.0.0.9:1235 connected to 10.0.0.9:1235",
            "10000 10.0.0.9:1235 disconnected: Reset",
            "10000 10.0.0.9:1235 connected to 10.0.0.9:1235",
            "20000 10.0.0.9:1235 disconnected: ClosedHere",
            "20000 10.0.0.9:1235 connected to 10.0.0.9:1235"
          ])
        })
      ))

    it.effect("of the last 256 are kept for a reader that lags", () =>
      withBed((bed) =>
        Effect.gen(function*() {
          const reconnect = Schedule.setInputType<DisconnectReason.DisconnectReason>()(Schedule.spaced("1 second"))
          const connection = yield* dial(bed, { reconnect })
          const seen: Array<number> = []
          const isReady = yield* Deferred.make<void>()
          yield* Effect.forkChild(Stream.runForEach(connection.events, (event) =>
            Effect.andThen(
              Deferred.await(isReady),
              Effect.sync(() => seen.push(event._tag === "Failed" ? event.retryAt! / 1000 : 0))
            )))
          yield* pass("500 seconds")
          yield* Deferred.succeed(isReady, undefined)
          yield* settle
          assert.deepStrictEqual(seen.slice(-256), Array.from({ length: 256 }, (_, i) => 246 + i))
          assert.isTrue(seen.length < 260)
        })
      ))

    it.effect("`connected` waits for the connection, through failures, and can be given up", () =>
      withBed((bed) =>
        Effect.gen(function*() {
          const connection = yield* dial(bed)
          const waiting = yield* Effect.forkChild(connection.connected)
          const given = yield* Effect.forkChild(connection.connected)
          yield* pass("1 second")
          assert.isUndefined(waiting.pollUnsafe())
          yield* Fiber.interrupt(given)
          yield* serve(bed)
          yield* pass("3 seconds")
          yield* Fiber.join(waiting)
          yield* connection.connected
        })
      ))
  })

  describe("a part that dies", () => {
    /** The transport of the client, with a link that is changed. */
    const changed = (bed: Bed, change: (link: Transport.Link) => Transport.Link) =>
      Effect.map(
        bed.network.transportFrom(clientHost),
        (transport): Transport.Transport["Service"] => ({
          ...transport,
          connect: (to) => Effect.map(transport.connect(to), change)
        })
      )

    it.effect("costs the attempt: a transport", () =>
      withBed((bed) =>
        Effect.gen(function*() {
          const transport = yield* changed(bed, () => {
            throw new Error("no link today")
          })
          yield* serve(bed)
          const connection = yield* dial(bed, { transport })
          const states = yield* recordStates(connection)
          yield* pass("3 seconds")
          assert.strictEqual(states.at(-1), "0 waiting after 2 until 4000: Other")
          const { reason } = (yield* connection.state) as Extract<ConnectionState.ConnectionState, { _tag: "Waiting" }>
          assert.include(reason.message, "no link today")
        })
      ))

    it.effect("costs the socket: a link that throws when it is written to, with what had left and what had not", () =>
      withBed((bed) =>
        Effect.gen(function*() {
          let isBroken = false
          const transport = yield* changed(bed, (link) =>
            new Proxy(link, {
              get: (target, name) => {
                if (name === "write" && isBroken) {
                  return () => {
                    throw new Error("no write today")
                  }
                }
                const value = Reflect.get(target, name)
                return typeof value === "function" ? value.bind(target) : value
              }
            }))
          const { accept } = yield* serve(bed)
          const connection = yield* dial(bed, { transport })
          const events = yield* recordEvents(connection)
          const first = yield* accept
          const request = yield* Effect.forkChild(Effect.flip(connection.request(numbered(1))))
          yield* settle
          isBroken = true
          yield* connection.send(numbered(2))
          yield* settle
          isBroken = false
          yield* pass("4 seconds")
          assert.strictEqual(events.filter((event) => event.endsWith("disconnected: Other")).length, 2)
          assert.strictEqual((yield* Fiber.join(request)).reason._tag, "RequestInterrupted")
          assert.isTrue(bed.logs.some((line) => line.startsWith("Error Writing to a connection died")))
          assert.deepStrictEqual(yield* receivedIds(first), [1])
          yield* accept
          assert.deepStrictEqual(yield* receivedIds(yield* accept), [2])
        })
      ))
  })

  describe("addresses", () => {
    it.effect("are all tried, in their order, in one attempt", () =>
      withBed((bed) =>
        Effect.gen(function*() {
          yield* bed.network.setHost("hub.example", ["10.0.0.1", "10.0.0.2", "10.0.0.9"])
          yield* bed.network.refuse("10.0.0.2", "Unreachable")
          yield* serve(bed)
          const connection = yield* dialName(bed)
          const states = yield* recordStates(connection)
          yield* settle
          assert.deepStrictEqual(states, ["0 connecting 1", "0 connected to 10.0.0.9:1235"])
        })
      ))

    it.effect("are the ones that the name has at that time", () =>
      withBed((bed) =>
        Effect.gen(function*() {
          yield* bed.network.setHost("hub.example", ["10.0.0.1"])
          const first = yield* serve(bed, "10.0.0.1:1235")
          yield* serve(bed, "10.0.0.2:1235")
          const connection = yield* dialName(bed)
          yield* pass("20 seconds")
          yield* bed.network.setHost("hub.example", ["10.0.0.2"])
          yield* (yield* first.accept).close
          yield* settle
          assert.strictEqual(yield* stateOf(connection), "connected to 10.0.0.2:1235")
          assert.strictEqual(first.count(), 1)
        })
      ))

    it.effect("that do not answer leave time for the others", () =>
      withBed((bed) =>
        Effect.gen(function*() {
          yield* bed.network.setHost("hub.example", ["10.0.0.1", "10.0.0.2", "10.0.0.9"])
          yield* bed.network.hang("10.0.0.1")
          yield* bed.network.hang("10.0.0.2")
          yield* serve(bed)
          const connection = yield* dialName(bed)
          const states = yield* recordStates(connection)
          yield* pass("20 seconds")
          assert.strictEqual(states.length, 2)
          assert.match(states[1]!, /^13333\S* connected to/)
          assert.strictEqual(yield* stateOf(connection), "connected to 10.0.0.9:1235")
        })
      ))

    it.effect("that are banned are not dialled", () =>
      withBed((bed) =>
        Effect.gen(function*() {
          yield* bed.network.setHost("hub.example", ["10.0.0.1", "10.0.0.9"])
          const banned = yield* serve(bed, "10.0.0.1:1235")
          yield* serve(bed)
          const { banList, manager } = yield* bed.host(clientHost)
          yield* Effect.orDie(banList.ban(address("10.0.0.1:0")))
          const connection = yield* Effect.orDie(manager.connect("hub.example:1235"))
          yield* settle
          assert.strictEqual(yield* stateOf(connection), "connected to 10.0.0.9:1235")
          yield* Effect.orDie(banList.ban(address("10.0.0.9:0")))
          yield* settle
          assert.match(yield* stateOf(connection), /waiting after \d until [\d.]+: PeerBanned/)
          assert.strictEqual(banned.count(), 0)
        })
      ))

    it.effect("none at all is a failed look-up", () =>
      withBed((bed) =>
        Effect.gen(function*() {
          yield* bed.network.setHost("hub.example", [])
          const connection = yield* dialName(bed)
          yield* settle
          assert.strictEqual(yield* stateOf(connection), "waiting after 1 until 45000: NameNotFound")
        })
      ))
  })

  it.effect("reaches Unix sockets, without a look-up", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { manager } = yield* bed.host(clientHost)
        yield* Effect.orDie(manager.bind("unix:/run/hub.sock", {
          onConnection: (connection) => connection.handle((message) => connection.send(Message.reply(message)))
        }))
        const connection = yield* Effect.orDie(manager.connect({ path: "/run/hub.sock" }))
        assert.strictEqual(connection.endPoint, "unix:/run/hub.sock")
        assert.strictEqual((yield* connection.request(numbered(1))).messageId, 2)
        const events = yield* recordEvents(connection)
        yield* connection.disconnect
        yield* settle
        assert.deepStrictEqual(events, [
          "0 unix:/run/hub.sock disconnected: ClosedHere",
          "0 unix:/run/hub.sock connected to /run/hub.sock"
        ])
      })
    ))

  describe("the deadline of an attempt", () => {
    it.effect("covers a look-up that does not end", () =>
      withBed((bed) =>
        Effect.gen(function*() {
          yield* bed.network.setHost("hub.example", ["10.0.0.9"], { delay: Duration.infinity })
          const connection = yield* dialName(bed)
          const states = yield* recordStates(connection)
          yield* pass("25 seconds")
          assert.deepStrictEqual(states, [
            "0 connecting 1",
            "20000 waiting after 1 until 20000: ConnectTimedOut",
            "20000 connecting 2"
          ])
        })
      ))

    it.effect("covers a dial without an answer, and what was spent on the look-up", () =>
      withBed((bed) =>
        Effect.gen(function*() {
          yield* bed.network.setHost("hub.example", ["10.0.0.9"], { delay: "15 seconds" })
          yield* bed.network.hang("10.0.0.9")
          const connection = yield* dialName(bed)
          const states = yield* recordStates(connection)
          yield* pass("25 seconds")
          assert.deepStrictEqual(states, [
            "0 connecting 1",
            "20000 waiting after 1 until 20000: ConnectTimedOut",
            "20000 connecting 2"
          ])
        })
      ))

    it.effect("covers a cookie that cannot be read, and what was spent on it", () =>
      withBed((bed) =>
        Effect.gen(function*() {
          let delay: Duration.Input = Duration.infinity
          const login: CookieFile.CookieFile["Service"] = {
            read: Effect.suspend(() => Effect.delay(Effect.succeedSome(Redacted.make("secret")), delay)),
            obtain: Effect.die("not a server")
          }
          yield* bed.network.hang("10.0.0.9")
          const connection = yield* dial(bed, { login, connectTimeout: "8 seconds" })
          const states = yield* recordStates(connection)
          yield* pass("8 seconds")
          delay = "5 seconds"
          yield* pass("20 seconds")
          assert.deepStrictEqual(states, [
            "0 connecting 1",
            "8000 waiting after 1 until 8000: ConnectTimedOut",
            "8000 connecting 2",
            "16000 waiting after 2 until 20000: ConnectTimedOut",
            "20000 connecting 3",
            "28000 waiting after 3 until 41000: ConnectTimedOut"
          ])
        })
      ))

    it.effect("leaves nothing behind: a dial that is answered too late is given up", () =>
      withBed((bed) =>
        Effect.gen(function*() {
          const { count } = yield* serve(bed)
          yield* bed.network.setConditions({ delay: "12 seconds" })
          const connection = yield* dial(bed)
          yield* pass("23 seconds")
          yield* bed.network.setConditions({ delay: 0 })
          yield* pass("30 seconds")
          assert.strictEqual(yield* stateOf(connection), "connected to 10.0.0.9:1235")
          assert.strictEqual((yield* bed.network.links).length, 1)
          assert.isTrue(count() > 1)
        })
      ))
  })
})
