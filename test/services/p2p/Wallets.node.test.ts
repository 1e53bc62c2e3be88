/**
 * A wallet and real nodes of other authors.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, it } from "@effect/vitest"
import { Effect, Layer, Option, Queue, Result, Stream } from "effect"
import * as HashHex from "../../../src/domain/p2p/HashHex.ts"
import * as PartialMerkleTree from "../../../src/domain/p2p/PartialMerkleTree.ts"
import * as WalletElement from "../../../src/domain/p2p/WalletElement.ts"
import * as NodeNetwork from "../../../src/layers/NodeNetwork.ts"
import * as Downloads from "../../../src/services/p2p/Downloads.ts"
import * as HeaderChain from "../../../src/services/p2p/HeaderChain.ts"
import * as HeaderSync from "../../../src/services/p2p/HeaderSync.ts"
import * as P2P from "../../../src/services/p2p/P2P.ts"
import * as PeerManager from "../../../src/services/p2p/PeerManager.ts"
import * as Wallets from "../../../src/services/p2p/Wallets.ts"
import * as WalletStore from "../../../src/services/p2p/WalletStore.ts"
import type * as WalletEvent from "../../../src/services/p2p/WalletEvent.ts"
import * as Legacy from "../../utils/legacy.ts"
import * as RealNode from "../../utils/realNode.ts"
import * as Wallet from "../../utils/wallet.ts"

const withNodes = (...peers: ReadonlyArray<string>) =>
  Effect.provide(
    Wallets.layer.pipe(
      Layer.provideMerge(Layer.merge(Downloads.layer(), WalletStore.layerMemory)),
      Layer.provideMerge(P2P.layerMemory({ network: "regtest", peers, seeds: false, outbound: 0 })),
      Layer.provideMerge(Layer.merge(NodeNetwork.layer(), NodeServices.layer))
    )
  )

/** The next event of a kind. */
const makeReader = (events: Stream.Stream<WalletEvent.WalletEvent>) =>
  Effect.gen(function*() {
    const queue = yield* Queue.unbounded<WalletEvent.WalletEvent>()
    yield* Effect.forkScoped(Stream.runForEach(events, (event) => Queue.offer(queue, event)))
    return <T extends WalletEvent.WalletEvent["_tag"]>(tag: T) =>
      Queue.take(queue).pipe(
        Effect.repeat({
          until: (event): event is Extract<WalletEvent.WalletEvent, { readonly _tag: T }> => event._tag === tag
        }),
        Effect.timeout("10 seconds")
      )
  })

const untilVerified = (wallet: Wallets.Wallet, height: number) =>
  wallet.verifiedTo.pipe(
    Effect.tap(Effect.sleep("20 millis")),
    Effect.repeat({ until: Option.exists((verified) => verified >= height) }),
    Effect.timeout("10 seconds")
  )

it.live(
  "a wallet's filter finds its payments in the mempool and in merkle blocks of real nodes",
  () =>
    Effect.gen(function*() {
      const node = yield* RealNode.make({ blocks: 130 })
      // Both have the same blocks, and this one hears of no others.
      const second = yield* RealNode.make({ blocks: 130 })
      const { address } = Wallet.keyOf("wallet of a real node")
      const to = Wallet.pay(address, 0n).script

      yield* Effect.gen(function*() {
        yield* Effect.timeout(Effect.flatMap(HeaderSync.HeaderSync, (sync) => sync.synced), "10 seconds")
        const chain = yield* HeaderChain.HeaderChain
        const wallets = yield* Wallets.Wallets
        const wallet = yield* wallets.open({
          id: "real",
          firstBlock: { height: 1 },
          elements: [WalletElement.WalletElement.PublicKeyHash({ hash: address })]
        })
        const next = yield* makeReader(wallet.events)
        yield* Effect.repeat(next("Synced"), { until: ({ height }) => height === 130 })
        yield* untilVerified(wallet, 130)
        assert.strictEqual((yield* wallet.peers).length, 2)

        const paid = yield* node.spend({ to, amount: 10_000 })
        const rumour = yield* next("Unconfirmed")
        assert.strictEqual(HashHex.format(rumour.txid), paid.txid)
        assert.deepStrictEqual(rumour.bytes, Uint8Array.from(paid.raw))

        yield* node.generate(1)
        const matched = yield* next("Matched")
        assert.deepStrictEqual([HashHex.format(matched.txid), matched.height], [paid.txid, 131])
        assert.deepStrictEqual(matched.bytes, rumour.bytes)
        const header = Option.getOrThrow(yield* chain.headerAt(131))
        const proven = Result.getOrThrow(PartialMerkleTree.verify(matched.proof, header.merkleRoot, Legacy.hash256))
        assert.include(proven.map(({ txid }) => HashHex.format(txid)), paid.txid)
        assert.strictEqual((yield* next("Synced")).height, 131)

        yield* node.fork({ depth: 1, count: 2 })
        const gone = yield* next("RolledBack")
        assert.deepStrictEqual([gone.height, gone.txids.map(HashHex.format)], [130, [paid.txid]])
        yield* Effect.repeat(next("Synced"), { until: ({ height }) => height === 132 })

        const manager = yield* PeerManager.PeerManager
        assert.strictEqual((yield* manager.peers).length, 2, "none of them was dropped")
      }).pipe(Effect.scoped, withNodes(node.endPoint, second.endPoint))
    }).pipe(Effect.scoped),
  60_000
)
