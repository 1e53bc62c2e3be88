/**
 * Standings as stores outside this process hold them.
 */
import * as Punishment from "../../domain/Punishment.ts"

/** The longest reason that is stored, in UTF-16 units. */
const maxReason = 500

/** More than any key of a peer group has. @internal */
export const maxKey = 256

const boundedReason = (reason: string): string => {
  const short = reason.length <= maxReason ? reason : `${reason.slice(0, maxReason - 3)}...`
  // Some databases refuse it, and a peer may have had a say in the reason.
  return short.includes("\0") ? short.replaceAll("\0", "\ufffd") : short
}

/**
 * A standing that takes a bounded amount of memory, and that every store takes, wherever its reason came from.
 *
 * @internal
 */
export const bounded = (self: Punishment.Standing): Punishment.Standing => {
  const reason = boundedReason(self.reason)
  return reason === self.reason ? self : { ...self, reason }
}

const isTime = (value: unknown): value is number => typeof value === "number" && Math.abs(value) <= Punishment.forever

/**
 * Reads what a store holds; `undefined` when that is no standing.
 *
 * @internal
 */
export const fromUnknown = (value: unknown): Punishment.Standing | undefined => {
  if (typeof value !== "object" || value === null) return undefined
  const { bannedUntil, points, reason, updatedAt } = value as { readonly [K in keyof Punishment.Standing]?: unknown }
  if (typeof points !== "number" || !(points >= 0) || points === Infinity) return undefined
  if (!isTime(updatedAt) || !isTime(bannedUntil) || typeof reason !== "string") return undefined
  return bounded({ points, updatedAt, bannedUntil, reason })
}

/** Always the same text for equal standings. @internal */
export const format = ({ bannedUntil, points, reason, updatedAt }: Punishment.Standing): string =>
  JSON.stringify({ points, updatedAt, bannedUntil, reason })

/** @internal */
export const parse = (text: string): Punishment.Standing | undefined => {
  try {
    return fromUnknown(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** @internal */
export const equals = (a: Punishment.Standing | undefined, b: Punishment.Standing | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && a.points === b.points && a.updatedAt === b.updatedAt &&
    a.bannedUntil === b.bannedUntil && a.reason === b.reason)

/**
 * Whether a standing became a ban by what others did: one that was not in force, or ended at another time.
 *
 * @internal
 */
export const isNewBan = (
  before: Punishment.Standing | undefined,
  after: Punishment.Standing | undefined,
  now: number
): after is Punishment.Standing =>
  after !== undefined && Punishment.isBanned(after, now) && before?.bannedUntil !== after.bannedUntil
