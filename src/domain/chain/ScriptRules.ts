/**
 * Whether the scripts of a transaction unlock what it spends: signatures above all.
 *
 * They run on the virtual machine of `@bitauth/libauth`, under the rules of May 2023.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Auth from "@bitauth/libauth"
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
 * Why the script of an input does not unlock its output, if so. It takes a millisecond or more.
 *
 * @category validation
 * @since 0.1.0
 */
export const findScriptFault = (
  { sourceOutputs, transaction }: Spend,
  inputIndex: number
): TransactionRefused.TransactionRefused | undefined => {
  const machine = getMachine()
  let result: string | true
  try {
    result = machine.stateSuccess(machine.evaluate({ inputIndex, sourceOutputs, transaction }))
  } catch (defect) {
    // The scripts are those of strangers: what they do to the machine is their fault, not ours.
    result = String(defect)
  }
  return result === true ? undefined : failed(result)
}

const makeMachine = () => Auth.createVirtualMachineBCH2023(false)

let machine: ReturnType<typeof makeMachine> | undefined

/** Made when it is first needed, since that takes a while. */
const getMachine = () => machine ??= makeMachine()

const { nonNullSignatureFailure, unsuccessfulEvaluation } = Auth.AuthenticationErrorCommon

const falseResult = "Script evaluated without error but finished with a false/empty top stack element"

/** A Hub tells nothing apart between a signature that does not match and a false result. */
const failed = (problem: string): TransactionRefused.TransactionRefused => {
  const isFalse = problem.startsWith(unsuccessfulEvaluation) || problem.startsWith(nonNullSignatureFailure)
  return TransactionRefused.invalid(`mandatory-script-verify-flag-failed (${isFalse ? falseResult : problem})`)
}
