import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as HashHex from "../../../src/domain/p2p/HashHex.ts"
import * as MerkleRoot from "../../../src/domain/p2p/MerkleRoot.ts"
import * as P2PMessage from "../../../src/domain/p2p/P2PMessage.ts"
import * as PartialMerkleTree from "../../../src/domain/p2p/PartialMerkleTree.ts"
import * as Legacy from "../../utils/legacy.ts"
import * as Pieces from "../../utils/pieces.ts"

const { hash256 } = Legacy

const ids = (count: number, salt = 0): Array<Uint8Array> =>
  Array.from({ length: count }, (_, i) => hash256(Uint8Array.of(i & 255, i >> 8, salt)))

const rootOf = (txids: ReadonlyArray<Uint8Array>): Uint8Array => MerkleRoot.compute(txids, hash256).root

const make = (txids: ReadonlyArray<Uint8Array>, positions: ReadonlySet<number>) =>
  PartialMerkleTree.make({ txids, isMatch: (position) => positions.has(position), hash256 })

const problemOf = (tree: PartialMerkleTree.PartialMerkleTree, root: Uint8Array): string => {
  const result = PartialMerkleTree.verify(tree, root, hash256)
  return Result.isFailure(result) ? result.failure.problem : "none"
}

const bitsOf = (tree: PartialMerkleTree.PartialMerkleTree): Array<number> =>
  Array.from({ length: tree.flags.length * 8 }, (_, i) => (tree.flags[i >> 3]! >> (i & 7)) & 1)

const withBits = (bits: ReadonlyArray<number>): Uint8Array => {
  const flags = new Uint8Array(Math.ceil(bits.length / 8))
  for (const [i, bit] of bits.entries()) flags[i >> 3]! |= bit << (i & 7)
  return flags
}

describe("PartialMerkleTree", () => {
  it("proves the matched transactions, for any number of them", () => {
    const seed = 2012
    const random = Legacy.makeRandom(seed)
    for (const count of [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 100, 127, 128, 129, 500]) {
      const txids = ids(count)
      const root = rootOf(txids)
      for (const share of [0, 0.02, 0.3, 1]) {
        const positions = txids.map((_, i) => i).filter(() => random.next() < share)
        const tree = make(txids, new Set(positions))
        const matches = Result.getOrThrow(PartialMerkleTree.verify(tree, root, hash256))
        const expected = positions.map((position) => ({ txid: txids[position]!, position }))
        assert.deepStrictEqual(matches, expected, `${count} transactions, seed ${seed}`)
        assert.isAtMost(tree.hashes.length, count)
      }
    }
  })

  it("is verified in parts of some thousand transactions", () => {
    const txids = ids(20_000)
    const root = rootOf(txids)
    const all = new Set(txids.keys())
    const verify = (tree: PartialMerkleTree.PartialMerkleTree) =>
      Pieces.collect(PartialMerkleTree.verifyInPieces(tree, root, hash256))
    const { pauses, value } = verify(make(txids, all))
    assert.strictEqual(pauses, Math.ceil(20_000 / 4096) - 1)
    assert.strictEqual(Result.getOrThrow(value).length, 20_000)
    const few = verify(make(txids, new Set([7, 19_999])))
    assert.isBelow(few.pauses, pauses)
    assert.deepStrictEqual(Result.getOrThrow(few.value).map(({ position }) => position), [7, 19_999])
    // The last part of all has nothing beside it in the rows above.
    const tree = make(txids, all)
    const twice = { ...tree, hashes: [...tree.hashes.slice(0, -1), tree.hashes.at(-2)!] }
    assert.isTrue(Result.isFailure(verify(twice).value))
  })

  it.each(["p2p-regtest", "p2p-regtest-wallet"])("verifies the merkle block of the conversation %s", (name) => {
    const recorded = Legacy.trace(name).messages
    const found = recorded.find(({ command }) => command === "merkleblock")!
    const block = Result.getOrThrow(P2PMessage.decode("merkleblock", Legacy.fromHex(found.hex.slice(48))))
    const matches = Result.getOrThrow(PartialMerkleTree.verify(block, block.header.merkleRoot, hash256))
    // The matched transactions follow the merkle block.
    const after = recorded.slice(recorded.indexOf(found) + 1, recorded.indexOf(found) + 1 + matches.length)
    assert.deepStrictEqual(
      matches.map(({ txid }) => HashHex.format(txid)),
      after.map(({ hex }) => HashHex.format(hash256(Legacy.fromHex(hex.slice(48)))))
    )
    assert.deepStrictEqual(matches.map(({ position }) => position), name === "p2p-regtest" ? [0] : [1, 2])
    const again = PartialMerkleTree.make({
      txids: block.transactions === 1 ? block.hashes : [block.hashes[0]!, ...matches.map(({ txid }) => txid)],
      isMatch: (position) => matches.some((match) => match.position === position),
      hash256
    })
    assert.deepStrictEqual(again.flags, Uint8Array.from(block.flags))
    assert.deepStrictEqual(again.hashes, block.hashes)
  })

  it("survives the recorded way through the message", () => {
    const txids = ids(77)
    const tree = make(txids, new Set([3, 40, 76]))
    const recorded = Legacy.trace("p2p-regtest").messages.find(({ command }) => command === "merkleblock")
    const { header } = Result.getOrThrow(P2PMessage.decode("merkleblock", Legacy.fromHex(recorded!.hex.slice(48))))
    const body = Result.getOrThrow(P2PMessage.encode(P2PMessage.make("merkleblock", { header, ...tree })))
    const read = Result.getOrThrow(P2PMessage.decode("merkleblock", body))
    const { matches, root } = Result.getOrThrow(PartialMerkleTree.extract(read, hash256))
    assert.deepStrictEqual(root, rootOf(txids))
    assert.deepStrictEqual(matches.map(({ position }) => position), [3, 40, 76])
  })
})

