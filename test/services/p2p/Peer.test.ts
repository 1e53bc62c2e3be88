import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Option, Result } from "effect"
import * as ChainParams from "../../../src/domain/p2p/ChainParams.ts"
import * as P2PMessage from "../../../src/domain/p2p/P2PMessage.ts"
import * as PeerAddress from "../../../src/domain/p2p/PeerAddress.ts"
import * as Peer from "../../../src/services/p2p/Peer.ts"
import type * as PeerError from "../../../src/services/p2p/PeerError.ts"
import * as FakeNode from "../../utils/fakeNode.ts"
import { pass, settle } from "../../utils/network.ts"
import { us, withPeers } from "../../utils/p2p/peerBed.ts"

const { Behaviour } = FakeNode.Behaviours
const address = "10.0.0.9:18444"
const ping = (nonce: bigint) => P2PMessage.make("ping", { nonce })
const getaddr = P2PMessage.make("getaddr", {})

/** Why a peer did not come to be. */
const reasonOf = (exit: Exit.Exit<unknown, unknown>): PeerError.PeerError["reason"] => {
  const error = Option.getOrThrow(Exit.findErrorOption(exit)) as PeerError.PeerError
  assert.strictEqual(error._tag, "PeerError")
  return error.reason
}

const commands = (node: FakeNode.FakeNode, peer = 0) => node.known[peer]!.messages.map(({ _tag }) => _tag)

/** A fiber that dials, and what became of it. */
const dialling = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.forkChild(Effect.exit(effect), { startImmediately: true })

