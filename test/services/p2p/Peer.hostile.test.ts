import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Option } from "effect"
import * as LegacyFormat from "../../../src/domain/LegacyFormat.ts"
import * as P2PMessage from "../../../src/domain/p2p/P2PMessage.ts"
import type * as Peer from "../../../src/services/p2p/Peer.ts"
import type * as PeerError from "../../../src/services/p2p/PeerError.ts"
import * as FakeNode from "../../utils/fakeNode.ts"
import * as Legacy from "../../utils/legacy.ts"
import { pass, settle, until } from "../../utils/network.ts"
import { type PeerBed, us, withPeers } from "../../utils/p2p/peerBed.ts"
import * as Messages from "../../utils/p2pMessage.ts"

const { Behaviour } = FakeNode.Behaviours
type Said = FakeNode.Behaviours.Said

const address = "10.0.0.9:18444"
const host = "10.0.0.9"
const ping = (nonce: number) => P2PMessage.make("ping", { nonce: BigInt(nonce) })
const command = (name: string, body?: Uint8Array, length?: number) =>
  Legacy.packet({ command: name, ...(body === undefined ? {} : { body }), ...(length === undefined ? {} : { length }) })

const reasonOf = (exit: Exit.Exit<unknown, unknown>): PeerError.PeerError["reason"] =>
  (Option.getOrThrow(Exit.findErrorOption(exit)) as PeerError.PeerError).reason

/** The tags of a reason, from the outermost on. */
const tagsOf = (reason: { readonly _tag: string; readonly reason?: unknown }): string => {
  const inner = reason.reason as { readonly _tag: string } | undefined
  return inner === undefined ? reason._tag : `${reason._tag} ${tagsOf(inner)}`
}

/** A node that says these in the handshake, at both sides: why it ended, and what it cost. */
const refused = Effect.fnUntraced(function*(
  bed: PeerBed,
  behaviour: FakeNode.Behaviours.Behaviour | ReadonlyArray<FakeNode.Behaviours.Behaviour>,
  side: "dialled" | "accepted"
) {
  const node = yield* FakeNode.make({ address, behaviour })
  const accepted = yield* bed.accept()
  let exit: Exit.Exit<unknown, unknown> | undefined
  if (side === "dialled") exit = yield* Effect.exit(bed.connect(address))
  else {
    yield* node.dial(us)
    yield* until("the peer is refused", () => accepted.length > 0)
    exit = accepted[0]
  }
  yield* settle
  assert.deepStrictEqual(node.peers, [], "the connection is left")
  return { reason: reasonOf(exit!), points: yield* bed.score(host) }
})

/** A peer that has shaken hands hears bytes: why it ended, and what that cost. */
const hears = Effect.fnUntraced(function*(bed: PeerBed, said: ReadonlyArray<Said>, options?: Peer.Options) {
  const node = yield* FakeNode.make({ address })
  const { close, peer } = yield* bed.open(address, options)
  yield* node.awaitPeers()
  yield* settle
  yield* node.send(...said)
  const reason = yield* peer.ended
  yield* settle
  assert.deepStrictEqual(node.peers, [], "the connection is left")
  yield* close
  return { reason, points: yield* bed.score(host) }
})

const sides = ["dialled", "accepted"] as const

