/**
 * The addresses where peers may be: what is known of each, which one to dial next, and whom to believe about new ones.
 *
 * **Details**
 *
 * - Addresses come from the user (`add`), from peers (`addFrom`) and from DNS seeds, which are asked when there are too
 *   few that can be used.
 * - What peers tell is limited thrice: each peer may tell only so many (`AddressRate`), only addresses of the public net
 *   count (`AddressReach`), and one that lies gets no more than its share of the book (`AddressTable`).
 * - `choose` hands out the best of some that are drawn at random (`AddressChoice`). What comes of it is told by
 *   `connected`, `failed`, `goodHeaders` and `punish`, and decides how soon the address is chosen again
 *   (`AddressEntry`).
 * - What is known is saved some time after it has changed, and when the book closes. A save that fails is logged, and
 *   tried again with the next one.
 *
 * Chance comes from `Random`, so a seed makes a run repeatable; the secret key of the table comes from `SecureRandom` and
 * is kept in the store.
 *
 * **Gotchas**
 *
 * Bans are not its business, and what a peer is banned for costs its address nothing by itself: see `BanList`, and call
 * `punish` besides.
 *
 * **Example** (A peer to dial)
 *
 * ```ts
 * import { Effect, Option } from "effect"
 * import { NetAddress } from "effect/net"
 * import { PeerAddressBook } from "effect-flowee"
 *
 * const program = Effect.gen(function*() {
 *   const book = yield* PeerAddressBook.PeerAddressBook
 *   yield* book.add([NetAddress.inetAddressFromStringUnsafe("192.0.2.1:8333")])
 *   const entry = yield* book.choose({ services: 5n })
 *   return Option.map(entry, ({ address }) => NetAddress.formatInet(address))
 * }).pipe(Effect.scoped) // the address is free again
 * ```
 *
 * Source: peer-to-peer component, "Address book".
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as OptionRules from "../../domain/internal/optionRules.ts"
import type * as Network from "../../domain/Network.ts"
import type * as AddressChoice from "../../domain/p2p/AddressChoice.ts"
import * as AddressEntry from "../../domain/p2p/AddressEntry.ts"
import * as AddressTable from "../../domain/p2p/AddressTable.ts"
import * as P2PMessage from "../../domain/p2p/P2PMessage.ts"
import type * as PeerAddress from "../../domain/p2p/PeerAddress.ts"
import * as Book from "../../internal/p2p/addressBook.ts"
import * as Saving from "../../internal/p2p/addressSaving.ts"
import * as Seeding from "../../internal/p2p/addressSeeding.ts"
import type * as DisconnectReason from "../DisconnectReason.ts"
import * as Hash256 from "../Hash256.ts"
import type * as NetworkConfig from "../NetworkConfig.ts"
import type * as Transport from "../Transport.ts"
import * as DnsSeeds from "./DnsSeeds.ts"
import * as PeerAddressStore from "./PeerAddressStore.ts"
import type * as PeerError from "./PeerError.ts"

/**
 * What became of addresses that were told, each counted once.
 *
 * @category models
 * @since 0.1.0
 */
export interface Intake {
  /** They are new, and in the book. */
  readonly added: number
  /** They were there already. */
  readonly known: number
  /** They were not taken. */
  readonly dropped: {
    /** The peer told more than it may. */
    readonly rateLimited: number
    /** Nobody can dial them, or a stranger cannot know them. */
    readonly notReachable: number
    /** They are ours. */
    readonly ownAddress: number
    /** Their cell of the table is full of better ones. */
    readonly noRoom: number
  }
}

/**
 * What an address is wanted for: see `AddressChoice.Wanted`.
 *
 * @category models
 * @since 0.1.0
 */
export type Wanted = AddressChoice.Wanted

/**
 * Why an attempt failed, or a connection or peer ended.
 *
 * @category models
 * @since 0.1.0
 */
export type Ending = DisconnectReason.DisconnectReason | PeerError.PeerError["reason"]

/**
 * The addresses of peers.
 *
 * @category services
 * @since 0.1.0
 */
