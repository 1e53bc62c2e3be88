import { assert, describe, it } from "@effect/vitest"
import * as HashHex from "../../../src/domain/p2p/HashHex.ts"
import * as MerkleRoot from "../../../src/domain/p2p/MerkleRoot.ts"
import * as Legacy from "../../utils/legacy.ts"
import * as Pieces from "../../utils/pieces.ts"

const compute = (txids: ReadonlyArray<Uint8Array>) => MerkleRoot.compute(txids, Legacy.hash256)

const ids = (count: number): Array<Uint8Array> =>
  Array.from({ length: count }, (_, i) => Legacy.hash256(Uint8Array.of(i & 255, i >> 8)))

/** The definition, by recursion. */
const reference = (row: ReadonlyArray<Uint8Array>): Uint8Array =>
  row.length === 1
    ? row[0]!
    : reference(
      Array.from(
        { length: Math.ceil(row.length / 2) },
        (_, i) => Legacy.hash256(Legacy.concat(row[2 * i]!, row[2 * i + 1] ?? row[2 * i]!))
      )
    )

describe("MerkleRoot", () => {
  it("gives the root of block 100,000 of mainnet", () => {
    const txids = [
      "8c14f0db3df150123e6f3dbbf30f8b955a8249b62ac1d1ff16284aefa3d06d87",
      "fff2525b8931402dd09222c50775608f75787bd2b87e56995a7bdd30f79702c4",
      "6359f0868171b1d194cbee1af2f16ea598ae8fad666d9b012c8ed2b79a236ec4",
      "e9a66845e05d5abc0ad04ec80f774a7e585c6e8db975962d069a522137b80c1d"
    ].map(HashHex.parseUnsafe)
    const { isAmbiguous, root } = compute(txids)
    assert.strictEqual(HashHex.format(root), "f3e94742aca4b5ef85488dc37c06c3282295ffec960994b2c0d5ac2a25a95766")
    assert.isFalse(isAmbiguous)
  })

  it("is computed some thousand hashes at a time, with the same result", () => {
    const { hashesAtOnce } = MerkleRoot
    const many = ids(2 * hashesAtOnce * 2 + 1)
    const { pauses, value } = Pieces.collect(MerkleRoot.computeInPieces(many, Legacy.hash256))
    // Twice in the first row, and once in the one above.
    assert.strictEqual(pauses, 3)
    assert.deepStrictEqual(value.root, reference(many))
    assert.isFalse(value.isAmbiguous)
    const twins = [...many.slice(0, -1)]
    twins[2 * hashesAtOnce + 1] = twins[2 * hashesAtOnce]!
    assert.isTrue(compute(twins).isAmbiguous)
    assert.strictEqual(Pieces.collect(MerkleRoot.computeInPieces(ids(1000), Legacy.hash256)).pauses, 0)
  })

  it("is the hash of the one transaction of a block, and zeros of none", () => {
    const [only] = ids(1)
    assert.deepStrictEqual(compute([only!]), { root: only!, isAmbiguous: false })
    assert.deepStrictEqual(compute([]), { root: HashHex.zero, isAmbiguous: false })
  })

  it("agrees with its definition", () => {
    for (let count = 1; count < 70; count++) {
      assert.deepStrictEqual(compute(ids(count)), { root: reference(ids(count)), isAmbiguous: false })
    }
  })

  it("notices lists with transactions twice that have the same root", () => {
    const six = ids(6)
    const eight = [...six, six[4]!, six[5]!]
    assert.deepStrictEqual(compute(eight).root, compute(six).root)
    assert.isTrue(compute(eight).isAmbiguous)
    assert.isFalse(compute(six).isAmbiguous)
    const five = ids(5)
    assert.deepStrictEqual(compute([...five, five[4]!]).root, compute(five).root)
    assert.isTrue(compute([...five, five[4]!]).isAmbiguous)
  })
})
