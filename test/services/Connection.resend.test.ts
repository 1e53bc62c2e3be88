import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type * as Message from "../../src/domain/Message.ts"
import { decode, dial, idsOf, isIntact, numbered, numberedAll, serve, server } from "../utils/dialling.ts"
import { encode, fromHex, packetLengths, Random, seed, toHex } from "../utils/native.ts"
import { type Bed, pass, type RawPeer, until, withBed } from "../utils/network.ts"

/** All that peers have received, one after the other. */
const streams = (peers: ReadonlyArray<RawPeer>) => Effect.forEach(peers, (peer) => Effect.map(peer.rest, fromHex))

/** Collects those who dial. */
const gather = (bed: Bed) =>
  Effect.gen(function*() {
    const { accept, count } = yield* serve(bed)
    const peers: Array<RawPeer> = []
    yield* Effect.forkChild(
      Effect.forever(Effect.map(accept, (peer) => peers.push(peer))),
      { startImmediately: true }
    )
    return { peers, count }
  })

/** With a small window a write is done when nearly all of it is read. */
const slow = { window: 1 }

/** Queues messages, lets the first link be cut behind some bytes, and returns what each peer got. */
const cutOnce = (
  bed: Bed,
  bytes: number,
  send: (connection: Effect.Success<ReturnType<typeof dial>>) => Effect.Effect<unknown, unknown>,
  options: Parameters<typeof dial>[1] = {}
) =>
  Effect.gen(function*() {
    const connection = yield* dial(bed, options)
    yield* Effect.orDie(send(connection))
    const { peers } = yield* gather(bed)
    yield* bed.network.cutAfter(server, bytes, "toListener")
    yield* pass("4 seconds")
    yield* until("the second socket", () => peers.length === 2)
    yield* bed.network.setConditions({ window: 100_000 })
    yield* pass("1 minute")
    const sent = (yield* connection.stats).messagesSent
    return { streams: yield* streams(peers), sent }
  })

const batch = numberedAll(3)
const batchBytes = encode(...batch)

describe("messages that a lost socket had not taken", () => {
  it.effect.each(Array.from({ length: batchBytes.length - 1 }, (_, i) => i + 1))(
    "leave again, all and in order, when the link is cut within them: byte %d",
    (bytes) =>
      withBed((bed) =>
        Effect.gen(function*() {
          const { sent, streams } = yield* cutOnce(bed, bytes, (connection) => connection.sendAll(batch))
          assert.strictEqual(streams.length, 2)
          assert.strictEqual(toHex(streams[0]!), toHex(batchBytes.subarray(0, bytes)))
          assert.strictEqual(toHex(streams[1]!), toHex(batchBytes))
          assert.strictEqual(sent, 3)
        }), slow)
  )

  it.effect("are none when the system has taken all: nothing comes twice", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { sent, streams } = yield* cutOnce(bed, batchBytes.length, (connection) => connection.sendAll(batch))
        assert.deepStrictEqual(streams.map(toHex), [toHex(batchBytes), ""])
        assert.strictEqual(sent, 3)
      }), slow))

  const high = numberedAll(2, 4, 100)
  const whole = encode(...high, ...batch)

  it.effect.each([1, 10, 11, 12, 20, 30, 40, whole.length - 1])(
    "keep their lanes, high ones first, whatever was on its way: byte %d",
    (bytes) =>
      withBed((bed) =>
        Effect.gen(function*() {
          const { streams } = yield* cutOnce(
            bed,
            bytes,
            (connection) => Effect.andThen(connection.sendAll(batch), connection.sendAll(high, { priority: "high" }))
          )
          assert.deepStrictEqual(streams.map(toHex), [toHex(whole.subarray(0, bytes)), toHex(whole)])
        }), slow)
  )

  const chunked = [numbered(1), numbered(2, 30_000), numbered(3)]
  const chunkedBytes = encode(...chunked)

  it.effect.each([11, 12, 8000, 8037, 8038, 16_000, 20_000, 27_000, 29_900])(
    "start over from their first chunk: byte %d",
    (bytes) =>
      withBed((bed) =>
        Effect.gen(function*() {
          // Each chunk is a write of its own, so the first ones have been taken when the link is cut.
          const { streams } = yield* cutOnce(bed, bytes, (connection) => connection.sendAll(chunked), {
            writeBytes: 9000
          })
          assert.strictEqual(streams.length, 2)
          assert.strictEqual(toHex(streams[0]!), toHex(chunkedBytes.subarray(0, bytes)))
          const again = decode(streams[1]!)
          assert.isTrue(again.every(isIntact))
          const before = decode(streams[0]!)
          // What was written is not written again: the first message left with the first write, if that was done.
          const all = [...idsOf(before), ...idsOf(again)]
          assert.deepStrictEqual(Array.from(new Set(all)), [1, 2, 3])
          assert.include(idsOf(again), 2)
          assert.strictEqual(packetLengths(streams[1]!).filter((length) => length > 8000).length, 3)
        }), { window: 100 })
  )

  it.effect("are few, and none is lost or out of order, over many cuts at random", () =>
    Effect.gen(function*() {
      for (let round = 0; round < 25; round++) {
        const random = new Random(seed + round)
        yield* withBed((bed) => manyCuts(bed, random), { window: 1 + random.below(3) }).pipe(
          Effect.tapDefect(() => Effect.sync(() => assert.fail(`seed ${seed + round}`)))
        )
      }
    }))
})

/** Sends messages over links that are cut again and again, and checks what the peers got. */
const manyCuts = (bed: Bed, random: Random) =>
  Effect.gen(function*() {
    const count = 30
    const messages: Array<Message.Message> = Array.from(
      { length: count },
      (_, i) => numbered(i, random.chance(10) ? random.between(8001, 9000) : random.below(60))
    )
    const connection = yield* dial(bed, { writeBytes: 9000, normalLaneMessages: 10 })
    yield* Effect.forkChild(Effect.orDie(connection.sendAll(messages)))
    const { peers } = yield* gather(bed)
    for (let cuts = 0; cuts < 4; cuts++) {
      yield* bed.network.cutAfter(server, random.between(1, random.chance(50) ? 80 : 12_000), "toListener")
      yield* pass("45 seconds")
    }
    yield* bed.network.heal()
    yield* bed.network.setConditions({ window: 100_000 })
    yield* pass("2 minutes")
    const received = (yield* streams(peers)).map(decode)
    assert.strictEqual((yield* connection.stats).messagesSent, count)
    let expected = 0
    for (const part of received) {
      assert.isTrue(part.every(isIntact))
      const ids = idsOf(part)
      if (ids.length === 0) continue
      // No gap to what came before, and no step back but at the beginning of a socket.
      assert.isTrue(ids[0]! <= expected, `${ids[0]} after ${expected - 1}`)
      assert.deepStrictEqual(ids, ids.map((_, i) => ids[0]! + i))
      expected = Math.max(expected, ids.at(-1)! + 1)
    }
    assert.strictEqual(expected, count)
  })