export class PeerAddressBook extends Context.Service<PeerAddressBook, {
  /**
   * Adds addresses for the user. They are believed: addresses of private networks count, and they never make room for
   * others. One that is known loses its points. `services` is what they are taken to offer until there was a
   * connection; default: the `assumedServices` of the book.
   */
  readonly add: (
    addresses: Iterable<NetAddress.InetAddress>,
    options?: { readonly services?: bigint | undefined }
  ) => Effect.Effect<Intake>
  /** Takes in what a peer tells in an `addr`, as far as it may tell and as far as it can be true. */
  readonly addFrom: (
    peer: NetAddress.InetAddress,
    addresses: ReadonlyArray<PeerAddress.TimedPeerAddress>
  ) => Effect.Effect<Intake>
  /** Notes that a peer was sent a `getaddr`, so that its answer may be long. */
  readonly askedForAddresses: (peer: NetAddress.InetAddress) => Effect.Effect<void>
  /**
   * Hands out the address to dial next. It is in use until the scope is closed, and nobody else gets it. `None`: there
   * is none, and the seeds know none either; whoever finds too few waits for them, but asks them only so often.
   */
  readonly choose: (
    wanted?: Wanted
  ) => Effect.Effect<Option.Option<AddressEntry.AddressEntry>, never, Scope.Scope>
  /** Hands out one address of the book, whatever its points, until the scope is closed. `None`: not there, or in use. */
  readonly claim: (
    address: NetAddress.InetAddress
  ) => Effect.Effect<Option.Option<AddressEntry.AddressEntry>, never, Scope.Scope>
  /** A peer is connected, and says which services it offers. `false`: it is not in the book. */
  readonly connected: (address: NetAddress.InetAddress, services: bigint) => Effect.Effect<boolean>
  /** An attempt failed, or a connection ended. What this side ended costs nothing. */
  readonly failed: (address: NetAddress.InetAddress, reason: Ending) => Effect.Effect<boolean>
  /** A peer sent headers that fit. */
  readonly goodHeaders: (address: NetAddress.InetAddress) => Effect.Effect<boolean>
  /** Gives points; negative ones forgive. With 1000 or more an address is not chosen. */
  readonly punish: (address: NetAddress.InetAddress, points: number) => Effect.Effect<boolean>
  /**
   * Gives an address to a wallet, a number from 0 to 2^32-1, or with `undefined` to none. `false`: it is not in the
   * book, or serves another wallet. Another number is a defect.
   */
  readonly assign: (address: NetAddress.InetAddress, segment: number | undefined) => Effect.Effect<boolean>
  /** An address turned out to be ours. It is removed, and not taken again as long as the book is open. */
  readonly addOwn: (address: NetAddress.InetAddress) => Effect.Effect<void>
  /** Removes an address. `false`: it was not there, or is in use. */
  readonly remove: (address: NetAddress.InetAddress) => Effect.Effect<boolean>
  /** What is known of an address. */
  readonly get: (address: NetAddress.InetAddress) => Effect.Effect<Option.Option<AddressEntry.AddressEntry>>
  /** All that is known. */
  readonly entries: Effect.Effect<ReadonlyArray<AddressEntry.AddressEntry>>
  /**
   * Addresses to tell a peer that asks for some: random ones, at most 23% of all and at most 1000. Those that the user
   * added are not among them, and their times are whole days. Default: as many as there may be.
   */
  readonly sample: (most?: number) => Effect.Effect<ReadonlyArray<PeerAddress.TimedPeerAddress>>
  /** How many addresses there are. */
  readonly size: Effect.Effect<number>
  /** Saves now what has changed. */
  readonly save: Effect.Effect<void, PeerAddressStore.PeerAddressStoreError>
}>()("effect-flowee/PeerAddressBook") {}

