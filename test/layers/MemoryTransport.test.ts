import { assert, describe, it } from "@effect/vitest"
import { Clock, Context, Duration, Effect, Exit, Fiber, Layer, Metric, Queue, Scope } from "effect"
import { AddressResolver, NetAddress } from "effect/net"
import { TestClock } from "effect/testing"
import * as MemoryTransport from "../../src/layers/MemoryTransport.ts"
import * as Transport from "../../src/services/Transport.ts"
import {
  bytes,
  connect,
  countingClock,
  listen,
  millisNow,
  pair,
  server,
  settle,
  text,
  withNetwork
} from "../utils/memory.ts"

const { MemoryNetwork } = MemoryTransport

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
