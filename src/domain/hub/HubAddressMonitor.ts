/**
 * Service 17 of the Hub API: payments to and from addresses, as they are seen.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as MessageGroup from "../MessageGroup.ts"
import * as Wire from "../Wire.ts"
import * as HubHash from "./HubHash.ts"
import * as HubQuantity from "./HubQuantity.ts"
import * as HubSubscription from "./HubSubscription.ts"

const { Struct, optionalKey } = Schema
const { tag } = Wire

const serviceId = 17

const Hashes = Struct({ scriptHashes: Schema.Array(HubHash.ScriptHashOrBytes).pipe(tag(9)) })

/**
 * A transaction that has to do with an address that is watched.
 *
 * @category models
 * @since 0.1.0
 */
export const Match = Struct({
  /** What the output holds. */
  amount: HubQuantity.Amount.pipe(tag(6)),
  txId: HubHash.TxIdFromBytes.pipe(tag(4)),
  /** Where it is in its block, once it is in one. */
  offset: optionalKey(HubQuantity.OffsetInBlock).pipe(tag(8)),
  /** Of its block, once it is in one. */
  height: optionalKey(HubQuantity.BlockHeight).pipe(tag(7))
})

/**
 * A transaction that has to do with an address that is watched.
 *
 * @category models
 * @since 0.1.0
 */
export type Match = typeof Match.Type

const found = {
  /** As many as there are matches, in the same order. */
  scriptHashes: Schema.Array(HubHash.ScriptHashFromBytes).pipe(tag(9)),
  matches: Wire.group(Match, { startTag: 6 })
}

const isPaired = Schema.makeFilter<{
  readonly scriptHashes: ReadonlyArray<unknown>
  readonly matches: ReadonlyArray<unknown>
}>(({ matches, scriptHashes }) => matches.length === scriptHashes.length, {
  expected: "as many matches as script hashes"
})

/**
 * Asks to be told of these scripts too.
 *
 * @category messages
 * @since 0.1.0
 */
export const subscribeAddresses = MessageGroup.call("subscribeAddresses", {
  serviceId,
  messageId: 0,
  request: Hashes,
  reply: HubSubscription.Result,
  idempotent: true
})

/**
 * Asks to be told no more of these scripts. The answer has the message id of {@link addressFound}, but a RequestId.
 *
 * @category messages
 * @since 0.1.0
 */
export const unsubscribeAddresses = MessageGroup.call("unsubscribeAddresses", {
  serviceId,
  messageId: 2,
  request: Hashes,
  reply: HubSubscription.Result,
  idempotent: true
})

/**
 * A transaction came to the mempool, or into a block.
 *
 * @category messages
 * @since 0.1.0
 */
export const addressFound = MessageGroup.notification("addressFound", {
  serviceId,
  messageId: 3,
  payload: Struct(found).check(isPaired)
})

/**
 * Two transactions spend the same, and one of them has to do with a script that is watched.
 *
 * @category messages
 * @since 0.1.0
 */
export const addressDoubleSpend = MessageGroup.notification("addressDoubleSpend", {
  serviceId,
  messageId: 4,
  payload: Struct({ ...found, ...HubSubscription.doubleSpend }).check(isPaired)
})

/**
 * All messages of the service.
 *
 * @category groups
 * @since 0.1.0
 */
export const group = MessageGroup.make(subscribeAddresses, unsubscribeAddresses, addressFound, addressDoubleSpend)