/**
 * Options of an address book.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly network: Network.Network
  /** The most addresses: 256 to 1,000,000. The table rounds it down a little. Default: 20,000, which take 12 MB. */
  readonly capacity?: number | undefined
  /** Whether strangers may tell of addresses that are not public. Default: `true` on regtest only. */
  readonly allowLocal?: boolean | undefined
  /** Our own addresses, which are not to be dialled. Default: none. */
  readonly own?: Iterable<NetAddress.InetAddress> | undefined
  /** What addresses of the user and of seeds are taken to offer. Default: 5, the whole chain and bloom filters. */
  readonly assumedServices?: bigint | undefined
  /** With fewer addresses that can be used, the seeds are asked: 0 to 1,000,000. Default: 100. */
  readonly enough?: number | undefined
  /** How often the seeds are asked at most: 1 s to 24 days. Default: 10 minutes. */
  readonly seedInterval?: Duration.Input | undefined
  /** How long after a change everything is saved: 1 ms to 24 days. Default: 5 minutes. */
  readonly saveAfter?: Duration.Input | undefined
}

const rules = {
  capacity: OptionRules.count(20_000, 256, 1_000_000),
  enough: OptionRules.count(100, 0, 1_000_000),
  seedInterval: OptionRules.time("10 minutes", 1000, OptionRules.longestTimer),
  saveAfter: OptionRules.time("5 minutes", 1, OptionRules.longestTimer)
}

/** The whole chain, and bloom filters (BIP 111). */
const usualServices = 5n

/**
 * Which failure of an address a reason stands for; `undefined` for what is not its fault.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toFailure = (reason: Ending): AddressEntry.Failure | undefined => {
  switch (reason._tag) {
    case "Disconnected":
    case "ConnectionClosed":
      return toFailure(reason.reason)
    case "ClosedHere":
    case "Dismissed":
    case "Evicted":
    case "LaneFull":
    case "SelfConnection":
    case "SendRefusal":
    case "TooMuchMemory":
    case "TurnedAway":
    case "UnsendableMessage":
    case "VerificationFailed":
      return undefined
    // It will not be any better before the ban is over.
    case "PeerBanned":
      return "Unreachable"
    case "TransportError":
      return transportFailures[reason.problem]
    default:
      return "Other"
  }
}

const transportFailures: { readonly [problem in typeof Transport.Problem.Type]: AddressEntry.Failure } = {
  Unreachable: "Unreachable",
  NameNotFound: "UnknownHost",
  Refused: "Cut",
  Reset: "Cut",
  Closed: "Cut",
  TimedOut: "Other",
  AddressInUse: "Other",
  AccessDenied: "Other",
  TlsFailed: "Other",
  Other: "Other"
}

const isSegment = (segment: number | undefined): boolean =>
  segment === undefined || (Number.isInteger(segment) && segment >= 0 && segment <= 0xffff_ffff)

/** What was saved, or an empty book with a key of its own. */
const loadSnapshot = Effect.gen(function*() {
  const store = yield* PeerAddressStore.PeerAddressStore
  const saved = yield* store.load
  if (Option.isSome(saved)) return saved.value
  const random = yield* SecureRandom.SecureRandom
  return { key: yield* random.randomBytes(AddressTable.keySize), entries: [] }
})

