import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Stream } from "effect"
import * as HashHex from "../../../src/domain/p2p/HashHex.ts"
import * as InventoryType from "../../../src/domain/p2p/InventoryType.ts"
import * as P2PMessage from "../../../src/domain/p2p/P2PMessage.ts"
import type * as Downloads from "../../../src/services/p2p/Downloads.ts"
import { failureOf, library, start } from "../../utils/p2p/downloads.ts"
import { Random, seed } from "../../utils/native.ts"
import { pass, settle, until } from "../../utils/network.ts"
import type * as Peers from "../../utils/p2p/peers.ts"
import * as Relayed from "../../utils/p2p/relayed.ts"

const chain = Array.from({ length: 40 }, (_, n) => Relayed.blockOf(n + 1, n % 7))

const hashes = chain.map(({ hash }) => hash)

const send = (...blocks: ReadonlyArray<Relayed.Relayed>) =>
  blocks.map(({ bytes }) => P2PMessage.make("block", { bytes }))

const ids = (all: ReadonlyArray<{ readonly hash: Uint8Array }>) => all.map(({ hash }) => HashHex.format(hash))

/** A peer that sends forged bytes for each block that it is asked for. */
const forger = (forge: (block: Relayed.RelayedBlock) => Uint8Array): Peers.PeerOptions["onSend"] => (message, self) =>
  message._tag !== "getdata" ? Effect.void : Effect.forEach(message.inventory, ({ hash }) =>
    self.tell(
      P2PMessage.make("block", { bytes: forge(chain.find((block) => HashHex.equals(block.hash, hash))!) })
    ))

