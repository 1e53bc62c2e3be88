import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import * as Message from "../../src/domain/Message.ts"
import type * as ConnectionState from "../../src/services/ConnectionState.ts"
import type * as DisconnectReason from "../../src/services/DisconnectReason.ts"
import type * as NetworkManager from "../../src/services/NetworkManager.ts"
import { send } from "../utils/links.ts"
import * as Native from "../utils/native.ts"
import { address, type Bed, pass, type RawPeer, settle, until, withBed } from "../utils/network.ts"

const server = "10.0.0.9:1235"
const ping = "0600 087e 2c 04"
const pong = "0600087e3404"

const { fromHex, packet } = Native

/** A chunk of message 5/1 with a body. */
const chunk = (header: string, size: number) => packet(`0805 1001 ${header} 04`, new Uint8Array(size))
const good = packet("0805 1001 04", Uint8Array.of(1, 2, 3))

/** The hex of a compact integer, as the wire format says it is made. */
const compact = (n: bigint): string => {
  const bytes = [n & 0x7fn]
  for (let rest = n; rest > 0x7fn;) {
    rest = (rest >> 7n) - 1n
    bytes.unshift((rest & 0x7fn) | 0x80n)
  }
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("")
}

/** What a peer says, why its connection ends for it, and how many messages it got across before. */
interface Case {
  readonly name: string
  readonly bytes: Uint8Array
  readonly reason: string
  readonly messages?: number
}

const wrong = (name: string, reason: string, ...parts: ReadonlyArray<Uint8Array | string>): Case => ({
  name,
  reason,
  bytes: Native.concat(parts.map((part) => typeof part === "string" ? fromHex(part) : part))
})

/** The same after a good message, where the peer is known to speak the protocol. */
const later = (name: string, reason: string, ...parts: ReadonlyArray<Uint8Array | string>): Case => ({
  ...wrong(name, reason, good, ...parts),
  messages: 1
})

