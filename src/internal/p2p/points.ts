/**
 * What the end of a peer costs it.
 */
import * as NetAddress from "effect/net/NetAddress"
import type * as WireError from "../../domain/WireError.ts"
import type * as Connection from "../../services/Connection.ts"
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

/**
 * As many points end a peer of this machine as ban others by default.
 *
 * @internal
 */
export const ofNeighbour = 1000

/**
 * All programs of this machine have one address. A ban for what one of them did, which was dialled as itself, would be
 * one for all: as nodes have it, that one goes and the address stays.
 *
 * @internal
 */
export const isNeighbour = (side: Connection.Connection["side"], address: NetAddress.SocketAddress): boolean =>
  side === "dialled" && NetAddress.isInetAddress(address) &&
  NetAddress.isLoopback(NetAddress.toCanonical(address.address))

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
      return side === "dialled" && reason.reason._tag === "WireError" && isFault(reason.reason, before) ? malformed : 0
    default:
      return 0
  }
}

/**
 * What a connection that was accepted has lost for its packets is counted by the connection. Whoever was dialled and
 * speaks another protocol may never have been a peer; one that has shaken hands knows the protocol.
 */
const isFault = ({ reason }: WireError.WireError, before: Peer.PeerState): boolean =>
  before._tag === "Ready" || reason._tag !== "WrongProtocol"
