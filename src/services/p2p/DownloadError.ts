/**
 * Why something could not be fetched from peers.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as HashHex from "../../domain/p2p/HashHex.ts"
import * as InventoryType from "../../domain/p2p/InventoryType.ts"
import type * as P2PMessage from "../../domain/p2p/P2PMessage.ts"

/**
 * All peers that may be asked were asked, and none has it. Peers have blocks, and transactions that are in no block yet.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotFound extends Data.TaggedError("NotFound")<{
  /** How many peers were asked. */
  readonly asked: number
}> {
  override get message(): string {
    return `none of ${this.asked} peers has it`
  }
}

/**
 * Nobody delivered it in time: peers did not answer, or there was none to ask.
 *
 * @category errors
 * @since 0.1.0
 */
export class TimedOut extends Data.TaggedError("TimedOut")<{
  readonly after: Duration.Duration
}> {
  override get message(): string {
    return `no peer delivered it within ${Duration.format(this.after)}`
  }
}

/**
 * Something could not be fetched.
 *
 * @category errors
 * @since 0.1.0
 */
export class DownloadError extends Data.TaggedError("DownloadError")<{
  readonly item: P2PMessage.Inventory
  readonly reason: NotFound | TimedOut
}> {
  override get message(): string {
    const { hash, type } = this.item
    return `${InventoryType.format(type)} ${HashHex.format(hash)}: ${this.reason.message}`
  }
}
