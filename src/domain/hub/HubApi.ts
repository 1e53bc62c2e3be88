/**
 * The Hub API: what a Hub, a Bitcoin Cash full node of the Flowee project, understands and tells.
 *
 * **Details**
 *
 * Each service has a module with its messages and their group. Here are the groups together: of a Hub, of an indexer,
 * and of both. `HubClient` is made of them; so are servers that take their place.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as MessageGroup from "../MessageGroup.ts"
import * as HubAddressMonitor from "./HubAddressMonitor.ts"
import * as HubBlockChain from "./HubBlockChain.ts"
import * as HubBlockNotification from "./HubBlockNotification.ts"
import * as HubDoubleSpendNotification from "./HubDoubleSpendNotification.ts"
import * as HubIndexer from "./HubIndexer.ts"
import * as HubLiveTransactions from "./HubLiveTransactions.ts"
import * as HubMeta from "./HubMeta.ts"
import * as HubMining from "./HubMining.ts"
import * as HubRegTest from "./HubRegTest.ts"
import * as HubTransactionMonitor from "./HubTransactionMonitor.ts"
import * as HubUtil from "./HubUtil.ts"

/**
 * The first service id that the API server of a Hub hands on to services of their own. A service below that it does not
 * know is refused; one from here on that is not there gets no answer.
 *
 * @category constants
 * @since 0.1.0
 */
export const firstRouted = 16

/**
 * The services that the API server of a Hub answers itself.
 *
 * @category groups
 * @since 0.1.0
 */
export const calls = MessageGroup.merge(
  HubMeta.group,
  HubBlockChain.group,
  HubLiveTransactions.group,
  HubUtil.group,
  HubRegTest.group,
  HubMining.group
)

/**
 * The services that tell of what happens.
 *
 * @category groups
 * @since 0.1.0
 */
export const subscriptions = MessageGroup.merge(
  HubAddressMonitor.group,
  HubBlockNotification.group,
  HubTransactionMonitor.group,
  HubDoubleSpendNotification.group
)

/**
 * All services of a Hub.
 *
 * @category groups
 * @since 0.1.0
 */
export const hub = MessageGroup.merge(calls, subscriptions)

/**
 * The service of an indexer.
 *
 * @category groups
 * @since 0.1.0
 */
export const indexer = HubIndexer.group

/**
 * The whole Hub API.
 *
 * @category groups
 * @since 0.1.0
 */
export const group = MessageGroup.merge(hub, indexer)
