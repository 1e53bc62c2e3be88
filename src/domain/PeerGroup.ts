/**
 * What counts as one offender.
 *
 * Whoever misbehaves can come back from another port at no cost, and over IPv6 from another address of the same subnet,
 * so punishment is kept for groups of addresses: an IPv4 address, the /64 of an IPv6 address. A group is also what a ban
 * names, and a ban may name a larger network.
 *
 * **Details**
 *
 * - An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`, what a dual-stack listener sees) counts as the IPv4 address.
 * - An IPv6 network that is smaller than a /64 is widened to its /64: within one, a peer picks its address freely.
 * - A peer on a Unix socket is a group of its own, so that every peer has one. It is local and has no address to turn
 *   away: `BanList` neither punishes nor bans it.
 *
 * **Gotchas**
 *
 * All hosts of an IPv6 link share a /64, the link-local one (`fe80::/64`) included: banning one of them bans all.
 * `::/0` covers every IPv6 peer and no IPv4 peer.
 *
 * Source: network manager behaviour, "Punishment and bans".
 *
 * @stability unstable
 * @since 0.1.0
 */
import { dual } from "effect/Function"
import * as IpNetwork from "effect/net/IpNetwork"
import * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import * as Result from "effect/Result"

/**
 * The peers whose addresses lie in one network: a single IPv4 address (/32), a single IPv6 subnet (/64), or more.
 *
 * @category models
 * @since 0.1.0
 */
export interface Network {
  readonly _tag: "Network"
  readonly network: IpNetwork.IpNetwork
}

/**
 * The peers on a Unix socket.
 *
 * @category models
 * @since 0.1.0
 */
export interface Local {
  readonly _tag: "Local"
  readonly path: string
}

/**
 * Peers that are punished and banned as one.
 *
 * @category models
 * @since 0.1.0
 */
export type PeerGroup = Network | Local

const ipv6Prefix = 64
const mappedPrefix = 96
const localPrefix = "unix:"

const network = (address: NetAddress.IpAddress, prefixLength: number): Network => ({
  _tag: "Network",
  network: IpNetwork.fromAddressUnsafe(address, prefixLength)
})

const fromIp = (address: NetAddress.IpAddress): Network => {
  const canonical = NetAddress.toCanonical(address)
  return network(canonical, NetAddress.isIpv4Address(canonical) ? 32 : ipv6Prefix)
}

/**
 * The group that a peer belongs to.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromAddress = (address: NetAddress.SocketAddress | NetAddress.IpAddress): PeerGroup => {
  if (NetAddress.isUnixPathAddress(address)) return { _tag: "Local", path: address.path }
  return fromIp(NetAddress.isInetAddress(address) ? address.address : address)
}

/**
 * The group of all peers in a network, in the one form that a network has: the IPv4 network where it is written as an
 * IPv4-mapped one, and at least a /64 over IPv6.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromNetwork = (self: IpNetwork.IpNetwork): Network => {
  const { address, prefixLength } = self
  if (NetAddress.isIpv4Address(address)) return { _tag: "Network", network: self }
  const mapped = NetAddress.fromIpv4Mapped(address)
  if (Option.isSome(mapped) && prefixLength >= mappedPrefix) return network(mapped.value, prefixLength - mappedPrefix)
  return network(address, Math.min(prefixLength, ipv6Prefix))
}

/**
 * The group of a peer, or of all peers in a network.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromTarget = (
  target: NetAddress.SocketAddress | NetAddress.IpAddress | IpNetwork.IpNetwork
): PeerGroup => IpNetwork.isIpNetwork(target) ? fromNetwork(target) : fromAddress(target)

/**
 * The name of a group in a store: `192.0.2.1/32`, `2001:db8::/64`, `unix:/run/hub.sock`. Equal groups have equal keys,
 * and a key never changes its meaning.
 *
 * @category conversions
 * @since 0.1.0
 */
export const key = (self: PeerGroup): string =>
  self._tag === "Local" ? `${localPrefix}${self.path}` : IpNetwork.format(self.network)

/**
 * Reads a key that {@link key} wrote.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromKey = (text: string): Option.Option<PeerGroup> =>
  text.startsWith(localPrefix)
    ? Option.some({ _tag: "Local", path: text.slice(localPrefix.length) })
    : Option.map(Result.getSuccess(IpNetwork.fromString(text)), fromNetwork)

/**
 * Writes a group for people: as its key, a single IPv4 address without its prefix length.
 *
 * @category conversions
 * @since 0.1.0
 */
export const format = (self: PeerGroup): string =>
  self._tag === "Network" && self.network.prefixLength === 32 && NetAddress.isIpv4Address(self.network.address)
    ? NetAddress.formatIp(self.network.address)
    : key(self)

/**
 * Tells whether a peer belongs to a group.
 *
 * @category guards
 * @since 0.1.0
 */
export const contains: {
  /**
   * Tells whether a peer belongs to a group.
   *
   * @category guards
   * @since 0.1.0
   */
  (address: NetAddress.SocketAddress | NetAddress.IpAddress): (self: PeerGroup) => boolean
  /**
   * Tells whether a peer belongs to a group.
   *
   * @category guards
   * @since 0.1.0
   */
  (self: PeerGroup, address: NetAddress.SocketAddress | NetAddress.IpAddress): boolean
} = dual(2, (self: PeerGroup, address: NetAddress.SocketAddress | NetAddress.IpAddress): boolean => {
  const other = fromAddress(address)
  if (self._tag === "Local" || other._tag === "Local") return key(self) === key(other)
  return IpNetwork.containsNetwork(self.network, other.network)
})

/**
 * The keys of every group that covers this one, its own first: what to look up to learn whether it is banned.
 *
 * **Details**
 *
 * 33 keys for an IPv4 address and 65 for an IPv6 one, however many networks are banned.
 *
 * @category getters
 * @since 0.1.0
 */
export const covering = (self: PeerGroup): ReadonlyArray<string> => {
  if (self._tag === "Local") return [key(self)]
  const { address, prefixLength } = self.network
  const bytes = Uint8Array.from(
    NetAddress.isIpv4Address(address) ? NetAddress.ipv4ToOctets(address) : NetAddress.ipv6ToOctets(address)
  )
  const keys: Array<string> = []
  let text = NetAddress.formatIp(address)
  for (let prefix = prefixLength; prefix > 0; prefix--) {
    keys.push(`${text}/${prefix}`)
    const at = (prefix - 1) >> 3
    const bit = 0x80 >> ((prefix - 1) & 7)
    if ((bytes[at] & bit) === 0) continue
    bytes[at] &= ~bit
    text = NetAddress.formatIp(NetAddress.ipFromInputUnsafe(bytes))
  }
  keys.push(`${text}/0`)
  return keys
}
