import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import { pass, settle } from "../../utils/network.ts"
import { failureOf, library, read, start } from "../../utils/p2p/downloads.ts"
import * as Relayed from "../../utils/p2p/relayed.ts"

const some = Array.from({ length: 30 }, (_, n) => Relayed.transaction(n))

describe("one transaction", () => {
  it.effect("is asked of one peer after the other", () =>
    Effect.gen(function*() {
      const { downloads, join } = yield* start()
      const without = [yield* join({ onSend: library([]) }), yield* join({ onSend: library([]) })]
      const having = yield* join({ onSend: library(some) })
      const found = yield* downloads.transaction(some[3]!.hash)
      assert.deepStrictEqual(found, { peer: having.peer, txid: some[3]!.hash, bytes: some[3]!.bytes, missed: 0 })
      assert.isAtMost(without[0]!.asked().length + without[1]!.asked().length, 2)
      // Who reads the stream is told of what is relayed, and this was not.
      const { seen } = yield* read(downloads.transactions)
      yield* downloads.transaction(some[3]!.hash)
      assert.deepStrictEqual(seen, [])
    }))

  it.effect("is not found when no peer has it, and timed out when one does not answer", () =>
    Effect.gen(function*() {
      const { downloads, join } = yield* start()
      yield* join({ onSend: library([]) })
      yield* join({ onSend: library([]) })
      const notFound = yield* Effect.exit(downloads.transaction(some[0]!.hash))
      assert.strictEqual(failureOf(notFound)?._tag, "NotFound")
      assert.deepInclude(failureOf(notFound), { asked: 2 })
      yield* join()
      const timedOut = yield* Effect.forkChild(Effect.exit(downloads.transaction(some[0]!.hash)))
      yield* pass("29 seconds")
      assert.isUndefined(timedOut.pollUnsafe())
      yield* pass("1 second")
      const exit = yield* Fiber.join(timedOut)
      assert.strictEqual(failureOf(exit)?.message, "no peer delivered it within 30s")
    }))

  it.effect("waits for peers, but not for ever", () =>
    Effect.gen(function*() {
      const { downloads, join } = yield* start()
      const waiting = yield* Effect.forkChild(Effect.exit(downloads.transaction(some[0]!.hash)))
      const patient = yield* Effect.forkChild(downloads.transaction(some[1]!.hash))
      yield* pass("1 minute")
      yield* join({
        onSend: (message, self) => message._tag === "getdata" ? self.tell(Relayed.tx(some[1]!)) : Effect.void
      })
      yield* settle
      assert.deepStrictEqual((yield* Fiber.join(patient)).txid, some[1]!.hash)
      yield* pass("1 minute")
      assert.strictEqual(failureOf(yield* Fiber.join(waiting))?._tag, "TimedOut")
    }))

  it.effect("is asked only of the peers that may be asked", () =>
    Effect.gen(function*() {
      const { downloads, join } = yield* start()
      const [first, second] = [yield* join({ onSend: library(some) }), yield* join({ onSend: library([]) })]
      const peers = ({ id }: { readonly id: number }) => id === second.peer.id
      const exit = yield* Effect.exit(downloads.transaction(some[0]!.hash, { peers }))
      assert.deepInclude(failureOf(exit), { asked: 1 })
      assert.deepStrictEqual(first.asked(), [])
    }))

  it.effect("is asked for once when many want it, and given back when none does", () =>
    Effect.gen(function*() {
      const { downloads, join } = yield* start()
      const peer = yield* join()
      const wanting = yield* Effect.forEach([1, 2, 3], () =>
        Effect.forkChild(downloads.transaction(some[0]!.hash), { startImmediately: true }))
      yield* settle
      assert.strictEqual(peer.asked().length, 1)
      yield* Fiber.interrupt(wanting[0]!)
      assert.strictEqual((yield* downloads.stats).inventory.asked, 1)
      yield* Fiber.interrupt(wanting[1]!)
      yield* Fiber.interrupt(wanting[2]!)
      assert.strictEqual((yield* downloads.stats).inventory.asked, 0)
      yield* peer.tell(Relayed.tx(some[0]!))
      yield* settle
      assert.strictEqual(peer.points(), 0)
    }))

  it.effect("must have a hash", () =>
    Effect.gen(function*() {
      const { downloads } = yield* start()
      const exit = yield* Effect.exit(downloads.transaction(new Uint8Array(31)))
      assert.isTrue(Exit.hasDies(exit))
    }))
})