describe("Peers that break the handshake", () => {
  for (const side of sides) {
    it.effect(`by a second version: ${side}`, () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          const { points, reason } = yield* refused(bed, Behaviour.VersionTwice(), side)
          assert.strictEqual(reason.message, "the peer misbehaved: a second \"version\"")
          assert.strictEqual(points, 100)
        })
      ))

    for (
      const message of [
        ping(1),
        P2PMessage.make("verack", {}),
        P2PMessage.make("headers", { packed: new Uint8Array(0) }),
        P2PMessage.make("tx", { bytes: new Uint8Array(100) })
      ]
    ) {
      it.effect(`by a ${message._tag} before the version: ${side}`, () =>
        withPeers((bed) =>
          Effect.gen(function*() {
            const behaviour = Behaviour.Says({ when: "connected", messages: [message] })
            const { points, reason } = yield* refused(bed, behaviour, side)
            assert.strictEqual(reason.message, `the peer misbehaved: "${message._tag}" before "version"`)
            assert.strictEqual(points, 100)
          })
        ))
    }

    it.effect(`by more than 32 messages before verack: ${side}`, () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          const messages = Array.from({ length: 33 }, (_, i) => ping(i))
          const { points, reason } = yield* refused(bed, Behaviour.Says({ when: "introduced", messages }), side)
          assert.strictEqual(reason.message, "the peer misbehaved: too much before \"verack\"")
          assert.strictEqual(points, 100)
        })
      ))

    it.effect(`by messages before verack that are large together: ${side}`, () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          const messages = Array.from({ length: 3 }, () => P2PMessage.make("tx", { bytes: new Uint8Array(100_000) }))
          const { reason } = yield* refused(bed, Behaviour.Says({ when: "introduced", messages }), side)
          assert.strictEqual(reason.message, "the peer misbehaved: too much before \"verack\"")
        })
      ))

    it.effect(`by a malformed version: ${side}`, () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          const messages = [command("version", new Uint8Array(50))]
          const behaviour = [Behaviour.NoVersion(), Behaviour.Says({ when: "connected", messages })]
          const { points, reason } = yield* refused(bed, behaviour, side)
          assert.strictEqual(tagsOf(reason), "MalformedMessage BinaryDecodeError Truncated")
          assert.strictEqual(points, 200)
        })
      ))
  }

  it.effect("not: 32 messages may wait", () =>
    withPeers((bed) =>
      Effect.gen(function*() {
        const messages = Array.from({ length: 32 }, (_, i) => ping(i))
        const node = yield* FakeNode.make({ address, behaviour: Behaviour.Says({ when: "introduced", messages }) })
        yield* bed.connect(address)
        yield* node.awaitPeers()
        yield* settle
        assert.strictEqual(node.count("pong"), 33)
        assert.strictEqual(yield* bed.score(host), 0)
      })
    ))
})

describe("Peers that say too much", () => {
  const limited = P2PMessage.commands.filter((name) => P2PMessage.maxBodySize(name) < LegacyFormat.maxBody)

  for (const name of limited) {
    it.effect(`a ${name} over ${P2PMessage.maxBodySize(name)} bytes is never read`, () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          const size = P2PMessage.maxBodySize(name) + 1
          const { points, reason } = yield* hears(bed, [command(name, new Uint8Array(0), size)])
          assert.strictEqual(tagsOf(reason), "Disconnected WireError BadLength")
          assert.strictEqual(points, 200)
        })
      ))
  }

  it.effect("a merkle block of 3 MB costs no memory", () =>
    withPeers((bed) =>
      Effect.gen(function*() {
        const node = yield* FakeNode.make({
          address,
          behaviour: Behaviour.AnnouncesSize({ command: "merkleblock", size: 3_000_000, send: 100_000 })
        })
        const { close, peer } = yield* bed.open(address)
        const reason = yield* peer.ended
        assert.strictEqual(tagsOf(reason), "Disconnected WireError BadLength")
        assert.isTrue((yield* bed.us.pool.stats).taken <= 1)
        yield* settle
        assert.deepStrictEqual(node.peers, [])
        assert.strictEqual(yield* bed.score(host), 200)
        yield* close
      })
    ))

  it.effect("a block over 32 MB is never read, and one that is announced costs no memory until it comes", () =>
    withPeers((bed) =>
      Effect.gen(function*() {
        const { reason } = yield* hears(bed, [command("block", new Uint8Array(0), LegacyFormat.maxBody + 1)])
        assert.strictEqual(tagsOf(reason), "Disconnected WireError BadLength")
        const patient = yield* FakeNode.make({ address: "10.0.0.8:18444" })
        const { close, peer } = yield* bed.open("10.0.0.8:18444")
        yield* patient.awaitPeers()
        yield* patient.send(command("block", new Uint8Array(0), LegacyFormat.maxBody))
        yield* settle
        assert.isTrue((yield* bed.us.pool.stats).taken <= 1)
        assert.strictEqual((yield* peer.state)._tag, "Ready")
        yield* close
      })
    ))

  it.effect("commands that nobody knows are skipped, whatever their size", () =>
    withPeers((bed) =>
      Effect.gen(function*() {
        const node = yield* FakeNode.make({ address })
        const peer = yield* bed.connect(address)
        yield* node.awaitPeers()
        yield* settle
        yield* node.send(
          command("feefilter", new Uint8Array(8)),
          command("xversion", new Uint8Array(300)),
          command("whatever", new Uint8Array(1_000_000)),
          ping(99)
        )
        yield* until("the last ping is answered", () => node.count("pong") === 2)
        assert.strictEqual((yield* peer.state)._tag, "Ready")
        assert.strictEqual(yield* bed.score(host), 0)
      })
    ))

  it.effect("a flood of pings is answered, and does no harm", () =>
    withPeers((bed) =>
      Effect.gen(function*() {
        const node = yield* FakeNode.make({ address, behaviour: Behaviour.FloodsPings({ count: 20_000 }) })
        const peer = yield* bed.connect(address)
        for (let i = 0; i < 200 && node.count("pong") < 20_001; i++) yield* pass("1 second")
        assert.strictEqual(node.count("pong"), 20_001)
        assert.strictEqual((yield* peer.state)._tag, "Ready")
      })
    ))
})

