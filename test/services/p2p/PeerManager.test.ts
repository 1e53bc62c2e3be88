import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Option, Scope, Stream } from "effect"
import * as P2PMessage from "../../../src/domain/p2p/P2PMessage.ts"
import * as PeerAddress from "../../../src/domain/p2p/PeerAddress.ts"
import * as HeaderChain from "../../../src/services/p2p/HeaderChain.ts"
import type * as Peer from "../../../src/services/p2p/Peer.ts"
import * as PeerAddressBook from "../../../src/services/p2p/PeerAddressBook.ts"
import * as PeerError from "../../../src/services/p2p/PeerError.ts"
import * as PeerManager from "../../../src/services/p2p/PeerManager.ts"
import * as FakeNode from "../../utils/fakeNode.ts"
import * as Network from "../../utils/network.ts"
import { pass, settle } from "../../utils/network.ts"
import { ours, withNode } from "../../utils/p2p/nodeBed.ts"

const { Behaviour } = FakeNode.Behaviours

const peers = Effect.flatMap(PeerManager.PeerManager, (manager) => manager.peers)

const endPoints = Effect.map(peers, (peers) => peers.map(({ endPoint }) => endPoint).toSorted())

const count = Effect.map(peers, (peers) => peers.length)

const isCount = (expected: number) => Effect.map(count, (count) => count === expected)

const nodesAt = (...addresses: ReadonlyArray<string>) =>
  Effect.forEach(addresses, (address) => FakeNode.make({ address: `${address}:18444` }))

const many = (count: number) => Array.from({ length: count }, (_, at) => `10.${at}.0.1`)

const dismissed = new PeerError.Dismissed({ because: "the test says so" })

const onlyWanted = { outbound: 0 }