describe("PartialMerkleTree, attacks", () => {
  const txids = ids(7)
  const root = rootOf(txids)
  const tree = make(txids, new Set([2, 6]))

  it("is fine to begin with", () => {
    assert.strictEqual(problemOf(tree, root), "none")
  })

  it("refuses another root", () => {
    assert.strictEqual(problemOf(tree, rootOf(ids(7, 1))), "WrongRoot")
    assert.notStrictEqual(problemOf({ ...tree, transactions: 8 }, root), "none")
  })

  it("refuses numbers of transactions that no block has", () => {
    assert.strictEqual(problemOf({ ...tree, transactions: 0 }, root), "NoTransactions")
    assert.strictEqual(problemOf({ transactions: 0, hashes: [], flags: new Uint8Array(0) }, root), "NoTransactions")
    assert.strictEqual(problemOf({ ...tree, transactions: 0xffff_ffff }, root), "TooManyTransactions")
  })

  it("refuses too many hashes", () => {
    const hashes = Array.from({ length: 8 }, () => txids[0]!)
    assert.strictEqual(problemOf({ ...tree, hashes }, root), "TooManyHashes")
  })

  it("refuses fewer bits than hashes", () => {
    const all = make(ids(100), new Set(Array.from({ length: 100 }, (_, i) => i)))
    assert.strictEqual(problemOf({ ...all, flags: all.flags.subarray(0, 12) }, rootOf(ids(100))), "TooFewBits")
    assert.strictEqual(problemOf({ ...all, flags: all.flags.subarray(0, 20) }, rootOf(ids(100))), "OutOfBits")
  })

  it("refuses a hash too many or too few", () => {
    assert.strictEqual(problemOf({ ...tree, hashes: [...tree.hashes, HashHex.zero] }, root), "UnusedHashes")
    assert.strictEqual(problemOf({ ...tree, hashes: tree.hashes.slice(0, -1) }, root), "OutOfHashes")
    assert.strictEqual(problemOf({ ...tree, hashes: [] }, root), "OutOfHashes")
  })

  it("refuses bits that nothing uses, in a byte more or in the last one", () => {
    assert.strictEqual(problemOf({ ...tree, flags: Legacy.concat(tree.flags, Uint8Array.of(0)) }, root), "UnusedBits")
    const bits = bitsOf(tree)
    bits[15] = 1
    assert.strictEqual(problemOf({ ...tree, flags: withBits(bits) }, root), "UnusedBits")
  })

  it("refuses equal children, by which transactions are counted twice", () => {
    // The list of six has the root of the one of eight whose last two are those before.
    const six = ids(6)
    const eight = [...six, six[4]!, six[5]!]
    assert.deepStrictEqual(rootOf(eight), rootOf(six))
    const forged = make(eight, new Set([6]))
    assert.strictEqual(problemOf(forged, rootOf(six)), "EqualChildren")
    const five = ids(5)
    assert.strictEqual(problemOf(make([...five, five[4]!], new Set([5])), rootOf(five)), "EqualChildren")
    assert.strictEqual(problemOf(make(six, new Set([5])), rootOf(six)), "none")
  })

  it("proves nothing that is not there when any bit is changed", () => {
    let others = 0
    const check = (changed: PartialMerkleTree.PartialMerkleTree, about: string) => {
      const result = PartialMerkleTree.verify(changed, root, hash256)
      if (Result.isFailure(result)) return
      // A transaction may be named or left out, but each that is named is in the block.
      others++
      for (const { position, txid } of result.success) assert.deepStrictEqual(txid, txids[position], about)
    }
    for (let i = 0; i < tree.flags.length * 8; i++) {
      const bits = bitsOf(tree)
      bits[i]! ^= 1
      check({ ...tree, flags: withBits(bits) }, `flag ${i}`)
    }
    // The flags of the two matched transactions and of the one beside the first.
    assert.strictEqual(others, 3)
    for (let i = 0; i < tree.hashes.length * 256; i++) {
      const hashes = tree.hashes.map((hash) => Uint8Array.from(hash))
      hashes[i >> 8]![(i & 255) >> 3]! ^= 1 << (i & 7)
      assert.strictEqual(problemOf({ ...tree, hashes }, root), "WrongRoot", `hash bit ${i}`)
    }
  })

  it("ends on any tree", () => {
    const seed = 1000
    const random = Legacy.makeRandom(seed)
    const problems = new Set<string>()
    for (let i = 0; i < 20_000; i++) {
      const forged: PartialMerkleTree.PartialMerkleTree = {
        transactions: random.next() < 0.5 ? random.below(20) : random.below(2 ** 32),
        hashes: Array.from({ length: random.below(9) }, () => random.bytes(32)),
        flags: random.bytes(random.below(5))
      }
      problems.add(problemOf(forged, root))
    }
    assert.isFalse(problems.has("none"))
    assert.isAtLeast(problems.size, 7, Array.from(problems).join(" "))
  })
})
