import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import * as Message from "../../src/domain/Message.ts"
import { decode, dial, dialPair, numbered, receivedIds, server } from "../utils/dialling.ts"
import { encode } from "../utils/native.ts"
import { pass, type RawPeer, settle, withBed } from "../utils/network.ts"

const request = (messageId: number) => Message.make({ serviceId: 7, messageId, body: Uint8Array.of(messageId) })

/** Answers a request with a body that tells which one it was. */
const answer = (message: Message.Message) => Message.reply(message, { body: Uint8Array.of(200, message.messageId) })

const heard = (peer: RawPeer) => Effect.map(peer.rest, decode)

const start = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkChild(effect, { startImmediately: true })

/** What the model of test/model has found about requests: each case is small here. */
describe("a request and the sockets after it", () => {
  it.effect("is not answered by what answers one of the connection before, on the next socket of the same peer", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const asking: Array<Fiber.Fiber<Message.Message, unknown>> = []
        const host = yield* bed.host("10.0.0.9")
        yield* Effect.orDie(host.manager.bind(server, {
          onConnection: (connection) =>
            Effect.flatMap(
              start(connection.request(request(10 + 10 * asking.length))),
              (fiber) => Effect.andThen(Effect.sync(() => asking.push(fiber)), Effect.ignore(Fiber.await(fiber)))
            )
        }))
        const connection = yield* dial(bed)
        const asked: Array<Message.Message> = []
        yield* start(connection.handle((message) => void asked.push(Message.keep(message))))
        yield* settle
        yield* bed.network.cut("everywhere")
        yield* pass("4 seconds")
        assert.strictEqual(asked.length, 2)
        // The answer to the first request comes late, and on the socket of the second one.
        for (const each of asked) yield* connection.send(answer(each))
        yield* settle
        const reply = yield* Fiber.join(asking[1]!)
        assert.deepStrictEqual(Array.from(reply.body), [200, 20])
      })
    ))

  it.effect("does not leave again when it was answered before its write was done", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { accept, connection, peer } = yield* dialPair(bed)
        const seen: Array<number> = []
        yield* start(connection.handle((message) => void seen.push(message.messageId)))
        yield* bed.network.setConditions({ window: 100, bandwidth: 100 })
        const asking = yield* start(connection.request(request(4)))
        yield* connection.send(numbered(2, 500))
        yield* pass("1 second")
        // The write is under way: the peer has had 100 bytes of it.
        const [sent] = yield* heard(peer)
        yield* peer.send(encode(answer(sent!), answer(sent!)))
        yield* pass("1 second")
        assert.deepStrictEqual(Array.from((yield* Fiber.join(asking)).body), [200, 4])
        yield* bed.network.cut(server)
        const second = yield* accept
        yield* bed.network.setConditions({ window: 10_000, bandwidth: Number.POSITIVE_INFINITY })
        yield* pass("1 second")
        assert.deepStrictEqual(yield* receivedIds(second), [2])
        assert.deepStrictEqual(seen, [])
        const { pendingRequests, queuedNormal } = yield* connection.stats
        assert.deepStrictEqual([pendingRequests, queuedNormal], [0, 0])
      })
    ))
})
