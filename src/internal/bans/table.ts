/**
 * Standings in memory, never more than there may be.
 */
import * as Punishment from "../../domain/Punishment.ts"

/** @internal */
export interface Row {
  readonly key: string
  readonly standing: Punishment.Standing
}

/**
 * A new group takes the place of a ban that is over, or of the group with points only that was least recently changed.
 * Only when every entry is a ban do those that end first go.
 *
 * @internal
 */
export class Table {
  readonly #maxEntries: number
  /** Groups that have points only, the least recently touched first. */
  readonly #scored = new Map<string, Punishment.Standing>()
  /** Groups that were banned when they were last touched, in that order too. */
  readonly #banned = new Map<string, Punishment.Standing>()

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries
  }
  get size(): number {
    return this.#scored.size + this.#banned.size
  }
  get(key: string): Punishment.Standing | undefined {
    return this.#banned.get(key) ?? this.#scored.get(key)
  }
  find(keys: ReadonlyArray<string>): ReadonlyArray<Row> {
    const found: Array<Row> = []
    for (const key of keys) {
      const standing = this.get(key)
      if (standing !== undefined) found.push({ key, standing })
    }
    return found
  }
  /** Gives what had to go. */
  set(key: string, standing: Punishment.Standing, now: number): ReadonlyArray<Row> {
    this.delete(key)
    const evicted = this.size >= this.#maxEntries ? this.#evict(now) : []
    const entries = Punishment.isBanned(standing, now) ? this.#banned : this.#scored
    entries.set(key, standing)
    return evicted
  }
  delete(key: string): boolean {
    return this.#scored.delete(key) || this.#banned.delete(key)
  }
  /** In the order of {@link rows}. */
  keys(): ReadonlyArray<string> {
    return [...this.#scored.keys(), ...this.#banned.keys()]
  }
  /** The rows of those keys that are still there when their turn comes, some at a time. */
  *pieces(keys: ReadonlyArray<string>, size: number): Iterable<ReadonlyArray<Row>> {
    for (let at = 0; at < keys.length; at += size) yield this.find(keys.slice(at, at + size))
  }
  /** In an order in which another table takes them over as they are. */
  rows(): ReadonlyArray<Row> {
    const rows: Array<Row> = []
    for (const [key, standing] of this.#scored) rows.push({ key, standing })
    for (const [key, standing] of this.#banned) rows.push({ key, standing })
    return rows
  }
  /** Removes, and gives, at most `limit` bans that are over and groups whose points nobody has touched for `age`. */
  expire(now: number, age: number, limit: number): ReadonlyArray<Row> {
    const over: Array<Row> = []
    for (const [key, standing] of this.#banned) {
      if (over.length >= limit) break
      if (!Punishment.isBanned(standing, now)) over.push({ key, standing })
    }
    for (const [key, standing] of this.#scored) {
      // Those that follow were touched later.
      if (over.length >= limit || now - standing.updatedAt < age) break
      over.push({ key, standing })
    }
    for (const { key } of over) this.delete(key)
    return over
  }
  #evict(now: number): ReadonlyArray<Row> {
    // Bans mostly last equally long, so one that is over is found at the front.
    const first = firstOf(this.#banned)
    if (first !== undefined && !Punishment.isBanned(first.standing, now)) return this.#drop([first])
    const oldest = firstOf(this.#scored)
    return this.#drop(oldest === undefined ? this.#endingFirst() : [oldest])
  }
  /** Many at once, so that the cost of finding those that end first is spread over many insertions. */
  #endingFirst(): ReadonlyArray<Row> {
    const ends = new Float64Array(this.#banned.size)
    let at = 0
    for (const standing of this.#banned.values()) ends[at++] = standing.bannedUntil
    // Numbers are sorted much faster than entries are.
    ends.sort()
    const count = Math.ceil(ends.length / 100)
    const last = ends[count - 1]!
    const first: Array<Row> = []
    for (const [key, standing] of this.#banned) {
      if (standing.bannedUntil <= last && first.push({ key, standing }) === count) break
    }
    return first
  }
  #drop(rows: ReadonlyArray<Row>): ReadonlyArray<Row> {
    for (const { key } of rows) this.delete(key)
    return rows
  }
}

const firstOf = (entries: Map<string, Punishment.Standing>): Row | undefined => {
  const next = entries.entries().next()
  return next.done === true ? undefined : { key: next.value[0], standing: next.value[1] }
}
