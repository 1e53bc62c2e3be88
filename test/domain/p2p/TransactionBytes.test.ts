import * as Auth from "@bitauth/libauth"
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as Transaction from "../../../src/domain/chain/Transaction.ts"
import * as BinaryReader from "../../../src/domain/p2p/BinaryReader.ts"
import * as TransactionBytes from "../../../src/domain/p2p/TransactionBytes.ts"
import * as Legacy from "../../utils/legacy.ts"
import { Random, seed } from "../../utils/native.ts"
import * as Relayed from "../../utils/p2p/relayed.ts"
import * as Pieces from "../../utils/pieces.ts"

const { bytes } = Relayed.transaction(1)

/** A transaction with scripts of all sizes. */
const random = (random: Random): Uint8Array => {
  const script = () => random.bytes(random.pick([0, 1, 25, 252, 253, 300, 70_000]))
  return Transaction.make({
    version: random.below(3),
    inputs: Array.from({ length: 1 + random.below(4) }, () => ({
      txId: random.bytes(32),
      index: random.below(10),
      script: script(),
      sequence: random.next()
    })),
    outputs: Array.from({ length: 1 + random.below(300) }, () => ({
      amount: BigInt(random.next()),
      script: random.bytes(random.below(30))
    })),
    lockTime: random.next()
  }).bytes
}

describe("TransactionBytes", () => {
  it("finds the end of what another implementation writes", () => {
    const source = new Random(seed)
    for (let i = 0; i < 100; i++) {
      const one = random(source)
      assert.isUndefined(TransactionBytes.problem(one), `seed ${seed}, transaction ${i}`)
      const reader = BinaryReader.make(Legacy.concat(one, bytes))
      TransactionBytes.skip(reader)
      assert.strictEqual(reader.offset, one.length)
    }
  })

  it("refuses each beginning of a transaction, and one with more behind it", () => {
    for (let length = 0; length < bytes.length; length++) {
      assert.isDefined(TransactionBytes.problem(bytes.subarray(0, length)), `${length} bytes`)
    }
    assert.strictEqual(
      TransactionBytes.problem(Uint8Array.of(...bytes, 0))?.message,
      `value at byte ${bytes.length}: 1 bytes follow the end of the value`
    )
  })

  it("says where it is wrong", () => {
    assert.strictEqual(
      TransactionBytes.problem(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0, 0))?.message,
      "inputs at byte 4: 0 is no whole number from 1 to 0"
    )
    const without = bytes.slice()
    without[4 + 1 + 36 + 1 + 10 + 4] = 0
    assert.match(TransactionBytes.problem(without)!.message, /^outputs at byte 56: 0 is no whole number from 1/)
    // A count or a script that no memory has room for.
    for (const at of [4, 41, 56, 65]) {
      const huge = Uint8Array.of(
        ...bytes.subarray(0, at),
        255,
        255,
        255,
        255,
        255,
        255,
        255,
        31,
        0,
        ...bytes.subarray(at + 1)
      )
      assert.isDefined(TransactionBytes.problem(huge))
    }
  })

  it("takes what is a transaction for libauth, and nothing else, whatever byte is changed", () => {
    const source = new Random(seed)
    for (let i = 0; i < 2000; i++) {
      const changed = bytes.slice()
      for (let times = 1 + source.below(3); times > 0; times--) {
        changed[source.below(changed.length)] = source.next() & 255
      }
      const theirs = Auth.decodeTransaction(changed)
      const mine = TransactionBytes.problem(changed)
      // It takes transactions without inputs or outputs, and tokens are of no concern here.
      if (typeof theirs === "string") {
        assert.isTrue(mine !== undefined || /token/i.test(theirs), `${theirs} (seed ${seed})`)
      } else if (theirs.inputs.length > 0 && theirs.outputs.length > 0) assert.isUndefined(mine, `seed ${seed}`)
    }
  })

  it("knows a coinbase", () => {
    assert.isTrue(TransactionBytes.isCoinbase(Relayed.transaction(1, 10, true).bytes))
    assert.isFalse(TransactionBytes.isCoinbase(bytes))
    assert.isFalse(TransactionBytes.isCoinbase(bytes.subarray(0, 20)))
  })

  it("cuts much into pieces", () => {
    const all = Array.from({ length: 3000 }, (_, n) => Relayed.transaction(n, 1000).bytes)
    const joined = Legacy.concat(...all)
    const { pauses, value } = Pieces.collect(TransactionBytes.splitInPieces(BinaryReader.make(joined), all.length))
    assert.strictEqual(pauses, Math.floor(joined.length / TransactionBytes.bytesAtOnce))
    assert.deepStrictEqual(Result.getOrThrow(value), all)
  })

  it("takes no transaction for one that has more outputs than the largest", () => {
    const count = 200_000
    const bytes = new Uint8Array(60 + 9 * count)
    bytes[4] = 1
    bytes[46] = 0xfe
    new DataView(bytes.buffer).setUint32(47, count, true)
    assert.match(TransactionBytes.problem(bytes)!.message, /111111/)
  })

  it("cuts bytes into transactions", () => {
    const all = [1, 2, 3].map((n) => Relayed.transaction(n).bytes)
    const joined = Uint8Array.from(all.flatMap((one) => [...one]))
    assert.deepStrictEqual(Result.getOrThrow(TransactionBytes.splitAll(BinaryReader.make(joined), 3)), all)
    assert.isTrue(Result.isFailure(TransactionBytes.splitAll(BinaryReader.make(joined), 2)))
    const tooFew = TransactionBytes.splitAll(BinaryReader.make(joined), 4)
    assert.isTrue(Result.isFailure(tooFew) && tooFew.failure.path[0] === 3)
  })
})
