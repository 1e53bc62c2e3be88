import { assert, describe, it } from "@effect/vitest"
import { type Duration, Effect, Fiber, Random, Schedule } from "effect"
import type * as DisconnectReason from "../../src/services/DisconnectReason.ts"
import {
  dial,
  dialName,
  numbered,
  recordAttempts,
  recordEvents,
  recordStates,
  serve,
  serveEach,
  showReason,
  stateOf
} from "../utils/dialling.ts"
import { encode } from "../utils/native.ts"
import { pass, settle, withBed } from "../utils/network.ts"

const seconds = (times: ReadonlyArray<number>) => times.map((time) => time / 1000)

const toReason = Schedule.setInputType<DisconnectReason.DisconnectReason>()

describe("ReconnectPolicy", () => {
  it.effect("grow with the failures in a row, to the second", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const connection = yield* dial(bed)
        const attempts = yield* recordAttempts(connection)
        yield* pass("250 seconds")
        // 0, 4, 13, 32 and then 44 seconds after the one before.
        assert.deepStrictEqual(seconds(attempts), [0, 0, 4, 17, 49, 93, 137, 181, 225])
      })
    ))

  it.effect("are 45 seconds after a failed look-up, and the name is looked up each time", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const connection = yield* dialName(bed)
        const attempts = yield* recordAttempts(connection)
        yield* pass("100 seconds")
        assert.deepStrictEqual(seconds(attempts), [45, 90])
        assert.strictEqual(yield* bed.network.lookups("hub.example"), 3)
        assert.strictEqual(yield* stateOf(connection), "waiting after 3 until 135000: NameNotFound")
        yield* serve(bed)
        yield* bed.network.setHost("hub.example", ["10.0.0.9"])
        yield* pass("35 seconds")
        assert.strictEqual(yield* stateOf(connection), "connected to 10.0.0.9:1235")
        assert.strictEqual(yield* bed.network.lookups("hub.example"), 4)
      })
    ))

  it.effect("are 15 seconds after a peer that speaks another protocol", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        yield* serveEach(bed, (peer) => peer.send("48 54 54 50"))
        const connection = yield* dial(bed)
        const attempts = yield* recordAttempts(connection)
        const events = yield* recordEvents(connection)
        yield* pass("50 seconds")
        assert.deepStrictEqual(seconds(attempts), [0, 15, 30, 45])
        assert.deepStrictEqual(events.slice(0, 3), [
          "0 10.0.0.9:1235 connected to 10.0.0.9:1235",
          "0 10.0.0.9:1235 disconnected: WrongProtocol",
          "15000 10.0.0.9:1235 connected to 10.0.0.9:1235"
        ])
      })
    ))

  it.effect.each(["at once", "after a word"])(
    "grow as well when the peer accepts and hangs up %s",
    (when) =>
      withBed((bed) =>
        Effect.gen(function*() {
          const { count } = yield* serveEach(
            bed,
            (peer) => Effect.andThen(when === "at once" ? Effect.void : peer.send(encode(numbered(1))), peer.close)
          )
          const connection = yield* dial(bed)
          const attempts = yield* recordAttempts(connection)
          yield* pass("140 seconds")
          assert.deepStrictEqual(seconds(attempts), [0, 0, 4, 17, 49, 93, 137])
          assert.strictEqual(count(), 7)
        })
      )
  )

  it.effect("start over after a session of ten seconds, and not after a shorter one", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        let lasts: Duration.Input = "9 seconds"
        yield* serveEach(bed, (peer) => Effect.andThen(Effect.sleep(lasts), peer.close))
        yield* bed.network.refuse("10.0.0.9")
        const connection = yield* dial(bed)
        const states = yield* recordStates(connection)
        yield* pass("10 seconds")
        yield* bed.network.heal()
        yield* pass("20 seconds")
        lasts = "10 seconds"
        yield* pass("50 seconds")
        assert.deepStrictEqual(states, [
          "0 connecting 1",
          "0 waiting after 1 until 0: Refused",
          "0 connecting 2",
          "0 waiting after 2 until 4000: Refused",
          "4000 connecting 3",
          "4000 waiting after 3 until 17000: Refused",
          "17000 connecting 4",
          "17000 connected to 10.0.0.9:1235",
          "26000 waiting after 4 until 58000: Closed",
          "58000 connecting 5",
          "58000 connected to 10.0.0.9:1235",
          "68000 waiting after 1 until 68000: Closed",
          "68000 connecting 1",
          "68000 connected to 10.0.0.9:1235",
          "78000 waiting after 1 until 78000: Closed",
          "78000 connecting 1",
          "78000 connected to 10.0.0.9:1235"
        ])
      })
    ))

  const jitteredDelays = (seed: string) =>
    Random.withSeed(
      withBed((bed) =>
        Effect.gen(function*() {
          const connection = yield* dial(bed, { reconnect: undefined })
          const attempts = yield* recordAttempts(connection)
          yield* pass("1 hour")
          return attempts.slice(1).map((time, i) => Math.round(time - attempts[i]!))
        })
      ),
      seed
    )

  it.effect("are spread over 80 to 100 percent by default, as a seed repeats", () =>
    Effect.gen(function*() {
      const delays = yield* jitteredDelays("one")
      assert.strictEqual(delays[0], 0)
      const expected = [4, 13, 32]
      delays.slice(1).forEach((delay, i) => {
        const spread = delay / ((expected[i] ?? 44) * 1000)
        assert.isTrue(spread >= 0.8 && spread <= 1, `delay ${i + 1} is ${delay} ms`)
      })
      const late = delays.slice(4)
      assert.isTrue(late.length > 60)
      assert.isTrue(Math.max(...late) > 44_000 * 0.98 && Math.min(...late) < 44_000 * 0.82, "hardly any jitter")
      assert.deepStrictEqual(yield* jitteredDelays("one"), delays)
      assert.notDeepEqual(yield* jitteredDelays("two"), delays)
    }))

  it.effect("are what a schedule says that knows the reason", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const reasons: Array<string> = []
        const reconnect = Schedule.spaced("7 seconds").pipe(
          toReason,
          Schedule.tap(({ input }) => Effect.sync(() => reasons.push(showReason(input))))
        )
        const connection = yield* dial(bed, { reconnect })
        const attempts = yield* recordAttempts(connection)
        yield* bed.network.refuse("10.0.0.9", "Unreachable")
        yield* pass("6 seconds")
        yield* bed.network.heal()
        yield* pass("10 seconds")
        assert.deepStrictEqual(seconds(attempts), [0, 7, 14])
        assert.deepStrictEqual(reasons, ["Unreachable", "Refused", "Refused"])
      })
    ))

  it.effect("end with the schedule, and so does the connection, with the last reason", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const reconnect = Schedule.recurs(2).pipe(Schedule.addDelay(() => Effect.succeed("1 second")), toReason)
        const connection = yield* dial(bed, { reconnect })
        const states = yield* recordStates(connection)
        const events = yield* recordEvents(connection)
        const connected = yield* Effect.forkChild(Effect.flip(connection.connected))
        yield* connection.send(numbered(1))
        yield* pass("1 minute")
        assert.deepStrictEqual(states, [
          "0 connecting 1",
          "0 waiting after 1 until 1000: Refused",
          "1000 connecting 2",
          "1000 waiting after 2 until 2000: Refused",
          "2000 connecting 3",
          "2000 closed: Refused",
          "end"
        ])
        assert.deepStrictEqual(events, [
          "0 10.0.0.9:1235 failed until 1000: Refused",
          "1000 10.0.0.9:1235 failed until 2000: Refused",
          "2000 10.0.0.9:1235 failed until undefined: Refused",
          "end"
        ])
        assert.strictEqual((yield* Fiber.join(connected)).message, (yield* Effect.flip(connection.connected)).message)
        const error = yield* Effect.flip(connection.send(numbered(2)))
        assert.strictEqual(error.message, "the connection is closed: 10.0.0.9:1235: connection refused")
        assert.deepStrictEqual(yield* recordStates(connection), ["60000 closed: Refused", "end"])
      })
    ))

  it.effect("of a schedule that dies: the connection is closed, and it is logged", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const reconnect = Schedule.forever.pipe(
          toReason,
          Schedule.modifyDelay(() => Effect.die(new Error("no idea when")))
        )
        const connection = yield* dial(bed, { reconnect })
        yield* settle
        assert.strictEqual(yield* stateOf(connection), "closed: Other")
        assert.strictEqual(bed.logs.filter((line) => line.includes("no idea when")).length, 1)
      })
    ))
})
