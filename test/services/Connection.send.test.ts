import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import * as Message from "../../src/domain/Message.ts"
import type { SendRefusal } from "../../src/domain/SendRefusal.ts"
import {
  decode,
  dial,
  dialPair,
  idsOf,
  isIntact,
  numbered,
  numberedAll,
  receivedIds,
  serve
} from "../utils/dialling.ts"
import { envelope, fromHex } from "../utils/native.ts"
import { pass, settle, withBed } from "../utils/network.ts"

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)

const sizeOf = envelope.wireSize

describe("sending", () => {
  it.effect("works at once: what is sent before the socket is up leaves when it is, in order", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const connection = yield* dial(bed)
        yield* connection.send(numbered(1))
        yield* connection.sendAll([numbered(2), numbered(3, 20_000)])
        assert.isUndefined(connection.sendUnsafe(numbered(4)))
        yield* connection.trySend(numbered(5))
        assert.strictEqual((yield* connection.stats).queuedNormal, 5)
        const { accept } = yield* serve(bed)
        yield* pass("4 seconds")
        const messages = decode(yield* (yield* accept).rest)
        assert.deepStrictEqual(idsOf(messages), [1, 2, 3, 4, 5])
        assert.isTrue(messages.every(isIntact))
        const stats = yield* connection.stats
        assert.deepInclude(stats, { queuedNormal: 0, queuedBytes: 0, messagesSent: 5 })
      })
    ))

  it.effect("works while the connection is down", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { accept, connection, peer } = yield* dialPair(bed)
        yield* connection.send(numbered(1))
        yield* settle
        yield* bed.network.refuse("10.0.0.9")
        yield* peer.close
        yield* pass("1 second")
        yield* connection.sendAll([numbered(2), numbered(3)])
        yield* connection.send(numbered(4), { priority: "high" })
        yield* pass("1 second")
        assert.deepInclude(yield* connection.stats, { queuedNormal: 2, queuedHigh: 1 })
        yield* bed.network.heal()
        yield* pass("1 minute")
        assert.deepStrictEqual(yield* receivedIds(peer), [1])
        assert.deepStrictEqual(yield* receivedIds(yield* accept), [4, 2, 3])
      })
    ))

  it.effect("keeps the order of each lane, and empties the high one first", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const connection = yield* dial(bed)
        for (let i = 0; i < 10; i++) {
          yield* connection.send(numbered(i))
          yield* connection.send(numbered(100 + i), { priority: "high" })
        }
        const { accept } = yield* serve(bed)
        yield* pass("4 seconds")
        assert.deepStrictEqual(yield* receivedIds(yield* accept), [...range(100, 109), ...range(0, 9)])
      })
    ))
})

describe("a full lane", () => {
  it.effect("makes `send` wait, and `trySend` fail", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const connection = yield* dial(bed, { normalLaneMessages: 3 })
        yield* connection.sendAll(numberedAll(3))
        const waiting = yield* Effect.forkChild(connection.send(numbered(3)), { startImmediately: true })
        const error = yield* Effect.flip(connection.trySend(numbered(4)))
        assert.strictEqual(error._tag, "SendError")
        assert.deepInclude(error.reason, { _tag: "LaneFull", priority: "normal", messages: 3 })
        assert.strictEqual(error.message, `the normal lane is full: 3 messages, ${3 * sizeOf(numbered(0))} bytes`)
        assert.strictEqual(error.accepted, 0)
        assert.strictEqual(connection.sendUnsafe(numbered(4))?.reason._tag, "LaneFull")
        yield* connection.send(numbered(5), { priority: "high" })
        assert.isUndefined(waiting.pollUnsafe())
        const { accept } = yield* serve(bed)
        yield* pass("4 seconds")
        yield* Fiber.join(waiting)
        assert.deepStrictEqual(yield* receivedIds(yield* accept), [5, 0, 1, 2, 3])
      })
    ))

  it.effect("of high priority has its own bound", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const connection = yield* dial(bed)
        yield* connection.sendAll(numberedAll(20), { priority: "high" })
        const error = yield* Effect.flip(connection.trySend(numbered(20), { priority: "high" }))
        assert.deepInclude(error.reason, { _tag: "LaneFull", priority: "high", messages: 20 })
        yield* connection.trySend(numbered(21))
      })
    ))

  it.effect("is full at 2000 messages by default", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const connection = yield* dial(bed)
        yield* connection.sendAll(numberedAll(1999))
        yield* connection.trySend(numbered(1999))
        assert.strictEqual((yield* Effect.flip(connection.trySend(numbered(2000)))).reason._tag, "LaneFull")
      })
    ))

  it.effect("takes a `sendAll` that is larger than itself, in order", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connection, peer } = yield* dialPair(bed, { normalLaneMessages: 7 })
        yield* connection.sendAll(numberedAll(1000))
        yield* settle
        assert.deepStrictEqual(yield* receivedIds(peer), range(0, 999))
      })
    ))

  it.effect("takes those that wait in their order, and nobody overtakes them", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const connection = yield* dial(bed, { normalLaneMessages: 2, laneBytes: 10_000 })
        yield* connection.send(numbered(0, 9000))
        const first = yield* Effect.forkChild(connection.send(numbered(1, 9000)), { startImmediately: true })
        const second = yield* Effect.forkChild(connection.sendAll(numberedAll(3, 4, 2)), { startImmediately: true })
        const third = yield* Effect.forkChild(connection.send(numbered(5)), { startImmediately: true })
        // There is room for this one, but others have waited longer.
        assert.strictEqual(connection.sendUnsafe(numbered(6))?.reason._tag, "LaneFull")
        assert.deepInclude(yield* connection.stats, { queuedNormal: 1 })
        const { accept } = yield* serve(bed)
        yield* pass("4 seconds")
        yield* Fiber.joinAll([first, second, third])
        assert.deepStrictEqual(yield* receivedIds(yield* accept), [0, 1, 2, 3, 4, 5])
      })
    ))

  it.effect("is bounded by bytes too, and takes a message that is larger than the bound when it is empty", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const connection = yield* dial(bed, { laneBytes: 10_000 })
        yield* connection.trySend(numbered(0, 50_000))
        assert.strictEqual((yield* connection.stats).queuedBytes, sizeOf(numbered(0, 50_000)))
        assert.strictEqual(connection.sendUnsafe(numbered(1))?.reason._tag, "LaneFull")
        const { accept } = yield* serve(bed)
        yield* pass("4 seconds")
        assert.deepStrictEqual(yield* receivedIds(yield* accept), [0])
        yield* connection.trySend(numbered(1))
      })
    ))

  it.effect("forgets a `send` that is interrupted, and goes on with those behind it", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const connection = yield* dial(bed, { laneBytes: 10_000 })
        yield* connection.send(numbered(0, 5000))
        const large = yield* Effect.forkChild(connection.send(numbered(1, 9000)), { startImmediately: true })
        const small = yield* Effect.forkChild(connection.send(numbered(2)), { startImmediately: true })
        yield* settle
        assert.isUndefined(small.pollUnsafe())
        yield* Fiber.interrupt(large)
        yield* Fiber.join(small)
        const { accept } = yield* serve(bed)
        yield* pass("4 seconds")
        assert.deepStrictEqual(yield* receivedIds(yield* accept), [0, 2])
      })
    ))

  it.effect("keeps what a `sendAll` had put in before it was interrupted, and takes no more of it", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const connection = yield* dial(bed, { normalLaneMessages: 3 })
        const sending = yield* Effect.forkChild(connection.sendAll(numberedAll(10)), { startImmediately: true })
        yield* Fiber.interrupt(sending)
        const { accept } = yield* serve(bed)
        yield* pass("4 seconds")
        assert.deepStrictEqual(yield* receivedIds(yield* accept), [0, 1, 2])
      })
    ))

  it.effect("fails those that wait when the connection is closed, with how much was taken", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        const connection = yield* Scope.provide(dial(bed, { normalLaneMessages: 3, drainTimeout: 0 }), scope)
        const waiting = yield* Effect.forkChild(Effect.flip(connection.sendAll(numberedAll(10))), {
          startImmediately: true
        })
        yield* Scope.close(scope, Exit.void)
        const error = yield* Fiber.join(waiting)
        assert.strictEqual(error.reason._tag, "ConnectionClosed")
        assert.strictEqual(error.accepted, 3)
        assert.strictEqual(error.message, "the connection is closed: closed by this side")
      })
    ))
})

