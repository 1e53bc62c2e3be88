import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import * as Header from "../../src/domain/Header.ts"
import * as Message from "../../src/domain/Message.ts"
import type * as Connection from "../../src/services/Connection.ts"
import { decode, dial, dialPair, idsOf, numbered, numberedAll, receivedIds, serve, server } from "../utils/dialling.ts"
import { encode, toHex } from "../utils/native.ts"
import { pass, type RawPeer, settle, withBed } from "../utils/network.ts"

const request = (messageId: number, header: { readonly [tag: number]: number } = {}) =>
  Message.make({ serviceId: 7, messageId, header, body: Uint8Array.of(messageId) })

/** What the peer received, as messages. */
const heard = (peer: RawPeer) => Effect.map(peer.rest, decode)

const requestIdOf = (message: Message.Message) => Header.get(message.header, Header.requestId)

/** Answers a request with a body that tells which one it was. */
const answer = (message: Message.Message) => Message.reply(message, { body: Uint8Array.of(200, message.messageId) })

const answerAll = (peer: RawPeer, messages: ReadonlyArray<Message.Message>) =>
  peer.send(encode(...messages.map(answer)))

const start = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkChild(effect, { startImmediately: true })

const pending = (connection: Connection.Connection) =>
  Effect.map(connection.stats, ({ pendingRequests, queuedHigh, queuedNormal }) => ({
    pendingRequests,
    queued: queuedNormal + queuedHigh
  }))

const nothing = { pendingRequests: 0, queued: 0 }

