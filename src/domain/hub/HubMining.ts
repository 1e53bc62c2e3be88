/**
 * Service 5 of the Hub API: new blocks of miners.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as MessageGroup from "../MessageGroup.ts"
import * as Wire from "../Wire.ts"
import * as HubHash from "./HubHash.ts"

/**
 * Offers a block to the Hub. The reply has its hash.
 *
 * @category messages
 * @since 0.1.0
 */
export const submitBlock = MessageGroup.call("submitBlock", {
  serviceId: 5,
  messageId: 0,
  request: Schema.Struct({ block: Schema.Uint8Array.pipe(Wire.tag(1)) }),
  reply: Schema.Struct({ hash: HubHash.BlockHashFromBytes.pipe(Wire.tag(5)) })
})

/**
 * All messages of the service.
 *
 * @category groups
 * @since 0.1.0
 */
export const group = MessageGroup.make(submitBlock)
