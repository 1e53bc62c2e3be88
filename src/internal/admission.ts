/**
 * Who may still be served by a listener: counts in all and per address, and the rates of new connections.
 *
 * A listener keeps its own counts, or shares those of other threads that serve on the same address.
 */
import type * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import * as AcceptRate from "../domain/AcceptRate.ts"
import type * as DisconnectReason from "../services/DisconnectReason.ts"
import * as FairRate from "./fairRate.ts"
import * as Places from "./places.ts"

/** @internal */
export type Limits = Places.Limits

/** Why a newcomer is turned away. @internal */
export type Refusal = Extract<
  DisconnectReason.TurnedAway["problem"],
  "TooManyConnections" | "TooManyFromAddress" | "TooManyNewcomers"
>

/** What one that was counted in has. It must leave. @internal */
export interface Place {
  /** Whether somebody else has to go before this place is one: to be settled once its owner was vetted. */
  readonly isOpen: boolean
  /** Makes room. `false`: there is none to be made. */
  readonly settle: Effect.Effect<boolean>
  /** Says that the owner was of use lately. */
  readonly noteUse: () => void
  /** Says that the owner has logged in and is to stay. */
  readonly keep: () => void
  readonly leave: () => void
}

/** @internal */
export interface Admission {
  /** Counts a newcomer in, unless there are too many. `onEvicted` says that the place is another's now. */
  readonly enter: (address: NetAddress.SocketAddress, onEvicted: () => void) => Effect.Effect<Place | Refusal>
  /** Whether the address has not connected too often of late. If so, this connection counts for the next. */
  readonly mayComeNow: (address: NetAddress.SocketAddress) => Effect.Effect<boolean>
}

/** Addresses whose connections are remembered for the rate limit, at most; the longest known are forgotten first. */
const maxHistories = 100_000

/** With each address that is remembered so many are looked at that may be forgotten. */
const forgottenAtOnce = 2

/** The counts of one listener. @internal */
export class Counts {
  readonly places: Places.Places
  readonly #limits: Limits
  readonly #newcomers: FairRate.FairRate
  /** In the order of their last connection. */
  readonly #histories = new Map<string, AcceptRate.History>()

  constructor(limits: Limits) {
    this.#limits = limits
    this.#newcomers = new FairRate.FairRate(limits.maxNewPerSecond)
    this.places = new Places.Places(limits)
  }

  enter(address: NetAddress.SocketAddress, now: number, onEvicted: () => void): Places.Place | Refusal {
    const isCounted = this.#limits.limitRate && !Places.isLocal(address)
    if (isCounted && !this.#newcomers.take(Places.networkOf(address), now)) return "TooManyNewcomers"
    return this.places.enter(address, now, onEvicted)
  }

  mayComeNow(address: NetAddress.SocketAddress, now: number): boolean {
    if (!this.#limits.limitRate || Places.isLocal(address)) return true
    const key = Places.addressOf(address)
    const history = AcceptRate.prune(this.#histories.get(key) ?? AcceptRate.empty, now)
    if (!AcceptRate.allows(history, now)) return false
    // Deleting first keeps the map in the order of the last connection, so that the first entry is the oldest.
    this.#histories.delete(key)
    this.#histories.set(key, AcceptRate.accepted(history, now))
    this.#forget(now)
    return true
  }

  /** How many addresses are remembered. */
  get remembered(): number {
    return this.#histories.size
  }

  #forget(now: number): void {
    let left = forgottenAtOnce
    for (const [oldest, history] of this.#histories) {
      const isOver = now - history.at(-1)! >= AcceptRate.memory || this.#histories.size > maxHistories
      if (!isOver || left === 0) return
      left -= 1
      this.#histories.delete(oldest)
    }
  }
}

/** Makes the admission of a listener that serves on an address. @internal */
export type MakeAdmission = (listener: NetAddress.SocketAddress, limits: Limits) => Admission

class LocalPlace implements Place {
  readonly #place: Places.Place
  readonly #places: Places.Places
  readonly #clock: Clock.Clock

  constructor(place: Places.Place, places: Places.Places, clock: Clock.Clock) {
    this.#place = place
    this.#places = places
    this.#clock = clock
  }

  get isOpen(): boolean {
    return this.#place.state === "Vetted first"
  }

  get settle(): Effect.Effect<boolean> {
    return Effect.sync(() => this.#places.settle(this.#place, this.#clock.currentTimeMillisUnsafe()))
  }

  noteUse(): void {
    this.#place.lastUseful = this.#clock.currentTimeMillisUnsafe()
  }

  keep(): void {
    this.#places.keep(this.#place)
  }

  leave(): void {
    this.#places.leave(this.#place)
  }
}

const makeLocal: MakeAdmission = (_listener, limits) => {
  const counts = new Counts(limits)
  return {
    enter: (address, onEvicted) =>
      Effect.clockWith((clock) =>
        Effect.sync(() => {
          const entered = counts.enter(address, clock.currentTimeMillisUnsafe(), onEvicted)
          return typeof entered === "string" ? entered : new LocalPlace(entered, counts.places, clock)
        })
      ),
    mayComeNow: (address) =>
      Effect.clockWith((clock) => Effect.succeed(counts.mayComeNow(address, clock.currentTimeMillisUnsafe())))
  }
}

/** How listeners count. Threads that serve together share one count. @internal */
export const Admissions: Context.Reference<MakeAdmission> = Context.Reference<MakeAdmission>(
  "effect-flowee/internal/Admissions",
  { defaultValue: () => makeLocal }
)

/** The first of the connection ids that a manager gives out; threads that serve together have ranges of their own. @internal */
export const FirstConnectionId: Context.Reference<number> = Context.Reference<number>(
  "effect-flowee/internal/FirstConnectionId",
  { defaultValue: () => 1 }
)
