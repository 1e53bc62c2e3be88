import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Message from "../../src/domain/Message.ts"
import { decode, dialPair, numbered, numberedAll } from "../utils/dialling.ts"
import { envelope, fromHex, packetLengths } from "../utils/native.ts"
import { type Bed, pass, withBed } from "../utils/network.ts"

/** What one write may hold at most. */
const writeBytes = 250_000

const urgentService = 9

const urgent = Message.make({ serviceId: urgentService, messageId: 1, body: Uint8Array.of(1, 2, 3) })

/** Where the packets of the urgent messages end, in a stream of whole packets and a piece of one. */
const endsOfUrgent = (stream: Uint8Array): Array<number> => {
  const ends: Array<number> = []
  for (let at = 0; at + 6 <= stream.length;) {
    const length = stream[at]! | (stream[at + 1]! << 8)
    const isUrgent = stream[at + 2] === 0x08 && stream[at + 3] === urgentService
    at += length
    if (isUrgent) ends.push(at)
  }
  return ends
}

/** Offers urgent messages at odd times, and returns how many bytes went out from each offer until it had left. */
const overtaking = (bed: Bed, messages: ReturnType<typeof numberedAll>) =>
  Effect.gen(function*() {
    const { connection, peer } = yield* dialPair(bed, { drainTimeout: 0 })
    yield* Effect.forkChild(connection.sendAll(messages))
    const offeredAt: Array<number> = []
    for (let i = 0; i < 6; i++) {
      yield* pass(`${130 + i * 17} millis`)
      const [link] = yield* bed.network.links
      offeredAt.push(link!.toListener.written)
      yield* connection.trySend(urgent, { priority: "high" })
    }
    yield* pass("800 millis")
    assert.isTrue((yield* connection.stats).queuedBytes > 0, "the normal lane must not run dry")
    const ends = endsOfUrgent(fromHex(yield* peer.rest))
    assert.strictEqual(ends.length, offeredAt.length)
    return ends.map((end, i) => end - offeredAt[i]!)
  })

describe("a message of high priority", () => {
  const loads: ReadonlyArray<readonly [string, ReturnType<typeof numberedAll>]> = [
    ["small messages", numberedAll(90_000, 90)],
    ["messages of one packet", numberedAll(2500, 8000)],
    ["a message of many chunks", numberedAll(2, 9_000_000)],
    ["messages of a few chunks", numberedAll(100, 100_000)]
  ]

  it.effect.each(loads)(
    "waits behind one write at most of a full lane: %s",
    ([, messages]) =>
      withBed((bed) =>
        Effect.gen(function*() {
          const waits = yield* overtaking(bed, messages)
          for (const wait of waits) {
            assert.isTrue(wait > 0 && wait <= writeBytes + envelope.wireSize(urgent), `${wait} bytes`)
          }
          // It is one write that it waits for, and the writes are large.
          assert.isTrue(Math.max(...waits) > 20_000, `${waits.join()}`)
        }), { bandwidth: 2_000_000, window: 4096 })
  )

  it.effect("waits for less when the writes are to be smaller", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connection, peer } = yield* dialPair(bed, { writeBytes: 9000, drainTimeout: 0 })
        yield* Effect.forkChild(connection.sendAll(numberedAll(2, 2_000_000)))
        yield* pass("100 millis")
        const [link] = yield* bed.network.links
        yield* connection.trySend(urgent, { priority: "high" })
        yield* pass("100 millis")
        const [end] = endsOfUrgent(fromHex(yield* peer.rest))
        assert.isTrue(end! - link!.toListener.written <= 9000 + envelope.wireSize(urgent))
      }), { bandwidth: 2_000_000, window: 4096 }))

  it.effect("comes between the chunks of a message, which arrives whole", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connection, peer } = yield* dialPair(bed, { writeBytes: 20_000 })
        yield* Effect.forkChild(connection.sendAll([numbered(1, 200_000), numbered(2, 50)]))
        yield* pass("20 millis")
        yield* connection.send(urgent, { priority: "high" })
        yield* pass("1 second")
        const stream = fromHex(yield* peer.rest)
        assert.strictEqual(packetLengths(stream).reduce((a, b) => a + b), stream.length)
        const messages = decode(stream).map((message) => `${message.messageId} ${message.bodyLength}`)
        assert.deepStrictEqual(messages, ["1 3", "1 200000", "2 50"])
      }), { bandwidth: 2_000_000, window: 4096 }))
})
