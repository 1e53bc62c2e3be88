import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Option, Scope } from "effect"
import * as P2PMessage from "../../../src/domain/p2p/P2PMessage.ts"
import type * as Peer from "../../../src/services/p2p/Peer.ts"
import * as PeerError from "../../../src/services/p2p/PeerError.ts"
import * as FakeNode from "../../utils/fakeNode.ts"
import { pass, settle } from "../../utils/network.ts"
import { type PeerBed, us, withPeers } from "../../utils/p2p/peerBed.ts"

const address = "10.0.0.9:18444"
const ping = (nonce: bigint) => P2PMessage.make("ping", { nonce })
const dismissed = new PeerError.Dismissed({ because: "the test is over" })

/** A peer and the node at its other end. */
const setUp = Effect.fnUntraced(function*(bed: PeerBed, options?: Peer.Options) {
  const node = yield* FakeNode.make({ address, records: true })
  const { close, peer } = yield* bed.open(address, options)
  yield* node.awaitPeers()
  yield* settle
  return { node, peer, close }
})

const nonceOf = (message: P2PMessage.P2PMessage) => message._tag === "ping" ? message.nonce : undefined

class Multiplier extends Context.Service<Multiplier, bigint>()("test/Multiplier") {}

describe("Peer handlers", () => {
  it.effect("are told one after the other, each message in order", () =>
    withPeers((bed) =>
      Effect.gen(function*() {
        const { close, node, peer } = yield* setUp(bed)
        const told: Array<string> = []
        yield* peer.handle((message) =>
          Effect.andThen(Effect.sleep("1 second"), Effect.sync(() => told.push(`slow ${nonceOf(message)}`)))
        )
        yield* peer.handle((message) => void told.push(`quick ${nonceOf(message)}`))
        yield* node.send(ping(1n), ping(2n))
        yield* pass("1 second")
        assert.deepStrictEqual(told, ["slow 1", "quick 1"])
        yield* pass("1 second")
        assert.deepStrictEqual(told, ["slow 1", "quick 1", "slow 2", "quick 2"])
        yield* close
      })
    ))

  it.effect("have the services of who added them, and leave with its scope", () =>
    withPeers((bed) =>
      Effect.gen(function*() {
        const { close, node, peer } = yield* setUp(bed)
        const told: Array<bigint> = []
        const scope = yield* Scope.make()
        yield* peer.handle((message) => Effect.map(Multiplier, (by) => told.push((nonceOf(message) ?? 0n) * by))).pipe(
          Effect.provideService(Multiplier, 3n),
          Scope.provide(scope)
        )
        yield* node.send(ping(2n))
        yield* settle
        yield* Scope.close(scope, Exit.void)
        yield* node.send(ping(4n))
        yield* settle
        assert.deepStrictEqual(told, [6n])
        yield* close
      })
    ))

  it.effect("that leave while a message is on its way do not hear of it any more", () =>
    withPeers((bed) =>
      Effect.gen(function*() {
        const { close, node, peer } = yield* setUp(bed)
        const scope = yield* Scope.make()
        let told = 0
        yield* peer.handle(() => Scope.close(scope, Exit.void))
        yield* Scope.provide(peer.handle(() => void told++), scope)
        yield* node.send(ping(2n))
        yield* settle
        assert.strictEqual(told, 0)
        yield* close
      })
    ))

  it.effect("that die or throw do not keep others from the message", () =>
    withPeers((bed) =>
      Effect.gen(function*() {
        const { close, node, peer } = yield* setUp(bed)
        const told: Array<bigint | undefined> = []
        yield* peer.handle(() => Effect.die(new Error("dead")))
        yield* peer.handle(() => {
          throw new Error("thrown")
        })
        yield* peer.handle((message) => void told.push(nonceOf(message)))
        yield* node.send(ping(1n), ping(2n))
        yield* settle
        assert.deepStrictEqual(told, [1n, 2n])
        assert.strictEqual((yield* peer.state)._tag, "Ready")
        assert.strictEqual(bed.logs.filter((log) => log.includes("A handler of \"ping\" died")).length, 4)
        yield* close
      })
    ))

  it.effect("that fail with Misbehaved cost the peer its points and end it", () =>
    withPeers((bed) =>
      Effect.gen(function*() {
        const { close, node, peer } = yield* setUp(bed)
        let told = 0
        yield* peer.handle(() => Effect.fail(new PeerError.Misbehaved({ what: "a lie", points: 345 })))
        yield* peer.handle(() => void told++)
        yield* node.send(ping(1n), ping(2n))
        const reason = yield* peer.ended
        assert.strictEqual(reason.message, "the peer misbehaved: a lie")
        assert.strictEqual(yield* bed.score("10.0.0.9"), 345)
        yield* settle
        assert.deepStrictEqual(node.peers, [])
        assert.strictEqual(told, 0)
        yield* close
      })
    ))

  it.effect("that ask for a ban get one", () =>
    withPeers((bed) =>
      Effect.gen(function*() {
        const { close, node, peer } = yield* setUp(bed)
        yield* peer.handle(() => Effect.fail(new PeerError.Misbehaved({ what: "bad headers", points: 1001 })))
        yield* node.send(ping(1n))
        assert.strictEqual((yield* peer.ended)._tag, "Misbehaved")
        assert.isTrue(yield* bed.us.banList.isBanned(node.address))
        yield* close
        const again = yield* Effect.exit(Effect.scoped(bed.connect(address)))
        assert.isTrue(Exit.isFailure(again))
      })
    ))

  it.effect("may punish without ending, until the peer is banned", () =>
    withPeers((bed) =>
      Effect.gen(function*() {
        const { close, node, peer } = yield* setUp(bed)
        yield* peer.handle(() => peer.punish(500, "half of it"))
        yield* node.send(ping(1n))
        yield* settle
        assert.strictEqual((yield* peer.state)._tag, "Ready")
        yield* node.send(ping(2n))
        const reason = yield* peer.ended
        assert.strictEqual(reason._tag, "Disconnected")
        if (reason._tag === "Disconnected") assert.strictEqual(reason.reason._tag, "PeerBanned")
        yield* close
      })
    ))
})

