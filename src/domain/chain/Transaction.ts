/**
 * Transactions: what they spend, what they pay, and their bytes.
 *
 * The format is that of `@bitauth/libauth`, with the names of this library: hashes are in internal order, as they travel.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Auth from "@bitauth/libauth"
import * as Data from "effect/Data"
import * as Result from "effect/Result"
import * as HashHex from "../p2p/HashHex.ts"

/**
 * Names one output of a transaction.
 *
 * @category models
 * @since 0.1.0
 */
export interface OutPoint {
  /** The id of the transaction, in internal order. */
  readonly txId: Uint8Array
  /** Which of its outputs, from 0. */
  readonly index: number
}

/**
 * What a transaction spends.
 *
 * @category models
 * @since 0.1.0
 */
export interface Input extends OutPoint {
  /** The script that unlocks the output. In a coinbase it is free, but begins with the height of the block. */
  readonly script: Uint8Array
  readonly sequence: number
}

/**
 * What a transaction pays.
 *
 * @category models
 * @since 0.1.0
 */
export interface Output {
  /** In satoshis. */
  readonly amount: bigint
  /** The script that locks it. */
  readonly script: Uint8Array
  /** The CashTokens that it holds. */
  readonly token?: Auth.Output["token"] | undefined
}

/**
 * What a transaction says.
 *
 * @category models
 * @since 0.1.0
 */
export interface Contents {
  readonly version: number
  readonly inputs: ReadonlyArray<Input>
  readonly outputs: ReadonlyArray<Output>
  readonly lockTime: number
}

/**
 * A transaction.
 *
 * @category models
 * @since 0.1.0
 */
export interface Transaction extends Contents {
  /** The double SHA-256 of the bytes, in internal order. */
  readonly id: Uint8Array
  readonly bytes: Uint8Array
}

/**
 * Bytes are no transaction.
 *
 * @category errors
 * @since 0.1.0
 */
export class MalformedTransaction extends Data.TaggedError("MalformedTransaction")<{
  /** What is wrong, as `@bitauth/libauth` says it. */
  readonly problem: string
}> {
  override get message(): string {
    return `these bytes are no transaction: ${this.problem}`
  }
}

/**
 * A transaction within other bytes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Found {
  readonly transaction: Transaction
  /** Where the bytes after it begin. */
  readonly end: number
}

/**
 * How many inputs and outputs a transaction has: a measure of the work that it makes.
 *
 * @category getters
 * @since 0.1.0
 */
export const parts = ({ inputs, outputs }: Contents): number => inputs.length + outputs.length

/**
 * Reads the transaction that begins at an offset. It points into the bytes, which must not change.
 *
 * @category decoding
 * @since 0.1.0
 */
export const read = (bytes: Uint8Array, offset: number): Result.Result<Found, MalformedTransaction> => {
  const read = Auth.readTransaction({ bin: plain(bytes), index: offset })
  if (typeof read === "string") return Result.fail(new MalformedTransaction({ problem: read }))
  const end = read.position.index
  return Result.succeed({ transaction: fromCommon(read.result, bytes.subarray(offset, end)), end })
}

/**
 * Reads a transaction. It points into the bytes, which must not change.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (bytes: Uint8Array): Result.Result<Transaction, MalformedTransaction> =>
  Result.flatMap(read(bytes, 0), ({ end, transaction }) =>
    end === bytes.length
      ? Result.succeed(transaction)
      : Result.fail(new MalformedTransaction({ problem: `${bytes.length - end} bytes follow its end` })))

/**
 * Makes a transaction of what it says.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (contents: Contents): Transaction => {
  const bytes = Auth.encodeTransaction(toCommon(contents))
  return { ...contents, bytes, id: Auth.hash256(bytes) }
}

/**
 * Tells whether a transaction creates money, as the first one of a block does.
 *
 * @category guards
 * @since 0.1.0
 */
export const isCoinbase = ({ inputs }: Contents): boolean => inputs.length === 1 && isNull(inputs[0])

/**
 * Tells whether an input names no output.
 *
 * @category guards
 * @since 0.1.0
 */
export const isNull = ({ index, txId }: OutPoint): boolean =>
  index === 0xffff_ffff && HashHex.equals(txId, HashHex.zero)

/**
 * The sum of all that a transaction pays, in satoshis.
 *
 * @category getters
 * @since 0.1.0
 */
export const amount = ({ outputs }: Contents): bigint => outputs.reduce((sum, { amount }) => sum + amount, 0n)

/**
 * A transaction as `@bitauth/libauth` has it.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toCommon = (self: Contents): Auth.TransactionCommon => ({
  version: self.version,
  inputs: self.inputs.map(({ index, script, sequence, txId }) => ({
    outpointIndex: index,
    outpointTransactionHash: txId.slice().reverse(),
    sequenceNumber: sequence,
    unlockingBytecode: script
  })),
  outputs: self.outputs.map(toCommonOutput),
  locktime: self.lockTime
})

/**
 * An output as `@bitauth/libauth` has it.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toCommonOutput = ({ amount, script, token }: Output): Auth.Output => ({
  lockingBytecode: script,
  valueSatoshis: amount,
  ...(token === undefined ? {} : { token })
})

const fromCommon = (common: Auth.TransactionCommon, bytes: Uint8Array): Transaction => ({
  id: Auth.hash256(bytes),
  bytes,
  version: common.version,
  inputs: common.inputs.map((input) => ({
    txId: input.outpointTransactionHash.reverse(),
    index: input.outpointIndex,
    script: input.unlockingBytecode,
    sequence: input.sequenceNumber
  })),
  outputs: common.outputs.map(({ lockingBytecode, token, valueSatoshis }) => ({
    amount: valueSatoshis,
    script: lockingBytecode,
    token
  })),
  lockTime: common.locktime
})

/** The reader reverses slices in place, and a slice of a Buffer of Node.js is no copy. */
const plain = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
