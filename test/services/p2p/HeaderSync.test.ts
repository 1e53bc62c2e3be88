import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import * as BlockHeader from "../../../src/domain/p2p/BlockHeader.ts"
import * as HashHex from "../../../src/domain/p2p/HashHex.ts"
import * as P2PMessage from "../../../src/domain/p2p/P2PMessage.ts"
import * as HeaderChain from "../../../src/services/p2p/HeaderChain.ts"
import * as HeaderSync from "../../../src/services/p2p/HeaderSync.ts"
import * as PeerManager from "../../../src/services/p2p/PeerManager.ts"
import * as FakeNode from "../../utils/fakeNode.ts"
import * as HeaderFiles from "../../utils/headerChain.ts"
import * as Network from "../../utils/network.ts"
import { pass, settle } from "../../utils/network.ts"
import { type NodeBed, withNode } from "../../utils/p2p/nodeBed.ts"

const { Behaviour } = FakeNode.Behaviours

const chainOf = (blocks: number) => FakeNode.FakeChain.genesis().extend({ blocks, headersOnly: true })

const tip = Effect.flatMap(HeaderChain.HeaderChain, (chain) => chain.tip)

const height = Effect.map(tip, (tip) => tip.height)

const status = Effect.flatMap(HeaderSync.HeaderSync, (sync) => sync.status)

const isSynced = Effect.map(status, ({ _tag }) => _tag === "Synced")

const peers = Effect.flatMap(PeerManager.PeerManager, (manager) => manager.peers)

const isBanned = (bed: NodeBed, host: string) => bed.us.banList.isBanned(Network.address(`${host}:1`))

