/**
 * Whether the scripts of a transaction unlock what it spends: signatures above all.
 *
 * They run on the virtual machine of `@bitauth/libauth`, under the rules of May 2023.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Auth from "@bitauth/libauth"
import * as ScriptCheck from "./ScriptCheck.ts"
import * as Transaction from "./Transaction.ts"
import * as TransactionRefused from "./TransactionRefused.ts"

/**
 * A transaction with the outputs that it spends.
 *
 * @category models
 * @since 0.1.0
 */
export interface Spend {
  readonly transaction: Auth.TransactionCommon
  readonly sourceOutputs: Array<Auth.Output>
}

/**
 * Makes ready to check the scripts of a transaction. The outputs are those that its inputs spend, in order.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (transaction: Transaction.Contents, spent: ReadonlyArray<Transaction.Output>): Spend => ({
  transaction: Transaction.toCommon(transaction),
  sourceOutputs: spent.map(Transaction.toCommonOutput)
})

/**
 * Why the CashTokens of a transaction are not those that it spends, if so.
 *
 * @category validation
 * @since 0.1.0
 */
export const findTokenFault = (
  { sourceOutputs, transaction }: Spend
): TransactionRefused.TransactionRefused | undefined => {
  const result = Auth.verifyTransactionTokens(transaction, sourceOutputs)
  return result === true ? undefined : TransactionRefused.invalid(`bad-txns-tokens (${result})`)
}

/**
 * Why the script of an input does not unlock its output, if so. It takes a millisecond or more, and with many signatures
 * many of them: see `ScriptCheck`.
 *
 * @category validation
 * @since 0.1.0
 */
export const findScriptFault = (
  spend: Spend,
  inputIndex: number
): TransactionRefused.TransactionRefused | undefined => {
  const check = ScriptCheck.make(spend, inputIndex)
  let progress = check.next()
  while (progress._tag === "Unfinished") progress = check.next()
  return progress.fault
}
