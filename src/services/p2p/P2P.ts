/**
 * A node of the Bitcoin Cash network, put together: peers and their addresses, the chain of headers, what is fetched from
 * peers and what is sent to them.
 *
 * **Details**
 *
 * With a directory everything that is learned is kept there: `headers`, `addresses`, and what wallets have found in
 * `wallets`. Without
 * one it is forgotten at the end. Each part is a service of its own, and a program that needs another composition puts
 * the layers of the parts together by itself, as {@link layer} does.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as AddressResolver from "effect/net/AddressResolver"
import * as Path from "effect/Path"
import type * as PlatformError from "effect/PlatformError"
import type * as EndPoint from "../../domain/EndPoint.ts"
import * as ChainParams from "../../domain/p2p/ChainParams.ts"
import type * as Hash256 from "../Hash256.ts"
import type * as NetworkConfig from "../NetworkConfig.ts"
import type * as NetworkManager from "../NetworkManager.ts"
import * as Broadcast from "./Broadcast.ts"
import * as DnsSeeds from "./DnsSeeds.ts"
import * as Downloads from "./Downloads.ts"
import * as HeaderChain from "./HeaderChain.ts"
import type * as HeaderStoreError from "./HeaderStoreError.ts"
import * as HeaderSync from "./HeaderSync.ts"
import * as P2PConfig from "./P2PConfig.ts"
import * as PeerAddressBook from "./PeerAddressBook.ts"
import * as PeerAddressStore from "./PeerAddressStore.ts"
import * as PeerManager from "./PeerManager.ts"
import * as Wallets from "./Wallets.ts"
import * as WalletStore from "./WalletStore.ts"

/**
 * What a node consists of.
 *
 * @category models
 * @since 0.1.0
 */
export type P2P =
  | P2PConfig.P2PConfig
  | HeaderChain.HeaderChain
  | PeerAddressBook.PeerAddressBook
  | PeerManager.PeerManager
  | HeaderSync.HeaderSync
  | Downloads.Downloads
  | Broadcast.Broadcast
  | Wallets.Wallets

/**
 * Why a node cannot be built.
 *
 * @category errors
 * @since 0.1.0
 */
export type P2PError =
  | HeaderStoreError.HeaderStoreError
  | WalletStore.WalletStoreError
  | PeerAddressStore.PeerAddressStoreError
  | NetworkConfig.BadOption
  | NetworkManager.NetworkError

/** What the parts of a node need of the platform. */
type Platform = NetworkManager.NetworkManager | Hash256.Hash256 | AddressResolver.AddressResolver

/**
 * Options of a node that forgets.
 *
 * @category models
 * @since 0.1.0
 */
export interface MemoryOptions
  extends
    P2PConfig.Options,
    Pick<PeerManager.Options, "outbound" | "maxOutbound" | "maxInbound" | "listen">,
    HeaderSync.Options
{
  /** Peers that are dialled again and again, whatever the book says. Default: none. */
  readonly peers?: ReadonlyArray<EndPoint.Input> | undefined
  /** Whether the seeds of the network are asked for addresses. Default: `true`. */
  readonly seeds?: boolean | undefined
}

/**
 * Options of a node.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends MemoryOptions {
  /** Where everything is kept, one directory for each network. It is made when it is not there. */
  readonly directory: string
  /** Files of packed headers to begin with, as `HeaderStore` takes them. Default: none. */
  readonly bundled?: ReadonlyArray<string> | undefined
  /** Whether a file that is corrupt is set aside, and what it held is learned anew. Default: `false`, which fails. */
  readonly rebuild?: boolean | undefined
}

/** Peers and their synchronisation, over a chain and a book. */
const node = (options: MemoryOptions): Layer.Layer<
  | PeerManager.PeerManager
  | HeaderSync.HeaderSync
  | Downloads.Downloads
  | Broadcast.Broadcast
  | Wallets.Wallets,
  P2PError,
  | Exclude<Platform, AddressResolver.AddressResolver>
  | P2PConfig.P2PConfig
  | HeaderChain.HeaderChain
  | PeerAddressBook.PeerAddressBook
  | WalletStore.WalletStore
