/**
 * Service 0 of the Hub API: the API server about itself. Its other message says that a request failed, see
 * `CommandFailure`.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as MessageGroup from "../MessageGroup.ts"
import * as Wire from "../Wire.ts"

const serviceId = 0

/**
 * Which software it is: `Flowee:1 (2021-04)`.
 *
 * @category messages
 * @since 0.1.0
 */
export const version = MessageGroup.call("version", {
  serviceId,
  messageId: 0,
  reply: Schema.Struct({ version: Schema.String.pipe(Wire.tag(1)) }),
  idempotent: true
})

/**
 * All messages of the service.
 *
 * @category groups
 * @since 0.1.0
 */
export const group = MessageGroup.make(version)
