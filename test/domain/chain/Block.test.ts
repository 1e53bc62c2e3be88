import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as Block from "../../../src/domain/chain/Block.ts"
import * as BlockRules from "../../../src/domain/chain/BlockRules.ts"
import * as Coinbase from "../../../src/domain/chain/Coinbase.ts"
import * as RegtestGenesis from "../../../src/domain/chain/RegtestGenesis.ts"
import * as Transaction from "../../../src/domain/chain/Transaction.ts"
import * as ChainParams from "../../../src/domain/p2p/ChainParams.ts"
import * as Target from "../../../src/domain/p2p/Target.ts"
import { block } from "../../utils/branch.ts"
import * as Native from "../../utils/native.ts"
import * as Wallet from "../../utils/wallet.ts"

const place = { height: 7, previous: ChainParams.regtest.genesisHash, time: 1_700_000_000 }

const coin = (n: number): Wallet.Coin => ({ txId: new Uint8Array(32).fill(n), index: n, amount: 5000n })

const payments = [1, 2, 3].map((n) =>
  Wallet.spend(Wallet.traceKey, { coins: [coin(n)], outputs: [Wallet.pay(Wallet.traceKey.address, 1000n)] })
)

describe("Block", () => {
  it("is the first block of regtest", () => {
    const genesis = Result.getOrThrow(Block.decode(RegtestGenesis.bytes))
    assert.deepStrictEqual(genesis.hash, ChainParams.regtest.genesisHash)
    assert.deepStrictEqual(genesis.header, ChainParams.regtest.genesis)
    assert.deepStrictEqual(
      Block.merkleRoot(genesis.transactions.map(({ transaction }) => transaction)).root,
      genesis.header.merkleRoot
    )
    assert.strictEqual(Transaction.amount(genesis.transactions[0]!.transaction), 5_000_000_000n)
  })

  it("is mined with proof of work, and read as it was made", () => {
    const made = block({ ...place, transactions: payments })
    assert.isTrue(Target.isMet(made.hash, 0x207fffff))
    assert.isUndefined(BlockRules.findFault(made, 7))
    const read = Result.getOrThrow(Block.decode(made.bytes))
    assert.deepStrictEqual(read.header, made.header)
    assert.deepStrictEqual(read.hash, made.hash)
    assert.deepStrictEqual(
      read.transactions.map(({ offset, transaction }) => [offset, Native.toHex(transaction.id)]),
      made.transactions.map(({ offset, transaction }) => [offset, Native.toHex(transaction.id)])
    )
    assert.deepStrictEqual(read.transactions.map(({ offset }) => offset).slice(0, 2), [81, 181])
  })

  it("says what is wrong with other bytes, whatever they are", () => {
    const { bytes } = block({ ...place, transactions: payments })
    for (let end = 0; end < bytes.length; end += 7) {
      assert.isTrue(Result.isFailure(Block.decode(bytes.slice(0, end))), `${end} bytes`)
    }
    const longer = Block.decode(Uint8Array.of(...bytes, 0))
    assert(Result.isFailure(longer))
    assert.strictEqual(longer.failure.message, "these bytes are no block: 1 bytes follow its end")
    const endless = Uint8Array.of(...bytes.slice(0, 80), ...new Uint8Array(9).fill(0xff))
    assert.isTrue(Result.isFailure(Block.decode(endless)))
  })
})

describe("BlockRules", () => {
  const coinbase = Coinbase.make({ height: 7, address: Wallet.traceKey.address, amount: 1n })
  const mine = (transactions: ReadonlyArray<Transaction.Transaction>) =>
    Block.mine({ version: 1, bits: 0x207fffff, previous: place.previous, time: place.time, transactions })
  const ruleOf = (transactions: ReadonlyArray<Transaction.Transaction>, height = 7) =>
    BlockRules.findFault(mine(transactions), height)?.rule
  const sorted = [...payments].sort(Block.compareIds)

  it("demands one coinbase, in the first place and with the height", () => {
    assert.strictEqual(ruleOf([]), "bad-cb-missing")
    assert.strictEqual(ruleOf([sorted[0]!, coinbase]), "bad-cb-missing")
    assert.strictEqual(ruleOf([coinbase, coinbase]), "bad-txns-duplicate")
    const other = Coinbase.make({ height: 7, address: Wallet.traceKey.address, amount: 2n })
    assert.strictEqual(ruleOf([coinbase, other]), "bad-cb-multiple")
    assert.strictEqual(ruleOf([coinbase], 8), "bad-cb-height")
  })

  it("demands the order of ids, each of them once", () => {
    assert.isUndefined(ruleOf([coinbase, ...sorted]))
    assert.strictEqual(ruleOf([coinbase, ...[...sorted].reverse()]), "tx-ordering")
    assert.strictEqual(ruleOf([coinbase, sorted[0]!, sorted[0]!]), "tx-ordering")
  })

  it("demands the root of its transactions, and sound ones", () => {
    const made = mine([coinbase])
    const lying = { ...made, header: { ...made.header, merkleRoot: new Uint8Array(32) } }
    assert.strictEqual(BlockRules.findFault(lying, 7)?.rule, "bad-txnmrklroot")
    assert.strictEqual(ruleOf([coinbase, Transaction.make({ ...sorted[0]!, outputs: [] })]), "bad-txns-vout-empty")
    assert.strictEqual(
      BlockRules.findFault({ ...made, bytes: new Uint8Array(BlockRules.maxSize + 1) }, 7)?.rule,
      "bad-blk-length"
    )
  })
})

describe("Coinbase", () => {
  it("creates half as much after each 150 blocks", () => {
    assert.deepStrictEqual([0, 149, 150, 299, 300, 150 * 33, 150 * 64].map(Coinbase.subsidy), [
      5_000_000_000n,
      5_000_000_000n,
      2_500_000_000n,
      2_500_000_000n,
      1_250_000_000n,
      0n,
      0n
    ])
  })

  it("has the height of its block and 100 bytes at any height", () => {
    for (const height of [1, 16, 17, 127, 128, 255, 256, 32_767, 32_768, 8_388_607, 8_388_608]) {
      const { bytes, inputs } = Coinbase.make({ height, address: Wallet.traceKey.address, amount: 1n })
      assert.isTrue(Coinbase.hasHeight(inputs[0]!.script, height), String(height))
      assert.isFalse(Coinbase.hasHeight(inputs[0]!.script, height + 1), String(height))
      assert.strictEqual(bytes.length, 100)
    }
  })
})
