import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import * as Message from "../../../src/domain/Message.ts"
import * as Outlet from "../../../src/internal/hub/outlet.ts"
import type * as Connection from "../../../src/services/Connection.ts"
import * as SendError from "../../../src/services/SendError.ts"
import { settle } from "../../utils/network.ts"

/** A connection whose lane holds two messages, and who sees what was sent. */
const make = Effect.gen(function*() {
  const sent: Array<number> = []
  const gate = { room: 2, isOpen: yield* Deferred.make<void>() }
  const full = new SendError.SendError({
    reason: new SendError.LaneFull({ priority: "normal", messages: 2, bytes: 0 }),
    accepted: 0
  })
  const take = (message: Message.Message) => void sent.push(message.messageId)
  const connection: Pick<Connection.Connection, "sendUnsafe" | "sendAll"> = {
    sendUnsafe: (message) => {
      if (gate.room === 0) return full
      gate.room -= 1
      take(message)
      return undefined
    },
    sendAll: (messages) => Effect.andThen(Deferred.await(gate.isOpen), Effect.sync(() => messages.forEach(take)))
  }
  return { gate, outlet: new Outlet.Outlet(connection as Connection.Connection), sent }
})

const message = (messageId: number, bodyLength = 0) =>
  Message.make({ serviceId: 18, messageId, body: new Uint8Array(bodyLength) })

describe("Outlet", () => {
  it.effect("sends at once, and holds back when told to", () =>
    Effect.gen(function*() {
      const { outlet, sent } = yield* make
      outlet.send(message(1))
      assert.deepStrictEqual(sent, [1])
      outlet.hold()
      outlet.send(message(2))
      assert.deepStrictEqual(sent, [1])
      outlet.release()
      assert.deepStrictEqual(sent, [1, 2])
      outlet.release()
      assert.deepStrictEqual(sent, [1, 2])
    }))

  it.effect("waits for room, in order", () =>
    Effect.gen(function*() {
      const { gate, outlet, sent } = yield* make
      yield* Effect.forkScoped(outlet.run)
      for (let id = 1; id <= 4; id++) outlet.send(message(id))
      yield* settle
      assert.deepStrictEqual(sent, [1, 2])
      gate.room = 1
      outlet.send(message(5))
      outlet.hold()
      outlet.send(message(6))
      outlet.release()
      yield* settle
      assert.deepStrictEqual(sent, [1, 2], "those that wait go first")
      yield* Deferred.succeed(gate.isOpen, undefined)
      yield* settle
      assert.deepStrictEqual(sent, [1, 2, 3, 4, 5, 6])
      gate.room = 1
      outlet.send(message(7))
      assert.deepStrictEqual(sent, [1, 2, 3, 4, 5, 6, 7])
    }))

  it.effect("gives up on a client that reads too slowly, held back or not", () =>
    Effect.gen(function*() {
      for (const isHeld of [false, true]) {
        const { gate, outlet } = yield* make
        gate.room = 0
        if (isHeld) outlet.hold()
        const running = yield* Effect.forkChild(outlet.run)
        for (let i = 0; i < 32; i++) outlet.send(message(i, 900_000))
        yield* settle
        assert.isUndefined(running.pollUnsafe())
        // Nothing of what was sent is ever read.
        for (let i = 0; i < 70; i++) outlet.send(message(i, 900_000))
        yield* settle
        assert.isDefined(running.pollUnsafe())
      }
    }))
})
