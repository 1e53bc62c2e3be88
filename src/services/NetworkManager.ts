/**
 * Holds connections to peers and serves other peers.
 *
 * **Details**
 *
 * A manager has no global state: several can live side by side. Connections and listeners are scoped. When the scope of
 * the manager is closed it accepts nobody any more, gives what is queued a bounded time to leave (`drainTimeout`), and
 * closes every socket. From then on `connect`, `bind` and `register` fail with `ManagerClosed`.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as AddressResolver from "effect/net/AddressResolver"
import type * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import type * as EndPoint from "../domain/EndPoint.ts"
import type * as Envelope from "../domain/Envelope.ts"
import * as Manager from "../internal/manager.ts"
import type * as Access from "./Access.ts"
import * as BanList from "./BanList.ts"
import * as BufferPool from "./BufferPool.ts"
import type * as Connection from "./Connection.ts"
import type * as ConnectionAuthorizer from "./ConnectionAuthorizer.ts"
import type * as ConnectionTracing from "./ConnectionTracing.ts"
import type * as CookieFile from "./CookieFile.ts"
import * as NetworkConfig from "./NetworkConfig.ts"
import type * as NetworkHealth from "./NetworkHealth.ts"
import type * as ReconnectPolicy from "./ReconnectPolicy.ts"
import * as Transport from "./Transport.ts"
import * as WorkerThreads from "./WorkerThreads.ts"

/**
 * The scope of the manager is closed, or closing.
 *
 * @category errors
 * @since 0.1.0
 */
export class ManagerClosed extends Data.TaggedError("ManagerClosed") {
  override get message(): string {
    return "the network manager is closed"
  }
}

/**
 * A connection, a listener or a service could not be made because of what was asked for, or because the manager is closed.
 *
 * @category errors
 * @since 0.1.0
 */
export class NetworkError extends Data.TaggedError("NetworkError")<{
  readonly reason: EndPoint.BadEndPoint | NetworkConfig.BadOption | Transport.TransportError | ManagerClosed
}> {
  override get message(): string {
    return this.reason.message
  }
}

/**
 * Options of one connection, over the settings of its manager. Those of the first handle on an end point hold.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConnectOptions extends Omit<NetworkConfig.Options, "maxBytesInFlight">, ConnectionTracing.Options {
  /** When to dial again. Default: `ReconnectPolicy.jittered`. */
  readonly reconnect?: ReconnectPolicy.ReconnectPolicy | undefined
  /** Whether the socket is shared with other handles on the same end point that share it. Default: `true`. */
  readonly share?: boolean | undefined
  /** Log in with the cookie of this file, read anew at every connect. Default: no login. */
  readonly login?: CookieFile.CookieFile["Service"] | undefined
  /**
   * What the peer that is dialled may do with the services of this manager; the handlers of the handle are told of all
   * that it sends to services in `access.services`. Default: `Access.anonymous`.
   */
  readonly access?: Access.Access | undefined
  /** Default: the native envelope. */
  readonly envelope?: Envelope.Envelope | undefined
  /** Default: the manager's transport. */
  readonly transport?: Transport.Transport["Service"] | undefined
}

/**
 * Options of a listener, over the settings of its manager.
 *
 * @category models
 * @since 0.1.0
 */
export interface BindOptions<E, R> extends Omit<NetworkConfig.Options, "maxBytesInFlight">, ConnectionTracing.Options {
  /**
   * Runs for each connection that was let in, once it is open. It is interrupted when its connection has ended and it
   * has not finished within `drainTimeout`. Handlers of services need no program.
   */
  readonly onConnection?: ((connection: Connection.Connection) => Effect.Effect<unknown, E, R>) | undefined
  /** Default: `ConnectionAuthorizer`, which lets everybody in. */
  readonly authorizer?: ConnectionAuthorizer.Authorizer | undefined
  /**
   * Whether one address may connect only so often, see `AcceptRate`, and all together, see `maxNewPerSecond`; loopback is
   * exempt. Default: `true`.
   */
  readonly limitRate?: boolean | undefined
  /**
   * Whether a newcomer may take the place of another one when there are `maxConnections`, see `Eviction`. Those that have
   * logged in and those of this machine never lose theirs. Default: `true`.
   */
  readonly evict?: boolean | undefined
  /** Default: the native envelope. */
  readonly envelope?: Envelope.Envelope | undefined
  /** Default: the manager's transport. */
  readonly transport?: Transport.Transport["Service"] | undefined
}

