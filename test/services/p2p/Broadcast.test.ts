import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option } from "effect"
import * as InventoryType from "../../../src/domain/p2p/InventoryType.ts"
import * as P2PMessage from "../../../src/domain/p2p/P2PMessage.ts"
import { pass, settle } from "../../utils/network.ts"
import { commands, fork, getdata, node, other, payment, reject, show, some, start } from "../../utils/p2p/broadcasts.ts"
import * as Relayed from "../../utils/p2p/relayed.ts"

describe("a broadcast", () => {
  it.effect("announces a transaction, sends it to who asks, and ends when nobody has rejected it", () =>
    Effect.gen(function*() {
      const { broadcast, join } = yield* start()
      const peers = [yield* join(node()), yield* join(node()), yield* join()]
      const broadcasting = yield* fork(broadcast.broadcast(payment.bytes, { minimum: 2 }))
      yield* pass("1999 millis")
      assert.isUndefined(broadcasting.pollUnsafe())
      yield* pass("1 millis")
      const result = yield* Fiber.join(broadcasting)
      assert.strictEqual(result.outcome, "Taken")
      assert.strictEqual(show(result), "1 Sent, 2 Sent, 3 Announced")
      assert.deepStrictEqual(result.txid, payment.hash)
      assert.strictEqual(result.peers[0]!.endPoint, peers[0]!.peer.endPoint)
      assert.deepStrictEqual(peers.map(commands), ["inv tx", "inv tx", "inv"])
      assert.deepStrictEqual(peers[0]!.sent, [Relayed.inv(payment), Relayed.tx(payment)])
    }))

  it.effect("ends at once when others announce it back", () =>
    Effect.gen(function*() {
      const { broadcast, join } = yield* start()
      yield* join(node())
      const [second, third] = [yield* join(), yield* join()]
      const peers = ({ id }: { readonly id: number }) => id < 3
      const broadcasting = yield* fork(broadcast.broadcast(payment.bytes, { minimum: 2, peers }))
      yield* settle
      yield* second.tell(Relayed.inv(other, payment))
      yield* third.tell(Relayed.inv(payment))
      yield* settle
      const result = yield* Fiber.join(broadcasting)
      assert.strictEqual(result.outcome, "Taken")
      assert.strictEqual(show(result), "1 Sent, 2 Seen, 3 Seen")
      assert.strictEqual(commands(third), "")
    }))

  it.effect("tells who rejects it, with code and reason", () =>
    Effect.gen(function*() {
      const { broadcast, join } = yield* start()
      const peers = [
        yield* join(node((self) => self.tell(reject(payment, 16)))),
        yield* join(node((self) => self.tell(reject(payment, 64)))),
        yield* join()
      ]
      const result = yield* broadcast.broadcast(payment.bytes)
      assert.strictEqual(result.outcome, "Rejected")
      assert.deepStrictEqual(result.peers.map(({ progress }) => progress), [
        { _tag: "Rejected", since: 0, code: 16, reason: "bad-txns" },
        { _tag: "Rejected", since: 0, code: 64, reason: "bad-txns" },
        { _tag: "Announced", since: 0 }
      ])
      // Nodes drop whoever sent them such a transaction.
      for (const { leave } of peers) yield* leave
      yield* settle
      assert.strictEqual(
        show(Option.getOrThrow(yield* broadcast.status(payment.hash))),
        "1 Rejected, 2 Rejected, 3 Lost"
      )
    }))

  it.effect("does not take a rejection for that of another transaction, command or peer", () =>
    Effect.gen(function*() {
      const { broadcast, join } = yield* start()
      yield* join(node((self) =>
        self.tell(reject(other), reject(payment, 16, "block"), { ...reject(payment), data: new Uint8Array(0) })
      ))
      const [stranger] = [yield* join()]
      const broadcasting = yield* fork(broadcast.broadcast(payment.bytes, {
        peers: ({ id }) =>
          id === 1
      }))
      yield* stranger.tell(reject(payment))
      yield* pass("2 seconds")
      const result = yield* Fiber.join(broadcasting)
      assert.strictEqual(result.outcome, "Taken")
      assert.strictEqual(show(result), "1 Sent")
    }))

  it.effect("ends when the time is over, and goes on being offered", () =>
    Effect.gen(function*() {
      const { broadcast, join } = yield* start()
      const silent = yield* join()
      const broadcasting = yield* fork(broadcast.broadcast(payment.bytes, { timeout: "10 seconds" }))
      yield* pass("10 seconds")
      const result = yield* Fiber.join(broadcasting)
      assert.strictEqual(result.outcome, "TimedOut")
      assert.strictEqual(show(result), "1 Announced")
      yield* silent.tell(getdata(payment))
      const late = yield* join(node())
      yield* settle
      assert.strictEqual(commands(silent), "inv tx")
      assert.strictEqual(commands(late), "inv tx")
      assert.strictEqual(show(Option.getOrThrow(yield* broadcast.status(payment.hash))), "1 Sent, 2 Sent")
    }))

  it.effect("says that a peer was lost that ended before it could reject it", () =>
    Effect.gen(function*() {
      const { broadcast, join } = yield* start()
      yield* join(node((self) => self.leave))
      const [silent, settled] = [yield* join(), yield* join(node())]
      const broadcasting = yield* fork(broadcast.broadcast(payment.bytes, { minimum: 2 }))
      yield* pass("2 seconds")
      yield* silent.leave
      yield* settled.leave
      yield* pass("28 seconds")
      const result = yield* Fiber.join(broadcasting)
      assert.strictEqual(result.outcome, "TimedOut")
      assert.strictEqual(show(result), "1 Lost, 2 Lost, 3 Sent")
    }))

  it.effect("goes on when nobody waits for it any more", () =>
    Effect.gen(function*() {
      const { broadcast, join } = yield* start()
      const broadcasting = yield* fork(broadcast.broadcast(payment.bytes))
      yield* settle
      yield* Fiber.interrupt(broadcasting)
      const peer = yield* join(node())
      yield* settle
      assert.strictEqual(commands(peer), "inv tx")
    }))

  it.effect("is not repeated to those that know of it, and reaches more when it is broadcast again", () =>
    Effect.gen(function*() {
      const { broadcast, join } = yield* start()
      const [first, second] = [yield* join(node()), yield* join(node())]
      const one = yield* fork(broadcast.broadcast(payment.bytes, { peers: ({ id }) => id === 1 }))
      yield* settle
      assert.deepStrictEqual([commands(first), commands(second)], ["inv tx", ""])
      const both = yield* fork(broadcast.broadcast(payment.bytes))
      yield* pass("2 seconds")
      assert.deepStrictEqual([commands(first), commands(second)], ["inv tx", "inv tx"])
      assert.strictEqual((yield* Fiber.join(one)).outcome, "Taken")
      assert.strictEqual((yield* Fiber.join(both)).outcome, "Taken")
    }))

  it.effect("keeps bytes of its own", () =>
    Effect.gen(function*() {
      const { broadcast, join } = yield* start()
      const bytes = payment.bytes.slice()
      yield* fork(broadcast.broadcast(bytes))
      yield* settle
      bytes.fill(0)
      const peer = yield* join(node())
      yield* settle
      assert.deepStrictEqual(peer.sent[1], Relayed.tx(payment))
    }))
})

