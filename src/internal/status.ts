/**
 * What a manager knows of itself, for those who ask how it is.
 */
import * as NetAddress from "effect/net/NetAddress"
import type * as NetworkConfig from "../services/NetworkConfig.ts"
import type * as NetworkHealth from "../services/NetworkHealth.ts"
import type * as Acceptor from "./acceptor.ts"
import type * as Lane from "./lane.ts"
import type * as Peer from "./peer.ts"

/** From here on a lane is worth a word. */
const filled = 3 / 4

/** As many as `NetworkHealth.maxListed`, whose module needs this one. */
const maxListed = 16

/** A listener that is bound, or about to be. @internal */
export interface Listening {
  readonly acceptor: Acceptor.Acceptor
  readonly settings: Pick<NetworkConfig.Settings, "maxConnections">
  /** From when it is bound. */
  readonly address: NetAddress.SocketAddress | undefined
}

/** @internal */
export interface Parts {
  readonly isClosed: boolean
  readonly listeners: Iterable<Listening>
  readonly peers: Iterable<Peer.Peer>
}

/** @internal */
export const of = ({ isClosed, listeners, peers }: Parts): NetworkHealth.Status => {
  const connections = { Connecting: 0, LoggingIn: 0, Connected: 0, Waiting: 0 }
  const down: Array<NetworkHealth.DownConnection> = []
  const filledLanes: Array<NetworkHealth.FilledLane> = []
  for (const peer of peers) {
    const { endPoint, id, state } = peer
    if (state._tag === "Closed") continue
    connections[state._tag] += 1
    if (state._tag === "Waiting") {
      down.push({ connection: id, endPoint, failures: state.failures, reason: state.reason })
    }
    for (const lane of ["normal", "high"] as const) {
      if (peer[lane].fill >= filled) filledLanes.push(describeLane(peer, lane, peer[lane]))
    }
  }
  return {
    isClosed,
    listeners: Array.from(listeners).flatMap(describeListener),
    connections,
    down: down.sort((a, b) => b.failures - a.failures).slice(0, maxListed),
    filledLanes: filledLanes.sort((a, b) => b.fill - a.fill).slice(0, maxListed)
  }
}

const describeListener = ({ acceptor, address, settings }: Listening) =>
  address === undefined
    ? []
    : [{
      address: NetAddress.formatSocketAddress(address),
      connections: acceptor.peers.size,
      maxConnections: settings.maxConnections
    }]

const describeLane = (
  { endPoint, id }: Peer.Peer,
  lane: "normal" | "high",
  { bytes, fill, messages }: Lane.Lane
): NetworkHealth.FilledLane => ({ connection: id, endPoint, lane, messages, bytes, fill })
