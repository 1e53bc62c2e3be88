/**
 * Services 17, 18, 20 and 21: what a client wants to be told of. The telling is done by the notifier.
 */
import * as Effect from "effect/Effect"
import type * as HubApi from "../../domain/hub/HubApi.ts"
import type * as MessageServer from "../../services/MessageServer.ts"
import * as Subscriptions from "./subscriptions.ts"

const noScriptHash = "BitcoinScriptHashed has to be a sha256 (bytearray of 32 bytes)"

const noTxId = "TxId has to be a sha256 (bytearray of 32 bytes)"

/** @internal */
export const make = (
  client: Subscriptions.Subscriptions
): MessageServer.Handlers<typeof HubApi.subscriptions["members"][number], never> => ({
  subscribeAddresses: ({ scriptHashes }) =>
    Effect.sync(() => Subscriptions.add(client.scripts, scriptHashes, noScriptHash)),
  unsubscribeAddresses: ({ scriptHashes }) =>
    Effect.sync(() => Subscriptions.remove(client.scripts, scriptHashes, noScriptHash)),
  subscribeTransactions: ({ txIds }) => Effect.sync(() => Subscriptions.add(client.transactions, txIds, noTxId)),
  unsubscribeTransactions: ({ txIds }) => Effect.sync(() => Subscriptions.remove(client.transactions, txIds, noTxId)),
  subscribeBlocks: () => Effect.sync(() => void (client.blocks = true)),
  unsubscribeBlocks: () => Effect.sync(() => void (client.blocks = false)),
  subscribeDoubleSpends: () => Effect.sync(() => void (client.doubleSpends = true)),
  unsubscribeDoubleSpends: () => Effect.sync(() => void (client.doubleSpends = false))
})
