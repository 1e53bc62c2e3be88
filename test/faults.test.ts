/**
 * The faults that are known of the original: each one is a test here, in whole connections where it can be. What is
 * behind them is tested piece by piece next to the code: the envelopes in test/domain/NativeDecoder.test.ts,
 * ChunkJoiner.test.ts and LegacyDecoder.test.ts, tagged values in TaggedParser.test.ts, lanes and reconnects in
 * test/services/Connection.*.test.ts and NetworkManager.connect.test.ts, listeners in NetworkManager.*.test.ts.
 */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Effect, Fiber } from "effect"
import * as Message from "../src/domain/Message.ts"
import * as TaggedParser from "../src/domain/TaggedParser.ts"
import type * as Connection from "../src/services/Connection.ts"
import * as ConnectionAuthorizer from "../src/services/ConnectionAuthorizer.ts"
import type * as NetworkManager from "../src/services/NetworkManager.ts"
import * as ReconnectPolicy from "../src/services/ReconnectPolicy.ts"
import * as Legacy from "./utils/legacy.ts"
import * as Native from "./utils/native.ts"
import { address, type Bed, pass, type RawPeer, settle, until, withBed } from "./utils/network.ts"

const server = "10.0.0.9:1235"
const hello = Native.packet("0805 1001 04")
const ping = "0600 087e 2c 04"
const pong = "0600087e3404"

/** A listener, the ids of the messages that came to it, and the first connection that it accepted. */
const listening = (
  bed: Bed,
  options: NetworkManager.BindOptions<never, never> = {},
  config: Parameters<Bed["host"]>[1] = {}
) =>
  Effect.gen(function*() {
    const host = yield* bed.host("10.0.0.9", { malformedPoints: 0, ...config })
    const ids: Array<number> = []
    const connections: Array<Connection.Connection> = []
    const listener = yield* host.manager.bind(server, {
      limitRate: false,
      onConnection: (connection) => {
        connections.push(connection)
        return connection.handle((message) => void ids.push(message.messageId))
      },
      ...options
    })
    return { host, listener, ids, connections }
  }).pipe(Effect.orDie)

/** Says something, and tells why the connection has ended, if it has. */
const reasonAfter = (
  bed: Bed,
  connections: ReadonlyArray<Connection.Connection>,
  ...parts: ReadonlyArray<Uint8Array>
) =>
  Effect.gen(function*() {
    const peer = yield* bed.dial("10.0.0.66", server)
    yield* peer.send(...parts)
    yield* settle
    const state = yield* connections.at(-1)!.state
    return state._tag === "Closed" ? state.reason.message : state._tag
  })

