import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Result } from "effect"
import { TestClock } from "effect/testing"
import * as Transaction from "../../../src/domain/chain/Transaction.ts"
import * as BloomFilter from "../../../src/domain/p2p/BloomFilter.ts"
import * as HashHex from "../../../src/domain/p2p/HashHex.ts"
import * as InventoryType from "../../../src/domain/p2p/InventoryType.ts"
import * as P2PMessage from "../../../src/domain/p2p/P2PMessage.ts"
import * as PartialMerkleTree from "../../../src/domain/p2p/PartialMerkleTree.ts"
import * as WalletElement from "../../../src/domain/p2p/WalletElement.ts"
import * as Legacy from "../../utils/legacy.ts"
import * as WalletChain from "../../utils/p2p/walletChain.ts"
import * as Rig from "../../utils/p2p/wallets.ts"

const random = Legacy.makeRandom(42)

const stranger = () => WalletChain.makeTransaction(random)

const element = (hash: Uint8Array) => WalletElement.WalletElement.PublicKeyHash({ hash })

/** Blocks after one, each with these transactions among others. */
const grow = (
  after: WalletChain.WalletBlock,
  contents: ReadonlyArray<ReadonlyArray<Transaction.Transaction>>
): ReadonlyArray<WalletChain.WalletBlock> => {
  const blocks: Array<WalletChain.WalletBlock> = []
  for (const transactions of contents) {
    blocks.push(WalletChain.makeBlock(blocks.at(-1) ?? after, [stranger(), ...transactions, stranger()]))
  }
  return blocks
}

const empty = (count: number) => Array.from({ length: count }, () => [])

const ids = (...transactions: ReadonlyArray<Transaction.Transaction>) =>
  transactions.map(({ id }) => HashHex.format(id)).sort().join(" ")

