import { assert, describe, it } from "@effect/vitest"
import { Cause, Clock, Context, Duration, Effect, Exit, Fiber, Layer, Metric, Queue, Random, Scope } from "effect"
import { AddressResolver, NetAddress } from "effect/net"
import { TestClock } from "effect/testing"
import * as MemoryTransport from "../../src/layers/MemoryTransport.ts"
import * as Transport from "../../src/services/Transport.ts"

const { MemoryNetwork, probe } = MemoryTransport

const server = NetAddress.inetAddressFromStringUnsafe("10.0.0.9:1234")
const text = NetAddress.formatSocketAddress

/** `count` bytes that differ from their neighbours. */
const bytes = (count: number, first = 0): Uint8Array => Uint8Array.from({ length: count }, (_, i) => (first + i) % 251)

const millisNow = Effect.map(Clock.currentTimeMillis, Number)

/** Listens, and hands over the accepted links in their order. */
const listen = Effect.fnUntraced(function*(address: NetAddress.SocketAddress = server) {
  const transport = yield* Transport.Transport
  const links = yield* Queue.unbounded<Transport.Link>()
  const listener = yield* transport.listen(address, (link) => void Queue.offerUnsafe(links, link))
  return { address: listener.address, accept: Queue.take(links), links }
})

const connect = Effect.fnUntraced(function*(address: NetAddress.SocketAddress = server) {
  const transport = yield* Transport.Transport
  return yield* transport.connect(address)
})

/** A link and its two ends, neither of which is started. */
const rawPair = Effect.fnUntraced(function*(address: NetAddress.SocketAddress = server) {
  const listening = yield* listen(address)
  const fiber = yield* Effect.forkChild(connect(listening.address), { startImmediately: true })
  const accepted = yield* listening.accept
  return { client: yield* Fiber.join(fiber), accepted }
})

/** A link that was made before the clock has moved. */
const pair = (address?: NetAddress.SocketAddress) =>
  Effect.map(rawPair(address), ({ accepted, client }) => ({ client: probe(client), accepted: probe(accepted) }))

/** Writes down what a link does, with the time. */
class Recorder implements Transport.LinkReceiver {
  readonly events: Array<string> = []
  readonly received: Array<number> = []
  readonly #memory: Uint8Array
  readonly #onRead: () => boolean

  constructor(size = 65_536, onRead: () => boolean = () => true) {
    this.#memory = new Uint8Array(size)
    this.#onRead = onRead
  }
  readonly buffer = () => this.#memory
  readonly onRead = (count: number) => {
    this.events.push(`read ${count}`)
    this.received.push(...this.#memory.subarray(0, count))
    return this.#onRead()
  }
  readonly onEnd = (error: Transport.TransportError | undefined) => {
    this.events.push(`end ${error?.problem ?? "here"}`)
  }
  readonly done = (error: Transport.TransportError | undefined) => {
    this.events.push(`done ${error?.problem ?? "well"}`)
  }
}

/** Lets everything happen that needs no time. */
const settle = Effect.forEach(Array.from({ length: 50 }), () => Effect.yieldNow, { discard: true })

const withNetwork = (options?: MemoryTransport.Options) => Effect.provide(MemoryTransport.layer(options))

/** A clock that counts those who sleep, to be given to the network alone. */
const countingClock = Effect.map(Clock.clockWith(Effect.succeed), (clock) => {
  const counter = { sleeping: 0 }
  const counting: Clock.Clock = {
    ...clock,
    sleep: (duration) =>
      Effect.acquireUseRelease(
        Effect.sync(() => void counter.sleeping++),
        () => clock.sleep(duration),
        () => Effect.sync(() => void counter.sleeping--)
      )
  }
  return { counter, clock: counting }
})

describe("MemoryTransport", () => {
  describe("addresses", () => {
    it.effect("gives a free port for port 0, and knows both ends of a link", () =>
      Effect.gen(function*() {
        const first = yield* listen(NetAddress.inetAddressFromStringUnsafe("10.0.0.9:0"))
        const second = yield* listen(NetAddress.inetAddressFromStringUnsafe("10.0.0.9:0"))
        assert.strictEqual(text(first.address), "10.0.0.9:32768")
        assert.strictEqual(text(second.address), "10.0.0.9:32769")
        const link = yield* connect(second.address)
        const accepted = yield* second.accept
        assert.strictEqual(text(link.remoteAddress), "10.0.0.9:32769")
        assert.strictEqual(text(link.localAddress), "127.0.0.1:32770")
        assert.deepStrictEqual(accepted.remoteAddress, link.localAddress)
        assert.deepStrictEqual(accepted.localAddress, link.remoteAddress)
        assert.strictEqual(Queue.sizeUnsafe(first.links), 0)
      }).pipe(withNetwork()))

    it.effect("dials from the host of the transport, in the family of the target", () =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        const v4 = yield* listen()
        const v6 = yield* listen(NetAddress.inetAddressFromStringUnsafe("[fd00::9]:1234"))
        const host = yield* network.transportFrom("10.0.0.7", "fd00::7")
        assert.strictEqual(text((yield* host.connect(v4.address)).localAddress), "10.0.0.7:32768")
        assert.strictEqual(text((yield* host.connect(v6.address)).localAddress), "[fd00::7]:32769")
        assert.strictEqual(text((yield* connect(v6.address)).localAddress), "[::1]:32770")
        const old = yield* network.transportFrom("10.0.0.8")
        const error = yield* Effect.flip(old.connect(v6.address))
        assert.strictEqual(error.problem, "Unreachable")
        assert.strictEqual(error.address, "[fd00::9]:1234")
        const layered = yield* Effect.provide(connect(), MemoryTransport.layerFrom("10.0.0.6"))
        assert.strictEqual(text(layered.localAddress), "10.0.0.6:32771")
      }).pipe(withNetwork()))

    it.effect("refuses where nobody listens, and no longer listens when the scope is closed", () =>
      Effect.gen(function*() {
        const transport = yield* Transport.Transport
        const refused = yield* Effect.flip(connect())
        assert.strictEqual(refused.problem, "Refused")
        assert.strictEqual(refused.address, "10.0.0.9:1234")
        const scope = yield* Scope.make()
        yield* Scope.provide(transport.listen(server, () => {}), scope)
        const inUse = yield* Effect.flip(transport.listen(server, () => {}))
        assert.strictEqual(inUse.problem, "AddressInUse")
        yield* connect()
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual((yield* Effect.flip(connect())).problem, "Refused")
        yield* transport.listen(server, () => {})
      }).pipe(withNetwork()))

    it.effect("listens on any address of a host", () =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        const dialled = (address: string) =>
          Effect.map(
            Effect.result(connect(NetAddress.inetAddressFromStringUnsafe(address))),
            (result) => result._tag === "Success" ? "accepted" : result.failure.problem
          )
        const host = yield* network.transportFrom("10.0.0.7", "fd00::7")
        const any4 = NetAddress.inetAddressFromStringUnsafe("0.0.0.0:80")
        const any6 = NetAddress.inetAddressFromStringUnsafe("[::]:81")
        assert.strictEqual(text((yield* host.listen(any4, () => {})).address), "0.0.0.0:80")
        yield* host.listen(any6, () => {})
        assert.strictEqual(yield* dialled("10.0.0.7:80"), "accepted")
        assert.strictEqual(yield* dialled("0.0.0.0:80"), "accepted")
        assert.strictEqual(yield* dialled("10.0.0.8:80"), "Refused")
        assert.strictEqual(yield* dialled("[fd00::7]:80"), "Refused")
        assert.strictEqual(yield* dialled("[fd00::7]:81"), "accepted")
        assert.strictEqual(yield* dialled("10.0.0.7:81"), "accepted")
        assert.strictEqual(yield* dialled("[::ffff:10.0.0.7]:81"), "accepted")

        const other = yield* network.transportFrom("10.0.0.8")
        yield* other.listen(any4, () => {})
        assert.strictEqual(yield* dialled("10.0.0.8:80"), "accepted")
        const everywhere = yield* Transport.Transport
        const problem = (address: string) =>
          Effect.map(
            Effect.flip(everywhere.listen(NetAddress.inetAddressFromStringUnsafe(address), () => {})),
            (error) => error.problem
          )
        assert.strictEqual(yield* problem("0.0.0.0:80"), "AddressInUse")
        assert.strictEqual(yield* problem("10.0.0.7:80"), "AddressInUse")
        assert.strictEqual(yield* problem("[::]:80"), "AddressInUse")
        yield* everywhere.listen(NetAddress.inetAddressFromStringUnsafe("10.0.0.5:82"), () => {})
        assert.strictEqual(yield* problem("0.0.0.0:82"), "AddressInUse")
        yield* other.listen(NetAddress.inetAddressFromStringUnsafe("0.0.0.0:82"), () => {})
      }).pipe(withNetwork()))

