/**
 * Why a batch of headers that a peer sent is not taken, and what that costs the peer.
 *
 * What is wrong with one header is told by `HeaderError`; the reasons here are about the batch and the chain that is
 * kept. Source: peer-to-peer component, "Header chain".
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as HeaderError from "./HeaderError.ts"

/**
 * There are more headers than a message may have.
 *
 * @category errors
 * @since 0.1.0
 */
export class TooManyHeaders extends Data.TaggedError("TooManyHeaders")<{
  readonly count: number
  readonly maximum: number
}> {
  override get message(): string {
    return `there are ${this.count}, and a message has at most ${this.maximum}`
  }
}

/**
 * The first header follows a block of which nothing is known.
 *
 * **Details**
 *
 * An honest peer may send such headers: it announces a new block to somebody who lacks the blocks before it. The answer
 * is to ask for those, with a locator.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnknownParent extends Data.TaggedError("UnknownParent")<{
  /** The hash of the block that it follows, as people know it. */
  readonly parent: string
}> {
  override get message(): string {
    return `the first follows block ${this.parent}, which is not known`
  }
}

/**
 * The headers leave the chain below a checkpoint that it has passed.
 *
 * @category errors
 * @since 0.1.0
 */
export class ForkBelowCheckpoint extends Data.TaggedError("ForkBelowCheckpoint")<{
  /** The height of the last block that both have. */
  readonly forkHeight: number
  /** The height of the checkpoint. */
  readonly checkpoint: number
}> {
  override get message(): string {
    return `they leave the chain at height ${this.forkHeight}, below the checkpoint at height ${this.checkpoint}`
  }
}

/**
 * The chain would get longer than it may get here.
 *
 * @category errors
 * @since 0.1.0
 */
export class ChainTooLong extends Data.TaggedError("ChainTooLong")<{
  /** The height that the last header would have. */
  readonly height: number
  readonly maximum: number
}> {
  override get message(): string {
    return `they reach height ${this.height}, and no more than ${this.maximum} are kept`
  }
}

/**
 * Everything that headers can be refused for.
 *
 * @category errors
 * @since 0.1.0
 */
export type Reason = TooManyHeaders | UnknownParent | ForkBelowCheckpoint | ChainTooLong | HeaderError.HeaderError

/**
 * Headers that are not taken, none of them.
 *
 * @category errors
 * @since 0.1.0
 */
export class HeadersRefused extends Data.TaggedError("HeadersRefused")<{ readonly reason: Reason }> {
  override get message(): string {
    const { _tag, message } = this.reason
    return _tag === "HeaderError" ? message : `the headers are refused: ${message}`
  }
}

const badHeaders = 1001

/**
 * What the refusal costs the peer that sent the headers: 1001 points, which ban it, or none when it may be honest.
 *
 * @category getters
 * @since 0.1.0
 */
export const points = (self: HeadersRefused): number => {
  const { _tag } = self.reason
  return _tag === "UnknownParent" || _tag === "ChainTooLong" ? 0 : badHeaders
}
