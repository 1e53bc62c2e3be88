/**
 * The subscription services of a Hub, as feeds see them.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as CommandFailure from "../../domain/CommandFailure.ts"
import * as Header from "../../domain/Header.ts"
import * as HubAddressMonitor from "../../domain/hub/HubAddressMonitor.ts"
import type * as HubApi from "../../domain/hub/HubApi.ts"
import * as HubBlockNotification from "../../domain/hub/HubBlockNotification.ts"
import * as HubDoubleSpendNotification from "../../domain/hub/HubDoubleSpendNotification.ts"
import type * as HubHash from "../../domain/hub/HubHash.ts"
import * as HubTransactionMonitor from "../../domain/hub/HubTransactionMonitor.ts"
import type * as Message from "../../domain/Message.ts"
import type * as MessageGroup from "../../domain/MessageGroup.ts"
import * as HubError from "../../services/hub/HubError.ts"
import type * as HubEvent from "../../services/hub/HubEvent.ts"
import type * as MessageClient from "../../services/MessageClient.ts"
import type * as Feed from "./feed.ts"

/** @internal */
export type Client = MessageClient.MessageClient<(typeof HubApi.subscriptions)["members"][number]>

/**
 * Stands for all there is, where a service knows no keys.
 *
 * @internal
 */
export const everything = "everything"

/** @internal */
export type Everything = typeof everything

/**
 * What a feed of blocks tells, as the Hub says it.
 *
 * @internal
 */
export type BlockNews =
  | { readonly _tag: "Added"; readonly block: HubBlockNotification.BlockRef }
  | { readonly _tag: "Removed"; readonly blocks: ReadonlyArray<HubBlockNotification.BlockRef> }

type Without<A, Tag> = Exclude<A, { readonly _tag: Tag }>

/** @internal */
export type AddressNews = Without<HubEvent.AddressEvent, "Gap">

/** @internal */
export type TransactionNews = Without<HubEvent.TransactionEvent, "Gap">

/** @internal */
export type DoubleSpendNews = Without<HubEvent.DoubleSpendEvent, "Gap">

/** How a notification is read. */
interface Reader<Key, Event> {
  readonly messageId: number
  readonly read: (message: Message.Message) => Feed.Reading<Key, Event>
}

const reader = <Name extends string, Payload, Key, Event>(
  { messageId, name, payload }: MessageGroup.Notification<Name, Payload>,
  route: (payload: Payload) => ReadonlyArray<Feed.Routed<Key, Event>>
): Reader<Key, Event> => ({
  messageId,
  read: function*(message) {
    return Result.mapBoth(yield* payload.decodeInPieces(message), {
      onSuccess: route,
      onFailure: (reason) => new HubError.HubError({ call: name, reason })
    })
  }
})

const readWith =
  <Key, Event>(...readers: ReadonlyArray<Reader<Key, Event>>): Feed.Service<Key, Event>["read"] => (message) =>
    // What carries a RequestId is a reply that nobody waits for any more, which may have the id of a notification.
    Header.get(message.header, Header.requestId) === undefined
      ? readers.find(({ messageId }) => messageId === message.messageId)?.read(message)
      : undefined

const toHubError = <A>(call: Effect.Effect<A, MessageClient.CallError>): Effect.Effect<A, HubError.HubError> =>
  Effect.mapError(call, HubError.fromCallError)

/** A subscription that the Hub agreed to in part is none. */
const agreed = (
  call: string,
  wanted: number,
  { count, error }: { readonly count: number; readonly error?: string }
): Effect.Effect<void, HubError.HubError> =>
  error === undefined && count >= wanted
    ? Effect.void
    : Effect.fail(
      new HubError.HubError({
        call,
        reason: new CommandFailure.CommandFailed({ text: error ?? `the Hub took ${count} of ${wanted}` })
      })
    )

/** @internal */
export const blocks = (client: Client): Feed.Service<Everything, BlockNews> => ({
  serviceId: HubBlockNotification.subscribeBlocks.serviceId,
  subscribe: () => toHubError(client.subscribeBlocks()),
  unsubscribe: () => toHubError(client.unsubscribeBlocks()),
  read: readWith<Everything, BlockNews>(
    reader(HubBlockNotification.newBlockOnChain, (block) => [{ key: everything, event: { _tag: "Added", block } }]),
    reader(HubBlockNotification.blocksRemoved, (blocks) => [{ key: everything, event: { _tag: "Removed", blocks } }])
  )
})

/** @internal */
export const addresses = (client: Client): Feed.Service<HubHash.ScriptHash, AddressNews> => ({
  serviceId: HubAddressMonitor.subscribeAddresses.serviceId,
  subscribe: (scriptHashes) =>
    toHubError(client.subscribeAddresses({ scriptHashes })).pipe(
      Effect.flatMap((result) => agreed("subscribeAddresses", scriptHashes.length, result))
    ),
  unsubscribe: (scriptHashes) => toHubError(Effect.asVoid(client.unsubscribeAddresses({ scriptHashes }))),
  read: readWith<HubHash.ScriptHash, AddressNews>(
    reader(HubAddressMonitor.addressFound, ({ matches, scriptHashes }) =>
      matches.map((match, i) => {
        const key = scriptHashes[i]!
        return { key, event: { _tag: "Found", scriptHash: key, ...match } }
      })),
    reader(HubAddressMonitor.addressDoubleSpend, ({ matches, scriptHashes, ...evidence }) =>
      matches.map((match, i) => {
        const key = scriptHashes[i]!
        return { key, event: { _tag: "DoubleSpend", scriptHash: key, ...match, ...evidence } }
      }))
  )
})

/** @internal */
export const transactions = (client: Client): Feed.Service<HubHash.TxId, TransactionNews> => ({
  serviceId: HubTransactionMonitor.subscribeTransactions.serviceId,
  subscribe: (txIds) =>
    toHubError(client.subscribeTransactions({ txIds })).pipe(
      Effect.flatMap((result) => agreed("subscribeTransactions", txIds.length, result))
    ),
  unsubscribe: (txIds) => toHubError(Effect.asVoid(client.unsubscribeTransactions({ txIds }))),
  read: readWith<HubHash.TxId, TransactionNews>(
    reader(
      HubTransactionMonitor.transactionFound,
      (found) => [{ key: found.txId, event: { _tag: "Found", ...found } }]
    ),
    reader(HubTransactionMonitor.transactionDoubleSpend, (found) => [{
      key: found.txId,
      event: { _tag: "DoubleSpend", ...found }
    }])
  )
})

/** @internal */
export const doubleSpends = (client: Client): Feed.Service<Everything, DoubleSpendNews> => ({
  serviceId: HubDoubleSpendNotification.subscribeDoubleSpends.serviceId,
  subscribe: () => toHubError(client.subscribeDoubleSpends()),
  unsubscribe: () => toHubError(client.unsubscribeDoubleSpends()),
  read: readWith<Everything, DoubleSpendNews>(
    reader(HubDoubleSpendNotification.doubleSpendFound, (found) => [{
      key: everything,
      event: { _tag: "DoubleSpend", ...found }
    }])
  )
})