describe("the synchronisation of headers", () => {
  it.effect("is alone without peers", () =>
    withNode(() =>
      Effect.gen(function*() {
        yield* settle
        assert.deepStrictEqual(yield* status, HeaderSync.SyncStatus.Alone({ height: 0 }))
      })
    ))

  it.effect("fetches 2000 headers at a time, and tells how far it is", () =>
    withNode((bed) =>
      Effect.gen(function*() {
        const chain = chainOf(4500)
        const node = yield* FakeNode.make({ address: "10.0.0.1:18444", chain })
        const sync = yield* HeaderSync.HeaderSync
        const seen = yield* Effect.forkChild(
          Stream.runCollect(Stream.takeUntil(sync.changes, ({ _tag }) => _tag === "Synced")),
          { startImmediately: true }
        )
        yield* bed.know(node.endPoint)
        yield* bed.waitFor("synced", isSynced)
        assert.strictEqual(yield* height, 4500)
        assert.strictEqual(HashHex.format((yield* tip).hash), HashHex.format(chain.tip.hash))
        const statuses = yield* Fiber.join(seen)
        assert.deepStrictEqual(statuses.at(-1), HeaderSync.SyncStatus.Synced({ height: 4500 }))
        assert.ok(statuses.some((one) => one._tag === "Syncing" && one.target === 4500 && one.height >= 1999))
        assert.strictEqual(node.count("getheaders"), 3)
        yield* sync.synced
      })
    ))

  it.effect("takes the recorded chain of a real node, of 2726 blocks", () => {
    const chain = FakeNode.FakeChain.fromPacked(HeaderFiles.load("regtest-headers"))
    return withNode((bed) =>
      Effect.gen(function*() {
        const node = yield* FakeNode.make({ address: "10.0.0.1:18444", chain })
        yield* bed.know(node.endPoint)
        yield* bed.waitFor("synced", isSynced)
        const { hash, height } = yield* tip
        assert.strictEqual(height, 2726)
        assert.strictEqual(
          HashHex.format(hash),
          "33da67fbedda465a045315dd1d6a3d59fbb1e3a1ef6d07d77d5cd9d4cbd92524"
        )
      }), { startsAt: (1_795_330_593 - 7200) * 1000 })
  })

  it.effect("asks one peer for all, and the others only for what that one does not have", () =>
    withNode((bed) =>
      Effect.gen(function*() {
        const chain = chainOf(3000)
        const longer = chain.extend({ blocks: 5, headersOnly: true })
        const nodes = yield* Effect.forEach([chain, chain, chain, longer], (chain, at) =>
          FakeNode.make({ address: `10.${at}.0.1:18444`, chain }))
        yield* bed.know(...nodes.map(({ endPoint }) =>
          endPoint
        ))
        yield* bed.waitFor("synced", Effect.map(height, (height) => height === 3005))
        yield* bed.waitFor("synced", isSynced)
        assert.isAtMost(nodes.reduce((sum, node) => sum + node.count("getheaders"), 0), 7)
      })
    ))

  it.effect("hears of new blocks, and follows a reorganisation", () =>
    withNode((bed) =>
      Effect.gen(function*() {
        const node = yield* FakeNode.make({ address: "10.0.0.1:18444", chain: chainOf(20) })
        yield* bed.know(node.endPoint)
        yield* bed.waitFor("synced", isSynced)
        yield* node.mine(1)
        yield* settle
        assert.strictEqual(yield* height, 21)
        yield* node.reorganise(3, 4, { salt: "other", headersOnly: true })
        yield* settle
        assert.strictEqual(yield* height, 22)
        assert.strictEqual(HashHex.format((yield* tip).hash), HashHex.format(node.chain.tip.hash))
      })
    ))

  it.effect("asks when a peer announces a block by its hash", () =>
    withNode((bed) =>
      Effect.gen(function*() {
        const node = yield* FakeNode.make({ address: "10.0.0.1:18444", chain: chainOf(5) })
        yield* bed.know(node.endPoint)
        yield* bed.waitFor("synced", isSynced)
        const asked = node.count("getheaders")
        const announce = P2PMessage.make("inv", { inventory: [{ type: 2, hash: new Uint8Array(32).fill(7) }] })
        const known = P2PMessage.make("inv", { inventory: [{ type: 2, hash: node.chain.tip.hash }] })
        yield* node.send(known)
        yield* settle
        assert.strictEqual(node.count("getheaders"), asked)
        yield* node.send(announce)
        yield* settle
        assert.strictEqual(node.count("getheaders"), asked + 1)
      })
    ))

  it.effect("moves from a peer that stalls to another one, and lets it go", () =>
    withNode((bed) =>
      Effect.gen(function*() {
        const chain = chainOf(2500)
        const staller = yield* FakeNode.make({
          address: "10.0.0.1:18444",
          chain,
          behaviour: Behaviour.Stalls({ on: ["getheaders"] })
        })
        yield* bed.know(staller.endPoint)
        yield* bed.waitFor("a leader", Effect.sync(() => staller.count("getheaders") === 1))
        const honest = yield* FakeNode.make({ address: "10.1.0.1:18444", chain })
        yield* bed.know(honest.endPoint)
        yield* pass("15 seconds")
        assert.strictEqual(yield* height, 0)
        yield* pass("10 seconds")
        yield* bed.waitFor("synced", Effect.map(height, (height) => height === 2500))
        assert.ok((yield* peers).every(({ endPoint }) => endPoint !== staller.endPoint))
      })
    ))

  it.effect("takes the silence of a peer that has nothing more for an answer", () =>
    withNode((bed) =>
      Effect.gen(function*() {
        const silent = yield* FakeNode.make({
          address: "10.0.0.1:18444",
          behaviour: Behaviour.Stalls({ on: ["getheaders"] })
        })
        yield* bed.know(silent.endPoint)
        yield* bed.waitFor("a question", Effect.sync(() => silent.count("getheaders") === 1))
        assert.ok(!(yield* isSynced))
        yield* pass("6 seconds")
        assert.ok(yield* isSynced)
        assert.strictEqual((yield* peers).length, 1)
      })
    ))

  const partOf = (chain: ReturnType<typeof chainOf>, from: number, to: number) =>
    P2PMessage.make("headers", {
      packed: Buffer.concat(Array.from({ length: to - from + 1 }, (_, at) => chain.at(from + at)!.packed))
    })

  it.effect("asks on when an answer is shorter than a batch and the peer says that it has more", () =>
    withNode((bed) =>
      Effect.gen(function*() {
        const chain = chainOf(30)
        const node = yield* FakeNode.make({
          address: "10.0.0.1:18444",
          chain,
          behaviour: Behaviour.Stalls({ on: ["getheaders"] })
        })
        yield* bed.know(node.endPoint)
        for (const from of [1, 11, 21]) {
          const isAsked = Effect.sync(() => node.count("getheaders") === (from + 9) / 10)
          yield* bed.waitFor("a question", isAsked)
          assert.ok(!(yield* isSynced))
          yield* node.send(partOf(chain, from, from + 9))
          yield* settle
        }
        assert.ok(yield* isSynced)
        assert.strictEqual(yield* height, 30)
        assert.strictEqual(node.count("getheaders"), 3)
      })
    ))

  it.effect("asks the others meanwhile, and lets a peer be that has less than it says", () =>
    withNode((bed) =>
      Effect.gen(function*() {
        const chain = chainOf(30)
        const poor = yield* FakeNode.make({
          address: "10.0.0.1:18444",
          chain,
          height: 1000,
          behaviour: Behaviour.Stalls({ on: ["getheaders"] })
        })
        const honest = yield* FakeNode.make({ address: "10.1.0.1:18444", chain })
        yield* bed.know(poor.endPoint)
        yield* bed.waitFor("a question", Effect.sync(() => poor.count("getheaders") === 1))
        yield* bed.know(honest.endPoint)
        yield* bed.waitFor("two peers", Effect.map(peers, ({ length }) => length === 2))
        yield* poor.send(partOf(chain, 1, 10))
        yield* bed.waitFor("the better chain", Effect.map(height, (height) => height === 30))
        yield* pass("6 seconds")
        assert.ok(yield* isSynced)
        assert.strictEqual((yield* peers).length, 2)
      })
    ))

  it.effect("asks a peer that it has dialled, whatever that one offers", () =>
    withNode((bed) =>
      Effect.gen(function*() {
        const node = yield* FakeNode.make({ address: "10.0.0.1:18444", chain: chainOf(5), services: 0n })
        const manager = yield* PeerManager.PeerManager
        yield* manager.connect(node.endPoint)
        yield* bed.waitFor("synced", isSynced)
        assert.strictEqual(yield* height, 5)
      })
    ))

  it.effect("is not led astray by a leader that has less", () =>
    withNode((bed) =>
      Effect.gen(function*() {
        const chain = chainOf(100)
        const poor = yield* FakeNode.make({ address: "10.0.0.1:18444", chain: chainOf(3), height: 1_000_000 })
        yield* bed.know(poor.endPoint)
        yield* bed.waitFor("synced", isSynced)
        assert.strictEqual(yield* height, 3)
        const honest = yield* FakeNode.make({ address: "10.1.0.1:18444", chain })
        yield* bed.know(honest.endPoint)
        yield* bed.waitFor("the better chain", Effect.map(height, (height) => height === 100))
      })
    ))

  for (const flaw of ["work", "link", "time"] as const) {
    it.effect(`bans a peer whose headers are bad (${flaw}), and syncs from another one`, () =>
      withNode((bed) =>
        Effect.gen(function*() {
          const chain = chainOf(50)
          const liar = yield* FakeNode.make({
            address: "10.0.0.1:18444",
            chain,
            behaviour: Behaviour.BadHeaders({ flaw, at: 20 })
          })
          const honest = yield* FakeNode.make({ address: "10.1.0.1:18444", chain })
          yield* bed.know(liar.endPoint)
          yield* bed.waitFor("a ban", isBanned(bed, "10.0.0.1"))
          assert.strictEqual(yield* height, 0)
          yield* bed.know(honest.endPoint)
          yield* bed.waitFor("synced", Effect.map(height, (height) => height === 50))
        })
      ))
  }

  it.effect("lets a peer go that sends headers without end that connect to nothing", () =>
    withNode((bed) =>
      Effect.gen(function*() {
        const liar = yield* FakeNode.make({
          address: "10.0.0.1:18444",
          behaviour: Behaviour.EndlessHeaders(),
          height: 9
        })
        yield* bed.know(liar.endPoint)
        yield* bed.waitFor("asked", Effect.sync(() => liar.count("getheaders") > 0))
        yield* bed.waitFor("its end", Effect.map(peers, (peers) => peers.length === 0))
        assert.isAtMost(liar.count("getheaders"), 30)
        assert.strictEqual(yield* height, 0)
      })
    ))

  it.effect("answers peers that ask for headers", () =>
    withNode((bed) =>
      Effect.gen(function*() {
        const chain = chainOf(30)
        const node = yield* FakeNode.make({ address: "10.0.0.1:18444", chain, records: true })
        yield* bed.know(node.endPoint)
        yield* bed.waitFor("synced", isSynced)
        yield* node.send(P2PMessage.make("getheaders", {
          version: 70_015,
          locator: [chain.at(10)!.hash],
          stop: HashHex.zero
        }))
        yield* settle
        const { packed } = node.heard("headers").at(-1)!
        assert.strictEqual(BlockHeader.count(packed), 20)
        assert.ok(BlockHeader.followsAt(packed, 0, chain.at(10)!.hash))
      })
    ))
})
