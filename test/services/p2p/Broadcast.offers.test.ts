import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option, Stream } from "effect"
import { pass, settle } from "../../utils/network.ts"
import { fork, getdata, node, other, payment, reject, show, some, start } from "../../utils/p2p/broadcasts.ts"
import * as Relayed from "../../utils/p2p/relayed.ts"

describe("what is offered", () => {
  it.effect("expires", () =>
    Effect.gen(function*() {
      const { broadcast, join } = yield* start({ expiry: "1 hour" })
      yield* fork(broadcast.broadcast(payment.bytes))
      yield* pass("30 minutes")
      yield* fork(broadcast.broadcast(other.bytes))
      yield* pass("29 minutes")
      assert.isTrue(Option.isSome(yield* broadcast.status(payment.hash)))
      yield* pass("1 minute")
      assert.isTrue(Option.isNone(yield* broadcast.status(payment.hash)))
      assert.isTrue(Option.isSome(yield* broadcast.status(other.hash)))
      const peer = yield* join()
      yield* settle
      assert.deepStrictEqual(peer.sent, [Relayed.inv(other)])
      // Broadcast anew, it has its hour again.
      yield* fork(broadcast.broadcast(other.bytes))
      yield* pass("59 minutes")
      assert.isTrue(Option.isSome(yield* broadcast.status(other.hash)))
      yield* pass("1 minute")
      assert.isTrue(Option.isNone(yield* broadcast.status(other.hash)))
    }))

  it.effect("can be withdrawn, which ends a wait", () =>
    Effect.gen(function*() {
      const { broadcast, join } = yield* start()
      const peer = yield* join()
      const broadcasting = yield* fork(broadcast.broadcast(payment.bytes))
      yield* settle
      assert.isTrue(yield* broadcast.withdraw(payment.hash))
      assert.isFalse(yield* broadcast.withdraw(payment.hash))
      assert.strictEqual((yield* Fiber.join(broadcasting)).outcome, "Withdrawn")
      yield* peer.tell(getdata(payment))
      yield* settle
      assert.deepStrictEqual(peer.sent[1], Relayed.notfound(payment.item))
    }))

  it.effect("ends with the service", () =>
    Effect.gen(function*() {
      const { broadcast, close } = yield* start()
      const broadcasting = yield* fork(broadcast.broadcast(payment.bytes))
      const following = yield* fork(Stream.runDrain(broadcast.changes(payment.hash)))
      yield* settle
      yield* close
      assert.strictEqual((yield* Fiber.join(broadcasting)).outcome, "Withdrawn")
      yield* Fiber.join(following)
    }))

  it.effect("is bounded: the oldest that nobody waits for gives way, and others are refused", () =>
    Effect.gen(function*() {
      const { broadcast } = yield* start({ maxTransactions: 2 })
      const waiting = yield* fork(broadcast.broadcast(some[0]!.bytes))
      const given = yield* fork(broadcast.broadcast(some[1]!.bytes))
      yield* settle
      const refused = yield* Effect.flip(broadcast.broadcast(some[2]!.bytes))
      assert.strictEqual(refused.message, "2 transactions are being broadcast, which is as many as may be")
      yield* Fiber.interrupt(given)
      yield* fork(broadcast.broadcast(some[2]!.bytes))
      yield* settle
      assert.isUndefined(waiting.pollUnsafe())
      const there = yield* Effect.forEach(
        some.slice(0, 3),
        ({ hash }) => Effect.map(broadcast.status(hash), Option.isSome)
      )
      assert.deepStrictEqual(there, [true, false, true])
    }))

  it.effect("is bounded in bytes", () =>
    Effect.gen(function*() {
      const { broadcast } = yield* start({ maxBytes: 1_000_000 })
      const large = [1, 2, 3].map((n) => Relayed.transaction(n, 60_000))
      for (let i = 0; i < 40; i++) {
        const waiting = yield* fork(broadcast.broadcast(Relayed.transaction(100 + i, 60_000).bytes))
        yield* settle
        yield* Fiber.interrupt(waiting)
      }
      yield* fork(broadcast.broadcast(large[0]!.bytes))
      yield* settle
      const there = yield* Effect.forEach(
        Array.from({ length: 40 }, (_, i) => Relayed.transaction(100 + i, 60_000)),
        ({ hash }) => Effect.map(broadcast.status(hash), Option.isSome)
      )
      assert.strictEqual(there.filter((is) => is).length, 15)
    }))

  it.effect("is followed: the state now, and the newest after each change", () =>
    Effect.gen(function*() {
      const { broadcast, join } = yield* start()
      const seen: Array<string> = []
      yield* fork(broadcast.broadcast(payment.bytes))
      yield* fork(
        Stream.runForEach(broadcast.changes(payment.hash), (report) => Effect.sync(() => seen.push(show(report))))
      )
      const slow: Array<string> = []
      yield* fork(
        Stream.runForEach(broadcast.changes(payment.hash), (report) =>
          Effect.andThen(Effect.sync(() => slow.push(show(report))), Effect.sleep("1 minute")))
      )
      yield* settle
      yield* join(node((self) =>
        self.tell(reject(payment))
      ))
      yield* settle
      assert.deepStrictEqual(seen, ["", "1 Announced", "1 Sent", "1 Rejected"])
      yield* pass("1 minute")
      assert.deepStrictEqual(slow, ["", "1 Rejected"])
      assert.deepStrictEqual(yield* Stream.runCollect(broadcast.changes(other.hash)), [])
    }))

  it.effect("has a report of bounded length, however many peers come and go", () =>
    Effect.gen(function*() {
      const { broadcast, join } = yield* start()
      yield* fork(broadcast.broadcast(payment.bytes))
      const staying = yield* join()
      for (let i = 0; i < 1100; i++) {
        const { leave } = yield* join()
        yield* leave
        yield* Effect.yieldNow
      }
      yield* settle
      const { peers } = Option.getOrThrow(yield* broadcast.status(payment.hash))
      assert.isAtMost(peers.length, 1001)
      assert.strictEqual(peers[0]!.peer, staying.peer.id)
    }), 30_000)
})
