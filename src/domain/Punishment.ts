/**
 * How points add up, fade and turn into a ban.
 *
 * A peer that misbehaves gets points. They fade with time; whoever reaches the threshold is banned for a while. This
 * module is the arithmetic: pure functions over what is known about one group of peers and the time now.
 *
 * **Details**
 *
 * - Points stay between 0 and the threshold, whatever numbers are fed in: `NaN` counts as 0, negative points forgive.
 * - A ban takes the points with it. While it lasts, points change nothing, and it is neither extended nor shortened.
 * - A ban is over at the very millisecond it was set to end, and what follows is a clean record.
 * - A clock that was turned back never makes points fade twice; they begin to fade again from there.
 *
 * Source: network manager behaviour, "Punishment and bans".
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import * as OptionRules from "./internal/optionRules.ts"

/**
 * What is known about one group of peers. Times are milliseconds since 1970.
 *
 * @category models
 * @since 0.1.0
 */
export interface Standing {
  /** The points it had at `updatedAt`. */
  readonly points: number
  /** When the points were last counted. With hourly decay: when the hour began that is not forgiven yet. */
  readonly updatedAt: number
  /** When its ban ends, at most {@link forever}. 0: it was not banned. */
  readonly bannedUntil: number
  /** Why it was banned. Empty without a ban. */
  readonly reason: string
}

/**
 * Options of {@link makePolicy}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Points at which a peer is banned: 1 to 1,000,000,000. Default: 1000. */
  readonly threshold?: number | undefined
  /** How long a ban lasts, at least 1 ms. `Duration.infinity` is for ever. Default: 24 hours. */
  readonly banDuration?: Duration.Input | undefined
  /** Points that an hour forgives: 0 to 1,000,000,000. Default: 100. */
  readonly forgivenPerHour?: number | undefined
  /**
   * `"smooth"` forgives a little every millisecond, `"hourly"` all of it when a full hour has passed. Smooth, ten
   * punishments of 100 within a second stay a hair below 1000; hourly, they do not. Default: `"smooth"`.
   */
  readonly decay?: "smooth" | "hourly" | undefined
}

/**
 * The rules that points follow.
 *
 * @category models
 * @since 0.1.0
 */
export interface Policy {
  readonly threshold: number
  readonly banMillis: number
  readonly forgivenPerHour: number
  readonly decay: "smooth" | "hourly"
}

/**
 * When a ban without an end ends: the last moment that a `Date` can tell.
 *
 * @category constants
 * @since 0.1.0
 */
export const forever = 8_640_000_000_000_000

const hour = 3_600_000

const rules = {
  threshold: OptionRules.points(1000, 1, 1_000_000_000),
  banDuration: OptionRules.time("24 hours", 1),
  forgivenPerHour: OptionRules.points(100, 0, 1_000_000_000)
}

/**
 * Makes the rules, or says which option cannot be used.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makePolicy = (options: Options = {}): Result.Result<Policy, OptionRules.BadOption> =>
  Result.map(OptionRules.resolve(rules, options), ({ banDuration, forgivenPerHour, threshold }) => ({
    threshold,
    banMillis: Duration.toMillis(banDuration),
    forgivenPerHour,
    decay: options.decay ?? "smooth"
  }))

/**
 * The standing of a group that nothing is known about.
 *
 * @category constructors
 * @since 0.1.0
 */
export const clean = (now: number): Standing => ({ points: 0, updatedAt: now, bannedUntil: 0, reason: "" })

/**
 * Tells whether a ban is in force.
 *
 * @category guards
 * @since 0.1.0
 */
export const isBanned = (self: Standing, now: number): boolean => now < self.bannedUntil

/**
 * Brings a standing up to date: points fade, a ban that is over leaves a clean record.
 *
 * @category transitions
 * @since 0.1.0
 */
export const settle = (self: Standing, now: number, policy: Policy): Standing => {
  if (isBanned(self, now)) return self
  // A ban that is over takes everything with it, and so does a record that no arithmetic of ours can have written.
  if (self.bannedUntil !== 0 || !Number.isFinite(self.points) || !Number.isFinite(self.updatedAt)) return clean(now)
  const from = Math.min(self.updatedAt, now)
  const counted = policy.decay === "smooth" ? now : now - (now - from) % hour
  const points = self.points - (counted - from) / hour * policy.forgivenPerHour
  return points > 0 ? { points, updatedAt: counted, bannedUntil: 0, reason: "" } : clean(now)
}

/**
 * The points that are left now. 0 during a ban, which has taken them.
 *
 * @category getters
 * @since 0.1.0
 */
export const score = (self: Standing, now: number, policy: Policy): number =>
  isBanned(self, now) ? 0 : settle(self, now, policy).points

/**
 * Tells whether there is nothing left to remember.
 *
 * @category guards
 * @since 0.1.0
 */
export const isClean = (self: Standing, now: number, policy: Policy): boolean =>
  !isBanned(self, now) && score(self, now, policy) === 0

/**
 * Bans until `duration` milliseconds from now, in place of any ban before.
 *
 * @category transitions
 * @since 0.1.0
 */
export const ban = (options: {
  readonly now: number
  readonly duration: number
  readonly reason: string
}): Standing => ({
  points: 0,
  updatedAt: options.now,
  bannedUntil: Math.min(options.now + options.duration, forever),
  reason: options.reason
})

/**
 * Adds points, and bans when they reach the threshold. Points that forgive never ban.
 *
 * @category transitions
 * @since 0.1.0
 */
export const punish = (self: Standing, options: {
  readonly points: number
  readonly reason: string
  readonly now: number
  readonly policy: Policy
}): Standing => {
  const { now, policy, reason } = options
  const settled = settle(self, now, policy)
  const added = Number.isNaN(options.points) ? 0 : options.points
  if (isBanned(settled, now)) return settled
  const points = Math.max(0, settled.points + added)
  if (added > 0 && points >= policy.threshold) return ban({ now, duration: policy.banMillis, reason })
  return points > 0 ? { ...settled, points: Math.min(points, policy.threshold) } : clean(now)
}
