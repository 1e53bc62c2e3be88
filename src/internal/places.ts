/**
 * The places of one listener: who has them, and who has to give one up for a newcomer.
 */
import * as NetAddress from "effect/net/NetAddress"
import * as Eviction from "../domain/Eviction.ts"
import * as AddressGroup from "../domain/p2p/AddressGroup.ts"
import * as PeerGroup from "../domain/PeerGroup.ts"

/** @internal */
export interface Limits {
  readonly maxConnections: number
  readonly maxConnectionsPerAddress: number
  readonly maxNewPerSecond: number
  readonly limitRate: boolean
  readonly evict: boolean
  /** Differs from server to server, so that nobody knows which networks are protected. */
  readonly salt: number
}

/** What becomes of a place: one that has none yet is vetted first, and whoever was evicted may need time to go. */
type PlaceState = "Vetted first" | "Held" | "Kept" | "Evicted" | "Left"

/** A name that many places share. */
interface Name {
  readonly key: string
  count: number
}

/** @internal */
export class Place implements Eviction.Candidate {
  state: PlaceState
  lastUseful: number | undefined = undefined
  readonly latency = undefined
  readonly id: number
  readonly since: number
  readonly isLocal: boolean
  readonly name: Name
  readonly wide: Name
  readonly onEvicted: () => void

  constructor(fields: Pick<Place, "id" | "since" | "isLocal" | "name" | "wide" | "onEvicted" | "state">) {
    this.id = fields.id
    this.since = fields.since
    this.isLocal = fields.isLocal
    this.name = fields.name
    this.wide = fields.wide
    this.onEvicted = fields.onEvicted
    this.state = fields.state
  }

  get group(): string {
    return this.wide.key
  }

  get address(): string {
    return this.name.key
  }
}

/** As many are compared, at most, or newcomers by the hundred would take a large server's time. */
const maxCompared = 256

/** For so long the same are compared of a large server. */
const sampleMillis = 100

/** Of so many places one may be in between: vetted while there is no room, or evicted and not gone yet. */
const placesPerExtra = 8

/** The loopback addresses and Unix sockets are exempt from what is meant for strangers. @internal */
export const isLocal = (address: NetAddress.SocketAddress): boolean =>
  NetAddress.isUnixPathAddress(address) || NetAddress.isLoopback(NetAddress.toCanonical(address).address)

/** The network that one operator is likely to have. @internal */
export const networkOf = (address: NetAddress.SocketAddress): string =>
  NetAddress.isUnixPathAddress(address) ? "local" : AddressGroup.fromAddress(address)

/** The name of what counts as one address. @internal */
export const addressOf = (address: NetAddress.SocketAddress): string => PeerGroup.key(PeerGroup.fromAddress(address))

const mayGo = ({ isLocal, state }: Place): boolean => state === "Held" && !isLocal

class Names {
  readonly #names = new Map<string, Name>()

  add(key: string): Name {
    const name = this.#names.get(key) ?? { key, count: 0 }
    name.count += 1
    this.#names.set(key, name)
    return name
  }

  remove(name: Name): void {
    name.count -= 1
    if (name.count === 0) this.#names.delete(name.key)
  }

  count(key: string): number {
    return this.#names.get(key)?.count ?? 0
  }
}

/** @internal */
export class Places {
  readonly #limits: Limits
  /** Those that are counted, in the order in which they came. */
  readonly #held = new Set<Place>()
  readonly #addresses = new Names()
  readonly #networks = new Names()
  #extra = 0
  #lastId = 0
  #sampled: ReadonlyArray<Place> = []
  #sampledAt = Number.NEGATIVE_INFINITY
  #samples = 0

  constructor(limits: Limits) {
    this.#limits = limits
  }

  /** Gives a place to a newcomer; where there is none, one to be vetted on, if somebody would have to go for it. */
  enter(
    address: NetAddress.SocketAddress,
    now: number,
    onEvicted: () => void
  ): Place | "TooManyConnections" | "TooManyFromAddress" {
    const key = addressOf(address)
    const group = networkOf(address)
    const local = isLocal(address)
    const isFull = this.#held.size >= this.#limits.maxConnections
    if (isFull && !this.#mayHope({ group, address: key, now })) return "TooManyConnections"
    if (!local && this.#addresses.count(key) >= this.#limits.maxConnectionsPerAddress) return "TooManyFromAddress"
    const place = new Place({
      id: ++this.#lastId,
      since: now,
      isLocal: local,
      name: this.#addresses.add(key),
      wide: this.#networks.add(group),
      onEvicted,
      state: isFull ? "Vetted first" : "Held"
    })
    if (isFull) this.#extra += 1
    else this.#held.add(place)
    return place
  }

  /** Whether one that was vetted first has a place now. Somebody else may have lost it. */
  settle(place: Place, now: number): boolean {
    if (place.state !== "Vetted first") return place.state === "Held"
    if (this.#held.size >= this.#limits.maxConnections) {
      const victim = this.#victimOf({ group: place.group, address: place.address, now })
      if (victim === undefined) return false
      this.#held.delete(victim)
      victim.state = "Evicted"
      this.#extra += 1
      victim.onEvicted()
    }
    this.#extra -= 1
    this.#held.add(place)
    place.state = "Held"
    return true
  }

  /** Who has logged in never has to go for a newcomer. */
  keep(place: Place): void {
    if (place.state === "Held") place.state = "Kept"
  }

  leave(place: Place): void {
    if (place.state === "Left") return
    if (place.state === "Vetted first" || place.state === "Evicted") this.#extra -= 1
    place.state = "Left"
    this.#held.delete(place)
    this.#addresses.remove(place.name)
    this.#networks.remove(place.wide)
  }

  #mayHope(newcomer: Eviction.Newcomer): boolean {
    const { evict, maxConnections } = this.#limits
    if (!evict || this.#extra >= Math.ceil(maxConnections / placesPerExtra)) return false
    return this.#victimOf(newcomer) !== undefined
  }

  #victimOf(newcomer: Eviction.Newcomer): Place | undefined {
    return Eviction.makeRoom(this.#sample(newcomer.now), newcomer, { rank: this.#rank })
  }

  #sample(now: number): ReadonlyArray<Place> {
    const isLarge = this.#held.size > maxCompared
    if (!isLarge || now - this.#sampledAt >= sampleMillis || now < this.#sampledAt) {
      this.#sampled = this.#takeSample()
      this.#sampledAt = now
    }
    return this.#sampled.filter(mayGo)
  }

  /** Every so many of all that there are, in the order in which they came; the next time others. */
  #takeSample(): ReadonlyArray<Place> {
    const step = Math.max(1, Math.ceil(this.#held.size / maxCompared))
    const sample: Array<Place> = []
    let at = this.#samples++
    for (const place of this.#held) if (at++ % step === 0) sample.push(place)
    return sample
  }

  readonly #rank = (group: string): number => {
    let rank = this.#limits.salt | 0
    for (let i = 0; i < group.length; i++) rank = Math.imul(rank ^ group.charCodeAt(i), 0x0100_0193)
    return rank
  }
}
