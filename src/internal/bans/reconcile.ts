/**
 * What holds when two changed the same entry without knowing of each other.
 */
import type * as Punishment from "../../domain/Punishment.ts"
import * as Standing from "./standing.ts"

/** `undefined` is no entry. @internal */
export type Entry = Punishment.Standing | undefined

/**
 * The entry that both sides keep. `base` is what this side had before its change.
 *
 * A ban beats points, the ban that ends later beats the other, and of points the larger number counts: a change that
 * got there although no answer came must not count twice. What only this side removed is gone; a change of the other
 * side survives that.
 *
 * @internal
 */
export const reconcile = (options: { readonly base: Entry; readonly mine: Entry; readonly theirs: Entry }): Entry => {
  const { base, mine, theirs } = options
  if (Standing.equals(base, theirs)) return mine
  if (mine === undefined || theirs === undefined) return mine ?? theirs
  if (mine.bannedUntil !== theirs.bannedUntil) return mine.bannedUntil > theirs.bannedUntil ? mine : theirs
  return mine.points > theirs.points ? mine : theirs
}
