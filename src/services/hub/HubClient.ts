/**
 * A client of a Hub: its calls as effects, its subscriptions as streams.
 *
 * **Details**
 *
 * Calls work at once: what is asked before the connection is up, or while it is down, waits. Calls that only ask are sent
 * again when the connection is lost before the answer came. Arguments are checked before anything is sent.
 *
 * A Hub closes a connection on which nothing is said for 4 seconds, so a client asks for the version after the first one.
 *
 * **Example** (Mining, and watching it)
 *
 * ```ts
 * import { Effect, Layer, Stream } from "effect"
 * import { HubClient, NodeNetwork } from "effect-flowee"
 *
 * const program = Effect.gen(function*() {
 *   const hub = yield* HubClient.HubClient
 *   const { address } = yield* hub.createAddress
 *   yield* hub.generateBlocks({ address, blocks: 3 })
 *   yield* Stream.runForEach(hub.blocks(), (event) => Effect.log(event))
 * }).pipe(
 *   Effect.provide(Layer.provide(HubClient.layer({ endPoint: "localhost:1235" }), NodeNetwork.layer()))
 * )
 * ```
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type * as EndPoint from "../../domain/EndPoint.ts"
import type * as HubAddress from "../../domain/hub/HubAddress.ts"
import * as HubApi from "../../domain/hub/HubApi.ts"
import type * as HubBlockChain from "../../domain/hub/HubBlockChain.ts"
import type * as HubHash from "../../domain/hub/HubHash.ts"
import type * as HubLiveTransactions from "../../domain/hub/HubLiveTransactions.ts"
import type * as HubQuantity from "../../domain/hub/HubQuantity.ts"
import type * as HubTransaction from "../../domain/hub/HubTransaction.ts"
import type * as Network from "../../domain/Network.ts"
import * as Calls from "../../internal/hubClient/calls.ts"
import * as Networks from "../../internal/hubClient/networks.ts"
import * as Streams from "../../internal/hubClient/streams.ts"
import * as Subscriptions from "../../internal/hubClient/subscriptions.ts"
import type * as Connection from "../Connection.ts"
import * as CookieFile from "../CookieFile.ts"
import * as MessageClient from "../MessageClient.ts"
import * as NetworkManager from "../NetworkManager.ts"
import type * as HubError from "./HubError.ts"
import type * as HubEvent from "./HubEvent.ts"
import type * as HubQuery from "./HubQuery.ts"

/**
 * Options of a stream.
 *
 * @category models
 * @since 0.1.0
 */
export interface StreamOptions {
  /** Events that wait for the reader; beyond, they are dropped, and there is a `Gap`. Default: 1024. */
  readonly bufferSize?: number | undefined
  /**
   * Run once, when the subscription holds for the first time: nothing that happens from here on is missed. For double
   * spends, whose subscription a Hub does not answer, that is when it was sent. Default: nothing.
   */
  readonly onSubscribed?: Effect.Effect<unknown> | undefined
}

/**
 * Options of the stream of blocks.
 *
 * @category models
 * @since 0.1.0
 */
export interface BlocksOptions extends StreamOptions {
  /** The first block to tell of, which may be long past. Default: the next one that comes. */
  readonly from?: HubQuantity.BlockHeight | undefined
}

/**
 * A client of a Hub.
 *
 * @category services
 * @since 0.1.0
 */
export class HubClient extends Context.Service<HubClient, {
  /** The connection, shared with all who connect to the same Hub. */
  readonly connection: Connection.Connection

  /** Which software the Hub is: `Flowee:1 (2021-04)`. */
  readonly version: Effect.Effect<string, HubError.HubError>
  /** Where the chain stands. */
  readonly blockChainInfo: Effect.Effect<HubBlockChain.Info, HubError.HubError>
  /** Which network the Hub is on. It is asked once. */
  readonly network: Effect.Effect<Network.Network, HubError.HubError>
  readonly bestBlockHash: Effect.Effect<HubHash.BlockHash, HubError.HubError>
  /** The height of the best block. */
  readonly blockCount: Effect.Effect<HubQuantity.BlockHeight, HubError.HubError>
  /** The header of a block; none when the Hub does not know it. */
  readonly blockHeader: (
    which: HubQuery.Block
  ) => Effect.Effect<Option.Option<HubBlockChain.Header>, HubError.HubError>
  /** A block with its transactions. */
  readonly block: (
    which: HubQuery.Block,
    options?: HubQuery.BlockOptions
  ) => Effect.Effect<HubBlockChain.Block, HubError.HubError>
  /** All about a block, with the ids of its transactions. */
  readonly blockVerbose: (which: HubQuery.Block, options?: {
    /** Handed to the Hub as it is. The Hub API knows one form of the reply, with it or without. Default: not sent. */
    readonly verbose?: boolean | undefined
  }) => Effect.Effect<HubBlockChain.Verbose, HubError.HubError>
  /** A transaction in a block. By its id only where the Hub has an index of them. */
  readonly transaction: (
    which: HubQuery.Transaction,
    choices?: HubQuery.Choices
  ) => Effect.Effect<HubTransaction.Mined, HubError.HubError>

