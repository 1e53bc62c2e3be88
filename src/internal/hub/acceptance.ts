/**
 * What a transaction must be like to wait in the mempool, and what becomes of those that wait when blocks come and go.
 */
import * as Result from "effect/Result"
import type * as Block from "../../domain/chain/Block.ts"
import * as Pieces from "../../domain/internal/pieces.ts"
import * as SpendRules from "../../domain/chain/SpendRules.ts"
import * as Transaction from "../../domain/chain/Transaction.ts"
import * as TransactionRefused from "../../domain/chain/TransactionRefused.ts"
import * as TransactionRules from "../../domain/chain/TransactionRules.ts"
import type * as Chain from "./chain.ts"
import type * as Mempool from "./mempool.ts"

/** @internal */
export interface Policy {
  /** The least fee, in satoshis for 1000 bytes. */
  readonly minFeeRate: number
  /** The most bytes that the mempool takes. */
  readonly maxMempool: number
}

/** @internal */
export interface Examined {
  /** What the inputs spend, in order. */
  readonly coins: ReadonlyArray<SpendRules.Coin>
  readonly fee: bigint
}

/**
 * Checks all rules but those of scripts, and that of conflicts: those are only worth telling of when the scripts are
 * right.
 *
 * @internal
 */
export const examine = (
  chain: Chain.Chain,
  transaction: Transaction.Transaction,
  policy = chain.policy
): Result.Result<Examined, TransactionRefused.TransactionRefused> => {
  const fault = findFault(chain, transaction)
  if (fault !== undefined) return Result.fail(fault)
  const coins = coinsOf(chain, transaction)
  if (coins === undefined) return Result.fail(TransactionRefused.invalid("bad-txns-inputs-missingorspent"))
  const fee = SpendRules.check(transaction, coins, chain.placeAfter(chain.tip))
  if (Result.isFailure(fee)) return Result.fail(fee.failure)
  const size = transaction.bytes.length
  if (fee.success * 1000n < BigInt(size * policy.minFeeRate)) return Result.fail(TransactionRefused.lowFee)
  if (chain.pool.usage + size > policy.maxMempool) return Result.fail(TransactionRefused.mempoolFull)
  return Result.succeed({ coins, fee: fee.success })
}

const findFault = (chain: Chain.Chain, transaction: Transaction.Transaction) => {
  const fault = TransactionRules.findFault(transaction)
  if (fault !== undefined) return fault
  if (Transaction.isCoinbase(transaction)) return TransactionRefused.invalid("coinbase")
  if (transaction.bytes.length > TransactionRules.maxStandardSize) return TransactionRefused.nonStandard("tx-size")
  return chain.find(transaction.id) === undefined ? undefined : TransactionRefused.known
}

/** What the inputs spend, in blocks or in the mempool. Others in the mempool may spend it too. */
const coinsOf = (chain: Chain.Chain, { inputs }: Transaction.Transaction): Array<SpendRules.Coin> | undefined => {
  const coins: Array<SpendRules.Coin> = []
  for (const input of inputs) {
    const output = chain.coin(input) ?? chain.pool.output(input)
    if (output === undefined) return undefined
    coins.push({ height: chain.tip.height + 1, isCoinbase: false, ...output })
  }
  return coins
}

/**
 * The transactions in the mempool that spend the same as another one, each with what both spend.
 *
 * @internal
 */
export const conflictsOf = (
  chain: Chain.Chain,
  { inputs }: Transaction.Transaction
): ReadonlyMap<Mempool.MempoolEntry, Transaction.OutPoint> => {
  const conflicts = new Map<Mempool.MempoolEntry, Transaction.OutPoint>()
  for (const input of inputs) {
    const entry = chain.pool.spender(input)
    if (entry !== undefined && !conflicts.has(entry)) conflicts.set(entry, input)
  }
  return conflicts
}

/**
 * Brings the mempool up to date after blocks were removed and added.
 *
 * @internal
 */
export function* settle(
  chain: Chain.Chain,
  removed: ReadonlyArray<Block.Block>,
  added: ReadonlyArray<Block.Block>
): Generator<void, void> {
  // The coins that the mempool spends may have gone with the blocks, so that all of it is looked at again.
  if (removed.length > 0) return yield* refill(chain, [...removed].reverse().flatMap(candidatesOf))
  const isTime = Pieces.meter(partsAtOnce)
  for (const { transactions } of added) {
    for (const { transaction } of transactions) {
      if (isTime(Transaction.parts(transaction))) yield
      chain.pool.settle(transaction)
    }
  }
}

/** So many inputs and outputs are dealt with in one piece. */
const partsAtOnce = 1000

type Candidate = Pick<Mempool.MempoolEntry, "transaction" | "firstSeen">

const candidatesOf = ({ header, transactions }: Block.Block): ReadonlyArray<Candidate> =>
  transactions.slice(1).map(({ transaction }) => ({ transaction, firstSeen: header.time }))

/** Their scripts were checked before, and policy is for newcomers. */
const noPolicy: Policy = { minFeeRate: 0, maxMempool: Infinity }

function* refill(chain: Chain.Chain, returned: ReadonlyArray<Candidate>): Generator<void, void> {
  const isTime = Pieces.meter(partsAtOnce)
  let waiting: ReadonlyArray<Candidate> = [...returned, ...chain.pool.clear()]
  for (let tried = Infinity; waiting.length < tried;) {
    tried = waiting.length
    // One may spend what a later one pays, so those that do not fit get another chance.
    const left: Array<Candidate> = []
    for (const candidate of waiting) {
      if (isTime(Transaction.parts(candidate.transaction))) yield
      if (!add(chain, candidate)) left.push(candidate)
    }
    waiting = left
  }
}

const add = (chain: Chain.Chain, { firstSeen, transaction }: Candidate): boolean => {
  const examined = examine(chain, transaction, noPolicy)
  if (Result.isFailure(examined) || conflictsOf(chain, transaction).size > 0) return false
  chain.pool.add({ transaction, fee: examined.success.fee, firstSeen })
  return true
}
