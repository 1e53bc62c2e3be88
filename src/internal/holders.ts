/**
 * Who holds memory for others to see: by network, by address and by connection, so that it is known at once who holds
 * most.
 */
import type * as NetAddress from "effect/net/NetAddress"
import * as Places from "./places.ts"

/** What one connection holds. @internal */
export interface Holding {
  readonly bytes: number
  readonly address: NetAddress.SocketAddress | undefined
  /** Whether its connection is there: what handlers still look at is held longer. */
  readonly isOpen: boolean
}

interface Bytes {
  bytes: number
}

interface Address extends Bytes {
  readonly key: string
  readonly network: Network
  readonly holdings: Set<Holding>
}

interface Network extends Bytes {
  readonly key: string
  readonly addresses: Map<string, Address>
}

/** @internal */
export class Holders {
  readonly #networks = new Map<string, Network>()
  readonly #addressOf = new Map<Holding, Address>()

  has(holding: Holding): boolean {
    return this.#addressOf.has(holding)
  }

  add(holding: Holding, address: NetAddress.SocketAddress): void {
    const owner = this.#addressFor(address)
    owner.holdings.add(holding)
    this.#addressOf.set(holding, owner)
    grow(owner, holding.bytes)
  }

  /** Says that one of these holds so many bytes more, or fewer. */
  change(holding: Holding, bytes: number): void {
    const owner = this.#addressOf.get(holding)
    if (owner !== undefined) grow(owner, bytes)
  }

  /** To be called before what it holds changes once more. */
  remove(holding: Holding): void {
    const owner = this.#addressOf.get(holding)
    if (owner === undefined) return
    this.#addressOf.delete(holding)
    owner.holdings.delete(holding)
    grow(owner, -holding.bytes)
    if (owner.holdings.size > 0) return
    const { key, network } = owner
    network.addresses.delete(key)
    if (network.addresses.size === 0) this.#networks.delete(network.key)
  }

  /** What the address of a holding holds, all its connections together. */
  ofAddress(holding: Holding): number {
    return this.#addressOf.get(holding)?.bytes ?? 0
  }

  /**
   * The open connection that holds most, of the address that holds most, of the network that holds most. Nobody, when
   * what that address holds is all in the hands of handlers: others do not pay for it.
   */
  largest(): Holding | undefined {
    const network = largestOf(this.#networks.values())
    const address = network === undefined ? undefined : largestOf(network.addresses.values())
    return address === undefined ? undefined : largestOf(address.holdings, (holding) => holding.isOpen)
  }

  #addressFor(address: NetAddress.SocketAddress): Address {
    const network = this.#networkFor(Places.networkOf(address))
    const key = Places.addressOf(address)
    const known = network.addresses.get(key)
    if (known !== undefined) return known
    const made: Address = { key, network, bytes: 0, holdings: new Set() }
    network.addresses.set(key, made)
    return made
  }

  #networkFor(key: string): Network {
    const known = this.#networks.get(key)
    if (known !== undefined) return known
    const made: Network = { key, bytes: 0, addresses: new Map() }
    this.#networks.set(key, made)
    return made
  }
}

const grow = (address: Address, bytes: number): void => {
  address.bytes += bytes
  address.network.bytes += bytes
}

/** Of equals the last one, who came or grew last. */
const largestOf = <A extends { readonly bytes: number }>(
  all: Iterable<A>,
  may: (a: A) => boolean = () => true
): A | undefined => {
  let largest: A | undefined
  for (const a of all) if (may(a) && (largest === undefined || a.bytes >= largest.bytes)) largest = a
  return largest
}
