/**
 * A block with thousands of transactions of one wallet: it is looked at in pieces, and counts as a whole or not at all.
 */
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as BlockHeader from "../../../../src/domain/p2p/BlockHeader.ts"
import * as MerkleRoot from "../../../../src/domain/p2p/MerkleRoot.ts"
import * as P2PMessage from "../../../../src/domain/p2p/P2PMessage.ts"
import * as PartialMerkleTree from "../../../../src/domain/p2p/PartialMerkleTree.ts"
import * as SyncPlan from "../../../../src/domain/p2p/SyncPlan.ts"
import * as WalletElement from "../../../../src/domain/p2p/WalletElement.ts"
import * as Ledger from "../../../../src/internal/p2p/wallets/ledger.ts"
import * as Reception from "../../../../src/internal/p2p/wallets/reception.ts"
import * as Scanner from "../../../../src/internal/p2p/wallets/scanner.ts"
import * as Trail from "../../../../src/internal/p2p/wallets/trail.ts"
import * as WatchList from "../../../../src/internal/p2p/wallets/watchList.ts"
import type * as WalletEvent from "../../../../src/services/p2p/WalletEvent.ts"
import * as Legacy from "../../../utils/legacy.ts"
import * as WalletChain from "../../../utils/p2p/walletChain.ts"
import * as Pieces from "../../../utils/pieces.ts"

const count = 5000

const random = Legacy.makeRandom(7)
const hash = random.bytes(20)
const all = Array.from({ length: count }, () => WalletChain.makeTransaction(random, { pays: [hash] }))
const txids = all.map(({ id }) => id)
const tree = PartialMerkleTree.make({ txids, isMatch: () => true, hash256: Legacy.hash256 })
const header: BlockHeader.BlockHeader = {
  version: 1,
  previous: new Uint8Array(32),
  merkleRoot: MerkleRoot.compute(txids, Legacy.hash256).root,
  time: 1,
  bits: 0x207f_ffff,
  nonce: 0
}
const message = P2PMessage.make("merkleblock", { header, ...tree })

/** A scanner that has been sent the block, and what it has told. */
const make = () => {
  const told: Array<WalletEvent.WalletEvent> = []
  const watch = new WatchList.WatchList()
  Result.getOrThrow(watch.add(WalletElement.WalletElement.PublicKeyHash({ hash }), 0))
  const scanner = new Scanner.Scanner({
    hash256: Legacy.hash256,
    watch,
    ledger: new Ledger.Ledger(),
    trail: new Trail.Trail([]),
    plan: SyncPlan.make({ first: 1 }),
    falsePositiveRate: 0.0001,
    tweak: 7,
    falsePositives: false,
    ports: {
      send: () => undefined,
      expect: () => undefined,
      punish: (_, __, what) => assert.fail(what),
      dismiss: (_, because) => assert.fail(because),
      tell: (event) => told.push(event),
      takeBack: () => undefined,
      wake: () => undefined,
      nonce: () => 1n
    }
  })
  scanner.join("peer")
  scanner.begin(scanner.propose(1, true)!, [BlockHeader.hash(header, Legacy.hash256)], 0)
  let work = scanner.onMerkleBlock("peer", message, 0)
  for (const { bytes } of all) {
    assert.isUndefined(work)
    work = scanner.onTransaction("peer", bytes, 0)
  }
  assert.isTrue(work?.isLarge)
  return { scanner, told, pieces: work!.pieces() }
}

describe("a large block of a wallet", () => {
  it("is proven in pieces", () => {
    const { pauses, value } = Pieces.collect(Reception.prove(message, Legacy.hash256))
    // Ten thousand hashes are copied, and five thousand names kept.
    assert.isAtLeast(pauses, 6)
    assert.strictEqual(Result.getOrThrow(value).named.size, count)
  })

  it("is looked at in pieces, told of in order, and counts when all is told", () => {
    const { pieces, scanner, told } = make()
    let pauses = 0
    for (let step = pieces.next(); step.done !== true; step = pieces.next()) {
      pauses += 1
      assert.strictEqual(scanner.plan.scannedTo, 0)
      assert.isFalse(told.some(({ _tag }) => _tag === "Synced"))
    }
    const bytes = all.reduce((sum, one) => sum + one.bytes.length, 0)
    assert.isAtLeast(pauses, bytes / 150_000 + count / 1000)
    assert.deepStrictEqual(
      told.slice(0, -1).map((event) => event._tag === "Matched" ? event.txid : event._tag),
      txids
    )
    assert.strictEqual(told.at(-1)?._tag, "Synced")
    assert.strictEqual(scanner.plan.scannedTo, 1)
  })

  it("is left alone when its peer goes before anything has changed", () => {
    const { pieces, scanner, told } = make()
    const { version } = scanner.watch
    pieces.next()
    scanner.leave("peer")
    assert.strictEqual(Pieces.collect(pieces).pauses, 0)
    assert.deepStrictEqual([told.length, scanner.ledger.matches.length, scanner.watch.version], [0, 0, version])
    assert.strictEqual(scanner.plan.scannedTo, 0)
  })

  it("is told of to its end when its peer goes later, and is looked at again", () => {
    const { pieces, scanner, told } = make()
    while (told.length === 0) pieces.next()
    scanner.leave("peer")
    Pieces.collect(pieces)
    assert.deepStrictEqual([told.length, scanner.ledger.matches.length], [count, count])
    assert.strictEqual(scanner.plan.scannedTo, 0)
    scanner.join("other")
    assert.deepStrictEqual(scanner.propose(1, true)?.from, 1)
  })
})
