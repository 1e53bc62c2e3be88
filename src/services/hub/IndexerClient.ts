/**
 * A client of an indexer: where transactions are, which outputs paid to an address, who spent an output.
 *
 * **Details**
 *
 * An indexer is a server of its own beside a Hub, by default on port 1234. What it finds is read from the Hub, with
 * `HubClient`.
 *
 * **Example** (The payments to an address)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { type HubAddress, HubClient, IndexerClient } from "effect-flowee"
 *
 * const payments = Effect.fnUntraced(function*(address: HubAddress.AddressHash) {
 *   const hub = yield* HubClient.HubClient
 *   const indexer = yield* IndexerClient.IndexerClient
 *   return yield* Effect.forEach(
 *     yield* indexer.findAddress({ address }),
 *     ({ height, index, offset }) => hub.transaction({ height, offset }, { withAmounts: true, onlyOutputs: [index] })
 *   )
 * })
 * ```
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as HubAddress from "../../domain/hub/HubAddress.ts"
import type * as HubHash from "../../domain/hub/HubHash.ts"
import * as HubIndexer from "../../domain/hub/HubIndexer.ts"
import type * as HubQuantity from "../../domain/hub/HubQuantity.ts"
import * as Greeting from "../../internal/hubClient/greeting.ts"
import * as IndexerCalls from "../../internal/hubClient/indexerCalls.ts"
import type * as Connection from "../Connection.ts"
import * as MessageClient from "../MessageClient.ts"
import * as NetworkManager from "../NetworkManager.ts"
import type * as HubClient from "./HubClient.ts"
import type * as HubError from "./HubError.ts"

/**
 * Where a transaction is: what `HubClient.transaction` reads it by.
 *
 * @category models
 * @since 0.1.0
 */
export interface Place {
  readonly height: HubQuantity.BlockHeight
  readonly offset: HubQuantity.OffsetInBlock
}

/**
 * A client of an indexer.
 *
 * @category services
 * @since 0.1.0
 */
export class IndexerClient extends Context.Service<IndexerClient, {
  /** The connection, shared with all who connect to the same indexer. */
  readonly connection: Connection.Connection
  /** Which software the indexer is. */
  readonly version: Effect.Effect<string, HubError.HubError>
  /** What it has an index of. */
  readonly available: Effect.Effect<
    { readonly addresses: boolean; readonly transactions: boolean; readonly spentOutputs: boolean },
    HubError.HubError
  >
  /** The last block that is in the index. */
  readonly lastBlock: Effect.Effect<
    { readonly height: HubQuantity.BlockHeight; readonly hash: HubHash.BlockHash },
    HubError.HubError
  >
  /** Where a transaction is; none when it is in no block. */
  readonly findTransaction: (txId: HubHash.TxId) => Effect.Effect<Option.Option<Place>, HubError.HubError>
  /** The outputs that ever paid to an address, or to a script. */
  readonly findAddress: (
    which:
      | { readonly address: HubAddress.AddressHash; readonly scriptHash?: undefined }
      | { readonly scriptHash: HubHash.ScriptHash; readonly address?: undefined }
  ) => Effect.Effect<ReadonlyArray<HubIndexer.AddressHit>, HubError.HubError>
  /** Where the transaction is that spends an output; none when nobody has spent it. */
  readonly findSpentOutput: (output: {
    readonly txId: HubHash.TxId
    readonly index: HubQuantity.OutputIndex
  }) => Effect.Effect<Option.Option<Place>, HubError.HubError>
}>()("effect-flowee/IndexerClient") {}

/**
 * Makes a client, whose connection lasts as long as the scope. It does not wait for the connection.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (
  options: HubClient.Options
) => Effect.Effect<
  IndexerClient["Service"],
  NetworkManager.NetworkError,
  NetworkManager.NetworkManager | Scope.Scope
> = Effect.fnUntraced(function*({ endPoint, retries, timeout, ...options }: HubClient.Options) {
  const manager = yield* NetworkManager.NetworkManager
  const connection = yield* manager.connect(endPoint, options)
  const client = MessageClient.make(HubIndexer.group, connection, { retries, timeout })
  yield* Greeting.keep(connection, MessageClient.make(HubIndexer.group, connection, { retries: 0 }).indexerVersion())
  return IndexerClient.of({ connection, ...IndexerCalls.make(client) })
})

/**
 * Provides a client.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: HubClient.Options
): Layer.Layer<IndexerClient, NetworkManager.NetworkError, NetworkManager.NetworkManager> =>
  Layer.effect(IndexerClient, make(options))
