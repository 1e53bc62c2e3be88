import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Option, Scope } from "effect"
import { NetAddress } from "effect/net"
import * as Fs from "node:fs"
import * as Net from "node:net"
import { vi } from "vitest"
import * as NodeTransport from "../../src/layers/NodeTransport.ts"
import { type Link, Transport, TransportError } from "../../src/services/Transport.ts"
import * as Links from "../utils/links.ts"
import { tlsOptions } from "../utils/tls.ts"

const { loopback, pair, Recorder, send } = Links

const transports = {
  direct: NodeTransport.make(),
  events: NodeTransport.make({ reading: "events" }),
  tls: NodeTransport.makeTls(tlsOptions)
}

const addresses: { readonly [name: string]: Effect.Effect<NetAddress.SocketAddress, never, Scope.Scope> } = {
  "127.0.0.1": Effect.succeed(loopback),
  ...Option.match(Links.loopback6, { onNone: () => ({}), onSome: (address) => ({ "::1": Effect.succeed(address) }) }),
  "a Unix socket": Links.unixAddress
}

const sizes = [1, 2, 3, 100, 4096, 65_535, 65_536, 65_537, 262_144, 1_000_003]

const problemOf = <A, R>(effect: Effect.Effect<A, TransportError, R>): Effect.Effect<string, A, R> =>
  Effect.map(Effect.flip(effect), (error) => error.problem)

