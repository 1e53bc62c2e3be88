/**
 * What the end of a peer costs it.
 */
import type * as Connection from "../../services/Connection.ts"
import type * as DisconnectReason from "../../services/DisconnectReason.ts"
import type * as Peer from "../../services/p2p/Peer.ts"
import type * as PeerError from "../../services/p2p/PeerError.ts"

/**
 * What a peer that breaks the order of the handshake loses.
 *
 * @internal
 */
export const disorder = 100

/** As a connection gives by default for packets that it cannot read. */
const malformed = 200

/** @internal */
export const of = (
  reason: PeerError.Reason,
  side: Connection.Connection["side"],
  before: Peer.PeerState
): number => {
  switch (reason._tag) {
    case "Misbehaved":
    case "Stalled":
      return reason.points
    case "MalformedMessage":
      return malformed
    case "Disconnected":
      return side === "dialled" && before._tag === "Ready" && isWrongProtocol(reason.reason) ? malformed : 0
    default:
      return 0
  }
}

/**
 * A connection lets those off that it has dialled: they may never have been peers. One that has shaken hands knows the
 * protocol.
 */
const isWrongProtocol = (reason: DisconnectReason.DisconnectReason): boolean =>
  reason._tag === "WireError" && reason.reason._tag === "WrongProtocol"
