import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Scope } from "effect"
import { IpNetwork, NetAddress } from "effect/net"
import { TestClock } from "effect/testing"
import * as PeerGroup from "../../src/domain/PeerGroup.ts"
import * as ConnectionAuthorizer from "../../src/services/ConnectionAuthorizer.ts"
import { address, type Bed, memoryBanStore, pass, settle, withBed } from "../utils/network.ts"

const server = "10.0.0.9:1235"
const request = "0700 0804 1065 04"

/** An authorizer that notes whom it was asked about. */
const spyAuthorizer = (
  answer: ReturnType<ConnectionAuthorizer.Authorizer["authorize"]> = Effect.succeed(ConnectionAuthorizer.accept())
) => {
  const asked: Array<string> = []
  const authorizer: ConnectionAuthorizer.Authorizer = {
    authorize: ({ remoteAddress }) => {
      asked.push(NetAddress.formatSocketAddress(remoteAddress))
      return answer
    },
    checkLogin: () => Effect.die(new Error("there is no login"))
  }
  return { asked, authorizer }
}

/** Dials, and tells whether the connection stands when all is said. */
const isLetIn = (bed: Bed, from: string, to: string | NetAddress.SocketAddress = server) =>
  Effect.gen(function*() {
    const peer = yield* bed.dial(from, to)
    yield* settle
    return (yield* peer.status) === "open"
  })

describe("bans", () => {
  it.effect("a banned address is turned away before the authorizer is asked and before a byte is read", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        const { asked, authorizer } = spyAuthorizer()
        const listener = yield* host.manager.bind(server, { authorizer })
        yield* host.banList.ban(address("10.0.0.7:1").address)
        const peer = yield* bed.dial("10.0.0.7", server)
        yield* peer.send(request)
        yield* settle
        assert.strictEqual(yield* peer.status, "Closed")
        assert.strictEqual(yield* peer.rest, "")
        assert.deepStrictEqual(asked, [])
        assert.deepStrictEqual(yield* listener.connections, [])
        assert.isTrue(yield* isLetIn(bed, "10.0.0.8"))
        assert.strictEqual(asked.length, 1)
        assert.isTrue(bed.logs.some((line) => line.includes("is banned") && line.includes("remoteAddress=10.0.0.7:")))
      })
    ))

  it.effect("nothing is read from one who is banned or not decided about yet", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        const decision = yield* Deferred.make<ConnectionAuthorizer.Verdict>()
        const { authorizer } = spyAuthorizer(Deferred.await(decision))
        yield* host.manager.bind(server, { authorizer })
        const peer = yield* bed.dial("10.0.0.7", server)
        yield* peer.send(request)
        yield* settle
        assert.strictEqual((yield* bed.network.links)[0]!.toListener.delivered, 0)
        yield* Deferred.succeed(decision, ConnectionAuthorizer.reject("no"))
        yield* settle
        assert.strictEqual(yield* peer.status, "Closed")
        assert.deepStrictEqual(yield* bed.network.links, [])
      })
    ))

  it.effect("a ban reaches those who are being vetted", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        const decision = yield* Deferred.make<ConnectionAuthorizer.Verdict>()
        const listener = yield* host.manager.bind(server, {
          authorizer: spyAuthorizer(Deferred.await(decision)).authorizer
        })
        const banned = yield* bed.dial("10.0.0.7", server)
        const other = yield* bed.dial("10.0.0.8", server)
        yield* settle
        yield* host.banList.ban(address("10.0.0.7:1").address)
        yield* Deferred.succeed(decision, ConnectionAuthorizer.accept())
        yield* settle
        assert.strictEqual(yield* banned.status, "Closed")
        assert.strictEqual(yield* other.status, "open")
        assert.strictEqual((yield* listener.connections).length, 1)
      })
    ))

  it.effect("bans of a network hold, and end with their time", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        yield* host.manager.bind(server, { limitRate: false })
        yield* host.banList.ban(IpNetwork.fromStringUnsafe("10.1.0.0/16"), { duration: "1 hour" })
        assert.isFalse(yield* isLetIn(bed, "10.1.255.3"))
        assert.isTrue(yield* isLetIn(bed, "10.2.0.1"))
        yield* TestClock.adjust("1 hour")
        assert.isTrue(yield* isLetIn(bed, "10.1.255.3"))
        // The listener goes on with others, too: an expired ban has wedged nothing.
        assert.isTrue(yield* isLetIn(bed, "10.1.255.4"))
      })
    ))
})