describe("the peers of a node", () => {
  it.effect("are as many as are wanted, and are replaced when they end", () =>
    withNode((bed) =>
      Effect.gen(function*() {
        const nodes = yield* nodesAt(...many(6))
        yield* bed.know(...nodes.map(({ endPoint }) => endPoint))
        yield* bed.waitFor("four peers", isCount(4))
        yield* pass("1 minute")
        assert.strictEqual(yield* count, 4)
        const [first] = yield* peers
        yield* first!.end(dismissed)
        yield* bed.waitFor("a peer in its place", isCount(4))
        assert.ok(!(yield* peers).includes(first!))
      }), { outbound: 4 }))

  it.effect("are of different groups of addresses, unless they are of this machine", () =>
    withNode((bed) =>
      Effect.gen(function*() {
        const nodes = yield* nodesAt("10.0.0.1", "10.0.0.2", "10.0.7.3", "10.1.0.1", "127.0.0.1", "127.0.0.2")
        yield* bed.know(...nodes.map(({ endPoint }) => endPoint))
        yield* bed.waitFor("four peers", isCount(4))
        yield* pass("1 minute")
        assert.deepStrictEqual(
          (yield* endPoints).map((endPoint) => endPoint.split(".").slice(0, 2).join(".")),
          ["10.0", "10.1", "127.0", "127.0"]
        )
      })
    ))

  it.effect("are more while somebody wants more, with what they must offer", () =>
    withNode((bed) =>
      Effect.gen(function*() {
        const manager = yield* PeerManager.PeerManager
        const plain = yield* FakeNode.make({ address: "10.0.0.1:18444", services: 1n })
        const filters = yield* FakeNode.make({ address: "10.1.0.1:18444", services: 5n })
        yield* bed.know(plain.endPoint, filters.endPoint)
        yield* pass("30 seconds")
        assert.strictEqual(yield* count, 0)
        const scope = yield* Scope.make()
        yield* Scope.provide(manager.want({ count: 1, services: 5n }), scope)
        yield* bed.waitFor("a peer with filters", Effect.map(endPoints, (all) => all.includes(filters.endPoint)))
        assert.strictEqual(yield* count, 1)
        yield* Scope.close(scope, Exit.void)
        yield* pass("30 seconds")
        assert.strictEqual(yield* count, 1, "who closes a wallet may open another")
        yield* bed.waitFor("nobody", isCount(0))
      }), onlyWanted))

  it.effect("stay when they are held", () =>
    withNode((bed) =>
      Effect.gen(function*() {
        const manager = yield* PeerManager.PeerManager
        const [node] = yield* nodesAt("10.0.0.1")
        yield* bed.know(node!.endPoint)
        const wanting = yield* Scope.make()
        const holding = yield* Scope.make()
        yield* Scope.provide(manager.want({ count: 1 }), wanting)
        yield* bed.waitFor("a peer", isCount(1))
        const [peer] = yield* peers
        let isNeeded = true
        yield* manager.hold(peer!, () => isNeeded)
        yield* Scope.provide(manager.hold(peer!), holding)
        yield* Scope.close(wanting, Exit.void)
        yield* pass("5 minutes")
        assert.strictEqual(yield* count, 1)
        yield* Scope.close(holding, Exit.void)
        yield* pass("5 minutes")
        assert.strictEqual(yield* count, 1)
        isNeeded = false
        yield* bed.waitFor("nobody", isCount(0))
      }), onlyWanted))

  it.effect("teach the book: who is unreachable, who is this node, and who is there", () =>
    withNode((bed) =>
      Effect.gen(function*() {
        const book = yield* PeerAddressBook.PeerAddressBook
        const manager = yield* PeerManager.PeerManager
        const [node] = yield* nodesAt("10.0.0.1")
        const self = yield* FakeNode.make({ address: "10.2.0.1:18444", behaviour: Behaviour.EchoesNonce() })
        yield* bed.network.refuse("10.1.0.1:18444", "Unreachable")
        yield* manager.want({ count: 3 })
        yield* bed.know(node!.endPoint, "10.1.0.1:18444", self.endPoint)
        yield* bed.waitFor("a peer", isCount(1))
        yield* pass("30 seconds")
        const entry = (text: string) => Effect.map(book.get(Network.address(text)), Option.getOrUndefined)
        assert.strictEqual((yield* entry(node!.endPoint))!.contact._tag, "Connected")
        assert.strictEqual((yield* entry(node!.endPoint))!.services, 37n)
        assert.isAtLeast((yield* entry("10.1.0.1:18444"))!.points, 900)
        assert.strictEqual(yield* entry(self.endPoint), undefined)
      }), onlyWanted))

  it.effect("tell of the addresses of others, and are dialled then", () =>
    withNode((bed) =>
      Effect.gen(function*() {
        const others = yield* nodesAt("10.1.0.1", "10.2.0.1")
        const gossip = yield* FakeNode.make({
          address: "10.0.0.1:18444",
          addresses: others.map(({ endPoint }) => endPoint)
        })
        yield* bed.know(gossip.endPoint)
        yield* bed.waitFor("all of them", isCount(3))
      })
    ))

  it.effect("that dial us are let in, and are told addresses once", () =>
    withNode((bed) =>
      Effect.gen(function*() {
        yield* nodesAt("10.5.0.1")
        const book = yield* PeerAddressBook.PeerAddressBook
        const teller = Network.address("10.9.0.1:18444")
        yield* book.askedForAddresses(teller)
        yield* book.addFrom(
          teller,
          Array.from({ length: 100 }, (_, at) => ({
            time: 1,
            ...PeerAddress.fromInetAddress(Network.address(`44.${at}.0.1:18444`), 1n)
          }))
        )
        const node = yield* FakeNode.make({ address: "10.0.0.1:18444", records: true, listens: false })
        yield* node.dial(`${ours}:18444`)
        yield* node.awaitPeers()
        yield* bed.waitFor("a peer", Effect.map(peers, (peers) => peers.some(({ side }) => side === "accepted")))
        yield* node.send(P2PMessage.make("getaddr", {}), P2PMessage.make("getaddr", {}))
        yield* settle
        assert.strictEqual(node.count("addr"), 1)
        const told = node.heard("addr")[0]!.addresses.length
        assert.isAtLeast(told, 1)
        assert.isAtMost(told, 23)
      }), { outbound: 0, listen: `${ours}:18444` }))

  it.effect("make room for newcomers when there is none, and those of long standing stay", () =>
    withNode((bed) =>
      Effect.gen(function*() {
        const old = yield* FakeNode.make({ address: "10.0.0.1:18444", listens: false })
        yield* old.dial(`${ours}:18444`)
        yield* bed.waitFor("a peer", isCount(1))
        yield* pass("1 minute")
        for (let at = 1; at <= 60; at++) {
          const node = yield* FakeNode.make({ address: `10.${at}.0.1:18444`, listens: false })
          yield* node.dial(`${ours}:18444`)
          yield* pass("1 second")
          assert.isAtMost(yield* count, 30)
        }
        assert.strictEqual(yield* count, 30)
        assert.ok((yield* endPoints).some((endPoint) => endPoint.startsWith("10.0.0.1:")))
      }), { outbound: 0, maxInbound: 30, listen: `${ours}:18444` }))

  it.effect("that the user names are dialled again and again", () =>
    withNode((bed) =>
      Effect.gen(function*() {
        const manager = yield* PeerManager.PeerManager
        const scope = yield* Scope.make()
        yield* Scope.provide(manager.connect("10.0.0.1:18444"), scope)
        yield* pass("10 seconds")
        const [node] = yield* nodesAt("10.0.0.1")
        yield* bed.waitFor("the peer", isCount(1))
        yield* bed.network.cut("10.0.0.1:18444")
        yield* bed.waitFor("its end", isCount(0))
        yield* bed.waitFor("its return", isCount(1))
        assert.isAtLeast(node!.count("version"), 2)
        yield* Scope.close(scope, Exit.void)
        yield* settle
        assert.strictEqual(yield* count, 0)
      }), onlyWanted))

  it.effect("that misbehave are dialled less and less often, and cost no other program of this machine anything", () =>
    withNode((bed) =>
      Effect.gen(function*() {
        const manager = yield* PeerManager.PeerManager
        const chain = FakeNode.FakeChain.genesis().extend({ blocks: 30, headersOnly: true })
        const behaviours = [Behaviour.BadHeaders({ flaw: "work", at: 9 }), Behaviour.BreaksChecksums({ of: "headers" })]
        const liars = yield* Effect.forEach(behaviours, (behaviour, at) =>
          FakeNode.make({ address: `127.0.0.1:${18_001 + at}`, chain, behaviour }))
        yield* Effect.forEach(liars, ({ endPoint }) =>
          manager.connect(endPoint))
        yield* pass("2 minutes")
        for (const liar of liars) {
          assert.isAtLeast(liar.count("version"), 4)
          assert.isAtMost(liar.count("version"), 10)
        }
        const honest = yield* FakeNode.make({ address: "127.0.0.1:18000", chain })
        yield* manager.connect(honest.endPoint)
        const headers = yield* HeaderChain.HeaderChain
        yield* bed.waitFor("the chain", Effect.map(headers.tip, ({ height }) => height === 30))
        assert.ok((yield* endPoints).includes(honest.endPoint))
      }), onlyWanted))

  it.effect("cannot be named by what is no end point", () =>
    withNode(() =>
      Effect.gen(function*() {
        const manager = yield* PeerManager.PeerManager
        const error = yield* Effect.flip(Effect.scoped(manager.connect("no end point")))
        assert.strictEqual(error.reason._tag, "BadEndPoint")
      })
    ))

  it.effect("are told of by events, from the attempt to the end", () =>
    withNode((bed) =>
      Effect.gen(function*() {
        const manager = yield* PeerManager.PeerManager
        const tags = yield* Effect.forkChild(
          Stream.runCollect(Stream.take(Stream.map(manager.events, ({ _tag }) => _tag), 5)),
          { startImmediately: true }
        )
        const [node] = yield* nodesAt("10.0.0.1")
        yield* bed.know("10.1.0.1:18444")
        yield* pass("5 seconds")
        yield* bed.know(node!.endPoint)
        yield* bed.waitFor("a peer", isCount(1))
        yield* (yield* peers)[0]!.end(dismissed)
        assert.deepStrictEqual(yield* Fiber.join(tags), ["Dialling", "Failed", "Dialling", "Joined", "Left"])
      }), { outbound: 1 }))
})

