/**
 * A ban list in a file that other processes may use too: what is known here, and how it and the file come together.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import * as Semaphore from "effect/Semaphore"
import * as FileAccess from "./fileAccess.ts"
import type * as FileFormat from "./fileFormat.ts"
import * as Replica from "./replica.ts"
import * as Standing from "./standing.ts"
import * as Table from "./table.ts"

/** Why a file cannot be used, before it has a name. @internal */
export type Failure =
  | { readonly _tag: "Unusable"; readonly problem: FileFormat.Problem }
  | { readonly _tag: "Unreadable"; readonly cause: PlatformError.PlatformError }
  | { readonly _tag: "Unwritable"; readonly cause: PlatformError.PlatformError }

const unreadable = (cause: PlatformError.PlatformError): Failure => ({ _tag: "Unreadable", cause })
const unwritable = (cause: PlatformError.PlatformError): Failure => ({ _tag: "Unwritable", cause })

/** @internal */
export interface Options {
  readonly path: string
  readonly maxEntries: number
  /** How long points are kept that nobody adds to, in milliseconds. */
  readonly keepPoints: number
  /** What is done with bans that others made. */
  readonly onNews: (bans: ReadonlyArray<Table.Row>) => Effect.Effect<void>
}

/** Some milliseconds of work at most. */
const entriesAtOnce = 500

/** @internal */
export class BanFile {
  readonly replica: Replica.Replica
  readonly #fs: FileSystem.FileSystem
  readonly #options: Options
  /** How the file looked when it and the replica last agreed. `None`: there was no file. */
  #known: Option.Option<FileAccess.Look> = Option.none()
  /** A file that cannot be used is not read again until it looks different. */
  #refused: { readonly look: FileAccess.Look; readonly failure: Failure } | undefined
  /** Whether the file was looked at before. What was in it from the beginning is no news. */
  #hasBegun = false
  readonly #oneAtATime = Semaphore.makeUnsafe(1)

  constructor(fs: FileSystem.FileSystem, options: Options) {
    this.#fs = fs
    this.#options = options
    this.replica = new Replica.Replica(options.maxEntries)
  }

  /** Takes over what others wrote. */
  get reload(): Effect.Effect<void, Failure> {
    return this.#oneAtATime.withPermit(
      Effect.tap(this.#reload, () =>
        Effect.sync(() => {
          this.#hasBegun = true
        }))
    )
  }
  /** Writes what is pending, with what others wrote. Nothing is pending then, unless it fails. */
  get save(): Effect.Effect<void, Failure> {
    return this.#oneAtATime.withPermit(
      // Whoever has nothing to say need not be able to write.
      Effect.andThen(
        this.#reload,
        Effect.suspend(() => this.replica.pending.size === 0 ? Effect.void : Effect.scoped(this.#save))
      )
    )
  }

  get #reload(): Effect.Effect<void, Failure> {
    return Effect.gen({ self: this }, function*() {
      const look = yield* Effect.mapError(FileAccess.look(this.#fs, this.#options.path), unreadable)
      if (Option.isNone(look)) return this.#onMissing()
      if (Option.isSome(this.#known) && look.value === this.#known.value) return
      if (this.#refused?.look === look.value) return yield* Effect.fail(this.#refused.failure)
      yield* this.#read
    })
  }
  get #read(): Effect.Effect<void, Failure> {
    return Effect.gen({ self: this }, function*() {
      const table = new Table.Table(this.#options.maxEntries)
      const bans: Array<Table.Row> = []
      const now = yield* Clock.currentTimeMillis
      const onRow = (row: Table.Row) => {
        table.set(row.key, row.standing, now)
        if (this.#hasBegun && this.replica.isNews(row, now)) bans.push(row)
      }
      const found = yield* Effect.mapError(FileAccess.read(this.#fs, this.#options.path, onRow), unreadable)
      if (Option.isNone(found)) return this.#onMissing()
      const { look, problem } = found.value
      if (problem !== undefined) {
        const failure: Failure = { _tag: "Unusable", problem }
        this.#refused = { look, failure }
        return yield* Effect.fail(failure)
      }
      this.#refused = undefined
      this.#known = Option.some(look)
      const before = yield* this.#hear(table, now)
      yield* this.#tell(bans, before, now)
    })
  }
  /** Gives what was known before. */
  #hear(theirs: Table.Table, now: number): Effect.Effect<Table.Table> {
    return Effect.suspend(() => {
      const hearing = this.replica.beginHearing(theirs, now)
      let hasMore = true
      const hearSome = Effect.whileLoop({
        while: () => hasMore,
        body: () => {
          hasMore = hearing.next(entriesAtOnce)
          return hasMore ? Effect.yieldNow : Effect.void
        },
        step: () => {}
      })
      return Effect.map(hearSome, () => this.replica.endHearing(hearing))
    })
  }
  /** Tells of bans that were news when they were read, and still are. */
  #tell(bans: ReadonlyArray<Table.Row>, before: Table.Table, now: number): Effect.Effect<void> {
    const { table } = this.replica
    const keys = bans.map(({ key }) => key)
    const isNews = ({ key, standing }: Table.Row) => Standing.isNewBan(before.get(key), standing, now)
    return Effect.gen({ self: this }, function*() {
      for (let at = 0; at < keys.length; at += entriesAtOnce) {
        if (at > 0) yield* Effect.yieldNow
        yield* this.#options.onNews(table.find(keys.slice(at, at + entriesAtOnce)).filter(isNews))
      }
    })
  }
  /** Whoever removed the file did not lift the bans: it comes back. */
  #onMissing(): void {
    if (Option.isSome(this.#known)) this.replica.forgetOthers()
    this.#known = Option.none()
    this.#refused = undefined
  }

  get #save() {
    return Effect.gen({ self: this }, function*() {
      const { path } = this.#options
      const lock = yield* Effect.mapError(FileAccess.lock(this.#fs, path), unwritable)
      yield* this.#reload
      this.replica.table.expire(yield* Clock.currentTimeMillis, this.#options.keepPoints, Infinity)
      const taken = this.replica.take()
      const { table } = this.replica
      const rows = table.pieces(table.keys(), entriesAtOnce)
      const look = yield* FileAccess.replace(this.#fs, path, lock, rows).pipe(
        Effect.mapError(unwritable),
        Effect.onExit((exit) =>
          Effect.sync(() => {
            if (exit._tag === "Failure" || Option.isNone(exit.value)) this.replica.restore(taken)
            else this.#known = exit.value
          })
        )
      )
      if (Option.isNone(look)) yield* Effect.logDebug(`Another process took the lock of ${path} away`)
    })
  }
}
