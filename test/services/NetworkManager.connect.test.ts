import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Redacted, Scope } from "effect"
import type * as CookieFile from "../../src/services/CookieFile.ts"
import { clientHost, dial, dialName, recordEvents, recordStates, serve, server, stateOf } from "../utils/dialling.ts"
import { address, pass, settle, withBed } from "../utils/network.ts"

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
