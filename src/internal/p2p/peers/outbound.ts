/**
 * Keeps as many peers as are wanted: dials addresses of the book while some are missing, and dismisses what nobody wants.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import type * as Latch from "effect/Latch"
import type * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as EndPoint from "../../../domain/EndPoint.ts"
import * as AddressEntry from "../../../domain/p2p/AddressEntry.ts"
import type * as AddressGroup from "../../../domain/p2p/AddressGroup.ts"
import * as PeerDemand from "../../../domain/p2p/PeerDemand.ts"
import type * as PeerAddressBook from "../../../services/p2p/PeerAddressBook.ts"
import * as PeerError from "../../../services/p2p/PeerError.ts"
import type * as Dial from "./dial.ts"
import * as Roster from "./roster.ts"

/** Attempts at one time. */
const maxDialling = 8

/** Between two attempts: a book full of addresses where nobody is must not keep this machine busy. */
const pause = "100 millis"

/** An address is tried once in so many milliseconds: who is not there will not be there at once. */
const againAfter = 60_000

/** How often it is looked whether the book has somebody new, and whether peers are spare. */
const interval = "10 seconds"

/** How long peers are spare before they are dismissed, in milliseconds: who closes one wallet may open another. */
const spareFor = 60_000

const spare = new PeerError.Dismissed({ because: "more peers are there than are wanted" })

const better = new PeerError.Dismissed({ because: "a peer that offers more is wanted in its place" })

/** @internal */
export interface Options {
  readonly roster: Roster.Roster
  readonly book: PeerAddressBook.PeerAddressBook["Service"]
  readonly dial: Dial.Dial
  readonly demands: ReadonlySet<PeerDemand.Demand>
  /** Peers dialled from the book at one time, whatever is wanted. */
  readonly maxOutbound: number
  /** Opens when there is something to look at. */
  readonly changed: Latch.Latch
}

/** An attempt that is under way counts as the peer that was wanted. */
interface Attempt extends PeerDemand.Supply {
  readonly address: NetAddress.InetAddress
}

interface Supplier extends PeerDemand.Supply {
  readonly member: Roster.Member
}

const toSupplier = (member: Roster.Member): Supplier => ({
  services: member.peer.version.services,
  since: member.peer.since,
  member
})

class Outbound {
  readonly #options: Options
  readonly #fibers: FiberSet.FiberSet<unknown, unknown>
  readonly #attempts = new Set<Attempt>()
  /** When addresses were tried, the longest ago first. */
  readonly #tried = new Map<string, number>()
  #spareSince: number | undefined = undefined

  constructor(options: Options, fibers: FiberSet.FiberSet<unknown, unknown>) {
    this.#options = options
    this.#fibers = fibers
  }

