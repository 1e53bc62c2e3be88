/**
 * Privacy segments: the peers of one wallet are never those of another, so that nobody learns which addresses belong
 * together.
 *
 * **Details**
 *
 * A wallet is a *segment*. Peers are dealt out over segments, at least 3 to each. What a peer is called here is what
 * could compare notes: its IP address (IPv6: its /64), whatever the port. On the loopback interface, where all peers
 * are on one machine, the port counts too.
 *
 * Who has served one segment is never given to another, as long as it is remembered.
 *
 * Source: peer-to-peer component, "Downloads and wallets".
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as NetAddress from "effect/net/NetAddress"
import * as PeerGroup from "../PeerGroup.ts"

/**
 * How many peers a segment gets.
 *
 * @category constants
 * @since 0.1.0
 */
export const peersWanted = 3

/**
 * Which segments get peers before others do.
 *
 * @category models
 * @since 0.1.0
 */
export type Priority = "first" | "normal" | "last"

/**
 * All priorities, the most urgent first.
 *
 * @category constants
 * @since 0.1.0
 */
export const priorities: ReadonlyArray<Priority> = ["first", "normal", "last"]

/**
 * A segment as it is when peers are dealt out.
 *
 * @category models
 * @since 0.1.0
 */
export interface Segment {
  readonly id: string
  readonly priority: Priority
  /** The keys of its peers. */
  readonly peers: ReadonlyArray<string>
}

/**
 * A peer that no segment has.
 *
 * @category models
 * @since 0.1.0
 */
export interface Candidate {
  /** See {@link keyOf}. */
  readonly key: string
  /** The segment that a peer of that key has served before, if any. */
  readonly served: string | undefined
}

/**
 * A peer and the segment that it is given to.
 *
 * @category models
 * @since 0.1.0
 */
export interface Deal {
  readonly key: string
  readonly segment: string
}

/**
 * What a peer is called: equal for peers that belong together.
 *
 * @category getters
 * @since 0.1.0
 */
export const keyOf = (address: NetAddress.SocketAddress): string => {
  const group = PeerGroup.key(PeerGroup.fromAddress(address))
  return NetAddress.isInetAddress(address) && NetAddress.isLoopback(NetAddress.toCanonical(address.address))
    ? `${group}:${address.port}`
    : group
}

const rank = ({ priority }: Segment): number => priorities.indexOf(priority)

/** The one that is served first: by priority, then by who has fewer peers. */
const mostUrgent = (segments: ReadonlyArray<Segment>): Segment | undefined => {
  let found: Segment | undefined
  for (const segment of segments) {
    if (found === undefined || isBefore(segment, found)) found = segment
  }
  return found
}

const isBefore = (a: Segment, b: Segment): boolean =>
  rank(a) === rank(b) ? a.peers.length < b.peers.length : rank(a) < rank(b)

/**
 * Deals out peers: which of the candidates is given to which segment.
 *
 * **Details**
 *
 * Segments that have fewer peers than wanted get some, by priority and then by need. One that has served a segment can
 * only be given to that one. Of several candidates with one key, one is dealt. Those that come first are given first.
 *
 * @category getters
 * @since 0.1.0
 */
export const deal = (
  segments: ReadonlyArray<Segment>,
  candidates: ReadonlyArray<Candidate>,
  wanted = peersWanted
): ReadonlyArray<Deal> => {
  const deals: Array<Deal> = []
  let current = segments
  const taken = new Set(segments.flatMap(({ peers }) => peers))
  // Those that only one segment can have go first: it then leaves the others to the rest.
  const ordered = [
    ...candidates.filter(({ served }) => served !== undefined),
    ...candidates.filter(({ served }) => served === undefined)
  ]
  for (const { key, served } of ordered) {
    if (taken.has(key)) continue
    const open = current.filter(({ id, peers }) => peers.length < wanted && (served === undefined || served === id))
    const segment = mostUrgent(open)
    if (segment === undefined) continue
    taken.add(key)
    deals.push({ key, segment: segment.id })
    current = current.map((one) => one === segment ? { ...one, peers: [...one.peers, key] } : one)
  }
  return deals
}
