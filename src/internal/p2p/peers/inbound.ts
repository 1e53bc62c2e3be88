/**
 * Peers that dial us: shakes hands with them, and makes room for them where there is none.
 */
import * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Duration from "effect/Duration"
import type * as EndPoint from "../../../domain/EndPoint.ts"
import * as Eviction from "../../../domain/Eviction.ts"
import type * as Envelope from "../../../domain/Envelope.ts"
import type * as Connection from "../../../services/Connection.ts"
import type * as NetworkManager from "../../../services/NetworkManager.ts"
import type * as P2PConfig from "../../../services/p2p/P2PConfig.ts"
import * as Peer from "../../../services/p2p/Peer.ts"
import * as PeerError from "../../../services/p2p/PeerError.ts"
import * as PeerManager from "../../../services/p2p/PeerManager.ts"
import * as Roster from "./roster.ts"

/** @internal */
export interface Options {
  readonly endPoint: EndPoint.Input
  readonly roster: Roster.Roster
  readonly manager: NetworkManager.NetworkManager["Service"]
  readonly envelope: Envelope.Envelope
  readonly maxInbound: number
  readonly startHeight: Effect.Effect<number>
  /** Puts groups of addresses in an order that nobody else knows. */
  readonly rank: (group: string) => number
}

/** Connections that may be shaking hands while all places are taken. */
const handshakes = 16

const noRoom = new PeerError.Dismissed({ because: "there is no room, and all peers are worth keeping" })

const evicted = new PeerError.Dismissed({ because: "it had to make room for a newcomer" })

/** Peers of this machine are one crowd. */
const local = "local"

const toCandidate = (member: Roster.Member): Effect.Effect<Eviction.Candidate & { readonly peer: Peer.Peer }> =>
  Effect.map(member.peer.latency, (latency) => ({
    id: member.peer.id,
    group: Roster.groupOf(member.peer.address) ?? local,
    since: member.peer.since,
    latency: Option.getOrUndefined(Option.map(latency, Duration.toMillis)),
    lastUseful: member.lastUseful,
    peer: member.peer
  }))

/** Ends a peer if there has to be room. `false` when there is none to be made. */
const makeRoom = (options: Options): Effect.Effect<boolean> =>
  Effect.gen(function*() {
    const members = options.roster.of("listener")
    if (members.length < options.maxInbound) return true
    const free = members.filter((member) => !Roster.isHeld(member))
    const victim = Eviction.choose(yield* Effect.forEach(free, toCandidate), { rank: options.rank })
    if (victim === undefined) return false
    yield* victim.peer.end(evicted)
    return true
  })

/** The program of one connection that was let in. */
const serve = (options: Options, connection: Connection.Connection) =>
  Effect.gen(function*() {
    const { roster } = options
    const peer = yield* Peer.make(connection, {
      startHeight: yield* options.startHeight,
      nonces: roster.nonces,
      onReady: (peer) =>
        Effect.flatMap(makeRoom(options), (hasRoom) => hasRoom ? roster.admit(peer, "listener") : peer.end(noRoom))
    })
    yield* peer.ended
  }).pipe(
    Effect.scoped,
    Effect.catch(({ reason }) =>
      options.roster.publish(PeerManager.PeersEvent.Failed({ endPoint: connection.endPoint, reason }))
    )
  )

/**
 * Listens for peers until the scope is closed.
 *
 * @internal
 */
export const listen = (
  options: Options
): Effect.Effect<NetAddress.SocketAddress, NetworkManager.NetworkError, P2PConfig.P2PConfig | Scope.Scope> =>
  Effect.map(
    options.manager.bind(options.endPoint, {
      envelope: options.envelope,
      maxConnections: options.maxInbound + handshakes,
      // Who has to go is decided here, once it is known who comes.
      evict: false,
      onConnection: (connection) => serve(options, connection)
    }),
    ({ address }) => address
  )