  /** The bytes of a transaction, and the height of its block when it is in one. */
  readonly liveTransaction: (
    which: HubQuery.LiveTransaction
  ) => Effect.Effect<{ readonly height?: HubQuantity.BlockHeight; readonly bytes: Uint8Array }, HubError.HubError>
  /** Puts a transaction into the mempool of the Hub, from where it goes to the miners, and gives its id. */
  readonly sendTransaction: (transaction: Uint8Array, options?: {
    /** Only say whether it could be sent. Default: `false`. */
    readonly validateOnly?: boolean | undefined
    /** Have it validated beside the Hub's other work. Default: `false`. */
    readonly offThread?: boolean | undefined
  }) => Effect.Effect<HubHash.TxId, HubError.HubError>
  /** Whether outputs can be spent, one answer for each. */
  readonly isUnspent: (
    outputs: ReadonlyArray<HubQuery.Output>
  ) => Effect.Effect<ReadonlyArray<HubLiveTransactions.Unspent>, HubError.HubError>
  /** Whether outputs can be spent and what they hold, one answer for each. */
  readonly unspentOutputs: (
    outputs: ReadonlyArray<HubQuery.Output>
  ) => Effect.Effect<ReadonlyArray<HubLiveTransactions.UnspentOutput>, HubError.HubError>
  /** What is found in the mempool. */
  readonly searchMempool: (
    search: HubQuery.Search
  ) => Effect.Effect<ReadonlyArray<HubLiveTransactions.Hit>, HubError.HubError>
  readonly mempoolInfo: Effect.Effect<HubLiveTransactions.MempoolInfo, HubError.HubError>

  /** A new address and the key (32 bytes) that spends what it is paid. The Hub makes it and sees it: for tests only. */
  readonly createAddress: Effect.Effect<{
    readonly address: HubAddress.AddressHash
    readonly privateKey: Redacted.Redacted<Uint8Array>
  }, HubError.HubError>
  /** Whether a text is an address, in the eyes of the Hub. */
  readonly validateAddress: (address: string) => Effect.Effect<{
    readonly isValid: boolean
    readonly address?: string
    readonly script?: Uint8Array
  }, HubError.HubError>
  /** Reads the text of an address (CashAddr, P2PKH) of the Hub's network. */
  readonly parseAddress: (text: string) => Effect.Effect<HubAddress.AddressHash, HubError.HubError>
  /** Writes an address as text (CashAddr) of the Hub's network. */
  readonly formatAddress: (address: HubAddress.AddressHash) => Effect.Effect<string, HubError.HubError>

  /** Makes blocks that pay to an address, on a network of one's own, and gives their hashes. */
  readonly generateBlocks: (options: {
    readonly address: HubAddress.AddressHash
    /** How many, 1 to 150. Default: 1. */
    readonly blocks?: number | undefined
  }) => Effect.Effect<ReadonlyArray<HubHash.BlockHash>, HubError.HubError>
  /** Offers a block to the Hub, and gives its hash. */
  readonly submitBlock: (block: Uint8Array) => Effect.Effect<HubHash.BlockHash, HubError.HubError>

  /**
   * Each block that comes to the chain and each one that leaves it. None is missing: what came while there was no
   * connection is asked for, and follows the `Gap`.
   */
  readonly blocks: (options?: BlocksOptions) => Stream.Stream<HubEvent.BlockEvent, HubError.HubError>
  /** Transactions of scripts: see `HubAddress.toScriptHash`. */
  readonly addresses: (
    scriptHashes: ReadonlyArray<HubHash.ScriptHash>,
    options?: StreamOptions
  ) => Stream.Stream<HubEvent.AddressEvent, HubError.HubError>
  /** What becomes of transactions. */
  readonly transactions: (
    txIds: ReadonlyArray<HubHash.TxId>,
    options?: StreamOptions
  ) => Stream.Stream<HubEvent.TransactionEvent, HubError.HubError>
  /** Double spends of any transaction. */
  readonly doubleSpends: (options?: StreamOptions) => Stream.Stream<HubEvent.DoubleSpendEvent, HubError.HubError>
}>()("effect-flowee/HubClient") {}

