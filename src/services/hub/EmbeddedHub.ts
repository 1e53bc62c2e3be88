/**
 * A Hub within the program: for examples, tests and development without a node.
 *
 * **Details**
 *
 * It serves the whole Hub API, with the indexer, from a `RegtestChain` in memory: blocks are made by `generateBlock`,
 * transactions are checked as a node checks them, and subscribers are told. Refusals have the texts of a real Hub. Who
 * may connect is decided by `ConnectionAuthorizer`; a connection that sends nothing for 4 seconds is closed.
 *
 * Unlike real Hubs it knows every transaction by its id, and with `validateOnly` it leaves its mempool alone.
 *
 * Services from 16 up that it does not have are those registered on the network manager.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import type * as EndPoint from "../../domain/EndPoint.ts"
import * as Notifier from "../../internal/hub/notifier.ts"
import * as Serve from "../../internal/hub/serve.ts"
import * as NetworkManager from "../NetworkManager.ts"
import * as RegtestChain from "./RegtestChain.ts"

/**
 * A Hub that runs in this program.
 *
 * @category services
 * @since 0.1.0
 */
export class EmbeddedHub extends Context.Service<EmbeddedHub, {
  /** Where clients connect to, with the port that was given out. */
  readonly endPoint: string
}>()("effect-flowee/EmbeddedHub") {}

/**
 * Options of an embedded Hub.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Where it listens. Default: `127.0.0.1:0`, a free port that only this machine reaches. */
  readonly endPoint?: EndPoint.Input | undefined
  /** What it says its version is. Default: `Flowee:1 (effect-flowee)`. */
  readonly version?: string | undefined
  /**
   * The most bytes of a block that a client may submit; others are refused with `bad-blk-length`. To check 32 MB of small
   * transactions takes seconds of work. Default: {@link maxSubmittedBlock}.
   */
  readonly maxSubmittedBlock?: number | undefined
}

/**
 * The most bytes of a block that a client may submit unless told otherwise: 2,000,000.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxSubmittedBlock = 2_000_000

/**
 * Starts a Hub that runs until the scope is closed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (
  options?: Options
) => Effect.Effect<
  EmbeddedHub["Service"],
  NetworkManager.NetworkError,
  RegtestChain.RegtestChain | NetworkManager.NetworkManager | SecureRandom.SecureRandom | Scope.Scope
> = Effect.fnUntraced(function*(options: Options = {}) {
  const manager = yield* NetworkManager.NetworkManager
  const chain = yield* RegtestChain.RegtestChain
  const random = yield* SecureRandom.SecureRandom
  const notifier = new Notifier.Notifier()
  yield* chain.listen(notifier.tell)
  const maxBlock = options.maxSubmittedBlock ?? maxSubmittedBlock
  const version = options.version ?? "Flowee:1 (effect-flowee)"
  const listener = yield* manager.bind(options.endPoint ?? "127.0.0.1:0", {
    firstMessageTimeout: "4 seconds",
    onConnection: Serve.serve({ chain, manager, random, notifier, version, maxSubmittedBlock: maxBlock })
  })
  return { endPoint: NetAddress.formatSocketAddress(listener.address) }
})

/**
 * Runs a Hub with a chain of its own, which tests can drive without a connection.
 *
 * **Example** (A Hub that only clients with its cookie can use)
 *
 * ```ts
 * import { Layer } from "effect"
 * import { ConnectionAuthorizer, EmbeddedHub, NodeCookieFile, NodeNetwork } from "effect-flowee"
 *
 * const hub = EmbeddedHub.layer().pipe(
 *   Layer.provide(ConnectionAuthorizer.layerCookie),
 *   Layer.provideMerge([NodeNetwork.layer(), NodeCookieFile.layer({ path: "/run/hub/.cookie" })])
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options?: Options & RegtestChain.Options
): Layer.Layer<EmbeddedHub | RegtestChain.RegtestChain, NetworkManager.NetworkError, NetworkManager.NetworkManager> =>
  Layer.provideMerge(layerNoChain(options), RegtestChain.layer(options))

/**
 * Runs a Hub over a chain that is given: several Hubs can share one.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerNoChain = (
  options?: Options
): Layer.Layer<EmbeddedHub, NetworkManager.NetworkError, NetworkManager.NetworkManager | RegtestChain.RegtestChain> =>
  Layer.effect(EmbeddedHub, make(options)).pipe(Layer.provide(SecureRandom.layerWebCrypto))