describe("Peer", () => {
  describe("the handshake", () => {
    it.effect("is ours to begin when we dial", () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          yield* pass("12345 seconds")
          const chain = FakeNode.FakeChain.make(3)
          const node = yield* FakeNode.make({ address, chain, records: true, userAgent: "/Flowee:1/" })
          const peer = yield* bed.connect(address, { startHeight: 77, relay: true, services: 5n })
          assert.strictEqual(peer.side, "dialled")
          assert.strictEqual(peer.endPoint, address)
          assert.strictEqual(peer.since, 12_345_000)
          assert.isTrue(Peer.isPeer(peer))
          assert.strictEqual(peer.version.userAgent, "/Flowee:1/")
          assert.strictEqual(peer.version.startHeight, 3)
          yield* settle
          assert.deepStrictEqual(commands(node), ["version", "verack", "sendheaders", "pong"])
          const [version] = node.heard("version")
          assert.deepStrictEqual(
            version,
            P2PMessage.make("version", {
              protocol: 70_015,
              services: 0n,
              time: 12_345n,
              receiver: PeerAddress.fromInetAddress(node.address, 0n),
              sender: PeerAddress.unknown,
              nonce: version!.nonce,
              userAgent: "/effect-flowee:0.1.0/",
              startHeight: 77,
              relay: true
            })
          )
        })
      ))

    it.effect("is ours to begin when we are dialled, too", () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          const accepted = yield* bed.accept({ startHeight: 5 })
          const node = yield* FakeNode.make({ address, records: true })
          yield* node.dial(us)
          yield* node.awaitPeers()
          yield* settle
          assert.strictEqual(accepted.length, 1)
          const peer = yield* accepted[0]!
          assert.strictEqual(peer.side, "accepted")
          assert.strictEqual((yield* peer.state)._tag, "Ready")
          assert.deepStrictEqual(commands(node), ["version", "verack", "sendheaders", "pong"])
          const [version] = node.heard("version")
          assert.strictEqual(version!.startHeight, 5)
          assert.isFalse(version!.relay)
        })
      ))

    it.effect("says what the settings say", () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          const node = yield* FakeNode.make({ address, records: true })
          yield* bed.connect(address)
          const [version] = node.heard("version")
          assert.deepStrictEqual(version!.sender, { ...PeerAddress.unknown, services: 1n })
          assert.strictEqual(version!.services, 1n)
          assert.strictEqual(version!.userAgent, "/mine/")
        }), { config: { services: 1n, userAgent: "/mine/" } }))

    it.effect("asks for headers only of peers that know of it", () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          const node = yield* FakeNode.make({ address, records: true, protocol: 70_011 })
          yield* bed.connect(address)
          yield* settle
          assert.deepStrictEqual(commands(node), ["version", "verack", "pong"])
        })
      ))

    it.effect("reads a version that comes at once, before ours", () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          const other = yield* FakeNode.make({ address: "10.0.0.8:18444", listens: false })
          const node = yield* FakeNode.make({
            address,
            records: true,
            behaviour: [
              Behaviour.NoVersion(),
              Behaviour.Says({ when: "connected", messages: [other.version()] })
            ]
          })
          const peer = yield* bed.connect(address)
          yield* settle
          assert.strictEqual((yield* peer.state)._tag, "Ready")
          assert.deepStrictEqual(commands(node), ["version", "verack", "sendheaders", "pong"])
        })
      ))

    it.effect("works byte by byte, over a slow line", () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          yield* FakeNode.make({ address })
          const fiber = yield* dialling(bed.connect(address))
          yield* pass("5 seconds")
          const exit = yield* Fiber.join(fiber)
          assert.isTrue(Exit.isSuccess(exit))
        }), { conditions: { segmentSize: 1, delay: "300 millis" } }))

    it.effect("keeps what comes before verack, and hands it out in order", () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          const early = [ping(1n), getaddr, ping(2n), P2PMessage.make("filterclear", {})]
          const node = yield* FakeNode.make({
            address,
            records: true,
            behaviour: Behaviour.Says({ when: "introduced", messages: early })
          })
          const heard: Array<P2PMessage.P2PMessage> = []
          const peer = yield* bed.connect(address, {
            onReady: (peer) => peer.handle((message) => void heard.push(message))
          })
          yield* settle
          assert.deepStrictEqual(heard.slice(0, 4), early)
          assert.deepStrictEqual(node.heard("pong").slice(0, 2).map(({ nonce }) => nonce), [1n, 2n])
          assert.deepStrictEqual(commands(node).slice(0, 3), ["version", "verack", "sendheaders"])
          assert.strictEqual((yield* peer.state)._tag, "Ready")
        })
      ))

    it.effect("lets onReady miss nothing, however long it takes", () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          const said = [ping(7n), getaddr, ping(8n)]
          const node = yield* FakeNode.make({ address, behaviour: Behaviour.Says({ when: "ready", messages: said }) })
          const heard: Array<P2PMessage.P2PMessage> = []
          const fiber = yield* dialling(bed.connect(address, {
            onReady: (peer) =>
              Effect.andThen(Effect.sleep("3 seconds"), peer.handle((message) => void heard.push(message)))
          }))
          yield* pass("2 seconds")
          assert.strictEqual(node.count("verack"), 1)
          assert.deepStrictEqual(heard, [])
          assert.isUndefined(fiber.pollUnsafe())
          yield* pass("1 second")
          assert.isTrue(Exit.isSuccess(yield* Fiber.join(fiber)))
          assert.deepStrictEqual(heard.slice(0, 3), said)
        })
      ))

    it.effect("passes over a second verack", () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          yield* FakeNode.make({
            address,
            behaviour: Behaviour.Says({ when: "ready", messages: [P2PMessage.make("verack", {})] })
          })
          const peer = yield* bed.connect(address)
          yield* settle
          assert.strictEqual((yield* peer.state)._tag, "Ready")
          assert.strictEqual(yield* bed.score("10.0.0.9"), 0)
        })
      ))
  })

  describe("peers that are of no use", () => {
    it.effect("does not answer a dial: given up after 10 seconds", () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          yield* bed.network.hang("10.0.0.9")
          const fiber = yield* dialling(bed.connect(address))
          yield* pass("9999 millis")
          assert.isUndefined(fiber.pollUnsafe())
          yield* pass("1 millis")
          const reason = reasonOf(yield* Fiber.join(fiber))
          assert.strictEqual(reason._tag, "Disconnected")
          assert.strictEqual(reason.message, "10.0.0.9:18444: no answer in time")
        })
      ))

    it.effect("nobody there", () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          const reason = reasonOf(yield* Effect.exit(bed.connect(address)))
          assert.strictEqual(reason._tag, "Disconnected")
          assert.strictEqual(reason.message, "10.0.0.9:18444: connection refused")
        })
      ))

    for (
      const { behaviour, missing } of [
        { behaviour: Behaviour.Mute(), missing: "version" },
        { behaviour: Behaviour.NoVerack(), missing: "verack" }
      ]
    ) {
      it.effect(`sends no ${missing}: given up after 20 seconds`, () =>
        withPeers((bed) =>
          Effect.gen(function*() {
            const node = yield* FakeNode.make({ address, behaviour })
            const fiber = yield* dialling(bed.connect(address))
            yield* pass("19999 millis")
            assert.isUndefined(fiber.pollUnsafe())
            assert.strictEqual(node.peers.length, 1)
            yield* pass("1 millis")
            const reason = reasonOf(yield* Fiber.join(fiber))
            assert.strictEqual(reason._tag, "HandshakeTimedOut")
            assert.strictEqual(reason.message, `the peer sent no "${missing}" within 20s`)
            assert.deepStrictEqual(node.peers, [])
            assert.strictEqual(yield* bed.score("10.0.0.9"), 0)
          })
        ))

      it.effect(`dials us and sends no ${missing}: given up after 20 seconds`, () =>
        withPeers((bed) =>
          Effect.gen(function*() {
            const accepted = yield* bed.accept()
            const node = yield* FakeNode.make({ address, behaviour })
            yield* node.dial(us)
            yield* pass("19999 millis")
            assert.deepStrictEqual(accepted, [])
            yield* pass("1 millis")
            assert.strictEqual(reasonOf(accepted[0]!)._tag, "HandshakeTimedOut")
            assert.deepStrictEqual(node.peers, [])
          })
        ))
    }

    it.effect("does not win time by talking", () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          const node = yield* FakeNode.make({ address, behaviour: Behaviour.NoVerack() })
          const fiber = yield* dialling(bed.connect(address))
          for (let i = 0; i < 20; i++) {
            assert.isUndefined(fiber.pollUnsafe())
            yield* pass("1 second")
            for (const peer of node.peers) peer.send(ping(BigInt(i)))
          }
          assert.strictEqual(reasonOf(yield* Fiber.join(fiber))._tag, "HandshakeTimedOut")
        })
      ))

    it.effect("speaks too old a protocol", () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          yield* FakeNode.make({ address, protocol: 70_000 })
          const reason = reasonOf(yield* Effect.exit(bed.connect(address)))
          assert.strictEqual(reason.message, "the peer speaks version 70000 of the protocol; 70001 is needed")
          assert.strictEqual(yield* bed.score("10.0.0.9"), 0)
        })
      ))

    it.effect("does not offer what is needed", () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          yield* FakeNode.make({ address, services: 1n })
          const reason = reasonOf(yield* Effect.exit(bed.connect(address, { services: 5n })))
          assert.strictEqual(reason.message, "the peer offers services 1; 5 are needed")
          assert.strictEqual(yield* bed.score("10.0.0.9"), 0)
        })
      ))

    it.effect("is this node itself", () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          const nonces = new Set<bigint>()
          const accepted = yield* bed.accept({ nonces })
          const reason = reasonOf(yield* Effect.exit(bed.connect(us, { nonces })))
          yield* settle
          assert.strictEqual(reason._tag, "SelfConnection")
          assert.strictEqual(accepted.length, 1)
          assert.isTrue(Exit.isFailure(accepted[0]!))
          assert.strictEqual(nonces.size, 0)
          assert.strictEqual(yield* bed.score("20.0.0.1"), 0)
        })
      ))

    it.effect("has our nonce", () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          yield* FakeNode.make({ address, behaviour: Behaviour.EchoesNonce() })
          assert.strictEqual(reasonOf(yield* Effect.exit(bed.connect(address)))._tag, "SelfConnection")
        })
      ))

    it.effect("forgets the nonce of a handshake, however it ends", () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          const nonces = new Set<bigint>()
          yield* FakeNode.make({ address })
          yield* FakeNode.make({ address: "10.0.0.8:1", behaviour: Behaviour.Mute() })
          yield* bed.connect(address, { nonces })
          assert.strictEqual(nonces.size, 0)
          const timedOut = yield* dialling(bed.connect("10.0.0.8:1", { nonces }))
          yield* settle
          assert.strictEqual(nonces.size, 1)
          yield* pass("20 seconds")
          yield* Fiber.join(timedOut)
          assert.strictEqual(nonces.size, 0)
          const interrupted = yield* Effect.forkChild(Effect.scoped(bed.connect("10.0.0.8:1", { nonces })))
          yield* settle
          assert.strictEqual(nonces.size, 1)
          yield* Fiber.interrupt(interrupted)
          assert.strictEqual(nonces.size, 0)
        })
      ))

    it.effect("hangs up in the middle of the handshake", () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          const node = yield* FakeNode.make({ address, behaviour: Behaviour.NoVerack() })
          const fiber = yield* dialling(bed.connect(address))
          yield* settle
          for (const peer of node.peers) peer.close()
          const reason = reasonOf(yield* Fiber.join(fiber))
          assert.strictEqual(reason.message, "10.0.0.9:18444: the peer closed the connection")
        })
      ))
  })

  it.effect("has the envelope of its network", () =>
    withPeers((bed) =>
      Effect.gen(function*() {
        const chain = FakeNode.FakeChain.genesis(ChainParams.testnet4)
        yield* FakeNode.make({ address, chain })
        const peer = yield* bed.connect(address)
        assert.strictEqual((yield* peer.state)._tag, "Ready")
        assert.isTrue(Result.isSuccess(P2PMessage.encode(peer.version)))
      }), { config: { network: "testnet4" } }))
})