describe("caps", () => {
  it.effect("there is a cap on connections in all; a place is free again when one ends", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9", { maxConnections: 3 })
        const { asked, authorizer } = spyAuthorizer()
        const listener = yield* host.manager.bind(server, { authorizer, evict: false })
        const first = yield* bed.dial("10.0.1.1", server)
        yield* bed.dial("10.0.1.2", server)
        // Loopback is exempt from the cap per address, and from this one it is not.
        yield* bed.dial("127.0.0.1", server)
        yield* settle
        assert.isFalse(yield* isLetIn(bed, "10.0.1.4"))
        assert.isFalse(yield* isLetIn(bed, "127.0.0.1"))
        assert.strictEqual((yield* listener.connections).length, 3)
        assert.strictEqual(asked.length, 3)
        yield* first.close
        yield* settle
        assert.isTrue(yield* isLetIn(bed, "10.0.1.4"))
        assert.isFalse(yield* isLetIn(bed, "10.0.1.5"))
      })
    ))

  it.effect("those who are being vetted count", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9", { maxConnections: 2 })
        yield* host.manager.bind(server, { authorizer: spyAuthorizer(Effect.never).authorizer })
        yield* bed.dial("10.0.1.1", server)
        yield* bed.dial("10.0.1.2", server)
        assert.isFalse(yield* isLetIn(bed, "10.0.1.3"))
        yield* pass("4 seconds")
        const third = yield* bed.dial("10.0.1.3", server)
        yield* settle
        assert.strictEqual(yield* third.status, "open")
      })
    ))

  it.effect("there is a cap per address: an IPv4 address, an IPv6 /64; loopback is exempt", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9", { maxConnectionsPerAddress: 2 })
        yield* host.manager.bind(server, { limitRate: false })
        const v6 = yield* bed.host("fd00::9", { maxConnectionsPerAddress: 2 })
        yield* v6.manager.bind("[fd00::9]:1235", { limitRate: false })
        const came = (from: ReadonlyArray<string>, to: string) => Effect.forEach(from, (one) => isLetIn(bed, one, to))

        assert.deepStrictEqual(yield* came(["10.0.1.1", "10.0.1.1", "10.0.1.1", "10.0.1.2"], server), [
          true,
          true,
          false,
          true
        ])
        assert.deepStrictEqual(
          yield* came(["fd00:0:0:1::1", "fd00:0:0:1::2", "fd00:0:0:1:ffff::3", "fd00:0:0:2::1"], "[fd00::9]:1235"),
          [true, true, false, true]
        )
        assert.deepStrictEqual(yield* came(["127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.2"], server), [
          true,
          true,
          true,
          true
        ])
        assert.deepStrictEqual(yield* came(["::1", "::1", "::1"], "[fd00::9]:1235"), [true, true, true])
        yield* host.manager.bind("unix:/run/hub.sock")
        const socket = NetAddress.unixPathAddress("/run/hub.sock")
        for (let i = 0; i < 5; i++) assert.isTrue(yield* isLetIn(bed, "10.0.0.9", socket))
      })
    ))

  it.effect("caps are those of one listener", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9", { maxConnections: 1 })
        yield* host.manager.bind(server)
        yield* host.manager.bind("10.0.0.9:1236", { maxConnections: 2 })
        assert.isTrue(yield* isLetIn(bed, "10.0.1.1"))
        assert.isFalse(yield* isLetIn(bed, "10.0.1.2"))
        assert.isTrue(yield* isLetIn(bed, "10.0.1.1", "10.0.0.9:1236"))
        assert.isTrue(yield* isLetIn(bed, "10.0.1.2", "10.0.0.9:1236"))
        assert.isFalse(yield* isLetIn(bed, "10.0.1.3", "10.0.0.9:1236"))
      })
    ))
})

