import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Option, Scope, Stream } from "effect"
import * as InventoryType from "../../../src/domain/p2p/InventoryType.ts"
import * as P2PMessage from "../../../src/domain/p2p/P2PMessage.ts"
import * as NodeHash256 from "../../../src/layers/NodeHash256.ts"
import * as Broadcast from "../../../src/services/p2p/Broadcast.ts"
import { pass, settle } from "../../utils/network.ts"
import * as Peers from "../../utils/peers.ts"
import * as Relayed from "../../utils/relayed.ts"

const start = (options: Broadcast.Options = {}) =>
  Effect.gen(function*() {
    const peers = yield* Peers.make
    const scope = yield* Scope.fork(yield* Effect.scope)
    const broadcast = yield* Broadcast.make(options).pipe(
      Effect.provide(Layer.merge(peers.layer, NodeHash256.layer)),
      Scope.provide(scope),
      Effect.orDie
    )
    return { ...peers, broadcast, close: Scope.close(scope, Exit.void) }
  })

const some = Array.from({ length: 8 }, (_, n) => Relayed.transaction(n))

const [payment, other] = some as [Relayed.Relayed, Relayed.Relayed]

const getdata = (...relayed: ReadonlyArray<Relayed.Relayed>) =>
  P2PMessage.make("getdata", { inventory: relayed.map(({ item }) => item) })

const reject = (relayed: Relayed.Relayed, code = 16, command = "tx") =>
  P2PMessage.make("reject", { command, code, reason: "bad-txns", data: relayed.hash })

/** A node that takes each transaction that it hears of, and may have more to say when it has it. */
const node = (
  onTransaction?: (self: Peers.FakePeer) => Effect.Effect<unknown>
): Peers.PeerOptions => ({
  onSend: (message, self) => {
    if (message._tag === "inv") return self.tell(P2PMessage.make("getdata", { inventory: message.inventory }))
    return message._tag === "tx" ? onTransaction?.(self) ?? Effect.void : Effect.void
  }
})

const show = ({ peers }: Pick<Broadcast.Result, "peers">) =>
  peers.map(({ peer, progress }) => `${peer} ${progress._tag}`).join(", ")

const commands = ({ sent }: Peers.FakePeer) => sent.map(({ _tag }) => _tag).join(" ")

const fork = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkChild(effect, { startImmediately: true })

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
