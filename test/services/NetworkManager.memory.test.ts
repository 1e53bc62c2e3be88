import { assert, describe, it } from "@effect/vitest"
import { Effect, Latch, Metric } from "effect"
import * as Message from "../../src/domain/Message.ts"
import type * as NetworkManager from "../../src/services/NetworkManager.ts"
import * as NetworkMetrics from "../../src/services/NetworkMetrics.ts"
import type * as Transport from "../../src/services/Transport.ts"
import * as Native from "../utils/native.ts"
import { address, type Bed, type HostOptions, pass, type RawPeer, settle, until, withBed } from "../utils/network.ts"

const server = "10.0.0.9:1235"
const attacker = "10.66.0.66"
const limit = 2_000_000
const largest = 200_000

/** Steps of lanes, and a read, may be beside the limit. */
const slack = 300_000

/** What the connections of one bed hold: its metrics are its own. */
const withMetrics = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.provideService(effect, Metric.MetricRegistry, new Map())

const held = Effect.map(Metric.value(NetworkMetrics.bytesInFlight), ({ value }) => value)

const serve = (bed: Bed, options: HostOptions = {}, bind: NetworkManager.BindOptions<never, never> = {}) =>
  Effect.gen(function*() {
    const host = yield* bed.host("10.0.0.9", {
      maxBytesInFlight: limit,
      maxMessageBytes: largest,
      laneBytes: largest,
      ...options
    })
    const ends: Array<string> = []
    const sizes: Array<number> = []
    const listener = yield* host.manager.bind(server, {
      limitRate: false,
      onConnection: (connection) =>
        Effect.gen(function*() {
          yield* connection.handle((message) => {
            sizes.push(message.bodyLength)
            return message.serviceId === 99
              ? Effect.ignore(connection.send(Message.reply(message, { body: message.body })))
              : undefined
          })
          const state = yield* connection.state
          if (state._tag === "Closed") ends.push(`${connection.endPoint.split(":")[0]} ${state.reason._tag}`)
        }),
      ...bind
    })
    return { host, listener, ends, sizes }
  }).pipe(Effect.orDie)

const large = Native.encode(Message.make({ serviceId: 5, messageId: 1, body: new Uint8Array(largest) }))
const unfinished = large.subarray(0, -1)

const dialAll = (bed: Bed, count: number, from: (i: number) => string) =>
  Effect.forEach(Array.from({ length: count }), (_, i) => bed.dial(from(i), server))

const sendAll = (peers: ReadonlyArray<RawPeer>, bytes: Uint8Array) =>
  Effect.forEach(peers, (peer) => Effect.andThen(Effect.ignoreCause(peer.send(bytes)), settle), { discard: true })

const warnings = (bed: Bed) => bed.logs.filter((line) => line.startsWith("Warn"))

/** Dials, asks so often for answers of a size, and never reads one. */
const askAndNotRead = (bed: Bed, from: string, times: number, size: number) =>
  Effect.gen(function*() {
    const transport = yield* bed.network.transportFrom(from)
    // A link that is not started does not read.
    const link = yield* Effect.orDie(transport.connect(address(server)))
    const question = Native.encode(Message.make({ serviceId: 99, messageId: 1, body: new Uint8Array(size) }))
    for (let i = 0; i < times; i++) {
      const written = Latch.makeUnsafe(false)
      if (link.write([question], () => void written.openUnsafe())) continue
      yield* Effect.raceFirst(written.await, settle)
      // It is not read any more.
      if (!written.isOpen()) break
    }
    yield* settle
    return link
  })