describe("a request", () => {
  it.effect("is not answered before the messages that came ahead of the reply have been handed out", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connection, peer } = yield* dialPair(bed)
        const seen: Array<string> = []
        yield* start(connection.handle((message) => void seen.push(`message ${message.messageId}`)))
        const fiber = yield* start(Effect.map(connection.request(request(4)), () => seen.push("reply")))
        yield* settle
        const [sent] = yield* heard(peer)
        yield* peer.send(encode(numbered(100), answer(sent!), numbered(101)))
        yield* Fiber.join(fiber)
        assert.deepStrictEqual(seen, ["message 100", "message 101", "reply"])
      })
    ))

  it.effect("is refused while as many wait for replies as may", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        yield* serve(bed)
        const connection = yield* dial(bed, { maxPendingRequests: 2 })
        const first = yield* start(connection.request(request(4)))
        yield* start(connection.request(request(6)))
        const error = yield* Effect.flip(connection.request(request(8)))
        assert.strictEqual(error.reason._tag, "TooManyRequests")
        yield* Fiber.interrupt(first)
        yield* start(connection.request(request(8)))
        assert.strictEqual((yield* connection.stats).pendingRequests, 2)
      })
    ))

  it.effect("goes out with a RequestId beside its own header values, and gives the reply", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connection, peer } = yield* dialPair(bed)
        const seen: Array<number> = []
        yield* start(connection.handle((message) => void seen.push(message.messageId)))
        const fiber = yield* start(connection.request(request(4, { 10: 5, 12: -6 })))
        yield* settle
        const [sent] = yield* heard(peer)
        assert.deepStrictEqual(sent!.header.pairs, [10, 5, 11, 1, 12, -6])
        yield* answerAll(peer, [sent!])
        const reply = yield* Fiber.join(fiber)
        assert.deepInclude(reply, { serviceId: 7, messageId: 5 })
        assert.deepStrictEqual([...reply.body], [200, 4])
        assert.deepStrictEqual(reply.header.pairs, [11, 1, 12, -6])
        assert.deepStrictEqual(seen, [], "no handler sees a reply")
        assert.deepStrictEqual(yield* pending(connection), nothing)
      })
    ))

  it.effect("is one of many at the same time, answered in any order", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connection, peer } = yield* dialPair(bed)
        const fibers = yield* Effect.forEach(
          Array.from({ length: 100 }, (_, i) => i),
          (i) => start(Effect.map(connection.request(request(i)), (reply) => reply.body[1]))
        )
        yield* settle
        const sent = yield* heard(peer)
        assert.strictEqual(new Set(sent.map(requestIdOf)).size, 100)
        yield* answerAll(peer, sent.slice(0, 50).reverse())
        yield* answerAll(peer, sent.slice(50).reverse())
        assert.deepStrictEqual(yield* Fiber.joinAll(fibers), Array.from({ length: 100 }, (_, i) => i))
      })
    ))

  it.effect("takes a large reply that comes in chunks", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connection, peer } = yield* dialPair(bed)
        const fiber = yield* start(connection.request(request(0)))
        yield* settle
        const [sent] = yield* heard(peer)
        const body = numbered(3, 100_000).body
        yield* peer.send(encode(Message.reply(sent!, { body })))
        assert.strictEqual(toHex((yield* Fiber.join(fiber)).body), toHex(body))
      })
    ))

  it.effect("can be of high priority", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const connection = yield* dial(bed)
        yield* connection.send(numbered(1))
        yield* start(connection.request(request(2), { priority: "high" }))
        const { accept } = yield* serve(bed)
        yield* pass("4 seconds")
        assert.deepStrictEqual(yield* receivedIds(yield* accept), [2, 1])
      })
    ))

  it.effect("is told when it fails at the other side: by service 0", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connection, peer } = yield* dialPair(bed)
        const fiber = yield* start(connection.request(request(4)))
        yield* settle
        const [sent] = yield* heard(peer)
        yield* peer.send(encode(Message.make({ serviceId: 0, messageId: 2, header: { 11: requestIdOf(sent!)! } })))
        assert.deepInclude(yield* Fiber.join(fiber), { serviceId: 0, messageId: 2 })
      })
    ))

  it.effect("does not take a request of the peer for its reply, with the same id and of the same service", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connection, peer } = yield* dialPair(bed)
        const seen: Array<number> = []
        yield* start(connection.handle((message) => void seen.push(message.messageId)))
        const fiber = yield* start(connection.request(request(4)))
        yield* settle
        const [sent] = yield* heard(peer)
        const header = { 11: requestIdOf(sent!)! }
        yield* peer.send(encode(
          Message.make({ serviceId: 7, messageId: 4, header }),
          Message.make({ serviceId: 8, messageId: 5, header }),
          Message.make({ serviceId: 7, messageId: 5, header: { 11: header[11] + 2 } }),
          Message.make({ serviceId: 7, messageId: 5 })
        ))
        yield* settle
        assert.isUndefined(fiber.pollUnsafe())
        assert.deepStrictEqual(seen, [4, 5, 5, 5])
        yield* answerAll(peer, [sent!])
        assert.strictEqual((yield* Fiber.join(fiber)).body[0], 200)
      })
    ))

  it.effect("is answered once: what comes after that goes to the handlers", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connection, peer } = yield* dialPair(bed)
        const seen: Array<number> = []
        yield* start(connection.handle((message) => void seen.push(message.messageId)))
        const fiber = yield* start(connection.request(request(4)))
        yield* settle
        const [sent] = yield* heard(peer)
        yield* answerAll(peer, [sent!, sent!])
        yield* Fiber.join(fiber)
        yield* settle
        assert.deepStrictEqual(seen, [5])
      })
    ))
})