describe("a message that cannot be sent", () => {
  const bad: ReadonlyArray<readonly [SendRefusal["problem"], Message.Message, Message.Priority]> = [
    ["NoServiceId", Message.make({ serviceId: -1 }), "normal"],
    ["ReservedServiceId", Message.make({ serviceId: 126 }), "normal"],
    ["HighPriorityTooLong", numbered(1, 8001), "high"],
    [
      "TooManyHeaderValues",
      Message.make({ serviceId: 1, header: Object.fromEntries(range(10, 105).map((tag) => [tag, 1])) }),
      "normal"
    ],
    ["ReservedHeaderTag", Message.make({ serviceId: 1, header: { 9: 1 } }), "normal"],
    ["ReservedHeaderTag", Message.make({ serviceId: 1, header: { 0: 1 } }), "high"],
    [
      "EncodedHeaderTooLong",
      Message.makeEncoded({ encodedHeader: fromHex("080704"), serviceId: 7, body: new Uint8Array(8001) }),
      "normal"
    ]
  ]

  it.effect.each(bad)(
    "is refused to the caller: %s",
    ([problem, message, priority]) =>
      withBed((bed) =>
        Effect.gen(function*() {
          const connection = yield* dial(bed, { normalLaneMessages: 3 })
          const options = { priority }
          for (
            const error of [
              yield* Effect.flip(connection.send(message, options)),
              yield* Effect.flip(connection.trySend(message, options)),
              connection.sendUnsafe(message, options)
            ]
          ) assert.deepInclude(error?.reason, { _tag: "SendRefusal", problem })
          const request = yield* Effect.flip(connection.request(message, options))
          // A request carries one header value more.
          assert.deepInclude(request.reason, { _tag: "SendRefusal" })
          assert.deepInclude(yield* connection.stats, { queuedNormal: 0, queuedHigh: 0, pendingRequests: 0 })
        })
      )
  )

  it.effect("ends a `sendAll` behind those that were before it, with room or without", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const connection = yield* dial(bed, { normalLaneMessages: 4 })
        const refused = Message.make({ serviceId: -1 })
        const at = yield* Effect.flip(connection.sendAll([numbered(0), numbered(1), refused, numbered(2)]))
        assert.strictEqual(at.accepted, 2)
        const later = yield* Effect.forkChild(
          Effect.flip(connection.sendAll([...numberedAll(5, 4, 2), refused, numbered(9)])),
          { startImmediately: true }
        )
        yield* settle
        assert.isUndefined(later.pollUnsafe())
        const { accept } = yield* serve(bed)
        yield* pass("4 seconds")
        assert.strictEqual((yield* Fiber.join(later)).accepted, 5)
        assert.deepStrictEqual(yield* receivedIds(yield* accept), range(0, 6))
      })
    ))
})
