/**
 * A node of ours on a memory network, for tests of peers.
 */
import { Context, Effect, Exit, Scope } from "effect"
import * as NodeHash256 from "../../../src/layers/NodeHash256.ts"
import type * as MemoryTransport from "../../../src/layers/MemoryTransport.ts"
import * as Hash256 from "../../../src/services/Hash256.ts"
import type * as NetworkManager from "../../../src/services/NetworkManager.ts"
import * as P2PConfig from "../../../src/services/p2p/P2PConfig.ts"
import * as Peer from "../../../src/services/p2p/Peer.ts"
import type * as PeerError from "../../../src/services/p2p/PeerError.ts"
import * as Network from "../network.ts"

/** Where our node listens, and dials from. */
export const us = "20.0.0.1:18444"

export interface PeerBed extends Network.Bed {
  readonly us: Network.Host
  /** Dials a node from ours. */
  readonly connect: (
    endPoint: string,
    options?: Peer.Options
  ) => Effect.Effect<Peer.Peer, PeerError.PeerError | NetworkManager.NetworkError, Scope.Scope>
  /** As `connect`, in a scope of its own. */
  readonly open: (
    endPoint: string,
    options?: Peer.Options
  ) => Effect.Effect<
    { readonly peer: Peer.Peer; readonly close: Effect.Effect<void> },
    PeerError.PeerError | NetworkManager.NetworkError
  >
  /** Lets nodes in, and tells what came of each of them. */
  readonly accept: (
    options?: Peer.Options
  ) => Effect.Effect<Array<Exit.Exit<Peer.Peer, PeerError.PeerError>>, never, Scope.Scope>
  /** The points of a host. */
  readonly score: (host: string) => Effect.Effect<number>
}

/** Runs a test with a node of ours; see `Network.withBed` for what is checked afterwards. */
export const withPeers = <A, E>(
  test: (bed: PeerBed) => Effect.Effect<A, E, Scope.Scope | MemoryTransport.MemoryNetwork>,
  options: {
    readonly config?: Partial<P2PConfig.Options>
    readonly host?: Network.HostOptions
    readonly conditions?: MemoryTransport.Options
  } = {}
) =>
  Network.withBed((bed) =>
    Effect.gen(function*() {
      const host = yield* bed.host("20.0.0.1", options.host)
      const config = yield* Effect.fromResult(P2PConfig.make({ network: "regtest", ...options.config }))
      const context = host.context.pipe(
        Context.add(P2PConfig.P2PConfig, config),
        Context.add(Hash256.Hash256, { hash256: NodeHash256.hash256 })
      )
      const connect: PeerBed["connect"] = (endPoint, peer) =>
        Peer.connect(endPoint, peer).pipe(Effect.provideContext(context))
      return yield* test({
        ...bed,
        us: host,
        connect,
        open: (endPoint, peer) =>
          Effect.gen(function*() {
            const scope = yield* Scope.make()
            const opened = yield* Scope.provide(connect(endPoint, peer), scope).pipe(
              Effect.onError(() => Scope.close(scope, Exit.void))
            )
            return { peer: opened, close: Scope.close(scope, Exit.void) }
          }),
        accept: (peer) =>
          Effect.gen(function*() {
            const exits: Array<Exit.Exit<Peer.Peer, PeerError.PeerError>> = []
            const envelope = yield* Peer.envelope
            yield* Effect.orDie(host.manager.bind(us, {
              envelope,
              onConnection: (connection) =>
                Effect.scoped(Effect.gen(function*() {
                  const exit = yield* Effect.exit(Peer.make(connection, peer))
                  exits.push(exit)
                  if (Exit.isSuccess(exit)) yield* exit.value.ended
                })).pipe(Effect.provideContext(context))
            }))
            return exits
          }).pipe(Effect.provideContext(context)),
        score: (text) => host.banList.score(Network.address(`${text}:1`))
      })
    }), options.conditions)
