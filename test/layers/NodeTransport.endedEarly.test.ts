import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import { NetAddress } from "effect/net"
import type * as Net from "node:net"
import { Worker } from "node:worker_threads"
import * as NodeTransport from "../../src/layers/NodeTransport.ts"
import type { Link, TransportError } from "../../src/services/Transport.ts"
import * as Links from "../utils/links.ts"
import { closeOf, plainServer, plainSocket } from "../utils/plainSockets.ts"
import { tlsOptions } from "../utils/tls.ts"

const { loopback, pair, Recorder, send, socketCount, settled } = Links

const transports = {
  direct: NodeTransport.make(),
  events: NodeTransport.make({ reading: "events" }),
  tls: NodeTransport.makeTls(tlsOptions)
}

/** More than the system takes at once. */
const large = Links.randomBytes(16_000_000, 7)

/** The sockets that the test runner has. */
const atRest = socketCount()
describe("NodeTransport, ended early", () => {
  for (const kind of ["direct", "events"] as const) {
    it.live(`fails a write that a reset hits, once, and ends once: ${kind}`, () =>
      Effect.gen(function*() {
        const transport = yield* transports[kind]
        const server = yield* plainServer
        const link = yield* transport.connect(server.address)
        const here = new Recorder()
        link.start(here)
        const written = yield* send(link, large.subarray(0, 1000), large).pipe(Effect.flip, Effect.forkChild)
        const peer = yield* server.next
        yield* Effect.sleep("20 millis")
        peer.resetAndDestroy()
        assert.strictEqual((yield* Fiber.join(written)).problem, "Reset")
        yield* here.ended
        yield* Effect.sleep("20 millis")
        assert.deepStrictEqual(here.ends.map((error) => error?.problem), ["Reset"])
        assert.strictEqual((yield* Effect.flip(send(link, "more"))).problem, "Reset")
      }))

    it.live(`survives a reset at any time: ${kind}`, () =>
      Effect.gen(function*() {
        const transport = yield* transports[kind]
        const links: Array<Link> = []
        const { address } = yield* transport.listen(loopback, (link) => links.push(link))
        const resets: Array<(socket: Net.Socket, link: Link) => TransportError | undefined | void> = [
          (socket) => void socket.resetAndDestroy(),
          (socket, link) => {
            link.close()
            socket.resetAndDestroy()
          },
          (socket, link) => {
            socket.resetAndDestroy()
            link.write([large], () => {})
            link.close()
          }
        ]
        for (const reset of resets) {
          for (const delay of [0, 10]) {
            const socket = yield* plainSocket(address)
            while (links.length === 0) yield* Effect.sleep("1 millis")
            const link = links.pop()!
            reset(socket, link)
            yield* Effect.sleep(delay)
            const there = new Recorder()
            link.start(there)
            yield* there.ended
            assert.include([undefined, "Reset"], there.problem)
          }
        }
      }))
  }

  it.live("sends nothing to those who are turned away, and does not wait for them", () =>
    Effect.gen(function*() {
      const transport = yield* NodeTransport.make({ linger: "1 minute" })
      const { address } = yield* transport.listen(loopback, (link) => link.close())
      const socket = yield* plainSocket(address)
      socket.resume()
      // This peer ends nothing by itself, and learns that nobody is there when it says something.
      const knock = () => void (socket.destroyed || socket.write("hello?", () => setTimeout(knock, 5)))
      socket.once("end", knock)
      yield* closeOf(socket).pipe(Effect.timeout("1 second"))
      assert.strictEqual(socket.bytesRead, 0)
    }))

  it.live("lets out what was written to a link that was never started, though listening ends", () =>
    Effect.gen(function*() {
      const transport = yield* transports.direct
      const listening = yield* Scope.make()
      const { address } = yield* transport.listen(loopback, (link) => {
        link.write([large], () => {})
        link.close()
      }).pipe(Scope.provide(listening))
      const link = yield* transport.connect(address)
      const here = new Recorder()
      yield* Effect.sleep("20 millis")
      yield* Scope.close(listening, Exit.void)
      link.start(here)
      yield* here.ended
      assert.deepStrictEqual([here.count, here.problem], [large.length, "Closed"])
    }))

  it.live("does not keep the process alive for a peer that does not end", () =>
    Effect.gen(function*() {
      yield* settled(atRest)
      const transport = yield* NodeTransport.make({ linger: "1 minute" })
      const server = yield* plainServer
      const link = yield* transport.connect(server.address)
      const peer = yield* server.next
      yield* settled(atRest + 3)
      yield* send(link, "the last word")
      link.close()
      yield* settled(atRest + 2)
      assert.isFalse(peer.destroyed)
      peer.resetAndDestroy()
    }))

  it.live("is cut when the peer sends without end after close", () =>
    Effect.gen(function*() {
      const transport = yield* NodeTransport.make({ linger: "1 minute" })
      const server = yield* plainServer
      const link = yield* transport.connect(server.address)
      const peer = yield* server.next
      link.start(new Recorder())
      link.close()
      const flood = () => {
        while (!peer.destroyed && peer.write(large));
      }
      peer.on("drain", flood)
      flood()
      yield* closeOf(peer).pipe(Effect.timeout("5 seconds"))
    }))

  it.live("gives up dialling when it is interrupted: a peer that does not accept", () =>
    Effect.gen(function*() {
      // A listener whose thread is blocked: once the two that may wait are there, the system answers nobody.
      const worker = yield* Effect.acquireRelease(
        Effect.sync(() => new Worker(blockedListener, { eval: true })),
        (worker) => Effect.promise(() => worker.terminate())
      )
      const port = yield* Effect.callback<number>((resume) =>
        void worker.once("message", (port) => resume(Effect.succeed(port)))
      )
      const transport = yield* transports.direct
      const address = NetAddress.inetAddressFromNativeUnsafe("127.0.0.1", port)
      let connected = 0
      while (connected < 10) {
        const link = yield* Effect.timeoutOption(transport.connect(address), "200 millis")
        if (link._tag === "None") break
        connected += 1
      }
      assert.isBelow(connected, 10)
      const dialling = yield* Effect.forkChild(Effect.scoped(transport.connect(address)))
      yield* Effect.sleep("20 millis")
      const pending = () => process.getActiveResourcesInfo().filter((kind) => kind === "ConnectWrap").length
      assert.strictEqual(pending(), 1)
      yield* Fiber.interrupt(dialling)
      yield* settled(atRest + connected)
    }))

  it.live("gives up dialling when it is interrupted: a peer that is silent in the handshake", () =>
    Effect.gen(function*() {
      const transport = yield* transports.tls
      const server = yield* plainServer
      const dialling = yield* Effect.forkChild(Effect.scoped(transport.connect(server.address)))
      const peer = yield* server.next
      peer.resume()
      yield* Fiber.interrupt(dialling)
      yield* closeOf(peer)
      yield* settled(atRest + 1)
    }))

  it.live("leaves nothing behind", () =>
    Effect.gen(function*() {
      yield* settled(atRest)
      for (const make of Object.values(transports)) {
        yield* Effect.gen(function*() {
          const transport = yield* make
          for (const address of [loopback, yield* Links.unixAddress]) {
            const { accepted, dialled, listener } = yield* pair(transport, address)
            yield* Effect.forEach([1, 2, 3], () => transport.connect(listener.address))
            dialled.start(new Recorder())
            accepted.start(new Recorder())
            yield* send(dialled, large.subarray(0, 100_000))
          }
        }).pipe(Effect.scoped)
      }
      yield* settled(atRest)
    }))
})

const blockedListener = `
  const { parentPort } = require("node:worker_threads")
  const server = require("node:net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
    parentPort.postMessage(server.address().port)
    setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0))
  })
`