> => {
  const peers = Layer.effect(
    PeerManager.PeerManager,
    Effect.gen(function*() {
      const chain = yield* HeaderChain.HeaderChain
      const manager = yield* PeerManager.make({
        ...options,
        startHeight: Effect.map(chain.tip, ({ height }) => height)
      })
      for (const endPoint of options.peers ?? []) yield* manager.connect(endPoint)
      return manager
    })
  )
  return Wallets.layer.pipe(
    Layer.provideMerge(Layer.mergeAll(HeaderSync.layer(options), Downloads.layer(), Broadcast.layer())),
    Layer.provideMerge(peers)
  )
}

const book = (
  options: MemoryOptions
): Layer.Layer<
  PeerAddressBook.PeerAddressBook,
  PeerAddressStore.PeerAddressStoreError | NetworkConfig.BadOption,
  PeerAddressStore.PeerAddressStore | AddressResolver.AddressResolver | Hash256.Hash256
> => {
  const chain = ChainParams.all[options.network]
  return PeerAddressBook.layer({ network: chain.network }).pipe(Layer.provide([
    options.seeds === false ? DnsSeeds.layerNone : DnsSeeds.layer({ chain }),
    SecureRandom.layerWebCrypto
  ]))
}

const compose = <E, R>(
  options: MemoryOptions,
  kept: Layer.Layer<HeaderChain.HeaderChain | PeerAddressStore.PeerAddressStore | WalletStore.WalletStore, E, R>
): Layer.Layer<P2P, E | P2PError, R | Platform> =>
  node(options).pipe(
    Layer.provideMerge(book(options)),
    Layer.provideMerge(kept),
    Layer.provideMerge(P2PConfig.layer(options))
  )

/**
 * Provides a node that keeps what it learns in a directory.
 *
 * **Example** (Following the chain)
 *
 * ```ts
 * import * as NodeServices from "@effect/platform-node/NodeServices"
 * import { Effect, Layer } from "effect"
 * import { HeaderChain, HeaderSync, NodeNetwork, P2P } from "effect-flowee"
 *
 * const layer = P2P.layer({ network: "mainnet", directory: "/var/lib/flowee" }).pipe(
 *   Layer.provide([NodeNetwork.layer(), NodeServices.layer])
 * )
 *
 * const program = Effect.gen(function*() {
 *   const sync = yield* HeaderSync.HeaderSync
 *   yield* sync.synced
 *   const chain = yield* HeaderChain.HeaderChain
 *   yield* Effect.logInfo(`the chain has height ${(yield* chain.tip).height}`)
 * }).pipe(Effect.provide(layer))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options
): Layer.Layer<P2P, P2PError | PlatformError.PlatformError, Platform | FileSystem.FileSystem | Path.Path> =>
  Layer.unwrap(Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const directory = path.join(options.directory, options.network)
    yield* fs.makeDirectory(directory, { recursive: true })
    const params = ChainParams.all[options.network]
    const { bundled, rebuild } = options
    return compose(
      options,
      Layer.mergeAll(
        HeaderChain.layerFile({ params, path: path.join(directory, "headers"), bundled, rebuild }),
        PeerAddressStore.layerFile({ network: params.network, path: path.join(directory, "addresses"), rebuild }),
        WalletStore.layerFile({ network: params.network, directory: path.join(directory, "wallets") })
      )
    )
  }))

/**
 * Provides a node that forgets everything at its end.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMemory = (options: MemoryOptions): Layer.Layer<P2P, P2PError, Platform> =>
  compose(
    options,
    Layer.mergeAll(
      HeaderChain.layerMemory({ params: ChainParams.all[options.network] }),
      PeerAddressStore.layerMemory,
      WalletStore.layerMemory
    )
  )
