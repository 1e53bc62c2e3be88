import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { TestClock } from "effect/testing"
import type * as Envelope from "../../src/domain/Envelope.ts"
import * as Runner from "../../src/internal/runner.ts"
import * as Watch from "../../src/internal/watch.ts"
import * as NetworkConfig from "../../src/services/NetworkConfig.ts"

/** A watch that writes down what it does, with the second in which it does it. */
const make = (side: "dialled" | "accepted", options: NetworkConfig.Options & { readonly heartbeat?: boolean } = {}) =>
  Effect.map(Runner.make, (runner) => {
    const { heartbeat, ...settings } = options
    const events: Array<string> = []
    const paused = { at: -Infinity, now: false }
    const moving: { unfinished: Envelope.Unfinished | undefined; write: unknown } = {
      unfinished: undefined,
      write: undefined
    }
    const note = (what: string) => void events.push(`${runner.now() / 1000} ${what}`)
    const watch: Watch.Watch = new Watch.Watch(runner, {
      settings: Result.getOrThrow(NetworkConfig.override(NetworkConfig.defaults, settings)),
      side,
      heartbeat: heartbeat ?? true,
      sendPing: () => note("ping"),
      pausedAt: () => paused.now ? runner.now() : paused.at,
      get unfinished() {
        return moving.unfinished
      },
      get write() {
        return moving.write
      },
      onLook: () => {},
      end: (reason) => {
        watch.stop()
        note(reason.message)
      },
      onLoginTimedOut: () => {
        watch.stop()
        note("the login timed out")
      }
    })
    return { watch, events, paused, moving }
  })

describe("the accepting side", () => {
  it.effect("waits 150 s for the first ping", () =>
    Effect.gen(function*() {
      const { events, watch } = yield* make("accepted")
      watch.start(false)
      yield* TestClock.adjust("149999 millis")
      assert.deepStrictEqual(events, [])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(events, ["150 the peer sent no ping for 2m 30s"])
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(events.length, 1)
    }))

  it.effect("and 120 s for each that follows, counted from the last one", () =>
    Effect.gen(function*() {
      const { events, watch } = yield* make("accepted")
      watch.start(false)
      yield* TestClock.adjust("149 seconds")
      watch.onPing()
      yield* TestClock.adjust("119 seconds")
      watch.onPing()
      watch.onPing()
      yield* TestClock.adjust("119999 millis")
      assert.deepStrictEqual(events, [])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(events, ["388 the peer sent no ping for 2m"])
    }))

  it.effect("a ping right at the start shortens the wait", () =>
    Effect.gen(function*() {
      const { events, watch } = yield* make("accepted")
      watch.start(false)
      watch.onPing()
      yield* TestClock.adjust("120 seconds")
      assert.deepStrictEqual(events, ["120 the peer sent no ping for 2m"])
    }))

  it.effect("may demand a first message; pings are none", () =>
    Effect.gen(function*() {
      const silent = yield* make("accepted", { firstMessageTimeout: "10 seconds" })
      silent.watch.start(false)
      const talking = yield* make("accepted", { firstMessageTimeout: "10 seconds" })
      talking.watch.start(false)
      yield* TestClock.adjust("9 seconds")
      silent.watch.onPing()
      talking.watch.onMessage()
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(silent.events, ["10 the peer sent no first message for 10s"])
      assert.deepStrictEqual(talking.events, [])
    }))

  it.effect("demands a login in time where there is one, and nothing more once it has passed", () =>
    Effect.gen(function*() {
      const silent = yield* make("accepted")
      silent.watch.start(true)
      const good = yield* make("accepted")
      good.watch.start(true)
      yield* TestClock.adjust("3999 millis")
      good.watch.onLogin()
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(silent.events, ["4 the login timed out"])
      assert.deepStrictEqual(good.events, [])
    }))

  it.effect("does not blame a peer that was not read from", () =>
    Effect.gen(function*() {
      const { events, paused, watch } = yield* make("accepted")
      watch.start(false)
      yield* TestClock.adjust("100 seconds")
      paused.now = true
      yield* TestClock.adjust("100 seconds")
      assert.deepStrictEqual(events, [])
      paused.now = false
      paused.at = 200_000
      yield* TestClock.adjust("100 seconds")
      assert.deepStrictEqual(events, [])
      // Its time began anew when reading went on.
      yield* TestClock.adjust("50 seconds")
      assert.deepStrictEqual(events, ["350 the peer sent no ping for 2m 30s"])
    }))

  it.effect("watches nothing of an envelope without pings", () =>
    Effect.gen(function*() {
      const { events, watch } = yield* make("accepted", { heartbeat: false })
      watch.start(false)
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(events, [])
    }))

  it.effect("an infinite time is never over", () =>
    Effect.gen(function*() {
      const { events, watch } = yield* make("accepted", { firstPingTimeout: "Infinity", nextPingTimeout: "Infinity" })
      watch.start(false)
      watch.onPing()
      yield* TestClock.adjust("30 days")
      assert.deepStrictEqual(events, [])
    }))
})

