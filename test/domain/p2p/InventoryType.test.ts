import { assert, describe, it } from "@effect/vitest"
import * as InventoryType from "../../../src/domain/p2p/InventoryType.ts"

describe("InventoryType", () => {
  it("has the numbers of the protocol", () => {
    const { block, compactBlock, doubleSpendProof, merkleBlock, transaction } = InventoryType
    assert.deepStrictEqual([transaction, block, merkleBlock, compactBlock, doubleSpendProof], [1, 2, 3, 4, 0x94a0])
  })

  it("has names for people", () => {
    assert.strictEqual(InventoryType.format(0x94a0), "double-spend proof")
    assert.strictEqual(InventoryType.format(3), "merkle block")
    assert.strictEqual(InventoryType.format(77), "type 77")
  })
})
