import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Duration } from "effect"
import * as Message from "../../src/domain/Message.ts"
import type * as NetworkManager from "../../src/services/NetworkManager.ts"
import * as Native from "../utils/native.ts"
import { address, type Bed, pass, type RawPeer, settle, withBed } from "../utils/network.ts"

const server = "10.0.0.9:1235"
const stranger = "10.0.0.66"
const ping = "0600 087e 2c 04"
const small = Native.packet("0805 1001 04")

const large = (size: number) => Native.encode(Message.make({ serviceId: 5, messageId: 1, body: new Uint8Array(size) }))

/** A host that writes down what it is told, and why connections end. */
const serve = (bed: Bed, options: NetworkManager.BindOptions<never, never> = {}) =>
  Effect.gen(function*() {
    const host = yield* bed.host("10.0.0.9")
    const ends: Array<string> = []
    const sizes: Array<number> = []
    const listener = yield* host.manager.bind(server, {
      limitRate: false,
      firstPingTimeout: Infinity,
      nextPingTimeout: Infinity,
      onConnection: (connection) =>
        Effect.gen(function*() {
          yield* connection.handle((message) => void sizes.push(message.bodyLength))
          const state = yield* connection.state
          if (state._tag === "Closed") ends.push(state.reason.message)
        }),
      ...options
    })
    return { host, listener, ends, sizes }
  }).pipe(Effect.orDie)

/** Sends bytes in pieces, with time between them, until they are through or the connection is closed. */
const trickle = (peer: RawPeer, bytes: Uint8Array, size: number, every: Duration.Input, between?: Uint8Array) =>
  Effect.gen(function*() {
    let pieces = 0
    for (let at = 0; at < bytes.length && (yield* peer.status) === "open"; at += size) {
      yield* peer.send(bytes.subarray(at, at + size))
      if (between !== undefined) yield* peer.send(between)
      yield* pass(every)
      pieces += 1
    }
    return pieces
  })

const tooSlow = "the peer was not done with sending a message after 1m"

describe("one who begins a message", () => {
  it.effect("and sends a byte a second is ended, though it pings", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { ends, sizes } = yield* serve(bed)
        const peer = yield* bed.dial(stranger, server)
        const seconds = yield* trickle(peer, Native.packet("0805 1001 04", new Uint8Array(8000)), 1, "1 second")
        assert.isAtMost(seconds, 91)
        assert.isAtLeast(seconds, 60)
        assert.deepStrictEqual([ends, sizes], [[tooSlow], []])
      })
    ))

  it.effect("brings much of it, and then nothing more, is ended, and its memory is free", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { ends, host } = yield* serve(bed)
        const peer = yield* bed.dial(stranger, server)
        const bytes = large(31_000_000)
        yield* peer.send(bytes.subarray(0, 2_000_000))
        yield* pass("40 seconds")
        // To have been fast before is worth no more than the time that it has anyway.
        yield* peer.send(bytes.subarray(2_000_000, 20_000_000))
        yield* pass("79 seconds")
        assert.strictEqual(yield* peer.status, "open")
        yield* pass("1 second")
        assert.deepStrictEqual(ends, [tooSlow])
        assert.strictEqual((yield* host.pool.stats).taken, 0)
      })
    ))

  it.effect("of chunks without an end is ended, whatever whole messages and pings come between them", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { ends, sizes } = yield* serve(bed)
        const peer = yield* bed.dial(stranger, server)
        yield* peer.send(Native.packet("0805 1101 18 f0c340 25 04".replaceAll(" ", ""), new Uint8Array(1)))
        // Chunks of one byte, each with a message behind it.
        const chunks = Native.concat(
          Array.from({ length: 300 }, () => Native.packet("0805 1101 25 04", new Uint8Array(1)))
        )
        yield* trickle(peer, chunks, chunks.length / 300, "1 second", Native.concat([small, Native.fromHex(ping)]))
        assert.deepStrictEqual(ends, [tooSlow])
        assert.isAtLeast(sizes.length, 59)
        assert.isAtMost(sizes.length, 91)
      })
    ))

  it.effect("and brings it slowly but steadily has the time that it takes", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { ends, sizes } = yield* serve(bed)
        const peer = yield* bed.dial(stranger, server)
        // 11 KB a second, for three minutes.
        yield* trickle(peer, large(2_000_000), 11_000, "1 second")
        assert.deepStrictEqual([ends, sizes], [[], [2_000_000]])
        const tooSlowly = yield* trickle(peer, large(2_000_000), 5000, "1 second")
        assert.deepStrictEqual(ends, [tooSlow])
        assert.isAtLeast(tooSlowly, 60)
        assert.isAtMost(tooSlowly, 91)
      })
    ))

  it.effect("each in segments of one byte is served: what counts is when a message is complete", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { ends, host, sizes } = yield* serve(bed)
        const peer = yield* bed.dial(stranger, server)
        for (let i = 0; i < 20; i++) yield* trickle(peer, small, 1, "1 second")
        assert.strictEqual(sizes.length, 20)
        assert.deepStrictEqual(ends, [])
        // A quiet connection holds no memory, however many segments it needs.
        assert.isAtMost((yield* host.pool.stats).taken, 1)
      })
    ))

  it.effect("that is not read, because handlers are busy, is not blamed", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { ends } = yield* serve(bed, {
          inboxBytes: 65_536,
          onConnection: (connection) => connection.handle(() => Effect.sleep("10 minutes"))
        })
        const peer = yield* bed.dial(stranger, server)
        yield* Effect.forkChild(Effect.ignoreCause(peer.send(large(60_000), large(60_000), large(900_000))))
        yield* pass("5 minutes")
        assert.strictEqual(yield* peer.status, "open")
        assert.deepStrictEqual(ends, [])
      }), { window: 10_000 }))

  it.effect("may have other times", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { ends } = yield* serve(bed, { messageTimeout: "10 seconds" })
        const peer = yield* bed.dial(stranger, server)
        yield* peer.send(small.subarray(0, 3))
        yield* pass("41 seconds")
        assert.deepStrictEqual(ends, ["the peer was not done with sending a message after 10s"])
      })
    ))
})