const cases: ReadonlyArray<Case> = [
  wrong("HTTP", "WrongProtocol", new TextEncoder().encode("GET / HTTP/1.1\r\nHost: hub\r\n\r\n")),
  wrong("TLS", "WrongProtocol", "1603 0102 0001 0001 fc03 03"),
  wrong("the legacy envelope", "WrongProtocol", "dab5 bffa 7665 7273 696f 6e00"),
  wrong("a packet without a service id", "WrongProtocol", "0700 1001 1065 04"),
  wrong("a first packet with a negative service id", "WrongProtocol", "0700 0904 1065 04"),
  wrong("a packet of 9001 bytes", "BadLength 9001", "2923 0805"),
  wrong("a packet of 65535 bytes", "BadLength 65535", "ffff 0805"),
  wrong("a packet of no bytes", "BadLength 0", "0000 08"),
  wrong("a packet of one byte", "BadLength 1", "0100 08"),
  wrong("a packet of two bytes", "BadLength 2", "0200 08"),
  wrong("a packet too short for any header", "BadLength 4", "0400 0805"),
  wrong("a header that does not end within its packet", "BadHeader Unterminated", packet("0805 1001")),
  wrong("a service id that is repeated", "BadHeader ServiceIdRepeated", packet("0805 0806 04")),
  wrong("a service id over 31 bits", "BadHeader OutOfRange", packet(`08 ${compact(2n ** 31n)} 04`)),
  wrong("a message id over 31 bits", "BadHeader OutOfRange", packet(`0805 10 ${compact(2n ** 31n)} 04`)),
  wrong("a message id below -1", "BadHeader OutOfRange", packet("0805 1102 04")),
  wrong("a message id that is text", "BadHeader WrongType", packet("0805 1201 4104")),
  ...[7, 8, 9].flatMap((tag) =>
    [0, 1, 4, 5].map((type) =>
      wrong(
        `a value with the reserved tag ${tag} of type ${type}`,
        "BadHeader ReservedTag",
        packet(`0805 ${((tag << 3) | type).toString(16).padStart(2, "0")} ${type < 2 ? "01" : ""} 04`)
      )
    )
  ),
  wrong("text with a reserved tag", "BadHeader ReservedTag", packet("0805 3a01 4104")),
  wrong("an end of the header that is a number", "BadHeader WrongType", packet("0805 0001 04")),
  wrong("a type that does not exist", "BadHeader Malformed", packet("0805 5704")),
  wrong("text that runs past the packet", "BadHeader Malformed", packet("0805 527f 4104")),
  wrong("a number that runs past the packet", "BadHeader Malformed", packet("0805 50ff ff")),
  wrong("a number without an end", "BadHeader Malformed", packet(`0805 50 ${"ff".repeat(12)} 04`)),
  wrong("a double that is cut off", "BadHeader Malformed", packet("0805 5600 0000 04")),
  wrong("a tag over 32 bits", "BadHeader OutOfRange", packet(`0805 f8 ${compact(2n ** 32n)} 01 04`)),
  wrong("a ping that is a number", "BadHeader WrongType", packet("087e 2801 04")),
  wrong("a last chunk that is a number", "BadHeader WrongType", packet("0805 2001 04")),
  wrong("a size without the mark of a chunk", "BadHeader WrongType", packet("0805 1805 04")),
  wrong("a negative size", "BadHeader OutOfRange", packet("0805 1905 25 04")),
  wrong("a chunk with no sequence open", "BadSequence NotOpen", chunk("25", 3)),
  wrong("a last chunk with no sequence open", "BadSequence NotOpen", chunk("24", 3)),
  wrong("a size over the limit", "BadLength 65537", packet(`0805 1001 18 ${compact(65_537n)} 25 04`)),
  wrong("a size of 2^52", "BadLength 4503599627370496", packet(`0805 1001 18 ${compact(2n ** 52n)} 25 04`)),
  wrong("a size of 2^63", "BadHeader OutOfRange", packet(`0805 1001 18 ${compact(2n ** 63n)} 25 04`)),
  wrong("a second start of a sequence", "BadSequence AlreadyOpen", chunk("1805 25", 3), chunk("1805 25", 3)),
  wrong("more than was announced, at once", "BadSequence TooMuch", chunk("1805 25", 6)),
  wrong("more than was announced, later", "BadSequence TooMuch", chunk("1805 25", 3), chunk("25", 3)),
  wrong("less than was announced", "BadSequence TooLittle", chunk("1805 25", 3), chunk("24", 1)),
  wrong("less than was announced, at once", "BadSequence TooLittle", chunk("1805 24", 3)),
  wrong(
    "a chunk of another message",
    "BadSequence OtherMessage",
    chunk("1805 25", 3),
    packet("0805 1002 24 04", new Uint8Array(2))
  ),
  wrong(
    "a chunk of another service",
    "BadSequence OtherMessage",
    chunk("1805 25", 3),
    packet("0806 1001 24 04", new Uint8Array(2))
  ),
  later("a later packet of 9001 bytes", "BadLength 9001", "2923 0805"),
  later("a later packet of one byte", "BadLength 1", "0100"),
  later("a later packet without a service id", "BadHeader ServiceIdNotFirst", packet("1001 1065 04")),
  later("a later packet with a negative service id", "BadHeader ServiceIdNegative", packet("0905 04")),
  later("a second start behind a good message", "BadSequence AlreadyOpen", chunk("1805 25", 3), chunk("1805 25", 3))
]

const describeReason = (reason: DisconnectReason.DisconnectReason): string => {
  if (reason._tag !== "WireError") return reason._tag
  const detail = reason.reason
  switch (detail._tag) {
    case "BadLength":
      return `BadLength ${detail.length}`
    case "BadHeader":
    case "BadSequence":
      return `${detail._tag} ${detail.problem}`
    default:
      return detail._tag
  }
}

/** A host that writes down what each connection brought and why it ended, and a good peer that must never notice. */
const besieged = (bed: Bed, options: NetworkManager.BindOptions<never, never> = {}) =>
  Effect.gen(function*() {
    const host = yield* bed.host("10.0.0.9")
    const outcomes: Array<{ readonly messages: number; readonly reason: string }> = []
    const listener = yield* host.manager.bind(server, {
      limitRate: false,
      maxMessageBytes: 65_536,
      malformedPoints: 0,
      onConnection: (connection) =>
        Effect.gen(function*() {
          let messages = 0
          yield* connection.handle((message) => {
            messages += 1
            return message.serviceId === 99 ? connection.send(Message.reply(message)) : undefined
          })
          const state: ConnectionState.ConnectionState = yield* connection.state
          if (state._tag === "Closed") outcomes.push({ messages, reason: describeReason(state.reason) })
        }),
      ...options
    })
    const friend = yield* bed.dial("10.0.0.1", server)
    const isWell = Effect.gen(function*() {
      yield* friend.send(packet("0863 1001 04"), ping)
      // A pong overtakes.
      const heard = Native.toHex(yield* friend.read(13))
      assert.include([`${pong}07000863100204`, `07000863100204${pong}`], heard)
    })
    yield* isWell
    return { host, listener, outcomes, isWell }
  }).pipe(Effect.orDie)

