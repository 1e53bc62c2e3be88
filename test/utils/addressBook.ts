import { NetAddress } from "effect/net"
import * as AddressEntry from "../../src/domain/p2p/AddressEntry.ts"
import * as AddressSource from "../../src/domain/p2p/AddressSource.ts"
import * as PeerAddress from "../../src/domain/p2p/PeerAddress.ts"
import type * as Legacy from "./legacy.ts"

export const hour = 3_600_000

export const day = 24 * hour

export const address = (text: string): NetAddress.InetAddress => NetAddress.inetAddressFromStringUnsafe(text)

/** A public IPv4 address for each number below 2^25. Numbers that share all but 16 bits are in one group. */
export const publicAddress = (n: number, port = 8333): NetAddress.InetAddress =>
  NetAddress.inetAddressUnsafe(
    NetAddress.ipv4FromBytesUnsafe(Uint8Array.of(60 + (n >>> 24), n >>> 16, n >>> 8, n)),
    port
  )

export const timed = (
  address: NetAddress.InetAddress,
  options: { readonly time?: number; readonly services?: bigint } = {}
): PeerAddress.TimedPeerAddress => ({
  time: options.time ?? 0,
  ...PeerAddress.fromInetAddress(address, options.services ?? 5n)
})

export const entry = (
  text: string,
  change: Partial<AddressEntry.AddressEntry> & { readonly now?: number } = {}
): AddressEntry.AddressEntry => {
  const { now = 0, ...rest } = change
  const source = AddressSource.peer(address("9.9.9.9:8333"))
  return { ...AddressEntry.make({ address: address(text), services: 5n, source, now }), ...rest }
}

export const format = (entry: AddressEntry.AddressEntry): string => NetAddress.formatInet(entry.address)

export const byKey = (
  entries: Iterable<AddressEntry.AddressEntry>
): ReadonlyArray<AddressEntry.AddressEntry> => [...entries].sort((a, b) => format(a) < format(b) ? -1 : 1)

/** Numbers from 0 to below 1. */
export const chance = (random: Legacy.Random) => () => random.below(1_000_000_000) / 1_000_000_000
