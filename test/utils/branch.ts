/**
 * Blocks beside those of a chain.
 */
import { Result } from "effect"
import * as Block from "../../src/domain/chain/Block.ts"
import * as Coinbase from "../../src/domain/chain/Coinbase.ts"
import type * as Transaction from "../../src/domain/chain/Transaction.ts"
import type * as RegtestChain from "../../src/services/hub/RegtestChain.ts"

export interface Options {
  readonly height: number
  readonly previous: Uint8Array
  /** In seconds since 1970. */
  readonly time: number
  readonly transactions?: ReadonlyArray<Transaction.Transaction>
  /** Of the coinbase. Default: what the subsidy is. */
  readonly amount?: bigint
  readonly bits?: number
}

/** A block that pays nobody in particular. */
export const block = ({ amount, bits = 0x207fffff, height, previous, time, transactions = [] }: Options): Block.Block =>
  Block.mine({
    version: 0x20000000,
    previous,
    time,
    bits,
    transactions: [
      Coinbase.make({ height, address: new Uint8Array(20).fill(0xbb), amount: amount ?? Coinbase.subsidy(height) }),
      ...[...transactions].sort(Block.compareIds)
    ]
  })

/** So many blocks after one of a chain; the first of them has transactions. */
export const branch = (
  after: RegtestChain.ChainBlock,
  count: number,
  transactions: ReadonlyArray<Transaction.Transaction> = []
): ReadonlyArray<Block.Block> => {
  const { header } = Result.getOrThrow(Block.decode(after.bytes))
  const blocks: Array<Block.Block> = []
  for (let i = 1; i <= count; i++) {
    blocks.push(block({
      height: after.height + i,
      previous: blocks.at(-1)?.hash ?? after.hash,
      time: header.time + i,
      transactions: i === 1 ? transactions : []
    }))
  }
  return blocks
}