describe("a request that gets no reply", () => {
  it.effect("times out, after 30 seconds by default, and a late reply is dropped", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connection, peer } = yield* dialPair(bed)
        const seen: Array<number> = []
        yield* start(connection.handle((message) => void seen.push(message.messageId)))
        const long = yield* start(Effect.flip(connection.request(request(4))))
        const short = yield* start(Effect.flip(connection.request(request(6), { timeout: "1 second" })))
        yield* pass("999 millis")
        assert.isUndefined(short.pollUnsafe())
        yield* pass("1 millis")
        assert.strictEqual((yield* Fiber.join(short)).message, "request 7/6: no reply within 1s")
        yield* pass("28999 millis")
        assert.isUndefined(long.pollUnsafe())
        yield* pass("1 millis")
        const { reason } = yield* Fiber.join(long)
        assert.deepInclude(reason, { _tag: "RequestTimedOut", serviceId: 7, messageId: 4 })
        yield* answerAll(peer, yield* heard(peer))
        yield* settle
        assert.deepStrictEqual(seen, [])
        assert.deepStrictEqual(yield* pending(connection), nothing)
      })
    ))

  it.effect("times out while the connection is down, and does not leave any more", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const connection = yield* dial(bed)
        yield* connection.send(numbered(1))
        const fiber = yield* start(Effect.flip(connection.request(request(4), { timeout: "3 seconds" })))
        yield* connection.send(numbered(2))
        yield* pass("3 seconds")
        assert.strictEqual((yield* Fiber.join(fiber)).reason._tag, "RequestTimedOut")
        assert.deepStrictEqual(yield* pending(connection), { pendingRequests: 0, queued: 2 })
        const { accept } = yield* serve(bed)
        yield* pass("1 second")
        assert.deepStrictEqual(yield* receivedIds(yield* accept), [1, 2])
      })
    ))

  it.effect("times out while it waits for room in its lane", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const connection = yield* dial(bed, { normalLaneMessages: 1 })
        yield* connection.send(numbered(1))
        const fiber = yield* start(Effect.flip(connection.request(request(4), { timeout: "2 seconds" })))
        const behind = yield* start(connection.send(numbered(2)))
        yield* pass("2 seconds")
        assert.strictEqual((yield* Fiber.join(fiber)).reason._tag, "RequestTimedOut")
        const { accept } = yield* serve(bed)
        yield* pass("2 seconds")
        yield* Fiber.join(behind)
        assert.deepStrictEqual(yield* receivedIds(yield* accept), [1, 2])
      })
    ))

  it.effect("with no time at all fails at once, and does not leave", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connection, peer } = yield* dialPair(bed)
        const error = yield* Effect.flip(connection.request(request(4), { timeout: 0 }))
        assert.strictEqual(error.reason._tag, "RequestTimedOut")
        // Neither does the one behind it suffer.
        const fiber = yield* start(Effect.flip(connection.request(request(6), { timeout: "1 second" })))
        yield* pass("1 second")
        assert.strictEqual((yield* Fiber.join(fiber)).reason._tag, "RequestTimedOut")
        assert.deepStrictEqual(yield* receivedIds(peer), [6])
      })
    ))

  it.effect("waits as long as it takes with an infinite timeout", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connection, peer } = yield* dialPair(bed, { pingInterval: Infinity })
        const fiber = yield* start(connection.request(request(4), { timeout: Infinity }))
        yield* pass("100 days")
        yield* answerAll(peer, yield* heard(peer))
        yield* Fiber.join(fiber)
      })
    ))
})

describe("a request that is interrupted", () => {
  it.effect("is withdrawn when it has not left: from its lane, and from the wait for it", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const connection = yield* dial(bed, { normalLaneMessages: 3 })
        yield* connection.send(numbered(1))
        const queued = yield* start(connection.request(request(4)))
        yield* connection.send(numbered(2))
        const waiting = yield* start(connection.request(request(6)))
        const behind = yield* start(connection.send(numbered(3)))
        yield* Fiber.interrupt(waiting)
        yield* Fiber.interrupt(queued)
        yield* Fiber.join(behind)
        const { accept } = yield* serve(bed)
        yield* pass("4 seconds")
        assert.deepStrictEqual(yield* receivedIds(yield* accept), [1, 2, 3])
      })
    ))

  it.effect("is forgotten when it has left: its reply is dropped", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connection, peer } = yield* dialPair(bed)
        const seen: Array<number> = []
        yield* start(connection.handle((message) => void seen.push(message.messageId)))
        const fiber = yield* start(connection.request(request(4)))
        yield* settle
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(yield* pending(connection), nothing)
        yield* answerAll(peer, yield* heard(peer))
        yield* settle
        assert.deepStrictEqual(seen, [])
      })
    ))

  it.effect("does not leave on the next socket when it was on its way, and its reply is dropped if it got through", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { accept, connection } = yield* dialPair(bed)
        const seen: Array<number> = []
        yield* start(connection.handle((message) => void seen.push(message.messageId)))
        yield* bed.network.setConditions({ window: 100 })
        yield* bed.network.blackhole(server, "toListener")
        const fiber = yield* start(connection.request(numbered(4, 500)))
        yield* connection.send(numbered(2))
        yield* settle
        // The write is under way: the window holds 100 bytes of it.
        yield* Fiber.interrupt(fiber)
        yield* connection.send(numbered(3))
        yield* bed.network.heal()
        yield* bed.network.cut(server)
        const second = yield* accept
        yield* bed.network.setConditions({ window: 10_000 })
        yield* pass("1 second")
        assert.deepStrictEqual(yield* receivedIds(second), [2, 3])
        assert.deepStrictEqual(seen, [])
        assert.deepStrictEqual(yield* pending(connection), nothing)
      })
    ))
})

