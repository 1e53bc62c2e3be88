/**
 * Who has to go when there is no room for a newcomer.
 *
 * Whoever wants to push out all honest peers can make many connections from many addresses. What is hard to make is a
 * connection that stands for long, that answers fast, that has been of use lately, or that comes from a rare network. So
 * some of each are protected, and of the rest the youngest of the largest crowd goes.
 *
 * A newcomer must also be worth it: {@link makeRoom} gives it a place only when that takes one from a larger crowd, or
 * from one that nobody has heard of for long. So a crowd that knocks again and again pushes nobody out, a server that is
 * full of its own busy clients does not make them take turns, and one who comes from elsewhere gets in.
 *
 * **Details**
 *
 * Protected are, one after the other and of those that are left each time: the fastest, those that were of use most
 * recently, the longest standing of some groups of addresses, and then the longer standing half.
 *
 * @stability unstable
 * @since 0.1.0
 */

/**
 * What is to be known of a connection to judge it. Times are milliseconds of one clock.
 *
 * @category models
 * @since 0.1.0
 */
export interface Candidate {
  /** Tells the candidates apart. */
  readonly id: number
  /** The addresses that one operator is likely to have: peers of one group are a crowd. */
  readonly group: string
  /** What is narrower than a group: one address, or the /64 of one. Needed by {@link makeRoom}. */
  readonly address?: string | undefined
  readonly since: number
  /** The time of a ping and its answer, in milliseconds. */
  readonly latency: number | undefined
  /** When it last brought something that was wanted. */
  readonly lastUseful: number | undefined
}

/**
 * How many are protected for what.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Default: 8. */
  readonly fastest?: number | undefined
  /** Default: 4. */
  readonly useful?: number | undefined
  /** Groups of which the longest standing one is protected. Default: 4. */
  readonly groups?: number | undefined
  /**
   * Puts groups in an order that no peer can know: the first are protected. Default: by name, which anybody can know.
   */
  readonly rank?: ((group: string) => number) | undefined
}

type Order = (a: Candidate, b: Candidate) => number

const byLatency: Order = (a, b) => a.latency! - b.latency! || a.since - b.since || a.id - b.id

const byUse: Order = (a, b) => b.lastUseful! - a.lastUseful! || a.since - b.since || a.id - b.id

const bySince: Order = (a, b) => a.since - b.since || a.id - b.id

const without = (candidates: ReadonlyArray<Candidate>, kept: ReadonlyArray<Candidate>): ReadonlyArray<Candidate> => {
  const ids = new Set(kept.map(({ id }) => id))
  return candidates.filter(({ id }) => !ids.has(id))
}

const byGroup = (candidates: ReadonlyArray<Candidate>): ReadonlyArray<ReadonlyArray<Candidate>> => {
  const groups = new Map<string, Array<Candidate>>()
  for (const candidate of candidates.toSorted(bySince)) {
    const group = groups.get(candidate.group)
    if (group === undefined) groups.set(candidate.group, [candidate])
    else group.push(candidate)
  }
  return [...groups.values()]
}

const oldestOfGroups = (candidates: ReadonlyArray<Candidate>, count: number, rank: Options["rank"]) => {
  const groups = byGroup(candidates).map((group) => group[0]!)
  const ordered = rank === undefined
    ? groups.toSorted((a, b) => a.group < b.group ? -1 : 1)
    : groups.toSorted((a, b) => rank(a.group) - rank(b.group) || bySince(a, b))
  return ordered.slice(0, count)
}

/** The youngest of the largest group; of groups of one size, that with the youngest member. */
const youngestOfCrowd = (candidates: ReadonlyArray<Candidate>): Candidate | undefined => {
  let crowd: ReadonlyArray<Candidate> = []
  for (const group of byGroup(candidates)) {
    const isLarger = group.length > crowd.length
    const isYounger = group.length === crowd.length && bySince(group.at(-1)!, crowd.at(-1)!) > 0
    if (isLarger || isYounger) crowd = group
  }
  return crowd.at(-1)
}

