/**
 * What is known of one address where a node may be, and how good it is to dial.
 *
 * **Details**
 *
 * Points say how badly an address has done. One with {@link barredAt} or more is not dialled. Points are whole numbers
 * from 0 to {@link maxPoints}, and {@link fadePerHour} of them fade in an hour: an hour without a network of our own
 * costs every address its good name, and must not cost it for ever.
 *
 * What others say never makes an address look better than one that was seen {@link hearsay} ago. Whoever wants to be
 * dialled would say that it was seen this very second.
 *
 * All times are in milliseconds since 1970.
 *
 * Source: peer-to-peer component, "Address book". Fading, the upper limit and the rule on hearsay are ours.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as NetAddress from "effect/net/NetAddress"
import type * as AddressSource from "./AddressSource.ts"

/**
 * How it is known that a node was there, and when it last was: others say so, or we were connected to it.
 *
 * @category models
 * @since 0.1.0
 */
export type Contact =
  | { readonly _tag: "Heard"; readonly at: number }
  | { readonly _tag: "Connected"; readonly at: number }

/**
 * What is being done with an address.
 *
 * - `Free`: nothing.
 * - `Dialling`: it was handed out, and nothing is known yet of how that went.
 * - `Open`: there is a connection to it.
 * - `Failed`: the attempt failed, or the connection has ended, and whoever holds it has not let go yet.
 *
 * @category models
 * @since 0.1.0
 */
export type Use = "Free" | "Dialling" | "Open" | "Failed"

/**
 * One address.
 *
 * @category models
 * @since 0.1.0
 */
export interface AddressEntry {
  /** An IPv4 address as such, not mapped. */
  readonly address: NetAddress.InetAddress
  /** A bit for each service. What others say, until there was a connection. */
  readonly services: bigint
  readonly contact: Contact
  /** When it last sent headers that fit. */
  readonly lastGoodHeaders: number | undefined
  /** The points it had at `pointsAt`. */
  readonly points: number
  readonly pointsAt: number
  /** The wallet that it serves: 0 to 2^32-1. It must not serve another one, which would link the two. */
  readonly segment: number | undefined
  readonly use: Use
  /** When it was last asked for addresses. */
  readonly askedAt: number | undefined
  /** Who told of it first. */
  readonly source: AddressSource.AddressSource
}

/**
 * The points of an address that was just heard of.
 *
 * @category constants
 * @since 0.1.0
 */
export const initialPoints = 10

/**
 * With so many points an address is not dialled.
 *
 * @category constants
 * @since 0.1.0
 */
export const barredAt = 1000

/**
 * The most points that an address can have: 100 hours are enough to be dialled again.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxPoints = 2000

/**
 * The points that an hour takes away.
 *
 * @category constants
 * @since 0.1.0
 */
export const fadePerHour = 10

const hour = 3_600_000

const fadeTime = hour / fadePerHour

/**
 * The least age of what others say, in milliseconds: one day.
 *
 * @category constants
 * @since 0.1.0
 */
export const hearsay = 24 * hour

/** What an attempt costs, until it succeeds. */
const attemptPoints = 100

/** A connection forgives more to an address that has done badly. */
const badAbove = 500
const forgivenOnConnect = 125

const forgivenForHeaders = 200

/**
 * Why an attempt, or a connection, failed.
 *
 * @category models
 * @since 0.1.0
 */
export type Failure = "Unreachable" | "UnknownHost" | "Cut" | "Other"

/**
 * The points that a failure costs, besides the 100 of the attempt. `Cut` is refused, reset or aborted.
 *
 * @category constants
 * @since 0.1.0
 */
export const failurePoints: { readonly [failure in Failure]: number } = {
  Unreachable: 900,
  UnknownHost: 450,
  Cut: 1,
  Other: 180
}

/**
 * Makes the entry of an address that was just heard of. The user's own has no points.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly address: NetAddress.InetAddress
  readonly services: bigint
  readonly source: AddressSource.AddressSource
  /** When a node was last seen there, as others say. The future counts as now. Default: now. */
  readonly seenAt?: number | undefined
  readonly now: number
}): AddressEntry => ({
  address: options.address,
  services: options.services,
  contact: { _tag: "Heard", at: clampTime(options.seenAt ?? options.now, options.now) },
  lastGoodHeaders: undefined,
  points: options.source._tag === "User" ? 0 : initialPoints,
  pointsAt: options.now,
  segment: undefined,
  use: "Free",
  askedAt: undefined,
  source: options.source
})

const clampTime = (time: number, now: number): number => Math.max(0, Math.min(time, now))

/**
 * The name of an address in a book: `192.0.2.1:8333`.
 *
 * @category conversions
 * @since 0.1.0
 */
export const key = (address: NetAddress.InetAddress): string => NetAddress.formatInet(NetAddress.toCanonical(address))

