/**
 * Service 18 of the Hub API: blocks that come to the chain, and blocks that leave it.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as MessageGroup from "../MessageGroup.ts"
import * as Wire from "../Wire.ts"
import * as HubHash from "./HubHash.ts"
import * as HubQuantity from "./HubQuantity.ts"

const serviceId = 18

/**
 * A block, by its hash and its place in the chain.
 *
 * @category models
 * @since 0.1.0
 */
export const BlockRef = Schema.Struct({
  hash: HubHash.BlockHashFromBytes.pipe(Wire.tag(5)),
  height: HubQuantity.BlockHeight.pipe(Wire.tag(7))
})

/**
 * A block, by its hash and its place in the chain.
 *
 * @category models
 * @since 0.1.0
 */
export type BlockRef = typeof BlockRef.Type

/**
 * Asks to be told of blocks. There is no answer.
 *
 * @category messages
 * @since 0.1.0
 */
export const subscribeBlocks = MessageGroup.command("subscribeBlocks", { serviceId, messageId: 0 })

/**
 * Asks to be told of blocks no more. There is no answer.
 *
 * @category messages
 * @since 0.1.0
 */
export const unsubscribeBlocks = MessageGroup.command("unsubscribeBlocks", { serviceId, messageId: 2 })

/**
 * A block came to the chain.
 *
 * @category messages
 * @since 0.1.0
 */
export const newBlockOnChain = MessageGroup.notification("newBlockOnChain", {
  serviceId,
  messageId: 4,
  payload: BlockRef
})

/**
 * Blocks left the chain: others with more work take their place.
 *
 * @category messages
 * @since 0.1.0
 */
export const blocksRemoved = MessageGroup.notification("blocksRemoved", {
  serviceId,
  messageId: 6,
  payload: Wire.group(BlockRef, { startTag: 5 })
})

/**
 * All messages of the service.
 *
 * @category groups
 * @since 0.1.0
 */
export const group = MessageGroup.make(subscribeBlocks, unsubscribeBlocks, newBlockOnChain, blocksRemoved)
