/**
 * The entries of a store that others use too, as far as they are known here, and what the others do not know yet.
 */
import * as Punishment from "../../domain/Punishment.ts"
import * as Reconcile from "./reconcile.ts"
import * as Standing from "./standing.ts"
import * as Table from "./table.ts"

/** Keys that were changed here, each with what the others knew of it then. @internal */
export type Pending = Map<string, Reconcile.Entry>

/** @internal */
export class Replica {
  readonly #maxEntries: number
  #table: Table.Table
  #pending: Pending = new Map()
  #isUrgent = false

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries
    this.#table = new Table.Table(maxEntries)
  }
  /** To read from. */
  get table(): Table.Table {
    return this.#table
  }
  get pending(): ReadonlyMap<string, Reconcile.Entry> {
    return this.#pending
  }
  /** Whether a ban was made or lifted since the last {@link take}. */
  get isUrgent(): boolean {
    return this.#isUrgent
  }

  /** A change that the others are yet to be told of. */
  change(key: string, next: Reconcile.Entry, now: number): void {
    const before = this.#table.get(key)
    if (Standing.equals(before, next)) return
    if (!this.#pending.has(key)) this.#remember(key, before)
    if (isBan(before, now) || isBan(next, now)) this.#isUrgent = true
    this.#put(key, next, now)
  }
  /** The others know `theirs`. Gives it if that is a ban which is news here. */
  hear(key: string, theirs: Reconcile.Entry, now: number): Table.Row | undefined {
    const before = this.#table.get(key)
    const after = this.#settle(key, before, theirs)
    if (!Standing.equals(before, after)) this.#put(key, after, now)
    return Standing.isNewBan(before, after, now) ? { key, standing: after } : undefined
  }
  /**
   * What the others know, all of it, and the bans among that which were news when they were read. Gives those that still
   * are.
   */
  hearAll(theirs: Table.Table, bans: ReadonlyArray<Table.Row>, now: number): ReadonlyArray<Table.Row> {
    const before = this.#table
    for (const key of this.#pending.keys()) {
      const mine = before.get(key)
      const after = this.#settle(key, mine, theirs.get(key))
      if (after === undefined) theirs.delete(key)
      else theirs.set(key, after, now)
    }
    this.#table = theirs
    return theirs.find(bans.map(({ key }) => key)).filter(({ key, standing }) =>
      Standing.isNewBan(before.get(key), standing, now)
    )
  }
  /** Whether that is a ban which is news here. */
  isNews({ key, standing }: Table.Row, now: number): boolean {
    return Standing.isNewBan(this.#table.get(key), standing, now)
  }
  /** The others have this now, in place of what was here when they were told. Gives what had to go for it. */
  agree(key: string, standing: Reconcile.Entry, told: Reconcile.Entry, now: number): ReadonlyArray<Table.Row> {
    if (this.#pending.has(key) && !Standing.equals(this.#table.get(key), told)) {
      // It changed here in the meantime.
      this.#pending.set(key, standing)
      return []
    }
    this.#pending.delete(key)
    return this.#put(key, standing, now)
  }
  /** Nobody else has any entry: all of them are pending. */
  forgetOthers(): void {
    this.#pending = new Map(this.#table.rows().map(({ key }) => [key, undefined]))
    this.#isUrgent = true
  }

  /** What is pending, to be told to the others now. */
  take(): Pending {
    const taken = this.#pending
    this.#pending = new Map()
    this.#isUrgent = false
    return taken
  }
  /** They could not be told. */
  restore(taken: Pending): void {
    if (taken.size === 0) return
    for (const key of this.#pending.keys()) if (!taken.has(key)) taken.set(key, this.#pending.get(key))
    this.#pending = taken
    this.#isUrgent = true
  }

  #settle(key: string, mine: Reconcile.Entry, theirs: Reconcile.Entry): Reconcile.Entry {
    if (!this.#pending.has(key)) return theirs
    const base = this.#pending.get(key)
    this.#pending.set(key, theirs)
    return Reconcile.reconcile({ base, mine, theirs })
  }
  #put(key: string, standing: Reconcile.Entry, now: number): ReadonlyArray<Table.Row> {
    if (standing === undefined) {
      this.#table.delete(key)
      return []
    }
    const evicted = this.#table.set(key, standing, now)
    for (const row of evicted) this.#pending.delete(row.key)
    return evicted
  }
  #remember(key: string, base: Reconcile.Entry): void {
    // Only removals can pile up, since every other key has an entry. The oldest are the least missed.
    if (this.#pending.size >= 2 * this.#maxEntries) this.#pending.delete(this.#pending.keys().next().value!)
    this.#pending.set(key, base)
  }
}

const isBan = (entry: Reconcile.Entry, now: number): boolean => entry !== undefined && Punishment.isBanned(entry, now)
