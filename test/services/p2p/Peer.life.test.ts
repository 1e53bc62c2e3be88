import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Option, Stream } from "effect"
import * as P2PMessage from "../../../src/domain/p2p/P2PMessage.ts"
import * as Peer from "../../../src/services/p2p/Peer.ts"
import type * as PeerError from "../../../src/services/p2p/PeerError.ts"
import * as FakeNode from "../../utils/fakeNode.ts"
import { pass, settle } from "../../utils/network.ts"
import { withPeers } from "../../utils/p2p/peerBed.ts"

const { Behaviour } = FakeNode.Behaviours
const address = "10.0.0.9:18444"
const ping = (nonce: bigint) => P2PMessage.make("ping", { nonce })
const getaddr = P2PMessage.make("getaddr", {})

/** Why something could not be sent. */
const reasonOf = (exit: Exit.Exit<unknown, unknown>): PeerError.PeerError["reason"] =>
  (Option.getOrThrow(Exit.findErrorOption(exit)) as PeerError.PeerError).reason

/** A fiber that dials, and what became of it. */
const dialling = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.forkChild(Effect.exit(effect), { startImmediately: true })

describe("Peer", () => {
  describe("pings", () => {
    it.effect("are answered", () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          const node = yield* FakeNode.make({ address, records: true })
          yield* bed.connect(address)
          yield* node.awaitPeers()
          yield* node.send(ping(5n), ping(2n ** 64n - 1n))
          yield* settle
          assert.deepStrictEqual(node.heard("pong").slice(1).map(({ nonce }) => nonce), [5n, 2n ** 64n - 1n])
        })
      ))

    it.effect("are sent every two minutes, and their answers timed", () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          const node = yield* FakeNode.make({ address, records: true })
          const fiber = yield* dialling(bed.connect(address))
          yield* pass("1 second")
          const peer = yield* yield* Fiber.join(fiber)
          const events: Array<Peer.PeerEvent> = []
          yield* Effect.forkScoped(Stream.runForEach(peer.events, (event) => Effect.sync(() => events.push(event))))
          assert.deepStrictEqual(yield* peer.latency, Option.none())
          yield* pass(peer.since + 119_900 - 1000)
          assert.strictEqual(node.count("ping"), 0)
          yield* pass("400 millis")
          assert.strictEqual(node.count("ping"), 1)
          assert.deepStrictEqual(yield* peer.latency, Option.some(Duration.millis(100)))
          assert.deepStrictEqual(events, [Peer.PeerEvent.Answered({ latency: Duration.millis(100) })])
          yield* pass("10 minutes")
          const nonces = node.heard("ping").map(({ nonce }) => nonce)
          assert.strictEqual(nonces.length, 5)
          assert.strictEqual(new Set(nonces).size, 5)
          assert.strictEqual((yield* peer.state)._tag, "Ready")
        }), { conditions: { delay: "50 millis" } }))

    it.effect("that are not answered end the peer after a minute", () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          const node = yield* FakeNode.make({ address, behaviour: Behaviour.Stalls({ on: ["ping"] }) })
          const peer = yield* bed.connect(address)
          yield* pass("2 minutes")
          assert.strictEqual(node.count("ping"), 1)
          // Answers to what was never asked are none.
          yield* node.send(P2PMessage.make("pong", { nonce: 1n }))
          yield* pass("59999 millis")
          assert.strictEqual((yield* peer.state)._tag, "Ready")
          yield* pass("1 millis")
          const reason = yield* peer.ended
          assert.strictEqual(reason.message, "the peer did not answer a ping for 1m")
          assert.deepStrictEqual(node.peers, [])
          assert.strictEqual(yield* bed.score("10.0.0.9"), 0)
        })
      ))

    it.effect("wait for a handler behind which the answer may lie", () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          const node = yield* FakeNode.make({ address })
          const peer = yield* bed.connect(address)
          yield* settle
          yield* peer.handle((message) => message._tag === "getaddr" ? Effect.sleep("5 minutes") : undefined)
          yield* pass("1 minute")
          yield* node.send(getaddr)
          yield* pass("5 minutes")
          assert.strictEqual((yield* peer.state)._tag, "Ready")
          yield* pass("2 minutes")
          assert.strictEqual((yield* peer.state)._tag, "Ready")
          assert.isTrue(Option.isSome(yield* peer.latency))
        })
      ))

    it.effect("have the times of the settings", () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          const node = yield* FakeNode.make({ address, behaviour: Behaviour.Stalls({ on: ["ping"] }) })
          const peer = yield* bed.connect(address)
          yield* pass("10 seconds")
          assert.strictEqual(node.count("ping"), 1)
          yield* pass("5 seconds")
          assert.strictEqual((yield* peer.ended)._tag, "PongMissing")
        }), { config: { pingInterval: "10 seconds", pongTimeout: "5 seconds" } }))
  })

  describe("what can be seen", () => {
    it.effect("states come in order, and end", () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          const node = yield* FakeNode.make({ address })
          const peer = yield* bed.connect(address)
          const states = yield* Effect.forkChild(Stream.runCollect(peer.changes), { startImmediately: true })
          yield* pass("3 seconds")
          for (const other of node.peers) other.close()
          const seen = yield* Fiber.join(states)
          assert.deepStrictEqual(seen.map(({ _tag, since }) => [_tag, since]), [["Ready", 0], ["Ended", 3000]])
          assert.deepStrictEqual((yield* Stream.runCollect(peer.changes)).map(({ _tag }) => _tag), ["Ended"])
          assert.deepStrictEqual(yield* Stream.runCollect(peer.events), [])
        })
      ))

    it.effect("refusals, punishments and the last one of them are events", () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          const node = yield* FakeNode.make({ address })
          const peer = yield* bed.connect(address)
          const events = yield* Effect.forkChild(Stream.runCollect(peer.events), { startImmediately: true })
          const reject = P2PMessage.make("reject", {
            command: "tx",
            code: 16,
            reason: "bad-txns",
            data: new Uint8Array(32)
          })
          yield* node.awaitPeers()
          yield* node.send(reject)
          yield* settle
          yield* peer.punish(34, "an unasked transaction")
          yield* node.send(node.version())
          const seen = yield* Fiber.join(events)
          assert.deepStrictEqual(seen.map(({ _tag }) => _tag), ["Rejected", "Punished", "Punished"])
          assert.deepStrictEqual(seen[0], Peer.PeerEvent.Rejected({ reject }))
          const [, asked, last] = seen
          if (asked?._tag === "Punished") assert.strictEqual(asked.points, 34)
          if (last?._tag === "Punished") assert.strictEqual(last.reason, "the peer misbehaved: a second \"version\"")
          assert.isTrue((yield* bed.score("10.0.0.9")) > 133)
        })
      ))
  })

  describe("sending", () => {
    it.effect("keeps the order, and says what cannot be written", () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          const node = yield* FakeNode.make({ address, records: true })
          const peer = yield* bed.connect(address)
          yield* settle
          yield* peer.sendAll([ping(1n), ping(2n)])
          yield* peer.send(ping(3n))
          const wrong = P2PMessage.make("filteradd", { element: new Uint8Array(521) })
          const one = yield* Effect.exit(peer.send(wrong))
          const all = yield* Effect.exit(peer.sendAll([ping(4n), wrong]))
          yield* settle
          assert.deepStrictEqual(node.heard("ping").map(({ nonce }) => nonce), [1n, 2n, 3n])
          assert.strictEqual(reasonOf(one)._tag, "UnsendableMessage")
          assert.strictEqual(reasonOf(all)._tag, "UnsendableMessage")
        })
      ))

    it.effect("fails once the peer has ended", () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          const node = yield* FakeNode.make({ address })
          const peer = yield* bed.connect(address)
          for (const other of node.peers) other.close()
          yield* peer.ended
          assert.strictEqual(reasonOf(yield* Effect.exit(peer.send(getaddr)))._tag, "ConnectionClosed")
          assert.strictEqual(reasonOf(yield* Effect.exit(peer.sendAll([getaddr])))._tag, "ConnectionClosed")
        })
      ))
  })
})
