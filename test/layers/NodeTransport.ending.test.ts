import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import { NetAddress } from "effect/net"
import * as Net from "node:net"
import { Worker } from "node:worker_threads"
import * as NodeTransport from "../../src/layers/NodeTransport.ts"
import type { Link, TransportError } from "../../src/services/Transport.ts"
import * as Links from "../utils/links.ts"
import { tlsOptions } from "../utils/tls.ts"

const { loopback, pair, Recorder, send, socketCount, settled } = Links

const transports = {
  direct: NodeTransport.make(),
  events: NodeTransport.make({ reading: "events" }),
  tls: NodeTransport.makeTls(tlsOptions)
}

/** More than the system takes at once. */
const large = Links.randomBytes(16_000_000, 7)

/** A plain server; its sockets are given out as they come and destroyed with the scope. */
const plainServer = Effect.gen(function*() {
  const sockets: Array<Net.Socket> = []
  let given = 0
  const server = yield* Effect.acquireRelease(
    Effect.sync(() =>
      Net.createServer({ pauseOnConnect: true }, (socket) => {
        socket.on("error", () => {})
        sockets.push(socket)
      })
    ),
    (server) =>
      Effect.sync(() => {
        server.close()
        for (const socket of sockets) socket.destroy()
      })
  )
  yield* Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void)))
  const { port } = server.address() as Net.AddressInfo
  const next = Effect.gen(function*() {
    while (sockets.length === given) yield* Effect.sleep("1 millis")
    return sockets[given++]!
  })
  return { address: NetAddress.inetAddressFromNativeUnsafe("127.0.0.1", port), next }
})

const plainSocket = (address: NetAddress.SocketAddress): Effect.Effect<Net.Socket, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<Net.Socket>((resume) => {
      const socket = Net.connect({ host: "127.0.0.1", port: Links.portOf(address), allowHalfOpen: true })
      socket.on("error", () => {})
      socket.once("connect", () => resume(Effect.succeed(socket)))
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )

const closeOf = (socket: Net.Socket): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (socket.closed) return resume(Effect.void)
    socket.once("close", () => resume(Effect.void))
  })

/** The sockets that the test runner has. */
const atRest = socketCount()