/**
 * Options of a client. Those of the connection hold for the first one who connects to a Hub.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends Omit<NetworkManager.ConnectOptions, "envelope">, MessageClient.Options {
  /** Where the Hub is. Usual ports: `Network.mainnet.hubPort` and the like. */
  readonly endPoint: EndPoint.Input
}

/**
 * Makes a client, whose connection lasts as long as the scope. It does not wait for the connection.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (
  options: Options
) => Effect.Effect<
  HubClient["Service"],
  NetworkManager.NetworkError,
  NetworkManager.NetworkManager | Scope.Scope
> = Effect.fnUntraced(function*({ endPoint, retries, timeout, ...options }: Options) {
  const manager = yield* NetworkManager.NetworkManager
  const connect = manager.connect(endPoint, options)
  const connection = yield* connect
  const subscriptions = yield* Subscriptions.get(manager, connection, connect)
  const callsWith = (retries: number | undefined) =>
    Calls.make(MessageClient.make(HubApi.calls, connection, { retries, timeout }))
  const calls = callsWith(retries)
  return HubClient.of({
    connection,
    ...calls,
    ...Networks.make(calls),
    ...Streams.make(subscriptions, connection, calls, callsWith(0))
  })
})

/**
 * Provides a client.
 *
 * **Details**
 *
 * Whoever is given the same layer shares the client. Clients of one Hub share the connection and its subscriptions in
 * any case, as long as they are made with the same network manager.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options
): Layer.Layer<HubClient, NetworkManager.NetworkError, NetworkManager.NetworkManager> =>
  Layer.effect(HubClient, make(options))

/**
 * Provides a client that logs in with the cookie of `CookieFile`.
 *
 * **Example** (A Hub of the same machine)
 *
 * ```ts
 * import { Layer } from "effect"
 * import { HubClient, NodeCookieFile, NodeNetwork } from "effect-flowee"
 *
 * const layer = HubClient.layerCookie({ endPoint: "localhost:1235" }).pipe(
 *   Layer.provide([NodeNetwork.layer(), NodeCookieFile.layer({ path: "/run/hub/.cookie" })])
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerCookie = (
  options: Omit<Options, "login">
): Layer.Layer<HubClient, NetworkManager.NetworkError, NetworkManager.NetworkManager | CookieFile.CookieFile> =>
  Layer.effect(HubClient, Effect.flatMap(CookieFile.CookieFile, (login) => make({ ...options, login })))

/**
 * What a configuration says of a client.
 *
 * @category configuration
 * @since 0.1.0
 */
export interface Settings {
  /** `host:port`, `[ipv6]:port` or `unix:/path`. */
  readonly endPoint: string
  /** How long each call waits for its answer. Default: 30 seconds. */
  readonly timeout?: Duration.Duration | undefined
}

/**
 * A client from a configuration provider: `endPoint` and `timeout` within `hub`.
 *
 * @category configuration
 * @since 0.1.0
 */
export const config: Config.Config<Settings> = Config.all({
  endPoint: Config.NonEmptyString("endPoint"),
  timeout: Config.withDefault(Config.Duration("timeout"), undefined)
}).pipe(Config.nested("hub"))

/**
 * Provides a client as a configuration says, by default {@link config}.
 *
 * **Example** (From environment variables)
 *
 * ```ts
 * import { ConfigProvider, Layer } from "effect"
 * import { HubClient } from "effect-flowee"
 *
 * // HUB_END_POINT="localhost:1235" HUB_TIMEOUT="10 seconds"
 * const layer = HubClient.layerConfig().pipe(
 *   Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv().pipe(ConfigProvider.constantCase)))
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  settings: Config.Wrap<Settings> = config,
  options: Omit<Options, keyof Settings> = {}
): Layer.Layer<HubClient, NetworkManager.NetworkError | Config.ConfigError, NetworkManager.NetworkManager> =>
  Layer.effect(
    HubClient,
    Effect.flatMap(Config.unwrap(settings), (settings) => make({ ...options, ...settings }))
  )