describe("what is refused before anything is sent", () => {
  const cases: ReadonlyArray<readonly [string, Uint8Array, string]> = [
    ["no bytes", new Uint8Array(0), "Malformed"],
    ["a part of a transaction", payment.bytes.subarray(0, -1), "Malformed"],
    ["a transaction and more", Uint8Array.of(...payment.bytes, 0), "Malformed"],
    ["a transaction of 64 bytes", Relayed.ambiguous(1).bytes, "Ambiguous"],
    ["more than a transaction can have", new Uint8Array(1_000_001), "TooLarge"]
  ]
  for (const [what, bytes, reason] of cases) {
    it.effect(what, () =>
      Effect.gen(function*() {
        const { broadcast, join } = yield* start()
        const peer = yield* join(node())
        const error = yield* Effect.flip(broadcast.broadcast(bytes))
        assert.strictEqual(error._tag === "BroadcastError" ? error.reason._tag : error._tag, reason)
        assert.isNotEmpty(error.message)
        yield* settle
        assert.deepStrictEqual(peer.sent, [])
      }))
  }

  it.effect("an option that cannot be used", () =>
    Effect.gen(function*() {
      const { broadcast } = yield* start()
      const error = yield* Effect.flip(broadcast.broadcast(payment.bytes, { minimum: 0 }))
      assert.strictEqual(error.message, "option \"minimum\": an integer from 1 to 1000 is needed, not 0")
    }))
})

describe("serving", () => {
  it.effect("gives a peer only what it was told of, and says of the rest that it is not there", () =>
    Effect.gen(function*() {
      const { broadcast, join } = yield* start()
      const [told, stranger] = [yield* join(), yield* join()]
      yield* fork(broadcast.broadcast(payment.bytes, { peers: ({ id }) => id === 1 }))
      yield* settle
      const block = { type: InventoryType.block, hash: payment.hash }
      yield* stranger.tell(P2PMessage.make("getdata", { inventory: [block, payment.item] }))
      yield* told.tell(getdata(other, payment, payment))
      yield* settle
      assert.deepStrictEqual(stranger.sent, [Relayed.notfound(payment.item)])
      assert.deepStrictEqual(told.sent.slice(1), [Relayed.tx(payment), Relayed.notfound(other.item)])
    }))

  it.effect("sends a transaction three times to a peer, and no more", () =>
    Effect.gen(function*() {
      const { broadcast, join } = yield* start()
      const peer = yield* join()
      yield* fork(broadcast.broadcast(payment.bytes))
      for (let i = 0; i < 10; i++) {
        yield* peer.tell(P2PMessage.make("getdata", { inventory: Array.from({ length: 100 }, () => payment.item) }))
        yield* settle
      }
      assert.strictEqual(peer.sent.filter(({ _tag }) => _tag === "tx").length, 3)
    }))

  it.effect("costs little when a peer asks and does not read", () =>
    Effect.gen(function*() {
      const { broadcast, join } = yield* start()
      let sending = 0
      const peer = yield* join({
        onSend: (message) =>
          message._tag === "inv" ? Effect.void : Effect.suspend(() => {
            sending += 1
            return Effect.never
          })
      })
      const honest = yield* join(node())
      yield* peer.tell(...Array.from({ length: 100 }, () => getdata(...some)))
      yield* fork(broadcast.broadcast(payment.bytes))
      yield* settle
      yield* settle
      assert.strictEqual(sending, 1)
      assert.strictEqual(commands(honest), "inv tx")
    }))

  it.effect("announces all that is offered to a peer that joins, at once", () =>
    Effect.gen(function*() {
      const { broadcast, join } = yield* start()
      for (const { bytes } of some) yield* fork(broadcast.broadcast(bytes))
      yield* settle
      const peer = yield* join()
      yield* settle
      assert.deepStrictEqual(peer.sent, [Relayed.inv(...some)])
    }))
})