describe("Ending a peer", () => {
  it.effect("from within a handler does not hang", () =>
    withPeers((bed) =>
      Effect.gen(function*() {
        const { close, node, peer } = yield* setUp(bed)
        const done = Deferred.makeUnsafe<void>()
        yield* peer.handle(() => Effect.andThen(peer.end(dismissed), Deferred.succeed(done, undefined)))
        yield* node.send(ping(1n))
        yield* Deferred.await(done)
        assert.strictEqual(yield* peer.ended, dismissed)
        yield* settle
        assert.deepStrictEqual(node.peers, [])
        yield* close
      })
    ))

  it.effect("from within onReady makes no peer", () =>
    withPeers((bed) =>
      Effect.gen(function*() {
        const node = yield* FakeNode.make({ address })
        const exit = yield* Effect.exit(bed.connect(address, { onReady: (peer) => peer.end(dismissed) }))
        const error = Option.getOrThrow(Exit.findErrorOption(exit)) as PeerError.PeerError
        assert.strictEqual(error.reason, dismissed)
        yield* settle
        assert.deepStrictEqual(node.peers, [])
      })
    ))

  it.effect("is what becomes of one whose onReady dies", () =>
    withPeers((bed) =>
      Effect.gen(function*() {
        const node = yield* FakeNode.make({ address })
        const exit = yield* Effect.exit(bed.connect(address, { onReady: () => Effect.die(new Error("no room")) }))
        const error = Option.getOrThrow(Exit.findErrorOption(exit)) as PeerError.PeerError
        assert.strictEqual(error.message, "dismissed: what is attached to it died")
        assert.isTrue(bed.logs.some((log) => log.includes("no room")))
        yield* settle
        assert.deepStrictEqual(node.peers, [])
      })
    ))

  it.effect("from a fiber of the attached scope does not hang, and ends the connection", () =>
    withPeers((bed) =>
      Effect.gen(function*() {
        const attached: Array<string> = []
        const { close, node, peer } = yield* setUp(bed, {
          onReady: (peer) =>
            Effect.gen(function*() {
              yield* Effect.addFinalizer(() => Effect.sync(() => attached.push("closed")))
              yield* Effect.andThen(
                Effect.sleep("1 minute"),
                peer.end(new PeerError.Misbehaved({ what: "a stall", points: 50 }))
              ).pipe(Effect.forkScoped)
              // Holds the scope back a while.
              yield* Effect.addFinalizer(() => Effect.sleep("1 second"))
            })
        })
        yield* pass("1 minute")
        assert.strictEqual((yield* peer.ended)._tag, "Misbehaved")
        assert.deepStrictEqual(node.peers, [])
        assert.strictEqual(yield* bed.score("10.0.0.9"), 50)
        assert.deepStrictEqual(attached, [])
        yield* pass("1 second")
        assert.deepStrictEqual(attached, ["closed"])
        yield* close
      })
    ))

  it.effect("from a fiber that its end interrupts does all of it", () =>
    withPeers((bed) =>
      Effect.gen(function*() {
        const { close, node, peer } = yield* setUp(bed, {
          onReady: (peer) =>
            Effect.sleep("1 minute").pipe(
              Effect.andThen(peer.end(new PeerError.Misbehaved({ what: "a stall", points: 50 }))),
              Effect.forkScoped
            )
        })
        yield* pass("1 minute")
        assert.strictEqual((yield* peer.ended)._tag, "Misbehaved")
        assert.deepStrictEqual(node.peers, [])
        assert.strictEqual(yield* bed.score("10.0.0.9"), 50)
        yield* close
      })
    ))

  it.effect("twice counts once, and the first reason stays", () =>
    withPeers((bed) =>
      Effect.gen(function*() {
        const { close, peer } = yield* setUp(bed)
        yield* Effect.all([peer.end(dismissed), peer.end(new PeerError.Misbehaved({ what: "late", points: 900 }))], {
          concurrency: "unbounded"
        })
        assert.strictEqual(yield* peer.ended, dismissed)
        assert.strictEqual(yield* bed.score("10.0.0.9"), 0)
        yield* close
      })
    ))

  it.effect("by its scope leaves no fiber, no timer and no link, and waits for what is attached", () =>
    withPeers((bed) =>
      Effect.gen(function*() {
        const node = yield* FakeNode.make({ address })
        yield* settle
        const before = bed.fibers()
        const attached: Array<string> = []
        const { close, peer } = yield* bed.open(address, {
          onReady: (peer) =>
            Effect.gen(function*() {
              yield* Effect.addFinalizer(() =>
                Effect.andThen(Effect.sleep("1 second"), Effect.sync(() => attached.push("closed")))
              )
              yield* peer.handle(() => Effect.never)
              yield* Effect.forkScoped(Effect.never)
            })
        })
        yield* settle
        const closing = yield* Effect.forkChild(close, { startImmediately: true })
        yield* settle
        assert.deepStrictEqual(yield* bed.network.links, [])
        assert.deepStrictEqual(node.peers, [])
        assert.isUndefined(closing.pollUnsafe())
        yield* pass("1 second")
        yield* Fiber.join(closing)
        assert.deepStrictEqual(attached, ["closed"])
        assert.strictEqual((yield* peer.ended).message, "closed by this side")
        yield* settle
        assert.strictEqual(bed.fibers(), before)
      })
    ))

  it.effect("by interrupting the dial leaves nothing", () =>
    withPeers((bed) =>
      Effect.gen(function*() {
        const { Behaviour } = FakeNode.Behaviours
        yield* FakeNode.make({ address, behaviour: Behaviour.Mute() })
        yield* settle
        const before = bed.fibers()
        const dialling = yield* Effect.forkChild(Effect.scoped(bed.connect(address)))
        yield* settle
        assert.strictEqual((yield* bed.network.links).length, 1)
        yield* Fiber.interrupt(dialling)
        yield* settle
        assert.deepStrictEqual(yield* bed.network.links, [])
        assert.strictEqual(bed.fibers(), before)
      })
    ))

  it.effect("leaves nothing behind when the node hangs up, or its manager closes", () =>
    withPeers((bed) =>
      Effect.gen(function*() {
        const accepted = yield* bed.accept()
        const node = yield* FakeNode.make({ address })
        yield* settle
        const before = bed.fibers()
        for (let i = 0; i < 5; i++) {
          const there = yield* node.dial(us)
          yield* node.awaitPeers()
          there.close()
          // No host may come too often.
          yield* pass("1 minute")
        }
        assert.strictEqual(accepted.length, 5)
        assert.deepStrictEqual(yield* bed.network.links, [])
        assert.strictEqual(bed.fibers(), before)
        yield* node.dial(us)
        yield* node.awaitPeers()
        yield* settle
        const last = yield* accepted[5]!
        const closing = yield* Effect.forkChild(bed.us.close, { startImmediately: true })
        yield* pass("1 minute")
        yield* Fiber.join(closing)
        assert.strictEqual((yield* last.ended)._tag, "Disconnected")
      })
    ))
})
