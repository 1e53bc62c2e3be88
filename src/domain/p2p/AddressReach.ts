/**
 * How far an address reaches: whether a stranger can be believed to have met a node there.
 *
 * **Details**
 *
 * What strangers tell of is only worth something when it is on the public net. An address of a private network would
 * make us knock at doors in our own house.
 *
 * Sources: the special-purpose address registries of IANA (RFC 6890), for IPv6 its global unicast block.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as IpNetwork from "effect/net/IpNetwork"
import * as NetAddress from "effect/net/NetAddress"
import * as AddressGroup from "./AddressGroup.ts"

const networks = (texts: ReadonlyArray<string>): ReadonlyArray<IpNetwork.IpNetwork> =>
  texts.map(IpNetwork.fromStringUnsafe)

const notPublicIpv4 = networks([
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/3"
])

const globalUnicast = IpNetwork.fromStringUnsafe("2000::/3")

const notPublicIpv6 = networks(["2001:2::/48", "2001:10::/28", "2001:20::/28", "2001:db8::/32", "3fff::/20"])

const lies = (address: NetAddress.IpAddress, within: ReadonlyArray<IpNetwork.IpNetwork>): boolean =>
  within.some((network) => IpNetwork.contains(network, address))

const isPublicIpv6 = (address: NetAddress.Ipv6Address): boolean => {
  if (!IpNetwork.contains(globalUnicast, address) || lies(address, notPublicIpv6)) return false
  const inside = AddressGroup.tunnelled(address)
  return inside === undefined || !lies(inside, notPublicIpv4)
}

/**
 * Tells whether an address is one of the public net.
 *
 * @category guards
 * @since 0.1.0
 */
export const isPublic = (address: NetAddress.IpAddress): boolean => {
  const canonical = NetAddress.toCanonical(address)
  return NetAddress.isIpv4Address(canonical) ? !lies(canonical, notPublicIpv4) : isPublicIpv6(canonical)
}

/**
 * Tells whether one host can be dialled at an address at all, in whatever network.
 *
 * **Details**
 *
 * That leaves out port 0, `0.0.0.0` and `::`, broadcast and multicast addresses, and the link-local ones of IPv6, which
 * mean nothing without an interface.
 *
 * @category guards
 * @since 0.1.0
 */
export const isDialable = ({ address, port }: NetAddress.InetAddress): boolean => {
  if (port === 0 || NetAddress.isUnspecified(address) || NetAddress.isMulticast(address)) return false
  return NetAddress.isIpv4Address(address) ? !NetAddress.isBroadcast(address) : !NetAddress.isLinkLocal(address)
}