describe("the rate of new connections", () => {
  it.effect("follows the reference's rule for one address, and not for loopback", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        const { asked, authorizer } = spyAuthorizer()
        yield* host.manager.bind(server, { authorizer })
        assert.isTrue(yield* isLetIn(bed, "10.0.1.1"))
        assert.isTrue(yield* isLetIn(bed, "10.0.1.1"))
        assert.isFalse(yield* isLetIn(bed, "10.0.1.1"))
        assert.strictEqual(asked.length, 2)
        // Another address has its own history.
        assert.isTrue(yield* isLetIn(bed, "10.0.1.2"))
        yield* TestClock.adjust("9999 millis")
        assert.isFalse(yield* isLetIn(bed, "10.0.1.1"))
        yield* TestClock.adjust("1 millis")
        assert.isTrue(yield* isLetIn(bed, "10.0.1.1"))
        // One in the last 10 s, but two in the 20 s before.
        assert.isFalse(yield* isLetIn(bed, "10.0.1.1"))
        for (let i = 0; i < 10; i++) assert.isTrue(yield* isLetIn(bed, "127.0.0.1"))
        assert.isTrue(bed.logs.some((line) => line.includes("TooOften")))
      })
    ))

  it.effect("counts an IPv6 /64 as one address", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("fd00::9")
        const to = "[fd00::9]:1235"
        yield* host.manager.bind(to)
        assert.isTrue(yield* isLetIn(bed, "fd00:0:0:1::1", to))
        assert.isTrue(yield* isLetIn(bed, "fd00:0:0:1::2", to))
        assert.isFalse(yield* isLetIn(bed, "fd00:0:0:1::3", to))
        assert.isTrue(yield* isLetIn(bed, "fd00:0:0:2::3", to))
        for (let i = 0; i < 5; i++) assert.isTrue(yield* isLetIn(bed, "::1", to))
      })
    ))

  it.effect("can be switched off", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        yield* host.manager.bind(server, { limitRate: false })
        for (let i = 0; i < 20; i++) assert.isTrue(yield* isLetIn(bed, "10.0.1.1"))
      })
    ))

  it.effect("a banned address uses up nothing of it", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        yield* host.manager.bind(server)
        yield* host.banList.ban(address("10.0.1.1:1").address, { duration: "1 second" })
        for (let i = 0; i < 5; i++) assert.isFalse(yield* isLetIn(bed, "10.0.1.1"))
        yield* TestClock.adjust("1 second")
        assert.isTrue(yield* isLetIn(bed, "10.0.1.1"))
      })
    ))
})

