/**
 * Service 20 of the Hub API: what becomes of transactions.
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

const serviceId = 20

const TxIds = Struct({ txIds: Schema.Array(HubHash.TxIdOrBytes).pipe(tag(4)) })

const txId = HubHash.TxIdFromBytes.pipe(tag(4))

/**
 * Asks to be told of these transactions too.
 *
 * @category messages
 * @since 0.1.0
 */
export const subscribeTransactions = MessageGroup.call("subscribeTransactions", {
  serviceId,
  messageId: 0,
  request: TxIds,
  reply: HubSubscription.Result,
  idempotent: true
})

/**
 * Asks to be told no more of these transactions. The answer has the message id of that to a subscription.
 *
 * @category messages
 * @since 0.1.0
 */
export const unsubscribeTransactions = MessageGroup.call("unsubscribeTransactions", {
  serviceId,
  messageId: 2,
  replyId: 1,
  request: TxIds,
  reply: HubSubscription.Result,
  idempotent: true
})

/**
 * A transaction came to the mempool, or into a block.
 *
 * @category messages
 * @since 0.1.0
 */
export const transactionFound = MessageGroup.notification("transactionFound", {
  serviceId,
  messageId: 3,
  payload: Struct({
    txId,
    /** Where it is in its block, once it is in one. */
    offset: optionalKey(HubQuantity.OffsetInBlock).pipe(tag(8)),
    /** Of its block, once it is in one. */
    height: optionalKey(HubQuantity.BlockHeight).pipe(tag(7))
  })
})

/**
 * Another transaction spends the same as one that is watched.
 *
 * @category messages
 * @since 0.1.0
 */
export const transactionDoubleSpend = MessageGroup.notification("transactionDoubleSpend", {
  serviceId,
  messageId: 4,
  payload: Struct({ txId, ...HubSubscription.doubleSpend })
})

/**
 * All messages of the service.
 *
 * @category groups
 * @since 0.1.0
 */
export const group = MessageGroup.make(
  subscribeTransactions,
  unsubscribeTransactions,
  transactionFound,
  transactionDoubleSpend
)
