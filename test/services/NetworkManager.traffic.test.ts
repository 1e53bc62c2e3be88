import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import * as Message from "../../src/domain/Message.ts"
import type * as Connection from "../../src/services/Connection.ts"
import * as Native from "../utils/native.ts"
import { pass, settle, until, withBed } from "../utils/network.ts"

const server = "10.0.0.9:1235"

describe("traffic in both directions", () => {
  it.effect("10 requests with 101 replies each, over lanes of 1000, all arrive", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const client = yield* bed.host("10.0.0.1", { normalLaneMessages: 1000 })
        const host = yield* bed.host("10.0.0.9", { normalLaneMessages: 1000 })
        yield* host.manager.register(5, (connection) =>
          Effect.succeed((request) =>
            Effect.forEach(
              Array.from({ length: 101 }),
              (_, i) => connection.send(Message.reply(request, { body: Uint8Array.of(i) })),
              { discard: true }
            )
          ))
        yield* host.manager.bind(server)
        const connection = yield* client.manager.connect(server)
        const replies: Array<string> = []
        yield* Effect.forkChild(
          connection.handle((message) => {
            replies.push(`${message.messageId}/${Message.borrow(message)[0]}`)
          }),
          { startImmediately: true }
        )
        yield* connection.sendAll(
          Array.from({ length: 10 }, (_, i) => Message.make({ serviceId: 5, messageId: i * 2 }))
        )
        yield* until("all have come", () => replies.length === 1010)
        const expected = Array.from({ length: 10 }, (_, i) => i * 2 + 1).flatMap((id) =>
          Array.from({ length: 101 }, (_, at) => `${id}/${at}`)
        )
        assert.deepStrictEqual(replies, expected)
      })
    ))

  it.effect("a handler may ask the peer that it is answering", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        const client = yield* bed.host("10.0.0.1")
        // Counts down: each side asks the other for the rest before it answers.
        const countDown = (connection: Connection.Connection) => (request: Message.Message) =>
          Effect.gen(function*() {
            const left = request.body[0]!
            const rest = left === 0
              ? new Uint8Array(0)
              : (yield* connection.request(Message.make({ serviceId: 5, body: Uint8Array.of(left - 1) }))).body
            yield* connection.send(Message.reply(request, { body: Uint8Array.of(left, ...rest) }))
          })
        yield* host.manager.register(5, (connection) => Effect.succeed(countDown(connection)))
        yield* client.manager.register(5, (connection) => Effect.succeed(countDown(connection)))
        yield* host.manager.bind(server)
        const connection = yield* client.manager.connect(server)
        const reply = yield* connection.request(Message.make({ serviceId: 5, body: Uint8Array.of(1) }))
        assert.deepStrictEqual([...reply.body], [1, 0])
      })
    ))

  it.effect("reading goes on when handlers have caught up, though the peer has yet to take what waits for it", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const gate = yield* Deferred.make<void>()
        let handled = 0
        const host = yield* bed.host("10.0.0.9")
        const listener = yield* host.manager.bind(server, {
          normalLaneMessages: 10,
          inboxBytes: 65_536,
          onConnection: (connection) =>
            connection.handle(() => Effect.andThen(Deferred.await(gate), Effect.sync(() => void handled++)))
        })
        // It writes and does not read, as a peer does that waits for the same on its side.
        const transport = yield* bed.network.transportFrom("10.0.0.1")
        const link = yield* transport.connect(listener.address)
        const request = Native.encode(Message.make({ serviceId: 5, messageId: 1, body: new Uint8Array(8000) }))
        let written = 0
        const writeOn = () =>
          link.write([request], () => {
            written += 1
            if (written < 100) writeOn()
          })
        writeOn()
        yield* settle
        const [connection] = yield* listener.connections
        for (let i = 0; i < 6; i++) {
          yield* connection!.send(Message.make({ serviceId: 5, messageId: i, body: new Uint8Array(2000) }))
        }
        for (let i = 0; i < 10; i++) yield* settle
        assert.isBelow(written, 100)
        yield* Deferred.succeed(gate, undefined)
        for (let i = 0; i < 200; i++) yield* pass("2 millis")
        assert.strictEqual(handled, 100)
        link.close()
      }), { window: 1000 }))

  it.effect("two sides that flood each other with requests and answer all of them do not stop", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const small = { normalLaneMessages: 8, highLaneMessages: 4, inboxBytes: 65_536 }
        const client = yield* bed.host("10.0.0.1", small)
        const host = yield* bed.host("10.0.0.9", small)
        const count = 2000
        const heard = { client: 0, host: 0 }
        // Replies that find no room are dropped by the program: it is the connection that must not get stuck.
        const flood = (side: "client" | "host") => (connection: Connection.Connection) =>
          Effect.all([
            connection.handle((message) => {
              heard[side] += 1
              if (message.messageId === 0) connection.sendUnsafe(Message.reply(message, { body: message.body }))
            }),
            Effect.forEach(
              Array.from({ length: count }),
              () => connection.send(Message.make({ serviceId: 5, messageId: 0, body: new Uint8Array(500) })),
              { discard: true }
            )
          ], { concurrency: "unbounded" })
        yield* host.manager.bind(server, { onConnection: flood("host") })
        const connection = yield* client.manager.connect(server)
        yield* Effect.forkChild(flood("client")(connection))
        for (let i = 0; i < 2000 && (heard.client < count || heard.host < count); i++) yield* pass("2 millis")
        assert.isAtLeast(heard.client, count)
        assert.isAtLeast(heard.host, count)
      }), { window: 4000 }))
})
