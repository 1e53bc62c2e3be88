/**
 * The peers of a node, put together: who is there, who is dialled, who is let in, and what they tell of others.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as EndPoint from "../../../domain/EndPoint.ts"
import type * as PeerDemand from "../../../domain/p2p/PeerDemand.ts"
import type * as Hash256 from "../../../services/Hash256.ts"
import * as NetworkManager from "../../../services/NetworkManager.ts"
import type * as P2PConfig from "../../../services/p2p/P2PConfig.ts"
import * as Peer from "../../../services/p2p/Peer.ts"
import type * as PeerAddressBook from "../../../services/p2p/PeerAddressBook.ts"
import type * as PeerManager from "../../../services/p2p/PeerManager.ts"
import * as Addresses from "./addresses.ts"
import * as Dial from "./dial.ts"
import * as Inbound from "./inbound.ts"
import * as Named from "./named.ts"
import * as Outbound from "./outbound.ts"
import * as Roster from "./roster.ts"

/** @internal */
export interface Options {
  readonly book: PeerAddressBook.PeerAddressBook["Service"]
  readonly outbound: PeerDemand.Demand
  readonly maxOutbound: number
  readonly maxInbound: number
  readonly listen: EndPoint.Input | undefined
  readonly startHeight: Effect.Effect<number>
}

/** Puts groups in an order that differs from node to node. */
const makeRank = Effect.map(Random.nextInt, (secret) => (group: string): number => {
  let rank = secret | 0
  for (let i = 0; i < group.length; i++) rank = Math.imul(rank ^ group.charCodeAt(i), 0x0100_0193)
  return rank
})

const badEndPoint = (reason: EndPoint.BadEndPoint) => new NetworkManager.NetworkError({ reason })

/** @internal */
export const make = Effect.fnUntraced(function*(options: Options): Effect.fn.Return<
  PeerManager.PeerManager["Service"],
  NetworkManager.NetworkError,
  NetworkManager.NetworkManager | P2PConfig.P2PConfig | Hash256.Hash256 | Scope.Scope
> {
  const { book, listen, maxInbound, maxOutbound, outbound, startHeight } = options
  const changed = Latch.makeUnsafe()
  const roster = yield* Roster.make(() => changed.openUnsafe())
  const demands = new Set([outbound])
  const dial = yield* Dial.make({ roster, startHeight })
  yield* roster.register((peer) => Addresses.exchange(peer, book))
  yield* Effect.forkScoped(Outbound.run({ roster, book, dial, demands, maxOutbound, changed }))
  const address = listen === undefined ? undefined : yield* Inbound.listen({
    endPoint: listen,
    roster,
    manager: yield* NetworkManager.NetworkManager,
    envelope: yield* Peer.envelope,
    maxInbound,
    startHeight,
    rank: yield* makeRank
  })
  return {
    address,
    peers: Effect.sync(() => roster.peers),
    events: Stream.fromPubSub(roster.events),
    register: roster.register,
    hold: (peer, isNeeded = () => true) => roster.hold(peer, isNeeded),
    want: ({ count, services = 0n }) =>
      Effect.asVoid(Effect.acquireRelease(
        Effect.sync(() => {
          const demand: PeerDemand.Demand = { count, services }
          demands.add(demand)
          changed.openUnsafe()
          return demand
        }),
        (demand) =>
          Effect.sync(() => {
            demands.delete(demand)
            changed.openUnsafe()
          })
      )),
    connect: (input) => {
      const endPoint = EndPoint.fromInput(input)
      return Result.isFailure(endPoint)
        ? Effect.fail(badEndPoint(endPoint.failure))
        : Effect.asVoid(Effect.forkScoped(
          Effect.catch(Named.keep(dial, endPoint.success), (error) => Effect.logDebug(error.message))
        ))
    }
  }
})
