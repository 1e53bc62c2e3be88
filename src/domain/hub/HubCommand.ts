/**
 * The commands of a Hub by name: the service and the message id that each is sent under.
 *
 * **Details**
 *
 * A reply has the message id of its command plus one; a command that fails is answered by {@link failed}. Services below
 * {@link firstRouted} are answered by the Hub's API server itself. Source: the Hub API.
 *
 * **Example** (A request for the version)
 *
 * ```ts
 * import { HubCommand, Message } from "effect-flowee"
 *
 * const request = Message.make(HubCommand.version)
 * ```
 *
 * @stability unstable
 * @since 0.1.0
 */

/**
 * Where a command goes.
 *
 * @category models
 * @since 0.1.0
 */
export interface HubCommand {
  readonly serviceId: number
  readonly messageId: number
}

/**
 * The first service id that the API server hands on to services of their own.
 *
 * @category constants
 * @since 0.1.0
 */
export const firstRouted = 16

/**
 * Asks for the version. The reply has the text in `HubTag.genericData`.
 *
 * @category constants
 * @since 0.1.0
 */
export const version: HubCommand = { serviceId: 0, messageId: 0 }

/**
 * The answer to a command that failed. It has `HubTag.failedReason`, `failedServiceId` and `failedCommandId`.
 *
 * @category constants
 * @since 0.1.0
 */
export const failed: HubCommand = { serviceId: 0, messageId: 2 }

/**
 * Asks about the block chain. The reply has `HubTag.chain`, `blocks`, `headers` and more.
 *
 * @category constants
 * @since 0.1.0
 */
export const blockChainInfo: HubCommand = { serviceId: 1, messageId: 0 }

/**
 * Asks for a new address. The reply has `HubTag.address` and `HubTag.privateKey`; the Hub keeps neither.
 *
 * @category constants
 * @since 0.1.0
 */
export const createAddress: HubCommand = { serviceId: 3, messageId: 0 }
