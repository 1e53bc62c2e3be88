import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Stream } from "effect"
import * as HashHex from "../../../src/domain/p2p/HashHex.ts"
import * as InventoryType from "../../../src/domain/p2p/InventoryType.ts"
import * as P2PMessage from "../../../src/domain/p2p/P2PMessage.ts"
import type * as Downloads from "../../../src/services/p2p/Downloads.ts"
import { library, read, start } from "../../utils/p2p/downloads.ts"
import { pass, settle, until } from "../../utils/network.ts"
import type * as Peers from "../../utils/p2p/peers.ts"
import * as Relayed from "../../utils/p2p/relayed.ts"

const ids = (all: ReadonlyArray<{ readonly hash: Uint8Array }>) => all.map(({ hash }) => HashHex.format(hash))

const txids = (all: ReadonlyArray<Downloads.Transaction>) => all.map(({ txid }) => HashHex.format(txid))

const some = Array.from({ length: 30 }, (_, n) => Relayed.transaction(n))

describe("the stream of transactions", () => {
  it.effect("has what peers announce, each once, with bytes that are its own", () =>
    Effect.gen(function*() {
      const { downloads, join } = yield* start()
      const { seen } = yield* read(downloads.transactions)
      const slab = new Uint8Array(100_000)
      slab.set(some[0]!.bytes, 500)
      const first = yield* join()
      const second = yield* join()
      yield* first.tell(Relayed.inv(some[0]!))
      yield* second.tell(Relayed.inv(some[0]!))
      yield* settle
      assert.strictEqual(first.asked().length + second.asked().length, 1)
      const asked = first.asked().length === 1 ? first : second
      yield* asked.tell(P2PMessage.make("tx", { bytes: slab.subarray(500, 500 + some[0]!.bytes.length) }))
      yield* settle
      slab.fill(0)
      assert.deepStrictEqual(seen.map(({ bytes }) => bytes), [some[0]!.bytes])
      assert.deepStrictEqual(txids(seen), ids([some[0]!]))
      assert.strictEqual(seen[0]!.peer, asked.peer)
      assert.strictEqual(seen[0]!.missed, 0)
      // It is known now.
      yield* first.tell(Relayed.inv(some[0]!))
      yield* settle
      assert.strictEqual(first.asked().length + second.asked().length, 1)
      assert.strictEqual(first.points() + second.points(), 0)
    }))

  it.effect("looks at a flood of offers some at a time", () =>
    Effect.gen(function*() {
      const { downloads, join } = yield* start()
      yield* read(downloads.transactions)
      const peer = yield* join()
      const hashOf = (n: number) => {
        const hash = new Uint8Array(32)
        new DataView(hash.buffer).setUint32(0, n)
        return hash
      }
      const flood = Array.from({ length: 9000 }, (_, n) => ({ type: InventoryType.transaction, hash: hashOf(n) }))
      const offered = Effect.map(downloads.stats, ({ inventory }) => inventory.offered)
      yield* Effect.forkChild(peer.tell(P2PMessage.make("inv", { inventory: flood })), { startImmediately: true })
      assert.isBelow(yield* offered, flood.length / 4)
      yield* settle
      assert.strictEqual(yield* offered, flood.length)
    }))

  it.effect("asks for ten at a time", () =>
    Effect.gen(function*() {
      const { downloads, join } = yield* start()
      const { seen } = yield* read(downloads.transactions)
      const peer = yield* join()
      yield* peer.tell(Relayed.inv(...some))
      yield* settle
      assert.strictEqual(peer.asked().length, 10)
      for (let n = 0; n < 30; n++) {
        yield* peer.tell(Relayed.tx(some[n]!))
        yield* settle
        assert.isAtMost(peer.asked().length - n - 1, 10)
      }
      assert.deepStrictEqual(txids(seen), ids(some))
      assert.strictEqual(peer.sent.length, 5)
    }))

  it.effect("asks the next peer when one is silent, says that it has it not, or leaves", () =>
    Effect.gen(function*() {
      const { downloads, join } = yield* start({ timeout: "30 seconds" })
      const { seen } = yield* read(downloads.transactions)
      const peers: Array<Peers.FakePeer> = []
      for (let i = 0; i < 4; i++) {
        const peer = yield* join()
        peers.push(peer)
        yield* peer.tell(Relayed.inv(some[0]!))
        yield* settle
      }
      const askedOf = () => peers.filter((peer) => peer.asked().length > 0)
      yield* pass("29 seconds")
      assert.strictEqual(askedOf().length, 1)
      const silent = askedOf()[0]!
      yield* pass("1 second")
      assert.strictEqual(askedOf().length, 2)
      const without = askedOf().find((peer) => peer !== silent)!
      yield* without.tell(Relayed.notfound(some[0]!.item))
      yield* settle
      assert.strictEqual(askedOf().length, 3)
      const leaving = askedOf().find((peer) => peer !== silent && peer !== without)!
      yield* leaving.leave
      yield* settle
      assert.strictEqual(askedOf().length, 4)
      const last = askedOf().find((peer) => peer !== silent && peer !== without && peer !== leaving)!
      yield* last.tell(Relayed.tx(some[0]!))
      yield* settle
      assert.deepStrictEqual(txids(seen), ids([some[0]!]))
      // What the silent one sends at last was asked for.
      yield* silent.tell(Relayed.tx(some[0]!))
      yield* settle
      assert.strictEqual(silent.points(), 0)
      assert.strictEqual(seen.length, 1)
      const { inventory } = yield* downloads.stats
      assert.deepInclude(inventory, { delivered: 1, timedOut: 1, refused: 1, late: 1, asked: 0, waiting: 0 })
    }))

  it.effect("follows nobody without a reader, and gives the jobs back when the last one goes", () =>
    Effect.gen(function*() {
      const { downloads, join } = yield* start()
      const peer = yield* join()
      yield* peer.tell(Relayed.inv(...some))
      yield* settle
      assert.deepStrictEqual(peer.sent, [])
      const first = yield* read(downloads.transactions)
      const second = yield* read(downloads.transactions)
      yield* peer.tell(Relayed.inv(...some))
      yield* settle
      yield* Fiber.interrupt(first.fiber)
      assert.strictEqual((yield* downloads.stats).inventory.asked, 10)
      yield* Fiber.interrupt(second.fiber)
      const { inventory } = yield* downloads.stats
      assert.deepInclude(inventory, { asked: 0, waiting: 0 })
      yield* peer.tell(...some.slice(0, 10).map(Relayed.tx))
      yield* settle
      assert.strictEqual(peer.points(), 0)
      yield* pass("1 hour")
      assert.strictEqual(peer.asked().length, 10)
    }))

  it.effect("follows only the peers that it is to follow", () =>
    Effect.gen(function*() {
      const { downloads, join } = yield* start({ relayed: ({ id }) => id === 2 })
      yield* read(downloads.transactions)
      const [first, second] = [yield* join(), yield* join()]
      yield* first.tell(Relayed.inv(some[0]!))
      yield* second.tell(Relayed.inv(some[0]!))
      yield* settle
      assert.deepStrictEqual([first.asked().length, second.asked().length], [0, 1])
    }))

  it.effect("tells a slow reader what it has missed, and holds no more than it may", () =>
    Effect.gen(function*() {
      const { downloads, join } = yield* start({ bufferSize: 5 })
      const seen: Array<Downloads.Transaction> = []
      const slow = yield* Effect.forkChild(
        Stream.runForEach(downloads.transactions, (transaction) =>
          Effect.andThen(Effect.sync(() => seen.push(transaction)), Effect.sleep("1 minute"))),
        { startImmediately: true }
      )
      const fast = yield* read(downloads.transactions)
      const peer = yield* join({ onSend: library(some) })
      yield* peer.tell(Relayed.inv(some[0]!))
      yield* settle
      yield* peer.tell(Relayed.inv(...some.slice(1)))
      yield* until("all are there", () =>
        fast.seen.length === 30)
      assert.strictEqual(fast.seen.length, 30)
      yield* pass("10 minutes")
      assert.deepStrictEqual(txids(seen), ids([some[0]!, ...some.slice(25)]))
      assert.deepStrictEqual(
        seen.map(({ missed }) => missed),
        [0, 24, 0, 0, 0, 0]
      )
      yield* Fiber.interrupt(slow)
    }))

  it.effect("holds no more bytes than it may for a slow reader", () =>
    Effect.gen(function*() {
      const large = Array.from({ length: 8 }, (_, n) => Relayed.transaction(n, 10_000))
      const { downloads, join } = yield* start({ bufferBytes: 25_000 })
      const seen: Array<Downloads.Transaction> = []
      yield* Effect.forkChild(
        Stream.runForEach(downloads.transactions, (transaction) =>
          Effect.andThen(Effect.sync(() => seen.push(transaction)), Effect.sleep("1 minute"))),
        { startImmediately: true }
      )
      const peer = yield* join({ onSend: library(large) })
      yield* peer.tell(Relayed.inv(large[0]!))
      yield* settle
      yield* peer.tell(Relayed.inv(...large.slice(1)))
      yield* settle
      yield* pass("10 minutes")
      assert.deepStrictEqual(
        seen.map(({ missed }) =>
          missed
        ),
        [0, 5, 0]
      )
    }))

  it.effect("ends with the service", () =>
    Effect.gen(function*() {
      const { close, downloads } = yield* start()
      const { fiber } = yield* read(downloads.transactions)
      yield* close
      yield* settle
      assert.isTrue(Exit.isSuccess(yield* Fiber.await(fiber)))
      const late = yield* read(downloads.doubleSpends)
      assert.isTrue(Exit.isSuccess(yield* Fiber.await(late.fiber)))
    }))
})

