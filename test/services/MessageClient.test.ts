import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import * as CommandFailure from "../../src/domain/CommandFailure.ts"
import * as Header from "../../src/domain/Header.ts"
import * as Message from "../../src/domain/Message.ts"
import * as MessageClient from "../../src/services/MessageClient.ts"
import * as MessageServer from "../../src/services/MessageServer.ts"
import * as Groups from "../utils/groups.ts"
import * as Native from "../utils/native.ts"
import { pass, settle, withBed } from "../utils/network.ts"

const { Counter, rawServer, heard, reasonOf, say, start, totalOf } = Groups

describe("a client of a group", () => {
  it.effect("gives up after its timeout, that of the call first, and takes no late reply for another", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { client, peer } = yield* rawServer(bed, { timeout: "10 seconds" })
        const slow = yield* start(reasonOf(client.total()))
        const quick = yield* start(reasonOf(client.total(undefined, { timeout: "1 second" })))
        yield* pass("999 millis")
        assert.isUndefined(quick.pollUnsafe())
        yield* pass("1 millis")
        const reason = yield* Fiber.join(quick)
        assert.strictEqual(reason.message, "request 40/4: no reply within 1s")
        assert.strictEqual(reason._tag, "RequestTimedOut")
        yield* pass("9 seconds")
        assert.strictEqual((yield* Fiber.join(slow))._tag, "RequestTimedOut")
        const late = yield* heard(peer)
        const next = yield* start(client.total())
        yield* settle
        const reply = (message: Message.Message, total: number) => Message.reply(message, { body: totalOf(total) })
        yield* say(peer, ...late.map((message) => reply(message, 1)))
        const [asked] = yield* heard(peer)
        yield* say(peer, reply(asked!, 2))
        assert.deepStrictEqual(yield* Fiber.join(next), { total: 2 })
      })
    ))

  it.effect("takes its answer from the group's reply id alone", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { client, peer } = yield* rawServer(bed)
        const asked = yield* start(client.list())
        yield* settle
        const [request] = yield* heard(peer)
        yield* say(peer, Message.reply(request!, { messageId: 1, body: Uint8Array.of(0x08, 0x05) }))
        assert.deepStrictEqual(yield* Fiber.join(asked), [5])
        const wrong = yield* start(reasonOf(client.list()))
        yield* settle
        const [again] = yield* heard(peer)
        yield* say(peer, Message.reply(again!, { body: Uint8Array.of(0x08, 0x05) }))
        const reason = yield* Fiber.join(wrong)
        assert.strictEqual(reason._tag, "UnexpectedReply")
        assert.strictEqual(reason.message, "the reply is message 40/7, which does not answer this call")
      })
    ))

  it.effect("says where a reply differs from its declaration, and stays connected", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { client, connection, peer } = yield* rawServer(bed)
        const state = yield* connection.state
        for (
          const [bytes, problem] of [
            ["", /total \(tag 1\) is missing/],
            ["0b0100", /total \(tag 1\): expected an integer.*; found 1 byte/],
            ["08", /malformed|ends|cut/i],
            ["08010802", /total \(tag 1\) came twice/]
          ] as const
        ) {
          const asked = yield* start(reasonOf(client.total()))
          yield* settle
          const [request] = yield* heard(peer)
          yield* say(peer, Message.reply(request!, { body: Native.fromHex(bytes) }))
          const reason = yield* Fiber.join(asked)
          assert.strictEqual(reason._tag, "BodyDecodeError")
          assert.match(reason.message, problem)
        }
        assert.strictEqual(yield* connection.state, state)
      })
    ))

  it.effect("is told of a failure that makes no sense too", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { client, peer } = yield* rawServer(bed)
        const failures = [
          ["", "no reason was given"],
          ["a00105", "no reason was given"],
          ["ff", "the reason could not be read"],
          ["a2026e6f", "spend: no"]
        ] as const
        for (const [bytes, says] of failures) {
          const asked = yield* start(Effect.flip(client.spend({ amount: 1 })))
          yield* settle
          const [request] = yield* heard(peer)
          const { header } = Message.reply(request!)
          yield* say(peer, Message.make({ ...CommandFailure.address, header, body: Native.fromHex(bytes) }))
          const error = yield* Fiber.join(asked)
          assert(error._tag === "CallError" && error.reason._tag === "CommandFailed")
          assert.include(error.message, says)
        }
      })
    ))

  it.effect("sends the header values of the declaration, those of the call over them", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { client, peer } = yield* rawServer(bed)
        const first = yield* start(client.total())
        const second = yield* start(client.total({}, { header: { 10: 1, 12: 8 }, priority: "high" }))
        yield* settle
        const sent = yield* heard(peer)
        assert.sameDeepMembers(sent.map(({ header }) => Header.entries(header).filter(([tag]) => tag !== 11)), [
          [[12, 7]],
          [[10, 1], [12, 8]]
        ])
        yield* Fiber.interruptAll([first, second])
      })
    ))

  it.effect("asks again after a reconnect when that does no harm, and only then", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { accept, client, peer } = yield* rawServer(bed)
        const total = yield* start(client.total())
        const add = yield* start(reasonOf(client.add({ amount: 1 })))
        yield* settle
        assert.lengthOf(yield* heard(peer), 2)
        yield* peer.close
        yield* pass("5 seconds")
        assert.strictEqual((yield* Fiber.join(add))._tag, "RequestInterrupted")
        const next = yield* accept
        yield* settle
        const [again] = yield* heard(next)
        assert.deepInclude(again!, { serviceId: 40, messageId: 4 })
        assert.deepStrictEqual(yield* heard(next), [])
        yield* say(next, Message.reply(again!, { body: totalOf(9) }))
        assert.deepStrictEqual(yield* Fiber.join(total), { total: 9 })
      })
    ))

  it.effect("asks again so often as it was told to", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { accept, client, peer } = yield* rawServer(bed, { retries: 1, timeout: "1 hour" })
        const total = yield* start(reasonOf(client.total()))
        yield* settle
        yield* peer.close
        yield* pass("1 minute")
        const second = yield* accept
        assert.lengthOf(yield* heard(second), 1)
        assert.isUndefined(total.pollUnsafe())
        yield* second.close
        yield* pass("1 minute")
        assert.strictEqual((yield* Fiber.join(total))._tag, "RequestInterrupted")
        assert.deepStrictEqual(yield* heard(yield* accept), [])
      })
    ))

  it.effect("is interrupted without a trace", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { client, connection, peer } = yield* rawServer(bed)
        const asked = yield* start(client.total())
        yield* settle
        yield* Fiber.interrupt(asked)
        assert.strictEqual((yield* connection.stats).pendingRequests, 0)
        const [request] = yield* heard(peer)
        yield* say(peer, Message.reply(request!, { body: Uint8Array.of(8, 1) }))
        yield* settle
        assert.strictEqual((yield* connection.stats).messagesUnhandled, 0)
      })
    ))

  it.effect("fails at once when the connection is closed for good", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.7")
        const connection = yield* Effect.scoped(Effect.orDie(host.manager.connect("10.0.0.9:1235")))
        const client = MessageClient.make(Counter, connection)
        assert.strictEqual((yield* reasonOf(client.total()))._tag, "ConnectionClosed")
        assert.strictEqual((yield* reasonOf(client.reset({ to: 1 })))._tag, "ConnectionClosed")
        assert.deepStrictEqual(yield* Stream.runCollect(client.changed), [])
      })
    ))
})

