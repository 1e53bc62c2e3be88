/**
 * Addresses as Node's sockets write them. IPv6 zones are interface names there and numbers in a `NetAddress`.
 */
import * as NetAddress from "effect/net/NetAddress"
import type * as Net from "node:net"
import * as Os from "node:os"

const scopeIds = (): ReadonlyMap<string, number> =>
  NetAddress.scopeIdsFromInterfaces(Object.entries(Os.networkInterfaces()))

/** An IPv4 peer of a listener for both families is an IPv4 address. */
const fromNative = (host: string, port: number): NetAddress.InetAddress => {
  const zoneAt = host.indexOf("%")
  if (zoneAt === -1) return NetAddress.toCanonical(NetAddress.inetAddressFromNativeUnsafe(host, port))
  const zones = scopeIds()
  const zone = host.slice(zoneAt + 1)
  // The interface may have gone since; its address is worth more than its number.
  const isKnown = /^\d+$/.test(zone) || zones.has(zone)
  return NetAddress.inetAddressFromNativeUnsafe(isKnown ? host : host.slice(0, zoneAt), port, zones)
}

/** @internal */
export const nativeHost = (address: NetAddress.InetAddress): string =>
  address._tag === "InetAddressV6" && address.scopeId !== 0
    ? NetAddress.formatNativeHost(address, scopeIds(), process.platform)
    : NetAddress.formatHost(address)

/** @internal */
export const remoteAddress = (socket: Net.Socket): NetAddress.InetAddress | undefined =>
  socket.remoteAddress === undefined || socket.remotePort === undefined
    ? undefined
    : fromNative(socket.remoteAddress, socket.remotePort)

/** @internal */
export const localAddress = (socket: Net.Socket): NetAddress.InetAddress | undefined =>
  socket.localAddress === undefined || socket.localPort === undefined
    ? undefined
    : fromNative(socket.localAddress, socket.localPort)

/** @internal */
export const listenAddress = (server: Net.Server): NetAddress.SocketAddress | undefined => {
  const address = server.address()
  if (address === null) return undefined
  return typeof address === "string"
    ? NetAddress.unixPathAddress(address)
    : NetAddress.inetAddressFromNativeUnsafe(address.address, address.port, scopeIds())
}
