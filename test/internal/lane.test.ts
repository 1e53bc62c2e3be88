import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import * as Lane from "../../src/internal/lane.ts"
import * as DisconnectReason from "../../src/services/DisconnectReason.ts"
import * as SendError from "../../src/services/SendError.ts"
import { idsOf, numbered, numberedAll } from "../utils/dialling.ts"
import { envelope, Random, seed } from "../utils/native.ts"
import { settle } from "../utils/network.ts"

const make = (
  options: { readonly maxMessages?: number; readonly maxBytes?: number; readonly onHeld?: (bytes: number) => void } = {}
) =>
  Effect.sync(() => {
    let offers = 0
    const lane = new Lane.Lane({
      priority: "normal",
      maxMessages: 10,
      maxBytes: 1_000_000,
      envelope,
      owner: { onOffer: () => void offers++ },
      ...options
    })
    return { lane, offers: () => offers }
  })

/** Takes so many messages out, as a write does. */
const take = (lane: Lane.Lane, count = Number.POSITIVE_INFINITY) => {
  const taken = []
  for (let i = 0; i < count; i++) {
    const message = lane.next()
    if (message === undefined) break
    taken.push(message)
  }
  return taken
}

const start = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkChild(effect, { startImmediately: true })

const closed = new SendError.ConnectionClosed({ reason: new DisconnectReason.ClosedHere() })