describe("Peers whose packets cannot be read", () => {
  const malformed: ReadonlyArray<readonly [string, string, Uint8Array]> = [
    ["a ping without a nonce", "ping", new Uint8Array(7)],
    ["a verack with a body", "reject", Uint8Array.of(13)],
    ["an inv that ends early", "inv", Uint8Array.of(2, ...new Uint8Array(36))],
    ["an inv of more than 50,000 items", "inv", Uint8Array.of(0xfe, 0x51, 0xc3, 0, 0)],
    ["headers with transactions", "headers", Uint8Array.of(1, ...new Uint8Array(80), 1)],
    ["headers that go on", "headers", Uint8Array.of(0, 0)],
    ["2001 headers", "headers", Uint8Array.of(0xfd, 0xd1, 0x07)],
    ["1001 addresses", "addr", Uint8Array.of(0xfd, 0xe9, 0x03)],
    ["a locator of 102 hashes", "getheaders", Uint8Array.of(1, 0, 0, 0, 102)],
    ["a filter of 51 functions", "filterload", Uint8Array.of(1, 0, 51, 0, 0, 0, 0, 0, 0, 0, 0)],
    ["a merkle block without a header", "merkleblock", new Uint8Array(79)],
    ["a count that is too long", "inv", Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)]
  ]

  for (const [what, name, body] of malformed) {
    it.effect(`${what} costs 200 points`, () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          const { points, reason } = yield* hears(bed, [command(name, body), ping(1)])
          assert.strictEqual(reason._tag, "MalformedMessage")
          assert.strictEqual(points, 200)
        })
      ))
  }

  for (const side of sides) {
    it.effect(`a wrong checksum in the handshake: ${side}`, () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          const { points, reason } = yield* refused(bed, Behaviour.BreaksChecksums({ of: "verack" }), side)
          assert.strictEqual(tagsOf(reason), "Disconnected WireError BadChecksum")
          assert.strictEqual(points, 200)
        })
      ))

    it.effect(`the magic of another network: ${side}`, () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          const { points, reason } = yield* refused(bed, Behaviour.WrongMagic({}), side)
          assert.strictEqual(tagsOf(reason), "Disconnected WireError WrongProtocol")
          // Who is dialled by mistake has done nothing wrong.
          assert.strictEqual(points, side === "dialled" ? 0 : 200)
        })
      ))
  }

  it.effect("costs the address of this machine nothing, and ends the peer at 1000 points", () =>
    withPeers((bed) =>
      Effect.gen(function*() {
        const node = yield* FakeNode.make({ address: "127.0.0.1:18444" })
        const { close, peer } = yield* bed.open(node.endPoint)
        const verdict = yield* peer.punish(999, "noise")
        assert.deepStrictEqual(verdict, { _tag: "Ignored", because: "LocalPeer" })
        yield* settle
        assert.strictEqual((yield* peer.state)._tag, "Ready")
        yield* peer.punish(1, "noise")
        assert.strictEqual((yield* peer.ended).message, "the peer misbehaved: noise")
        yield* close
        assert.strictEqual(yield* bed.score("127.0.0.1"), 0)
      })
    ))

  it.effect("a wrong checksum later", () =>
    withPeers((bed) =>
      Effect.gen(function*() {
        yield* FakeNode.make({ address, behaviour: Behaviour.BreaksChecksums({}) })
        const { close, peer } = yield* bed.open(address)
        assert.strictEqual(tagsOf(yield* peer.ended), "Disconnected WireError BadChecksum")
        yield* close
        assert.strictEqual(yield* bed.score(host), 200)
      })
    ))

  it.effect("a wrong checksum of a block that is verified elsewhere", () =>
    withPeers((bed) =>
      Effect.gen(function*() {
        const heard: Array<string> = []
        const large = command("block", new Uint8Array(600_000))
        large[20]! ^= 1
        const { points, reason } = yield* hears(bed, [ping(1), large, ping(2)], {
          onReady: (peer) => peer.handle(({ _tag }) => void heard.push(_tag))
        })
        assert.strictEqual(tagsOf(reason), "Disconnected WireError BadChecksum")
        assert.strictEqual(points, 200)
        assert.isFalse(heard.includes("block"))
      })
    ))

  it.effect("another magic later costs a peer that was dialled, too", () =>
    withPeers((bed) =>
      Effect.gen(function*() {
        yield* FakeNode.make({ address, behaviour: Behaviour.WrongMagic({ of: "ping" }) })
        const { close, peer } = yield* bed.open(address)
        assert.strictEqual(tagsOf(yield* peer.ended), "Disconnected WireError WrongProtocol")
        yield* close
        assert.strictEqual(yield* bed.score(host), 200)
      })
    ))

  it.effect("noise after the handshake ends the peer or is skipped, and never does harm", () =>
    withPeers((bed) =>
      Effect.gen(function*() {
        for (let seed = 1; seed <= 40; seed++) {
          const random = Legacy.makeRandom(seed)
          const generate = Messages.makeGenerator(random)
          const from = `10.0.${seed}.9:18444`
          const node = yield* FakeNode.make({ address: from })
          const { close, peer } = yield* bed.open(from)
          yield* node.awaitPeers()
          for (let i = 0; i < 10; i++) {
            const name = P2PMessage.commands[random.below(P2PMessage.commands.length)]!
            const body = Option.getOrThrow(Option.fromNullishOr(bodyOf(generate(name))))
            // The change comes before the checksum, so that it reaches the codecs.
            for (let n = random.below(3); n > 0 && body.length > 0; n--) {
              body[random.below(body.length)]! ^= 1 + random.below(255)
            }
            yield* node.send(command(name, body.subarray(0, body.length - random.below(2))))
          }
          yield* settle
          const { _tag } = yield* peer.state
          assert.isTrue(_tag === "Ready" || _tag === "Ended", `seed ${seed}`)
          if (_tag === "Ended") assert.notStrictEqual((yield* peer.ended)._tag, "Dismissed", `seed ${seed}`)
          yield* close
        }
        assert.deepStrictEqual(bed.logs.filter((log) => log.startsWith("Error")), [])
      })
    ))
})

const bodyOf = (message: P2PMessage.P2PMessage): Uint8Array | undefined => {
  const encoded = P2PMessage.encode(message)
  return encoded._tag === "Success" ? encoded.success.slice() : undefined
}
