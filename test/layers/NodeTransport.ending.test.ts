import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import { NetAddress } from "effect/net"
import * as NodeTransport from "../../src/layers/NodeTransport.ts"
import type { Link } from "../../src/services/Transport.ts"
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
})