describe("the stream of double-spend proofs", () => {
  it.effect("has the proof and its hash", () =>
    Effect.gen(function*() {
      const { downloads, join } = yield* start()
      const { seen } = yield* read(downloads.doubleSpends)
      const peer = yield* join()
      const proof = Relayed.doubleSpend(7)
      // Nobody reads transactions.
      yield* peer.tell(Relayed.inv(proof, some[0]!))
      yield* settle
      assert.deepStrictEqual(peer.asked(), [proof.item])
      yield* peer.tell(proof.proof, Relayed.doubleSpend(8).proof)
      yield* settle
      assert.deepStrictEqual(
        seen.map(({ hash, missed, peer, proof }) => ({ hash, missed, peer: peer.id, proof })),
        [{ hash: proof.hash, missed: 0, peer: peer.peer.id, proof: proof.proof }]
      )
      assert.strictEqual((yield* downloads.stats).inventory.unasked, 1)
    }))
})

describe("a peer that sends what nobody asked for", () => {
  it.effect("loses 34 points for each transaction, and what it sent is not told", () =>
    Effect.gen(function*() {
      const { downloads, join } = yield* start()
      const { seen } = yield* read(downloads.transactions)
      const [liar, honest] = [yield* join(), yield* join()]
      yield* honest.tell(Relayed.inv(some[1]!))
      yield* settle
      yield* liar.tell(...some.slice(0, 3).map(Relayed.tx))
      yield* settle
      assert.strictEqual(liar.points(), 3 * 34)
      assert.deepStrictEqual(seen, [])
      yield* honest.tell(Relayed.tx(some[1]!))
      yield* settle
      assert.strictEqual(honest.points(), 0)
      assert.deepStrictEqual(txids(seen), ids([some[1]!]))
    }))

  it.effect("is not punished for those that it was made to send, each once", () =>
    Effect.gen(function*() {
      const { downloads, join } = yield* start()
      const { seen } = yield* read(downloads.transactions)
      const [peer, other] = [yield* join(), yield* join()]
      yield* downloads.expect(peer.peer, some.slice(0, 2).map(({ hash }) => hash))
      yield* peer.tell(Relayed.tx(some[0]!), Relayed.tx(some[1]!))
      yield* settle
      assert.strictEqual(peer.points(), 0)
      assert.deepStrictEqual(seen, [])
      yield* peer.tell(Relayed.tx(some[0]!))
      yield* other.tell(Relayed.tx(some[1]!))
      yield* settle
      assert.deepStrictEqual([peer.points(), other.points()], [34, 34])
      yield* other.leave
      yield* downloads.expect(other.peer, [some[0]!.hash])
    }))

  it.effect("is ended for bytes that are no transaction, announced or not", () =>
    Effect.gen(function*() {
      const { downloads, join } = yield* start()
      const { seen } = yield* read(downloads.transactions)
      const whole = some[0]!.bytes
      for (const bytes of [whole.subarray(0, 40), Uint8Array.of(...whole, 0), new Uint8Array(0)]) {
        const garbage = Relayed.fromBytes(bytes)
        const peer = yield* join({ onSend: library([garbage]) })
        yield* peer.tell(Relayed.inv(garbage))
        yield* settle
        assert.isFalse(peer.isThere())
        assert.strictEqual(peer.points(), 200)
      }
      assert.deepStrictEqual(seen, [])
    }))

  it.effect("loses points for a block", () =>
    Effect.gen(function*() {
      const { join } = yield* start()
      const peer = yield* join()
      yield* peer.tell(P2PMessage.make("block", { bytes: Relayed.blockOf(1).bytes }))
      yield* peer.tell(P2PMessage.make("block", { bytes: new Uint8Array(0) }))
      yield* settle
      assert.strictEqual(peer.points(), 200)
    }))
})