/** Dials, says the pieces one after the other, and waits for the end. */
const attack = (bed: Bed, pieces: ReadonlyArray<Uint8Array>, from = "10.0.0.66") =>
  Effect.gen(function*() {
    const peer = yield* bed.dial(from, server)
    for (const piece of pieces) {
      if (piece.length === 0) continue
      yield* Effect.ignoreCause(peer.send(piece))
      yield* Effect.yieldNow
      yield* Effect.yieldNow
      yield* Effect.yieldNow
    }
    yield* settle
    return peer
  })

describe("malformed input", () => {
  for (const { bytes, messages = 0, name, reason } of cases) {
    it.effect(`${name}: ${reason}`, () =>
      withBed((bed) =>
        Effect.gen(function*() {
          const { isWell, listener, outcomes } = yield* besieged(bed)
          const expected = { messages, reason }
          const check = (how: string, peer: RawPeer) =>
            Effect.gen(function*() {
              assert.strictEqual(yield* peer.status, "Closed", how)
              const [outcome] = outcomes.splice(0)
              assert.strictEqual(outcome?.messages, expected.messages, how)
              assert.isTrue(outcome?.reason.startsWith(expected.reason), `${how}: ${outcome?.reason}`)
            })
          yield* check("whole", yield* attack(bed, [bytes]))
          yield* check("with more behind it", yield* attack(bed, [Native.concat([bytes, good, fromHex(ping)])]))
          yield* check("byte by byte", yield* attack(bed, Array.from(bytes, (byte) => Uint8Array.of(byte))))
          for (let at = 1; at < bytes.length; at++) {
            yield* check(`cut at ${at}`, yield* attack(bed, [bytes.subarray(0, at), bytes.subarray(at)]))
          }
          assert.strictEqual((yield* listener.connections).length, 1)
          yield* isWell
        })
      ))
  }

  it.effect("what is odd but right does no harm", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { isWell, outcomes } = yield* besieged(bed)
        const peer = yield* attack(bed, [Native.concat([
          fromHex(pong),
          packet("087e 04"),
          packet("087e 5001 04"),
          // Values that are no integers, or too large for a header, are skipped.
          packet("0805 1001 5201 41 5301 41 56 0000 0000 0000 0000 54 55 50 80fe fefe fefe fefe 7f 04"),
          packet("0805 04", fromHex("ffff ff")),
          // Pings and whole messages between chunks, and ids without a message id.
          packet("0805 1101 1803 25 04", Uint8Array.of(1)),
          fromHex(ping),
          good,
          packet("0805 24 04", Uint8Array.of(2, 3))
        ])])
        assert.strictEqual(yield* peer.status, "open")
        assert.strictEqual(yield* peer.rest, pong)
        yield* peer.close
        yield* settle
        assert.deepStrictEqual(outcomes, [{ messages: 4, reason: "TransportError" }])
        yield* isWell
      })
    ))
})

