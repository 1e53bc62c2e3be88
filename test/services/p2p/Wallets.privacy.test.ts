/**
 * No peer ever learns what two wallets watch for.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as BloomFilter from "../../../src/domain/p2p/BloomFilter.ts"
import * as TransactionOutline from "../../../src/domain/p2p/TransactionOutline.ts"
import * as WalletElement from "../../../src/domain/p2p/WalletElement.ts"
import * as Snapshots from "../../../src/internal/p2p/wallets/snapshots.ts"
import * as Legacy from "../../utils/legacy.ts"
import * as WalletChain from "../../utils/p2p/walletChain.ts"
import * as Rig from "../../utils/p2p/wallets.ts"

const element = (hash: Uint8Array) => WalletElement.WalletElement.PublicKeyHash({ hash })

/** Among a million strangers less than one would match by chance. */
const falsePositiveRate = 1e-7

describe("Wallets, privacy", () => {
  it.effect.each([1, 2, 3, 4, 5, 6])(
    "no element of a wallet is in a filter of another one's peers (seed %i)",
    (seed) =>
      Effect.gen(function*() {
        const random = Legacy.makeRandom(seed)
        const rig = yield* Rig.make
        const names = ["a", "b", "c"]
        const elements = new Map<string, Array<Uint8Array>>(
          names.map((id) => [id, Array.from({ length: 5 }, () => random.bytes(20))])
        )
        let last = WalletChain.genesis
        const grow = () => {
          const transactions = names.map((id) => WalletChain.makeTransaction(random, { pays: [elements.get(id)![0]!] }))
          for (const { id } of transactions) {
            elements.get(names[transactions.findIndex((one) => one.id === id)]!)!.push(
              TransactionOutline.outpoint(id, 0)
            )
          }
          last = WalletChain.makeBlock(last, transactions)
          return rig.learn([last])
        }
        const opened = new Map<string, Rig.Open>()
        const nodes: Array<Rig.Node> = []
        const servant = new Map<number, string>()
        const wallets = yield* rig.wallets
        const note = Effect.gen(function*() {
          yield* Rig.settle
          for (const { wallet } of opened.values()) {
            const peers = yield* wallet.peers
            assert.isAtMost(peers.length, 3)
            for (const peer of peers) {
              assert.strictEqual(servant.get(peer.id) ?? wallet.id, wallet.id, "nobody serves two")
              servant.set(peer.id, wallet.id)
            }
          }
        })

        for (let step = 0; step < 40; step++) {
          const id = names[random.below(3)]!
          const open = opened.get(id)
          const action = random.below(5)
          if (action === 0 && open === undefined) {
            const hashes = elements.get(id)!.slice(0, 3)
            const options = { id, firstBlock: { height: 1 }, elements: hashes.map(element), falsePositiveRate }
            opened.set(id, yield* Rig.open(wallets, options))
          }
          if (action === 1 && open !== undefined && random.next() < 0.3) {
            yield* open.close
            opened.delete(id)
          }
          if (action === 2) nodes.push(yield* rig.join())
          if (action === 3) yield* grow()
          if (action === 4 && open !== undefined) {
            yield* open.wallet.add([element(elements.get(id)![3]!)], { from: random.next() < 0.5 ? 1 : undefined })
          }
          yield* note
          const leaving = nodes[random.below(nodes.length)]
          if (random.next() < 0.1 && leaving?.isThere() === true) yield* leaving.leave
          yield* note
        }
        for (const { node, peer, sent } of nodes) {
          const served = servant.get(peer.id)
          if (served === undefined) assert.isFalse(sent.some(({ _tag }) => _tag === "filterload"))
          for (const filter of node.filters) {
            for (const [id, bytes] of elements) {
              if (id === served) continue
              assert.isFalse(bytes.some((one) => BloomFilter.contains(filter, one)), `${served} got something of ${id}`)
            }
          }
          assert.isFalse(sent.some(({ _tag }) => _tag === "filteradd" || _tag === "filterclear"))
        }
        assert.isAbove(servant.size, 0)
      })
  )

  it.effect("an address that has served a wallet which is not open serves no other", () =>
    Effect.gen(function*() {
      const random = Legacy.makeRandom(9)
      const rig = yield* Rig.make
      yield* rig.learn([WalletChain.makeBlock(WalletChain.genesis, [WalletChain.makeTransaction(random)])])
      yield* rig.store.save({ ...Snapshots.empty("old", 1), served: ["10.1.0.1/32", "10.1.0.3/32"] })
      const nodes = [yield* rig.join(), yield* rig.join(), yield* rig.join(), yield* rig.join()]
      const wallets = yield* rig.wallets
      const young = yield* Rig.open(wallets, {
        id: "young",
        firstBlock: { height: 1 },
        elements: [element(random.bytes(20))]
      })
      const endPoints = (open: Rig.Open) =>
        Effect.map(open.wallet.peers, (peers) => peers.map(({ endPoint }) => endPoint))
      assert.deepStrictEqual(yield* endPoints(young), ["10.1.0.2:8333", "10.1.0.4:8333"])
      assert.deepStrictEqual(nodes.map(({ sent }) => sent.length > 0), [false, true, false, true])
      assert.strictEqual(rig.wanted(), 5, "three, and one for each that it cannot have")
      const old = yield* Rig.open(wallets, {
        id: "old",
        firstBlock: { height: 1 },
        elements: [element(random.bytes(20))]
      })
      assert.deepStrictEqual(yield* endPoints(old), ["10.1.0.1:8333", "10.1.0.3:8333"])
      yield* Rig.settle
      assert.strictEqual(rig.wanted(), 6)
      yield* old.close
      yield* young.close
      assert.strictEqual(rig.wanted(), 0)
    }))

  it.effect("all peers of a wallet get one filter, also after a restart", () =>
    Effect.gen(function*() {
      const random = Legacy.makeRandom(10)
      const rig = yield* Rig.make
      yield* rig.learn([WalletChain.makeBlock(WalletChain.genesis, [WalletChain.makeTransaction(random)])])
      const nodes = [yield* rig.join(), yield* rig.join()]
      const options = { id: "shop", firstBlock: { height: 1 }, elements: [element(random.bytes(20))] }
      const first = yield* Rig.open(yield* rig.wallets, options)
      yield* first.close
      nodes.push(yield* rig.join())
      yield* Rig.open(yield* rig.wallets, options)
      const filters = nodes.map(({ node }) => node.filters[0])
      assert.isDefined(filters[2])
      assert.deepStrictEqual(filters, [filters[0], filters[0], filters[0]])
    }))

  it.effect("peers that dialled us, or lack what is needed, serve nobody", () =>
    Effect.gen(function*() {
      const random = Legacy.makeRandom(11)
      const rig = yield* Rig.make
      yield* rig.learn([WalletChain.makeBlock(WalletChain.genesis, [WalletChain.makeTransaction(random)])])
      const nodes = [yield* rig.join({ services: 1n }), yield* rig.join({ services: 4n }), yield* rig.join()]
      const { wallet } = yield* Rig.open(yield* rig.wallets, {
        id: "shop",
        firstBlock: { height: 1 },
        elements: [element(random.bytes(20))]
      })
      assert.deepStrictEqual(yield* wallet.peers, [nodes[2]!.peer])
    }))
})
