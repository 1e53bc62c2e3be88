/**
 * Service 4 of the Hub API: blocks on demand, on a network of one's own.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as MessageGroup from "../MessageGroup.ts"
import * as Wire from "../Wire.ts"
import * as HubAddress from "./HubAddress.ts"
import * as HubHash from "./HubHash.ts"

/**
 * A Hub makes at most so many blocks at once.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxBlocks = 150

/**
 * Makes blocks whose coinbases pay to an address. The reply has their hashes.
 *
 * @category messages
 * @since 0.1.0
 */
export const generateBlock = MessageGroup.call("generateBlock", {
  serviceId: 4,
  messageId: 0,
  request: Schema.Struct({
    /** How many blocks, 1 to {@link maxBlocks}; a Hub refuses others. Default: 1. */
    blocks: Schema.optionalKey(Schema.Int).pipe(Wire.tag(6)),
    address: HubAddress.AddressHashFromBytes.pipe(Wire.tag(2))
  }),
  reply: Schema.Array(HubHash.BlockHashFromBytes).pipe(Wire.tag(5))
})

/**
 * All messages of the service.
 *
 * @category groups
 * @since 0.1.0
 */
export const group = MessageGroup.make(generateBlock)
