/**
 * The addresses in use: who listens where, and which ports are free.
 */
import * as Equal from "effect/Equal"
import * as NetAddress from "effect/net/NetAddress"
import type * as Transport from "../../services/Transport.ts"

/**
 * The addresses of a host. `undefined`: it has all of them.
 *
 * @internal
 */
export type Sources = ReadonlyArray<NetAddress.IpAddress> | undefined

/** @internal */
export interface Listener extends Transport.LinkListener {
  readonly sources: Sources
  readonly onLink: (link: Transport.Link) => void
}

/** The range that is given out for port 0 and to dialling sides. */
const firstPort = 32_768
const portCount = 32_768

/** @internal */
export class Listeners {
  readonly #named = new Map<string, Listener>()
  /** Listeners on `0.0.0.0` and `::`, by port. */
  readonly #unspecified = new Map<number, Array<Listener>>()
  /** Addresses of dialling sides. */
  readonly #dialling = new Set<string>()
  #nextPort = 0

  /** `undefined` when the address is in use. */
  add(
    address: NetAddress.SocketAddress,
    sources: Sources,
    onLink: (link: Transport.Link) => void
  ): Listener | undefined {
    if (NetAddress.isInetAddress(address) && address.port === 0) {
      const free = this.#freePort(address.address, (candidate) => this.#isFree(candidate, sources))
      return free === undefined ? undefined : this.#insert({ address: free, sources, onLink })
    }
    return this.#isFree(address, sources) ? this.#insert({ address, sources, onLink }) : undefined
  }
  remove(listener: Listener): void {
    const address = listener.address
    if (!isUnspecified(address)) {
      this.#named.delete(NetAddress.formatSocketAddress(address))
      return
    }
    const others = this.#unspecified.get(address.port)?.filter((other) => other !== listener) ?? []
    if (others.length === 0) this.#unspecified.delete(address.port)
    else this.#unspecified.set(address.port, others)
  }
  /** Who accepts what is dialled at `address`. */
  find(address: NetAddress.SocketAddress): Listener | undefined {
    const named = this.#named.get(NetAddress.formatSocketAddress(address))
    if (named !== undefined || NetAddress.isUnixPathAddress(address)) return named
    return this.#unspecified.get(address.port)?.find((listener) => accepts(listener, address.address))
  }

  /** An address for a side that dials; `undefined` when all ports of the host are taken. */
  takePort(host: NetAddress.IpAddress): NetAddress.InetAddress | undefined {
    const free = this.#freePort(
      host,
      (candidate) =>
        !this.#dialling.has(NetAddress.formatSocketAddress(candidate)) && this.find(candidate) === undefined
    )
    if (free !== undefined) this.#dialling.add(NetAddress.formatSocketAddress(free))
    return free
  }
  givePort(address: NetAddress.SocketAddress): void {
    this.#dialling.delete(NetAddress.formatSocketAddress(address))
  }

  #freePort(
    host: NetAddress.IpAddress,
    isFree: (candidate: NetAddress.InetAddress) => boolean
  ): NetAddress.InetAddress | undefined {
    for (let tries = 0; tries < portCount; tries++) {
      const candidate = NetAddress.inetAddressUnsafe(host, firstPort + this.#nextPort)
      this.#nextPort = (this.#nextPort + 1) % portCount
      if (isFree(candidate)) return candidate
    }
    return undefined
  }
  #insert(listener: Listener): Listener {
    const address = listener.address
    if (!isUnspecified(address)) {
      this.#named.set(NetAddress.formatSocketAddress(address), listener)
      return listener
    }
    const others = this.#unspecified.get(address.port)
    if (others === undefined) this.#unspecified.set(address.port, [listener])
    else others.push(listener)
    return listener
  }
  #isFree(address: NetAddress.SocketAddress, sources: Sources): boolean {
    if (!isUnspecified(address)) return this.find(address) === undefined && !this.#isDialling(address)
    for (const other of this.#unspecified.get(address.port) ?? []) {
      if (isShared(other.sources, sources) && isFamilyShared(other.address, address)) return false
    }
    const candidate = { address, sources }
    for (const { address: other } of this.#named.values()) {
      if (NetAddress.isInetAddress(other) && other.port === address.port && accepts(candidate, other.address)) {
        return false
      }
    }
    return true
  }
  #isDialling(address: NetAddress.SocketAddress): boolean {
    return this.#dialling.has(NetAddress.formatSocketAddress(address))
  }
}

const isUnspecified = (address: NetAddress.SocketAddress): address is NetAddress.InetAddress =>
  NetAddress.isInetAddress(address) && NetAddress.isUnspecified(address.address)

/** `::` accepts IPv4 too. */
const accepts = (listener: Pick<Listener, "address" | "sources">, host: NetAddress.IpAddress): boolean =>
  (NetAddress.isInetAddressV6(listener.address) || NetAddress.isIpv4Address(host)) &&
  (listener.sources === undefined || NetAddress.isLoopback(host) ||
    listener.sources.some((source) => Equal.equals(source, host)))

const isFamilyShared = (self: NetAddress.SocketAddress, that: NetAddress.SocketAddress): boolean =>
  NetAddress.isInetAddressV6(self) || NetAddress.isInetAddressV6(that) || self._tag === that._tag

const isShared = (self: Sources, that: Sources): boolean =>
  self === undefined || that === undefined ||
  self.some((source) => that.some((other) => Equal.equals(source, other)))
