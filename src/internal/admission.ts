/**
 * Who may still be served by a listener: counts in all and per address, and the rate of new connections.
 *
 * A listener keeps its own counts, or shares those of other threads that serve on the same address.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as AcceptRate from "../domain/AcceptRate.ts"
import * as PeerGroup from "../domain/PeerGroup.ts"
import type * as DisconnectReason from "../services/DisconnectReason.ts"

/** @internal */
export interface Limits {
  readonly maxConnections: number
  readonly maxConnectionsPerAddress: number
  readonly limitRate: boolean
}

/** Why a newcomer is turned away, if it is. @internal */
export type Refusal =
  | Extract<DisconnectReason.TurnedAway["problem"], "TooManyConnections" | "TooManyFromAddress">
  | undefined

/** @internal */
export interface Admission {
  /** Counts a newcomer in, unless there are too many. Who was counted in must leave. */
  readonly enter: (address: NetAddress.SocketAddress) => Effect.Effect<Refusal>
  /** Whether the address has not connected too often of late. If so, this connection counts for the next. */
  readonly mayComeNow: (address: NetAddress.SocketAddress) => Effect.Effect<boolean>
  /** Ends the counting of one that was counted in. */
  readonly leave: (address: NetAddress.SocketAddress) => void
}

/** Addresses whose connections are remembered for the rate limit, at most; the longest known are forgotten first. */
const maxHistories = 100_000

/** The loopback addresses and Unix sockets are exempt from what is meant for strangers. */
const isLocal = (address: NetAddress.SocketAddress): boolean =>
  NetAddress.isUnixPathAddress(address) || NetAddress.isLoopback(NetAddress.toCanonical(address).address)

/** The counts of one listener. @internal */
export class Counts {
  readonly #limits: Limits
  readonly #histories = new Map<string, AcceptRate.History>()
  readonly #byGroup = new Map<string, number>()
  #count = 0

  constructor(limits: Limits) {
    this.#limits = limits
  }

  enter(address: NetAddress.SocketAddress): Refusal {
    const group = PeerGroup.key(PeerGroup.fromAddress(address))
    const { maxConnections, maxConnectionsPerAddress } = this.#limits
    if (this.#count >= maxConnections) return "TooManyConnections"
    const ofGroup = this.#byGroup.get(group) ?? 0
    if (ofGroup >= maxConnectionsPerAddress && !isLocal(address)) return "TooManyFromAddress"
    this.#count += 1
    this.#byGroup.set(group, ofGroup + 1)
    return undefined
  }

  leave(address: NetAddress.SocketAddress): void {
    const group = PeerGroup.key(PeerGroup.fromAddress(address))
    this.#count -= 1
    const left = (this.#byGroup.get(group) ?? 1) - 1
    if (left === 0) this.#byGroup.delete(group)
    else this.#byGroup.set(group, left)
  }

  mayComeNow(address: NetAddress.SocketAddress, now: number): boolean {
    if (!this.#limits.limitRate || isLocal(address)) return true
    const group = PeerGroup.key(PeerGroup.fromAddress(address))
    const history = AcceptRate.prune(this.#histories.get(group) ?? AcceptRate.empty, now)
    if (!AcceptRate.allows(history, now)) return false
    // Deleting first keeps the map in the order of the last connection, so that the first entry is the oldest.
    this.#histories.delete(group)
    this.#histories.set(group, AcceptRate.accepted(history, now))
    if (this.#histories.size > maxHistories) this.#forgetOldest()
    return true
  }

  #forgetOldest(): void {
    for (const oldest of this.#histories.keys()) {
      this.#histories.delete(oldest)
      return
    }
  }
}

/** Makes the admission of a listener that serves on an address. @internal */
export type MakeAdmission = (listener: NetAddress.SocketAddress, limits: Limits) => Admission

const makeLocal: MakeAdmission = (_listener, limits) => {
  const counts = new Counts(limits)
  return {
    enter: (address) => Effect.sync(() => counts.enter(address)),
    mayComeNow: (address) =>
      Effect.clockWith((clock) => Effect.succeed(counts.mayComeNow(address, clock.currentTimeMillisUnsafe()))),
    leave: (address) => counts.leave(address)
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