/**
 * Makes an address book over the store. It saves a last time when the scope closes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (options: Options) => Effect.Effect<
  PeerAddressBook["Service"],
  NetworkConfig.BadOption | PeerAddressStore.PeerAddressStoreError,
  | PeerAddressStore.PeerAddressStore
  | DnsSeeds.DnsSeeds
  | SecureRandom.SecureRandom
  | Hash256.Hash256
  | Scope.Scope
> = Effect.fnUntraced(function*(options: Options) {
  const settings = yield* Effect.fromResult(OptionRules.resolve(rules, options))
  const { hash256 } = yield* Hash256.Hash256
  const store = yield* PeerAddressStore.PeerAddressStore
  const book = new Book.AddressBook({
    network: options.network,
    capacity: settings.capacity,
    allowLocal: options.allowLocal ?? options.network.name === "regtest",
    snapshot: yield* loadSnapshot,
    hash256,
    now: yield* Clock.currentTimeMillis
  })
  for (const address of options.own ?? []) book.addOwn(address)
  const assumedServices = BigInt.asUintN(64, options.assumedServices ?? usualServices)

  const saving = yield* Saving.make({
    save: Effect.flatMap(Clock.currentTimeMillis, (now) => store.save(book.snapshot(now))),
    after: settings.saveAfter
  })

  const change = <A>(f: (now: number, next: () => number) => A): Effect.Effect<A> =>
    Effect.zipWith(Clock.currentTimeMillis, Random.Random, (now, random) => {
      const result = f(now, () => random.nextDoubleUnsafe())
      saving.changed()
      return result
    })

  const changeEntry = (
    address: NetAddress.InetAddress,
    f: (entry: AddressEntry.AddressEntry, now: number) => AddressEntry.AddressEntry
  ) => change((now) => book.update(address, (entry) => f(entry, now)))

  const seeding = yield* Seeding.make({
    ask: Effect.flatMap((yield* DnsSeeds.DnsSeeds).ask, (answers) =>
      change((now) => {
        for (const { addresses, seed } of answers) book.addFromSeed(seed, addresses, assumedServices, now)
      })),
    interval: settings.seedInterval
  })

  const release = (address: NetAddress.InetAddress) => changeEntry(address, AddressEntry.released)

  /** Nothing may come between handing an address out and seeing to it that it is given back. */
  const lend = (
    take: (now: number, next: () => number) => AddressEntry.AddressEntry | undefined
  ): Effect.Effect<Option.Option<AddressEntry.AddressEntry>, never, Scope.Scope> =>
    Effect.uninterruptible(Effect.gen(function*() {
      const entry = yield* change(take)
      if (entry === undefined) return Option.none()
      yield* Effect.addFinalizer(() => release(entry.address))
      return Option.some(entry)
    }))

  const choose = Effect.fnUntraced(function*(wanted: Wanted = {}) {
    const now = yield* Clock.currentTimeMillis
    const isLow = !book.hasUsable(settings.enough, wanted.services ?? 0n, now)
    if (isLow) yield* seeding.start
    const chosen = yield* lend((now, next) => book.choose(wanted, now, next))
    if (Option.isSome(chosen) || !isLow) return chosen
    yield* seeding.wait
    return yield* lend((now, next) => book.choose(wanted, now, next))
  })

  return PeerAddressBook.of({
    add: (addresses, { services } = {}) =>
      change((now) => book.addByUser(addresses, BigInt.asUintN(64, services ?? assumedServices), now)),
    addFrom: (peer, addresses) => change((now, next) => book.addFromPeer(peer, addresses, now, next)),
    askedForAddresses: (peer) => change((now) => book.asked(peer, now)),
    choose,
    claim: (address) => lend((now) => book.claim(address, now)),
    connected: (address, services) =>
      changeEntry(address, (entry, now) => AddressEntry.connected(entry, BigInt.asUintN(64, services), now)),
    failed: (address, reason) => {
      const failure = toFailure(reason)
      return changeEntry(
        address,
        (entry, now) => failure === undefined ? entry : AddressEntry.failed(entry, failure, now)
      )
    },
    goodHeaders: (address) => changeEntry(address, AddressEntry.goodHeaders),
    punish: (address, points) => changeEntry(address, (entry, now) => AddressEntry.punish(entry, points, now)),
    assign: (address, segment) => {
      if (!isSegment(segment)) return Effect.die(new Error(`${segment} is no wallet: use a number from 0 to 2^32-1`))
      return change(() => book.assign(address, segment))
    },
    addOwn: (address) => change(() => book.addOwn(address)),
    remove: (address) => change(() => book.remove(address)),
    get: (address) => Effect.sync(() => Option.fromUndefinedOr(book.get(address))),
    entries: Effect.sync(() => book.entries()),
    sample: (most = P2PMessage.maxAddresses) =>
      Effect.zipWith(
        Clock.currentTimeMillis,
        Random.Random,
        (now, random) => book.sample(Math.min(most, P2PMessage.maxAddresses), now, () => random.nextDoubleUnsafe())
      ),
    size: Effect.sync(() => book.size),
    save: saving.flush
  })
})

/**
 * Provides an address book over the store and the seeds in the context.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options
): Layer.Layer<
  PeerAddressBook,
  NetworkConfig.BadOption | PeerAddressStore.PeerAddressStoreError,
  PeerAddressStore.PeerAddressStore | DnsSeeds.DnsSeeds | SecureRandom.SecureRandom | Hash256.Hash256
> => Layer.effect(PeerAddressBook, make(options))
