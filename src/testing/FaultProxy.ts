/**
 * A proxy that stands between two real programs and spoils what goes through it.
 *
 * **Details**
 *
 * It listens on loopback, dials the target for each connection that it accepts, and carries bytes between the two as
 * the controls say: delay, limits, cuts at any byte, wrong bytes, directions that end alone, connections that are dead
 * without anybody being told, dials that wait. The controls are the `FaultControls` of the network in memory, and do the
 * same here to sockets of the operating system. The dialling side of a link is the program that connects to the proxy,
 * the listening side is the target.
 *
 * Time is the time of the `Clock`, so it is used with the live one; chance is `Random`.
 *
 * **Gotchas**
 *
 * The system accepts for the proxy: a dial that hangs or is refused looks like a connection on which nothing comes, or
 * that is cut at once, and a dial that hangs stays in `dials` when the program that made it has given it up. The systems at
 * both ends have buffers of their own, so a writer does not notice at once that nothing passes any more.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as Area from "../internal/memory/area.ts"
import * as Resolved from "../internal/memory/conditions.ts"
import * as Controls from "../internal/memory/controls.ts"
import { Network } from "../internal/memory/network.ts"
import * as Runtime from "../internal/memory/runtime.ts"
import * as Proxy from "../internal/node/proxy.ts"
import type * as FaultControls from "../layers/FaultControls.ts"
import type * as Transport from "../services/Transport.ts"

/**
 * A proxy and its controls.
 *
 * @category models
 * @since 0.1.0
 */
export interface FaultProxy extends FaultControls.FaultControls {
  /** Where it listens: what is to be dialled in place of the target. */
  readonly address: NetAddress.SocketAddress
  /** Dials another target from now on, for a server that came back under another port. */
  readonly setTarget: (target: NetAddress.SocketAddress | string) => Effect.Effect<void>
  /** Bytes that have gone through since the proxy was made, those of ended links included. */
  readonly traffic: Effect.Effect<{
    readonly toListener: FaultControls.Traffic
    readonly toDialler: FaultControls.Traffic
  }>
}

/**
 * Options of {@link make}: the conditions it starts with, and more.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends FaultControls.Conditions {
  /** Who is dialled: `"127.0.0.1:1235"`, `"/run/hub.sock"`. Text that is no address is a defect. */
  readonly target: NetAddress.SocketAddress | string
  /** The port on 127.0.0.1 to listen on. Default: 0, any that is free. */
  readonly port?: number | undefined
  /** Makes chance repeatable. Default: the `Random` service. */
  readonly seed?: string | number | undefined
}

const build = Effect.fnUntraced(function*(options: Options) {
  const network = new Network(yield* Runtime.make, Resolved.mergeUnsafe(Resolved.defaults, options))
  const address = NetAddress.inetAddressUnsafe(NetAddress.ipv4Loopback, options.port ?? 0)
  return { network, proxy: yield* Proxy.make(network, addressUnsafe(options.target), address) }
})

const addressUnsafe = (target: NetAddress.SocketAddress | string): NetAddress.SocketAddress => {
  const spot = Area.spotUnsafe(target)
  if (NetAddress.isIpAddress(spot)) throw new RangeError(`FaultProxy: ${NetAddress.formatIp(spot)} has no port`)
  return spot
}

/**
 * Starts a proxy. When the scope is closed it stops listening, and all connections through it are cut.
 *
 * **Example** (A client whose connection dies without a word)
 *
 * ```ts
 * import { NetworkManager, NodeNetwork } from "effect-flowee"
 * import { FaultProxy } from "effect-flowee/testing"
 * import { Effect } from "effect"
 *
 * const test = Effect.gen(function*() {
 *   const manager = yield* NetworkManager.NetworkManager
 *   const server = yield* manager.bind("127.0.0.1:0")
 *   const proxy = yield* FaultProxy.make({ target: server.address, delay: "20 millis" })
 *   const connection = yield* manager.connect(proxy.address, { pingInterval: "1 second", pongTimeout: "1 second" })
 *   yield* connection.connected
 *   yield* proxy.blackhole("everywhere")
 *   yield* Effect.sleep("3 seconds")
 *   return yield* connection.state // Waiting: the peer sent no pong
 * }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer()))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Effect.Effect<FaultProxy, Transport.TransportError, Scope.Scope> =>
  Effect.map(
    options.seed === undefined ? build(options) : Random.withSeed(build(options), options.seed),
    ({ network, proxy }): FaultProxy => ({
      ...Controls.make(network),
      address: proxy.address,
      setTarget: (target) =>
        Effect.sync(() => {
          proxy.target = addressUnsafe(target)
        }),
      traffic: Effect.sync(() => proxy.traffic)
    })
  )