/**
 * The one that has to go, or `undefined` when all are protected.
 *
 * **Example** (Making room)
 *
 * ```ts
 * import { Eviction } from "effect-flowee"
 *
 * const candidates = [1, 2, 3].map((id) => (
 *   { id, group: "192.0.2.0/16", since: id * 1000, latency: undefined, lastUseful: undefined }
 * ))
 * Eviction.choose(candidates, { groups: 1 })?.id // 3
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const choose = <C extends Candidate>(candidates: ReadonlyArray<C>, options: Options = {}): C | undefined => {
  const { fastest = 8, groups = 4, rank, useful = 4 } = options
  let left: ReadonlyArray<Candidate> = candidates
  left = without(left, left.filter(({ latency }) => latency !== undefined).toSorted(byLatency).slice(0, fastest))
  left = without(left, left.filter(({ lastUseful }) => lastUseful !== undefined).toSorted(byUse).slice(0, useful))
  left = without(left, oldestOfGroups(left, groups, rank))
  left = left.toSorted(bySince).slice(Math.floor(left.length / 2))
  return youngestOfCrowd(left) as C | undefined
}

/**
 * Who wants a place.
 *
 * @category models
 * @since 0.1.0
 */
export interface Newcomer {
  readonly group: string
  readonly address: string
  /** Milliseconds of the clock that the candidates are judged by. */
  readonly now: number
}

/**
 * How long a connection that is no part of a crowd has to have been of no use before a newcomer may have its place, in
 * milliseconds.
 *
 * @category constants
 * @since 0.1.0
 */
export const idleAfter = 300_000

type NameOf = (candidate: Candidate) => string

const byWideGroup: NameOf = ({ group }) => group

const byAddress: NameOf = ({ address, id }) => address ?? `#${id}`

const sizesBy = (candidates: ReadonlyArray<Candidate>, nameOf: NameOf): ReadonlyMap<string, number> => {
  const sizes = new Map<string, number>()
  for (const candidate of candidates) {
    const name = nameOf(candidate)
    sizes.set(name, (sizes.get(name) ?? 0) + 1)
  }
  return sizes
}

/**
 * One of a crowd that stays the larger one without it: were they to swap, two crowds would push each other out for ever.
 * Or one that is alone, as the newcomer is, and idle.
 */
const oneOfMore = (
  candidates: ReadonlyArray<Candidate>,
  nameOf: NameOf,
  name: string,
  now: number,
  options: Options
): Candidate | undefined => {
  const sizes = sizesBy(candidates, nameOf)
  const own = sizes.get(name) ?? 0
  const crowded = candidates.map((candidate) => ({ ...summary(candidate), group: nameOf(candidate), of: candidate }))
  const victim = choose(crowded, options)
  if (victim === undefined) return undefined
  const size = sizes.get(victim.group)!
  if (size > 1) return own + 1 < size ? victim.of : undefined
  if (own > 0) return undefined
  return choose(crowded.filter(({ lastUseful, since }) => now - (lastUseful ?? since) >= idleAfter), options)?.of
}

const summary = ({ id, lastUseful, latency, since }: Candidate) => ({ id, lastUseful, latency, since })

/**
 * The one whose place a newcomer gets, or `undefined` when the newcomer has to go.
 *
 * **Details**
 *
 * That is who {@link choose} says, if its group has more connections than that of the newcomer, the newcomer included. Where the newcomer's own
 * group is the largest, the same is asked of the addresses within it. Between those that are alone in their group, or at
 * their address, only one that was of no use for {@link idleAfter} gives way.
 *
 * **Example** (One who comes from elsewhere)
 *
 * ```ts
 * import { Eviction } from "effect-flowee"
 *
 * const crowd = Array.from({ length: 100 }, (_, id) => (
 *   { id, group: "192.0.0.0/16", address: "192.0.2.1/32", since: id, latency: undefined, lastUseful: undefined }
 * ))
 * const newcomer = { group: "198.51.0.0/16", address: "198.51.100.7/32", now: 5000 }
 * Eviction.makeRoom(crowd, newcomer)?.id // 99
 * Eviction.makeRoom(crowd, { ...newcomer, group: "192.0.0.0/16", address: "192.0.2.1/32" }) // undefined
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const makeRoom = <C extends Candidate>(
  candidates: ReadonlyArray<C>,
  newcomer: Newcomer,
  options: Options = {}
): C | undefined => {
  const { address, group, now } = newcomer
  const fromOther = oneOfMore(candidates, byWideGroup, group, now, options)
  if (fromOther !== undefined) return fromOther as C
  const own = candidates.filter((candidate) => candidate.group === group)
  return oneOfMore(own, byAddress, address, now, options) as C | undefined
}