describe("the memory of all accepted connections", () => {
  it.effect("is bounded by ending the largest, of the address that holds most, and an honest peer goes on", () =>
    withMetrics(withBed((bed) =>
      Effect.gen(function*() {
        const { ends, sizes } = yield* serve(bed)
        const honest = yield* bed.dial("10.1.0.1", server)
        yield* honest.send(unfinished)
        const attackers = yield* dialAll(bed, 30, () => attacker)
        for (const peer of attackers) {
          yield* sendAll([peer], unfinished)
          assert.isAtMost(yield* held, limit + slack)
        }
        assert.isAbove(ends.length, 15)
        assert.deepStrictEqual([...new Set(ends)], [`${attacker} TooMuchMemory`])
        assert.isAbove(yield* held, limit / 2)
        yield* honest.send(large.subarray(-1))
        yield* until("the honest message is there", () => sizes.length === 1)
        assert.deepStrictEqual(sizes, [largest])
      })
    )))

  it.effect("is told of at once, and then once a minute with counts", () =>
    withMetrics(withBed((bed) =>
      Effect.gen(function*() {
        const { ends, host } = yield* serve(bed)
        const first = yield* dialAll(bed, 12, () => attacker)
        yield* sendAll(first, unfinished)
        assert.strictEqual(warnings(bed).length, 1)
        assert.match(
          warnings(bed)[0]!,
          /Ended a connection that held \d+ bytes, the last from 10\.66\.0\.66:\d+: .* 2000000 together/
        )
        assert.isAbove(ends.length, 2)
        yield* pass("59 seconds")
        assert.strictEqual(warnings(bed).length, 1)
        yield* pass("2 seconds")
        assert.strictEqual(warnings(bed).length, 2)
        assert.include(
          warnings(bed)[1]!,
          `Ended ${ends.filter((end) => end.includes("Memory")).length - 1} connections`
        )
        yield* pass("10 minutes")
        assert.strictEqual(warnings(bed).length, 2)
        assert.strictEqual(yield* host.banList.score(address(`${attacker}:1`)), 0)
      })
    )))

  it.effect("is free again when the connections are gone", () =>
    withMetrics(withBed((bed) =>
      Effect.gen(function*() {
        const { host, listener } = yield* serve(bed)
        const peers = yield* dialAll(bed, 6, () => attacker)
        yield* sendAll(peers, unfinished)
        const link = yield* askAndNotRead(bed, attacker, 3, 50_000)
        assert.isAbove(yield* held, 1_500_000)
        for (const peer of peers) yield* peer.close
        link.close()
        // Who does not take answers is read from now and then.
        yield* pass("1 second")
        assert.deepStrictEqual(yield* listener.connections, [])
        assert.strictEqual(yield* held, 0)
        assert.strictEqual((yield* host.pool.stats).takenBytes, 0)
      }), { window: 60_000 })))

  it.effect("counts what waits for those who ask and do not read", () =>
    withMetrics(withBed((bed) =>
      Effect.gen(function*() {
        const { ends } = yield* serve(bed)
        const honest = yield* bed.dial("10.1.0.1", server)
        for (let i = 0; i < 20; i++) {
          yield* askAndNotRead(bed, attacker, 6, 50_000)
          yield* pass("1 second")
          assert.isAtMost(yield* held, limit + slack)
        }
        assert.isAbove(ends.length, 5)
        assert.deepStrictEqual([...new Set(ends)], [`${attacker} TooMuchMemory`])
        yield* honest.send(Native.packet("0863 1001 04"))
        yield* honest.expect("0700 0863 1002 04")
      }), { window: 60_000 })))

  it.effect("is never asked of those who hold little, however many they are", () =>
    withMetrics(withBed((bed) =>
      Effect.gen(function*() {
        const { ends } = yield* serve(bed)
        const peers = yield* dialAll(bed, 100, (i) => `10.${i}.0.1`)
        const part = Native.packet(`0805 1001 18 e200 25 04`.replaceAll(" ", ""), new Uint8Array(5000))
        yield* sendAll(peers, part)
        assert.isAbove(yield* held, limit)
        assert.deepStrictEqual(ends, [])
        assert.deepStrictEqual(warnings(bed), [])
      })
    )))

  it.effect("of an address that is in the hands of handlers is not paid for by others", () =>
    withMetrics(withBed((bed) =>
      Effect.gen(function*() {
        const mayEnd = Latch.makeUnsafe(false)
        const ends: Array<string> = []
        yield* serve(bed, {}, {
          onConnection: (connection) =>
            Effect.gen(function*() {
              yield* connection.handle((message) => message.serviceId === 5 ? mayEnd.await : undefined)
              const state = yield* connection.state
              if (state._tag === "Closed") ends.push(`${connection.endPoint.split(":")[0]} ${state.reason._tag}`)
            })
        })
        const honest = yield* bed.dial("10.1.0.1", server)
        yield* honest.send(
          Native.encode(Message.make({ serviceId: 6, messageId: 1, body: new Uint8Array(largest) }))
            .subarray(0, -1)
        )
        yield* sendAll(yield* dialAll(bed, 20, () => attacker), large)
        assert.isAbove(yield* held, limit)
        assert.strictEqual(yield* honest.status, "open")
        assert.isAbove(warnings(bed).length, 0)
        yield* mayEnd.open
        yield* settle
        assert.isAtMost(yield* held, limit)
        assert.deepStrictEqual([...new Set(ends)], [`${attacker} TooMuchMemory`])
      })
    )))

  it.effect("does not count those who were dialled", () =>
    withMetrics(withBed((bed) =>
      Effect.gen(function*() {
        const { host } = yield* serve(bed)
        const peers: Array<RawPeer> = []
        yield* bed.listen("10.5.0.1:99", (peer) => void peers.push(peer))
        const connections = yield* Effect.forEach(
          Array.from({ length: 15 }),
          () => host.manager.connect("10.5.0.1:99", { share: false })
        )
        yield* Effect.forEach(connections, (connection) => connection.connected)
        yield* sendAll(peers, unfinished)
        assert.isAbove((yield* host.pool.stats).takenBytes, limit)
        assert.strictEqual(yield* held, 0)
        for (const connection of connections) assert.strictEqual((yield* connection.state)._tag, "Connected")
      }).pipe(Effect.orDie)
    )))

  it.effect("always has room for one message of the largest size", () =>
    withMetrics(withBed((bed) =>
      Effect.gen(function*() {
        const { ends, sizes } = yield* serve(bed, { maxBytesInFlight: 1 })
        const honest = yield* bed.dial("10.1.0.1", server)
        yield* honest.send(large)
        yield* settle
        assert.deepStrictEqual([ends, sizes], [[], [largest]])
      })
    )))
})

