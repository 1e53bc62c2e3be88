/**
 * The network manager on Node.js, with everything it is made of.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as NodeAddressResolver from "@effect/platform-node/NodeAddressResolver"
import * as NodeDns from "@effect/platform-node/NodeDns"
import * as Layer from "effect/Layer"
import * as BanList from "../services/BanList.ts"
import type * as BanListFile from "../services/BanListFile.ts"
import * as BufferPool from "../services/BufferPool.ts"
import type * as Hash256 from "../services/Hash256.ts"
import * as NetworkConfig from "../services/NetworkConfig.ts"
import * as NetworkManager from "../services/NetworkManager.ts"
import * as NodeBanList from "./NodeBanList.ts"
import * as NodeHash256 from "./NodeHash256.ts"
import * as NodeTransport from "./NodeTransport.ts"
import * as NodeWorkerThreads from "./NodeWorkerThreads.ts"

/**
 * All that a network on Node.js consists of.
 *
 * @category models
 * @since 0.1.0
 */
export type NodeNetwork = NetworkManager.NetworkManager | NetworkManager.Parts | Hash256.Hash256

/** What a network is made of besides its configuration and its ban list. */
type Made = Exclude<NodeNetwork, NetworkConfig.NetworkConfig | BanList.BanList>

/** A layer of its own at each call: constants are shared within a program, and with them the first one's settings. */
const build = (): Layer.Layer<Made, never, NetworkConfig.NetworkConfig | BanList.BanList> =>
  Layer.effect(NetworkManager.NetworkManager, NetworkManager.make).pipe(
    Layer.provideMerge(Layer.mergeAll(
      NodeTransport.layer(),
      Layer.provide(NodeAddressResolver.layer, NodeDns.layer),
      BufferPool.layer(),
      NodeWorkerThreads.layer(),
      NodeHash256.layer
    ))
  )

/**
 * The parts of {@link layer} with the configuration and the ban list left open, such as for a ban list that machines
 * share: see `NodeBanList.layerRedis`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerNoBans: Layer.Layer<Made, never, NetworkConfig.NetworkConfig | BanList.BanList> = build()

/**
 * The parts of {@link layer} with the configuration left open.
 *
 * **Example** (Settings from the environment)
 *
 * ```ts
 * import { Layer } from "effect"
 * import { NetworkConfig, NodeNetwork } from "effect-flowee"
 *
 * const layer = Layer.provideMerge(NodeNetwork.layerNoConfig, NetworkConfig.layerFromEnv)
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerNoConfig: Layer.Layer<
  Exclude<NodeNetwork, NetworkConfig.NetworkConfig>,
  never,
  NetworkConfig.NetworkConfig
> = Layer.provideMerge(build(), BanList.layerMemory())

/**
 * A network manager over TCP and Unix sockets, with bans and points kept in memory.
 *
 * **When to use**
 *
 * Use it for clients. Servers that others can reach keep their bans over a restart: see {@link layerServer}.
 *
 * **Details**
 *
 * Each call makes a layer with a network manager of its own. Whoever is given the same layer shares one.
 *
 * **Example** (A connection)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Message, NetworkManager, NodeNetwork } from "effect-flowee"
 *
 * const program = Effect.gen(function*() {
 *   const manager = yield* NetworkManager.NetworkManager
 *   const hub = yield* manager.connect("localhost:1235")
 *   return yield* hub.request(Message.make({ serviceId: 0, messageId: 0 }))
 * }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer()))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: NetworkConfig.Options): Layer.Layer<NodeNetwork, NetworkConfig.BadOption> =>
  build().pipe(
    Layer.provideMerge(BanList.layerMemory()),
    Layer.provideMerge(NetworkConfig.layer(options))
  )

/**
 * Options of {@link layerServer}.
 *
 * @category models
 * @since 0.1.0
 */
export interface ServerOptions extends NetworkConfig.Options {
  /** The file with bans and points. Default: `NodeBanList.defaultPath()`, which `flowee bans` looks at too. */
  readonly bans?: NodeBanList.FileOptions | undefined
}

/**
 * A network manager for servers: as {@link layer}, with bans and points in a file, so that nobody gets rid of them by
 * waiting for a restart. `flowee bans` lists them and changes them, while the server runs too.
 *
 * **Example** (A server that keeps its bans in a folder of its own)
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { NetworkManager, NodeNetwork } from "effect-flowee"
 *
 * const Listen = Layer.effectDiscard(NetworkManager.NetworkManager.use((manager) => manager.bind("0.0.0.0:1235")))
 *
 * const server = Listen.pipe(Layer.provide(NodeNetwork.layerServer({ bans: { path: "/var/lib/hub/bans" } })))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerServer = (
  options: ServerOptions = {}
): Layer.Layer<NodeNetwork, NetworkConfig.BadOption | BanListFile.BanFileError> =>
  build().pipe(
    Layer.provideMerge(NodeBanList.layerFile(options.bans)),
    Layer.provideMerge(NetworkConfig.layer(options))
  )