    it.effect("carries Unix sockets", () =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        const { accepted, client } = yield* pair(NetAddress.unixPathAddress("/run/hub.sock"))
        yield* client.write(bytes(3))
        assert.deepStrictEqual(yield* accepted.read(3), bytes(3))
        assert.strictEqual(yield* network.cut("/run/hub.sock"), 1)
        assert.strictEqual((yield* accepted.ended)?.address, "/run/hub.sock")
      }).pipe(withNetwork()))

    it.effect("has a port for every dial until all are taken", () =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        yield* listen()
        const host = yield* network.transportFrom("10.0.0.7")
        const scope = yield* Scope.make()
        const dials = Effect.forEach(Array.from({ length: 32_768 }), () => host.connect(server), { discard: true })
        yield* Scope.provide(dials, scope)
        assert.strictEqual((yield* Effect.flip(host.connect(server))).problem, "Unreachable")
        assert.strictEqual((yield* network.links).length, 32_768)
        const other = yield* network.transportFrom("10.0.0.8")
        yield* other.connect(server)
        assert.strictEqual(yield* network.cut("10.0.0.7"), 32_768)
        yield* host.connect(server)
      }).pipe(withNetwork()), 30_000)
  })

  describe("delivery", () => {
    it.effect("needs no time when nothing delays it", () =>
      Effect.gen(function*() {
        const { accepted, client } = yield* pair()
        yield* client.write(bytes(10), bytes(5, 100))
        assert.deepStrictEqual(yield* accepted.read(15), Uint8Array.from([...bytes(10), ...bytes(5, 100)]))
        yield* accepted.write(bytes(100_000))
        assert.deepStrictEqual(yield* client.read(100_000), bytes(100_000))
        assert.strictEqual(yield* millisNow, 0)
      }).pipe(withNetwork()))

    it.effect("calls nobody back within a call, and done before the receiver is told anything later", () =>
      Effect.gen(function*() {
        const { accepted, client } = yield* rawPair()
        const recorder = new Recorder()
        accepted.start(recorder)
        client.start({ buffer: () => new Uint8Array(1), onRead: () => true, onEnd: () => {} })
        client.write([bytes(3)], (error) => {
          recorder.done(error)
          client.write([bytes(2)], recorder.done)
          recorder.events.push("written again")
        })
        assert.deepStrictEqual(recorder.events, [])
        yield* settle
        assert.deepStrictEqual(recorder.events, ["done well", "written again", "read 5", "done well"])
        client.write([], recorder.done)
        accepted.write([bytes(0)], recorder.done)
        client.close()
        accepted.close()
        accepted.write([bytes(1)], recorder.done)
        assert.strictEqual(recorder.events.length, 4)
        yield* settle
        assert.deepStrictEqual(recorder.events.slice(4).sort(), ["done Closed", "done well", "done well", "end here"])
      }).pipe(withNetwork()))

    it.effect("copies what is written", () =>
      Effect.gen(function*() {
        const { accepted, client } = yield* rawPair()
        const memory = bytes(10)
        client.write([memory], () => memory.fill(0))
        yield* settle
        const recorder = new Recorder()
        accepted.start(recorder)
        yield* settle
        assert.deepStrictEqual(recorder.received, [...bytes(10)])
      }).pipe(withNetwork()))

    it.effect("reads nothing before start, while paused, and after the reader said so", () =>
      Effect.gen(function*() {
        const { accepted, client } = yield* rawPair()
        client.write([bytes(10)], () => {})
        yield* settle
        const answers = [true, false, false, true, true]
        const recorder = new Recorder(3, () => answers.shift() ?? true)
        accepted.start(recorder)
        yield* settle
        assert.deepStrictEqual(recorder.events, ["read 3", "read 3"])
        accepted.resume()
        accepted.resume()
        assert.strictEqual(recorder.events.length, 2)
        yield* settle
        assert.deepStrictEqual(recorder.events, ["read 3", "read 3", "read 3"])
        accepted.resume()
        accepted.pause()
        client.close()
        yield* settle
        assert.strictEqual(recorder.events.length, 3)
        accepted.resume()
        yield* settle
        assert.deepStrictEqual(recorder.events, ["read 3", "read 3", "read 3", "read 1", "end Closed"])
        assert.deepStrictEqual(recorder.received, [...bytes(10)])
      }).pipe(withNetwork()))

    it.effect("pauses in the middle of a read", () =>
      Effect.gen(function*() {
        const { accepted, client } = yield* rawPair()
        const recorder: Recorder = new Recorder(4, () => {
          accepted.pause()
          return true
        })
        accepted.start(recorder)
        client.write([bytes(10)], () => {})
        yield* settle
        assert.deepStrictEqual(recorder.events, ["read 4"])
      }).pipe(withNetwork()))

    it.effect("cuts writes into segments of the given size", () =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        const { accepted, client } = yield* pair()
        yield* client.write(bytes(5))
        yield* client.write(bytes(4))
        assert.deepStrictEqual(yield* accepted.read(9), Uint8Array.from([...bytes(5), ...bytes(4)]))
        assert.deepStrictEqual(yield* accepted.reads, [2, 2, 1, 2, 2])
        yield* network.setConditions({ segmentSize: 1 })
        yield* client.write(bytes(3))
        yield* accepted.read(3)
        assert.deepStrictEqual((yield* accepted.reads).slice(5), [1, 1, 1])
      }).pipe(withNetwork({ segmentSize: 2 })))

    it.effect("cuts writes at random, the same way for the same seed", () => {
      const reads = (seed: string) =>
        Effect.gen(function*() {
          const { accepted, client } = yield* pair()
          yield* client.write(bytes(40))
          yield* client.write(bytes(20_000))
          yield* accepted.read(20_040)
          return yield* accepted.reads
        }).pipe(withNetwork({ segmentSize: "random", seed }), Effect.scoped)
      return Effect.gen(function*() {
        const one = yield* reads("one")
        assert.deepStrictEqual(yield* reads("one"), one)
        assert.notDeepEqual(yield* reads("two"), one)
        assert.isAtMost(Math.max(...one), 1460)
        assert.isAbove(one.length, 15)
        assert.isBelow(one[0]!, 40)
      })
    })
  })

  describe("backpressure", () => {
    it.effect("is done when all is in the window, which empties as the receiver reads", () =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        const { accepted, client } = yield* rawPair()
        const recorder = new Recorder(40, () => false)
        accepted.start(recorder)
        client.write([bytes(60), bytes(40)], recorder.done)
        yield* settle
        assert.deepStrictEqual(recorder.events, ["done well", "read 40"])
        client.write([bytes(20), bytes(50)], recorder.done)
        yield* settle
        const [link] = yield* network.links
        assert.deepStrictEqual(link?.toListener, { written: 140, delivered: 40 })
        assert.strictEqual(recorder.events.length, 2)
        accepted.resume()
        yield* settle
        assert.deepStrictEqual(recorder.events, ["done well", "read 40", "read 40", "done well"])
        while (recorder.received.length < 170) {
          accepted.resume()
          yield* settle
        }
        assert.deepStrictEqual(recorder.received, [...bytes(60), ...bytes(40), ...bytes(20), ...bytes(50)])
        assert.deepStrictEqual((yield* network.links)[0]?.toListener, { written: 170, delivered: 170 })
      }).pipe(withNetwork({ window: 100 })))

    it.effect("holds 256 KB if nothing else is said, and more when the window is widened", () =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        const { client } = yield* rawPair()
        const recorder = new Recorder()
        client.write([bytes(262_144)], recorder.done)
        yield* settle
        assert.deepStrictEqual(recorder.events, ["done well"])
        client.write([bytes(1)], recorder.done)
        yield* settle
        assert.deepStrictEqual(recorder.events, ["done well"])
        yield* network.setConditions({ window: 300_000 })
        yield* settle
        assert.deepStrictEqual(recorder.events, ["done well", "done well"])
      }).pipe(withNetwork()))

    it.effect("fails the write that is under way when the link ends", () =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        const { accepted, client } = yield* rawPair()
        const recorder = new Recorder()
        const other = new Recorder()
        client.start(recorder)
        accepted.start(other)
        accepted.pause()
        client.write([bytes(11)], recorder.done)
        yield* network.cut(server)
        assert.deepStrictEqual(recorder.events, [])
        yield* settle
        assert.deepStrictEqual(recorder.events, ["done Reset", "end Reset"])
        assert.deepStrictEqual(other.events, ["end Reset"])
        client.write([bytes(1)], recorder.done)
        yield* settle
        assert.deepStrictEqual(recorder.events.slice(2), ["done Reset"])
      }).pipe(withNetwork({ window: 10 })))

    it.effect("closes without waiting for the write that is under way", () =>
      Effect.gen(function*() {
        const { accepted, client } = yield* rawPair()
        const recorder = new Recorder()
        const other = new Recorder()
        client.start(recorder)
        client.write([bytes(15)], recorder.done)
        client.close()
        client.close()
        yield* settle
        assert.deepStrictEqual(recorder.events, ["done Closed", "end here"])
        accepted.start(other)
        yield* settle
        assert.deepStrictEqual(other.events, ["read 10", "end Closed"])
        assert.deepStrictEqual(other.received, [...bytes(10)])
      }).pipe(withNetwork({ window: 10 })))
  })

  describe("the end", () => {
    it.effect("is told after all bytes, to the other side alone, and frees the link", () =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        const { accepted, client } = yield* pair()
        yield* client.write(bytes(100_000))
        yield* client.close
        assert.deepStrictEqual(yield* accepted.read(100_000), bytes(100_000))
        assert.strictEqual((yield* accepted.ended)?.problem, "Closed")
        assert.strictEqual((yield* accepted.ended)?.address, "127.0.0.1:32768")
        assert.isUndefined(yield* client.ended)
        assert.deepStrictEqual(yield* network.links, [])
        assert.strictEqual((yield* Effect.flip(accepted.read(1))).problem, "Closed")
        assert.strictEqual((yield* Effect.flip(accepted.write(bytes(1)))).problem, "Closed")
      }).pipe(withNetwork()))

    it.effect("comes with the scope of a dial", () =>
      Effect.gen(function*() {
        const { accept } = yield* listen()
        yield* Effect.scoped(connect())
        assert.strictEqual((yield* probe(yield* accept).ended)?.problem, "Closed")
      }).pipe(withNetwork()))

    it.effect("is told to a receiver that comes later", () =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        const { accepted, client } = yield* rawPair()
        client.write([bytes(3)], () => {})
        yield* network.cut(server)
        yield* settle
        const recorder = new Recorder()
        accepted.start(recorder)
        assert.deepStrictEqual(recorder.events, [])
        yield* settle
        assert.deepStrictEqual(recorder.events, ["end Reset"])
      }).pipe(withNetwork()))

    it.effect("stops reading at once when the reader closes", () =>
      Effect.gen(function*() {
        const { accepted, client } = yield* rawPair()
        const other = new Recorder()
        client.start(other)
        const recorder: Recorder = new Recorder(2, () => {
          accepted.close()
          return true
        })
        accepted.start(recorder)
        client.write([bytes(10)], other.done)
        yield* settle
        assert.deepStrictEqual(recorder.events, ["read 2", "end here"])
        assert.deepStrictEqual(other.events, ["done well", "end Closed"])
      }).pipe(withNetwork()))
  })

  describe("time", () => {
    it.effect("delays each direction, and a dial by a round trip", () =>
      Effect.gen(function*() {
        const { accept } = yield* listen()
        const dialling = yield* Effect.forkChild(Effect.zip(connect(), millisNow))
        const accepting = yield* Effect.forkChild(Effect.zip(accept, millisNow))
        yield* TestClock.adjust("1 minute")
        const [link, connectedAt] = yield* Fiber.join(dialling)
        const [other, acceptedAt] = yield* Fiber.join(accepting)
        assert.deepStrictEqual([acceptedAt, connectedAt], [50, 100])
        const client = probe(link)
        const accepted = probe(other)
        const echo = yield* Effect.forkChild(Effect.gen(function*() {
          yield* accepted.read(10)
          const at = yield* millisNow
          yield* accepted.write(bytes(10))
          return at
        }))
        yield* client.write(bytes(5))
        yield* TestClock.adjust(20)
        yield* client.write(bytes(5))
        const answered = yield* Effect.forkChild(Effect.andThen(client.read(10), millisNow))
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(yield* Fiber.join(echo), 60_070)
        assert.strictEqual(yield* Fiber.join(answered), 60_120)
        assert.deepStrictEqual(yield* accepted.reads, [5, 5])
      }).pipe(withNetwork({ delay: "50 millis" })))

    it.effect("delays the end as it delays bytes, and not the close itself", () =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        const { accepted, client } = yield* pair()
        yield* network.setConditions({ delay: 30 })
        const ended = yield* Effect.forkChild(Effect.zip(accepted.ended, millisNow), { startImmediately: true })
        yield* client.write(bytes(5))
        yield* client.close
        assert.isUndefined(yield* client.ended)
        yield* TestClock.adjust(29)
        assert.strictEqual((yield* accepted.rest).length, 0)
        yield* TestClock.adjust(1)
        const [error, at] = yield* Fiber.join(ended)
        assert.strictEqual(error?.problem, "Closed")
        assert.strictEqual(at, 30)
        assert.deepStrictEqual(yield* accepted.rest, bytes(5))
      }).pipe(withNetwork()))

    it.effect("delays some paths only, in both directions, whoever dials", () =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        const { accept } = yield* listen()
        yield* network.setConditions({ delay: 10 })
        yield* network.setConditions({ delay: 40 }, "10.0.0.7")
        yield* network.setConditions({ delay: 70 }, ["10.0.0.9:1234", "10.0.0.8"])
        const dial = (from: string) =>
          Effect.gen(function*() {
            const host = yield* network.transportFrom(from)
            const start = yield* millisNow
            yield* host.connect(server)
            return (yield* millisNow) - start
          })
        const dials = yield* Effect.forkChild(Effect.forEach(["10.0.0.6", "10.0.0.7", "10.0.0.8"], dial))
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* Fiber.join(dials), [20, 80, 140])
        const first = probe(yield* accept)
        yield* first.write(bytes(1))
        yield* network.setConditions({ delay: 1 }, 1)
        yield* first.write(bytes(1))
        yield* TestClock.adjust(9)
        assert.deepStrictEqual((yield* network.links)[0]?.toDialler, { written: 2, delivered: 0 })
      }).pipe(withNetwork()))

    it.effect("keeps the order when conditions get better", () =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        const { accepted, client } = yield* pair()
        yield* network.setConditions({ delay: 100 })
        yield* client.write(Uint8Array.of(1))
        yield* TestClock.adjust(10)
        yield* network.setConditions({ delay: 0 })
        yield* client.write(Uint8Array.of(2))
        yield* TestClock.adjust(89)
        assert.deepStrictEqual(yield* accepted.rest, new Uint8Array())
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(yield* accepted.rest, Uint8Array.of(1, 2))
        yield* client.write(Uint8Array.of(3))
        yield* settle
        assert.deepStrictEqual(yield* accepted.rest, Uint8Array.of(3))
      }).pipe(withNetwork()))

    it.effect("carries no more than the bandwidth", () =>
      Effect.gen(function*() {
        const { accepted, client } = yield* pair()
        const network = yield* MemoryNetwork
        yield* network.setConditions({ bandwidth: 1000, delay: 5, segmentSize: 100 })
        yield* client.write(bytes(250))
        yield* client.write(bytes(10))
        const arrived: Array<readonly [number, number]> = []
        for (let i = 0; i < 300; i++) {
          yield* TestClock.adjust(1)
          const { length } = yield* accepted.rest
          if (length > 0) arrived.push([yield* millisNow, length])
        }
        assert.deepStrictEqual(arrived, [[105, 100], [205, 100], [255, 50], [265, 10]])
      }).pipe(withNetwork()))

    it.effect("sends lost segments again, and lets what is behind them wait", () =>
      Effect.gen(function*() {
        // Each number is drawn once for a segment, and once more after each loss.
        const draws = [0.9, 0.1, 0.1, 0.9, 0.9]
        const random: Context.Service.Shape<typeof Random.Random> = {
          nextIntUnsafe: () => 0,
          nextDoubleUnsafe: () => draws.shift() ?? 0.9
        }
        yield* Effect.gen(function*() {
          const network = yield* MemoryNetwork
          const { accepted, client } = yield* pair()
          yield* network.setConditions({ loss: 0.5, delay: 10, segmentSize: 4 })
          yield* client.write(bytes(12))
          const arrived: Array<readonly [number, number]> = []
          for (let i = 0; i < 50; i++) {
            yield* TestClock.adjust(10)
            const { length } = yield* accepted.rest
            if (length > 0) arrived.push([yield* millisNow, length])
          }
          assert.deepStrictEqual(arrived, [[10, 4], [410, 8]])
          assert.deepStrictEqual(yield* accepted.reads, [4, 4, 4])
        }).pipe(withNetwork(), Effect.provideService(Random.Random, random))
      }))

    it.effect("jitters within its range and in order, the same way for the same seed", () => {
      const times = Effect.gen(function*() {
        const network = yield* MemoryNetwork
        const { accepted, client } = yield* pair()
        yield* network.setConditions({ delay: 100, jitter: 50 })
        const arrived: Array<number> = []
        for (let i = 0; i < 20; i++) {
          const start = yield* millisNow
          yield* client.write(Uint8Array.of(i))
          const read = yield* Effect.forkChild(Effect.andThen(accepted.read(1), millisNow))
          yield* TestClock.adjust(150)
          arrived.push((yield* Fiber.join(read)) - start)
        }
        return arrived
      }).pipe(withNetwork({ seed: 7 }), Effect.scoped)
      return Effect.gen(function*() {
        const first = yield* times
        for (const time of first) assert.isTrue(time >= 100 && time <= 150, String(time))
        assert.isAbove(new Set(first).size, 15)
        const second = yield* times
        for (const [i, time] of second.entries()) assert.closeTo(time, first[i]!, 0.001)
      })
    })
  })

  describe("faults", () => {
    it.effect("cuts links by id, by address and between hosts", () =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        const { accept } = yield* listen()
        const dialFrom = (host: string) =>
          Effect.flatMap(network.transportFrom(host), (transport) => Effect.map(transport.connect(server), probe))
        const clients = yield* Effect.forEach(["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"], dialFrom)
        const accepted = probe(yield* accept)
        assert.strictEqual(yield* network.cut(99), 0)
        assert.strictEqual(yield* network.cut(1), 1)
        assert.strictEqual((yield* clients[0]!.ended)?.problem, "Reset")
        assert.strictEqual((yield* clients[0]!.ended)?.address, "10.0.0.9:1234")
        assert.strictEqual((yield* accepted.ended)?.problem, "Reset")
        assert.strictEqual((yield* accepted.ended)?.address, text(clients[0]!.link.localAddress))
        assert.strictEqual(yield* network.cut(clients[1]!.link.localAddress), 1)
        assert.strictEqual(yield* network.cut(["10.0.0.9", "10.0.0.3"]), 1)
        assert.deepStrictEqual((yield* network.links).map((link) => link.id), [4])
        assert.strictEqual(yield* network.cut("10.0.0.9:1234"), 1)
        assert.deepStrictEqual(yield* network.links, [])
      }).pipe(withNetwork()))

    it.effect("cuts after an exact number of bytes, however they are read", () =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        for (const bufferSize of [1, 7, 100, 4096]) {
          for (const count of [1, 99, 100, 101, 600]) {
            const { accepted, client } = yield* Effect.map(
              rawPair(NetAddress.inetAddressFromStringUnsafe("10.0.0.9:0")),
              (
                pair
              ) => ({ client: probe(pair.client), accepted: probe(pair.accepted, { bufferSize }) })
            )
            yield* network.cutAfter(client.link.localAddress, count, "toListener")
            yield* client.write(bytes(1000))
            assert.strictEqual((yield* accepted.ended)?.problem, "Reset")
            assert.deepStrictEqual(yield* accepted.rest, bytes(count))
            assert.strictEqual((yield* client.ended)?.problem, "Reset")
          }
        }
      }).pipe(withNetwork()))

    it.effect("cuts the next link after a number of bytes, and not the one after it", () =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        yield* network.cutAfter(server, 2, "toDialler")
        const first = yield* pair()
        yield* first.client.write(bytes(10))
        yield* first.accepted.write(bytes(1))
        yield* first.accepted.write(bytes(1))
        assert.strictEqual((yield* first.client.ended)?.problem, "Reset")
        assert.strictEqual((yield* first.client.rest).length, 2)
        const second = yield* pair(NetAddress.inetAddressFromStringUnsafe("10.0.0.9:1235"))
        yield* second.accepted.write(bytes(10))
        yield* second.client.read(10)
        yield* network.cutAfter(2, 3, "toDialler")
        yield* network.heal()
        yield* second.accepted.write(bytes(10))
        yield* second.client.read(10)
      }).pipe(withNetwork()))

    it.effect("lets bytes vanish without telling anybody, until it is healed", () =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        const { accepted, client } = yield* pair()
        yield* network.blackhole(server, "toListener")
        yield* accepted.write(bytes(10))
        assert.deepStrictEqual(yield* client.read(10), bytes(10))
        yield* client.write(bytes(60))
        yield* client.write(bytes(40))
        const stuck = yield* Effect.forkChild(client.write(bytes(1)), { startImmediately: true })
        yield* TestClock.adjust("1 day")
        assert.isUndefined(stuck.pollUnsafe())
        assert.deepStrictEqual((yield* network.links)[0]?.toListener, { written: 100, delivered: 0 })
        yield* network.heal(server)
        yield* Fiber.join(stuck)
        assert.deepStrictEqual(yield* accepted.read(101), Uint8Array.from([...bytes(60), ...bytes(40), ...bytes(1)]))
      }).pipe(withNetwork({ window: 100 })))

    it.effect("makes half-open links", () =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        const { accepted, client } = yield* pair()
        yield* network.blackhole(1)
        yield* client.close
        assert.isUndefined(yield* client.ended)
        const ended = yield* Effect.forkChild(Effect.zip(accepted.ended, millisNow))
        yield* accepted.write(bytes(10))
        yield* TestClock.adjust("1 hour")
        assert.isUndefined(ended.pollUnsafe())
        assert.strictEqual((yield* network.links).length, 1)
        yield* network.setConditions({ delay: 25 })
        yield* network.heal(1)
        yield* TestClock.adjust(100)
        const [error, at] = yield* Fiber.join(ended)
        assert.strictEqual(error?.problem, "Closed")
        assert.strictEqual(at, 3_600_025)
        assert.deepStrictEqual(yield* network.links, [])
      }).pipe(withNetwork()))

    it.effect("holds what is in flight, and sends it again in order", () =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        const { accepted, client } = yield* pair()
        yield* network.setConditions({ delay: 100 })
        yield* client.write(Uint8Array.of(1))
        yield* TestClock.adjust(50)
        yield* network.partition("127.0.0.1", "10.0.0.9")
        yield* client.write(Uint8Array.of(2))
        yield* TestClock.adjust(950)
        assert.strictEqual((yield* accepted.rest).length, 0)
        yield* network.heal(["10.0.0.9", "127.0.0.1"])
        yield* client.write(Uint8Array.of(3))
        yield* TestClock.adjust(99)
        assert.strictEqual((yield* accepted.rest).length, 0)
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(yield* accepted.rest, Uint8Array.of(1, 2, 3))
      }).pipe(withNetwork()))

    it.effect("separates two hosts and no others, for links and for dials", () =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        const { accept } = yield* listen()
        const one = yield* network.transportFrom("10.0.0.1")
        const two = yield* network.transportFrom("10.0.0.2")
        const client = probe(yield* one.connect(server))
        const accepted = probe(yield* accept)
        yield* network.partition("10.0.0.1", "10.0.0.9")
        yield* two.connect(server)
        const dialling = yield* Effect.forkChild(Effect.zip(one.connect(server), millisNow))
        yield* client.write(bytes(3))
        yield* accepted.write(bytes(3))
        yield* TestClock.adjust("5 seconds")
        assert.isUndefined(dialling.pollUnsafe())
        assert.strictEqual((yield* client.rest).length + (yield* accepted.rest).length, 0)
        yield* network.heal()
        const [, at] = yield* Fiber.join(dialling)
        assert.strictEqual(at, 5000)
        assert.deepStrictEqual(yield* client.read(3), bytes(3))
        assert.deepStrictEqual(yield* accepted.read(3), bytes(3))
      }).pipe(withNetwork()))

    it.effect("loses a dial that is under way when the hosts are separated, and sends it again", () =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        yield* listen()
        const dialling = yield* Effect.forkChild(Effect.zip(connect(), millisNow))
        yield* TestClock.adjust(5)
        yield* network.partition("127.0.0.1", "10.0.0.9")
        yield* TestClock.adjust(995)
        yield* network.heal()
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* Fiber.join(dialling))[1], 1020)
      }).pipe(withNetwork({ delay: 10 })))

    it.effect("does not answer a dial when only the way back is blocked", () =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        const { accept } = yield* listen()
        yield* network.blackhole(server, "toDialler")
        const dialling = yield* Effect.forkChild(connect())
        const accepted = probe(yield* accept)
        assert.isUndefined(dialling.pollUnsafe())
        yield* Fiber.interrupt(dialling)
        assert.strictEqual((yield* accepted.ended)?.problem, "Closed")
      }).pipe(withNetwork()))

    it.effect("refuses, leaves unreachable or times out", () =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        const { client } = yield* pair()
        const refused = (problem?: MemoryTransport.Refusal) =>
          Effect.gen(function*() {
            yield* network.refuse("10.0.0.9", problem)
            const error = yield* Effect.flip(connect())
            yield* network.heal("10.0.0.9")
            return error.problem
          })
        assert.strictEqual(yield* refused(), "Refused")
        assert.strictEqual(yield* refused("Unreachable"), "Unreachable")
        assert.strictEqual(yield* refused("TimedOut"), "TimedOut")
        yield* network.setConditions({ delay: 15 })
        const dial = yield* Effect.forkChild(Effect.andThen(refused(), millisNow))
        yield* TestClock.adjust(100)
        assert.strictEqual(yield* Fiber.join(dial), 30)
        yield* connect().pipe(Effect.forkChild, Effect.tap(TestClock.adjust(30)), Effect.flatMap(Fiber.join))
        yield* client.write(bytes(1))
      }).pipe(withNetwork()))

    it.effect("hangs, lets go, and can be given up", () =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        const { accept, links } = yield* listen()
        yield* network.hang(server)
        const given = yield* Effect.forkChild(Effect.exit(Effect.timeout(connect(), "3 seconds")))
        const patient = yield* Effect.forkChild(Effect.zip(connect(), millisNow))
        yield* TestClock.adjust("10 seconds")
        const exit = yield* Fiber.join(given)
        assert.isTrue(Exit.isFailure(exit) && Cause.findErrorOption(exit.cause).pipe((error) => error._tag === "Some"))
        assert.isUndefined(patient.pollUnsafe())
        assert.strictEqual(Queue.sizeUnsafe(links), 0)
        yield* network.heal(server)
        yield* accept
        assert.strictEqual((yield* Fiber.join(patient))[1], 10_000)
        assert.strictEqual((yield* network.links).length, 1)
      }).pipe(withNetwork()))

    it.effect("closes the accepted side when a dial is given up half-way", () =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        const { accept } = yield* listen()
        const dialling = yield* Effect.forkChild(connect())
        yield* TestClock.adjust(15)
        const accepted = probe(yield* accept)
        yield* Fiber.interrupt(dialling)
        yield* TestClock.adjust(10)
        assert.strictEqual((yield* accepted.ended)?.problem, "Closed")
        assert.deepStrictEqual(yield* network.links, [])
      }).pipe(withNetwork({ delay: 10 })))

    it.effect("fails a dial whose link is cut before it is told", () =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        yield* listen()
        const dialling = yield* Effect.forkChild(Effect.flip(connect()))
        yield* TestClock.adjust(15)
        assert.strictEqual(yield* network.cut(server), 1)
        yield* TestClock.adjust(10)
        assert.strictEqual((yield* Fiber.join(dialling)).problem, "Reset")
      }).pipe(withNetwork({ delay: 10 })))

    it.effect("lists links, and waits for them", () =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        const waiting = yield* Effect.forkChild(network.awaitLink(server), { startImmediately: true })
        yield* settle
        assert.isUndefined(waiting.pollUnsafe())
        const { accepted, client } = yield* pair()
        yield* client.write(bytes(30))
        yield* accepted.read(30)
        const info = yield* Fiber.join(waiting)
        assert.strictEqual(info.id, 1)
        assert.deepStrictEqual(yield* network.links, [{
          id: 1,
          dialler: client.link.localAddress,
          listener: server,
          toListener: { written: 30, delivered: 30 },
          toDialler: { written: 0, delivered: 0 }
        }])
        assert.deepStrictEqual(yield* network.awaitLink("127.0.0.1"), (yield* network.links)[0])
      }).pipe(withNetwork()))

    it.effect("takes nonsense for the mistake of a test", () =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        const isDefect = (effect: Effect.Effect<unknown>) =>
          Effect.map(Effect.exit(effect), (exit) => Exit.isFailure(exit) && Cause.hasDies(exit.cause))
        assert.isTrue(yield* isDefect(network.cut("somewhere")))
        assert.isTrue(yield* isDefect(network.setConditions({ loss: 1 })))
        assert.isTrue(yield* isDefect(network.setConditions({ segmentSize: 0 }, "10.0.0.1")))
        assert.isTrue(yield* isDefect(network.setConditions({ bandwidth: 0 })))
        assert.isTrue(yield* isDefect(network.transportFrom("somewhere")))
        assert.isTrue(yield* isDefect(Effect.provide(Effect.void, MemoryTransport.layer({ window: 0 }))))
        yield* pair()
      }).pipe(withNetwork()))
  })

  describe("names", () => {
    it.effect("are looked up in a table that may change, and look-ups are counted", () =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        const resolver = yield* AddressResolver.AddressResolver
        const resolve = (target: string) =>
          Effect.match(resolver.resolve(target), {
            onSuccess: (addresses) => addresses.map(text).join(" "),
            onFailure: (error) => error._tag === "DnsError" ? error.reason : error._tag
          })
        assert.strictEqual(yield* resolve("hub.example:80"), "10.0.0.1:80")
        yield* network.setHost("Hub.Example.", ["10.0.0.2", "fd00::2"])
        assert.strictEqual(yield* resolve("hub.example:80"), "10.0.0.2:80 [fd00::2]:80")
        yield* network.setHost("hub.example", "Temporary")
        assert.strictEqual(yield* resolve("hub.example:80"), "Temporary")
        yield* network.setHost("hub.example", [])
        assert.strictEqual(yield* resolve("hub.example:80"), "NotFound")
        assert.strictEqual(yield* resolve("other.example:80"), "NotFound")
        assert.strictEqual(yield* resolve("localhost:80"), "127.0.0.1:80")
        assert.strictEqual(yield* resolve("10.0.0.1:80"), "10.0.0.1:80")
        assert.strictEqual(yield* network.lookups("hub.example"), 4)
        assert.strictEqual(yield* network.lookups("other.example"), 1)
        assert.strictEqual(yield* network.lookups("never.example"), 0)
      }).pipe(withNetwork({ hosts: { "hub.example": ["10.0.0.1"] } })))

    it.effect("may take their time", () =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        const resolver = yield* AddressResolver.AddressResolver
        yield* network.setHost("slow.example", ["10.0.0.1"], { delay: "2 seconds" })
        yield* network.setHost("never.example", ["10.0.0.1"], { delay: Duration.infinity })
        const slow = yield* Effect.forkChild(Effect.andThen(resolver.resolve("slow.example:1"), millisNow))
        const never = yield* Effect.forkChild(resolver.resolve("never.example:1"))
        yield* TestClock.adjust("1 day")
        assert.strictEqual(yield* Fiber.join(slow), 2000)
        assert.isUndefined(never.pollUnsafe())
      }).pipe(withNetwork()))
  })

  describe("the scope of the layer", () => {
    it.effect("leaves no fiber and no sleep, cuts links, and ends dials", () =>
      Effect.gen(function*() {
        // The test clock starts a fiber of its own with the first sleep, unless it was moved before.
        yield* TestClock.adjust(0)
        const { clock, counter } = yield* countingClock
        let fibers = 0
        const metrics: Metric.FiberRuntimeMetricsService = {
          recordFiberStart: () => void fibers++,
          recordFiberEnd: () => void fibers--
        }
        const scope = yield* Scope.make()
        const context = yield* Layer.buildWithScope(MemoryTransport.layer(), scope).pipe(
          Effect.provideService(Clock.Clock, clock),
          Effect.provideService(Metric.FiberRuntimeMetrics, metrics)
        )
        const network = Context.get(context, MemoryNetwork)
        const { accepted, client } = yield* Effect.provide(pair(), context)
        const idle = { fibers, sleeping: counter.sleeping }
        yield* network.setConditions({ delay: "1 minute" })
        yield* client.write(bytes(3))
        yield* accepted.write(bytes(3))
        yield* accepted.write(bytes(3))
        const dialling = yield* Effect.forkChild(Effect.provide(connect(), context), { startImmediately: true })
        yield* network.hang(server)
        const hanging = yield* Effect.forkChild(Effect.provide(Effect.flip(connect()), context))
        yield* settle
        assert.deepStrictEqual(idle, { fibers: 0, sleeping: 0 })
        // One for each direction in which something is under way; a dial sleeps in the fiber of the one who dials.
        assert.strictEqual(fibers, 2)
        assert.strictEqual(counter.sleeping, 3)
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual(fibers, 0)
        assert.strictEqual((yield* client.ended)?.problem, "Reset")
        assert.strictEqual((yield* accepted.ended)?.problem, "Reset")
        yield* Fiber.interrupt(dialling)
        const late = yield* Effect.forkChild(Effect.provide(Effect.flip(connect()), context))
        yield* TestClock.adjust("1 hour")
        assert.strictEqual((yield* Fiber.join(hanging)).problem, "Unreachable")
        assert.strictEqual((yield* Fiber.join(late)).problem, "Unreachable")
        assert.strictEqual(counter.sleeping, 0)
        assert.deepStrictEqual(yield* network.links, [])
      }))

    it.effect("leaves no fiber when a link ends with bytes in flight", () =>
      Effect.gen(function*() {
        const { clock, counter } = yield* countingClock
        const network = MemoryTransport.layer()
        yield* Effect.gen(function*() {
          const { accepted, client } = yield* pair()
          const network = yield* MemoryNetwork
          yield* network.setConditions({ delay: "1 minute" })
          yield* client.write(bytes(3))
          assert.strictEqual(counter.sleeping, 1)
          yield* network.blackhole(server)
          assert.strictEqual(counter.sleeping, 0)
          yield* network.heal()
          assert.strictEqual(counter.sleeping, 1)
          yield* accepted.close
          assert.strictEqual(counter.sleeping, 1)
          yield* TestClock.adjust("1 minute")
          assert.strictEqual((yield* client.ended)?.problem, "Closed")
          assert.strictEqual(counter.sleeping, 0)
        }).pipe(Effect.provide(network), Effect.provideService(Clock.Clock, clock))
      }))

    it.live("works on the real clock", () =>
      Effect.gen(function*() {
        const { accepted, client } = yield* pair()
        const start = performance.now()
        yield* client.write(bytes(10))
        assert.deepStrictEqual(yield* accepted.read(10), bytes(10))
        assert.isAtLeast(performance.now() - start, 15)
      }).pipe(withNetwork({ delay: "20 millis", jitter: "5 millis" })))
  })

  describe("whatever happens", () => {
    /** Writes of random sizes until `total` bytes are written or the link ends. Counts how the writes went. */
    const writeAll = (link: Transport.Link, total: number, pick: (limit: number) => number) => {
      const writer = { started: 0, done: 0, failed: 0 }
      let written = 0
      const next = (): void => {
        if (written === total) {
          link.close()
          return
        }
        const size = Math.min(1 + pick(3000), total - written)
        const cut = pick(size)
        const content = bytes(size, written)
        written += size
        writer.started += 1
        let hasReturned = false
        link.write([content.subarray(0, cut), content.subarray(cut)], (error) => {
          assert.isTrue(hasReturned, "done before write returned")
          content.fill(255)
          if (error === undefined) {
            writer.done += 1
            next()
          } else writer.failed += 1
        })
        hasReturned = true
      }
      next()
      return writer
    }

    /** Reads into memory of random sizes, pauses at random, and looks after the rules of the port. */
    const readAll = (link: Transport.Link, pick: (limit: number) => number) => {
      const reader = { received: Array<number>(), ends: Array<string>() }
      let memory = new Uint8Array(1)
      let isCalled = false
      const alone = (f: () => void) => {
        assert.isFalse(isCalled, "a call within a call")
        assert.strictEqual(reader.ends.length, 0, "a call after the end")
        isCalled = true
        f()
        isCalled = false
      }
      link.start({
        buffer: () => memory = new Uint8Array(1 + pick(700)),
        onRead: (count) => {
          alone(() => {
            for (let i = 0; i < count; i++) reader.received.push(memory[i]!)
          })
          return pick(4) > 0
        },
        onEnd: (error) => alone(() => reader.ends.push(error?.problem ?? "here"))
      })
      return reader
    }

    const segmentSizes = [1, 3, 100, 5000, "random", Number.POSITIVE_INFINITY] as const

    /** One run: writes, pauses and conditions at random, and a cut in every second run. */
    const run = (seed: number) =>
      Effect.gen(function*() {
        const network = yield* MemoryNetwork
        const random = yield* Random.Random
        const pick = (limit: number) => Math.floor(random.nextDoubleUnsafe() * limit)
        const total = pick(12_000)
        const { accepted, client } = yield* rawPair()
        yield* network.setConditions({ window: 1 + pick(5000), segmentSize: segmentSizes[pick(6)]! })
        const reader = readAll(accepted, pick)
        const back = readAll(client, pick)
        const writer = writeAll(client, total, pick)
        const isCut = seed % 2 === 1
        if (isCut) yield* network.cutAfter(1, pick(15_000), "toListener")

        for (let step = 0; reader.ends.length === 0; step++) {
          assert.isBelow(step, 100_000, `no end in sight, seed ${seed}`)
          const choice = pick(12)
          if (choice === 0) accepted.pause()
          else if (choice < 8) accepted.resume()
          else if (choice === 8) yield* network.setConditions({ delay: pick(20), jitter: pick(20), loss: pick(3) / 10 })
          else if (choice === 9) yield* network.setConditions({ delay: 0, jitter: 0, loss: 0 })
          else if (choice === 10) {
            yield* network.blackhole(1)
            yield* TestClock.adjust(pick(300))
            yield* network.heal()
          } else yield* TestClock.adjust(pick(300))
          yield* Effect.yieldNow
        }
        yield* settle
        const { length } = reader.received
        assert.deepStrictEqual(Uint8Array.from(reader.received), bytes(total).subarray(0, length), `seed ${seed}`)
        assert.strictEqual(writer.started, writer.done + writer.failed, `seed ${seed}`)
        if (!isCut || reader.ends[0] === "Closed") {
          assert.strictEqual(length, total, `seed ${seed}`)
          assert.deepStrictEqual([...reader.ends, ...back.ends], ["Closed", "here"], `seed ${seed}`)
        } else assert.strictEqual(reader.ends[0], "Reset", `seed ${seed}`)
        assert.strictEqual(back.ends.length, 1, `seed ${seed}`)
        assert.deepStrictEqual(yield* network.links, [])
      }).pipe(withNetwork(), Random.withSeed(seed), Effect.scoped)

    it.effect(
      "bytes arrive whole and in order, and each side ends once",
      () => Effect.forEach(Array.from({ length: 40 }, (_, i) => i), run, { discard: true }),
      60_000
    )
  })

  it.effect("thousands of idle links cost no fiber, and traffic on them arrives", () =>
    Effect.gen(function*() {
      const count = 5000
      const echo: Transport.LinkReceiver & { memory: Uint8Array } = {
        memory: new Uint8Array(16),
        buffer: () => echo.memory,
        onRead: () => true,
        onEnd: () => {}
      }
      const transport = yield* Transport.Transport
      yield* transport.listen(server, (link) => {
        link.start({
          ...echo,
          onRead: (size) => {
            link.write([echo.memory.subarray(0, size)], () => {})
            return true
          }
        })
      })
      let answers = 0
      const links = yield* Effect.forEach(Array.from({ length: count }), () => transport.connect(server))
      for (const link of links) {
        link.start({
          ...echo,
          onRead: (size) => {
            answers += size
            return true
          }
        })
        link.write([Uint8Array.of(1, 2, 3)], () => {})
      }
      yield* settle
      assert.strictEqual(answers, 3 * count)
    }).pipe(withNetwork()))
})