describe("the authorizer", () => {
  it.effect("is told both addresses, and decides", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        const seen: Array<string> = []
        yield* host.manager.bind(server, {
          authorizer: {
            authorize: ({ localAddress, remoteAddress }) => {
              const from = NetAddress.formatSocketAddress(remoteAddress)
              seen.push(`${from} to ${NetAddress.formatSocketAddress(localAddress)}`)
              return Effect.succeed(
                from.startsWith("10.0.1.1:") ? ConnectionAuthorizer.accept() : ConnectionAuthorizer.reject("no")
              )
            },
            checkLogin: () => Effect.succeed(ConnectionAuthorizer.accept())
          }
        })
        assert.isTrue(yield* isLetIn(bed, "10.0.1.1"))
        assert.isFalse(yield* isLetIn(bed, "10.0.1.2"))
        assert.deepStrictEqual(seen, ["10.0.1.1:32768 to 10.0.0.9:1235", "10.0.1.2:32769 to 10.0.0.9:1235"])
      })
    ))

  for (
    const [name, answer] of [
      ["fails", () => Effect.fail("no idea")],
      ["dies", () => Effect.die(new Error("a bug"))],
      ["throws", () => {
        throw new Error("a worse bug")
      }],
      ["interrupts itself", () => Effect.interrupt]
    ] as const
  ) {
    it.effect(`one that ${name} lets nobody in, and harms nobody`, () =>
      withBed((bed) =>
        Effect.gen(function*() {
          const host = yield* bed.host("10.0.0.9")
          let isBroken = true
          yield* host.manager.bind(server, {
            authorizer: {
              authorize: () => isBroken ? answer() : Effect.succeed(ConnectionAuthorizer.accept()),
              checkLogin: () => Effect.succeed(ConnectionAuthorizer.accept())
            }
          })
          assert.isFalse(yield* isLetIn(bed, "10.0.1.1"))
          assert.isTrue(bed.logs.some((line) => line.startsWith("Error A newcomer could not be authorized")))
          assert.strictEqual(yield* host.banList.score(address("10.0.1.1:1")), 0)
          isBroken = false
          assert.isTrue(yield* isLetIn(bed, "10.0.1.2"))
        })
      ))
  }

  it.effect("one that never answers has the login timeout", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        const answer = Effect.onInterrupt(Effect.never, () => Effect.sync(() => void interrupted++))
        let interrupted = 0
        yield* host.manager.bind(server, { authorizer: spyAuthorizer(answer).authorizer, loginTimeout: "2 seconds" })
        const peer = yield* bed.dial("10.0.1.1", server)
        yield* pass("1999 millis")
        assert.strictEqual(yield* peer.status, "open")
        yield* pass("1 millis")
        assert.strictEqual(yield* peer.status, "Closed")
        assert.strictEqual(interrupted, 1)
        assert.isTrue(bed.logs.some((line) => line.includes("NotAuthorizedInTime")))
      })
    ))

  it.effect("one newcomer does not wait for another", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const slow = PeerGroup.fromAddress(address("10.0.1.1:1"))
        const host = yield* bed.host("10.0.0.9")
        yield* host.manager.bind(server, {
          authorizer: {
            authorize: ({ remoteAddress }) =>
              PeerGroup.contains(slow, remoteAddress) ? Effect.never : Effect.succeed(ConnectionAuthorizer.accept()),
            checkLogin: () => Effect.succeed(ConnectionAuthorizer.accept())
          }
        })
        yield* bed.dial("10.0.1.1", server)
        assert.isTrue(yield* isLetIn(bed, "10.0.1.2"))
      })
    ))
})

describe("a store of bans that is slow or broken", () => {
  it.effect("makes newcomers wait, and nobody else", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const store = yield* memoryBanStore
        const host = yield* bed.host("10.0.0.9", {
          banStore: { ...store, find: (keys) => Effect.andThen(Effect.sleep("1 second"), store.find(keys)) }
        })
        yield* host.manager.bind(server)
        const peer = yield* bed.dial("10.0.1.1", server)
        yield* peer.send("0600 087e 2c 04")
        yield* pass("999 millis")
        assert.strictEqual(yield* peer.rest, "")
        yield* pass("1 millis")
        assert.strictEqual(yield* peer.rest, "0600087e3404")
      })
    ))
})

describe("binding", () => {
  it.effect("gives the port that was given out, fails when the address is taken, and frees it with the scope", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        const listener = yield* host.manager.bind("10.0.0.9:0")
        assert.isTrue(yield* isLetIn(bed, "10.0.1.1", listener.address))
        const scope = yield* Scope.make()
        const bound = yield* Scope.provide(host.manager.bind(server), scope)
        assert.deepStrictEqual(bound.address, address(server))
        const error = yield* Effect.flip(host.manager.bind(server))
        assert.strictEqual(error.reason._tag === "TransportError" && error.reason.problem, "AddressInUse")
        yield* Scope.close(scope, Exit.void)
        yield* host.manager.bind(server)
      })
    ))

  it.effect("refuses end points and options that make no sense, and names that cannot be looked up", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        const reasonOf = (input: string, options = {}) =>
          Effect.map(Effect.flip(host.manager.bind(input, options)), ({ reason }) => reason._tag)
        assert.strictEqual(yield* reasonOf("nonsense"), "BadEndPoint")
        assert.strictEqual(yield* reasonOf("nowhere.example:1"), "TransportError")
        assert.strictEqual(yield* reasonOf(server, { maxConnections: -1 }), "BadOption")
        assert.strictEqual(yield* reasonOf(server, { loginTimeout: 0 }), "BadOption")
      })
    ))

  it.effect("listens on nothing once the manager is closed", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        yield* host.close
        const { reason } = yield* Effect.flip(host.manager.bind(server))
        assert.strictEqual(reason._tag, "ManagerClosed")
      })
    ))
})
