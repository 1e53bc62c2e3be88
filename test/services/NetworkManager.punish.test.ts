import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { IpNetwork } from "effect/net"
import { TestClock } from "effect/testing"
import type * as Connection from "../../src/services/Connection.ts"
import * as ReconnectPolicy from "../../src/services/ReconnectPolicy.ts"
import * as Native from "../utils/native.ts"
import {
  address,
  type Bed,
  type HostOptions,
  memoryBanStore,
  pass,
  type RawPeer,
  settle,
  withBed
} from "../utils/network.ts"

const server = "10.0.0.9:1235"
const server6 = "[fd00::9]:1235"
const bad = Native.fromHex("0700 0805 0765 04")
const hello = Native.packet("0805 1001 04")

const listening = (bed: Bed, options: HostOptions = {}) =>
  Effect.gen(function*() {
    const host = yield* bed.host("10.0.0.9", options)
    const connections: Array<Connection.Connection> = []
    const listener = yield* host.manager.bind(server, {
      limitRate: false,
      onConnection: (connection) => {
        connections.push(connection)
        return Effect.never
      }
    })
    return { host, listener, connections }
  }).pipe(Effect.orDie)

/** Dials, says something, and tells whether the connection still stands. */
const say = (bed: Bed, from: string, bytes: Uint8Array, to = server) =>
  Effect.gen(function*() {
    const peer = yield* bed.dial(from, to)
    yield* settle
    if ((yield* peer.status) !== "open") return "turned away"
    yield* peer.send(bytes)
    yield* settle
    return yield* peer.status
  })

const statuses = (peers: ReadonlyArray<RawPeer>) => Effect.forEach(peers, (peer) => peer.status)

const reasonOf = (connection: Connection.Connection) =>
  Effect.map(
    connection.state,
    (state) => state._tag === "Closed" || state._tag === "Waiting" ? state.reason._tag : state._tag
  )

