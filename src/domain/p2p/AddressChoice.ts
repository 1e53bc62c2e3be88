/**
 * Which address to dial next.
 *
 * Of addresses that are drawn at random, up to ten are kept that will do, and the best of them is taken: chance keeps
 * peers diverse, and the score keeps the choice good.
 *
 * Source: peer-to-peer component, "Address book".
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as AddressEntry from "./AddressEntry.ts"
import * as AddressGroup from "./AddressGroup.ts"

/**
 * What a peer is wanted for.
 *
 * @category models
 * @since 0.1.0
 */
export interface Wanted {
  /** A bit for each service that it must offer. Default: 0, any. */
  readonly services?: bigint | undefined
  /**
   * The wallet that it is for. One that serves another wallet will not do. Default: none; any will do, and one that has
   * a `segment` must then be used for that wallet or for none.
   */
  readonly segment?: number | undefined
  /** The groups that there are peers of already. Default: none. */
  readonly exceptGroups?: ReadonlySet<AddressGroup.AddressGroup> | undefined
  /** What else it takes. Default: nothing. */
  readonly where?: ((entry: AddressEntry.AddressEntry) => boolean) | undefined
}

/**
 * How many that will do are compared.
 *
 * @category constants
 * @since 0.1.0
 */
export const candidates = 10

const mayServe = (entry: AddressEntry.AddressEntry, segment: number | undefined): boolean =>
  segment === undefined || entry.segment === undefined || entry.segment === segment

const isElsewhere = (entry: AddressEntry.AddressEntry, groups: Wanted["exceptGroups"]): boolean =>
  groups === undefined || groups.size === 0 || !groups.has(AddressGroup.fromAddress(entry.address))

/**
 * Tells whether an address will do: it is free, has the services and fewer than 1000 points, and whatever else is
 * wanted.
 *
 * @category guards
 * @since 0.1.0
 */
export const isFit = (entry: AddressEntry.AddressEntry, wanted: Wanted, now: number): boolean =>
  entry.use === "Free" &&
  AddressEntry.hasServices(entry, wanted.services ?? 0n) &&
  mayServe(entry, wanted.segment) &&
  AddressEntry.isUsable(entry, now) &&
  isElsewhere(entry, wanted.exceptGroups) &&
  (wanted.where?.(entry) ?? true)

/**
 * The best of the first ten addresses that will do, the earlier one among equals; `undefined` when none will.
 *
 * @category getters
 * @since 0.1.0
 */
export const choose = (
  drawn: Iterable<AddressEntry.AddressEntry>,
  options: { readonly wanted: Wanted; readonly now: number; readonly defaultPort: number }
): AddressEntry.AddressEntry | undefined => {
  let best: AddressEntry.AddressEntry | undefined
  let bestScore = -Infinity
  let found = 0
  for (const entry of drawn) {
    if (!isFit(entry, options.wanted, options.now)) continue
    const score = AddressEntry.score(entry, options)
    if (score > bestScore) {
      best = entry
      bestScore = score
    }
    if (++found === candidates) break
  }
  return best
}
