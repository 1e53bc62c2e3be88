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
import * as BufferPool from "../services/BufferPool.ts"
import type * as Hash256 from "../services/Hash256.ts"
import * as NetworkConfig from "../services/NetworkConfig.ts"
import * as NetworkManager from "../services/NetworkManager.ts"
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

/** A layer of its own at each call: constants are shared within a program, and with them the first one's settings. */
const build = (): Layer.Layer<
  Exclude<NodeNetwork, NetworkConfig.NetworkConfig>,
  never,
  NetworkConfig.NetworkConfig
> =>
  Layer.effect(NetworkManager.NetworkManager, NetworkManager.make).pipe(
    Layer.provideMerge(Layer.mergeAll(
      NodeTransport.layer(),
      Layer.provide(NodeAddressResolver.layer, NodeDns.layer),
      BufferPool.layer(),
      BanList.layerMemory(),
      NodeWorkerThreads.layer(),
      NodeHash256.layer
    ))
  )

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
> = build()

/**
 * A network manager over TCP and Unix sockets, with bans and points kept in memory.
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
  Layer.provideMerge(build(), NetworkConfig.layer(options))
