/**
 * Whether headers continue a chain.
 *
 * **Details**
 *
 * For each header, in this order: it names the block before it; its target is within the limit of the network and the
 * one that the blocks before demand; its time is after the median of the eleven blocks before and at most two hours in
 * the future; its hash is at or under its target; and it is the block that a checkpoint demands.
 *
 * The original checks neither how the target follows from the blocks before nor the median of the times. Nodes check
 * both, so an honest peer never sends headers that fail them, and a chain that fails them has no value.
 *
 * Whether a chain is better than another one is not said here: compare the work. Source: peer-to-peer component,
 * "Header chain".
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as BlockHeader from "./BlockHeader.ts"
import type * as ChainParams from "./ChainParams.ts"
import * as ChainView from "./ChainView.ts"
import * as Difficulty from "./Difficulty.ts"
import * as HashHex from "./HashHex.ts"
import * as HeaderError from "./HeaderError.ts"
import * as Target from "./Target.ts"

/**
 * How many seconds a header may be ahead of the clock.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxAhead = 7200

/**
 * What headers are checked against.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly params: ChainParams.ChainParams
  /** Double SHA-256: see `Hash256`. */
  readonly hash256: BlockHeader.Hash256
  /** The time of the clock, in seconds since 1970. */
  readonly now: number
}

/**
 * Headers that continue a chain.
 *
 * @category models
 * @since 0.1.0
 */
export interface Accepted {
  readonly count: number
  /** Their hashes, 32 bytes each, in order. */
  readonly hashes: Uint8Array
  /** The chain with them. It reads the packed headers that were checked, which must not change. */
  readonly view: ChainView.ChainView
  /** The work of these headers alone. */
  readonly work: bigint
}

/**
 * Checks packed headers that are to follow the last block of a view. The first fault ends it.
 *
 * **Example** (A headers message)
 *
 * ```ts
 * import { BlockHeader, HeaderRules } from "effect-flowee"
 * import type { ChainView } from "effect-flowee"
 *
 * const take = (chain: ChainView.ChainView, headers: ReadonlyArray<BlockHeader.BlockHeader>, options: HeaderRules.Options) =>
 *   HeaderRules.check(chain, BlockHeader.pack(headers), options)
 * ```
 *
 * @category validation
 * @since 0.1.0
 */
export const check = (
  chain: ChainView.ChainView,
  headers: Uint8Array,
  options: Options
): Result.Result<Accepted, HeaderError.HeaderError> => {
  const count = Math.floor(headers.length / BlockHeader.size)
  const hashes = new Uint8Array(count * 32)
  const view = ChainView.growing(chain, headers)
  for (let index = 0; index < count; index++) {
    const fault = findFault(view, headers, index, options)
    if (fault !== undefined) return refuse(view, index, fault)
    const hash = options.hash256(BlockHeader.bytesAt(headers, index))
    const hashFault = findHashFault(view, hash, BlockHeader.bitsAt(headers, index), options.params)
    if (hashFault !== undefined) return refuse(view, index, hashFault)
    hashes.set(hash, index * 32)
    view.grow(hash)
  }
  const length = headers.length - count * BlockHeader.size
  if (length > 0) return refuse(view, count, new HeaderError.IncompleteHeader({ length }))
  return Result.succeed({ count, hashes, view, work: view.addedWork })
}

const refuse = (view: ChainView.ChainView, index: number, reason: HeaderError.Reason) =>
  Result.fail(new HeaderError.HeaderError({ index, height: view.height + 1, reason }))

/** What is wrong with a header whatever its hash is. It is looked for first, since hashing takes longer. */
const findFault = (
  view: ChainView.ChainView,
  headers: Uint8Array,
  index: number,
  options: Options
): HeaderError.Reason | undefined => {
  const { difficulty } = options.params
  if (!BlockHeader.followsAt(headers, index, view.hash)) return notConnected(view, headers, index)
  const bits = BlockHeader.bitsAt(headers, index)
  const time = BlockHeader.timeAt(headers, index)
  const expected = Difficulty.nextBits(difficulty, view, time)
  // What the rules demand is a target within the limit, so only another one is worth a look.
  if (bits !== expected) return wrongBits(difficulty, bits, expected)
  const medianTimePast = ChainView.medianTimePast(view, view.height)
  if (time <= medianTimePast) return new HeaderError.TimeTooOld({ time, medianTimePast })
  const latest = options.now + maxAhead
  return time > latest ? new HeaderError.TimeTooNew({ time, latest }) : undefined
}

const findHashFault = (
  view: ChainView.ChainView,
  hash: Uint8Array,
  bits: number,
  params: ChainParams.ChainParams
): HeaderError.Reason | undefined => {
  if (!Target.isMet(hash, bits)) return new HeaderError.NoProofOfWork({ hash: HashHex.format(hash), bits })
  const expected = params.checkpoints.get(view.height + 1)
  if (expected === undefined || HashHex.equals(expected, hash)) return undefined
  return new HeaderError.CheckpointMismatch({ expected: HashHex.format(expected), found: HashHex.format(hash) })
}

const notConnected = (view: ChainView.ChainView, headers: Uint8Array, index: number) =>
  new HeaderError.NotConnected({
    expected: HashHex.format(view.hash),
    found: HashHex.format(BlockHeader.previousAt(headers, index))
  })

const wrongBits = (rules: Difficulty.Difficulty, bits: number, expected: number) => {
  const target = Target.fromBits(bits)
  return target === undefined || target > rules.limit
    ? new HeaderError.BadTarget({ bits, limit: Target.toBits(rules.limit) })
    : new HeaderError.WrongDifficulty({ expected, found: bits })
}
