/**
 * A service that answers messages by its id, as a Layer.
 *
 * @stability unstable
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Message from "../domain/Message.ts"
import type * as Connection from "./Connection.ts"
import * as NetworkManager from "./NetworkManager.ts"

/**
 * Registers a service whose state lives as long as a peer is connected.
 *
 * **Details**
 *
 * `make` runs at the first message that a peer sends to the service; its result handles that message and those that
 * follow, one at a time. What it acquires is released when the peer goes. A `make` that fails is logged, and the peer's
 * messages to this service are dropped.
 *
 * **Example** (Counting per peer)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Message, NetworkService } from "effect-flowee"
 *
 * const Counter = NetworkService.layer(42, (connection) =>
 *   Effect.sync(() => {
 *     let count = 0
 *     return (message) => connection.send(Message.reply(message, { body: Uint8Array.of(++count) }))
 *   }))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <E, R, Provided = never>(
  serviceId: number,
  make: NetworkManager.MakeHandler<E, R>,
  options?: NetworkManager.RegisterOptions<Provided>
): Layer.Layer<
  never,
  NetworkManager.NetworkError,
  NetworkManager.NetworkManager | Exclude<R, Scope.Scope | Provided>
> =>
  Layer.effectDiscard(
    NetworkManager.NetworkManager.use((manager) => manager.register(serviceId, make, options))
  )

/**
 * Registers a service without state of its own. A plain function as handler costs least.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerHandler = <E = never, R = never, Provided = never>(
  serviceId: number,
  handler: (message: Message.Message, connection: Connection.Connection) => Effect.Effect<unknown, E, R> | void,
  options?: NetworkManager.RegisterOptions<Provided>
): Layer.Layer<
  never,
  NetworkManager.NetworkError,
  NetworkManager.NetworkManager | Exclude<R, Scope.Scope | Provided>
> =>
  layer(
    serviceId,
    (connection) =>
      Effect.contextWith((context: Context.Context<R>) =>
        Effect.succeed((message: Message.Message) => {
          const handled = handler(message, connection)
          return handled === undefined ? undefined : Effect.provideContext(handled, context)
        })
      ),
    options
  )
