/**
 * The network manager: makes peers, shares them between handles, and closes everything in good order.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as AddressResolver from "effect/net/AddressResolver"
import * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as RcMap from "effect/RcMap"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as EndPoint from "../domain/EndPoint.ts"
import type * as Envelope from "../domain/Envelope.ts"
import * as NativeEnvelope from "../domain/NativeEnvelope.ts"
import * as NativeFormat from "../domain/NativeFormat.ts"
import * as PeerGroup from "../domain/PeerGroup.ts"
import * as Access from "../services/Access.ts"
import type * as BanList from "../services/BanList.ts"
import type * as BufferPool from "../services/BufferPool.ts"
import * as ConnectionAuthorizer from "../services/ConnectionAuthorizer.ts"
import * as DisconnectReason from "../services/DisconnectReason.ts"
import * as NetworkConfig from "../services/NetworkConfig.ts"
import type * as NetworkManager from "../services/NetworkManager.ts"
import * as ReconnectPolicy from "../services/ReconnectPolicy.ts"
import * as Transport from "../services/Transport.ts"
import type * as WorkerThreads from "../services/WorkerThreads.ts"
import * as PeerAccess from "./access.ts"
import * as Acceptor from "./acceptor.ts"
import * as Admission from "./admission.ts"
import * as Budget from "./budget.ts"
import * as Closings from "./closings.ts"
import * as Dialer from "./dialer.ts"
import * as DialKey from "./dialKey.ts"
import * as Handle from "./handle.ts"
import * as Metrics from "./metrics.ts"
import * as Peer from "./peer.ts"
import * as Runner from "./runner.ts"
import * as ServiceRegistry from "./serviceRegistry.ts"
import * as Status from "./status.ts"
import * as Tracing from "./tracing.ts"
import * as WindUp from "./windUp.ts"
import * as Work from "./work.ts"

/** @internal */
export interface Parts {
  readonly transport: Transport.Transport["Service"]
  readonly resolver: AddressResolver.AddressResolver["Service"]
  readonly pool: BufferPool.BufferPool["Service"]
  readonly banList: BanList.BanList["Service"]
  readonly settings: NetworkConfig.Settings
  readonly threads: WorkerThreads.WorkerThreads["Service"]
  readonly toError: (reason: NetworkManager.NetworkError["reason"]) => NetworkManager.NetworkError
  /** What is failed with after the end. */
  readonly closed: NetworkManager.NetworkError
}

interface Listening {
  readonly acceptor: Acceptor.Acceptor
  readonly settings: NetworkConfig.Settings
  /** From when it is bound. */
  address: NetAddress.SocketAddress | undefined
  readonly close: Effect.Effect<void>
}

class Manager {
  readonly #parts: Parts
  readonly #background: Runner.Runner
  readonly #peers = new Set<Peer.Peer>()
  readonly #closings = new Closings.Closings()
  readonly #services: ServiceRegistry.ServiceRegistry
  readonly #listeners = new Set<Listening>()
  readonly #metrics: Metrics.Metrics
  readonly #budget: Budget.Budget
  #isShutDown = false
  #nextId: number

  constructor(parts: Parts, background: Runner.Runner, firstId: number) {
    this.#parts = parts
    this.#nextId = firstId
    this.#background = background
    this.#metrics = Metrics.of(background.context)
    this.#budget = new Budget.Budget(parts.settings, background)
    this.#services = new ServiceRegistry.ServiceRegistry(this.toHandle)
  }

