/**
 * Why a node does not take a block.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * A rule that a block breaks, by the name that nodes have for it (BIP 22).
 *
 * @category errors
 * @since 0.1.0
 */
export class BlockRefused extends Data.TaggedError("BlockRefused")<{
  readonly rule: string
  /** What is wrong in this case, when there is more to say. */
  readonly detail?: string | undefined
}> {
  override get message(): string {
    return this.detail === undefined ? this.rule : `${this.rule} (${this.detail})`
  }
}
