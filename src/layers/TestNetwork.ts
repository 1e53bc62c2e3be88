/**
 * The network manager in memory, with everything it is made of: for tests of programs that use one.
 *
 * **Details**
 *
 * There are no sockets and no threads. Time is that of the `Clock`, so a test with the `TestClock` decides when a delay,
 * a timeout or the next attempt to connect is over. `MemoryTransport.MemoryNetwork` cuts, delays and loses.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Layer from "effect/Layer"
import type * as AddressResolver from "effect/net/AddressResolver"
import type * as NetAddress from "effect/net/NetAddress"
import * as Job from "../domain/Job.ts"
import * as BanList from "../services/BanList.ts"
import * as BufferPool from "../services/BufferPool.ts"
import type * as Hash256 from "../services/Hash256.ts"
import * as NetworkConfig from "../services/NetworkConfig.ts"
import * as NetworkManager from "../services/NetworkManager.ts"
import type * as Transport from "../services/Transport.ts"
import * as WorkerThreads from "../services/WorkerThreads.ts"
import * as MemoryTransport from "./MemoryTransport.ts"
import * as NodeHash256 from "./NodeHash256.ts"

/**
 * What one host of the network consists of.
 *
 * @category models
 * @since 0.1.0
 */
export type Host =
  | NetworkManager.NetworkManager
  | Exclude<NetworkManager.Parts, AddressResolver.AddressResolver>
  | Hash256.Hash256

/**
 * A host, and the network that it is on.
 *
 * @category models
 * @since 0.1.0
 */
export type TestNetwork = Host | MemoryTransport.MemoryNetwork | AddressResolver.AddressResolver

/**
 * The settings of the network manager, and the conditions of the network.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends NetworkConfig.Options {
  /** Delay, loss, names and the like. Default: a network that takes no time and loses nothing. */
  readonly network?: MemoryTransport.Options | undefined
}

/** Layers of its own at each call: what one test did is not seen by the next. */
const build = <E, R>(
  transport: Layer.Layer<Transport.Transport, never, R>,
  config: Layer.Layer<NetworkConfig.NetworkConfig, E>
): Layer.Layer<Host, E, R | AddressResolver.AddressResolver> =>
  Layer.provideMerge(
    Layer.effect(NetworkManager.NetworkManager, NetworkManager.make),
    Layer.mergeAll(
      transport,
      config,
      BufferPool.layer(),
      BanList.layerMemory(),
      WorkerThreads.layerInline([Job.handler(Job.hash256, NodeHash256.hash256)]),
      NodeHash256.layer
    )
  )

/**
 * Provides a network with one network manager on it, which listens on any address and dials from `127.0.0.1` or `::1`.
 * Without options it cannot fail.
 *
 * **Example** (A server that answers after a while)
 *
 * ```ts
 * import { assert, it } from "@effect/vitest"
 * import { Effect, Fiber } from "effect"
 * import { Message, NetworkManager, TestNetwork } from "effect-flowee"
 * import { TestClock } from "effect/testing"
 *
 * it.effect("asks a far server", () =>
 *   Effect.gen(function*() {
 *     const manager = yield* NetworkManager.NetworkManager
 *     yield* manager.bind("10.0.0.9:1235", {
 *       onConnection: (peer) => peer.handle((message) => peer.send(Message.reply(message, { messageId: 1 })))
 *     })
 *     const server = yield* manager.connect("10.0.0.9:1235")
 *     const asking = yield* Effect.forkChild(server.request(Message.make({ serviceId: 7, messageId: 0 })))
 *     yield* TestClock.adjust("1 second")
 *     assert.strictEqual((yield* Fiber.join(asking)).messageId, 1)
 *   }).pipe(Effect.scoped, Effect.provide(TestNetwork.layer({ network: { delay: "50 millis" } }))))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export function layer(): Layer.Layer<TestNetwork>
export function layer(options: Options | undefined): Layer.Layer<TestNetwork, NetworkConfig.BadOption>
export function layer(options?: Options): Layer.Layer<TestNetwork, NetworkConfig.BadOption> {
  const network = MemoryTransport.layer(options?.network)
  return Layer.provideMerge(build(network, NetworkConfig.layer(options)), network)
}

/**
 * Provides a network manager on a host with this address, in the network that is there. A test with several hosts
 * provides it once for each.
 *
 * **Example** (Two hosts that lose each other)
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { MemoryTransport, NetworkManager, TestNetwork } from "effect-flowee"
 *
 * const client = Effect.gen(function*() {
 *   const manager = yield* NetworkManager.NetworkManager
 *   const server = yield* manager.connect("10.0.0.9:1235")
 *   yield* server.connected
 *   const network = yield* MemoryTransport.MemoryNetwork
 *   yield* network.partition("10.0.0.7", "10.0.0.9")
 * }).pipe(Effect.scoped, Effect.provide(TestNetwork.layerHost("10.0.0.7")))
 *
 * const test = Effect.gen(function*() {
 *   const manager = yield* NetworkManager.NetworkManager
 *   yield* manager.bind("10.0.0.9:1235")
 *   yield* client
 * }).pipe(
 *   Effect.scoped,
 *   Effect.provide(Layer.provideMerge(TestNetwork.layerHost("10.0.0.9"), MemoryTransport.layer()))
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerHost = (
  address: NetAddress.IpAddressInput,
  options?: NetworkConfig.Options
): Layer.Layer<
  Host,
  NetworkConfig.BadOption,
  MemoryTransport.MemoryNetwork | AddressResolver.AddressResolver
> => build(MemoryTransport.layerFrom(address), NetworkConfig.layer(options))
