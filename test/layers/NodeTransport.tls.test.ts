import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import type { NetAddress } from "effect/net"
import * as Net from "node:net"
import * as NodeTransport from "../../src/layers/NodeTransport.ts"
import type { Link } from "../../src/services/Transport.ts"
import * as Links from "../utils/links.ts"
import { cert, key, tlsOptions } from "../utils/tls.ts"

const { loopback, pair, Recorder, send, socketCount, settled } = Links

const clientWith = (client: NodeTransport.TlsClientOptions) => NodeTransport.makeTls({ client })

/** Connects without TLS, says something, and tells how long it took until it was cut. */
const intrude = (
  address: NetAddress.SocketAddress,
  greeting: string
): Effect.Effect<number> =>
  Effect.callback((resume) => {
    const start = performance.now()
    const socket = Net.connect(Links.portOf(address), "127.0.0.1")
    socket.on("error", () => {})
    socket.once("close", () => resume(Effect.succeed(performance.now() - start)))
    socket.resume()
    if (greeting.length > 0) socket.write(greeting)
    return Effect.sync(() => socket.destroy())
  })

/** The sockets that the test runner has. */
const atRest = socketCount()

describe("NodeTransport, TLS", () => {
  it.live("does not trust a stranger", () =>
    Effect.gen(function*() {
      const { address } = yield* (yield* NodeTransport.makeTls(tlsOptions)).listen(loopback, () => {})
      const error = yield* Effect.flip((yield* clientWith({ servername: "localhost" })).connect(address))
      assert.strictEqual(error.problem, "TlsFailed")
      assert.include(error.message, "self-signed")
    }))

  it.live("wants the certificate to name the peer: by its address when there is no name", () =>
    Effect.gen(function*() {
      const { address } = yield* (yield* NodeTransport.makeTls(tlsOptions)).listen(loopback, () => {})
      const wrong = yield* clientWith({ ca: cert, servername: "elsewhere.example" })
      assert.strictEqual((yield* Effect.flip(wrong.connect(address))).problem, "TlsFailed")
      yield* (yield* clientWith({ ca: cert })).connect(address)
    }))

  it.live("trusts anybody when told so, and only then", () =>
    Effect.gen(function*() {
      const { address } = yield* (yield* NodeTransport.makeTls(tlsOptions)).listen(loopback, () => {})
      yield* (yield* clientWith({ rejectUnauthorized: false })).connect(address)
      const unset = yield* clientWith({ rejectUnauthorized: undefined, checkServerIdentity: undefined })
      assert.strictEqual((yield* Effect.flip(unset.connect(address))).problem, "TlsFailed")
    }))

  it.live("asks the dialler for a certificate", () =>
    Effect.gen(function*() {
      const strict = yield* NodeTransport.makeTls({
        client: { ca: cert, cert, key },
        server: { cert, key, ca: cert, requestCert: true }
      })
      const { accepted, dialled, listener } = yield* pair(strict, loopback)
      const there = new Recorder()
      accepted.start(there)
      yield* send(dialled, "known")
      yield* there.received(5)

      // In TLS 1.3 a dialler has finished before the listener has looked at its certificate.
      const nobody = yield* (yield* clientWith({ ca: cert })).connect(listener.address)
      const here = new Recorder()
      nobody.start(here)
      yield* here.ended
      assert.include(["TlsFailed", "Reset", "Closed"], here.problem)
      assert.strictEqual(here.count, 0)
    }))

  it.live("fails at a peer that speaks no TLS", () =>
    Effect.gen(function*() {
      const plain = yield* NodeTransport.make()
      const tls = yield* clientWith({ ca: cert })
      for (const answer of ["", "hello, who is there?\r\n"]) {
        const { address } = yield* plain.listen(loopback, (link) => {
          if (answer.length > 0) link.write([Buffer.from(answer)], () => {})
          link.close()
        })
        assert.strictEqual((yield* Effect.flip(tls.connect(address))).problem, "TlsFailed")
      }
      const { address } = yield* Effect.scoped(plain.listen(loopback, () => {}))
      assert.strictEqual((yield* Effect.flip(tls.connect(address))).problem, "Refused")
    }))

  it.live("is not bothered by peers that speak no TLS, or nothing", () =>
    Effect.gen(function*() {
      yield* settled(atRest)
      yield* Effect.gen(function*() {
        const transport = yield* NodeTransport.makeTls({ ...tlsOptions, handshakeTimeout: "1 second" })
        const links: Array<Link> = []
        const { address } = yield* transport.listen(loopback, (link) => links.push(link))
        const silent = yield* Effect.forkChild(intrude(address, ""))
        assert.isBelow(yield* intrude(address, "GET / HTTP/1.0\r\n\r\n"), 900)
        yield* transport.connect(address)
        assert.isAtLeast(yield* Fiber.join(silent), 900)
        assert.strictEqual(links.length, 1)
      }).pipe(Effect.scoped)
      yield* settled(atRest)
    }))

  it.live("limits how many are in the handshake", () =>
    Effect.gen(function*() {
      const transport = yield* NodeTransport.makeTls({ ...tlsOptions, maxHandshakes: 2 })
      const { address } = yield* transport.listen(loopback, () => {})
      const waiting = yield* Effect.forkChild(
        Effect.all([intrude(address, ""), intrude(address, "")], { concurrency: 2 })
      )
      yield* Effect.sleep("30 millis")
      yield* intrude(address, "").pipe(Effect.timeout("1 second"))
      assert.isUndefined(waiting.pollUnsafe())
      yield* Fiber.interrupt(waiting)
      yield* Effect.sleep("30 millis")
      yield* Effect.forEach([1, 2, 3, 4], () => transport.connect(address))
    }))

  it.live("cuts handshakes short when it stops to listen, but not links", () =>
    Effect.gen(function*() {
      const transport = yield* NodeTransport.makeTls(tlsOptions)
      const listening = yield* Scope.make()
      const links: Array<Link> = []
      const { address } = yield* transport.listen(loopback, (link) => links.push(link)).pipe(Scope.provide(listening))
      const dialled = yield* transport.connect(address)
      while (links.length === 0) yield* Effect.sleep("1 millis")
      const there = new Recorder()
      links[0]!.start(there)
      const silent = yield* Effect.forkChild(intrude(address, ""))
      yield* Effect.sleep("30 millis")
      yield* Scope.close(listening, Exit.void)
      yield* Fiber.join(silent).pipe(Effect.timeout("1 second"))
      yield* send(dialled, "still here")
      yield* there.received(10)
    }))

  it.live("says at once that certificates make no sense, or are missing", () =>
    Effect.gen(function*() {
      const bad = { cert: "no certificate", key }
      assert.strictEqual((yield* Effect.flip(NodeTransport.makeTls({ client: bad }))).problem, "TlsFailed")
      assert.strictEqual((yield* Effect.flip(NodeTransport.makeTls({ server: bad }))).problem, "TlsFailed")
      const clientOnly = yield* clientWith({ ca: cert })
      const error = yield* Effect.flip(clientOnly.listen(loopback, () => {}))
      assert.strictEqual(error.problem, "TlsFailed")
      assert.include(error.message, "server options")
    }))
})