describe("one who says nothing", () => {
  it.effect("has as long as the listener gives it", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { ends } = yield* serve(bed, { firstMessageTimeout: "5 seconds" })
        const peer = yield* bed.dial(stranger, server)
        yield* peer.send(ping)
        yield* pass("5 seconds")
        assert.deepStrictEqual(ends, ["the peer sent no first message for 5s"])
      })
    ))
})

describe("one who does not read", () => {
  it.effect("has two minutes to take a write, and what waits for it is bounded until then", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { ends, listener } = yield* serve(bed, { laneBytes: 100_000 })
        const transport = yield* bed.network.transportFrom(stranger)
        // A link that is not started does not read.
        yield* transport.connect(address(server))
        yield* settle
        const [connection] = yield* listener.connections
        yield* Effect.forkChild(Effect.ignore(
          Effect.forever(connection!.send(Message.make({ serviceId: 5, messageId: 1, body: new Uint8Array(5000) })))
        ))
        yield* pass("119 seconds")
        assert.deepStrictEqual(ends, [])
        assert.isAtMost((yield* connection!.stats).queuedBytes, 100_000)
        yield* pass("32 seconds")
        assert.deepStrictEqual(ends, ["the peer was not done with taking a write after 2m"])
        assert.deepStrictEqual(yield* listener.connections, [])
      }), { window: 1000 }))

  it.effect("for a while, again and again, goes on", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { ends, listener } = yield* serve(bed, { writeBytes: 9000 })
        const transport = yield* bed.network.transportFrom(stranger)
        const link = yield* transport.connect(address(server))
        let count = 0
        const memory = new Uint8Array(4096)
        link.start({
          buffer: () => memory,
          onRead: (n) => {
            count += n
            return false
          },
          onEnd: () => {}
        })
        yield* settle
        const [connection] = yield* listener.connections
        for (let i = 0; i < 200; i++) {
          yield* connection!.send(Message.make({ serviceId: 5, messageId: 1, body: new Uint8Array(3000) }))
        }
        // Some 20 KB, then a rest of 100 seconds.
        for (let i = 0; i < 6; i++) {
          for (let reads = 0; reads < 60; reads++) {
            link.resume()
            yield* settle
          }
          yield* pass("100 seconds")
        }
        assert.deepStrictEqual(ends, [])
        assert.isAbove(count, 60_000)
        link.close()
      }), { window: 4096 }))
})

describe("a flood of pings", () => {
  const pings = (count: number) => Native.concat(Array.from({ length: count }, () => Native.fromHex(ping)))

  it.effect("ends the connection at the first one too many, and costs points; five make a ban", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { ends, host } = yield* serve(bed, { malformedPoints: 250 })
        const score = host.banList.score(address(`${stranger}:1`))
        for (let i = 1; i <= 4; i++) {
          const peer = yield* bed.dial(stranger, server)
          yield* peer.send(pings(100))
          yield* settle
          assert.strictEqual(yield* peer.status, "open")
          yield* peer.send(pings(1))
          yield* settle
          assert.strictEqual(ends.length, i)
          if (i < 4) assert.strictEqual(yield* score, 250 * i)
        }
        assert.strictEqual(ends[0], "the peer sent more than 100 pings within 10 seconds")
        assert.isTrue(yield* host.banList.isBanned(address(`${stranger}:1`)))
      })
    ))

  it.effect("is none at ten a second", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { ends } = yield* serve(bed)
        const peer = yield* bed.dial(stranger, server)
        for (let i = 0; i < 60; i++) {
          yield* peer.send(pings(10))
          yield* pass("1 second")
        }
        assert.deepStrictEqual(ends, [])
        assert.strictEqual(yield* peer.status, "open")
      })
    ))
})
