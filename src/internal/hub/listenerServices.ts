/**
 * Services of one listener: `MessageServer` and `NetworkService` serve all connections of a manager, those that it dialled
 * included.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Connection from "../../services/Connection.ts"
import * as NetworkManager from "../../services/NetworkManager.ts"

/**
 * The handlers that a layer registers, by service id, made for one connection alone.
 *
 * @internal
 */
export const handlersFor = (
  manager: NetworkManager.NetworkManager["Service"],
  connection: Connection.Connection,
  services: Layer.Layer<never, NetworkManager.NetworkError, NetworkManager.NetworkManager>
): Effect.Effect<
  ReadonlyMap<number, Connection.Handler<unknown>>,
  NetworkManager.NetworkError,
  Scope.Scope
> =>
  Effect.suspend(() => {
    const handlers = new Map<number, Connection.Handler<unknown>>()
    const register = <E, R, Provided = never>(
      serviceId: number,
      make: NetworkManager.MakeHandler<E, R>,
      options?: NetworkManager.RegisterOptions<Provided>
    ) =>
      Effect.flatMap(connection.access, (access) => {
        if (options?.access?.allows(access) === false) return Effect.void
        return Effect.map(Effect.orDie(make(connection)), (handler) => {
          handlers.set(serviceId, handler)
        })
      }) as Effect.Effect<void, never, Exclude<R, Scope.Scope | Provided> | Scope.Scope>
    const collector = Layer.succeed(NetworkManager.NetworkManager, { ...manager, register })
    return Effect.as(Layer.build(Layer.provide(services, collector)), handlers)
  })
