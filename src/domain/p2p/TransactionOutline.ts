/**
 * What of a transaction tells whose it is: the outputs that it spends, and the scripts of those that it makes.
 *
 * **Details**
 *
 * It reads every transaction that was ever mined, those too whose outputs begin like CashTokens and hold none, as was
 * possible before 2023: nothing but the outline of the format is looked at. `Transaction` reads all of it.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Binary from "./Binary.ts"
import * as BinaryBytes from "./BinaryBytes.ts"
import type * as BinaryError from "./BinaryError.ts"
import * as BinaryNumber from "./BinaryNumber.ts"
import * as BinaryReader from "./BinaryReader.ts"

/** Consensus rule of Bitcoin Cash. */
const maxSize = 1_000_000

/** As many as fit into a transaction. */
const maxInputs = Math.floor(maxSize / 41)
const maxOutputs = Math.floor(maxSize / 9)

const binary = Binary.struct({
  version: BinaryNumber.int32,
  inputs: Binary.array(
    Binary.struct({
      outpoint: BinaryBytes.bytes(36),
      script: BinaryBytes.varBytes(maxSize),
      sequence: BinaryNumber.uint32
    }),
    maxInputs
  ),
  outputs: Binary.array(
    Binary.struct({ amount: BinaryNumber.uint64, script: BinaryBytes.varBytes(maxSize) }),
    maxOutputs
  ),
  lockTime: BinaryNumber.uint32
})

/**
 * What a transaction spends.
 *
 * @category models
 * @since 0.1.0
 */
export interface Input {
  /** The id of the transaction that made the output and its index, 36 bytes as they travel. */
  readonly outpoint: Uint8Array
  readonly script: Uint8Array
}

/**
 * What a transaction pays to.
 *
 * @category models
 * @since 0.1.0
 */
export interface Output {
  /** The script that locks it, without the CashTokens before it. */
  readonly script: Uint8Array
  /** The category of the CashTokens that it holds, as it travels. */
  readonly category?: Uint8Array | undefined
}

/**
 * The outline of a transaction. All arrays are views of its bytes.
 *
 * @category models
 * @since 0.1.0
 */
export interface TransactionOutline {
  readonly inputs: ReadonlyArray<Input>
  readonly outputs: ReadonlyArray<Output>
}

const tokenPrefix = 0xef
const hasCommitment = 0x40
const hasAmount = 0x10

/** An output as it travels; one whose CashTokens cannot be read has none. Source: CashTokens (CHIP-2022-02). */
const toOutput = (whole: Uint8Array): Output => {
  if (whole[0] !== tokenPrefix) return { script: whole }
  const reader = BinaryReader.make(whole)
  const category = reader.take(1) + 1
  reader.take(32)
  const bitfield = reader.take(1)
  if (reader.hasFailed) return { script: whole }
  if ((whole[bitfield] & hasCommitment) !== 0) skipRun(reader)
  if ((whole[bitfield] & hasAmount) !== 0) reader.compactSize()
  return reader.hasFailed
    ? { script: whole }
    : { script: whole.subarray(reader.offset), category: whole.subarray(category, category + 32) }
}

const skipRun = (reader: BinaryReader.BinaryReader): void => {
  const length = reader.compactSize()
  if (length >= 0) reader.take(length)
}

/**
 * Reads the outline of a transaction.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (bytes: Uint8Array): Result.Result<TransactionOutline, BinaryError.BinaryDecodeError> =>
  Result.map(Binary.decode(binary, bytes), ({ inputs, outputs }) => ({
    inputs,
    outputs: outputs.map(({ script }) => toOutput(script))
  }))

/**
 * The name of an output, as inputs have it: the id of its transaction, and its index in four bytes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const outpoint = (txid: Uint8Array, index: number): Uint8Array => {
  const bytes = new Uint8Array(36)
  bytes.set(txid)
  new DataView(bytes.buffer).setUint32(32, index, true)
  return bytes
}
