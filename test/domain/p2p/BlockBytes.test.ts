import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as BlockBytes from "../../../src/domain/p2p/BlockBytes.ts"
import { Random, seed } from "../../utils/native.ts"
import * as Legacy from "../../utils/legacy.ts"
import * as Relayed from "../../utils/p2p/relayed.ts"

const forgery = (bytes: Uint8Array) => {
  const parts = Result.getOrThrow(BlockBytes.split(bytes))
  return BlockBytes.forgery(parts, parts.transactions.map(Legacy.hash256), Legacy.hash256)?.problem
}

describe("BlockBytes", () => {
  it("takes the block of a real node", () => {
    const recorded = Legacy.trace("p2p-regtest").messages.filter(({ command }) => command === "block")
    assert.isNotEmpty(recorded)
    for (const { hex } of recorded) {
      // The body follows the 24 bytes of the envelope.
      assert.isUndefined(forgery(Legacy.fromHex(hex).subarray(24)))
    }
  })

  it("takes blocks of any number of transactions, and refuses them with one less, more, or in another order", () => {
    for (let count = 0; count < 20; count++) {
      const { transactions } = Relayed.blockOf(1, count)
      assert.isUndefined(forgery(Relayed.block(transactions).bytes))
      assert.strictEqual(
        forgery(Relayed.block(transactions, [...transactions, Relayed.transaction(9)]).bytes),
        "WrongRoot"
      )
      if (count === 0) continue
      assert.strictEqual(forgery(Relayed.block(transactions, transactions.slice(0, -1)).bytes), "WrongRoot")
      assert.strictEqual(forgery(Relayed.block(transactions, transactions.toReversed()).bytes), "WrongRoot")
    }
  })

  it("refuses a list whose end is repeated (CVE-2012-2459)", () => {
    for (const count of [3, 5, 6, 7, 9, 12]) {
      const { transactions } = Relayed.blockOf(1, count - 1)
      const size = 2 ** Math.ceil(Math.log2(count))
      let repeat = 1
      while (count % (repeat * 2) === 0) repeat *= 2
      assert.isAtMost(count + repeat, size)
      const repeated = [...transactions, ...transactions.slice(-repeat)]
      assert.strictEqual(forgery(Relayed.block(transactions, repeated).bytes), "RepeatedTransactions")
    }
  })

  it("refuses nodes of the tree in place of transactions", () => {
    // The first of them is all that has to look like a transaction. This one is as long as a node.
    const node = Relayed.ambiguous(1)
    assert.strictEqual(node.bytes.length, 64)
    assert.strictEqual(forgery(Relayed.block([node]).bytes), "InnerNodes")
    assert.isUndefined(forgery(Relayed.block([Relayed.transaction(1, 10, true), node]).bytes))
  })

  it("does not throw on any bytes", () => {
    const random = new Random(seed)
    const { bytes } = Relayed.blockOf(1, 5)
    for (let i = 0; i < 3000; i++) {
      const changed = bytes.slice(0, random.chance(30) ? random.below(bytes.length) : bytes.length)
      for (let times = random.below(4); times > 0; times--) changed[random.below(changed.length)] = random.next() & 255
      const parts = BlockBytes.split(changed)
      if (Result.isSuccess(parts)) assert.isAtLeast(parts.success.transactions.length, 0)
      else assert.isAtMost(parts.failure.offset, changed.length)
    }
    assert.isTrue(Result.isFailure(BlockBytes.split(random.bytes(79))))
  })
})
