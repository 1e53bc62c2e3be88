/**
 * The state of an address book, and everything that changes it. It knows neither time nor chance nor files: they are
 * handed in.
 */
import * as NetAddress from "effect/net/NetAddress"
import type * as Network from "../../domain/Network.ts"
import * as AddressChoice from "../../domain/p2p/AddressChoice.ts"
import * as AddressEntry from "../../domain/p2p/AddressEntry.ts"
import type * as AddressFile from "../../domain/p2p/AddressFile.ts"
import * as AddressRate from "../../domain/p2p/AddressRate.ts"
import * as AddressReach from "../../domain/p2p/AddressReach.ts"
import * as AddressSource from "../../domain/p2p/AddressSource.ts"
import * as AddressTable from "../../domain/p2p/AddressTable.ts"
import type * as BlockHeader from "../../domain/p2p/BlockHeader.ts"
import * as PeerAddress from "../../domain/p2p/PeerAddress.ts"
import * as PeerGroup from "../../domain/PeerGroup.ts"
import type * as PeerAddressBook from "../../services/p2p/PeerAddressBook.ts"

/** @internal */
export interface Options {
  readonly network: Network.Network
  readonly capacity: number
  /** Whether strangers may tell of addresses that are not public. */
  readonly allowLocal: boolean
  readonly snapshot: AddressFile.Snapshot
  readonly hash256: BlockHeader.Hash256
  readonly now: number
}

/** An address as it is told. */
interface Told {
  readonly address: NetAddress.InetAddress
  readonly services: bigint
  /** In milliseconds since 1970. */
  readonly seenAt: number
}

type Outcome = "added" | "known" | keyof PeerAddressBook.Intake["dropped"]

/** More peers than a node is connected to. The tokens of those that were heard of longest ago are forgotten. */
const maxRates = 1000

/** Our addresses: those that we listen on, and those that turned out to be ours. */
const maxOwn = 100

/** Nodes tell no more than this part of what they know, so that nobody learns all of it from one answer. */
const sampleShare = 0.23

const day = 86_400

/** Counts what becomes of each address. */
class Tally {
  readonly #counts = { added: 0, known: 0, rateLimited: 0, notReachable: 0, ownAddress: 0, noRoom: 0 }

  count(outcome: Outcome, times = 1): void {
    this.#counts[outcome] += times
  }

  get intake(): PeerAddressBook.Intake {
    const { added, known, ...dropped } = this.#counts
    return { added, known, dropped }
  }
}

/** Up to `count` of the items, in random order. */
const pick = <A>(items: ReadonlyArray<A>, count: number, next: () => number): ReadonlyArray<A> => {
  const left = [...items]
  const picked = Math.min(count, left.length)
  for (let i = 0; i < picked; i++) {
    const other = i + Math.floor(next() * (left.length - i))
    const item = left[other]
    left[other] = left[i]
    left[i] = item
  }
  return left.slice(0, picked)
}

/** @internal */
export class AddressBook {
  readonly #network: Network.Network
  readonly #allowLocal: boolean
  readonly #key: Uint8Array
  readonly #table: AddressTable.AddressTable
  /** By group of peers, the one that was least recently heard of first. */
  readonly #rates = new Map<string, AddressRate.AddressRate>()
  readonly #own = new Set<string>()

  constructor(options: Options) {
    this.#network = options.network
    this.#allowLocal = options.allowLocal
    this.#key = options.snapshot.key
    this.#table = AddressTable.make({ capacity: options.capacity, key: this.#key, hash256: options.hash256 })
    for (const entry of options.snapshot.entries) this.#restore(entry, options.now)
  }

  get size(): number {
    return this.#table.size
  }

  get(address: NetAddress.InetAddress): AddressEntry.AddressEntry | undefined {
    return this.#table.get(address)
  }