describe("Lane", () => {
  it.effect("counts what has been taken out until it is released", () =>
    Effect.gen(function*() {
      const { lane, offers } = yield* make({ maxMessages: 3 })
      for (const message of numberedAll(3)) assert.isTrue(lane.offerUnsafe(message))
      assert.strictEqual(offers(), 3)
      assert.strictEqual(lane.fill, 1)
      const written = take(lane)
      assert.isFalse(lane.offerUnsafe(numbered(3)))
      assert.isFalse(lane.isEmpty)
      lane.release(written.slice(0, 2))
      assert.strictEqual(lane.messages, 1)
      assert.strictEqual(lane.bytes, envelope.wireSize(numbered(2)))
      assert.isTrue(lane.offerUnsafe(numbered(3)))
      lane.release(written.slice(2))
      lane.release(take(lane))
      assert.isTrue(lane.isEmpty)
      assert.strictEqual(lane.bytes, 0)
    }))

  it.effect("tells of what it holds in steps, and of nothing as long as that is little", () =>
    Effect.gen(function*() {
      const told: Array<number> = []
      const { lane } = yield* make({ maxMessages: 1000, onHeld: (bytes) => void told.push(bytes) })
      const sum = () => told.reduce((total, bytes) => total + bytes, 0)
      const offer = (size: number) => assert.isTrue(lane.offerUnsafe(numbered(0, size)))
      for (let i = 0; i < 16; i++) offer(1000)
      lane.release(take(lane))
      assert.deepStrictEqual(told, [])
      const random = new Random(seed)
      for (let i = 0; i < 300; i++) {
        if (random.chance(60)) offer(random.below(9000))
        else lane.release(take(lane, random.below(6)))
        if (lane.bytes <= 16_384) assert.strictEqual(sum(), 0)
        else {
          assert.isAtLeast(sum(), lane.bytes)
          assert.isBelow(sum(), lane.bytes + 2 * 16_384)
        }
      }
      assert.isAbove(told.length, 10)
      assert.isBelow(told.length, 300)
      offer(50_000)
      lane.close(closed)
      assert.strictEqual(sum(), 0)
      // Those who say what was lost can still count it.
      assert.isAtLeast(lane.bytes, 50_000)
      assert.deepStrictEqual(take(lane), [])
    }))

  it.effect("that tells of what it holds has the same bounds", () =>
    Effect.gen(function*() {
      const { lane } = yield* make({ maxBytes: 40_000, onHeld: () => {} })
      assert.isTrue(lane.offerUnsafe(numbered(0, 100_000)))
      assert.isFalse(lane.offerUnsafe(numbered(1, 10)))
      lane.release(take(lane))
      for (let i = 0; i < 3; i++) assert.isTrue(lane.offerUnsafe(numbered(i, 12_000)))
      assert.isFalse(lane.offerUnsafe(numbered(3, 12_000)))
    }))

  it.effect("gives out first what was given back, in its order", () =>
    Effect.gen(function*() {
      const { lane } = yield* make()
      for (const message of numberedAll(6)) lane.offerUnsafe(message)
      const flight = take(lane, 4)
      lane.giveBack(flight.slice(3))
      lane.giveBack(flight.slice(0, 3))
      assert.deepStrictEqual(idsOf(take(lane)), [0, 1, 2, 3, 4, 5])
    }))

  it.effect("takes messages back from anywhere in it, and lets others in for them", () =>
    Effect.gen(function*() {
      const { lane } = yield* make({ maxMessages: 5 })
      const messages = numberedAll(5)
      for (const message of messages) lane.offerUnsafe(message)
      lane.giveBack(take(lane, 2))
      const waiting = yield* start(lane.offerWaiting(numberedAll(2, 4, 5), 0))
      const withdrawn = lane.withdraw(new Set([messages[0]!, messages[3]!, numbered(99)]))
      assert.deepStrictEqual(idsOf(withdrawn), [0, 3])
      yield* Fiber.join(waiting)
      assert.deepStrictEqual(idsOf(take(lane)), [1, 2, 4, 5, 6])
      assert.strictEqual(lane.messages, 5)
    }))

  it.effect("leaves what is on its way when it is to be withdrawn", () =>
    Effect.gen(function*() {
      const { lane } = yield* make()
      const messages = numberedAll(3)
      for (const message of messages) lane.offerUnsafe(message)
      const flight = take(lane, 2)
      assert.deepStrictEqual(lane.withdraw(new Set(flight)), [])
      assert.strictEqual(lane.messages, 3)
      lane.giveBack(flight)
      assert.deepStrictEqual(idsOf(lane.withdraw(new Set(flight))), [0, 1])
      assert.deepStrictEqual(idsOf(take(lane)), [2])
    }))

  it.effect("has room at once for what comes instead of what was withdrawn, however often", () =>
    Effect.gen(function*() {
      const { lane } = yield* make({ maxMessages: 4 })
      const stays = numbered(0)
      lane.offerUnsafe(stays)
      let last: ReturnType<typeof numberedAll> = []
      for (let round = 1; round <= 50; round++) {
        lane.withdraw(new Set(last))
        assert.strictEqual(lane.messages, 1)
        assert.strictEqual(lane.bytes, envelope.wireSize(stays))
        last = numberedAll(3, 4, round * 3)
        for (const message of last) assert.isTrue(lane.offerUnsafe(message))
        assert.isFalse(lane.offerUnsafe(numbered(999)))
      }
      assert.deepStrictEqual(idsOf(take(lane)), [0, 150, 151, 152])
      assert.strictEqual(lane.messages, 4)
    }))

  it.effect("gives a withdrawn message out neither when it was given back nor when it is sent once more", () =>
    Effect.gen(function*() {
      const { lane } = yield* make()
      const messages = numberedAll(6)
      for (const message of messages) lane.offerUnsafe(message)
      lane.giveBack(take(lane, 2))
      lane.withdraw(new Set([messages[1]!]))
      lane.giveBack(take(lane, 2))
      lane.withdraw(new Set([messages[4]!]))
      assert.deepStrictEqual(lane.withdraw(new Set([messages[1]!, messages[4]!])), [])
      assert.strictEqual(lane.messages, 4)
      assert.deepStrictEqual(idsOf(take(lane)), [0, 2, 3, 5])
      lane.offerUnsafe(messages[4]!)
      assert.deepStrictEqual(idsOf(take(lane)), [4])
    }))

  it.effect("sends a message again that was withdrawn", () =>
    Effect.gen(function*() {
      const { lane } = yield* make()
      const messages = numberedAll(6)
      for (const message of messages) lane.offerUnsafe(message)
      lane.withdraw(new Set([messages[1]!]))
      lane.offerUnsafe(messages[1]!)
      assert.deepStrictEqual(idsOf(take(lane)), [0, 2, 3, 4, 5, 1])
    }))

  it.effect("takes as much time for each of many that are withdrawn one by one as for one of few", () =>
    Effect.gen(function*() {
      const count = 20_000
      const { lane } = yield* make({ maxMessages: count, maxBytes: 1_000_000_000 })
      const messages = numberedAll(count)
      for (const message of messages) lane.offerUnsafe(message)
      // To go through the queue for each one would look at 200 million messages, and take ten seconds.
      const start = performance.now()
      for (const message of messages) assert.strictEqual(lane.withdraw(new Set([message])).length, 1)
      assert.isBelow(performance.now() - start, 1000)
      assert.isTrue(lane.isEmpty)
      assert.strictEqual(lane.bytes, 0)
    }))

  it.effect("fails all that wait when it is closed, with what was taken of each", () =>
    Effect.gen(function*() {
      const { lane } = yield* make({ maxMessages: 2 })
      const first = yield* start(Effect.flip(lane.offerWaiting(numberedAll(5), 0)))
      const second = yield* start(Effect.flip(lane.offerWaiting(numberedAll(5), 3)))
      lane.close(closed)
      assert.strictEqual((yield* Fiber.join(first)).accepted, 2)
      assert.strictEqual((yield* Fiber.join(second)).accepted, 3)
      assert.strictEqual((yield* Effect.flip(lane.offerWaiting([numbered(1)], 0))).reason, closed)
      assert.strictEqual(lane.refusal(numbered(1), 7)?.accepted, 7)
      assert.isFalse(lane.offerUnsafe(numbered(1)))
    }))

  it.effect("holds no more than its bounds, and loses and reorders nothing, whatever is done with it", () =>
    Effect.gen(function*() {
      for (let round = 0; round < 30; round++) {
        const random = new Random(seed + round)
        const maxMessages = random.between(1, 8)
        const maxBytes = random.between(50, 2000)
        const { lane } = yield* make({ maxMessages, maxBytes })
        let next = 0
        let flight: ReturnType<typeof take> = []
        const left: Array<number> = []
        const senders: Array<Fiber.Fiber<void, unknown>> = []
        for (let step = 0; step < 300; step++) {
          switch (random.below(4)) {
            case 0: {
              const batch = Array.from({ length: random.between(1, 4) }, () => numbered(next++, random.below(300)))
              senders.push(yield* start(lane.offerWaiting(batch, 0)))
              break
            }
            case 1:
              if (flight.length === 0) flight = take(lane, random.between(1, 5))
              break
            case 2:
              left.push(...idsOf(flight))
              lane.release(flight)
              flight = []
              break
            default:
              lane.giveBack(flight)
              flight = []
          }
          assert.isTrue(lane.messages <= maxMessages, `seed ${seed + round}`)
          assert.isTrue(lane.bytes <= maxBytes || lane.messages === 1, `seed ${seed + round}`)
        }
        lane.giveBack(flight)
        for (let rest = take(lane, 1); rest.length > 0; rest = take(lane, 1)) {
          left.push(...idsOf(rest))
          lane.release(rest)
        }
        yield* settle
        assert.deepStrictEqual(left, Array.from({ length: next }, (_, i) => i), `seed ${seed + round}`)
        assert.isTrue(lane.isEmpty)
        yield* Fiber.joinAll(senders)
      }
    }))
})
