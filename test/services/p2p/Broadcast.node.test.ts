/**
 * Transactions and blocks, to and from a real node.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, it } from "@effect/vitest"
import { Effect, Layer, Result, Stream } from "effect"
import * as Transaction from "../../../src/domain/chain/Transaction.ts"
import * as HashHex from "../../../src/domain/p2p/HashHex.ts"
import * as NodeNetwork from "../../../src/layers/NodeNetwork.ts"
import * as Broadcast from "../../../src/services/p2p/Broadcast.ts"
import * as Downloads from "../../../src/services/p2p/Downloads.ts"
import * as HeaderSync from "../../../src/services/p2p/HeaderSync.ts"
import * as P2P from "../../../src/services/p2p/P2P.ts"
import * as RealNode from "../../utils/realNode.ts"
import * as Wallet from "../../utils/wallet.ts"

const withNode = (peer: string) =>
  Effect.provide(
    P2P.layerMemory({ network: "regtest", peers: [peer], seeds: false, outbound: 0 }).pipe(
      Layer.provide(Layer.merge(NodeNetwork.layer(), NodeServices.layer))
    )
  )

it.live(
  "a real node takes a transaction, rejects another with code and reason, and gives blocks and transactions",
  () =>
    Effect.gen(function*() {
      const node = yield* RealNode.make({ blocks: 130 })
      const { address } = Wallet.keyOf("somebody")
      const to = Wallet.pay(address, 0n).script
      yield* Effect.gen(function*() {
        yield* Effect.timeout(Effect.flatMap(HeaderSync.HeaderSync, (sync) => sync.synced), "10 seconds")
        const broadcast = yield* Broadcast.Broadcast
        const downloads = yield* Downloads.Downloads

        const hashes = yield* Effect.forEach(
          Array.from({ length: 131 }, (_, height) => height),
          (height) => Effect.map(node.hashAt(height), HashHex.parseUnsafe)
        )
        const blocks = yield* Stream.runCollect(downloads.blocks(hashes))
        assert.deepStrictEqual(blocks.map(({ hash }) => hash), hashes)
        assert.deepStrictEqual(Uint8Array.from(blocks[100]!.bytes), Uint8Array.from(yield* node.blockAt(100)))

        const shared = yield* node.spend({ to, amount: 10_000 })
        const found = yield* downloads.transaction(HashHex.parseUnsafe(shared.txid))
        assert.deepStrictEqual(Uint8Array.from(found.bytes), Uint8Array.from(shared.raw))
        const missing = yield* Effect.flip(downloads.transaction(new Uint8Array(32).fill(1)))
        assert.strictEqual(missing.reason._tag, "NotFound")

        const good = yield* node.spend({ to, amount: 20_000, broadcast: false })
        const taken = yield* broadcast.broadcast(good.raw)
        assert.strictEqual(taken.outcome, "Taken")
        assert.deepStrictEqual(taken.peers.map(({ progress }) => progress._tag), ["Sent"])
        assert.include(yield* node.mempool, good.txid)

        const spent = yield* node.spend({ to, amount: 30_000, broadcast: false })
        const bad = Wallet.withBadSignature(Result.getOrThrow(Transaction.decode(spent.raw)))
        const rejected = yield* broadcast.broadcast(bad.bytes)
        assert.strictEqual(rejected.outcome, "Rejected")
        const [{ progress }] = rejected.peers as [typeof rejected.peers[number]]
        assert.deepInclude(progress, { _tag: "Rejected", code: 0x40 })
        assert.match(progress._tag === "Rejected" ? progress.reason : "", /^mandatory-script-verify-flag/)
      }).pipe(withNode(node.endPoint))
    }).pipe(Effect.scoped),
  60_000
)
