/**
 * A wallet that is opened again goes on from where its reader was.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Stream } from "effect"
import { TestClock } from "effect/testing"
import type * as Transaction from "../../../src/domain/chain/Transaction.ts"
import * as HashHex from "../../../src/domain/p2p/HashHex.ts"
import * as WalletElement from "../../../src/domain/p2p/WalletElement.ts"
import * as Legacy from "../../utils/legacy.ts"
import * as WalletChain from "../../utils/p2p/walletChain.ts"
import * as Rig from "../../utils/p2p/wallets.ts"

const random = Legacy.makeRandom(77)

const hash = random.bytes(20)

const options = {
  id: "shop",
  firstBlock: { height: 1 },
  elements: [WalletElement.WalletElement.PublicKeyHash({ hash })]
}

const grow = (
  after: WalletChain.WalletBlock,
  contents: ReadonlyArray<ReadonlyArray<Transaction.Transaction>>
): ReadonlyArray<WalletChain.WalletBlock> => {
  const blocks: Array<WalletChain.WalletBlock> = []
  for (const transactions of contents) {
    blocks.push(
      WalletChain.makeBlock(blocks.at(-1) ?? after, [WalletChain.makeTransaction(random), ...transactions])
    )
  }
  return blocks
}

const pay = () => WalletChain.makeTransaction(random, { pays: [hash] })

const id = (transaction: Transaction.Transaction) => HashHex.format(transaction.id)

describe("Wallets, opened again", () => {
  it.effect("asks for no block twice, and knows which outputs are its own", () =>
    Effect.gen(function*() {
      const rig = yield* Rig.make
      const paid = pay()
      const spent = WalletChain.makeTransaction(random, { spends: [{ txId: paid.id, index: 0 }] })
      const blocks = grow(WalletChain.genesis, [[], [paid], []])
      yield* rig.learn(blocks)
      yield* rig.join()
      yield* rig.join()
      const first = yield* Rig.open(yield* rig.wallets, options)
      assert.deepStrictEqual(first.events.map(Rig.show), [`matched 2 ${id(paid)}`, "synced 3"])
      yield* first.close

      yield* rig.learn(grow(blocks.at(-1)!, [[spent]]))
      const nodes = [yield* rig.join(), yield* rig.join()]
      const again = yield* Rig.open(yield* rig.wallets, options)
      assert.deepStrictEqual(again.events.map(Rig.show), [`matched 4 ${id(spent)}`, "synced 4"])
      assert.deepStrictEqual(yield* Rig.heights(again.wallet), [4, 4])
      assert.deepStrictEqual(nodes.map((node) => node.asked().length), [1, 1])
    }))

  it.effect("has blocks checked that only one peer had looked at, by another one", () =>
    Effect.gen(function*() {
      const rig = yield* Rig.make
      yield* rig.learn(grow(WalletChain.genesis, [[], [pay()], []]))
      yield* rig.join()
      const first = yield* Rig.open(yield* rig.wallets, options)
      assert.deepStrictEqual(yield* Rig.heights(first.wallet), [3, 0])
      yield* first.close
      const again = yield* Rig.open(yield* rig.wallets, options)
      assert.deepStrictEqual(yield* Rig.heights(again.wallet), [3, 0])
      const node = yield* rig.join()
      assert.deepStrictEqual(yield* Rig.heights(again.wallet), [3, 3])
      assert.strictEqual(node.asked().length, 3)
      assert.strictEqual(again.events.filter(({ _tag }) => _tag === "Matched").length, 0, "nothing is told twice")
    }))

  it.effect("tells again what nobody had dealt with", () =>
    Effect.gen(function*() {
      const rig = yield* Rig.make
      const [first, second] = [pay(), pay()]
      yield* rig.learn(grow(WalletChain.genesis, [[first], [second]]))
      yield* rig.join()
      const unread = yield* Rig.open(yield* rig.wallets, options, false)
      assert.deepStrictEqual(yield* Rig.heights(unread.wallet), [2, 0])
      yield* TestClock.adjust("1 minute")
      yield* unread.close
      yield* rig.join()

      const half = yield* Rig.open(yield* rig.wallets, options, false)
      const read = yield* Stream.runCollect(Stream.take(half.wallet.events, 1))
      assert.deepStrictEqual(read.map(Rig.show), [`matched 1 ${id(first)}`])
      yield* half.close
      yield* rig.join()

      const again = yield* Rig.open(yield* rig.wallets, options)
      assert.deepStrictEqual(again.events.map(Rig.show), [
        `matched 1 ${id(first)}`,
        `matched 2 ${id(second)}`,
        "synced 2"
      ])
    }))

  it.effect("takes back what has left the chain meanwhile", () =>
    Effect.gen(function*() {
      const rig = yield* Rig.make
      const [stays, moves, goes] = [pay(), pay(), pay()]
      const common = grow(WalletChain.genesis, [[], [stays]])
      yield* rig.learn([...common, ...grow(common.at(-1)!, [[goes], [moves]])])
      yield* rig.join()
      yield* rig.join()
      const first = yield* Rig.open(yield* rig.wallets, options)
      yield* first.close

      yield* rig.learn(grow(common.at(-1)!, [[], [], [moves]]))
      yield* rig.join()
      const again = yield* Rig.open(yield* rig.wallets, options)
      assert.deepStrictEqual(again.events.map(Rig.show), [
        `rolled back to 2: ${[id(moves), id(goes)].sort().join(" ")}`,
        `matched 5 ${id(moves)}`,
        "synced 5"
      ])
    }))

  it.effect("forgets nothing that was taken back before its reader has heard of it", () =>
    Effect.gen(function*() {
      const rig = yield* Rig.make
      const goes = pay()
      const common = grow(WalletChain.genesis, [[], []])
      yield* rig.learn([...common, ...grow(common.at(-1)!, [[goes]])])
      yield* rig.join()
      const first = yield* Rig.open(yield* rig.wallets, options)
      yield* first.close
      yield* rig.join()
      const deaf = yield* Rig.open(yield* rig.wallets, options, false)
      yield* rig.learn(grow(common.at(-1)!, [[], []]))
      assert.deepStrictEqual((yield* Rig.heights(deaf.wallet))[0], 4)
      yield* TestClock.adjust("1 minute")
      yield* deaf.close
      yield* rig.join()
      const again = yield* Rig.open(yield* rig.wallets, options)
      assert.deepStrictEqual(again.events.map(Rig.show), [`rolled back to 2: ${id(goes)}`, "synced 4"])
    }))

  it.effect("waits for a chain that has yet to be loaded", () =>
    Effect.gen(function*() {
      const before = yield* Rig.make
      const paid = pay()
      const blocks = grow(WalletChain.genesis, [[], [paid], []])
      yield* before.learn(blocks)
      yield* before.join()
      const first = yield* Rig.open(yield* before.wallets, options)
      yield* first.close
      const snapshot = Option.getOrThrow(yield* before.store.load("shop"))
      assert.strictEqual(snapshot.syncedTo, 3)

      const rig = yield* Rig.make
      yield* rig.store.save(snapshot)
      yield* rig.join()
      const again = yield* Rig.open(yield* rig.wallets, options)
      yield* rig.learn(blocks.slice(0, 1))
      assert.deepStrictEqual(again.events, [])
      yield* rig.learn(blocks.slice(1))
      assert.deepStrictEqual(again.events.map(Rig.show), ["synced 3"])
    }))

  it.effect("looks from the first block on for what it did not watch for before, and further down when asked", () =>
    Effect.gen(function*() {
      const rig = yield* Rig.make
      const other = random.bytes(20)
      const [early, paid] = [pay(), pay()]
      const missed = WalletChain.makeTransaction(random, { pays: [other] })
      yield* rig.learn(grow(WalletChain.genesis, [[early], [], [paid], [missed], []]))
      yield* rig.join()
      const first = yield* Rig.open(yield* rig.wallets, { ...options, firstBlock: { height: 2 } })
      assert.deepStrictEqual(first.events.map(Rig.show), [`matched 3 ${id(paid)}`, "synced 5"])
      yield* first.close
      yield* rig.join()
      const more = yield* Rig.open(yield* rig.wallets, {
        id: "shop",
        firstBlock: { height: 3 },
        elements: [WalletElement.WalletElement.PublicKeyHash({ hash: other })]
      })
      assert.deepStrictEqual(more.events.map(Rig.show), [`matched 4 ${id(missed)}`, "synced 5"])
      yield* more.close
      yield* rig.join()
      const lower = yield* Rig.open(yield* rig.wallets, { ...options, firstBlock: { height: 1 } })
      assert.deepStrictEqual(lower.events.map(Rig.show), [`matched 1 ${id(early)}`, "synced 5"])
    }))
})