describe("one whose answers take up much of it", () => {
  it.effect("is read from once in 50 ms, and as ever when it has read", () =>
    withMetrics(withBed((bed) =>
      Effect.gen(function*() {
        const { ends, sizes } = yield* serve(bed, { maxBytesInFlight: 2 * limit, laneBytes: 2 * largest })
        const links = []
        // Nobody is slowed down before that.
        while ((yield* held) <= 3 / 4 * 2 * limit) links.push(yield* askAndNotRead(bed, attacker, 4, 50_000))
        const other = yield* askAndNotRead(bed, "10.1.0.1", 2, 50_000)
        const heard = () => sizes.filter((size) => size === 0).length
        const small = Native.packet("0805 1001 04")
        const ask = (link: Transport.Link) =>
          Effect.andThen(Effect.sync(() => void link.write([small], () => {})), settle)

        const slow = links[0]!
        yield* ask(slow)
        assert.strictEqual(heard(), 1)
        yield* ask(slow)
        assert.strictEqual(heard(), 1)
        // An address that holds less than is left is not slowed down.
        yield* ask(other)
        yield* ask(other)
        assert.strictEqual(heard(), 3)
        yield* pass("50 millis")
        assert.strictEqual(heard(), 4)

        const memory = new Uint8Array(65_536)
        slow.start({ buffer: () => memory, onRead: () => true, onEnd: () => {} })
        yield* pass("50 millis")
        yield* ask(slow)
        yield* ask(slow)
        assert.strictEqual(heard(), 6)
        assert.deepStrictEqual(ends, [])
      }), { window: 60_000 })))
})