describe("blocks", () => {
  it.effect("come in the order asked for, with their transactions", () =>
    Effect.gen(function*() {
      const { downloads, join } = yield* start()
      const peers = [yield* join({ onSend: library(chain) }), yield* join({ onSend: library(chain) })]
      const blocks = yield* Stream.runCollect(downloads.blocks(hashes))
      assert.deepStrictEqual(ids(blocks), ids(chain))
      for (const [at, { bytes, transactions, txids }] of blocks.entries()) {
        assert.deepStrictEqual(bytes, chain[at]!.bytes)
        assert.deepStrictEqual(
          txids.map(HashHex.format),
          ids(chain[at]!.transactions)
        )
        assert.deepStrictEqual(transactions, chain[at]!.transactions.map(({ bytes }) => bytes))
      }
      assert.strictEqual(blocks[0]!.header.bits, 0x207f_ffff)
      // Both have done some of it, and nothing was fetched twice.
      assert.isAbove(Math.min(...peers.map((peer) => peer.asked().length)), 10)
      assert.strictEqual(peers[0]!.asked().length + peers[1]!.asked().length, 40)
    }))

  it.effect("are fetched ahead so far and no further while the reader is busy", () =>
    Effect.gen(function*() {
      const { downloads, join } = yield* start({ prefetch: 4 })
      const peer = yield* join({ onSend: library(chain) })
      const seen: Array<Downloads.Block> = []
      yield* Effect.forkChild(
        Stream.runForEach(downloads.blocks(hashes), (block) =>
          Effect.andThen(Effect.sync(() => seen.push(block)), Effect.sleep("1 minute")))
      )
      for (let minutes = 0; minutes < 8; minutes++) {
        yield* pass("1 minute")
        assert.isAtMost(peer.asked().length, seen.length + 6)
      }
      assert.deepStrictEqual(ids(seen), ids(chain.slice(0, 9)))
    }))

  it.effect("are asked of several peers at once, two of each", () =>
    Effect.gen(function*() {
      const { downloads, join } = yield* start({ prefetch: 5 })
      const peers = [yield* join(), yield* join(), yield* join(), yield* join({ services: 4n })]
      yield* Effect.forkChild(Stream.runDrain(downloads.blocks(hashes)))
      yield* settle
      // One that says that it has no blocks is not asked.
      assert.deepStrictEqual(peers.map((peer) => peer.asked().length).sort(), [0, 1, 2, 2])
      assert.deepStrictEqual(peers[3]!.asked(), [])
      const asked = peers.flatMap((peer) => peer.asked())
      assert.deepStrictEqual(ids(asked).sort(), ids(chain.slice(0, 5)).sort())
    }))

  it.effect("are moved to another peer when one stalls", () =>
    Effect.gen(function*() {
      const { downloads, join } = yield* start({ prefetch: 3, blockTimeout: "10 seconds" })
      const stalling = yield* join()
      const reading = yield* Effect.forkChild(Stream.runCollect(downloads.blocks(hashes)))
      yield* settle
      assert.strictEqual(stalling.asked().length, 2)
      yield* join({ onSend: library(chain) })
      yield* pass("9 seconds")
      assert.isUndefined(reading.pollUnsafe())
      yield* pass("1 second")
      // The stalling one holds nothing up any more: once was enough.
      assert.deepStrictEqual(ids(yield* Fiber.join(reading)), ids(chain))
      assert.strictEqual(stalling.asked().length, 2)
    }))

  it.effect("are moved to another peer when one leaves", () =>
    Effect.gen(function*() {
      const { downloads, join } = yield* start()
      const leaving = yield* join()
      const reading = yield* Effect.forkChild(Stream.runCollect(downloads.blocks(hashes)))
      yield* settle
      yield* leaving.leave
      yield* settle
      assert.isUndefined(reading.pollUnsafe())
      yield* join({ onSend: library(chain) })
      assert.deepStrictEqual(ids(yield* Fiber.join(reading)), ids(chain))
    }))

  it.effect("fail in the place of the one that nobody has", () =>
    Effect.gen(function*() {
      const { downloads, join } = yield* start()
      yield* join({ onSend: library(chain.slice(0, 5)) })
      const seen: Array<Downloads.Block> = []
      const exit = yield* Effect.exit(
        Stream.runForEach(downloads.blocks(hashes), (block) => Effect.sync(() => seen.push(block)))
      )
      assert.deepStrictEqual(ids(seen), ids(chain.slice(0, 5)))
      assert.strictEqual(failureOf(exit)?._tag, "NotFound")
      assert.deepInclude(yield* Effect.map(downloads.stats, ({ blocks }) => blocks), { asked: 0, waiting: 0 })
    }))

  it.effect("are given up when there is no peer for too long", () =>
    Effect.gen(function*() {
      const { downloads } = yield* start({ blockPatience: "1 minute" })
      const reading = yield* Effect.forkChild(Effect.exit(Stream.runDrain(downloads.blocks(hashes))))
      yield* pass("59 seconds")
      assert.isUndefined(reading.pollUnsafe())
      yield* pass("1 second")
      assert.strictEqual(failureOf(yield* Fiber.join(reading))?.message, "no peer delivered it within 1m")
    }))

  it.effect("are given back when the reader goes", () =>
    Effect.gen(function*() {
      const { downloads, join } = yield* start()
      const peer = yield* join()
      const reading = yield* Effect.forkChild(Stream.runDrain(downloads.blocks(hashes)))
      yield* settle
      assert.deepInclude((yield* downloads.stats).blocks, { asked: 2, waiting: 6 })
      yield* Fiber.interrupt(reading)
      assert.deepInclude((yield* downloads.stats).blocks, { asked: 0, waiting: 0 })
      // What comes now was asked for.
      yield* peer.tell(...send(chain[0]!, chain[1]!))
      yield* settle
      assert.strictEqual(peer.points(), 0)
      assert.strictEqual((yield* downloads.stats).blocks.late, 2)
      yield* peer.tell(...send(chain[0]!))
      yield* settle
      assert.strictEqual(peer.points(), 100)
    }))
})

