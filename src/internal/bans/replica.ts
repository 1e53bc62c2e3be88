/**
 * The entries of a store that others use too, as far as they are known here, and what the others do not know yet.
 */
import * as Punishment from "../../domain/Punishment.ts"
import * as Reconcile from "./reconcile.ts"
import * as Standing from "./standing.ts"
import * as Table from "./table.ts"

/** Keys that were changed here, each with what the others knew of it then. @internal */
export type Pending = Map<string, Reconcile.Entry>

interface Known {
  readonly table: Table.Table
  readonly pending: Pending
}

/**
 * Puts what the others know together with what they do not know yet, some entries at a time. Nothing is changed before
 * its end, and it can be given up. What changes here in the meantime is looked at again in the end.
 *
 * @internal
 */
export class Hearing {
  readonly #mine: Known
  readonly #theirs: Table.Table
  readonly #now: number
  /** The pending keys, each with what the others know of it now. */
  readonly #pending: Pending = new Map()
  readonly #left: Iterator<string>
  readonly #changed = new Set<string>()

  constructor(mine: Known, theirs: Table.Table, now: number) {
    this.#mine = mine
    this.#theirs = theirs
    this.#now = now
    this.#left = mine.pending.keys()
  }

  /** Looks at so many entries at most. `false`: there are no more. */
  next(count: number): boolean {
    for (let i = 0; i < count; i++) {
      const { done, value } = this.#left.next()
      if (done === true) return false
      this.#settle(value)
    }
    return true
  }
  changed(key: string): void {
    this.#changed.add(key)
  }
  end(): Known {
    while (this.next(1));
    for (const key of this.#changed) this.#settle(key)
    return { table: this.#theirs, pending: this.#pending }
  }

  #settle(key: string): void {
    const base = this.#mine.pending.get(key)
    const theirs = this.#pending.has(key) ? this.#pending.get(key) : this.#theirs.get(key)
    this.#pending.set(key, theirs)
    const after = Reconcile.reconcile({ base, mine: this.#mine.table.get(key), theirs })
    if (after === undefined) this.#theirs.delete(key)
    else this.#theirs.set(key, after, this.#now)
  }
}

/** @internal */
export class Replica {
  readonly #maxEntries: number
  #table: Table.Table
  #pending: Pending = new Map()
  #isUrgent = false
  /** To be told of changes. One that was given up hears of them, too, until there is another. */
  #hearing: Hearing | undefined = undefined

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
    this.#hearing?.changed(key)
    this.#put(key, next, now)
  }
  /** The others know `theirs`. Gives it if that is a ban which is news here. */
  hear(key: string, theirs: Reconcile.Entry, now: number): Table.Row | undefined {
    const before = this.#table.get(key)
    const after = this.#settle(key, before, theirs)
    if (!Standing.equals(before, after)) this.#put(key, after, now)
    return Standing.isNewBan(before, after, now) ? { key, standing: after } : undefined
  }
  /** Begins to hear all that the others know. Until it is over there may be no other. */
  beginHearing(theirs: Table.Table, now: number): Hearing {
    const hearing = new Hearing({ table: this.#table, pending: this.#pending }, theirs, now)
    this.#hearing = hearing
    return hearing
  }
  /** What was heard is what is known from now on. Gives the table that is known no more. */
  endHearing(hearing: Hearing): Table.Table {
    const before = this.#table
    const { pending, table } = hearing.end()
    this.#table = table
    this.#pending = pending
    this.#hearing = undefined
    return before
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
    this.#pending = new Map(this.#table.keys().map((key) => [key, undefined]))
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