describe("what has begun", () => {
  const done = { unfinished: undefined, write: undefined }

  it.effect("has to be complete in its time, from when it was seen; each thing has its own", () =>
    Effect.gen(function*() {
      const { events, moving, watch } = yield* make("accepted", { firstPingTimeout: "Infinity" })
      watch.start(false)
      moving.unfinished = { what: 1, bytes: 10 }
      yield* TestClock.adjust("89 seconds")
      moving.unfinished = { what: 2, bytes: 10 }
      yield* TestClock.adjust("31 seconds")
      moving.unfinished = undefined
      yield* TestClock.adjust("60 seconds")
      moving.unfinished = { what: 3, bytes: 10 }
      yield* TestClock.adjust("89999 millis")
      assert.deepStrictEqual(events, [])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(events, ["270 the peer was not done with sending a message after 1m"])
    }))

  it.effect("may take for ever where the times are infinite, and on the side that dials", () =>
    Effect.gen(function*() {
      const times = { firstPingTimeout: "Infinity", messageTimeout: "Infinity", sendTimeout: "Infinity" } as const
      const accepted = yield* make("accepted", times)
      const dialled = yield* make("dialled", { heartbeat: false })
      for (const { moving, watch } of [accepted, dialled]) {
        Object.assign(moving, { unfinished: { what: 1, bytes: 10 }, write: 1 })
        watch.start(false)
      }
      yield* TestClock.adjust("1 day")
      assert.deepStrictEqual([...accepted.events, ...dialled.events], [])
    }))

  it.effect("gets time for what was not read, and a write gets none for what the peer did not read", () =>
    Effect.gen(function*() {
      const { events, moving, paused, watch } = yield* make("accepted", { firstPingTimeout: "Infinity" })
      watch.start(false)
      moving.unfinished = { what: 1, bytes: 10 }
      paused.now = true
      yield* TestClock.adjust("10 minutes")
      assert.deepStrictEqual(events, [])
      Object.assign(moving, done, { write: 1 })
      yield* TestClock.adjust("150 seconds")
      assert.deepStrictEqual(events, ["750 the peer was not done with taking a write after 2m"])
    }))
})

describe("the end of a session", () => {
  it.effect("stops everything, also what is due at the same time", () =>
    Effect.gen(function*() {
      // The second ping and the missing answer to the first one are due at once.
      const { events, watch } = yield* make("dialled", { pingInterval: "10 seconds", pongTimeout: "10 seconds" })
      watch.start(false)
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(events, ["10 ping"])
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(events, ["10 ping", "20 the peer sent no pong for 10s"])
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(events.length, 2)
    }))

  it.effect("one reason is given when several deadlines pass at once", () =>
    Effect.gen(function*() {
      const { events, watch } = yield* make("accepted", {
        firstMessageTimeout: "4 seconds",
        firstPingTimeout: "4 seconds"
      })
      watch.start(true)
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual(events.length, 1)
    }))

  it.effect("before a deadline leaves no timer", () =>
    Effect.gen(function*() {
      const { events, watch } = yield* make("accepted")
      watch.start(true)
      yield* TestClock.adjust("1 second")
      watch.stop()
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(events, [])
    }))
})
