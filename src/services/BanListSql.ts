/**
 * A ban list in a database: the store of a `BanList` in a table, through `effect/sql`.
 *
 * Use it where there is a database anyway that several processes share. Each question is asked of the database, so what
 * one process bans is turned away by all of them at their next question, and an answer takes as long as the database
 * does.
 *
 * **Details**
 *
 * The table is made, and later changed, by migrations of its own, which are counted in `<table>_migrations`. SQLite and
 * PostgreSQL are supported.
 *
 * Each change is one statement that takes effect only if the entry is still what the change was worked out from, and is
 * worked out anew if it is not. So none is lost among processes that change the same entry, and no lock is held.
 *
 * Once a minute each process removes bans that are over, points that nobody adds to for `keepPoints`, and what is more
 * than `maxEntries`: points that were not touched for longest, then the bans that end first. Reasons are cut at 500
 * characters.
 *
 * **Gotchas**
 *
 * While the database is away, or does not answer within `timeout`, every operation fails, and the ban list turns nobody
 * away. Where that must not be, use `BanListRedis` or `BanListFile`.
 *
 * The table does not tell of the bans that others make: their connections stay until something asks again.
 *
 * **Example** (Bans in the database of an application)
 *
 * ```ts
 * import { Layer } from "effect"
 * import * as BanList from "effect-flowee/BanList"
 * import * as BanListSql from "effect-flowee/BanListSql"
 *
 * // Needs a SqlClient, such as that of @effect/sql-pg or @effect/sql-sqlite-node.
 * const Bans = Layer.provide(BanList.layer(), BanListSql.layer({ table: "hub_bans" }))
 * ```
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Migrator from "effect/sql/Migrator"
import * as SqlClient from "effect/sql/SqlClient"
import type * as SqlError from "effect/sql/SqlError"
import * as Stream from "effect/Stream"
import * as OptionRules from "../domain/internal/optionRules.ts"
import type * as Punishment from "../domain/Punishment.ts"
import * as SqlEntries from "../internal/bans/sqlEntries.ts"
import * as Standing from "../internal/bans/standing.ts"
import * as BanListStore from "./BanListStore.ts"
import type * as NetworkConfig from "./NetworkConfig.ts"

/**
 * The database is of a kind that cannot hold a ban list.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnsupportedDatabase extends Data.TaggedError("UnsupportedDatabase")<{
  /** What kind it is, as `effect/sql` names it. */
  readonly dialect: string
}> {
  override get message(): string {
    return `a ban list cannot be kept in a database of the kind "${this.dialect}": SQLite or PostgreSQL is needed`
  }
}

/**
 * Options of a ban list in a database.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The name of the table. Default: `"flowee_bans"`. */
  readonly table?: string | undefined
  /** The most groups that are remembered: 1 to 10,000,000. For up to a minute there may be more. Default: 100,000. */
  readonly maxEntries?: number | undefined
  /** How long points are remembered that nobody adds to, at least 1 hour. Default: 30 days. */
  readonly keepPoints?: Duration.Input | undefined
  /** How long the database may take to answer, 10 ms to 1 minute. Default: 2 seconds. */
  readonly timeout?: Duration.Input | undefined
}

const rules = {
  maxEntries: OptionRules.count(100_000, 1, 10_000_000),
  keepPoints: OptionRules.time("30 days", 3_600_000),
  timeout: OptionRules.time("2 seconds", 10, 60_000)
}

const sweepEvery = Duration.minutes(1)
/** Each failed one means that another process changed the entry. */
const attempts = 50

const annotations = { package: "effect-flowee", module: "BanListSql" }

type Operation = BanListStore.StoreUnavailable["operation"]

const checkDialect = (sql: SqlClient.SqlClient): Effect.Effect<void, UnsupportedDatabase> => {
  const refuse = (dialect: string) => () => Effect.fail(new UnsupportedDatabase({ dialect }))
  return sql.onDialect({
    sqlite: () => Effect.void,
    pg: () => Effect.void,
    mysql: refuse("mysql"),
    mssql: refuse("mssql"),
    clickhouse: refuse("clickhouse")
  })
}

