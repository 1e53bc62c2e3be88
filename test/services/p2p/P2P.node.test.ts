/**
 * The whole node against a real one of other authors.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Stream } from "effect"
import * as HashHex from "../../../src/domain/p2p/HashHex.ts"
import * as NodeNetwork from "../../../src/layers/NodeNetwork.ts"
import * as HeaderChain from "../../../src/services/p2p/HeaderChain.ts"
import * as HeaderSync from "../../../src/services/p2p/HeaderSync.ts"
import * as P2P from "../../../src/services/p2p/P2P.ts"
import * as PeerManager from "../../../src/services/p2p/PeerManager.ts"
import * as RealNode from "../../utils/realNode.ts"

const platform = Layer.merge(NodeNetwork.layer(), NodeServices.layer)

const withNode = (peer: string, options: Partial<P2P.MemoryOptions> = {}) =>
  Effect.provide(
    P2P.layerMemory({ network: "regtest", peers: [peer], seeds: false, outbound: 0, ...options }).pipe(
      Layer.provideMerge(platform)
    )
  )

const height = Effect.flatMap(HeaderChain.HeaderChain, (chain) => Effect.map(chain.tip, (tip) => tip.height))

const synced = Effect.flatMap(HeaderSync.HeaderSync, (sync) => sync.synced)

const tipIs = (hash: string) =>
  Effect.gen(function*() {
    const chain = yield* HeaderChain.HeaderChain
    const { events, tip } = yield* chain.subscribe
    if (HashHex.format(tip.hash) === hash) return
    yield* Stream.runDrain(Stream.takeUntil(events, (event) => HashHex.format(event.tip.hash) === hash))
  }).pipe(Effect.scoped, Effect.timeout("5 seconds"))

describe("a node and a real one", () => {
  it.live(
    "syncs two batches of headers, hears of a block at once, and follows a reorganisation",
    () =>
      Effect.gen(function*() {
        const node = yield* RealNode.make({ blocks: 2500 })
        yield* Effect.gen(function*() {
          yield* Effect.timeout(synced, "10 seconds")
          assert.strictEqual(yield* height, 2500)

          const mined = yield* node.generate(1)
          const before = Date.now()
          yield* tipIs(mined[0]!)
          assert.isBelow(Date.now() - before, 1000)

          const fork = yield* node.fork({ depth: 3, count: 4 })
          yield* tipIs(fork.at(-1)!)
          assert.strictEqual(yield* height, 2502)
        }).pipe(withNode(node.endPoint))
      }).pipe(Effect.scoped),
    30_000
  )

  it.live("is dialled by it", () =>
    Effect.gen(function*() {
      const node = yield* RealNode.make({ blocks: 30 })
      yield* Effect.gen(function*() {
        const peers = yield* PeerManager.PeerManager
        assert.ok(peers.address !== undefined && "port" in peers.address)
        yield* node.connect(`127.0.0.1:${peers.address.port}`)
        yield* Effect.timeout(synced, "10 seconds")
        const [peer] = yield* peers.peers
        assert.strictEqual(peer!.side, "accepted")
        assert.include(peer!.version.userAgent, "bcash")
        assert.strictEqual(yield* height, 30)
      }).pipe(withNode("127.0.0.1:1", { peers: [], listen: "127.0.0.1:0", services: 1n }))
    }).pipe(Effect.scoped), 30_000)

  it.live("keeps what it has learned in a directory", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      const node = yield* RealNode.make({ blocks: 20 })
      const run = <A, E, R>(program: Effect.Effect<A, E, R>, peers: ReadonlyArray<string>) =>
        Effect.provide(
          program,
          P2P.layer({ network: "regtest", directory, peers, seeds: false, outbound: 0 }).pipe(Layer.provide(platform))
        )
      yield* run(Effect.timeout(synced, "10 seconds"), [node.endPoint])
      yield* run(Effect.timeout(synced, "5 seconds"), [node.endPoint])
      assert.strictEqual(yield* run(height, []), 20)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)), 30_000)
})