describe("punishment", () => {
  it.effect("1000 points ban the address for 24 h, and end its connections at once", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connections, host } = yield* listening(bed)
        const peers = yield* Effect.forEach(["10.0.1.1", "10.0.1.1", "10.0.1.2"], (from) => bed.dial(from, server))
        yield* settle
        assert.deepStrictEqual(yield* connections[0]!.punish(600, "spam"), { _tag: "Tolerated", points: 600 })
        // The points are the address's: another connection of it goes on counting.
        assert.deepStrictEqual(yield* connections[1]!.punish(399, "spam"), { _tag: "Tolerated", points: 999 })
        assert.deepStrictEqual(yield* statuses(peers), ["open", "open", "open"])
        const verdict = yield* connections[1]!.punish(1, "spam")
        assert.strictEqual(verdict._tag, "Banned")
        yield* settle
        assert.deepStrictEqual(yield* statuses(peers), ["Closed", "Closed", "open"])
        assert.deepStrictEqual(yield* Effect.forEach(connections, reasonOf), ["PeerBanned", "PeerBanned", "Connected"])
        yield* TestClock.adjust("23 hours")
        yield* TestClock.adjust("3599999 millis")
        assert.strictEqual(yield* say(bed, "10.0.1.1", hello), "turned away")
        yield* TestClock.adjust("1 millis")
        assert.strictEqual(yield* say(bed, "10.0.1.1", hello), "open")
        assert.strictEqual(yield* host.banList.score(address("10.0.1.1:1")), 0)
      })
    ))

  it.effect("points survive a reconnect, and fade by 100 an hour", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { host } = yield* listening(bed)
        const score = host.banList.score(address("10.0.1.1:1"))
        assert.strictEqual(yield* say(bed, "10.0.1.1", bad), "Closed")
        assert.strictEqual(yield* say(bed, "10.0.1.1", bad), "Closed")
        assert.strictEqual(yield* score, 400)
        yield* pass("1 hour")
        assert.strictEqual(yield* score, 300)
        yield* pass("3 hours")
        assert.strictEqual(yield* score, 0)
      })
    ))

  it.effect("is automatic for what is malformed, out of sequence or too large, and ends in a ban", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connections, host } = yield* listening(bed, { maxMessageBytes: 100_000 })
        const offences = [
          bad,
          Native.packet("0805 1001 25 04"),
          Native.packet("0805 1001 188bb45f 25 04", new Uint8Array(10)),
          Native.fromHex("ffff08"),
          Native.fromHex("474554")
        ]
        for (const [at, offence] of offences.entries()) {
          assert.strictEqual(yield* host.banList.score(address("10.0.1.1:1")), at * 200)
          assert.strictEqual(yield* say(bed, "10.0.1.1", offence), "Closed")
        }
        assert.isTrue(yield* host.banList.isBanned(address("10.0.1.1:1")))
        // Each connection says what it ended for, the last one too.
        assert.deepStrictEqual(yield* Effect.forEach(connections, reasonOf), offences.map(() => "WireError"))
        assert.strictEqual(yield* say(bed, "10.0.1.1", hello), "turned away")
        const [ban] = yield* host.banList.list
        assert.include(ban!.reason, "08 as the third byte")
      })
    ))

  it.effect("costs what the settings say", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { host } = yield* listening(bed, { malformedPoints: 7 })
        yield* say(bed, "10.0.1.1", bad)
        assert.strictEqual(yield* host.banList.score(address("10.0.1.1:1")), 7)
      })
    ))

  it.effect("is for the /64 of an IPv6 address", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("fd00::9")
        yield* host.manager.bind(server6, { limitRate: false })
        const neighbour = yield* bed.dial("fd00:0:0:1::bbbb", server6)
        const stranger = yield* bed.dial("fd00:0:0:2::1", server6)
        for (let i = 1; i <= 5; i++) assert.strictEqual(yield* say(bed, `fd00:0:0:1::${i}`, bad, server6), "Closed")
        assert.deepStrictEqual(yield* statuses([neighbour, stranger]), ["Closed", "open"])
        assert.strictEqual(yield* say(bed, "fd00:0:0:1:ffff::1", hello, server6), "turned away")
      })
    ))

  it.effect("a ban ends dialled connections to the address as well; they are not dialled while it lasts", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connections, host } = yield* listening(bed, { bans: { banDuration: "1 minute" } })
        const dialled: Array<RawPeer> = []
        yield* bed.listen("10.0.1.1:99", (peer) => void dialled.push(peer))
        yield* bed.listen("10.0.1.2:99", () => {})
        const toBanned = yield* host.manager.connect("10.0.1.1:99", { reconnect: ReconnectPolicy.reference })
        const toOther = yield* host.manager.connect("10.0.1.2:99")
        yield* bed.dial("10.0.1.1", server)
        yield* settle
        yield* connections[0]!.punish(1000, "enough")
        yield* pass("10 seconds")
        assert.strictEqual(dialled.length, 1)
        assert.strictEqual(yield* dialled[0]!.status, "Closed")
        assert.strictEqual(yield* reasonOf(toBanned), "PeerBanned")
        assert.strictEqual(yield* reasonOf(toOther), "Connected")
        yield* pass("2 minutes")
        assert.strictEqual(yield* reasonOf(toBanned), "Connected")
        assert.strictEqual(dialled.length, 2)
      })
    ))

  it.effect("a ban in the middle of dialling stops that, too", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        const dialled: Array<RawPeer> = []
        yield* bed.listen("10.0.1.1:99", (peer) => void dialled.push(peer))
        const connection = yield* host.manager.connect("10.0.1.1:99")
        yield* pass("500 millis")
        yield* host.banList.ban(address("10.0.1.1:1"))
        yield* pass("5 seconds")
        assert.strictEqual(yield* reasonOf(connection), "PeerBanned")
        for (const peer of dialled) assert.strictEqual(yield* peer.status, "Closed")
      }), { delay: "400 millis" }))

  it.effect("an operator's ban of a network ends all connections from it", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { host, listener } = yield* listening(bed)
        yield* Effect.forEach(["10.9.1.1", "10.9.200.2", "10.8.0.1"], (from) => bed.dial(from, server))
        yield* settle
        yield* host.banList.ban(IpNetwork.fromStringUnsafe("10.9.0.0/16"), { reason: "abuse" })
        yield* settle
        assert.deepStrictEqual((yield* listener.connections).map(({ endPoint }) => endPoint.split(":")[0]), [
          "10.8.0.1"
        ])
      })
    ))

  it.effect("is recorded by a slow store too, though the connection is long gone", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const store = yield* memoryBanStore
        const { host } = yield* listening(bed, {
          drainTimeout: 0,
          banStore: { ...store, update: (key, f) => Effect.andThen(Effect.sleep("5 seconds"), store.update(key, f)) }
        })
        assert.strictEqual(yield* say(bed, "10.0.1.1", bad), "Closed")
        assert.strictEqual(yield* host.banList.score(address("10.0.1.1:1")), 0)
        yield* pass("5 seconds")
        // A little has been forgiven meanwhile.
        assert.approximately(yield* host.banList.score(address("10.0.1.1:1")), 200, 1)
      })
    ))

  it.effect("a store that fails lets everybody in and breaks nothing", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const dead = Effect.die(new Error("no store"))
        const { listener } = yield* listening(bed, {
          banStore: {
            find: () => Effect.succeed([]),
            update: () => dead,
            remove: () => dead,
            list: dead,
            changes: Stream.empty
          }
        })
        for (let i = 0; i < 7; i++) assert.strictEqual(yield* say(bed, "10.0.1.1", bad), "Closed")
        assert.strictEqual(yield* say(bed, "10.0.1.1", hello), "open")
        assert.strictEqual((yield* listener.connections).length, 1)
      })
    ))

  it.effect("a connection that never had a socket has nobody to punish", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        const connection = yield* host.manager.connect("10.0.0.77:1")
        const verdict = yield* connection.punish(1000, "why")
        assert.notStrictEqual(verdict._tag, "Banned")
      })
    ))
})