const toEntry = (row: SqlEntries.Row): Effect.Effect<BanListStore.Entry, BanListStore.BanListError> => {
  const standing = SqlEntries.standingOf(row)
  return standing === undefined
    ? Effect.fail(
      new BanListStore.BanListError({
        reason: new BanListStore.EntryMalformed({ key: row.peer_group, cause: new Error("it holds no standing") })
      })
    )
    : Effect.succeed({ key: row.peer_group, standing })
}

/**
 * Makes the table if there is none, and the store over it. What is over is removed until the scope is closed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (options?: Options) => Effect.Effect<
  BanListStore.BanListStore["Service"],
  NetworkConfig.BadOption | UnsupportedDatabase | Migrator.MigrationError | SqlError.SqlError,
  SqlClient.SqlClient | Scope.Scope
> = Effect.fnUntraced(function*(options: Options = {}) {
  const { keepPoints, maxEntries, timeout } = yield* Effect.fromResult(OptionRules.resolve(rules, options))
  const table = options.table ?? "flowee_bans"
  const sql = yield* SqlClient.SqlClient
  yield* checkDialect(sql)
  yield* Migrator.make({})({
    loader: Migrator.fromRecord(SqlEntries.migrations(table)),
    table: `${table}_migrations`
  })
  const entries = SqlEntries.make(sql, table)

  const bound = (operation: Operation) => <A>(effect: Effect.Effect<A, SqlError.SqlError>) =>
    effect.pipe(
      Effect.timeout(timeout),
      Effect.mapError((cause) =>
        new BanListStore.BanListError({ reason: new BanListStore.StoreUnavailable({ operation, cause }) })
      )
    )
  const forUpdate = bound("update")

  const current = (key: string) =>
    Effect.flatMap(
      forUpdate(entries.find([key])),
      ([row]) =>
        row === undefined ? Effect.succeedNone : Effect.asSome(Effect.map(toEntry(row), ({ standing }) => standing))
    )

  const update = <A>(
    key: string,
    f: (current: Option.Option<Punishment.Standing>) => readonly [A, Option.Option<Punishment.Standing>],
    attempt = 0
  ): Effect.Effect<A, BanListStore.BanListError> =>
    Effect.flatMap(current(key), (before) => {
      const [result, after] = f(before)
      const next = Option.getOrUndefined(Option.map(after, Standing.bounded))
      return Effect.flatMap(
        forUpdate(entries.put(key, Option.getOrUndefined(before), next)),
        (isDone) => {
          if (isDone) return Effect.succeed(result)
          return attempt < attempts ? update(key, f, attempt + 1) : Effect.fail(
            new BanListStore.BanListError({
              reason: new BanListStore.StoreUnavailable({
                operation: "update",
                cause: new Error(`the entry "${key}" never stays as it is`)
              })
            })
          )
        }
      )
    })

  const sweep = Effect.flatMap(
    Clock.currentTimeMillis,
    (now) => sql.withTransaction(entries.sweep({ now, pointsBefore: now - Duration.toMillis(keepPoints), maxEntries }))
  ).pipe(
    Effect.catchCauseIf(
      (cause) => !Cause.hasInterruptsOnly(cause),
      (cause) => Effect.logDebug("The table of the ban list could not be cleaned up", cause)
    ),
    Effect.annotateLogs(annotations)
  )
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(sweepEvery), sweep)))

  return BanListStore.BanListStore.of({
    find: (keys) =>
      keys.length === 0
        ? Effect.succeed([])
        : Effect.flatMap(bound("find")(entries.find(keys)), (rows) => Effect.forEach(rows, toEntry)),
    update: (key, f) => update(key, f),
    remove: (key) => bound("remove")(entries.remove(key)),
    list: Effect.flatMap(bound("list")(entries.list), (rows) => Effect.forEach(rows, toEntry)),
    changes: Stream.empty
  })
})

/**
 * Provides the store in the database of the context.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Options): Layer.Layer<
  BanListStore.BanListStore,
  NetworkConfig.BadOption | UnsupportedDatabase | Migrator.MigrationError | SqlError.SqlError,
  SqlClient.SqlClient
> => Layer.effect(BanListStore.BanListStore, make(options))
