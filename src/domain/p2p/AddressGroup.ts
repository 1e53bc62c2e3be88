/**
 * The part of the net that an address lies in, as far as one party is likely to hold many addresses of it: the /16 of an
 * IPv4 address, the /32 of an IPv6 one.
 *
 * Whoever wants independent peers takes them from different groups. `PeerGroup` is another thing: who is punished
 * together.
 *
 * **Details**
 *
 * The sizes are those that nodes have used for long. An IPv6 address that stands for an IPv4 one, mapped, 6to4
 * (RFC 3056) or Teredo (RFC 4380), is in the group of that one: such addresses cost nothing.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as NetAddress from "effect/net/NetAddress"

/**
 * A group: `192.0.0.0/16`, `2001:db8::/32`. Equal groups are equal texts.
 *
 * @category models
 * @since 0.1.0
 */
export type AddressGroup = string

const groupOfIpv4 = (a: number, b: number): AddressGroup => `${a}.${b}.0.0/16`

/**
 * The IPv4 address that an IPv6 address of 6to4 or Teredo was made from, or `undefined`.
 *
 * @category getters
 * @since 0.1.0
 */
export const tunnelled = (self: NetAddress.Ipv6Address): NetAddress.Ipv4Address | undefined => {
  const segments = NetAddress.ipv6ToSegments(self)
  if (segments[0] === 0x2002) return fromWords(segments[1], segments[2])
  // Teredo writes the address of its client with all bits turned over.
  if (segments[0] === 0x2001 && segments[1] === 0) return fromWords(~segments[6], ~segments[7])
  return undefined
}

const fromWords = (high: number, low: number): NetAddress.Ipv4Address =>
  NetAddress.ipv4FromBytesUnsafe(Uint8Array.of(high >>> 8, high, low >>> 8, low))

/**
 * The group of an address.
 *
 * **Example** (Two addresses of one group)
 *
 * ```ts
 * import { NetAddress } from "effect/net"
 * import { AddressGroup } from "effect-flowee"
 *
 * const a = AddressGroup.fromIp(NetAddress.ipFromStringUnsafe("198.51.100.7"))
 * const b = AddressGroup.fromIp(NetAddress.ipFromStringUnsafe("198.51.7.1"))
 * const isSame = a === b // true: both are 198.51.0.0/16
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromIp = (address: NetAddress.IpAddress): AddressGroup => {
  const canonical = NetAddress.toCanonical(address)
  const ipv4 = NetAddress.isIpv4Address(canonical) ? canonical : tunnelled(canonical)
  if (ipv4 !== undefined) {
    const [a, b] = NetAddress.ipv4ToOctets(ipv4)
    return groupOfIpv4(a, b)
  }
  const [high, low] = NetAddress.ipv6ToSegments(canonical as NetAddress.Ipv6Address)
  return `${high.toString(16)}:${low.toString(16)}::/32`
}

/**
 * The group of an address with a port.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromAddress = (address: NetAddress.InetAddress): AddressGroup => fromIp(address.address)
