/**
 * Taking a block into the set of coins, and out again.
 */
import * as Result from "effect/Result"
import type * as Block from "../../domain/chain/Block.ts"
import * as Pieces from "../../domain/internal/pieces.ts"
import * as BlockRefused from "../../domain/chain/BlockRefused.ts"
import * as Coinbase from "../../domain/chain/Coinbase.ts"
import * as Script from "../../domain/chain/Script.ts"
import * as ScriptRules from "../../domain/chain/ScriptRules.ts"
import * as SpendRules from "../../domain/chain/SpendRules.ts"
import * as Transaction from "../../domain/chain/Transaction.ts"
import type * as Coins from "./coins.ts"
import * as Keys from "./keys.ts"

/** So many inputs and outputs are dealt with in one piece. */
const partsAtOnce = 1000

const refuse = (rule: string) => Result.fail(new BlockRefused.BlockRefused({ rule }))

/**
 * Takes a block in, or says which rule it breaks. Gives what has scripts to be checked.
 *
 * @internal
 */
export function* connect(
  coins: Coins.CoinTrial,
  { transactions }: Block.Block,
  place: SpendRules.Place
): Generator<void, Result.Result<ReadonlyArray<ScriptRules.Spend>, BlockRefused.BlockRefused>> {
  const isTime = Pieces.meter(partsAtOnce)
  // Transactions are ordered by id, so one may spend what a later one pays.
  for (const { transaction } of transactions) {
    if (isTime(transaction.outputs.length)) yield
    addOutputs(coins, transaction, place.height)
  }
  const spends: Array<ScriptRules.Spend> = []
  let fees = 0n
  for (const { transaction } of transactions.slice(1)) {
    if (isTime(Transaction.parts(transaction))) yield
    const spent = spend(coins, transaction)
    if (spent === undefined) return refuse("bad-txns-inputs-missingorspent")
    const fee = SpendRules.check(transaction, spent, place)
    if (Result.isFailure(fee)) return refuse(fee.failure.rule)
    fees += fee.success
    spends.push(ScriptRules.make(transaction, spent))
  }
  const created = Transaction.amount(transactions[0].transaction)
  return created > Coinbase.subsidy(place.height) + fees ? refuse("bad-cb-amount") : Result.succeed(spends)
}

const addOutputs = (coins: Coins.CoinTrial, transaction: Transaction.Transaction, height: number): void => {
  const isCoinbase = Transaction.isCoinbase(transaction)
  transaction.outputs.forEach((output, index) => {
    if (Script.isUnspendable(output.script)) return
    coins.add(Keys.outPointKey({ txId: transaction.id, index }), { ...output, height, isCoinbase })
  })
}

const spend = (
  coins: Coins.CoinTrial,
  { inputs }: Transaction.Transaction
): ReadonlyArray<SpendRules.Coin> | undefined => {
  const spent: Array<SpendRules.Coin> = []
  for (const input of inputs) {
    const key = Keys.outPointKey(input)
    const coin = coins.get(key)
    if (coin === undefined) return undefined
    coins.spend(key)
    spent.push(coin)
  }
  return spent
}

/**
 * Takes the last block out again. `find` gives any output of the chain, spent or not.
 *
 * @internal
 */
export function* disconnect(
  coins: Coins.CoinTrial,
  { transactions }: Block.Block,
  find: (outPoint: Transaction.OutPoint) => SpendRules.Coin | undefined
): Generator<void, void> {
  // To find one reads a transaction again.
  const isTime = Pieces.meter(partsAtOnce / 4)
  for (const { transaction } of transactions.slice(1)) {
    if (isTime(transaction.inputs.length)) yield
    for (const input of transaction.inputs) {
      const coin = find(input)
      if (coin !== undefined) coins.add(Keys.outPointKey(input), coin)
    }
  }
  // Last, since what one of them spent may have been paid by another.
  for (const { transaction: { id, outputs } } of transactions) {
    if (isTime(outputs.length)) yield
    for (let index = 0; index < outputs.length; index++) coins.spend(Keys.outPointKey({ txId: id, index }))
  }
}
