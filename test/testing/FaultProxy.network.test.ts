import { assert, describe, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import * as Message from "../../src/domain/Message.ts"
import * as NodeNetwork from "../../src/layers/NodeNetwork.ts"
import type * as DisconnectReason from "../../src/services/DisconnectReason.ts"
import * as NetworkManager from "../../src/services/NetworkManager.ts"
import * as FaultProxy from "../../src/testing/FaultProxy.ts"
import { numbered } from "../utils/dialling.ts"

const soon = Schedule.spaced("10 millis").pipe(Schedule.setInputType<DisconnectReason.DisconnectReason>())

/** A server behind a proxy that answers, and a connection to it through the proxy. */
const through = Effect.gen(function*() {
  const manager = yield* NetworkManager.NetworkManager
  const listener = yield* manager.bind("127.0.0.1:0", {
    malformedPoints: 0,
    onConnection: (peer) =>
      peer.handle((message) => peer.send(Message.reply(message, { messageId: -1, body: message.body })))
  })
  const proxy = yield* FaultProxy.make({ target: listener.address, seed: 1 })
  const connection = yield* manager.connect(proxy.address, {
    reconnect: soon,
    pingInterval: "200 millis",
    pongTimeout: "200 millis"
  })
  return { connection, proxy }
})

const bodyLength = 20_000

const ask = ({ connection }: Effect.Success<typeof through>, number: number) =>
  Effect.gen(function*() {
    const request = numbered(number, bodyLength)
    const reply = yield* connection.request(request, { timeout: "10 seconds" })
    assert.isTrue(Buffer.from(reply.body).equals(request.body))
  })

const live = <A, E>(test: Effect.Effect<A, E, NetworkManager.NetworkManager>) =>
  Effect.provide(test, NodeNetwork.layer())

describe("a connection through a proxy", () => {
  it.live("answers, or says that its socket was lost, wherever it is cut", () =>
    Effect.gen(function*() {
      const pair = yield* through
      const ends = new Set<string>()
      for (const bytes of [1, 5, 100, 8000, 8001, 15_000, 20_000, 20_100]) {
        for (const direction of ["toListener", "toDialler"] as const) {
          yield* ask(pair, 1)
          yield* pair.proxy.cutAfter("everywhere", bytes, direction)
          ends.add(yield* Effect.match(ask(pair, bytes), { onSuccess: () => "reply", onFailure: (e) => e.reason._tag }))
          yield* pair.proxy.heal()
        }
      }
      yield* ask(pair, 2)
      assert.isTrue(ends.has("RequestInterrupted"))
      ends.delete("reply")
      assert.deepStrictEqual([...ends], ["RequestInterrupted"])
    }).pipe(Effect.scoped, live))

  it.live("finds out that nothing passes any more, and comes back", () =>
    Effect.gen(function*() {
      const pair = yield* through
      yield* ask(pair, 1)
      yield* pair.proxy.blackhole("everywhere")
      const error = yield* Effect.flip(ask(pair, 2))
      assert.strictEqual(error.reason._tag, "RequestInterrupted")
      assert.include(error.message, "the peer sent no pong")
      yield* pair.proxy.heal()
      yield* ask(pair, 3)
    }).pipe(Effect.scoped, live))

  it.live("outlives a direction that ends, and bytes that are wrong", () =>
    Effect.gen(function*() {
      const pair = yield* through
      for (const direction of ["toListener", "toDialler"] as const) {
        yield* ask(pair, 1)
        yield* pair.proxy.halfClose("everywhere", direction)
        yield* ask(pair, 2).pipe(Effect.retry({ times: 3 }))
        // The second byte is the upper one of the length of a packet.
        yield* pair.proxy.corruptAfter("everywhere", 1, direction)
        yield* ask(pair, 3).pipe(Effect.retry({ times: 3 }))
      }
      yield* ask(pair, 4)
    }).pipe(Effect.scoped, live))
})
