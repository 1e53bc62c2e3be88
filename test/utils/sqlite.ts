import { Context, Effect, Layer, type Scope, Semaphore, Stream } from "effect"
import { Reactivity } from "effect/reactivity"
import { SqlClient, type SqlConnection, SqlError, Statement } from "effect/sql"
import { DatabaseSync, type SQLInputValue } from "node:sqlite"

/** A client of Effect over the SQLite of Node.js: as much of one as a store needs. */
export const make = (path: string): Effect.Effect<SqlClient.SqlClient, never, Scope.Scope> =>
  Effect.gen(function*() {
    const database = yield* Effect.acquireRelease(
      Effect.sync(() => new DatabaseSync(path)),
      (database) => Effect.sync(() => database.close())
    )
    database.exec("PRAGMA busy_timeout = 2000; PRAGMA journal_mode = WAL")
    const run = (sql: string, params: ReadonlyArray<unknown>) =>
      Effect.try({
        try: () => database.prepare(sql).all(...(params as ReadonlyArray<SQLInputValue>)),
        catch: (cause) =>
          new SqlError.SqlError({
            reason: SqlError.classifySqliteError(cause, { message: "it failed", operation: "execute" })
          })
      })
    const connection: SqlConnection.Connection = {
      execute: (sql, params) => run(sql, params),
      executeRaw: (sql, params) => run(sql, params),
      executeUnprepared: (sql, params) => run(sql, params),
      executeValues: (sql, params) => Effect.map(run(sql, params), (rows) => rows.map((row) => Object.values(row))),
      executeValuesUnprepared: (sql, params) =>
        Effect.map(run(sql, params), (rows) => rows.map((row) => Object.values(row))),
      executeStream: (sql, params) => Stream.fromIterableEffect(run(sql, params))
    }
    const semaphore = yield* Semaphore.make(1)
    return yield* SqlClient.make({
      ...SqlClient.makeSqliteAcquirers({ connection: Effect.succeed(connection), semaphore }),
      isTransaction: () => database.isTransaction,
      compiler: Statement.makeCompilerSqlite(),
      driver: "node-sqlite",
      beginTransaction: "BEGIN IMMEDIATE",
      spanAttributes: []
    })
  }).pipe(Effect.provide(Reactivity.layer))

export const layer = (path: string): Layer.Layer<SqlClient.SqlClient> => Layer.effect(SqlClient.SqlClient, make(path))

export const clientOf = (path: string) => Effect.map(Layer.build(layer(path)), Context.get(SqlClient.SqlClient))