describe("NodeTransport, the end of a link", () => {
  for (const [kind, make] of Object.entries(transports)) {
    it.live(`delivers what came before the end, also when it is paused: ${kind}`, () =>
      Effect.gen(function*() {
        const transport = yield* make
        // Two at a time, so that the bytes of one could get into the other.
        yield* Effect.forEach(["x", "y"], (letter) =>
          Effect.gen(function*() {
            const { accepted, dialled } = yield* pair(transport, loopback)
            const here = new Recorder({ bufferSize: () => 10, goOn: () => false })
            dialled.start(here)
            yield* send(accepted, Buffer.alloc(45, letter))
            for (let reads = 1; reads <= 10; reads++) {
              if (reads === 3) yield* send(accepted, Buffer.alloc(50, letter))
              if (reads === 7) accepted.close()
              yield* here.received(Math.min(95, reads * 10 - (reads > 4 ? 5 : 0)))
              yield* Effect.sleep("5 millis")
              assert.deepStrictEqual([here.reads, here.ends.length], [reads, 0])
              dialled.resume()
              assert.deepStrictEqual([here.reads, here.ends.length], [reads, 0])
            }
            yield* here.ended
            assert.strictEqual(here.text, letter.repeat(95))
            assert.strictEqual(here.problem, "Closed")
          }), { concurrency: 2 })
      }))

    it.live(`can answer a peer whose end it has not read yet: ${kind}`, () =>
      Effect.gen(function*() {
        for (const side of ["dialled", "accepted"] as const) {
          const links = yield* pair(yield* make, loopback)
          const [near, far] = side === "dialled" ? [links.dialled, links.accepted] : [links.accepted, links.dialled]
          const here = new Recorder({ bufferSize: () => 2, goOn: () => false })
          near.start(here)
          yield* send(far, "abc")
          far.close()
          yield* here.received(2)
          yield* Effect.sleep("20 millis")
          yield* send(near, "too late, but no error")
          near.resume()
          yield* here.received(3)
          near.resume()
          yield* here.ended
          const error = yield* Effect.flip(send(near, "after the end"))
          assert.strictEqual(error.problem, "Closed")
        }
      }))

    it.live(`sends what was written before close, to a slow reader that sends too: ${kind}`, () =>
      Effect.gen(function*() {
        const { accepted, dialled } = yield* pair(yield* make, loopback)
        const here = new Recorder({ goOn: () => false })
        const there: Links.Recorder = new Recorder({
          goOn: () => {
            if (there.reads % 20 !== 0) return true
            setTimeout(() => accepted.resume(), 1)
            return false
          }
        })
        dialled.start(here)
        const written = yield* send(dialled, large.subarray(0, 9_000_000), large.subarray(9_000_000)).pipe(
          Effect.forkChild
        )
        yield* Effect.yieldNow
        const unread = yield* send(accepted, Links.randomBytes(3_000_000, 1)).pipe(Effect.exit, Effect.forkChild)
        yield* here.received(1)
        const count = here.count
        dialled.close()
        dialled.close()
        yield* here.ended
        assert.deepStrictEqual(here.ends, [undefined])
        accepted.start(there)
        yield* Fiber.join(written)
        yield* Fiber.join(unread)
        yield* there.ended
        assert.strictEqual(there.problem, "Closed")
        assert.strictEqual(Links.sha256(there.bytes), Links.sha256(large))
        assert.strictEqual(here.count, count)
      }))

    it.live(`leaves the receiver's memory alone after close: ${kind}`, () =>
      Effect.gen(function*() {
        const { accepted, dialled } = yield* pair(yield* make, loopback)
        const here = new Recorder()
        dialled.start(here)
        yield* send(accepted, "first")
        yield* here.received(5)
        const memory = here.last
        const before = memory.slice()
        yield* send(dialled, "something to linger for")
        dialled.close()
        yield* send(accepted, Buffer.alloc(100_000, 0xff))
        yield* Effect.sleep("20 millis")
        assert.isTrue(Buffer.from(memory).equals(before))
        assert.strictEqual(here.text, "first")
      }))

    it.live(`is cut when the peer never takes what was written before close: ${kind}`, () =>
      Effect.gen(function*() {
        yield* settled(atRest)
        yield* Effect.gen(function*() {
          const options = { linger: "50 millis", reading: kind === "events" ? "events" : "direct" } as const
          const transport = yield* kind === "tls"
            ? NodeTransport.makeTls({ ...tlsOptions, ...options })
            : NodeTransport.make(options)
          const { dialled } = yield* pair(transport, loopback)
          const here = new Recorder()
          dialled.start(here)
          const written = yield* send(dialled, large).pipe(Effect.flip, Effect.forkChild)
          yield* Effect.yieldNow
          dialled.close()
          yield* here.ended
          assert.strictEqual((yield* Fiber.join(written)).problem, "Other")
          assert.deepStrictEqual(here.ends, [undefined])
        }).pipe(Effect.scoped)
        yield* settled(atRest)
      }))

    it.live(`can be closed from within a read: ${kind}`, () =>
      Effect.gen(function*() {
        const { accepted, dialled } = yield* pair(yield* make, loopback)
        const here: Links.Recorder = new Recorder({
          bufferSize: () => 3,
          goOn: () => {
            dialled.close()
            return true
          }
        })
        dialled.start(here)
        yield* send(accepted, "abcdef")
        yield* here.ended
        yield* Effect.sleep("10 millis")
        assert.deepStrictEqual([here.text, here.ends.length], ["abc", 1])
      }))

    it.live(`is told of an end that came before the start: ${kind}`, () =>
      Effect.gen(function*() {
        const { accepted, dialled } = yield* pair(yield* make, loopback)
        yield* send(accepted, "farewell")
        accepted.close()
        yield* Effect.sleep("20 millis")
        const here = new Recorder()
        dialled.start(here)
        assert.strictEqual(here.ends.length, 0)
        yield* here.ended
        assert.deepStrictEqual([here.text, here.problem], ["farewell", "Closed"])

        const again = new Recorder()
        accepted.start(again)
        yield* again.ended
        assert.deepStrictEqual(again.ends, [undefined])
      }))

    it.live(`closes with the scope of its dialler, not with that of its listener: ${kind}`, () =>
      Effect.gen(function*() {
        const transport = yield* make
        yield* settled(atRest)
        const listening = yield* Scope.make()
        const dialling = yield* Scope.make()
        const accepted: Array<Link> = []
        const { address } = yield* transport.listen(loopback, (link) => accepted.push(link)).pipe(
          Scope.provide(listening)
        )
        const connect = transport.connect(address).pipe(Scope.provide(dialling))
        const [first, second] = [yield* connect, yield* connect]
        while (accepted.length < 2) yield* Effect.sleep("1 millis")
        const isFirst = (link: Link) =>
          NetAddress.formatSocketAddress(link.remoteAddress) === NetAddress.formatSocketAddress(first.localAddress)
        const [here, there, other] = [new Recorder(), new Recorder(), new Recorder()]
        first.start(here)
        accepted.find(isFirst)!.start(there)
        second.start(other)
        yield* Scope.close(listening, Exit.void)
        yield* other.ended
        assert.include(["Reset", "Closed"], other.problem)
        yield* send(first, "still here")
        yield* there.received(10)
        yield* Scope.close(dialling, Exit.void)
        yield* here.ended
        yield* there.ended
        assert.deepStrictEqual(here.ends, [undefined])
        assert.strictEqual(there.problem, "Closed")
        yield* settled(atRest)
      }))
  }

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