  readonly toHandle = (peer: Peer.Peer) => Handle.make(peer, this.#parts.banList)

  /** The shared part of a dialled connection. It drains and closes when the last handle is gone. */
  readonly dialPeer = (key: DialKey.DialKey): Effect.Effect<Peer.Peer, never, Scope.Scope> =>
    Effect.acquireRelease(
      Effect.sync(() => {
        const peer = this.#makePeer(this.#background, {
          endPoint: EndPoint.format(key.endPoint),
          side: "dialled",
          settings: key.settings,
          envelope: key.envelope,
          tracing: Tracing.make(key.options),
          keepsEarly: true,
          access: key.access,
          holding: undefined
        })
        this.#dial(peer, key)
        return peer
      }),
      (peer) => {
        const release = this.#release(peer)
        // A handler that only closes a connection of its own, as a proxy does, can be waited for.
        return peer.hasWork ? Work.closing(release) : release
      }
    )

  #dial(peer: Peer.Peer, { endPoint, options, transport }: DialKey.DialKey): void {
    const { banList, resolver } = this.#parts
    new Dialer.Dialer({
      peer,
      endPoint,
      transport,
      resolver,
      banList,
      policy: options.reconnect ?? ReconnectPolicy.jittered,
      login: options.login
    }).start()
  }

  #makePeer(
    runner: Runner.Runner,
    options: Pick<
      Peer.PeerOptions,
      "endPoint" | "side" | "settings" | "envelope" | "tracing" | "keepsEarly" | "access" | "holding"
    >
  ): Peer.Peer {
    const peer = new Peer.Peer({
      ...options,
      id: this.#nextId++,
      // One of its own: fibers of the peer go on while the connection drains.
      runner: runner.child(),
      background: this.#background,
      pool: this.#parts.pool,
      banList: this.#parts.banList,
      threads: this.#parts.threads,
      services: this.#services,
      metrics: this.#metrics
    })
    this.#peers.add(peer)
    return peer
  }

  /** Winds a peer up, and waits for the end of all that it has started. */
  #release(peer: Peer.Peer): Effect.Effect<void> {
    return WindUp.run(peer).pipe(
      Effect.andThen(WindUp.logWhatIsLeft(peer)),
      Effect.andThen(peer.stopWork),
      Effect.andThen(peer.runner.close),
      Effect.andThen(Effect.sync(() => {
        peer.forget()
        this.#peers.delete(peer)
      }))
    )
  }

  readonly connect = (
    connections: RcMap.RcMap<DialKey.DialKey, Peer.Peer>,
    input: EndPoint.Input,
    options: NetworkManager.ConnectOptions
  ) =>
    Effect.gen({ self: this }, function*() {
      const endPoint = yield* this.#dialledEndPoint(input)
      const settings = yield* this.#settings(options)
      yield* this.#whileOpen
      const key = new DialKey.DialKey(endPoint, settings, options, this.#parts.transport)
      // Those that share with nobody stay out of the map: it would compare each with all others of its end point.
      const peer = yield* this.#closings.together(
        options.share === false ? this.dialPeer(key) : RcMap.get(connections, key)
      )
      return yield* Handle.scoped(peer, this.#parts.banList)
    })

  readonly bind = <E, R>(input: EndPoint.Input, options: NetworkManager.BindOptions<E, R>) =>
    Effect.gen({ self: this }, function*() {
      const endPoint = yield* this.#endPoint(input)
      const settings = yield* this.#settings(options)
      const address = yield* this.#resolve(endPoint)
      const authorizer = options.authorizer ?? (yield* ConnectionAuthorizer.ConnectionAuthorizer)
      const context = PeerAccess.outside(Work.outside(yield* Effect.context<R>()))
      const onConnection = options.onConnection
      const makeAdmission = yield* Admission.Admissions
      const evict = options.evict ?? true
      const salt = evict ? yield* Random.nextInt : 0
      yield* this.#whileOpen
      return yield* this.#listen(address, {
        settings,
        authorizer,
        admission: makeAdmission(address, {
          maxConnections: settings.maxConnections,
          maxConnectionsPerAddress: settings.maxConnectionsPerAddress,
          maxNewPerSecond: settings.maxNewPerSecond,
          limitRate: options.limitRate ?? true,
          evict,
          salt
        }),
        envelope: options.envelope ?? NativeEnvelope.envelope,
        transport: options.transport ?? this.#parts.transport,
        tracing: Tracing.make(options),
        program: onConnection === undefined
          ? undefined
          : {
            onConnection: onConnection as Acceptor.Program["onConnection"],
            context: context as Context.Context<never>
          }
      })
    })

  readonly register = <E, R, Provided = never>(
    serviceId: number,
    make: NetworkManager.MakeHandler<E, R>,
    options?: NetworkManager.RegisterOptions<Provided>
  ) =>
    Effect.gen({ self: this }, function*() {
      if (!isServiceId(serviceId)) {
        const problem = `an integer from 0 to ${maxServiceId} other than ${NativeFormat.systemServiceId} is needed`
        return yield* this.#parts.toError(
          new NetworkConfig.BadOption({ option: "serviceId", value: serviceId, problem })
        )
      }
      yield* this.#whileOpen
      this.#metrics.traffic.reserve(serviceId)
      const context = PeerAccess.outside(Work.outside(yield* Effect.context<Exclude<R, Scope.Scope | Provided>>()))
      const add = Effect.sync(() =>
        this.#services.add({
          serviceId,
          isTraced: options?.disableTracing !== true,
          requirement: options?.access,
          // The scope that counts is the one of the peer, not the one that the service is registered in.
          make: (connection, access, annotations) =>
            Effect.flatMap(Effect.scope, (scope) =>
              Effect.provideContext(
                Effect.annotateLogs(make(connection), annotations),
                // What the peer brings goes before what the service was registered with.
                Context.add(Context.merge(context, access.context), Scope.Scope, scope) as Context.Context<
                  R | Scope.Scope
                >
              ))
        })
      )
      yield* Effect.asVoid(Effect.acquireRelease(add, Work.closing))
    })

  readonly connections = Effect.sync(() => openOf(this.#peers).map(this.toHandle))

  readonly status = Effect.sync(() =>
    Status.of({ isClosed: this.#isShutDown, listeners: this.#listeners, peers: this.#peers })
  )

  /** Reports to the metrics until the scope is closed. */
  readonly report: Effect.Effect<void, never, Scope.Scope> = Effect.asVoid(Effect.acquireRelease(
    Effect.sync(() => this.#metrics.addSource({ peers: this.#peers, pool: this.#parts.pool, budget: this.#budget })),
    (remove) => Effect.sync(remove)
  ))

  /** Closes the connections of whoever is banned. */
  readonly onBan = (ban: BanList.Ban): void => {
    for (const { acceptor } of this.#listeners) acceptor.turnAway(ban.group)
    for (const peer of this.#peers) {
      const address = peer.remoteAddress
      if (Option.isNone(address) || !PeerGroup.contains(ban.group, address.value)) continue
      peer.disconnect(new DisconnectReason.PeerBanned({ address: NetAddress.formatSocketAddress(address.value) }))
    }
  }

  /** Stops accepting and drains everything, all at the same time. */
  readonly shutdown: Effect.Effect<void> = Effect.suspend(() => {
    this.#isShutDown = true
    return Effect.forEach(
      [...Array.from(this.#listeners, ({ close }) => close), ...Array.from(this.#peers, WindUp.run)],
      (close) => close,
      { concurrency: "unbounded", discard: true }
    )
  })

  #listen(
    address: NetAddress.SocketAddress,
    options: Pick<Acceptor.AcceptorOptions, "settings" | "authorizer" | "admission" | "program"> & {
      readonly envelope: Envelope.Envelope
      readonly transport: Transport.Transport["Service"]
      readonly tracing: Tracing.Tracing | undefined
    }
  ): Effect.Effect<NetworkManager.Listener, NetworkManager.NetworkError, Scope.Scope> {
    return Effect.gen({ self: this }, function*() {
      const accepting = yield* Scope.make()
      const serving = yield* Scope.make()
      this.#budget.makeRoomFor(options.settings)
      const runner = yield* Scope.provide(Runner.make, serving)
      const acceptor: Acceptor.Acceptor = new Acceptor.Acceptor({
        ...options,
        runner,
        metrics: this.#metrics,
        banList: this.#parts.banList,
        toHandle: this.toHandle,
        makePeer: (link) =>
          this.#makePeer(runner, {
            endPoint: NetAddress.formatSocketAddress(link.remoteAddress),
            side: "accepted",
            settings: options.settings,
            envelope: options.envelope,
            tracing: options.tracing,
            keepsEarly: options.program !== undefined,
            access: nobody,
            holding: this.#budget.hold(this.#parts.pool)
          }),
        release: (peer) => this.#release(peer)
      })
      const close: Effect.Effect<void> = yield* Effect.cached<void, never, never>(
        Scope.close(accepting, Exit.void).pipe(
          Effect.andThen(Effect.sync(() => acceptor.turnAway())),
          Effect.andThen(Effect.forEach(acceptor.peers, WindUp.run, { concurrency: "unbounded", discard: true })),
          Effect.andThen(Scope.close(serving, Exit.void)),
          Effect.andThen(Effect.sync(() => {
            this.#listeners.delete(listening)
          }))
        )
      )
      const listening: Listening = { acceptor, settings: options.settings, address: undefined, close }
      this.#listeners.add(listening)
      yield* Effect.addFinalizer(() => Work.closing(close))
      const listener = yield* options.transport.listen(address, acceptor.onLink).pipe(
        Scope.provide(accepting),
        Effect.mapError(this.#parts.toError)
      )
      listening.address = listener.address
      return {
        address: listener.address,
        connections: Effect.sync(() => openOf(acceptor.peers).map(this.toHandle))
      }
    })
  }

  #resolve(endPoint: EndPoint.EndPoint): Effect.Effect<NetAddress.SocketAddress, NetworkManager.NetworkError> {
    if (NetAddress.isUnixPathAddress(endPoint)) return Effect.succeed(endPoint)
    return this.#parts.resolver.resolve(endPoint).pipe(
      Effect.map((addresses) => addresses[0]),
      Effect.mapError((cause) =>
        this.#parts.toError(
          new Transport.TransportError({ problem: "NameNotFound", address: EndPoint.format(endPoint), cause })
        )
      )
    )
  }

  get #whileOpen(): Effect.Effect<void, NetworkManager.NetworkError> {
    return Effect.suspend(() => this.#isShutDown ? Effect.fail(this.#parts.closed) : Effect.void)
  }

  #dialledEndPoint(input: EndPoint.Input): Effect.Effect<EndPoint.EndPoint, NetworkManager.NetworkError> {
    return Effect.filterOrFail(
      this.#endPoint(input),
      (endPoint) => NetAddress.isUnixPathAddress(endPoint) || endPoint.port !== 0,
      (endPoint) =>
        this.#parts.toError(
          new EndPoint.BadEndPoint({ input: EndPoint.format(endPoint), problem: "port 0 cannot be dialled" })
        )
    )
  }

  #endPoint(input: EndPoint.Input): Effect.Effect<EndPoint.EndPoint, NetworkManager.NetworkError> {
    return Effect.fromResult(Result.mapError(EndPoint.fromInput(input), this.#parts.toError))
  }

  #settings(options: NetworkConfig.Options): Effect.Effect<NetworkConfig.Settings, NetworkManager.NetworkError> {
    return Effect.fromResult(
      Result.mapError(NetworkConfig.override(this.#parts.settings, options), this.#parts.toError)
    )
  }
}

/** The access of an accepted peer before it is known who it is. */
const nobody = Access.make({ services: [] })

const maxServiceId = 0x7fffffff

const isServiceId = (id: number): boolean =>
  Number.isInteger(id) && id >= 0 && id <= maxServiceId && id !== NativeFormat.systemServiceId

const openOf = (peers: Iterable<Peer.Peer>): Array<Peer.Peer> => Array.from(peers).filter((peer) => !peer.isClosed)

/** @internal */
export const make = Effect.fnUntraced(
  function*(parts: Parts): Effect.fn.Return<NetworkManager.NetworkManager["Service"], never, Scope.Scope> {
    const manager = new Manager(parts, yield* Runner.make, yield* Admission.FirstConnectionId)
    yield* manager.report
    const connections = yield* RcMap.make({ lookup: manager.dialPeer })
    yield* parts.banList.subscribe(manager.onBan)
    yield* Effect.addFinalizer(() => Work.closing(manager.shutdown))
    return {
      connect: (endPoint, options) => manager.connect(connections, endPoint, options ?? {}),
      bind: (endPoint, options) => manager.bind(endPoint, options ?? {}),
      register: manager.register,
      connections: manager.connections,
      status: manager.status
    }
  }
)
