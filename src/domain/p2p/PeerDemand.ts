/**
 * Which peers are still wanted, and which are not any more.
 *
 * Each part of a program wants some peers for itself, and says which services they must offer. A peer is counted for one
 * part only.
 *
 * @stability unstable
 * @since 0.1.0
 */

/**
 * What one part of a program wants.
 *
 * @category models
 * @since 0.1.0
 */
export interface Demand {
  /** How many peers. */
  readonly count: number
  /** The services that each of them must offer, a bit for each. */
  readonly services: bigint
}

/**
 * What a peer has to give. The times are milliseconds of one clock.
 *
 * @category models
 * @since 0.1.0
 */
export interface Supply {
  readonly services: bigint
  readonly since: number
}

/**
 * How supply and demand meet.
 *
 * @category models
 * @since 0.1.0
 */
export interface Balance<S> {
  /** The services that the next peer must offer; `undefined` when nobody is missing. */
  readonly missing: bigint | undefined
  /** Peers that nobody wants, the youngest first. */
  readonly spare: ReadonlyArray<S>
}

const bits = (services: bigint): number => {
  let count = 0
  for (let left = services; left > 0n; left >>= 1n) if ((left & 1n) === 1n) count += 1
  return count
}

const offers = (supply: Supply, services: bigint): boolean => (supply.services & services) === services

/**
 * Deals the peers out: the longest standing first, and no more of what a peer offers than is needed.
 *
 * **Example** (One with filters is missing)
 *
 * ```ts
 * import { PeerDemand } from "effect-flowee"
 *
 * const full = { services: 1n, since: 0 }
 * const demands = [{ count: 1, services: 1n }, { count: 1, services: 5n }]
 * PeerDemand.balance(demands, [full, full]) // { missing: 5n, spare: [full] }
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const balance = <S extends Supply>(demands: ReadonlyArray<Demand>, supplies: ReadonlyArray<S>): Balance<S> => {
  const left = supplies.toSorted((a, b) => bits(a.services) - bits(b.services) || a.since - b.since)
  let missing: bigint | undefined
  for (const { count, services } of demands.toSorted((a, b) => bits(b.services) - bits(a.services))) {
    for (let i = 0; i < count; i++) {
      const at = left.findIndex((supply) => offers(supply, services))
      if (at >= 0) left.splice(at, 1)
      else missing ??= services
    }
  }
  return { missing, spare: left.toSorted((a, b) => b.since - a.since) }
}
