/**
 * The calls of a client to an indexer.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as HubIndexer from "../../domain/hub/HubIndexer.ts"
import type * as HubQuantity from "../../domain/hub/HubQuantity.ts"
import type * as IndexerClient from "../../services/hub/IndexerClient.ts"
import type * as MessageClient from "../../services/MessageClient.ts"
import { asked, defined, requireOne } from "./asking.ts"

type Client = MessageClient.MessageClient<(typeof HubIndexer.group)["members"][number]>

/** Half a place is none. */
const toPlace = (
  { height, offset }: { readonly height?: HubQuantity.BlockHeight; readonly offset?: HubQuantity.OffsetInBlock }
): Option.Option<IndexerClient.Place> =>
  height === undefined || offset === undefined ? Option.none() : Option.some({ height, offset })

/** @internal */
export const make = (client: Client): Omit<IndexerClient.IndexerClient["Service"], "connection"> => ({
  version: Effect.map(asked(client.indexerVersion()), ({ version }) => version),
  available: Effect.map(
    asked(client.getAvailableIndexers()),
    ({ addresses = false, spentOutputs = false, transactions = false }) => ({ addresses, transactions, spentOutputs })
  ),
  lastBlock: asked(client.getIndexerLastBlock()),
  findTransaction: (txId) => Effect.map(asked(client.findTransaction({ txId })), toPlace),
  findAddress: (which) =>
    Effect.andThen(
      requireOne("findAddress", which, [["address"], ["scriptHash"]]),
      asked(client.findAddress(defined(which)))
    ),
  findSpentOutput: ({ index, txId }) => Effect.map(asked(client.findSpentOutput({ txId, index })), toPlace)
})