describe("notifications", () => {
  it.effect("reach each stream that is read, in order, until the connection is closed", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { client, listener } = yield* Groups.counting(bed)
        yield* client.total()
        const first = yield* start(Stream.runCollect(Stream.take(client.changed, 3)))
        const second = yield* start(Stream.runCollect(Stream.take(client.changed, 2)))
        yield* settle
        const peer = yield* Groups.accepted(listener)
        for (const total of [1, 2, 3, 4]) yield* MessageServer.notify(peer, Groups.changed, { total })
        assert.deepStrictEqual(yield* Fiber.join(first), [{ total: 1 }, { total: 2 }, { total: 3 }])
        assert.deepStrictEqual(yield* Fiber.join(second), [{ total: 1 }, { total: 2 }])
      })
    ))

  it.effect("are not mistaken for replies that nobody waits for, nor the reverse", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { client, peer } = yield* rawServer(bed)
        const seen: Array<number> = []
        const reader = yield* start(
          Stream.runForEach(client.changed, ({ total }) => Effect.sync(() => seen.push(total)))
        )
        const push = { serviceId: 40, messageId: 10, body: Uint8Array.of(8, 1) }
        yield* say(peer, Message.make({ ...push, header: { 11: 999 } }), Message.make(push))
        yield* settle
        assert.deepStrictEqual(seen, [1])
        yield* Fiber.interrupt(reader)
      })
    ))

  it.effect("end their stream with an error when they make no sense, and the connection stays", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { client, connection, peer } = yield* rawServer(bed)
        const reader = yield* start(Effect.flip(Stream.runCollect(client.changed)))
        yield* settle
        yield* say(peer, Message.make({ serviceId: 40, messageId: 10, body: Uint8Array.of(0x0c) }))
        const error = yield* Fiber.join(reader)
        assert.strictEqual(error._tag, "CallError")
        assert.match(error.message, /^changed: .*total \(tag 1\): expected an integer/)
        assert.strictEqual((yield* connection.state)._tag, "Connected")
      })
    ))

  it.effect("that cannot be encoded are refused where they are sent", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { client, listener } = yield* Groups.counting(bed)
        yield* client.total()
        const peer = yield* Groups.accepted(listener)
        const reason = yield* reasonOf(MessageServer.notify(peer, Groups.changed, { total: 0.5 }))
        assert.strictEqual(reason._tag, "BodyEncodeError")
      })
    ))
})