describe("NodeTransport", () => {
  for (const [kind, make] of Object.entries(transports)) {
    for (const [place, anyAddress] of Object.entries(addresses)) {
      it.live(`carries bytes both ways: ${kind} over ${place}`, () =>
        Effect.gen(function*() {
          const { accepted, dialled } = yield* pair(yield* make, yield* anyAddress)
          const [here, there] = [new Recorder(), new Recorder()]
          dialled.start(here)
          accepted.start(there)
          let sent = 0
          for (const size of sizes) {
            const bytes = Links.randomBytes(size, size)
            yield* send(dialled, bytes)
            yield* send(accepted, bytes.subarray(0, size >> 1), bytes.subarray(size >> 1, size - 1), bytes.subarray(-1))
            sent += size
            yield* here.received(sent)
            yield* there.received(sent)
          }
          const expected = Buffer.concat(sizes.map((size) => Links.randomBytes(size, size)))
          assert.isTrue(expected.equals(here.bytes))
          assert.isTrue(expected.equals(there.bytes))
          dialled.close()
          yield* here.ended
          yield* there.ended
          assert.deepStrictEqual([here.problem, there.problem], [undefined, "Closed"])
        }))
    }

    it.live(`reads nothing before the start, and then everything: ${kind}`, () =>
      Effect.gen(function*() {
        const { accepted, dialled } = yield* pair(yield* make, loopback)
        yield* send(dialled, "to the accepted ")
        yield* send(accepted, "to the dialled ")
        yield* Effect.sleep("30 millis")
        yield* send(dialled, "side")
        yield* send(accepted, "side")
        const [here, there] = [new Recorder(), new Recorder()]
        dialled.start(here)
        accepted.start(there)
        assert.strictEqual(here.count + there.count, 0)
        yield* here.received(19)
        yield* there.received(20)
        assert.deepStrictEqual([here.text, there.text], ["to the dialled side", "to the accepted side"])
      }))

    it.live(`reads nothing while it is paused: ${kind}`, () =>
      Effect.gen(function*() {
        const { accepted, dialled } = yield* pair(yield* make, loopback)
        const here: Links.Recorder = new Recorder({ goOn: () => here.count !== 3 })
        yield* send(accepted, "o")
        dialled.start(here)
        dialled.pause()
        yield* Effect.sleep("10 millis")
        yield* send(accepted, "ne")
        yield* Effect.sleep("20 millis")
        assert.strictEqual(here.count, 0)
        dialled.resume()
        yield* here.received(3)
        yield* send(accepted, " two")
        yield* Effect.sleep("30 millis")
        assert.strictEqual(here.text, "one")
        dialled.resume()
        dialled.pause()
        yield* Effect.sleep("30 millis")
        assert.strictEqual(here.text, "one")
        dialled.resume()
        yield* here.received(7)
        assert.strictEqual(here.text, "one two")
      }))
  }

  it.live("knows the addresses of both ends", () =>
    Effect.gen(function*() {
      const { accepted, dialled, listener } = yield* pair(yield* transports.direct, loopback)
      assert.deepStrictEqual(dialled.remoteAddress, listener.address)
      assert.deepStrictEqual(accepted.localAddress, listener.address)
      assert.deepStrictEqual(accepted.remoteAddress, dialled.localAddress)
      assert.notStrictEqual(Links.portOf(listener.address), 0)
    }))

  it.live("gives the IPv4 peer of a listener for both families its IPv4 address", () =>
    Effect.gen(function*() {
      if (Option.isNone(Links.loopback6)) return
      const transport = yield* transports.direct
      const accepted: Array<Link> = []
      const { address } = yield* transport.listen(
        NetAddress.inetAddressFromNativeUnsafe("::", 0),
        (link) => accepted.push(link)
      )
      const port = Links.portOf(address)
      const dialled = yield* transport.connect(NetAddress.inetAddressFromNativeUnsafe("127.0.0.1", port))
      while (accepted.length === 0) yield* Effect.sleep("1 millis")
      assert.deepStrictEqual(accepted[0]!.remoteAddress, dialled.localAddress)
      assert.deepStrictEqual(accepted[0]!.localAddress, dialled.remoteAddress)
    }))

  it.live("hands many parts to the system in one write", () =>
    Effect.gen(function*() {
      const { accepted, dialled } = yield* pair(yield* transports.direct, loopback)
      const there = new Recorder()
      accepted.start(there)
      const writev = vi.spyOn(Net.Socket.prototype as Required<Net.Socket>, "_writev")
      const write = vi.spyOn(Net.Socket.prototype, "_write")
      const parts = Array.from({ length: 100 }, (_, i) => Buffer.from(`part ${i}\n`))
      yield* send(dialled, ...parts)
      const calls = [writev.mock.calls.length, write.mock.calls.length]
      yield* send(dialled, "alone")
      calls.push(writev.mock.calls.length, write.mock.calls.length)
      vi.restoreAllMocks()
      assert.deepStrictEqual(calls, [1, 0, 1, 1])
      yield* send(dialled)
      const expected = `${Buffer.concat(parts).toString()}alone`
      yield* there.received(expected.length)
      assert.strictEqual(there.text, expected)
    }))

  it.live("is refused where nobody listens", () =>
    Effect.gen(function*() {
      const transport = yield* transports.direct
      const { address } = yield* Effect.scoped(transport.listen(loopback, () => {}))
      assert.strictEqual(yield* problemOf(transport.connect(address)), "Refused")
      assert.strictEqual(yield* problemOf(transport.connect(yield* Links.unixAddress)), "Refused")
    }))

  it.live("cannot listen where somebody does, nor on an address of others", () =>
    Effect.gen(function*() {
      const transport = yield* transports.direct
      const { address } = yield* transport.listen(loopback, () => {})
      const error = yield* Effect.flip(transport.listen(address, () => {}))
      assert.strictEqual(error.problem, "AddressInUse")
      assert.strictEqual(error.address, NetAddress.formatSocketAddress(address))
      const elsewhere = NetAddress.inetAddressFromNativeUnsafe("192.0.2.1", 0)
      assert.strictEqual(yield* problemOf(transport.listen(elsewhere, () => {})), "Unreachable")
    }))

  it.live("shares a port where it may", () =>
    Effect.gen(function*() {
      const transport = yield* NodeTransport.make({ reusePort: true })
      const { address } = yield* transport.listen(loopback, () => {})
      const again = yield* transport.listen(address, () => {})
      assert.deepStrictEqual(again.address, address)
    }))

  it.live("fails, and does not die, on a path that cannot be", () =>
    Effect.gen(function*() {
      const transport = yield* transports.direct
      for (const path of ["", "x".repeat(300), "/tmp/\0x"]) {
        const address = NetAddress.unixPathAddress(path)
        assert.instanceOf(yield* Effect.flip(transport.connect(address)), TransportError)
        assert.instanceOf(yield* Effect.flip(transport.listen(address, () => {})), TransportError)
      }
    }))

  it.live("replaces the socket file of the dead, and nothing else", () =>
    Effect.gen(function*() {
      const transport = yield* transports.direct
      const directory = yield* Links.temporaryDirectory
      const at = (name: string) => NetAddress.unixPathAddress(`${directory}/${name}`)
      // A second name of a socket stays when its listener removes the first one: that is a socket of the dead.
      yield* Effect.scoped(Effect.tap(
        transport.listen(at("first"), () => {}),
        Effect.sync(() => Fs.linkSync(`${directory}/first`, `${directory}/stale`))
      ))
      assert.deepStrictEqual(Fs.readdirSync(directory), ["stale"])
      const scope = yield* Scope.make()
      yield* transport.listen(at("stale"), () => {}).pipe(Scope.provide(scope))
      assert.strictEqual(yield* problemOf(transport.listen(at("stale"), () => {})), "AddressInUse")
      assert.isTrue(Fs.existsSync(`${directory}/stale`))
      yield* transport.connect(at("stale"))
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(Fs.readdirSync(directory), [])

      Fs.writeFileSync(`${directory}/file`, "content")
      assert.strictEqual(yield* problemOf(transport.listen(at("file"), () => {})), "AddressInUse")
      assert.strictEqual(Fs.readFileSync(`${directory}/file`, "utf8"), "content")
    }))

  it.live("is provided by its layers", () =>
    Effect.gen(function*() {
      const talk = Effect.gen(function*() {
        const { accepted, dialled } = yield* pair(yield* Transport, loopback)
        const there = new Recorder()
        accepted.start(there)
        yield* send(dialled, "hello")
        yield* there.received(5)
        return there.text
      })
      assert.strictEqual(yield* Effect.provide(talk, NodeTransport.layer({ keepAlive: "1 minute" })), "hello")
      assert.strictEqual(yield* Effect.provide(talk, NodeTransport.layerTls(tlsOptions)), "hello")
    }))
})
