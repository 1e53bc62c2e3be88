/**
 * Peers that lie to wallets, and options that cannot be used.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Result, Stream } from "effect"
import * as Transaction from "../../../src/domain/chain/Transaction.ts"
import * as BlockHeader from "../../../src/domain/p2p/BlockHeader.ts"
import * as ChainParams from "../../../src/domain/p2p/ChainParams.ts"
import * as HashHex from "../../../src/domain/p2p/HashHex.ts"
import * as P2PMessage from "../../../src/domain/p2p/P2PMessage.ts"
import * as PartialMerkleTree from "../../../src/domain/p2p/PartialMerkleTree.ts"
import * as WalletElement from "../../../src/domain/p2p/WalletElement.ts"
import * as NodeHash256 from "../../../src/layers/NodeHash256.ts"
import * as Downloads from "../../../src/services/p2p/Downloads.ts"
import * as HeaderChain from "../../../src/services/p2p/HeaderChain.ts"
import * as Wallets from "../../../src/services/p2p/Wallets.ts"
import * as WalletStore from "../../../src/services/p2p/WalletStore.ts"
import * as Legacy from "../../utils/legacy.ts"
import * as Peers from "../../utils/p2p/peers.ts"
import * as WalletChain from "../../utils/p2p/walletChain.ts"
import * as Rig from "../../utils/p2p/wallets.ts"

const random = Legacy.makeRandom(5)

const hash = random.bytes(20)

const options = {
  id: "shop",
  firstBlock: { height: 1 },
  elements: [WalletElement.WalletElement.PublicKeyHash({ hash })]
}

const paid = WalletChain.makeTransaction(random, { pays: [hash] })

const block = WalletChain.makeBlock(WalletChain.genesis, [WalletChain.makeTransaction(random), paid])

const other = WalletChain.makeBlock(WalletChain.genesis, [WalletChain.makeTransaction(random)])

const nodeOfTree = Uint8Array.from([...block.transactions[0]!.id, ...block.transactions[1]!.id])

const merkleBlock = (fields: Partial<P2PMessage.Fields<"merkleblock">>) =>
  P2PMessage.make("merkleblock", {
    header: block.header,
    transactions: 2,
    hashes: block.transactions.map(({ id }) => id),
    flags: Uint8Array.of(5),
    ...fields
  })

const lies = {
  "a tree that leads to another root": [merkleBlock({ hashes: [random.bytes(32), paid.id] })],
  "a tree with too few hashes": [merkleBlock({ hashes: [paid.id] })],
  "a block that was not asked for": [
    P2PMessage.make("merkleblock", {
      header: other.header,
      transactions: 1,
      hashes: [other.transactions[0]!.id],
      flags: Uint8Array.of(0)
    })
  ],
  "a node of the tree as a transaction": [
    merkleBlock({ transactions: 1, hashes: [block.header.merkleRoot], flags: Uint8Array.of(1) }),
    P2PMessage.make("tx", { bytes: nodeOfTree })
  ],
  "another transaction than the one that is named": [
    merkleBlock({}),
    P2PMessage.make("tx", { bytes: block.transactions[0]!.bytes })
  ]
}

describe("Wallets and liars", () => {
  it.effect.each(Object.entries(lies))("bans a peer that sends %s", ([, lie]) =>
    Effect.gen(function*() {
      const rig = yield* Rig.make
      yield* rig.learn([block])
      const liar = yield* rig.join({
        answer: (message) => {
          if (message._tag === "getdata") return lie
          return message._tag === "ping" ? [P2PMessage.make("pong", { nonce: message.nonce })] : []
        }
      })
      const { events, wallet } = yield* Rig.open(yield* rig.wallets, options)
      assert.isFalse(liar.isThere())
      assert.isAtLeast(liar.points(), 1000, liar.punished.join())
      assert.deepStrictEqual(events, [])
      assert.deepStrictEqual(yield* Rig.heights(wallet), [0, 0])
      yield* rig.join()
      assert.deepStrictEqual(events.map(Rig.show), [`matched 1 ${HashHex.format(paid.id)}`, "synced 1"])
    }))

  it.effect("takes no transaction of 64 bytes, even if it reads like one", () =>
    Effect.gen(function*() {
      const rig = yield* Rig.make
      const data = Uint8Array.of(7, 8, 9)
      const small = Transaction.make({
        version: 1,
        lockTime: 0,
        inputs: [{ txId: random.bytes(32), index: 0, script: new Uint8Array(0), sequence: 0 }],
        outputs: [{ amount: 1n, script: Uint8Array.of(3, ...data) }]
      })
      assert.strictEqual(small.bytes.length, 64)
      yield* rig.learn([WalletChain.makeBlock(WalletChain.genesis, [small])])
      const node = yield* rig.join()
      const { events } = yield* Rig.open(yield* rig.wallets, {
        ...options,
        elements: [WalletElement.WalletElement.Data({ bytes: data })]
      })
      assert.strictEqual(node.points(), 1000)
      assert.include(node.punished.join(), "64 bytes")
      assert.deepStrictEqual(events, [])
    }))

  it.effect("bans a peer that sends merkle blocks when nothing is asked", () =>
    Effect.gen(function*() {
      const rig = yield* Rig.make
      yield* rig.learn([block])
      const liar = yield* rig.join()
      yield* Rig.open(yield* rig.wallets, options)
      yield* liar.tell(merkleBlock({}))
      yield* Rig.settle
      assert.deepStrictEqual([liar.isThere(), liar.points()], [false, 1000])
    }))
})

describe("Wallets and what they are given", () => {
  const reasonOf = (
    wallets: Wallets.Wallets["Service"],
    wrong: Partial<Wallets.OpenOptions>
  ) =>
    Effect.map(
      Effect.scoped(Effect.flip(wallets.open({ ...options, ...wrong }))),
      ({ message, reason }) => [reason._tag, message]
    )

  it.effect("says what is wrong with it", () =>
    Effect.gen(function*() {
      const wallets = yield* (yield* Rig.make).wallets
      assert.deepStrictEqual(yield* reasonOf(wallets, { id: "../shop" }), [
        "BadOption",
        "option \"id\": 1 to 64 of the characters a-z, 0-9, - and _ are needed, not ../shop"
      ])
      assert.deepStrictEqual(yield* reasonOf(wallets, { firstBlock: { height: -1 } }), [
        "BadOption",
        "option \"firstBlock\": a height or a time in seconds since 1970 is needed, not {\"height\":-1}"
      ])
      assert.deepStrictEqual(yield* reasonOf(wallets, { falsePositiveRate: 0.5 }), [
        "BadOption",
        "option \"falsePositiveRate\": a number from 1e-9 to 0.1 is needed, not 0.5"
      ])
      assert.deepStrictEqual(
        yield* reasonOf(wallets, {
          elements: [WalletElement.WalletElement.Script({ script: Uint8Array.of(0x51) })]
        }),
        [
          "BadElement",
          "a script of 1 bytes cannot be watched: it pushes nothing of 1 to 520 bytes, so no filter finds it"
        ]
      )
      assert.deepStrictEqual(
        (yield* reasonOf(wallets, {
          elements: Array.from({ length: 50_001 }, () => options.elements[0]!)
        }))[0],
        "TooManyElements"
      )
      yield* Effect.scoped(Effect.gen(function*() {
        yield* wallets.open(options)
        assert.deepStrictEqual(yield* reasonOf(wallets, {}), ["AlreadyOpen", "the wallet \"shop\" is open already"])
        assert.deepStrictEqual(yield* wallets.opened, ["shop"])
      }))
      assert.deepStrictEqual(yield* wallets.opened, [])
      yield* Effect.scoped(wallets.open(options))
    }))
})

describe("Wallets and a recorded node", () => {
  it.effect("takes the merkle block with two matches", () =>
    Effect.gen(function*() {
      const recorded = Legacy.trace("p2p-regtest-wallet")
      const said = recorded.messages.filter(({ dir }) => dir === "node->peer").flatMap(({ command, hex }) => {
        const body = Legacy.fromHex(hex).subarray(24)
        return P2PMessage.isCommand(command) ? [Result.getOrThrow(P2PMessage.decode(command, body))] : []
      })
      const tree = said.find((message) => message._tag === "merkleblock")!
      const bodies = new Map(
        said.flatMap((message) =>
          message._tag === "tx" ? [[HashHex.format(Legacy.hash256(message.bytes)), message]] : []
        )
      )
      const last = said.indexOf(tree)
      const blockHash = BlockHeader.hash(tree.header, Legacy.hash256)
      const tip = { height: 2728, hash: blockHash, work: 1n, time: tree.header.time }
      const peers = yield* Peers.make
      const node = yield* peers.join({
        onSend: (message, self) => {
          if (message._tag === "ping") return self.tell(P2PMessage.make("pong", { nonce: message.nonce }))
          if (message._tag === "mempool") {
            return self.tell(said.findLast((one) => one._tag === "inv" && one.inventory.length === 2)!)
          }
          if (message._tag !== "getdata") return Effect.void
          return self.tell(
            ...message.inventory.flatMap(({ hash, type }) =>
              type === 3 ? said.slice(last, last + 3) : bodies.get(HashHex.format(hash)) ?? []
            )
          )
        }
      })
      const Chain = Layer.mock(HeaderChain.HeaderChain)({
        params: ChainParams.regtest,
        tip: Effect.succeed(tip),
        hashAt: (height) => Effect.succeed(height === tip.height ? Option.some(blockHash) : Option.none()),
        subscribe: Effect.succeed({ tip, events: Stream.never })
      })
      const context = yield* Layer.build(Wallets.layer.pipe(
        Layer.provide(Downloads.layer()),
        Layer.provide(Layer.mergeAll(peers.layer, Chain, WalletStore.layerMemory, NodeHash256.layer))
      ))
      const wallets = yield* Effect.provide(Wallets.Wallets, context)
      const { events } = yield* Rig.open(wallets, {
        id: "recorded",
        firstBlock: { height: tip.height },
        elements: [
          WalletElement.WalletElement.PublicKeyHash({
            hash: Legacy.fromHex("e280b9bd92646a310ddc0e190f62c5fd3f10a956")
          })
        ]
      })
      assert.deepStrictEqual(node.punished, [])
      const texts = events.map(Rig.show)
      const ids = [...bodies.keys()]
      assert.strictEqual(ids.length, 2)
      for (const id of ids) {
        assert.strictEqual(texts.filter((text) => text === `matched 2728 ${id}`).length, 1)
        assert.isAtMost(texts.filter((text) => text === `unconfirmed ${id}`).length, 1)
      }
      assert.strictEqual(texts.at(-1), "synced 2728")
      for (const event of events) {
        if (event._tag !== "Matched") continue
        const named = Result.getOrThrow(
          PartialMerkleTree.verify(event.proof, tree.header.merkleRoot, Legacy.hash256)
        )
        assert.strictEqual(named.length, 2)
      }
    }))
})