/**
 * An address that is listened on.
 *
 * @category models
 * @since 0.1.0
 */
export interface Listener {
  /** The address, with the port that was given out for port 0. */
  readonly address: NetAddress.SocketAddress
  readonly connections: Effect.Effect<ReadonlyArray<Connection.Connection>>
}

/**
 * Makes the handler of a service for one peer, at its first message. The scope is closed when the peer goes.
 *
 * @category models
 * @since 0.1.0
 */
export type MakeHandler<E, R> = (
  connection: Connection.Connection
) => Effect.Effect<Connection.Handler<unknown, never>, E, R>

/**
 * Options of a service.
 *
 * @category models
 * @since 0.1.0
 */
export interface RegisterOptions<Provided = never> {
  /**
   * Whom the service is for. The messages of others are refused: whoever sends a request gets the failure "Not
   * permitted". Default: everybody.
   */
  readonly access?: Access.Requirement<Provided> | undefined
  /** Whether what handles a request has no span, see `ConnectionTracing`. Default: `false`. */
  readonly disableTracing?: boolean | undefined
}

/**
 * The network manager.
 *
 * @category services
 * @since 0.1.0
 */
export class NetworkManager extends Context.Service<NetworkManager, {
  /**
   * A handle on the connection to an end point, which is dialled unless there is one already. The handle works at once;
   * the connection lives as long as the scope of one of its handles. Port 0 is refused.
   */
  readonly connect: (
    endPoint: EndPoint.Input,
    options?: ConnectOptions
  ) => Effect.Effect<Connection.Connection, NetworkError, Scope.Scope>
  /** Listens on an address until the scope is closed. */
  readonly bind: <E = never, R = never>(
    endPoint: EndPoint.Input,
    options?: BindOptions<E, R>
  ) => Effect.Effect<Listener, NetworkError, R | Scope.Scope>
  /**
   * Tells a handler of each message to a service, from any connection of this manager, until the scope is closed. Any
   * number of handlers may be told of one service. Service 126 is refused: peers keep it for themselves.
   */
  readonly register: <E, R, Provided = never>(
    serviceId: number,
    make: MakeHandler<E, R>,
    options?: RegisterOptions<Provided>
  ) => Effect.Effect<void, NetworkError, Exclude<R, Scope.Scope | Provided> | Scope.Scope>
  /** All connections there are, dialled and accepted. */
  readonly connections: Effect.Effect<ReadonlyArray<Connection.Connection>>
  /** What the manager knows of itself; `NetworkHealth.check` says what is wrong with it. */
  readonly status: Effect.Effect<NetworkHealth.Status>
}>()("effect-flowee/NetworkManager") {}

/**
 * What a network manager is made of.
 *
 * @category models
 * @since 0.1.0
 */
export type Parts =
  | Transport.Transport
  | AddressResolver.AddressResolver
  | BufferPool.BufferPool
  | BanList.BanList
  | NetworkConfig.NetworkConfig
  | WorkerThreads.WorkerThreads

/**
 * Makes a network manager. `NodeNetwork` provides it with all that it needs, `TestNetwork` does for tests.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<
  NetworkManager["Service"],
  never,
  Scope.Scope | Parts
> = Effect.gen(function*() {
  return yield* Manager.make({
    transport: yield* Transport.Transport,
    resolver: yield* AddressResolver.AddressResolver,
    pool: yield* BufferPool.BufferPool,
    banList: yield* BanList.BanList,
    settings: yield* NetworkConfig.NetworkConfig,
    threads: yield* WorkerThreads.WorkerThreads,
    toError: (reason) => new NetworkError({ reason }),
    closed: new NetworkError({ reason: new ManagerClosed() })
  })
})

/**
 * Provides a network manager over the parts that it is made of.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<NetworkManager, never, Parts> = Layer.effect(NetworkManager, make)
