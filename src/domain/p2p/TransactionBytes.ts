/**
 * The structure of a transaction as bytes: where it ends, without a look at what it says. What its scripts and tokens
 * are is not read, so the transactions of any time can be told apart.
 *
 * Source: peer-to-peer component, "Messages"; the format of transactions of Bitcoin.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Pieces from "../../domain/internal/pieces.ts"
import * as BinaryError from "./BinaryError.ts"
import * as BinaryReader from "./BinaryReader.ts"

/**
 * The size of two hashes side by side: what is hashed in a merkle tree. A transaction of this size could be taken for
 * an inner node of a tree, and is not valid on Bitcoin Cash.
 *
 * @category constants
 * @since 0.1.0
 */
export const ambiguousSize = 64

/**
 * The largest transaction, in bytes: a consensus rule of Bitcoin Cash.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxSize = 1_000_000

const outPointSize = 36

/** An input with an empty script, and an output with one. */
const minInputSize = outPointSize + 1 + 4
const minOutputSize = 8 + 1

/**
 * Steps over the transaction that begins where a reader is. Where there is none the reader has failed.
 *
 * @category decoding
 * @since 0.1.0
 */
export const skip = (reader: BinaryReader.BinaryReader): void => {
  reader.take(4)
  skipEach(reader, "inputs", minInputSize, skipInput)
  skipEach(reader, "outputs", minOutputSize, skipOutput)
  reader.take(4)
}

/**
 * Says what is wrong with the structure of bytes that are to be one transaction; `undefined` when nothing is.
 *
 * @category guards
 * @since 0.1.0
 */
export const problem = (bytes: Uint8Array): BinaryError.BinaryDecodeError | undefined => {
  const reader = BinaryReader.make(bytes)
  skip(reader)
  if (!reader.hasFailed && reader.available > 0) {
    reader.fail(new BinaryError.TrailingBytes({ count: reader.available }), reader.offset)
  }
  return reader.failure
}

/**
 * Tells whether a transaction creates money, as the first one of a block does: its one input spends nothing.
 *
 * @category guards
 * @since 0.1.0
 */
export const isCoinbase = (bytes: Uint8Array): boolean => {
  if (bytes.length < 5 + outPointSize || bytes[4] !== 1) return false
  for (let i = 0; i < outPointSize; i++) if (bytes[5 + i] !== (i < 32 ? 0 : 0xff)) return false
  return true
}

/**
 * Cuts bytes into the given number of transactions. They point into the bytes.
 *
 * @category decoding
 * @since 0.1.0
 */
export const splitAll = (
  reader: BinaryReader.BinaryReader,
  count: number
): Result.Result<ReadonlyArray<Uint8Array>, BinaryError.BinaryDecodeError> =>
  Pieces.runSync(splitInPieces(reader, count))

/**
 * After so many bytes there is a pause: some milliseconds.
 *
 * @category constants
 * @since 0.1.0
 */
export const bytesAtOnce = 1_000_000

/**
 * As {@link splitAll}, with a pause after every {@link bytesAtOnce}.
 *
 * @category decoding
 * @since 0.1.0
 */
export const splitInPieces = function*(
  reader: BinaryReader.BinaryReader,
  count: number
): Generator<void, Result.Result<ReadonlyArray<Uint8Array>, BinaryError.BinaryDecodeError>> {
  const transactions: Array<Uint8Array> = []
  let pauseAt = reader.offset + bytesAtOnce
  for (let i = 0; i < count; i++) {
    const start = reader.offset
    if (start >= pauseAt) {
      pauseAt = start + bytesAtOnce
      yield
    }
    skip(reader)
    if (reader.hasFailed) {
      reader.enclose(i)
      break
    }
    transactions.push(reader.bytes.subarray(start, reader.offset))
  }
  if (!reader.hasFailed && reader.available > 0) {
    reader.fail(new BinaryError.TrailingBytes({ count: reader.available }), reader.offset)
  }
  return reader.failure === undefined ? Result.succeed(transactions) : Result.fail(reader.failure)
}

const skipEach = (
  reader: BinaryReader.BinaryReader,
  what: string,
  minSize: number,
  skipOne: (reader: BinaryReader.BinaryReader) => void
): void => {
  if (reader.hasFailed) return
  const at = reader.offset
  const count = reader.compactSize()
  const maximum = Math.floor(Math.min(reader.available, maxSize) / minSize)
  if (!reader.hasFailed && (count < 1 || count > maximum)) {
    reader.fail(new BinaryError.OutOfRange({ value: count, minimum: 1, maximum }), at)
  }
  for (let left = count; left > 0 && !reader.hasFailed; left--) skipOne(reader)
  if (reader.hasFailed) reader.enclose(what)
}

const skipInput = (reader: BinaryReader.BinaryReader): void => {
  reader.take(outPointSize)
  skipScript(reader)
  reader.take(4)
}

const skipOutput = (reader: BinaryReader.BinaryReader): void => {
  reader.take(8)
  skipScript(reader)
}

const skipScript = (reader: BinaryReader.BinaryReader): void => {
  const length = reader.hasFailed ? -1 : reader.compactSize()
  if (!reader.hasFailed) reader.take(length)
}