  /** One look at what there is, and what follows from it. `true` when it is worth another look soon. */
  readonly look: Effect.Effect<boolean> = Effect.suspend(() => {
    const { maxOutbound, roster } = this.#options
    const demands = [...this.#options.demands]
    const suppliers = roster.of("book").map(toSupplier)
    const { missing } = PeerDemand.balance<PeerDemand.Supply>(demands, [...suppliers, ...this.#attempts])
    if (missing === undefined) {
      return Effect.as(this.#dismissSpare(PeerDemand.balance(demands, suppliers).spare), false)
    }
    this.#spareSince = undefined
    if (this.#attempts.size >= maxDialling) return Effect.succeed(false)
    if (suppliers.length + this.#attempts.size < maxOutbound) return this.#dial(missing)
    return this.#dismiss(PeerDemand.balance(demands, suppliers).spare.slice(0, 1), better)
  })

  /** Those who are needed elsewhere stay. `true` when somebody went. */
  #dismiss(suppliers: ReadonlyArray<Supplier>, reason: PeerError.Dismissed): Effect.Effect<boolean> {
    const free = suppliers.filter(({ member }) => !Roster.isHeld(member))
    return Effect.as(Effect.forEach(free, ({ member }) => member.peer.end(reason), { discard: true }), free.length > 0)
  }

  #dismissSpare(suppliers: ReadonlyArray<Supplier>): Effect.Effect<unknown> {
    return Effect.flatMap(Clock.currentTimeMillis, (now) => {
      if (suppliers.length === 0) {
        this.#spareSince = undefined
        return Effect.void
      }
      this.#spareSince ??= now
      return now - this.#spareSince >= spareFor ? this.#dismiss(suppliers, spare) : Effect.void
    })
  }

  #groups(): ReadonlySet<AddressGroup.AddressGroup> {
    const addresses = [
      ...this.#options.roster.of("book").map(({ peer }) => peer.address),
      ...Array.from(this.#attempts, ({ address }) => address)
    ]
    return new Set(addresses.flatMap((address) => Roster.groupOf(address) ?? []))
  }

  /** Starts an attempt. `false` when the book has nobody who will do. */
  #dial(services: bigint): Effect.Effect<boolean> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.gen({ self: this }, function*() {
        const scope = yield* Scope.make()
        const now = yield* Clock.currentTimeMillis
        this.#forgetTried(now)
        const chosen = yield* restore(this.#options.book.choose({
          services,
          exceptGroups: this.#groups(),
          where: ({ address }) => !this.#tried.has(AddressEntry.key(address))
        })).pipe(
          Scope.provide(scope),
          Effect.onError(() => Scope.close(scope, Exit.void))
        )
        if (Option.isNone(chosen)) {
          yield* Scope.close(scope, Exit.void)
          return false
        }
        const attempt: Attempt = { address: chosen.value.address, services, since: Infinity }
        this.#attempts.add(attempt)
        this.#tried.set(AddressEntry.key(attempt.address), now)
        const run = Effect.ensuring(this.#try(attempt), Scope.close(scope, Exit.void))
        yield* FiberSet.run(this.#fibers, Effect.interruptible(run))
        return true
      })
    )
  }

  #forgetTried(now: number): void {
    for (const [key, at] of this.#tried) {
      if (now - at < againAfter) return
      this.#tried.delete(key)
    }
  }

  /** One peer of the book, from the attempt to its end, and what the book learns from it. */
  #try(attempt: Attempt): Effect.Effect<void> {
    const { book, changed, dial } = this.#options
    const { address, services } = attempt
    const settled = Effect.sync(() => {
      this.#attempts.delete(attempt)
      changed.openUnsafe()
    })
    return dial({
      endPoint: Result.getOrThrow(EndPoint.fromInput(address)),
      origin: "book",
      services,
      onJoined: (peer) => Effect.andThen(book.connected(address, peer.version.services), settled)
    }).pipe(
      Effect.matchEffect({
        onSuccess: (reason) => this.#learn(address, reason),
        onFailure: (error) => error._tag === "PeerError" ? this.#learn(address, error.reason) : Effect.void
      }),
      Effect.ensuring(settled)
    )
  }

  #learn(address: NetAddress.InetAddress, reason: PeerError.PeerError["reason"]): Effect.Effect<unknown> {
    const { book } = this.#options
    switch (reason._tag) {
      case "SelfConnection":
        return book.addOwn(address)
      case "Misbehaved":
      case "Stalled":
        return book.punish(address, reason.points)
      default:
        return book.failed(address, reason)
    }
  }
}

/**
 * Keeps the wanted peers for as long as it runs.
 *
 * @internal
 */
export const run = Effect.fnUntraced(function*(options: Options): Effect.fn.Return<never, never, Scope.Scope> {
  const { changed } = options
  const outbound = new Outbound(options, yield* FiberSet.make<unknown, unknown>())
  while (true) {
    changed.closeUnsafe()
    if (yield* outbound.look) yield* Effect.sleep(pause)
    else yield* Effect.timeoutOption(changed.await, interval)
  }
})