describe("what is attached to peers", () => {
  const attach = (log: Array<string>) => (peer: Peer.Peer) =>
    Effect.acquireRelease(
      Effect.sync(() => void log.push(`+${peer.endPoint}`)),
      () => Effect.sync(() => void log.push(`-${peer.endPoint}`))
    )

  it.effect("is made for those who are there and those who come, and ends with the peer or the registration", () =>
    withNode((bed) =>
      Effect.gen(function*() {
        const manager = yield* PeerManager.PeerManager
        const nodes = yield* nodesAt("10.0.0.1", "10.1.0.1")
        yield* bed.know(nodes[0]!.endPoint)
        yield* bed.waitFor("a peer", isCount(1))
        const log: Array<string> = []
        const scope = yield* Scope.make()
        yield* Scope.provide(manager.register(attach(log)), scope)
        yield* bed.know(nodes[1]!.endPoint)
        yield* bed.waitFor("two peers", isCount(2))
        assert.deepStrictEqual(log, ["+10.0.0.1:18444", "+10.1.0.1:18444"])
        yield* (yield* peers)[0]!.end(dismissed)
        yield* settle
        assert.strictEqual(log[2], "-10.0.0.1:18444")
        yield* Scope.close(scope, Exit.void)
        assert.include(log.slice(3), "-10.1.0.1:18444")
      })
    ))

  it.effect("hears every message after the handshake", () =>
    withNode((bed) =>
      Effect.gen(function*() {
        const manager = yield* PeerManager.PeerManager
        const inv = P2PMessage.make("inv", { inventory: [] })
        const node = yield* FakeNode.make({
          address: "10.0.0.1:18444",
          behaviour: Behaviour.Says({ when: "introduced", messages: [inv] })
        })
        const heard: Array<string> = []
        yield* manager.register((peer) => peer.handle((message) => void heard.push(message._tag)))
        yield* bed.know(node.endPoint)
        yield* bed.waitFor("a peer", isCount(1))
        assert.include(heard, "inv")
      })
    ))

  it.effect("does not keep the others from the peer when it dies", () =>
    withNode((bed) =>
      Effect.gen(function*() {
        const manager = yield* PeerManager.PeerManager
        const log: Array<string> = []
        yield* manager.register(() => Effect.die("broken"))
        yield* manager.register(attach(log))
        const [node] = yield* nodesAt("10.0.0.1")
        yield* bed.know(node!.endPoint)
        yield* bed.waitFor("a peer", isCount(1))
        assert.strictEqual(log.length, 1)
        assert.ok(bed.logs.some((line) => line.includes("broken")))
      })
    ))
})
