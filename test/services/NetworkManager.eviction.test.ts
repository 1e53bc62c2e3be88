import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Result } from "effect"
import * as LoginCookie from "../../src/domain/LoginCookie.ts"
import * as ConnectionAuthorizer from "../../src/services/ConnectionAuthorizer.ts"
import type * as NetworkManager from "../../src/services/NetworkManager.ts"
import * as Native from "../utils/native.ts"
import { address, type Bed, pass, type RawPeer, settle, withBed } from "../utils/network.ts"

const server = "10.0.0.9:1235"
const hello = Native.packet("0805 1001 04")
const login = Native.encode(Result.getOrThrow(LoginCookie.encode(Redacted.make("c2VjcmV0"))))

/** A host with 16 places that writes down who lost theirs, and why. */
const serve = (bed: Bed, options: NetworkManager.BindOptions<never, never> = {}) =>
  Effect.gen(function*() {
    const host = yield* bed.host("10.0.0.9", { maxConnections: 16, maxConnectionsPerAddress: 1000 })
    const ends: Array<string> = []
    const listener = yield* host.manager.bind(server, {
      limitRate: false,
      onConnection: (connection) =>
        Effect.gen(function*() {
          yield* connection.handle(() => Effect.void)
          const state = yield* connection.state
          if (state._tag === "Closed") ends.push(`${connection.endPoint.split(":")[0]} ${state.reason._tag}`)
        }),
      ...options
    })
    return { host, listener, ends }
  }).pipe(Effect.orDie)

const come = (bed: Bed, from: string) =>
  Effect.gen(function*() {
    const peer = yield* bed.dial(from, server)
    yield* pass("1 millis")
    return peer
  })

const fill = (bed: Bed, network: string, count = 16) =>
  Effect.forEach(Array.from({ length: count }), (_, i) => come(bed, `${network}.${i}`))

const open = (peers: ReadonlyArray<RawPeer>) =>
  Effect.map(
    Effect.forEach(peers, (peer) => peer.status),
    (statuses) => statuses.filter((status) => status === "open").length
  )

