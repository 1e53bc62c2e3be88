/**
 * Why a wallet cannot be opened, or cannot watch for something.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as WalletElement from "../../domain/p2p/WalletElement.ts"
import type * as NetworkConfig from "../NetworkConfig.ts"
import type * as WalletStore from "./WalletStore.ts"

/**
 * A wallet with that id is open.
 *
 * @category errors
 * @since 0.1.0
 */
export class AlreadyOpen extends Data.TaggedError("AlreadyOpen")<{ readonly id: string }> {
  override get message(): string {
    return `the wallet "${this.id}" is open already`
  }
}

/**
 * A wallet would watch for more than it can.
 *
 * @category errors
 * @since 0.1.0
 */
export class TooManyElements extends Data.TaggedError("TooManyElements")<{
  readonly count: number
  readonly maximum: number
}> {
  override get message(): string {
    return `a wallet watches for at most ${this.maximum} elements, not ${this.count}: open another one`
  }
}

/**
 * Everything that can go wrong with a wallet.
 *
 * @category models
 * @since 0.1.0
 */
export type Reason =
  | AlreadyOpen
  | TooManyElements
  | WalletElement.BadElement
  | NetworkConfig.BadOption
  | WalletStore.WalletStoreError

/**
 * A wallet cannot be opened, or cannot watch for something.
 *
 * @category errors
 * @since 0.1.0
 */
export class WalletError extends Data.TaggedError("WalletError")<{ readonly reason: Reason }> {
  override get message(): string {
    return this.reason.message
  }
}