describe("Wallets", () => {
  it.effect("finds payments and their spending, each with its proof, and has a second peer look too", () =>
    Effect.gen(function*() {
      const rig = yield* Rig.make
      const hash = random.bytes(20)
      const paid = WalletChain.makeTransaction(random, { pays: [random.bytes(20), hash] })
      const spent = WalletChain.makeTransaction(random, { spends: [{ txId: paid.id, index: 1 }] })
      const blocks = grow(WalletChain.genesis, [...empty(2), [paid], ...empty(120), [spent], ...empty(30)])
      yield* rig.learn(blocks)
      const nodes = [yield* rig.join(), yield* rig.join(), yield* rig.join(), yield* rig.join()]
      const wallets = yield* rig.wallets
      const { close, events, wallet } = yield* Rig.open(wallets, {
        id: "shop",
        firstBlock: { height: 1 },
        elements: [element(hash)]
      })

      assert.deepStrictEqual(events.map(Rig.show), [
        `matched 3 ${ids(paid)}`,
        "synced 100",
        `matched 124 ${ids(spent)}`,
        "synced 154"
      ])
      assert.deepStrictEqual(yield* Rig.heights(wallet), [154, 154])
      for (const event of events) {
        if (event._tag !== "Matched") continue
        const header = Option.getOrThrow(yield* rig.chain.headerAt(event.height))
        const proven = Result.getOrThrow(PartialMerkleTree.verify(event.proof, header.merkleRoot, Legacy.hash256))
        assert.isTrue(proven.some(({ txid }) => HashHex.equals(txid, event.txid)))
        assert.isTrue(HashHex.equals(Legacy.hash256(event.bytes), event.txid))
        assert.deepStrictEqual(event.blockHash, blocks[event.height - 1]!.hash)
      }

      const serving = yield* wallet.peers
      assert.strictEqual(serving.length, 3)
      for (const node of nodes) {
        const serves = serving.includes(node.peer)
        assert.deepStrictEqual(yield* wallets.servedBy(node.peer), serves ? Option.some("shop") : Option.none())
        assert.strictEqual(node.sent.length > 0, serves, "who serves nobody is told nothing")
      }
      const asked = nodes.flatMap((node) => node.asked()).filter(({ type }) => type === InventoryType.merkleBlock)
      assert.strictEqual(asked.length, 2 * 154, "each block is asked of two peers")
      yield* close
      assert.deepStrictEqual(nodes.map((node) => node.isThere()).sort(), [false, false, false, true])
    }))

  it.effect("asks no further than the chain goes, and for each new block as it comes", () =>
    Effect.gen(function*() {
      const rig = yield* Rig.make
      const hash = random.bytes(20)
      const first = grow(WalletChain.genesis, empty(5))
      yield* rig.learn(first)
      yield* rig.join()
      const { events, wallet } = yield* Rig.open(yield* rig.wallets, {
        id: "one-peer",
        firstBlock: { height: 4 },
        elements: [element(hash)]
      })
      assert.deepStrictEqual(yield* Rig.heights(wallet), [5, 3], "nobody has looked at it a second time")
      const paid = WalletChain.makeTransaction(random, { pays: [hash] })
      yield* rig.learn(grow(first.at(-1)!, [[paid]]))
      assert.deepStrictEqual(events.map(Rig.show), ["synced 5", `matched 6 ${ids(paid)}`, "synced 6"])
      yield* rig.join()
      assert.deepStrictEqual(yield* Rig.heights(wallet), [6, 6])
    }))

  it.effect("waits for the chain to come to the time of its first block", () =>
    Effect.gen(function*() {
      const rig = yield* Rig.make
      const hash = random.bytes(20)
      const blocks = grow(WalletChain.genesis, empty(40))
      const paid = WalletChain.makeTransaction(random, { pays: [hash] })
      yield* rig.learn(blocks.slice(0, 10))
      yield* rig.join()
      const { events, wallet } = yield* Rig.open(yield* rig.wallets, {
        id: "young",
        firstBlock: { time: blocks[29]!.header.time },
        elements: [element(hash)]
      })
      assert.deepStrictEqual(yield* wallet.syncedTo, Option.none())
      yield* rig.learn(blocks.slice(10))
      yield* rig.learn(grow(blocks.at(-1)!, [[paid]]))
      // Two hours are twelve blocks here.
      assert.deepStrictEqual(events.map(Rig.show), ["synced 40", `matched 41 ${ids(paid)}`, "synced 41"])
    }))

  it.effect("has the one banned that leaves something out, and tells of it all the same", () =>
    Effect.gen(function*() {
      const rig = yield* Rig.make
      const hash = random.bytes(20)
      const paid = WalletChain.makeTransaction(random, { pays: [hash] })
      const other = WalletChain.makeTransaction(random, { pays: [hash] })
      const spent = WalletChain.makeTransaction(random, { spends: [{ txId: paid.id, index: 0 }] })
      yield* rig.learn(grow(WalletChain.genesis, [[], [paid, other], [], [], [], [spent], []]))
      const liar = yield* rig.join()
      liar.node.isWithheld = ({ transactions }, position) => transactions[position] === paid
      const honest = yield* rig.join()
      const { events, wallet } = yield* Rig.open(yield* rig.wallets, {
        id: "shop",
        firstBlock: { height: 1 },
        elements: [element(hash)]
      })
      assert.strictEqual(liar.points(), 1000, liar.punished.join())
      assert.isFalse(liar.isThere())
      assert.strictEqual(honest.points(), 0)
      assert.deepStrictEqual(
        events.map(Rig.show).filter((text) => text.startsWith("matched")).sort(),
        [`matched 2 ${ids(other)}`, `matched 2 ${ids(paid)}`, `matched 6 ${ids(spent)}`].sort()
      )
      assert.deepStrictEqual(yield* Rig.heights(wallet), [7, 1], "a third peer has to look")
      yield* rig.join()
      assert.deepStrictEqual(yield* Rig.heights(wallet), [7, 7])
    }))

  it.effect("blames nobody for what not every node finds: payments of tokens", () =>
    Effect.gen(function*() {
      const rig = yield* Rig.make
      const hash = random.bytes(20)
      const plain = WalletChain.makeTransaction(random, { pays: [hash] })
      const paid = Transaction.make({
        ...plain,
        outputs: plain.outputs.map((output) => ({ ...output, token: { amount: 5n, category: random.bytes(32) } }))
      })
      yield* rig.learn(grow(WalletChain.genesis, [[], [paid], []]))
      const old = yield* rig.join()
      old.node.isWithheld = ({ transactions }, position) => transactions[position] === paid
      const young = yield* rig.join()
      const { events, wallet } = yield* Rig.open(yield* rig.wallets, {
        id: "shop",
        firstBlock: { height: 1 },
        elements: [element(hash)]
      })
      assert.deepStrictEqual([old.points(), young.points()], [0, 0])
      assert.strictEqual(events.map(Rig.show).filter((text) => text === `matched 2 ${ids(paid)}`).length, 1)
      assert.deepStrictEqual(yield* Rig.heights(wallet), [3, 3])
    }))

  it.effect("has the one banned that leaves something out when it checks", () =>
    Effect.gen(function*() {
      const rig = yield* Rig.make
      const hash = random.bytes(20)
      const paid = WalletChain.makeTransaction(random, { pays: [hash] })
      yield* rig.learn(grow(WalletChain.genesis, [[], [paid], []]))
      const honest = yield* rig.join()
      const liar = yield* rig.join()
      liar.node.isWithheld = () => true
      const { events, wallet } = yield* Rig.open(yield* rig.wallets, {
        id: "shop",
        firstBlock: { height: 1 },
        elements: [element(hash)]
      })
      assert.deepStrictEqual([honest.points(), liar.points()], [0, 1000])
      assert.deepStrictEqual(events.map(Rig.show), [`matched 2 ${ids(paid)}`, "synced 3"])
      assert.deepStrictEqual(yield* Rig.heights(wallet), [3, 1])
      yield* rig.join()
      assert.deepStrictEqual(yield* Rig.heights(wallet), [3, 3])
    }))

  it.effect("gives the blocks of a peer that stalls to another after 12.6 seconds", () =>
    Effect.gen(function*() {
      const rig = yield* Rig.make
      const hash = random.bytes(20)
      const paid = WalletChain.makeTransaction(random, { pays: [hash] })
      yield* rig.learn(grow(WalletChain.genesis, [[], [paid], []]))
      const stalling = yield* rig.join({ answer: () => [] })
      const { events, wallet } = yield* Rig.open(yield* rig.wallets, {
        id: "shop",
        firstBlock: { height: 1 },
        elements: [element(hash)]
      })
      const honest = yield* rig.join()
      yield* TestClock.adjust("12599 millis")
      assert.deepStrictEqual([events.length, stalling.points()], [0, 0])
      yield* TestClock.adjust("1 millis")
      yield* Rig.settle
      assert.deepStrictEqual([honest.points(), stalling.points(), stalling.isThere()], [0, 1000, false])
      assert.deepStrictEqual(events.map(Rig.show), [`matched 2 ${ids(paid)}`, "synced 3"])
      assert.deepStrictEqual(yield* Rig.heights(wallet), [3, 0])
    }))

  it.effect("drops a peer that names a transaction and keeps it back", () =>
    Effect.gen(function*() {
      const rig = yield* Rig.make
      const hash = random.bytes(20)
      const paid = WalletChain.makeTransaction(random, { pays: [hash] })
      yield* rig.learn(grow(WalletChain.genesis, [[], [paid], []]))
      const liar = yield* rig.join({
        answer: (message, node) => node.answer(message).filter(({ _tag }) => _tag !== "tx")
      })
      const { events } = yield* Rig.open(yield* rig.wallets, {
        id: "shop",
        firstBlock: { height: 1 },
        elements: [element(hash)]
      })
      assert.strictEqual(liar.points(), 1000)
      yield* rig.join()
      assert.deepStrictEqual(events.map(Rig.show), [`matched 2 ${ids(paid)}`, "synced 3"])
    }))

  it.effect("waits for a peer that does not have a block yet, and bans nobody for it", () =>
    Effect.gen(function*() {
      const rig = yield* Rig.make
      const blocks = grow(WalletChain.genesis, empty(3))
      yield* rig.learn(blocks)
      const slow = yield* rig.join()
      const { events } = yield* Rig.open(yield* rig.wallets, {
        id: "shop",
        firstBlock: { height: 1 },
        elements: [element(random.bytes(20))]
      })
      const more = grow(blocks.at(-1)!, empty(1))
      yield* Effect.orDie(rig.chain.accept(more.map(({ header }) => header)))
      yield* Rig.settle
      yield* TestClock.adjust("999 millis")
      yield* Rig.settle
      assert.deepStrictEqual(events.map(Rig.show), ["synced 3"])
      slow.node.learn(more)
      yield* TestClock.adjust("1 millis")
      yield* Rig.settle
      assert.deepStrictEqual(events.map(Rig.show), ["synced 3", "synced 4"])
      assert.strictEqual(slow.points(), 0)
    }))

  it.effect("lets a peer go that never has a block", () =>
    Effect.gen(function*() {
      const rig = yield* Rig.make
      yield* rig.learn(grow(WalletChain.genesis, empty(3)))
      const without = yield* rig.join({
        answer: (message) => message._tag === "ping" ? [P2PMessage.make("pong", { nonce: message.nonce })] : []
      })
      yield* Rig.open(yield* rig.wallets, {
        id: "shop",
        firstBlock: { height: 1 },
        elements: [element(random.bytes(20))]
      })
      for (let seconds = 0; seconds < 63; seconds++) {
        assert.isTrue(without.isThere(), `${seconds} seconds`)
        yield* TestClock.adjust("1 second")
        yield* Rig.settle
      }
      assert.deepStrictEqual([without.isThere(), without.points()], [false, 100])
    }))

  it.effect("takes back what was found in blocks that leave the chain, and looks at those in their place", () =>
    Effect.gen(function*() {
      const rig = yield* Rig.make
      const hash = random.bytes(20)
      const [stays, moves, goes] = [1, 2, 3].map(() => WalletChain.makeTransaction(random, { pays: [hash] })) as [
        Transaction.Transaction,
        Transaction.Transaction,
        Transaction.Transaction
      ]
      const common = grow(WalletChain.genesis, [[], [stays], []])
      yield* rig.learn([...common, ...grow(common.at(-1)!, [[moves], [goes]])])
      const nodes = [yield* rig.join(), yield* rig.join()]
      const { events, wallet } = yield* Rig.open(yield* rig.wallets, {
        id: "shop",
        firstBlock: { height: 1 },
        elements: [element(hash)]
      })
      events.length = 0
      yield* rig.learn(grow(common.at(-1)!, [[], [], [moves]]))
      assert.deepStrictEqual(events.map(Rig.show), [
        `rolled back to 3: ${ids(moves, goes)}`,
        `matched 6 ${ids(moves)}`,
        "synced 6"
      ])
      assert.deepStrictEqual(yield* Rig.heights(wallet), [6, 6])
      assert.deepStrictEqual(nodes.map((node) => node.points()), [0, 0])
    }))

  it.effect("tells once of a transaction that is relayed, and again when it is in a block", () =>
    Effect.gen(function*() {
      const rig = yield* Rig.make
      const hash = random.bytes(20)
      const paid = WalletChain.makeTransaction(random, { pays: [hash] })
      const spent = WalletChain.makeTransaction(random, { spends: [{ txId: paid.id, index: 0 }] })
      const mempool = [paid, spent, stranger()]
      const inventory = mempool.map(({ id }) => ({ type: InventoryType.transaction, hash: id }))
      const blocks = grow(WalletChain.genesis, empty(3))
      yield* rig.learn(blocks)
      const options: Rig.NodeOptions = {
        answer: (message, node) => {
          if (message._tag === "mempool") return [P2PMessage.make("inv", { inventory })]
          const asked = message._tag === "getdata" ? message.inventory : []
          const found = mempool.filter(({ id }) => asked.some((one) => HashHex.equals(one.hash, id)))
          return [...node.answer(message), ...found.map(({ bytes }) => P2PMessage.make("tx", { bytes }))]
        }
      }
      const nodes = [yield* rig.join(options), yield* rig.join(options)]
      const { events } = yield* Rig.open(yield* rig.wallets, {
        id: "shop",
        firstBlock: { height: 1 },
        elements: [element(hash)]
      })
      assert.deepStrictEqual(
        events.map(Rig.show).sort(),
        ["synced 3", `unconfirmed ${ids(paid)}`, `unconfirmed ${ids(spent)}`].sort()
      )
      events.length = 0
      yield* rig.learn(grow(blocks.at(-1)!, [[spent, paid]]))
      assert.deepStrictEqual(events.map(Rig.show), [`matched 4 ${ids(spent)}`, `matched 4 ${ids(paid)}`, "synced 4"])
      assert.deepStrictEqual(nodes.map((node) => node.points()), [0, 0], "what follows a merkle block is not unasked")
    }))

  it.effect("looks again for an element that is added, and tells nothing twice", () =>
    Effect.gen(function*() {
      const rig = yield* Rig.make
      const [known, added, fresh] = [random.bytes(20), random.bytes(20), random.bytes(20)]
      const paid = WalletChain.makeTransaction(random, { pays: [known] })
      const missed = WalletChain.makeTransaction(random, { pays: [added] })
      const blocks = grow(WalletChain.genesis, [[], [paid], [missed], []])
      yield* rig.learn(blocks)
      const nodes = [yield* rig.join(), yield* rig.join()]
      const { events, wallet } = yield* Rig.open(yield* rig.wallets, {
        id: "shop",
        firstBlock: { height: 1 },
        elements: [element(known)]
      })
      assert.deepStrictEqual(events.map(Rig.show), [`matched 2 ${ids(paid)}`, "synced 4"])
      events.length = 0
      yield* wallet.add([element(added)], { from: 2 })
      yield* Rig.settle
      assert.deepStrictEqual(events.map(Rig.show), [`matched 3 ${ids(missed)}`, "synced 4"])
      assert.deepStrictEqual(yield* Rig.heights(wallet), [4, 4])

      events.length = 0
      const asked = nodes.map((node) => node.asked().length)
      yield* wallet.add([element(fresh)])
      yield* wallet.add([element(known)])
      yield* Rig.settle
      assert.deepStrictEqual(nodes.map((node) => node.asked().length), asked, "no block is asked for again")
      for (const node of nodes) assert.isTrue(BloomFilter.contains(node.node.filters.at(-1)!, fresh))
      const later = WalletChain.makeTransaction(random, { pays: [fresh] })
      yield* rig.learn(grow(blocks.at(-1)!, [[later]]))
      assert.deepStrictEqual(events.map(Rig.show), [`matched 5 ${ids(later)}`, "synced 5"])
    }))
})
