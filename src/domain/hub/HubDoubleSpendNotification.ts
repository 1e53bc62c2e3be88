/**
 * Service 21 of the Hub API: transactions that spend what another one in the mempool spends.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as MessageGroup from "../MessageGroup.ts"
import * as Wire from "../Wire.ts"
import * as HubHash from "./HubHash.ts"
import * as HubSubscription from "./HubSubscription.ts"

const serviceId = 21

/**
 * Asks to be told of double spends. There is no answer.
 *
 * @category messages
 * @since 0.1.0
 */
export const subscribeDoubleSpends = MessageGroup.command("subscribeDoubleSpends", { serviceId, messageId: 0 })

/**
 * Asks to be told of double spends no more. There is no answer.
 *
 * @category messages
 * @since 0.1.0
 */
export const unsubscribeDoubleSpends = MessageGroup.command("unsubscribeDoubleSpends", { serviceId, messageId: 2 })

/**
 * Another transaction spends the same as one in the mempool.
 *
 * @category messages
 * @since 0.1.0
 */
export const doubleSpendFound = MessageGroup.notification("doubleSpendFound", {
  serviceId,
  messageId: 4,
  payload: Schema.Struct({
    /** The one in the mempool. */
    txId: HubHash.TxIdFromBytes.pipe(Wire.tag(4)),
    ...HubSubscription.doubleSpend
  })
})

/**
 * All messages of the service.
 *
 * @category groups
 * @since 0.1.0
 */
export const group = MessageGroup.make(subscribeDoubleSpends, unsubscribeDoubleSpends, doubleSpendFound)
