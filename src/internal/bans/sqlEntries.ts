/**
 * The table of a ban list, and the statements that read and change it. They are those that SQLite and PostgreSQL share.
 *
 * Times are floating point numbers: integers of this size are exact in them, and every driver gives them as numbers.
 */
import * as Effect from "effect/Effect"
import * as SqlClient from "effect/sql/SqlClient"
import type * as SqlError from "effect/sql/SqlError"
import type * as Punishment from "../../domain/Punishment.ts"
import * as Standing from "./standing.ts"

/** @internal */
export interface Row {
  readonly peer_group: string
  readonly points: unknown
  readonly updated_at: unknown
  readonly banned_until: unknown
  readonly reason: unknown
}

/** @internal */
export const standingOf = ({ banned_until, points, reason, updated_at }: Row): Punishment.Standing | undefined =>
  Standing.fromUnknown({ points, updatedAt: updated_at, bannedUntil: banned_until, reason })

/** Each of them runs once for a database, in this order. @internal */
export const migrations = (table: string): Record<string, Effect.Effect<void, unknown, SqlClient.SqlClient>> => ({
  "1_create": SqlClient.SqlClient.use((sql) =>
    Effect.all([
      sql`CREATE TABLE IF NOT EXISTS ${sql(table)} (
  peer_group VARCHAR(256) PRIMARY KEY NOT NULL,
  points DOUBLE PRECISION NOT NULL,
  updated_at DOUBLE PRECISION NOT NULL,
  banned_until DOUBLE PRECISION NOT NULL,
  reason TEXT NOT NULL
)`,
      sql`CREATE INDEX IF NOT EXISTS ${sql(`${table}_order`)} ON ${sql(table)} (banned_until, updated_at)`
    ], { discard: true })
  )
})

/** @internal */
export interface Sweep {
  readonly now: number
  /** Points that were not touched since are forgotten. */
  readonly pointsBefore: number
  readonly maxEntries: number
}

/** @internal */
export interface SqlEntries {
  readonly find: (keys: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<Row>, SqlError.SqlError>
  readonly list: Effect.Effect<ReadonlyArray<Row>, SqlError.SqlError>
  readonly remove: (key: string) => Effect.Effect<boolean, SqlError.SqlError>
  /** Puts `next` in place of `before`; `false` when something else is there. */
  readonly put: (
    key: string,
    before: Punishment.Standing | undefined,
    next: Punishment.Standing | undefined
  ) => Effect.Effect<boolean, SqlError.SqlError>
  readonly sweep: (options: Sweep) => Effect.Effect<void, SqlError.SqlError>
}

const isSome = (rows: ReadonlyArray<unknown>): boolean => rows.length > 0

/** @internal */
export const make = (sql: SqlClient.SqlClient, name: string): SqlEntries => {
  const table = sql(name)

  const insert = (key: string, { bannedUntil, points, reason, updatedAt }: Punishment.Standing) =>
    sql`INSERT INTO ${table} (peer_group, points, updated_at, banned_until, reason)
VALUES (${key}, ${points}, ${updatedAt}, ${bannedUntil}, ${reason})
ON CONFLICT (peer_group) DO NOTHING RETURNING peer_group`.withoutTransform

  const isStill = (key: string, before: Punishment.Standing) =>
    sql`peer_group = ${key} AND points = ${before.points} AND updated_at = ${before.updatedAt}
AND banned_until = ${before.bannedUntil} AND reason = ${before.reason}`

  const replace = (key: string, before: Punishment.Standing, next: Punishment.Standing) =>
    sql`UPDATE ${table} SET points = ${next.points}, updated_at = ${next.updatedAt},
banned_until = ${next.bannedUntil}, reason = ${next.reason}
WHERE ${isStill(key, before)} RETURNING peer_group`.withoutTransform

  const removeStill = (key: string, before: Punishment.Standing) =>
    sql`DELETE FROM ${table} WHERE ${isStill(key, before)} RETURNING peer_group`.withoutTransform

  return {
    find: (keys) => sql<Row>`SELECT * FROM ${table} WHERE ${sql.in("peer_group", keys)}`.withoutTransform,
    list: sql<Row>`SELECT * FROM ${table}`.withoutTransform,
    remove: (key) =>
      Effect.map(sql`DELETE FROM ${table} WHERE peer_group = ${key} RETURNING peer_group`.withoutTransform, isSome),
    put: (key, before, next) => {
      if (Standing.equals(before, next)) return Effect.succeed(true)
      if (before === undefined) return Effect.map(insert(key, next!), isSome)
      return Effect.map(next === undefined ? removeStill(key, before) : replace(key, before, next), isSome)
    },
    sweep: ({ maxEntries, now, pointsBefore }) =>
      Effect.gen(function*() {
        yield* sql`DELETE FROM ${table} WHERE banned_until <= ${now} AND (banned_until > 0 OR updated_at <= ${pointsBefore})`
        const [row] = yield* sql<{ readonly entries: unknown }>`SELECT COUNT(*) AS entries FROM ${table}`
          .withoutTransform
        const tooMany = Number(row?.entries) - maxEntries
        if (!(tooMany > 0)) return
        // Without a ban `banned_until` is 0, so points go first.
        yield* sql`DELETE FROM ${table} WHERE peer_group IN (
  SELECT peer_group FROM ${table} ORDER BY banned_until, updated_at LIMIT ${tooMany}
)`
      })
  }
}