describe("a forged block", () => {
  const whole = Relayed.transaction
  const pairs = Relayed.block([whole(1, 9, true), whole(2), whole(3)])
  const repeated = Relayed.block(pairs.transactions, [...pairs.transactions, pairs.transactions[2]!])
  const forgeries: ReadonlyArray<readonly [string, (block: Relayed.RelayedBlock) => Uint8Array]> = [
    ["with another transaction", ({ bytes }) => Uint8Array.of(...bytes.subarray(0, -1), 1)],
    ["cut off", ({ bytes }) => bytes.subarray(0, -1)],
    ["with bytes behind it", ({ bytes }) => Uint8Array.of(...bytes, 0)],
    ["without transactions", ({ bytes }) => Uint8Array.of(...bytes.subarray(0, 80), 0)],
    ["that is a header", ({ bytes }) => bytes.subarray(0, 80)],
    [
      "with a count that no memory has room for",
      ({ bytes }) =>
        Uint8Array.of(...bytes.subarray(0, 80), 255, 255, 255, 255, 255, 255, 255, 31, 0, ...bytes.subarray(81))
    ]
  ]

  for (const [what, forge] of forgeries) {
    it.effect(`${what} bans the peer, and another one is asked`, () =>
      Effect.gen(function*() {
        const { downloads, join } = yield* start()
        const liar = yield* join({ onSend: forger(forge) })
        const reading = yield* Effect.forkChild(Stream.runCollect(downloads.blocks(hashes.slice(0, 2))))
        yield* settle
        assert.strictEqual(liar.points(), 1000)
        assert.isFalse(liar.isThere())
        yield* join({ onSend: library(chain) })
        assert.deepStrictEqual(ids(yield* Fiber.join(reading)), ids(chain.slice(0, 2)))
      }))
  }

  it.effect("of the same root, with transactions repeated (CVE-2012-2459), bans the peer", () =>
    Effect.gen(function*() {
      const { downloads, join } = yield* start()
      assert.deepStrictEqual(repeated.hash, pairs.hash)
      const liar = yield* join({ onSend: library([repeated]) })
      const reading = yield* Effect.forkChild(Stream.runCollect(downloads.blocks([pairs.hash])))
      yield* settle
      assert.strictEqual(liar.points(), 1000)
      assert.match(liar.punished[0]!, /the end of the list is repeated/)
      yield* join({ onSend: library([pairs]) })
      const [block] = yield* Fiber.join(reading)
      assert.deepStrictEqual(block!.bytes, pairs.bytes)
    }))
})

describe("peers that lie, stall and leave", () => {
  it.effect.each(Array.from({ length: 10 }, (_, i) => seed + i))(
    "do not keep blocks and transactions from coming, as long as one is honest (seed %s)",
    (seed) =>
      Effect.gen(function*() {
        const random = new Random(seed)
        const { downloads, join } = yield* start({ prefetch: 1 + random.below(12) })
        const others: Array<Peers.FakePeer> = []
        const behaviours = (): Peers.PeerOptions["onSend"] =>
          random.pick([
            library([]),
            library(chain.filter(() => random.chance(50))),
            forger(({ bytes }) => bytes.subarray(0, random.below(bytes.length))),
            () => Effect.void,
            (message, self) => message._tag === "getdata" ? self.leave : Effect.void
          ])
        const honest = yield* join({ onSend: library(chain) })
        const reading = yield* Effect.forkChild(Stream.runCollect(downloads.blocks(hashes)))
        for (let round = 0; round < 20; round++) {
          others.push(yield* join({ onSend: behaviours() }))
          if (random.chance(30)) yield* random.pick(others).leave
          yield* pass(`${random.below(20)} seconds`)
        }
        for (let minutes = 0; minutes < 60 && reading.pollUnsafe() === undefined; minutes++) yield* pass("1 minute")
        yield* until("all blocks are there", () => reading.pollUnsafe() !== undefined)
        assert.deepStrictEqual(ids(yield* Fiber.join(reading)), ids(chain))
        assert.strictEqual(honest.points(), 0)
        assert.deepInclude((yield* downloads.stats).blocks, { asked: 0, waiting: 0 })
      })
  )
})

it.effect("a transaction by the hash of a block is not found, nor a block by the hash of a transaction", () =>
  Effect.gen(function*() {
    const { downloads, join } = yield* start()
    const transaction = Relayed.transaction(1)
    const peer = yield* join({
      onSend: (message, self) =>
        message._tag === "getdata"
          ? message.inventory[0]!.type === InventoryType.transaction
            ? self.tell(...send(chain[0]!))
            : self.tell(Relayed.tx(transaction))
          : Effect.void
    })
    const exits = yield* Effect.forkChild(Effect.all([
      Effect.exit(Effect.asVoid(downloads.transaction(hashes[0]!))),
      Effect.exit(Stream.runDrain(downloads.blocks([transaction.hash])))
    ], { concurrency: 2 }))
    yield* pass("10 minutes")
    for (const exit of yield* Fiber.join(exits)) assert.isTrue(Exit.isFailure(exit))
    assert.strictEqual(peer.points(), 134)
  }))