const settle = (self: AddressEntry, now: number): AddressEntry => {
  if (self.points === 0 || now < self.pointsAt) return { ...self, pointsAt: now }
  const faded = Math.floor((now - self.pointsAt) / fadeTime)
  if (faded === 0) return self
  return { ...self, points: Math.max(0, self.points - faded), pointsAt: self.pointsAt + faded * fadeTime }
}

/**
 * The points that are left now.
 *
 * @category getters
 * @since 0.1.0
 */
export const points = (self: AddressEntry, now: number): number => settle(self, now).points

/**
 * Adds points; negative ones forgive. What is no number counts as 0.
 *
 * @category transitions
 * @since 0.1.0
 */
export const punish = (self: AddressEntry, added: number, now: number): AddressEntry => {
  const settled = settle(self, now)
  const sum = settled.points + (Number.isNaN(added) ? 0 : added)
  return { ...settled, points: Math.max(0, Math.min(maxPoints, Math.round(sum))) }
}

/**
 * It is handed out to be dialled, which costs 100 points until it succeeds.
 *
 * @category transitions
 * @since 0.1.0
 */
export const dialling = (self: AddressEntry, now: number): AddressEntry => ({
  ...punish(self, attemptPoints, now),
  use: "Dialling"
})

const settleAttempt = (self: AddressEntry, now: number): AddressEntry =>
  self.use === "Dialling" ? punish(self, -attemptPoints, now) : self

/**
 * A connection was made, and the node says what it offers.
 *
 * @category transitions
 * @since 0.1.0
 */
export const connected = (self: AddressEntry, services: bigint, now: number): AddressEntry => {
  const settled = settleAttempt(self, now)
  const forgiven = points(settled, now) > badAbove ? punish(settled, -forgivenOnConnect, now) : settled
  return {
    ...forgiven,
    services,
    contact: { _tag: "Connected", at: now },
    use: self.use === "Free" ? "Free" : "Open"
  }
}

/**
 * The attempt failed, or the connection did.
 *
 * @category transitions
 * @since 0.1.0
 */
export const failed = (self: AddressEntry, failure: Failure, now: number): AddressEntry => ({
  ...punish(seenUntil(self, now), failurePoints[failure], now),
  use: self.use === "Free" ? "Free" : "Failed"
})

/** While there is a connection, a node is there. */
const seenUntil = (self: AddressEntry, now: number): AddressEntry =>
  self.use === "Open" ? { ...self, contact: { _tag: "Connected", at: now } } : self

/**
 * It is let go of. An attempt that came to no end costs nothing.
 *
 * @category transitions
 * @since 0.1.0
 */
export const released = (self: AddressEntry, now: number): AddressEntry => ({
  ...settleAttempt(seenUntil(self, now), now),
  use: "Free"
})

/**
 * It sent headers that fit.
 *
 * @category transitions
 * @since 0.1.0
 */
export const goodHeaders = (self: AddressEntry, now: number): AddressEntry => ({
  ...punish(self, -forgivenForHeaders, now),
  lastGoodHeaders: now
})

/**
 * Others tell of it again. What we have seen ourselves counts for more.
 *
 * @category transitions
 * @since 0.1.0
 */
export const heard = (
  self: AddressEntry,
  told: { readonly services: bigint; readonly seenAt: number; readonly now: number }
): AddressEntry => {
  if (self.contact._tag === "Connected") return self
  const at = Math.max(self.contact.at, clampTime(told.seenAt, told.now))
  const services = self.services | told.services
  if (at === self.contact.at && services === self.services) return self
  return { ...self, services, contact: { _tag: "Heard", at } }
}

/**
 * Tells whether it may be dialled as far as its points go.
 *
 * @category guards
 * @since 0.1.0
 */
export const isUsable = (self: AddressEntry, now: number): boolean => points(self, now) < barredAt

/**
 * Tells whether it is said to offer all these services.
 *
 * @category guards
 * @since 0.1.0
 */
export const hasServices = (self: AddressEntry, services: bigint): boolean => (self.services & services) === services

/**
 * Hours since a node was there. Those since a connection of ours count half.
 */
const age = ({ contact }: AddressEntry, now: number): number => {
  const since = Math.max(0, now - contact.at)
  return contact._tag === "Connected" ? since / hour / 2 : Math.max(since, hearsay) / hour
}

/**
 * How good it is to dial: the higher, the better.
 *
 * **Details**
 *
 * (1000 - points) + (1000 - min(1000, hours since a node was there, halved when we were ever connected)), and 500 more
 * on the default port of the network.
 *
 * @category getters
 * @since 0.1.0
 */
export const score = (self: AddressEntry, options: { readonly now: number; readonly defaultPort: number }): number =>
  (1000 - points(self, options.now)) +
  (1000 - Math.min(1000, age(self, options.now))) +
  (self.address.port === options.defaultPort ? 500 : 0)
