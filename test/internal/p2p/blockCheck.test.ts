import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as BlockHeader from "../../../src/domain/p2p/BlockHeader.ts"
import * as MerkleRoot from "../../../src/domain/p2p/MerkleRoot.ts"
import * as BlockCheck from "../../../src/internal/p2p/blockCheck.ts"
import { hash256 } from "../../../src/layers/NodeHash256.ts"
import * as Legacy from "../../utils/legacy.ts"
import * as Relayed from "../../utils/p2p/relayed.ts"
import * as Pieces from "../../utils/pieces.ts"

const sizeOf = (count: number): Uint8Array =>
  count < 253 ? Uint8Array.of(count) : Uint8Array.of(0xfe, count & 255, (count >> 8) & 255, count >> 16, 0)

const blockOf = (count: number): Uint8Array => {
  const all = Array.from({ length: count }, (_, n) => Relayed.transaction(n, 10, n === 0).bytes)
  const header = BlockHeader.pack([{
    version: 1,
    previous: new Uint8Array(32),
    merkleRoot: MerkleRoot.compute(all.map(hash256), hash256).root,
    time: 1,
    bits: 0x207f_ffff,
    nonce: 0
  }])
  return Legacy.concat(header, sizeOf(count), ...all)
}

describe("the check of a block", () => {
  it.effect("leaves others their turn while a large one is cut, hashed and compared", () =>
    Effect.gen(function*() {
      const bytes = blockOf(70_000)
      const { turns, value } = yield* Pieces.turnsDuring(BlockCheck.check(bytes, hash256))
      assert.strictEqual(value.txids.length, 70_000)
      const megabytes = Math.floor(bytes.length / 1_000_000)
      // Cutting and hashing take a turn for each megabyte, the tree one for 10,000 nodes of a row.
      assert.isAtLeast(turns, 2 * megabytes + 7 + 3 + 1)
    }))

  it.effect("is done at once for a small one", () =>
    Effect.gen(function*() {
      const { turns } = yield* Pieces.turnsDuring(BlockCheck.check(blockOf(100), hash256))
      assert.strictEqual(turns, 0)
    }))
})