describe("a full listener", () => {
  it.effect("gives the place of the youngest of a crowd to one from elsewhere, and says so to who has to go", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { ends, host, listener } = yield* serve(bed)
        const crowd = yield* fill(bed, "10.66.0")
        const newcomer = yield* come(bed, "10.1.0.1")
        yield* newcomer.send(hello)
        yield* settle
        assert.strictEqual(yield* newcomer.status, "open")
        assert.strictEqual(yield* crowd[15]!.status, "Closed")
        assert.strictEqual(yield* open(crowd), 15)
        assert.deepStrictEqual(ends, ["10.66.0.15 Evicted"])
        assert.strictEqual((yield* listener.connections).length, 16)
        // To have been in the way is no offence.
        assert.strictEqual(yield* host.banList.score(address("10.66.0.15:1")), 0)
      })
    ))

  it.effect("is not to be emptied of others by a crowd that knocks again and again", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { ends } = yield* serve(bed)
        const honest = yield* Effect.forEach([1, 2, 3, 4, 5, 6], (i) => come(bed, `10.${i}.0.1`))
        for (let round = 0; round < 20; round++) yield* fill(bed, `10.66.${round}`, 10)
        assert.strictEqual(yield* open(honest), 6)
        assert.deepStrictEqual(ends, [])
        // Nor does it lock out those who come later.
        const later = yield* Effect.forEach([11, 12, 13], (i) => come(bed, `10.${i}.0.1`))
        assert.strictEqual(yield* open([...honest, ...later]), 9)
        assert.isTrue(ends.every((end) => end.startsWith("10.66.")))
      })
    ))

  it.effect("evicts nobody for one who is banned, not authorized, or comes too often", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { ends, host } = yield* serve(bed, {
          limitRate: true,
          authorizer: {
            authorize: ({ remoteAddress }) =>
              Effect.succeed(
                JSON.stringify(remoteAddress).includes("10.3.0.1")
                  ? ConnectionAuthorizer.reject("no")
                  : ConnectionAuthorizer.accept()
              ),
            checkLogin: () => Effect.succeed(ConnectionAuthorizer.reject("no"))
          }
        })
        yield* come(bed, "10.2.0.1")
        yield* come(bed, "10.2.0.1")
        yield* fill(bed, "10.66.0", 14)
        yield* host.banList.ban(address("10.1.0.1:1"))
        for (const from of ["10.1.0.1", "10.2.0.1", "10.3.0.1"]) {
          assert.notStrictEqual(yield* (yield* come(bed, from)).status, "open")
        }
        assert.deepStrictEqual(ends, [])
      })
    ))

  it.effect("never ends those who have logged in, and those of this machine", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { ends } = yield* serve(bed, {
          authorizer: {
            authorize: ({ remoteAddress }) =>
              Effect.succeed(
                JSON.stringify(remoteAddress).includes("127.0.0.1")
                  ? ConnectionAuthorizer.accept()
                  : ConnectionAuthorizer.awaitLogin()
              ),
            checkLogin: () => Effect.succeed(ConnectionAuthorizer.accept())
          }
        })
        const trusted = yield* fill(bed, "10.66.0", 12)
        for (const peer of trusted) yield* peer.send(login)
        const here = yield* Effect.forEach([1, 2, 3, 4], () => come(bed, "127.0.0.1"))
        yield* settle
        for (let i = 0; i < 5; i++) assert.strictEqual(yield* (yield* come(bed, `10.${i}.0.1`)).status, "Closed")
        assert.strictEqual(yield* open([...trusted, ...here]), 16)
        assert.deepStrictEqual(ends, [])
      })
    ))

  it.effect("ends one who is still being vetted, and leaves nothing of it", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { listener } = yield* serve(bed, {
          authorizer: {
            authorize: ({ remoteAddress }) =>
              JSON.stringify(remoteAddress).includes("10.66.")
                ? Effect.never
                : Effect.succeed(ConnectionAuthorizer.accept()),
            checkLogin: () => Effect.succeed(ConnectionAuthorizer.reject("no"))
          }
        })
        const crowd = yield* fill(bed, "10.66.0")
        const newcomer = yield* come(bed, "10.1.0.1")
        assert.strictEqual(yield* newcomer.status, "open")
        assert.strictEqual(yield* open(crowd), 15)
        assert.strictEqual((yield* listener.connections).length, 1)
      })
    ))

  it.effect("keeps those who were heard of lately, rather than those who only sit there", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { ends } = yield* serve(bed, { firstPingTimeout: Infinity })
        const crowd = yield* fill(bed, "10.66.0")
        yield* pass("1 minute")
        yield* crowd[15]!.send(hello)
        yield* crowd[13]!.send(hello)
        yield* pass("30 seconds")
        yield* come(bed, "10.1.0.1")
        yield* come(bed, "10.2.0.1")
        assert.deepStrictEqual(ends, ["10.66.0.14 Evicted", "10.66.0.12 Evicted"])
      })
    ))

  it.effect("turns newcomers away when it is told to evict nobody", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { ends } = yield* serve(bed, { evict: false })
        const crowd = yield* fill(bed, "10.66.0")
        assert.strictEqual(yield* (yield* come(bed, "10.1.0.1")).status, "Closed")
        assert.strictEqual(yield* open(crowd), 16)
        assert.deepStrictEqual(ends, [])
      })
    ))

  it.effect("gives the memory and the place of all that came and went back, through all churn", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { host, listener } = yield* serve(bed)
        const before = bed.fibers()
        for (let round = 0; round < 30; round++) {
          const peers = yield* fill(bed, `10.${round % 7}.${round}`, 20)
          for (const [at, peer] of peers.entries()) if (at % 2 === 0) yield* peer.close
          yield* pass("30 seconds")
          for (const peer of peers) yield* peer.close
          yield* settle
        }
        assert.deepStrictEqual(yield* listener.connections, [])
        assert.strictEqual(bed.fibers(), before)
        assert.strictEqual((yield* host.pool.stats).taken, 0)
        assert.strictEqual(yield* open(yield* fill(bed, "10.99.0")), 16)
      })
    ))
})

describe("newcomers by the hundred", () => {
  it.effect("of one network have half of a second, and all others the rest; this machine is exempt", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { listener } = yield* serve(bed, { limitRate: true, maxConnections: 1000, maxNewPerSecond: 20 })
        const flood = Array.from({ length: 100 }, (_, i) => bed.dial(`10.66.${i}.1`, server))
        yield* Effect.all(flood)
        yield* settle
        assert.strictEqual((yield* listener.connections).length, 10)
        const honest = yield* bed.dial("10.1.0.1", server)
        const here = yield* Effect.all(Array.from({ length: 30 }, () => bed.dial("127.0.0.1", server)))
        yield* settle
        assert.strictEqual(yield* open([honest, ...here]), 31)
        assert.isTrue(bed.logs.some((line) => line.includes("TooManyNewcomers")))
        yield* pass("1 second")
        assert.strictEqual(yield* (yield* come(bed, "10.66.200.1")).status, "open")
      })
    ))
})
