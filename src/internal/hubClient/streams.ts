/**
 * The subscriptions of a client as streams.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as HubHash from "../../domain/hub/HubHash.ts"
import * as HubQuantity from "../../domain/hub/HubQuantity.ts"
import type * as Connection from "../../services/Connection.ts"
import type * as HubClient from "../../services/hub/HubClient.ts"
import * as HubError from "../../services/hub/HubError.ts"
import type * as HubEvent from "../../services/hub/HubEvent.ts"
import * as BlockFollower from "./blockFollower.ts"
import type * as Calls from "./calls.ts"
import type * as Feed from "./feed.ts"
import * as Patience from "./patience.ts"
import * as Services from "./services.ts"
import type * as Subscriptions from "./subscriptions.ts"

const defaultBuffer = 1024

const all: ReadonlySet<Services.Everything> = new Set([Services.everything] as const)

const bufferOf = (
  call: string,
  { bufferSize = defaultBuffer }: HubClient.StreamOptions
): Effect.Effect<number, HubError.HubError> =>
  Number.isInteger(bufferSize) && bufferSize > 0
    ? Effect.succeed(bufferSize)
    : Effect.fail(HubError.badArgument(call, "bufferSize", `give a whole number from 1, not ${bufferSize}`))

/** The hashes as a set, each of them checked, and at least one. */
const keysOf = <Hash extends string>(
  call: string,
  argument: string,
  is: (u: unknown) => u is Hash,
  hashes: ReadonlyArray<Hash>
): Effect.Effect<ReadonlySet<Hash>, HubError.HubError> => {
  const wrong = hashes.findIndex((hash) => !is(hash))
  if (wrong >= 0) {
    return Effect.fail(
      HubError.badArgument(call, `${argument}[${wrong}]`, "expected a hash of 64 lower-case hexadecimal digits")
    )
  }
  return hashes.length > 0
    ? Effect.succeed(new Set(hashes))
    : Effect.fail(HubError.badArgument(call, argument, "give at least one"))
}

/** What a feed tells. */
const tell = <Key, Event extends { readonly _tag: string }>(
  feed: Feed.Feed<Key, Event>,
  keys: ReadonlySet<Key>,
  buffer: number,
  { onSubscribed }: HubClient.StreamOptions
): Effect.Effect<Stream.Stream<Feed.Told<Event>, HubError.HubError>, HubError.HubError, Scope.Scope> =>
  Effect.map(feed.open(keys, buffer), (queue) => {
    const told = Stream.fromQueue(queue)
    return onSubscribed === undefined
      ? told
      : Stream.tap(told, ({ _tag }) => _tag === "Subscribed" ? onSubscribed : Effect.void)
  })

/** What a feed tells, without the note that it holds. */
const events = <Key, Event extends { readonly _tag: string }>(
  call: string,
  feed: Feed.Feed<Key, Event>,
  keys: Effect.Effect<ReadonlySet<Key>, HubError.HubError>,
  options: HubClient.StreamOptions
): Stream.Stream<Event | HubEvent.Gap, HubError.HubError> =>
  Stream.unwrap(
    Effect.gen(function*() {
      const told = yield* tell(feed, yield* keys, yield* bufferOf(call, options), options)
      return Stream.filter(told, (told): told is Event | HubEvent.Gap => told._tag !== "Subscribed")
    })
  )

const isScriptHash = Schema.is(HubHash.ScriptHash)
const isTxId = Schema.is(HubHash.TxId)
const isHeight = Schema.is(HubQuantity.BlockHeight)

type Asking = Pick<Calls.Calls, "blockChainInfo" | "blockHeader">

/** The last block before the first one that is told of. */
const start = (
  connection: Connection.Connection,
  { blockChainInfo }: Asking,
  from: HubQuantity.BlockHeight | undefined
): Effect.Effect<readonly [height: number, hash: HubHash.BlockHash | undefined], HubError.HubError> => {
  if (from !== undefined) {
    return isHeight(from)
      ? Effect.succeed([from - 1, undefined] as const)
      : Effect.fail(
        HubError.badArgument("blocks", "from", `expected a height from 0 to 2147483647, not ${String(from)}`)
      )
  }
  // A subscriber waits for the Hub as long as it takes; only an answer that is overdue is an error.
  const connected = Effect.mapError(
    connection.connected,
    (reason) => new HubError.HubError({ call: "blocks", reason })
  )
  return Effect.andThen(connected, blockChainInfo).pipe(
    Effect.retry({ while: ({ reason }) => reason._tag === "RequestInterrupted" }),
    Effect.map(({ bestBlock, blocks }) => [blocks, bestBlock] as const)
  )
}

const questions = (connection: Connection.Connection, asking: Asking): BlockFollower.Questions => ({
  tip: asking.blockChainInfo,
  header: (height) => Effect.map(asking.blockHeader({ height }), Option.getOrUndefined),
  session: connection.state,
  isForLater: (error) => Patience.isForLater(connection, error)
})

/**
 * The streams of a client. What blocks are missing is asked without retries: after a lost connection, a gap is told first.
 *
 * @internal
 */
export const make = (
  subscriptions: Subscriptions.Subscriptions,
  connection: Connection.Connection,
  asking: Asking,
  askingOnce: Asking
): Pick<HubClient.HubClient["Service"], "blocks" | "addresses" | "transactions" | "doubleSpends"> => ({
  blocks: ({ from, ...options } = {}) =>
    Stream.unwrap(
      Effect.gen(function*() {
        const buffer = yield* bufferOf("blocks", options)
        // Where it starts is known before it is subscribed: what comes in between is caught up with.
        const [height, hash] = yield* start(connection, asking, from)
        const follower = new BlockFollower.BlockFollower(questions(connection, askingOnce), height, hash)
        const told = yield* tell(subscriptions.blocks, all, buffer, options)
        return Stream.flatMap(told, (told) => follower.follow(told))
      })
    ),
  addresses: (scriptHashes, options = {}) =>
    events(
      "addresses",
      subscriptions.addresses,
      Effect.suspend(() => keysOf("addresses", "scriptHashes", isScriptHash, scriptHashes)),
      options
    ),
  transactions: (txIds, options = {}) =>
    events(
      "transactions",
      subscriptions.transactions,
      Effect.suspend(() => keysOf("transactions", "txIds", isTxId, txIds)),
      options
    ),
  doubleSpends: (options = {}) => events("doubleSpends", subscriptions.doubleSpends, Effect.succeed(all), options)
})