describe("a flood", () => {
  it.effect("of announcements takes no room from others", () =>
    Effect.gen(function*() {
      const { downloads, join } = yield* start({ maxItems: 200, maxItemsPerPeer: 150 })
      const { seen } = yield* read(downloads.transactions)
      const flooders = [yield* join(), yield* join(), yield* join()]
      for (const [at, flooder] of flooders.entries()) {
        const inventory = Array.from({ length: 20_000 }, (_, n) => ({
          type: InventoryType.transaction,
          hash: Uint8Array.from({ length: 32 }, (_, i) => i === 0 ? at : i < 4 ? (n >> (8 * (i - 1))) & 255 : 1)
        }))
        yield* flooder.tell(P2PMessage.make("inv", { inventory }))
        yield* settle
      }
      const honest = yield* join({ onSend: library(some) })
      yield* honest.tell(Relayed.inv(...some))
      yield* until("all are there", () => seen.length === 30)
      assert.deepStrictEqual(txids(seen).sort(), ids(some).sort())
      const { inventory } = yield* downloads.stats
      assert.isAtMost(inventory.waiting + inventory.asked, 200)
      // What was not taken, or taken and given up, was counted.
      assert.isAtLeast(inventory.offered + inventory.dropped, 60_000 + some.length)
    }))

  it.effect("of answers to nothing changes nothing", () =>
    Effect.gen(function*() {
      const { downloads, join } = yield* start()
      const { seen } = yield* read(downloads.transactions)
      const peer = yield* join()
      yield* peer.tell(Relayed.inv(some[0]!))
      yield* settle
      const inventory = Array.from({ length: 50_000 }, () => some[1]!.item)
      yield* peer.tell(P2PMessage.make("notfound", { inventory }), Relayed.tx(some[0]!))
      yield* settle
      assert.deepStrictEqual(txids(seen), ids([some[0]!]))
    }))
})