  entries(): ReadonlyArray<AddressEntry.AddressEntry> {
    return [...this.#table.entries()]
  }

  /** What is worth keeping: nothing is in use after a restart. */
  snapshot(now: number): AddressFile.Snapshot {
    return { key: this.#key, entries: this.entries().map((entry) => AddressEntry.released(entry, now)) }
  }

  /** Whether there are at least `count` that offer the services and may be dialled, be they in use or not. */
  hasUsable(count: number, services: bigint, now: number): boolean {
    let found = 0
    for (const entry of this.#table.entries()) {
      if (!AddressEntry.hasServices(entry, services) || !AddressEntry.isUsable(entry, now)) continue
      if (++found >= count) return true
    }
    return count <= 0
  }

  addByUser(addresses: Iterable<NetAddress.InetAddress>, services: bigint, now: number): PeerAddressBook.Intake {
    const tally = new Tally()
    for (const address of addresses) {
      tally.count(this.#takeIn({ address, services, seenAt: now }, AddressSource.user, now))
    }
    return tally.intake
  }

  addFromSeed(
    name: string,
    addresses: ReadonlyArray<NetAddress.InetAddress>,
    services: bigint,
    now: number
  ): PeerAddressBook.Intake {
    const tally = new Tally()
    const source = AddressSource.seed(name)
    for (const address of addresses) tally.count(this.#takeIn({ address, services, seenAt: now }, source, now))
    return tally.intake
  }

  /** When a peer tells more than it may, chance says which of them count. */
  addFromPeer(
    peer: NetAddress.InetAddress,
    addresses: ReadonlyArray<PeerAddress.TimedPeerAddress>,
    now: number,
    next: () => number
  ): PeerAddressBook.Intake {
    const tally = new Tally()
    const source = AddressSource.peer(peer)
    const { granted, rate } = AddressRate.take(this.#rateOf(peer, now), addresses.length, now)
    this.#setRate(peer, rate)
    tally.count("rateLimited", addresses.length - granted)
    for (const told of pick(addresses, granted, next)) {
      const address = PeerAddress.toInetAddress(told)
      tally.count(this.#takeIn({ address, services: told.services, seenAt: told.time * 1000 }, source, now))
    }
    return tally.intake
  }

  asked(peer: NetAddress.InetAddress, now: number): void {
    this.#setRate(peer, AddressRate.asked(this.#rateOf(peer, now), now))
    this.#table.update(peer, (entry) => ({ ...entry, askedAt: now }))
  }

  choose(wanted: AddressChoice.Wanted, now: number, next: () => number): AddressEntry.AddressEntry | undefined {
    const defaultPort = this.#network.p2pPort
    const chosen = AddressChoice.choose(this.#table.draw(next), { wanted, now, defaultPort })
    return chosen === undefined ? undefined : this.#handOut(chosen, now)
  }

  /** Hands out that very address, unless somebody has it. */
  claim(address: NetAddress.InetAddress, now: number): AddressEntry.AddressEntry | undefined {
    const entry = this.#table.get(address)
    return entry?.use === "Free" ? this.#handOut(entry, now) : undefined
  }

  update(
    address: NetAddress.InetAddress,
    f: (entry: AddressEntry.AddressEntry) => AddressEntry.AddressEntry
  ): boolean {
    return this.#table.update(address, f)
  }

  /** A peer never serves two wallets: it could tell that they belong together. */
  assign(address: NetAddress.InetAddress, segment: number | undefined): boolean {
    const entry = this.#table.get(address)
    if (entry === undefined) return false
    const isTaken = entry.segment !== undefined && segment !== undefined && entry.segment !== segment
    return !isTaken && this.#table.update(address, (entry) => ({ ...entry, segment }))
  }

  /** Whoever has it gives it back, and must not find another one there. */
  remove(address: NetAddress.InetAddress): boolean {
    return this.#table.get(address)?.use === "Free" && this.#table.remove(address)
  }

  addOwn(address: NetAddress.InetAddress): void {
    const key = AddressEntry.key(address)
    this.#own.delete(key)
    if (this.#own.size >= maxOwn) this.#own.delete(this.#own.keys().next().value ?? "")
    this.#own.add(key)
    this.#table.remove(address)
  }

  /** The times are those of whole days: they must not tell whom we are connected to. */
  sample(most: number, now: number, next: () => number): ReadonlyArray<PeerAddress.TimedPeerAddress> {
    const count = Math.min(most, Math.floor(this.#table.size * sampleShare))
    const sample: Array<PeerAddress.TimedPeerAddress> = []
    if (count <= 0) return sample
    for (const entry of this.#table.draw(next)) {
      if (!this.#mayTell(entry, now)) continue
      const seconds = Math.floor(entry.contact.at / 1000)
      const time = Math.min(0xffff_ffff, seconds - seconds % day)
      if (sample.push({ time, ...PeerAddress.fromInetAddress(entry.address, entry.services) }) >= count) break
    }
    return sample
  }

  /** What the user added may be nobody else's business. */
  #mayTell(entry: AddressEntry.AddressEntry, now: number): boolean {
    return entry.source._tag !== "User" && AddressEntry.isUsable(entry, now) && this.#reaches(entry.address)
  }

  #reaches(address: NetAddress.InetAddress): boolean {
    return AddressReach.isDialable(address) && (this.#allowLocal || AddressReach.isPublic(address.address))
  }

  #takeIn(told: Told, source: AddressSource.AddressSource, now: number): Outcome {
    const address = NetAddress.toCanonical(told.address)
    const isReachable = source._tag === "User" ? AddressReach.isDialable(address) : this.#reaches(address)
    if (!isReachable) return "notReachable"
    if (this.#own.has(AddressEntry.key(address))) return "ownAddress"
    const { seenAt, services } = told
    if (this.#table.update(address, (entry) => this.#hearAgain(entry, told, source, now))) return "known"
    return this.#table.add(AddressEntry.make({ address, services, source, seenAt, now }), now) ? "added" : "noRoom"
  }

  /** The user knows better: an address that did badly gets another chance, and stays. */
  #hearAgain(
    entry: AddressEntry.AddressEntry,
    told: Told,
    source: AddressSource.AddressSource,
    now: number
  ): AddressEntry.AddressEntry {
    const { seenAt, services } = told
    const heard = AddressEntry.heard(entry, { services, seenAt, now })
    return source._tag === "User" ? { ...AddressEntry.punish(heard, -AddressEntry.maxPoints, now), source } : heard
  }

  #handOut(entry: AddressEntry.AddressEntry, now: number): AddressEntry.AddressEntry {
    const dialling = AddressEntry.dialling(entry, now)
    this.#table.update(entry.address, () => dialling)
    return dialling
  }

  #restore(entry: AddressEntry.AddressEntry, now: number): void {
    if (AddressReach.isDialable(entry.address) && this.#table.get(entry.address) === undefined) {
      this.#table.add(entry, now)
    }
  }

  #rateOf(peer: NetAddress.InetAddress, now: number): AddressRate.AddressRate {
    return this.#rates.get(rateKey(peer)) ?? AddressRate.make(now)
  }

  #setRate(peer: NetAddress.InetAddress, rate: AddressRate.AddressRate): void {
    const key = rateKey(peer)
    this.#rates.delete(key)
    if (this.#rates.size >= maxRates) this.#rates.delete(this.#rates.keys().next().value ?? "")
    this.#rates.set(key, rate)
  }
}

/** A peer that comes back from another port is the same one. */
const rateKey = (peer: NetAddress.InetAddress): string => PeerGroup.key(PeerGroup.fromAddress(peer))
