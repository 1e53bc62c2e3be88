/**
 * Proofs that an output was spent twice: what both transactions signed, without the transactions.
 *
 * There is one when both unlock a P2PKH output. Source: the specification of double-spend proofs that the nodes of
 * Bitcoin Cash share.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Auth from "@bitauth/libauth"
import * as HashHex from "../p2p/HashHex.ts"
import * as Transaction from "./Transaction.ts"

/** One of the two transactions, as far as its signature covers it. */
interface Spender {
  readonly previousHash: Uint8Array
  readonly outputsHash: Uint8Array
  readonly bytes: Uint8Array
}

/**
 * Makes the proof that two transactions spend the same output; `undefined` when there can be none.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  outPoint: Transaction.OutPoint,
  first: Transaction.Transaction,
  second: Transaction.Transaction
): Uint8Array | undefined => {
  const a = toSpender(first, outPoint)
  const b = toSpender(second, outPoint)
  if (a === undefined || b === undefined) return undefined
  const [low, high] = compare(a, b) <= 0 ? [a, b] : [b, a]
  return Auth.flattenBinArray([outPoint.txId, Auth.numberToBinUint32LE(outPoint.index), low.bytes, high.bytes])
}

/**
 * The name of a proof: the double SHA-256 of its bytes, in internal order.
 *
 * @category getters
 * @since 0.1.0
 */
export const id = (proof: Uint8Array): Uint8Array => Auth.hash256(proof)

const toSpender = (transaction: Transaction.Transaction, outPoint: Transaction.OutPoint): Spender | undefined => {
  const at = transaction.inputs.findIndex(({ index, txId }) =>
    index === outPoint.index && HashHex.equals(txId, outPoint.txId)
  )
  const signature = at < 0 ? undefined : signatureOf(transaction.inputs[at].script)
  return signature === undefined ? undefined : describe(transaction, at, signature)
}

const signedSize = 33

/** The signature of a script that pushes a signature and then a public key. */
const signatureOf = (script: Uint8Array): Uint8Array | undefined => {
  const instructions = Auth.decodeAuthenticationInstructions(script)
  if (instructions.length !== 2 || Auth.authenticationInstructionsAreMalformed(instructions)) return undefined
  const [signature, publicKey] = instructions.map((instruction) => "data" in instruction ? instruction.data : undefined)
  return signature === undefined || signature.length === 0 || publicKey === undefined || publicKey.length < signedSize
    ? undefined
    : signature
}

const describe = (self: Transaction.Transaction, at: number, signature: Uint8Array): Spender => {
  const { inputs, locktime, outputs, version } = Transaction.toCommon(self)
  // What a signature covers is said by its last byte.
  const signingSerializationType = signature.slice(-1)
  const previousHash = Auth.hashPrevouts({
    signingSerializationType,
    transactionOutpoints: Auth.encodeTransactionOutpoints(inputs)
  })
  const sequenceHash = Auth.hashSequence({
    signingSerializationType,
    transactionSequenceNumbers: Auth.encodeTransactionInputSequenceNumbersForSigning(inputs)
  })
  const outputsHash = Auth.hashOutputs({
    correspondingOutput: at < outputs.length ? Auth.encodeTransactionOutput(outputs[at]) : undefined,
    signingSerializationType,
    transactionOutputs: Auth.encodeTransactionOutputsForSigning(outputs)
  })
  const bytes = Auth.flattenBinArray([
    Auth.numberToBinUint32LE(version),
    Auth.numberToBinUint32LE(inputs[at].sequenceNumber),
    Auth.numberToBinUint32LE(locktime),
    previousHash,
    sequenceHash,
    outputsHash,
    // One signature follows.
    Uint8Array.of(1),
    Auth.bigIntToCompactUint(BigInt(signature.length)),
    signature
  ])
  return { previousHash, outputsHash, bytes }
}

/** The order that gives both finders of a double spend the same proof. */
const compare = (a: Spender, b: Spender): number =>
  compareNumbers(a.outputsHash, b.outputsHash) || compareNumbers(a.previousHash, b.previousHash)

const compareNumbers = (a: Uint8Array, b: Uint8Array): number => {
  for (let i = 31; i >= 0; i--) if (a[i] !== b[i]) return a[i] - b[i]
  return 0
}
