import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as Header from "../../src/domain/Header.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Lane from "../../src/internal/lane.ts"
import * as Metrics from "../../src/internal/metrics.ts"
import * as Requests from "../../src/internal/requests.ts"
import * as Runner from "../../src/internal/runner.ts"
import * as DisconnectReason from "../../src/services/DisconnectReason.ts"
import * as SendError from "../../src/services/SendError.ts"
import { numbered } from "../utils/dialling.ts"
import { envelope } from "../utils/native.ts"
import { pass, settle } from "../utils/network.ts"

const reason = new DisconnectReason.ClosedHere()

const make = (side: "dialled" | "accepted" = "dialled", maxMessages = 5000, connection = 1) =>
  Effect.gen(function*() {
    const runner = yield* Runner.make
    const lane = new Lane.Lane({
      priority: "normal",
      maxMessages,
      maxBytes: 1_000_000_000,
      envelope,
      owner: { onOffer: () => {} }
    })
    const requests = new Requests.Requests(runner, side, 10_000, connection, Metrics.of(runner.context))
    const start = (messageId: number, timeout: Duration.Input = "30 seconds", bodyLength = 4) =>
      Effect.forkChild(
        Effect.exit(requests.request(numbered(messageId, bodyLength), lane, Duration.fromInputUnsafe(timeout))),
        { startImmediately: true }
      )
    /** Writes all that is queued, and returns it. */
    const write = () => {
      const written: Array<Message.Message> = []
      for (let message = lane.next(); message !== undefined; message = lane.next()) written.push(message)
      requests.written(written)
      lane.release(written)
      return written
    }
    return { requests, lane, start, write }
  })

/** Takes a reply, and tells who waits for it at once. */
const take = (requests: Requests.Requests, message: Message.Message): boolean => {
  const waiting: Array<() => void> = []
  const isReply = requests.settle(message, waiting)
  for (const tell of waiting) tell()
  return isReply
}

const idOf = (message: Message.Message) => Header.get(message.header, Header.requestId)

describe("Requests", () => {
  it.effect("number the requests of the two sides apart", () =>
    Effect.gen(function*() {
      const idsOf = (side: "dialled" | "accepted", connection: number) =>
        Effect.gen(function*() {
          const { start, write } = yield* make(side, 5000, connection)
          for (let i = 0; i < 3; i++) yield* start(i)
          return write().map((message) => idOf(message) ?? -1)
        })
      assert.deepStrictEqual(yield* idsOf("dialled", 1), [1, 3, 5])
      const accepted = yield* idsOf("accepted", 1)
      const first = accepted[0]!
      assert.strictEqual(first % 2, 0)
      assert.deepStrictEqual(accepted, [first, first + 2, first + 4])
      // Those of another connection, and of one after a restart, lie elsewhere.
      const next = (yield* idsOf("accepted", 2))[0]!
      yield* TestClock.adjust("1 minute")
      const later = (yield* idsOf("accepted", 1))[0]!
      assert.isAbove(Math.abs(next - first), 10_000)
      assert.isAbove(Math.abs(later - first), 10_000)
    }))

  it.effect("know a reply by its id, its service, and a message id that is not that of the request", () =>
    Effect.gen(function*() {
      const { requests, start, write } = yield* make()
      const fiber = yield* start(4)
      const [sent] = write()
      const header = { [Header.requestId]: idOf(sent!)! }
      for (
        const other of [
          Message.make({ serviceId: 7, messageId: 4, header }),
          Message.make({ serviceId: 8, messageId: 5, header }),
          Message.make({ serviceId: 7, messageId: 5 }),
          Message.make({ serviceId: 7, messageId: 5, header: { [Header.requestId]: 2 } })
        ]
      ) assert.isFalse(take(requests, other))
      assert.isTrue(take(requests, Message.make({ serviceId: 7, messageId: 5, header })))
      assert.isFalse(take(requests, Message.make({ serviceId: 7, messageId: 5, header })))
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "Success")
      assert.isFalse(requests.expectsReplies)
    }))

  it.effect("remember those that were given up after they had left, a thousand of them, and no bodies", () =>
    Effect.gen(function*() {
      const { requests, start, write } = yield* make()
      for (let i = 0; i < 1100; i++) yield* start(4, "1 second")
      const sent = write()
      yield* pass("1 second")
      assert.strictEqual(requests.size, 0)
      assert.isTrue(requests.expectsReplies)
      const late = sent.map((message) => take(requests, Message.reply(message)))
      // The oldest are forgotten first.
      assert.deepStrictEqual([late.indexOf(true), late.filter((known) => known).length], [76, 1024])
      assert.isFalse(requests.expectsReplies)
    }))

  it.effect("do not remember those that never left", () =>
    Effect.gen(function*() {
      const { lane, requests, start } = yield* make("dialled", 1)
      const queued = yield* start(4)
      const waiting = yield* start(6, "1 second")
      yield* Fiber.interrupt(queued)
      yield* pass("1 second")
      yield* Fiber.join(waiting)
      assert.isFalse(requests.expectsReplies)
      assert.isTrue(lane.isEmpty)
    }))

  it.effect("withdraw at a lost socket what was given up while it was being written", () =>
    Effect.gen(function*() {
      const { lane, requests, start } = yield* make()
      const fiber = yield* start(4)
      const kept = yield* start(6)
      const flight = [lane.next()!, lane.next()!]
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(lane.messages, 2)
      lane.giveBack(flight)
      requests.disconnected(reason)
      assert.deepStrictEqual([lane.next()?.messageId, lane.next()], [6, undefined])
      assert.isUndefined(kept.pollUnsafe())
      assert.strictEqual(requests.size, 1)
    }))

  it.effect("fail at a lost socket when they had left, and at the end in any case", () =>
    Effect.gen(function*() {
      const { requests, start, write } = yield* make()
      const left = yield* start(4)
      write()
      const queued = yield* start(6)
      requests.disconnected(reason)
      yield* settle
      assert.include(JSON.stringify(yield* Fiber.join(left)), "RequestInterrupted")
      assert.isUndefined(queued.pollUnsafe())
      requests.close(new SendError.ConnectionClosed({ reason }))
      assert.include(JSON.stringify(yield* Fiber.join(queued)), "ConnectionClosed")
      assert.strictEqual(requests.size, 0)
    }))

  it.effect("time out each at its own time, however many there are", () =>
    Effect.gen(function*() {
      const { requests, start, write } = yield* make()
      const fibers = yield* Effect.forEach(Array.from({ length: 500 }, (_, i) => i), (i) =>
        start(4, 1000 + (i * 7919) % 500))
      write()
      for (let time = 0; time < 1500; time += 50) {
        yield* pass(50)
        const expected = fibers.filter((_, i) =>
          1000 + (i * 7919) % 500 > time + 50
        ).length
        assert.strictEqual(requests.size, expected)
      }
      assert.isTrue(fibers.every((fiber) => fiber.pollUnsafe() !== undefined))
    }))
})
