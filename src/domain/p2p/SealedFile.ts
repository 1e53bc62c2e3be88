/**
 * Files that no byte can change in unseen: a mark of their own, the version of the format, the magic of the network, a
 * body, and the hash of all that.
 *
 * **Details**
 *
 * The body is one description of `Binary`: what is written and what is read cannot drift apart, every field has its
 * limits, and a fault has a place.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Result from "effect/Result"
import * as Network from "../Network.ts"
import * as Binary from "./Binary.ts"
import * as BinaryBytes from "./BinaryBytes.ts"
import * as BinaryNumber from "./BinaryNumber.ts"
import type * as BlockHeader from "./BlockHeader.ts"
import * as HashHex from "./HashHex.ts"

/**
 * Bytes that are no such file.
 *
 * - `Foreign`: it is some other file.
 * - `OtherVersion`: it was written by another version of this library.
 * - `OtherNetwork`: it is about another network.
 * - `Damaged`: something in it has changed, or is missing.
 *
 * @category errors
 * @since 0.1.0
 */
export class BadFile extends Data.TaggedError("BadFile")<{
  readonly problem: "Foreign" | "OtherVersion" | "OtherNetwork" | "Damaged"
  /** Which byte of the file it is about. */
  readonly offset: number
  readonly detail: string
}> {
  override get message(): string {
    return `${this.detail} (byte ${this.offset})`
  }
}

/**
 * How the bytes of a file come about.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly network: Network.Network
  readonly hash256: BlockHeader.Hash256
}

/**
 * A kind of files.
 *
 * @category models
 * @since 0.1.0
 */
export interface SealedFile<A> {
  /** Writes the bytes of a file. A value that cannot be written is a defect. */
  readonly encode: (value: A, options: Options) => Uint8Array
  /** Reads the bytes of a file, or says what is wrong with them and where. */
  readonly decode: (bytes: Uint8Array, options: Options) => Result.Result<A, BadFile>
}

const markSize = 8

const checksumSize = 32

const head = Binary.struct({
  mark: BinaryBytes.bytes(markSize),
  version: BinaryNumber.uint32,
  network: BinaryBytes.bytes(4)
})

/**
 * Where the body of a file begins.
 *
 * @category constants
 * @since 0.1.0
 */
export const bodyOffset = head.minSize

const bad = (problem: BadFile["problem"], offset: number, detail: string) =>
  Result.fail(new BadFile({ problem, offset, detail }))

/**
 * Makes a kind of files.
 *
 * **Example** (A file that holds a number)
 *
 * ```ts
 * import { Binary, BinaryNumber, SealedFile } from "effect-flowee"
 *
 * const file = SealedFile.make({
 *   mark: "MYNUMBER",
 *   version: 1,
 *   what: "file of a number",
 *   body: Binary.struct({ number: BinaryNumber.uint32 })
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <A>(kind: {
  /** Eight characters of ASCII that no other file begins with. */
  readonly mark: string
  readonly version: number
  /** What a person calls it. */
  readonly what: string
  readonly body: Binary.Binary<A>
}): SealedFile<A> => {
  const { body, version, what } = kind
  const mark = new TextEncoder().encode(kind.mark)

  const checkHead = (bytes: Uint8Array, network: Network.Network): Result.Result<void, BadFile> => {
    const start = Math.min(bytes.length, markSize)
    if (!HashHex.equals(bytes.subarray(0, start), mark.subarray(0, start))) {
      return bad("Foreign", 0, `it is no ${what}`)
    }
    const found = Binary.decode(head, bytes, { trailing: "ignore" })
    if (Result.isFailure(found)) return bad("Damaged", bytes.length, "it ends too early")
    if (found.success.version !== version) {
      return bad("OtherVersion", head.offsets.version, `it has version ${found.success.version}, not ${version}`)
    }
    if (HashHex.equals(found.success.network, network.magic)) return Result.void
    const other = Network.fromMagic(found.success.network)?.name ?? "an unknown network"
    return bad("OtherNetwork", head.offsets.network, `it is of ${other}, not of ${network.name}`)
  }

  return {
    encode: (value, { hash256, network }) => {
      const start = Binary.encodeUnsafe(head, { mark, version, network: network.magic })
      const rest = Binary.encodeUnsafe(body, value)
      const end = start.length + rest.length
      const whole = new Uint8Array(end + checksumSize)
      whole.set(start)
      whole.set(rest, start.length)
      whole.set(hash256(whole.subarray(0, end)), end)
      return whole
    },
    decode: (bytes, { hash256, network }) => {
      const checked = checkHead(bytes, network)
      if (Result.isFailure(checked)) return Result.fail(checked.failure)
      const end = bytes.length - checksumSize
      if (end < bodyOffset) return bad("Damaged", bytes.length, "it ends too early")
      // Before the checksum, since a field that makes no sense tells where the damage is.
      const found = Binary.decode(body, bytes.subarray(bodyOffset, end))
      if (Result.isFailure(found)) return bad("Damaged", bodyOffset + found.failure.offset, found.failure.message)
      if (!HashHex.equals(hash256(bytes.subarray(0, end)), bytes.subarray(end))) {
        return bad("Damaged", end, "its checksum is not that of its content")
      }
      return Result.succeed(found.success)
    }
  }
}
