/**
 * One peer that is dialled, from the attempt to its end.
 */
import * as Effect from "effect/Effect"
import * as EndPoint from "../../../domain/EndPoint.ts"
import type * as Hash256 from "../../../services/Hash256.ts"
import type * as NetworkManager from "../../../services/NetworkManager.ts"
import type * as P2PConfig from "../../../services/p2p/P2PConfig.ts"
import * as Peer from "../../../services/p2p/Peer.ts"
import type * as PeerError from "../../../services/p2p/PeerError.ts"
import * as PeerManager from "../../../services/p2p/PeerManager.ts"
import type * as Roster from "./roster.ts"

/** @internal */
export interface Call {
  readonly endPoint: EndPoint.EndPoint
  readonly origin: "book" | "named"
  /** What the peer must offer. */
  readonly services: bigint
  /** Runs when it has shaken hands. */
  readonly onJoined?: ((peer: Peer.Peer) => Effect.Effect<void>) | undefined
}

/** @internal */
export type DialError = PeerError.PeerError | NetworkManager.NetworkError

/**
 * Dials a peer and waits for its end. Fails when it never shook hands.
 *
 * @internal
 */
export type Dial = (call: Call) => Effect.Effect<PeerError.Reason, DialError>

const nothing = () => Effect.void

/** @internal */
export const make = Effect.fnUntraced(function*(options: {
  readonly roster: Roster.Roster
  readonly startHeight: Effect.Effect<number>
}) {
  const { roster, startHeight } = options
  const context = yield* Effect.context<
    NetworkManager.NetworkManager | P2PConfig.P2PConfig | Hash256.Hash256
  >()
  const dial: Dial = ({ endPoint, onJoined = nothing, origin, services }) => {
    const name = EndPoint.format(endPoint)
    return roster.publish(PeerManager.PeersEvent.Dialling({ endPoint: name })).pipe(
      Effect.andThen(startHeight),
      Effect.flatMap((height) =>
        Peer.connect(endPoint, {
          services,
          startHeight: height,
          nonces: roster.nonces,
          onReady: (peer) => roster.admit(peer, origin)
        })
      ),
      Effect.tapError(({ reason }) => roster.publish(PeerManager.PeersEvent.Failed({ endPoint: name, reason }))),
      Effect.tap(onJoined),
      Effect.flatMap((peer) => peer.ended),
      Effect.scoped,
      Effect.provideContext(context)
    )
  }
  return dial
})
