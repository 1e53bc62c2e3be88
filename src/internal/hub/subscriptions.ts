/**
 * What one client wants to be told of.
 */
import type * as Outlet from "./outlet.ts"

/** The hashes that a client may watch, of each kind. */
const maxHashes = 100_000

/** @internal */
export interface Subscriptions {
  readonly outlet: Outlet.Outlet
  /** Script hashes and ids of transactions, as the Hub API writes them. */
  readonly scripts: Set<string>
  readonly transactions: Set<string>
  blocks: boolean
  doubleSpends: boolean
}

/** @internal */
export const make = (outlet: Outlet.Outlet): Subscriptions => ({
  outlet,
  scripts: new Set(),
  transactions: new Set(),
  blocks: false,
  doubleSpends: false
})

/** How a subscription is answered. */
interface Answer {
  readonly count: number
  readonly error?: string
}

/**
 * Adds hashes. Those that are bytes are no hashes, and `malformed` says so.
 *
 * @internal
 */
export const add = (
  watched: Set<string>,
  hashes: ReadonlyArray<string | Uint8Array>,
  malformed: string
): Answer => {
  let count = 0
  let error: string | undefined
  for (const hash of hashes) {
    if (typeof hash !== "string") error = malformed
    else if (watched.size >= maxHashes && !watched.has(hash)) error = `No more than ${maxHashes} can be watched`
    else {
      watched.add(hash)
      count += 1
    }
  }
  return error === undefined ? { count } : { count, error }
}

/**
 * Takes hashes out.
 *
 * @internal
 */
export const remove = (
  watched: Set<string>,
  hashes: ReadonlyArray<string | Uint8Array>,
  malformed: string
): Answer => {
  let count = 0
  for (const hash of hashes) if (typeof hash === "string" && watched.delete(hash)) count += 1
  return hashes.every((hash) => typeof hash === "string") ? { count } : { count, error: malformed }
}
