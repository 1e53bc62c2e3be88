import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Option, Scope } from "effect"
import type { NetAddress } from "effect/net"
import * as Net from "node:net"
import type * as FaultControls from "../../src/layers/FaultControls.ts"
import * as FaultProxy from "../../src/testing/FaultProxy.ts"
import { portOf, randomBytes, settled, socketCount } from "../utils/links.ts"

/** A socket, all that it has read, and how it ended. */
class Socket {
  readonly socket: Net.Socket
  readonly #chunks: Array<Uint8Array> = []
  readonly #watchers = new Set<() => void>()
  readonly reads: Array<number> = []
  count = 0
  status: "open" | "ended" | "reset" | "closed" = "open"

  constructor(socket: Net.Socket) {
    this.socket = socket
    socket.on("data", (chunk) => {
      this.reads.push(chunk.length)
      this.count += chunk.length
      this.#chunks.push(chunk)
      this.#tell()
    })
    socket.on("end", () => this.#set("ended"))
    socket.on("error", () => this.#set("reset"))
    socket.on("close", () => this.#set(this.status === "open" ? "closed" : this.status))
  }
  get bytes(): Uint8Array {
    return Uint8Array.from(Buffer.concat(this.#chunks))
  }
  readonly send = (bytes: Uint8Array) => Effect.sync(() => void this.socket.write(bytes))
  readonly has = (count: number) => this.until(() => this.count >= count)
  readonly is = (status: Socket["status"]) => this.until(() => this.status === status)
  readonly until = (condition: () => boolean): Effect.Effect<void> =>
    Effect.callback<void>((resume) => {
      const look = () => {
        if (condition()) resume(Effect.void)
      }
      this.#watchers.add(look)
      look()
      return Effect.sync(() => this.#watchers.delete(look))
    }).pipe(Effect.timeoutOrElse({
      duration: "5 seconds",
      orElse: () => Effect.die(new Error(`it never came to this: ${condition}; ${this.status}, ${this.count}`))
    }))

  #set(status: Socket["status"]): void {
    this.status = status
    this.#tell()
  }
  #tell(): void {
    for (const look of [...this.#watchers]) look()
  }
}

/** A server that keeps those who come, in their order. */
const listen = Effect.gen(function*() {
  const accepted: Array<Socket> = []
  const server = yield* Effect.acquireRelease(
    Effect.callback<Net.Server>((resume) => {
      const server = Net.createServer({ allowHalfOpen: true }, (socket) => accepted.push(new Socket(socket)))
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.sync(() => {
        server.close()
        for (const { socket } of accepted) socket.destroy()
      })
  )
  const come = (count: number): Effect.Effect<Socket> =>
    Effect.gen(function*() {
      for (let i = 0; i < 500 && accepted.length < count; i++) yield* Effect.sleep("10 millis")
      assert.isAtLeast(accepted.length, count)
      return accepted[count - 1]!
    })
  return { accepted, come, address: `127.0.0.1:${(server.address() as Net.AddressInfo).port}` }
})

const dial = (address: NetAddress.SocketAddress) =>
  Effect.acquireRelease(
    Effect.callback<Socket>((resume) => {
      const socket = Net.connect({ port: portOf(address), host: "127.0.0.1", allowHalfOpen: true })
      const wrapped = new Socket(socket)
      socket.on("connect", () => resume(Effect.succeed(wrapped)))
    }),
    ({ socket }) => Effect.sync(() => socket.destroy())
  )

/** A server behind a proxy, and the two ends of a first connection. */
const through = (conditions: FaultControls.Conditions = {}) =>
  Effect.gen(function*() {
    const server = yield* listen
    const proxy = yield* FaultProxy.make({ target: server.address, seed: 1, ...conditions })
    const client = yield* dial(proxy.address)
    const accepted = yield* server.come(1)
    return { server, proxy, client, accepted }
  })

/** Runs with a scope of its own, and sees that no socket is left. */
const bounded = <A, E>(test: Effect.Effect<A, E, Scope.Scope>) =>
  Effect.gen(function*() {
    const before = socketCount()
    const result = yield* Effect.scoped(test)
    yield* settled(before)
    return result
  })

const millis = (effect: Effect.Effect<unknown>) =>
  Effect.suspend(() => {
    const from = performance.now()
    return Effect.map(effect, () => performance.now() - from)
  })

describe("FaultProxy", () => {
  it.live("carries bytes both ways, and the ends, and counts", () =>
    bounded(Effect.gen(function*() {
      const { accepted, client, proxy } = yield* through()
      const [there, back] = [randomBytes(700_000, 1), randomBytes(300_000, 2)]
      yield* client.send(there)
      yield* accepted.send(back)
      yield* accepted.has(there.length)
      yield* client.has(back.length)
      assert.isTrue(Buffer.from(there).equals(accepted.bytes))
      assert.isTrue(Buffer.from(back).equals(client.bytes))
      const traffic = {
        toListener: { written: 700_000, delivered: 700_000 },
        toDialler: { written: 300_000, delivered: 300_000 }
      }
      const [link] = yield* proxy.links
      assert.deepStrictEqual({ toListener: link?.toListener, toDialler: link?.toDialler }, traffic)
      client.socket.end()
      yield* accepted.is("ended")
      assert.strictEqual(client.status, "open")
      yield* accepted.send(back)
      yield* client.has(600_000)
      accepted.socket.end()
      yield* client.is("ended")
      for (let i = 0; i < 100 && (yield* proxy.links).length > 0; i++) yield* Effect.sleep("10 millis")
      assert.deepStrictEqual(yield* proxy.links, [])
      assert.deepStrictEqual(yield* proxy.traffic, { ...traffic, toDialler: { written: 600_000, delivered: 600_000 } })
    })))

  it.live("cuts at any byte", () =>
    bounded(Effect.gen(function*() {
      const { proxy, server } = yield* through()
      for (const count of [1, 2, 99, 4096, 65_536, 65_537, 200_000]) {
        yield* proxy.cut("everywhere")
        while ((yield* proxy.links).length > 0) yield* Effect.sleep("1 millis")
        yield* proxy.cutAfter("everywhere", count, "toListener")
        const come = server.accepted.length + 1
        const client = yield* dial(proxy.address)
        yield* client.send(randomBytes(300_000, count))
        const accepted = yield* server.come(come)
        yield* accepted.is("reset")
        yield* client.is("reset")
        assert.isTrue(Buffer.from(randomBytes(300_000, count).subarray(0, count)).equals(accepted.bytes), `${count}`)
      }
    })))

  it.live("cuts at once, both sides", () =>
    bounded(Effect.gen(function*() {
      const { accepted, client, proxy } = yield* through()
      assert.strictEqual(yield* proxy.cut(1), 1)
      yield* client.is("reset")
      yield* accepted.is("reset")
    })))

  it.live("passes a reset on, behind the bytes that came before it", () =>
    bounded(Effect.gen(function*() {
      const { accepted, client } = yield* through({ delay: "30 millis" })
      yield* client.send(randomBytes(1000, 1))
      yield* accepted.has(1000)
      client.socket.resetAndDestroy()
      yield* accepted.is("reset")
    })))

  it.live("delays", () =>
    bounded(Effect.gen(function*() {
      const { accepted, client, proxy } = yield* through()
      yield* proxy.setConditions({ delay: "80 millis" })
      yield* client.send(Uint8Array.of(1))
      const there = yield* millis(accepted.has(1))
      assert.isTrue(there >= 75 && there < 1000, `${there} ms`)
    })))

  it.live("throttles", () =>
    bounded(Effect.gen(function*() {
      const { accepted, client, proxy } = yield* through({ segmentSize: 1000 })
      yield* proxy.setConditions({ bandwidth: 100_000 }, 1)
      yield* client.send(randomBytes(30_000, 1))
      const time = yield* millis(accepted.has(30_000))
      assert.isTrue(time >= 250 && time < 3000, `${time} ms`)
    })))

  it.live("does not read more than the window from one who outruns the other", () =>
    bounded(Effect.gen(function*() {
      const { accepted, client, proxy } = yield* through({ window: 10_000 })
      yield* proxy.blackhole(1, "toListener")
      yield* client.send(randomBytes(20_000_000, 1))
      yield* Effect.sleep("100 millis")
      const [link] = yield* proxy.links
      assert.deepStrictEqual(link?.toListener, { written: 10_000, delivered: 0 })
      assert.isAbove(client.socket.writableLength, 0)
      yield* proxy.heal()
      yield* accepted.has(20_000_000)
      assert.isTrue(Buffer.from(randomBytes(20_000_000, 1)).equals(accepted.bytes))
    })))

  it.live("stops forwarding without closing, ends and new connections too, until it is healed", () =>
    bounded(Effect.gen(function*() {
      const { accepted, client, proxy, server } = yield* through()
      yield* proxy.blackhole("everywhere")
      yield* client.send(Uint8Array.of(1, 2, 3))
      yield* accepted.send(Uint8Array.of(4))
      client.socket.end()
      const late = yield* dial(proxy.address)
      yield* late.send(Uint8Array.of(5))
      yield* Effect.sleep("100 millis")
      assert.deepStrictEqual([accepted.status, accepted.bytes.length, client.bytes.length], ["open", 0, 0])
      assert.strictEqual(server.accepted.length, 1)
      assert.strictEqual((yield* proxy.dials).length, 1)
      yield* proxy.heal()
      yield* accepted.is("ended")
      assert.deepStrictEqual(accepted.bytes, Uint8Array.of(1, 2, 3))
      yield* client.has(1)
      yield* Effect.flatMap(server.come(2), (second) => second.has(1))
    })))

  it.live("ends one direction and leaves the other", () =>
    bounded(Effect.gen(function*() {
      const { accepted, client, proxy } = yield* through()
      yield* client.send(Uint8Array.of(1))
      yield* accepted.has(1)
      assert.strictEqual(yield* proxy.halfClose(1, "toListener"), 1)
      yield* accepted.is("ended")
      yield* accepted.send(Uint8Array.of(2))
      yield* client.has(1)
      yield* client.send(Uint8Array.of(3))
      yield* Effect.sleep("50 millis")
      assert.deepStrictEqual([client.status, accepted.bytes.length], ["open", 1])
      accepted.socket.end()
      yield* client.is("ended")
    })))

  it.live("changes a byte, or bits at random", () =>
    bounded(Effect.gen(function*() {
      const { accepted, client, proxy } = yield* through()
      yield* proxy.corruptAfter(1, 3, "toListener")
      yield* client.send(Uint8Array.of(0, 0, 0, 0, 0))
      yield* accepted.has(5)
      assert.deepStrictEqual(accepted.bytes, Uint8Array.of(0, 0, 0, 255, 0))
      yield* proxy.setConditions({ corruption: 1 })
      yield* accepted.send(new Uint8Array(100))
      yield* client.has(100)
      assert.strictEqual(client.bytes.filter((byte) => byte !== 0).length, client.reads.length)
    })))

  it.live("cuts bytes into segments", () =>
    bounded(Effect.gen(function*() {
      const { accepted, client } = yield* through({ segmentSize: 1, bandwidth: 200 })
      yield* client.send(Uint8Array.of(1, 2, 3, 4, 5))
      yield* accepted.has(5)
      assert.deepStrictEqual(accepted.reads, [1, 1, 1, 1, 1])
    })))

  it.live("refuses", () =>
    bounded(Effect.gen(function*() {
      const { client, proxy, server } = yield* through()
      yield* proxy.refuse("everywhere")
      yield* Effect.flatMap(dial(proxy.address), (refused) => refused.is("reset"))
      yield* proxy.heal()
      yield* dial(proxy.address)
      yield* server.come(2)
      assert.strictEqual(client.status, "open")
    })))

  it.live("lets connections through in the order that the test wants", () =>
    bounded(Effect.gen(function*() {
      const { proxy, server } = yield* through()
      yield* proxy.hang("everywhere")
      const clients: Array<Socket> = []
      for (const n of [1, 2, 3]) {
        clients.push(yield* dial(proxy.address))
        yield* clients.at(-1)!.send(Uint8Array.of(n))
        yield* proxy.awaitDials(n)
      }
      const dials = yield* proxy.dials
      for (const [i, n] of [[0, 3], [1, 1], [2, 2]] as const) {
        assert.isTrue(yield* proxy.letThrough(dials[n - 1]!.id))
        const accepted = yield* server.come(i + 2)
        yield* accepted.has(1)
        assert.deepStrictEqual(accepted.bytes, Uint8Array.of(n))
      }
    })))

  it.live("cuts whoever comes when nobody listens behind it, and dials the new target when it has one", () =>
    bounded(Effect.gen(function*() {
      const scope = yield* Scope.make()
      const gone = yield* Scope.provide(listen, scope)
      yield* Scope.close(scope, Exit.void)
      const proxy = yield* FaultProxy.make({ target: gone.address })
      yield* Effect.flatMap(dial(proxy.address), (client) => client.is("reset"))
      const server = yield* listen
      yield* proxy.setTarget(server.address)
      const client = yield* dial(proxy.address)
      yield* client.send(Uint8Array.of(1))
      yield* Effect.flatMap(server.come(1), (accepted) => accepted.has(1))
    })))

  it.live("closes everything with its scope, in whatever state", () =>
    bounded(Effect.gen(function*() {
      const scope = yield* Scope.make()
      const server = yield* listen
      const proxy = yield* Scope.provide(FaultProxy.make({ target: server.address }), scope)
      const open = yield* dial(proxy.address)
      yield* server.come(1)
      yield* proxy.blackhole("everywhere")
      yield* open.send(randomBytes(5_000_000, 1))
      const waiting = yield* dial(proxy.address)
      yield* proxy.awaitDials(1)
      yield* Scope.close(scope, Exit.void)
      for (const client of [open, waiting]) yield* client.until(() => client.status !== "open")
      const failed = yield* Effect.option(Effect.timeout(
        Effect.callback<void, Error>((resume) => {
          const socket = Net.connect(portOf(proxy.address), "127.0.0.1")
          socket.on("error", (error) => resume(Effect.fail(error)))
          socket.on("connect", () => resume(Effect.void))
        }),
        "5 seconds"
      ))
      assert.isTrue(Option.isNone(failed))
    })))

  it.effect("says why it cannot listen, and takes nonsense for the mistake of a test", () =>
    Effect.gen(function*() {
      const { address } = yield* FaultProxy.make({ target: "127.0.0.1:1" })
      const error = yield* Effect.flip(FaultProxy.make({ target: "127.0.0.1:1", port: portOf(address) }))
      assert.strictEqual(error.problem, "AddressInUse")
      assert.isTrue(Exit.isFailure(yield* Effect.exit(FaultProxy.make({ target: "127.0.0.1" }))))
    }))
})
