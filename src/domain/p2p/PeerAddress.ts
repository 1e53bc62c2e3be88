/**
 * The address of a node as `version` and `addr` carry it: what it offers, its IP address and its port.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as NetAddress from "effect/net/NetAddress"
import * as Binary from "./Binary.ts"
import * as BinaryBytes from "./BinaryBytes.ts"
import * as BinaryNumber from "./BinaryNumber.ts"

/**
 * What a node offers, a bit for each.
 *
 * - `network`: all blocks.
 * - `bloom`: filters of transactions (BIP 111).
 *
 * @category constants
 * @since 0.1.0
 */
export const Service = { network: 1n, bloom: 4n } as const

/**
 * Tells whether a node that says that it offers `services` offers all that is wanted.
 *
 * @category guards
 * @since 0.1.0
 */
export const offers = (services: bigint, wanted: bigint): boolean => (services & wanted) === wanted

/**
 * The format of an address: 26 bytes.
 *
 * @category constants
 * @since 0.1.0
 */
export const binary = Binary.struct({
  /** A bit for each service: 1 is the whole chain, 4 bloom filters. */
  services: BinaryNumber.uint64,
  /** An IPv6 address, or an IPv4 address mapped into one (`::ffff:192.0.2.1`). */
  ip: BinaryBytes.bytes(16),
  port: BinaryNumber.uint16BigEndian
})

/**
 * The address of a node.
 *
 * @category models
 * @since 0.1.0
 */
export type PeerAddress = Binary.Type<typeof binary>

/**
 * The format of an address of `addr`: 30 bytes.
 *
 * @category constants
 * @since 0.1.0
 */
export const timedBinary = Binary.struct({
  /** When the node was last seen, in seconds since 1970. */
  time: BinaryNumber.uint32,
  ...binary.fields
})

/**
 * The address of a node, and when it was last seen.
 *
 * @category models
 * @since 0.1.0
 */
export type TimedPeerAddress = Binary.Type<typeof timedBinary>

/**
 * The address that says nothing: no services, `::`, port 0.
 *
 * @category constants
 * @since 0.1.0
 */
export const unknown: PeerAddress = { services: 0n, ip: new Uint8Array(16), port: 0 }

/**
 * The IP address and port, an IPv4 address as such.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toInetAddress = (self: PeerAddress): NetAddress.InetAddress =>
  NetAddress.inetAddressUnsafe(NetAddress.toCanonical(NetAddress.ipv6FromBytesUnsafe(self.ip)), self.port)

/**
 * The address of a node with those services.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromInetAddress = (self: NetAddress.InetAddress, services: bigint): PeerAddress => ({
  services,
  ip: Uint8Array.from(NetAddress.ipv6ToOctets(
    NetAddress.isIpv4Address(self.address) ? NetAddress.toIpv4Mapped(self.address) : self.address
  )),
  port: self.port
})