describe("requests and a lost socket", () => {
  it.effect("those that had left fail, those that had not are answered on the next socket", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { accept, connection, peer } = yield* dialPair(bed)
        const left = yield* start(Effect.flip(connection.request(request(4))))
        yield* settle
        yield* bed.network.refuse("10.0.0.9")
        yield* peer.close
        yield* settle
        const { reason } = yield* Fiber.join(left)
        assert.deepInclude(reason, { _tag: "RequestInterrupted", serviceId: 7, messageId: 4 })
        assert.strictEqual(reason.message, "request 7/4: 10.0.0.9:1235: the peer closed the connection")
        const queued = yield* start(connection.request(request(6)))
        yield* pass("1 second")
        assert.deepStrictEqual(yield* pending(connection), { pendingRequests: 1, queued: 1 })
        yield* bed.network.heal()
        yield* pass("20 seconds")
        const second = yield* accept
        yield* answerAll(second, yield* heard(second))
        assert.strictEqual((yield* Fiber.join(queued)).body[1], 6)
      })
    ))

  it.effect("one that was being written leaves again, and is answered", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        yield* bed.network.setConditions({ window: 1 })
        yield* bed.network.cutAfter(server, 7, "toListener")
        const { accept, connection } = yield* dialPair(bed)
        const fiber = yield* start(connection.request(request(4)))
        const second = yield* accept
        yield* bed.network.setConditions({ window: 10_000 })
        yield* pass("1 second")
        const sent = yield* heard(second)
        assert.deepStrictEqual(idsOf(sent), [4])
        yield* answerAll(second, sent)
        assert.strictEqual((yield* Fiber.join(fiber)).body[1], 4)
      })
    ))

  it.effect("a reply on another socket than the request was abandoned on is no reply", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { accept, connection, peer } = yield* dialPair(bed)
        const seen: Array<number> = []
        yield* start(connection.handle((message) => void seen.push(message.messageId)))
        const fiber = yield* start(connection.request(request(4)))
        yield* settle
        yield* Fiber.interrupt(fiber)
        const sent = yield* heard(peer)
        yield* peer.close
        const second = yield* accept
        yield* answerAll(second, sent)
        yield* settle
        assert.deepStrictEqual(seen, [5])
      })
    ))

  it.effect("all fail when the connection is closed for good: left, queued, and waiting for room", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        const { accept } = yield* serve(bed)
        const connection = yield* Scope.provide(dial(bed, { normalLaneMessages: 1, drainTimeout: 0 }), scope)
        yield* accept
        yield* settle
        const left = yield* start(Effect.flip(connection.request(request(2))))
        yield* settle
        yield* bed.network.blackhole(server)
        yield* bed.network.setConditions({ window: 1 })
        const queued = yield* start(Effect.flip(connection.request(request(4))))
        const waiting = yield* start(Effect.flip(connection.request(request(6))))
        yield* settle
        assert.deepStrictEqual(yield* pending(connection), { pendingRequests: 3, queued: 1 })
        yield* Scope.close(scope, Exit.void)
        for (const fiber of [left, queued, waiting]) {
          const { reason } = yield* Fiber.join(fiber)
          assert.include(["ConnectionClosed", "RequestInterrupted"], reason._tag)
          assert.include(reason.message, "closed by this side")
        }
        assert.strictEqual((yield* Effect.flip(connection.request(request(8)))).reason._tag, "ConnectionClosed")
        yield* bed.network.heal()
      })
    ))
})

describe("requests in great number", () => {
  it.effect("give up their room in the lane when they time out, whoever comes then", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const connection = yield* dial(bed, { normalLaneMessages: 100 })
        const fibers = yield* Effect.forEach(numberedAll(500), (message) =>
          start(Effect.flip(connection.request(message, { timeout: `${1 + message.messageId % 3} seconds` }))))
        yield* pass("3 seconds")
        for (const fiber of fibers) {
          assert.strictEqual((yield* Fiber.join(fiber)).reason._tag, "RequestTimedOut")
        }
        assert.deepStrictEqual(yield* pending(connection), nothing)
        yield* connection.sendAll(numberedAll(100))
      })
    ))
})