describe("hostile behaviour", () => {
  it.effect("a flood of pings from one who does not read is answered within bounds", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { isWell } = yield* besieged(bed, { maxPings: 1_000_000 })
        // A link that is not started does not read.
        const transport = yield* bed.network.transportFrom("10.0.0.66")
        const link = yield* transport.connect(address(server))
        const flood = new Uint8Array(60_000)
        for (let at = 0; at < flood.length; at += 6) flood.set(fromHex(ping), at)
        for (let i = 0; i < 50; i++) {
          yield* Effect.orDie(send(link, flood))
        }
        yield* settle
        const info = (yield* bed.network.links).at(-1)!
        assert.strictEqual(info.toListener.delivered, 3_000_000)
        yield* isWell
        // 500,000 pings came. Besides what the window holds, a few answers wait, and no more.
        const heard: Array<number> = []
        const memory = new Uint8Array(4096)
        link.start({
          buffer: () => memory,
          onRead: (count) => {
            heard.push(count)
            return true
          },
          onEnd: () => {}
        })
        yield* settle
        const pongs = heard.reduce((sum, count) => sum + count, 0) / 6
        assert.isAtLeast(pongs, 1000)
        assert.isAtMost(pongs, 1000 + 2 * 16)
        // Those that come now are answered again.
        yield* Effect.orDie(send(link, fromHex(ping)))
        yield* settle
        assert.strictEqual(heard.reduce((sum, count) => sum + count, 0) / 6, pongs + 1)
        link.close()
      }), { window: 6000 }))

  it.effect("a peer that asks and never reads fills its lane, and no more is read from it than handlers can take", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { isWell, listener } = yield* besieged(bed, { normalLaneMessages: 10, inboxBytes: 65_536 })
        const transport = yield* bed.network.transportFrom("10.0.0.66")
        const link = yield* transport.connect(address(server))
        const request = packet("0863 1001 04", new Uint8Array(1000))
        let written = 0
        const writeOn = () => {
          link.write([request], (error) => {
            if (error !== undefined) return
            written += 1
            if (written < 5000) writeOn()
          })
        }
        writeOn()
        for (let i = 0; i < 500; i++) yield* pass("2 millis")
        const read = (yield* bed.network.links).at(-1)!.toListener.delivered
        // The limit of the inbox, and the slabs that messages lie in.
        assert.isBelow(read, 65_536 + 2 * 262_144)
        const connections = yield* listener.connections
        assert.isAtMost((yield* connections.at(-1)!.stats).queuedNormal, 10)
        yield* pass("10 seconds")
        assert.strictEqual((yield* bed.network.links).at(-1)!.toListener.delivered, read)
        yield* isWell
        link.close()
      }), { window: 1000 }))

  it.effect("one who dribbles bytes is gone when no ping has come", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { isWell, outcomes } = yield* besieged(bed, { messageTimeout: Infinity })
        const peer = yield* bed.dial("10.0.0.66", server)
        const bytes = packet("0805 1001 04", new Uint8Array(8000))
        for (let i = 0; i < 149; i++) {
          yield* peer.send(bytes.subarray(i, i + 1))
          yield* pass("1 second")
        }
        assert.strictEqual(yield* peer.status, "open")
        yield* pass("1 second")
        assert.strictEqual(yield* peer.status, "Closed")
        assert.deepStrictEqual(outcomes, [
          { messages: 1, reason: "PeerUnresponsive" },
          { messages: 0, reason: "PeerUnresponsive" }
        ])
        assert.isTrue(Exit.isFailure(yield* Effect.exit(Effect.timeout(isWell, 0))))
      })
    ))

  it.effect("announcing much and sending little costs a bounded piece of memory, which comes back", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { host, isWell } = yield* besieged(bed, { maxMessageBytes: 32_000_000 })
        const announce = Native.encode(Message.make({ serviceId: 5, messageId: 1, body: new Uint8Array(31_000_000) }))
        const peers = yield* Effect.forEach(
          Array.from({ length: 50 }),
          (_, i) => attack(bed, [announce.subarray(0, 8020)], `10.0.66.${i}`)
        )
        yield* isWell
        assert.isAtMost((yield* host.pool.stats).taken, 120)
        for (const peer of peers) yield* peer.close
        yield* settle
        assert.isAtMost((yield* host.pool.stats).taken, 2)
      })
    ))

  it.effect("a thousand peers at once are served, and leave nothing", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { listener, outcomes } = yield* besieged(bed)
        const peers = yield* Effect.forEach(
          Array.from({ length: 1000 }),
          (_, i) => bed.dial(`10.1.${i >> 8}.${i & 255}`, server),
          { concurrency: "unbounded" }
        )
        yield* Effect.forEach(peers, (peer) => peer.send(packet("0863 1001 04"))).pipe(
          Effect.andThen(Effect.forEach(peers, (peer) => peer.expect("0700 0863 1002 04")))
        )
        assert.strictEqual((yield* listener.connections).length, 1001)
        for (const peer of peers) yield* peer.close
        yield* until("all are gone", () => outcomes.length === 1000)
      })
    ))

  it.effect("random damage ends the connection it comes on, and no other", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { isWell, listener } = yield* besieged(bed)
        const random = new Native.Random(Native.seed)
        for (let round = 0; round < 150; round++) {
          const stream = Native.encode(...Array.from({ length: 5 }, () => Native.randomMessage(random)))
          const damaged = Uint8Array.from(stream)
          for (let i = random.below(4); i > 0; i--) damaged[random.below(damaged.length)] = random.next()
          const peer = yield* bed.dial(`10.2.0.${round}`, server)
          const writing = yield* Effect.forkChild(
            Effect.gen(function*() {
              for (let from = 0; from < damaged.length;) {
                const to = from + 1 + random.below(5000)
                yield* peer.send(damaged.subarray(from, to))
                from = to
              }
            })
          )
          yield* Effect.yieldNow
          if (random.chance(30)) yield* bed.network.cut(`10.2.0.${round}`)
          yield* settle
          yield* peer.close
          yield* Fiber.interrupt(writing)
        }
        yield* settle
        yield* isWell
        assert.strictEqual((yield* listener.connections).length, 1, `seed ${Native.seed}`)
        assert.deepStrictEqual(bed.logs.filter((line) => line.startsWith("Error")), [], `seed ${Native.seed}`)
      })
    ))
})