describe("the faults of the original", () => {
  // The magic was compared with a condition that is always true.
  it.effect("a legacy packet of another network ends the connection", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connections, ids } = yield* listening(bed, { envelope: Legacy.envelope })
        const magic = Legacy.fromHex("e3e1f3e8")
        assert.include(yield* reasonAfter(bed, connections, Legacy.packet({ command: "ping", magic })), "e3 e1 f3 e8")
        assert.strictEqual(yield* reasonAfter(bed, connections, Legacy.packet({ command: "ping" })), "Connected")
        assert.strictEqual(ids.length, 1)
      })
    ))

  // Checksums were never verified.
  it.effect("a legacy packet with a wrong checksum ends the connection, a large one too", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connections, ids } = yield* listening(bed, { envelope: Legacy.envelope })
        const checksum = Legacy.fromHex("00000000")
        for (const size of [1, 1000, 600_000]) {
          const body = new Uint8Array(size)
          const bad = Legacy.packet({ command: "block", body, checksum })
          assert.include(yield* reasonAfter(bed, connections, bad), "checksum")
        }
        assert.deepStrictEqual(ids, [])
      })
    ))

  // The ring buffer lost its content when it wrapped and was exactly full.
  it.effect("a lane that is exactly full loses nothing, however often it wraps", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const peers: Array<RawPeer> = []
        yield* bed.listen("10.0.0.5:1", (peer) => void peers.push(peer))
        const host = yield* bed.host("10.0.0.9", { normalLaneMessages: 10 })
        const connection = yield* host.manager.connect("10.0.0.5:1")
        const sent: Array<number> = []
        for (let round = 0; round < 25; round++) {
          while (connection.sendUnsafe(Message.make({ serviceId: 5, messageId: sent.length })) === undefined) {
            sent.push(sent.length)
          }
          // Up to here nothing could leave: the lane took as many as it holds.
          assert.strictEqual((yield* connection.stats).queuedNormal, 10)
          yield* settle
        }
        const { messages } = Native.receive(Native.fromHex(yield* peers[0]!.rest), Native.whole)
        assert.deepStrictEqual(messages.map(({ messageId }) => messageId), sent)
        assert.strictEqual(sent.length, 250)
      })
    ))

  // "Too many headers" was built and never thrown.
  it.effect("a message with too many header values is refused to the caller", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        const connection = yield* host.manager.connect("10.0.0.5:1")
        const withValues = (count: number) =>
          Message.make({
            serviceId: 5,
            header: Object.fromEntries(Array.from({ length: count }, (_, i) => [10 + i, 1]))
          })
        assert.isUndefined(connection.sendUnsafe(withValues(95)))
        const error = yield* Effect.flip(connection.send(withValues(96)))
        assert.strictEqual("problem" in error.reason ? error.reason.problem : "", "TooManyHeaderValues")
        assert.strictEqual((yield* connection.stats).queuedNormal, 1)
      })
    ))

  // The header parser read two bytes past the packet.
  it.effect("a header ends within its packet, also when what follows would end it", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connections, ids } = yield* listening(bed)
        const open = Native.packet("0805 1001")
        // The next packet is 4 bytes of header away from a plausible end.
        const reason = yield* reasonAfter(bed, connections, Native.concat([open, Native.fromHex("04"), hello]))
        assert.include(reason, "Unterminated")
        assert.deepStrictEqual(ids, [])
      })
    ))

  // A chunk with too much data was ignored, and the connection stalled.
  it.effect("a chunk with too much data ends the connection", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connections, ids } = yield* listening(bed)
        const first = Native.packet("0805 1001 1805 25 04", new Uint8Array(3))
        const second = Native.packet("0805 1001 24 04", new Uint8Array(3))
        assert.include(yield* reasonAfter(bed, connections, first, second), "TooMuch (6 of 5 bytes)")
        assert.deepStrictEqual(ids, [])
      })
    ))

  // An announced size was allocated at once, negative or huge as it was.
  it.effect("an announced size is believed as far as bytes have come", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connections, host } = yield* listening(bed)
        const chunk = (size: string) => Native.packet(`0805 1001 ${size} 25 04`, new Uint8Array(3))
        assert.include(yield* reasonAfter(bed, connections, chunk("1905")), "OutOfRange")
        assert.include(yield* reasonAfter(bed, connections, chunk("188ea08fff00")), "are allowed")
        assert.deepStrictEqual((yield* host.pool.stats).taken, 0)
        // Within the limit: one slab of a megabyte at most, whatever is announced.
        assert.strictEqual(yield* reasonAfter(bed, connections, chunk("188e9fff00")), "Connected")
        assert.isAtMost((yield* host.pool.stats).taken, 2)
      })
    ))

  // Every reconnect waited the 15 s that are meant for strangers.
  it.effect("a reconnect waits 15 s for a peer of another protocol only", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const context = yield* Effect.context<never>()
        const clock = yield* Clock.Clock
        const dials: Array<number> = []
        let strange = false
        yield* bed.listen("10.0.0.5:1", (peer) => {
          dials.push(clock.currentTimeMillisUnsafe() / 1000)
          Effect.runForkWith(context)(strange ? peer.send("474554") : peer.close)
        })
        const host = yield* bed.host("10.0.0.9")
        yield* host.manager.connect("10.0.0.5:1", { reconnect: ReconnectPolicy.reference })
        for (let second = 0; second < 18; second++) yield* pass("1 second")
        assert.deepStrictEqual(dials, [0, 0, 4, 17])
        strange = true
        dials.length = 0
        // For as long as it takes: it is not banned for being another program.
        for (let second = 18; second < 140; second++) yield* pass("1 second")
        assert.deepStrictEqual(dials, [49, 64, 79, 94, 109, 124, 139])
      })
    ))

  // A host name was resolved once and for all, and only its first address was tried.
  it.effect("each dial looks the name up anew, and tries every address", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const context = yield* Effect.context<never>()
        const met: Array<string> = []
        yield* bed.listen("10.0.0.6:1", (peer) => {
          met.push("second address")
          Effect.runForkWith(context)(peer.close)
        })
        yield* bed.listen("10.0.0.7:1", () => void met.push("new address"))
        yield* bed.network.setHost("hub", ["10.0.0.5", "10.0.0.6"])
        const host = yield* bed.host("10.0.0.9")
        yield* host.manager.connect("hub:1", { reconnect: ReconnectPolicy.reference })
        yield* settle
        yield* bed.network.setHost("hub", ["10.0.0.7"])
        yield* pass("10 seconds")
        assert.deepStrictEqual(new Set(met), new Set(["second address", "new address"]))
        assert.isAtLeast(yield* bed.network.lookups("hub"), 2)
      })
    ))

  // An entry was used after it had been erased when a node was banned.
  it.effect("a ban ends all connections of an address, and each of them says so", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connections, listener } = yield* listening(bed)
        const peers = yield* Effect.forEach(Array.from({ length: 20 }), () => bed.dial("10.0.0.66", server))
        yield* settle
        yield* connections[10]!.punish(1000, "enough")
        // Once more, by those who are gone.
        yield* Effect.forEach(connections, (connection) => connection.punish(1000, "enough"))
        yield* settle
        assert.deepStrictEqual(yield* listener.connections, [])
        for (const peer of peers) assert.strictEqual(yield* peer.status, "Closed")
        for (const connection of connections) {
          const state = yield* connection.state
          assert.strictEqual(state._tag === "Closed" && state.reason._tag, "PeerBanned")
        }
      })
    ))

  // An expired ban wedged the listener.
  it.effect("a listener goes on after a ban has expired", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { host, ids } = yield* listening(bed)
        yield* host.banList.ban(address("10.0.0.66:1"), { duration: "1 minute" })
        yield* bed.dial("10.0.0.66", server)
        yield* pass("2 minutes")
        for (const from of ["10.0.0.66", "10.0.0.67", "10.0.0.66"]) {
          yield* (yield* bed.dial(from, server)).send(hello)
        }
        yield* settle
        assert.deepStrictEqual(ids, [1, 1, 1])
      })
    ))

  // The login check spun for ever when two logins were pending.
  it.effect("two pending logins are decided apart", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const answers = [
          Deferred.makeUnsafe<ConnectionAuthorizer.LoginVerdict>(),
          Deferred.makeUnsafe<ConnectionAuthorizer.LoginVerdict>()
        ]
        let asked = 0
        const { ids } = yield* listening(bed, {
          authorizer: {
            authorize: () => Effect.succeed(ConnectionAuthorizer.awaitLogin()),
            checkLogin: () => Deferred.await(answers[asked++]!)
          }
        })
        const first = yield* bed.dial("10.0.0.1", server)
        const second = yield* bed.dial("10.0.0.2", server)
        for (const peer of [first, second]) yield* peer.send(hello, Native.packet("0805 1002 04"))
        yield* settle
        yield* Deferred.succeed(answers[1]!, ConnectionAuthorizer.accept())
        yield* settle
        assert.deepStrictEqual(ids, [2])
        yield* pass("4 seconds")
        assert.strictEqual(yield* first.status, "Closed")
        assert.strictEqual(yield* second.status, "open")
      })
    ))

  // Idle newcomers were all kicked at the first tick.
  it.effect("each newcomer has its own time", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        yield* listening(bed, { firstMessageTimeout: "10 seconds" })
        const peers: Array<RawPeer> = []
        const countOpen = Effect.suspend(() =>
          Effect.map(Effect.forEach(peers, (peer) => peer.status), (all) => all.filter((one) => one === "open").length)
        )
        for (let second = 0; second < 10; second++) {
          peers.push(yield* bed.dial(`10.0.1.${second}`, server))
          yield* pass("1 second")
        }
        for (let left = 9; left >= 0; left--) {
          assert.strictEqual(yield* countOpen, left)
          yield* pass("1 second")
        }
      })
    ))

  // Doubles were read past the end.
  it("a double that is cut off is malformed", () => {
    const parser = TaggedParser.make(Native.fromHex("0e 0000 0000 0000 00"))
    assert.isFalse(parser.next())
    assert.isDefined(parser.failure)
  })

  // A full queue was an error thrown where the sender could not see it.
  it.effect("a full lane is told to who sends", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9", { normalLaneMessages: 2, highLaneMessages: 1 })
        const connection = yield* host.manager.connect("10.0.0.5:1")
        const message = Message.make({ serviceId: 5 })
        for (const [priority, room] of [["normal", 2], ["high", 1]] as const) {
          for (let i = 0; i < room; i++) yield* connection.trySend(message, { priority })
          const error = yield* Effect.flip(connection.trySend(message, { priority }))
          assert.strictEqual(error.reason._tag, "LaneFull")
          assert.strictEqual(connection.sendUnsafe(message, { priority })?.reason._tag, "LaneFull")
        }
      })
    ))

  // Request and reply over one connection stopped for good after some hundred rounds.
  it.effect("thousands of rounds of request and reply go on, with pings in between", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { host } = yield* listening(bed, {
          onConnection: (connection) => connection.handle((message) => connection.send(Message.reply(message)))
        }, { maxPings: 1000 })
        const client = yield* bed.host("10.0.0.1")
        const connection = yield* client.manager.connect(server)
        const pinging = yield* bed.dial("10.0.0.2", server)
        let rounds = 0
        const asking = yield* Effect.forkChild(Effect.whileLoop({
          while: () => rounds < 3000,
          body: () => connection.request(Message.make({ serviceId: 5, messageId: 1 })),
          step: () => void rounds++
        }))
        for (let next = 0; next < 3000; next += 10) {
          yield* pinging.send(ping)
          yield* pinging.expect(pong)
          yield* until("the rounds go on", () => rounds >= next)
        }
        yield* Fiber.join(asking)
        assert.strictEqual((yield* host.manager.connections).length, 2)
      })
    ))
})
