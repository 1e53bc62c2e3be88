/**
 * Why headers are refused.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * The packed headers end within a header.
 *
 * @category errors
 * @since 0.1.0
 */
export class IncompleteHeader extends Data.TaggedError("IncompleteHeader")<{
  /** How many bytes of the last header there are. */
  readonly length: number
}> {
  override get message(): string {
    return `it has ${this.length} bytes in place of 80`
  }
}

/**
 * A header names another block as the one before it.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotConnected extends Data.TaggedError("NotConnected")<{
  /** The hash of the block that it should follow, as people know it. */
  readonly expected: string
  readonly found: string
}> {
  override get message(): string {
    return `it follows block ${this.found}, and not ${this.expected}`
  }
}

/**
 * The target of a header is no target, or easier than the network allows at all.
 *
 * @category errors
 * @since 0.1.0
 */
export class BadTarget extends Data.TaggedError("BadTarget")<{
  readonly bits: number
  /** The compact form of the highest target. */
  readonly limit: number
}> {
  override get message(): string {
    return `its bits ${hex(this.bits)} are no target at or under that of ${hex(this.limit)}`
  }
}

/**
 * The target of a header is not the one that follows from the blocks before.
 *
 * @category errors
 * @since 0.1.0
 */
export class WrongDifficulty extends Data.TaggedError("WrongDifficulty")<{
  readonly expected: number
  readonly found: number
}> {
  override get message(): string {
    return `its bits are ${hex(this.found)}; the blocks before it demand ${hex(this.expected)}`
  }
}

/**
 * The hash of a header is above its target.
 *
 * @category errors
 * @since 0.1.0
 */
export class NoProofOfWork extends Data.TaggedError("NoProofOfWork")<{
  /** The hash as people know it. */
  readonly hash: string
  readonly bits: number
}> {
  override get message(): string {
    return `its hash ${this.hash} is above the target of bits ${hex(this.bits)}`
  }
}

/**
 * The time of a header is not after the median of the eleven blocks before.
 *
 * @category errors
 * @since 0.1.0
 */
export class TimeTooOld extends Data.TaggedError("TimeTooOld")<{
  /** In seconds since 1970, as `medianTimePast`. */
  readonly time: number
  readonly medianTimePast: number
}> {
  override get message(): string {
    return `its time ${this.time} is not after ${this.medianTimePast}, the median of the blocks before`
  }
}

/**
 * The time of a header is too far in the future. It may be good later, or the clock of this machine is behind.
 *
 * @category errors
 * @since 0.1.0
 */
export class TimeTooNew extends Data.TaggedError("TimeTooNew")<{
  /** In seconds since 1970, as `latest`. */
  readonly time: number
  /** The latest time that is taken at present. */
  readonly latest: number
}> {
  override get message(): string {
    return `its time ${this.time} is ${this.time - this.latest} s over the two hours that it may be ahead of the clock`
  }
}

/**
 * A block at the height of a checkpoint is another one.
 *
 * @category errors
 * @since 0.1.0
 */
export class CheckpointMismatch extends Data.TaggedError("CheckpointMismatch")<{
  /** The hash as people know it, as `found`. */
  readonly expected: string
  readonly found: string
}> {
  override get message(): string {
    return `it is block ${this.found}, and not ${this.expected}, which is known to have that height`
  }
}

/**
 * Everything that a header can be refused for.
 *
 * @category errors
 * @since 0.1.0
 */
export type Reason =
  | IncompleteHeader
  | NotConnected
  | BadTarget
  | WrongDifficulty
  | NoProofOfWork
  | TimeTooOld
  | TimeTooNew
  | CheckpointMismatch

/**
 * Headers that do not continue a chain. The ones before `index` do.
 *
 * @category errors
 * @since 0.1.0
 */
export class HeaderError extends Data.TaggedError("HeaderError")<{
  /** Which header of the batch is refused, from 0. */
  readonly index: number
  /** The height that it would have. */
  readonly height: number
  readonly reason: Reason
}> {
  override get message(): string {
    return `the header for height ${this.height} is refused: ${this.reason.message}`
  }
}

const hex = (bits: number): string => `0x${bits.toString(16).padStart(8, "0")}`
