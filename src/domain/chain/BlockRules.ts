/**
 * Rules that a block follows whatever chain it is in, other than those of its header.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as BlockRefused from "./BlockRefused.ts"
import * as Block from "./Block.ts"
import * as Coinbase from "./Coinbase.ts"
import * as Transaction from "./Transaction.ts"
import * as TransactionRules from "./TransactionRules.ts"
import * as Pieces from "../../domain/internal/pieces.ts"
import * as HashHex from "../p2p/HashHex.ts"

/**
 * The most bytes that a block may have.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxSize = 32_000_000

/**
 * The first rule that a block breaks by itself when it is to have that height; `undefined` when it is sound.
 *
 * @category validation
 * @since 0.1.0
 */
export const findFault = (self: Block.Block, height: number): BlockRefused.BlockRefused | undefined =>
  Pieces.runSync(findFaultInPieces(self, height))

/** What is looked at in one piece: as many inputs and outputs. */
const partsAtOnce = 2000

/**
 * As {@link findFault}, with pauses.
 *
 * @category validation
 * @since 0.1.0
 */
export function* findFaultInPieces(
  self: Block.Block,
  height: number
): Generator<void, BlockRefused.BlockRefused | undefined> {
  if (self.bytes.length > maxSize) return refused("bad-blk-length")
  const transactions = self.transactions.map(({ transaction }) => transaction)
  return (yield* findRootFault(self, transactions)) ?? findCoinbaseFault(transactions, height) ??
    (yield* findTransactionFault(transactions))
}

const refused = (rule: string, detail?: string) => new BlockRefused.BlockRefused({ rule, detail })

function* findRootFault(self: Block.Block, transactions: ReadonlyArray<Transaction.Transaction>) {
  const { isAmbiguous, root } = yield* Block.merkleRootInPieces(transactions)
  if (!HashHex.equals(root, self.header.merkleRoot)) return refused("bad-txnmrklroot")
  return isAmbiguous ? refused("bad-txns-duplicate") : undefined
}

const findCoinbaseFault = (transactions: ReadonlyArray<Transaction.Transaction>, height: number) => {
  const [coinbase, ...others] = transactions
  if (coinbase === undefined || !Transaction.isCoinbase(coinbase)) return refused("bad-cb-missing")
  if (others.some(Transaction.isCoinbase)) return refused("bad-cb-multiple")
  return Coinbase.hasHeight(coinbase.inputs[0].script, height) ? undefined : refused("bad-cb-height")
}

function* findTransactionFault(transactions: ReadonlyArray<Transaction.Transaction>) {
  const isTime = Pieces.meter(partsAtOnce)
  for (let i = 0; i < transactions.length; i++) {
    if (isTime(Transaction.parts(transactions[i]))) yield
    const fault = TransactionRules.findFault(transactions[i])
    if (fault !== undefined) return refused(fault.rule)
    if (i > 1 && Block.compareIds(transactions[i - 1], transactions[i]) >= 0) return refused("tx-ordering")
  }
  return undefined
}
