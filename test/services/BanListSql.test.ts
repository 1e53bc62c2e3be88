import { NodeFileSystem } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, FileSystem, Layer, Option, type Scope } from "effect"
import { NetAddress } from "effect/net"
import { Reactivity } from "effect/reactivity"
import { SqlClient, Statement } from "effect/sql"
import { TestClock } from "effect/testing"
import * as Punishment from "../../src/domain/Punishment.ts"
import * as BanList from "../../src/services/BanList.ts"
import * as BanListSql from "../../src/services/BanListSql.ts"
import type * as BanListStore from "../../src/services/BanListStore.ts"
import * as Sqlite from "../utils/sqlite.ts"

type Store = BanListStore.BanListStore["Service"]

const day = 86_400_000

const points = (points: number, updatedAt = 0): Punishment.Standing => ({ ...Punishment.clean(updatedAt), points })
const ban = (bannedUntil: number, reason = ""): Punishment.Standing => ({ ...Punishment.clean(0), bannedUntil, reason })

const open = (path: string, options?: BanListSql.Options) =>
  Effect.flatMap(
    Sqlite.make(path),
    (sql) =>
      Effect.map(
        Effect.provideService(BanListSql.make(options), SqlClient.SqlClient, sql),
        (store) => ({ sql, store })
      )
  )

const put = (store: Store, key: string, standing?: Punishment.Standing) =>
  store.update(key, () => [undefined, Option.fromUndefinedOr(standing)])

const add = (store: Store, key: string) =>
  store.update(key, (current) => {
    const next = points(Option.match(current, { onNone: () => 0, onSome: (standing) => standing.points }) + 1)
    return [next.points, Option.some(next)]
  })

const all = (store: Store) =>
  Effect.map(
    store.list,
    (entries) =>
      Object.fromEntries(
        entries.map(({ key, standing }) => [key, standing] as const).sort(([a], [b]) => a < b ? -1 : 1)
      )
  )

const withStore = <A, E>(f: (store: Store, sql: SqlClient.SqlClient) => Effect.Effect<A, E, Scope.Scope>) =>
  Effect.flatMap(open(":memory:"), ({ sql, store }) => f(store, sql))

const inFolder = <A, E>(f: (path: string) => Effect.Effect<A, E, Scope.Scope>) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    return yield* f(`${yield* fs.makeTempDirectoryScoped()}/app.db`)
  }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer))

const failureOf = <A, E>(exit: Exit.Exit<A, E>): E => Option.getOrThrow(Exit.findErrorOption(exit))

describe("BanListSql", () => {
  it.effect("finds what was written, and only that", () =>
    withStore((store) =>
      Effect.gen(function*() {
        yield* put(store, "a", ban(Punishment.forever, "it's \"quoted\"; DROP TABLE flowee_bans -- \u20ac\n"))
        yield* put(store, "b", points(0.1 + 0.2, 1_790_000_000_123))
        assert.deepStrictEqual(yield* store.find(["c", "b"]), [
          { key: "b", standing: points(0.1 + 0.2, 1_790_000_000_123) }
        ])
        assert.deepStrictEqual(yield* store.find([]), [])
        assert.deepStrictEqual(yield* all(store), {
          a: ban(Punishment.forever, "it's \"quoted\"; DROP TABLE flowee_bans -- \u20ac\n"),
          b: points(0.1 + 0.2, 1_790_000_000_123)
        })
        assert.isTrue(yield* store.remove("a"))
        assert.isFalse(yield* store.remove("a"))
        yield* put(store, "b")
        assert.deepStrictEqual(yield* store.list, [])
      })
    ))

  it.effect("carries a ban list", () =>
    Effect.gen(function*() {
      const banList = yield* BanList.BanList
      const address = NetAddress.inetAddressFromStringUnsafe("192.0.2.1:4000")
      const other = NetAddress.inetAddressFromStringUnsafe("[2001:db8::1]:4000")
      yield* banList.punish(address, 600, "noise")
      assert.strictEqual((yield* banList.punish(address, 400, "more"))._tag, "Banned")
      yield* banList.ban(other)
      assert.isTrue(yield* banList.isBanned(other))
      assert.strictEqual((yield* banList.list).length, 2)
      assert.isTrue(yield* banList.unban(address))
      yield* TestClock.adjust("24 hours")
      assert.isFalse(yield* banList.isBanned(other))
    }).pipe(
      Effect.provide(BanList.layer().pipe(Layer.provide(BanListSql.layer()), Layer.provide(Sqlite.layer(":memory:"))))
    ))

  it.effect("keeps everything over a restart, and makes its table once", () =>
    inFolder((path) =>
      Effect.gen(function*() {
        yield* Effect.scoped(Effect.flatMap(open(path), ({ store }) => put(store, "a", ban(day, "noise"))))
        yield* Effect.scoped(Effect.flatMap(open(path), ({ sql, store }) =>
          Effect.gen(function*() {
            assert.deepStrictEqual(yield* all(store), { a: ban(day, "noise") })
            assert.deepStrictEqual(
              yield* sql`SELECT migration_id, name FROM flowee_bans_migrations`.withoutTransform,
              [{ __proto__: null, migration_id: 1, name: "create" }] as unknown as ReadonlyArray<object>
            )
          })))
      })
    ))

  it.effect("lives beside others in one database", () =>
    inFolder((path) =>
      Effect.gen(function*() {
        const one = yield* open(path)
        const other = yield* open(path, { table: "other bans" })
        yield* put(one.store, "a", ban(day))
        assert.deepStrictEqual(yield* other.store.list, [])
        yield* put(other.store, "b", ban(day))
        assert.deepStrictEqual(Object.keys(yield* all(one.store)), ["a"])
      })
    ))

  it.live("loses no change of two clients that change the same entry", () =>
    inFolder((path) =>
      Effect.gen(function*() {
        const [one, other] = [yield* open(path), yield* open(path)]
        yield* Effect.forEach(
          Array.from({ length: 20 }, (_, n) => n % 2 === 0 ? one.store : other.store),
          (store) => Effect.forEach(Array.from({ length: 5 }), () => add(store, "k")),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(yield* all(one.store), { k: points(100) })
        assert.deepStrictEqual(yield* all(other.store), { k: points(100) })
      })
    ))

  it.effect("works a change out anew when the entry changed in between", () =>
    withStore((store, sql) =>
      Effect.gen(function*() {
        yield* put(store, "k", points(1))
        const seen: Array<number> = []
        const interfere = Effect.runSyncWith(yield* Effect.context<never>())
        const result = yield* store.update("k", (current) => {
          const { points: had } = Option.getOrThrow(current)
          if (seen.push(had) === 1) interfere(Effect.orDie(sql`UPDATE flowee_bans SET points = 7`))
          return [had, Option.some(points(had + 1))]
        })
        assert.strictEqual(result, 7)
        assert.deepStrictEqual(seen, [1, 7])
        assert.deepStrictEqual(yield* all(store), { k: points(8) })
      })
    ))

  it.effect("removes what is over, each minute", () =>
    Effect.gen(function*() {
      const { store } = yield* open(":memory:", { keepPoints: "1 hour" })
      yield* put(store, "over", ban(1000))
      yield* put(store, "lasting", ban(day))
      yield* put(store, "old", points(1))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(Object.keys(yield* all(store)), ["lasting", "old"])
      yield* put(store, "young", points(1, 60_000))
      yield* TestClock.adjust("59 minutes")
      assert.deepStrictEqual(Object.keys(yield* all(store)), ["lasting", "young"])
    }))

  it.effect("keeps no more entries than it may, and bans rather than points", () =>
    Effect.gen(function*() {
      const { store } = yield* open(":memory:", { maxEntries: 3 })
      yield* put(store, "long", ban(2 * day, "x".repeat(100_000)))
      yield* put(store, "short", ban(day, "a\0b"))
      for (let n = 0; n < 50; n++) yield* put(store, `s${n}`, points(1, n))
      yield* TestClock.adjust("1 minute")
      const kept = yield* all(store)
      assert.deepStrictEqual(Object.keys(kept), ["long", "s49", "short"])
      assert.strictEqual(kept["long"]!.reason.length, 500)
      assert.strictEqual(kept["short"]!.reason, "a\ufffdb")
      for (let n = 0; n < 5; n++) yield* put(store, `b${n}`, ban(3 * day + n))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(Object.keys(yield* all(store)), ["b2", "b3", "b4"])
    }))

  it.effect("says what it cannot read", () =>
    withStore((store, sql) =>
      Effect.gen(function*() {
        yield* put(store, "k", points(1))
        yield* sql`UPDATE flowee_bans SET banned_until = 'soon'`
        for (
          const operation of [
            Effect.asVoid(store.find(["k"])),
            Effect.asVoid(store.list),
            Effect.asVoid(add(store, "k"))
          ]
        ) {
          const error = failureOf(yield* Effect.exit(operation))
          assert.strictEqual(error.reason._tag, "EntryMalformed")
          assert.match(error.message, /"k".*cannot be read/)
        }
        assert.isTrue(yield* store.remove("k"))
      })
    ))

  it.effect("says that the database is away", () =>
    withStore((store, sql) =>
      Effect.gen(function*() {
        yield* sql`DROP TABLE flowee_bans`
        const operations = {
          find: Effect.asVoid(store.find(["k"])),
          list: Effect.asVoid(store.list),
          remove: Effect.asVoid(store.remove("k")),
          update: Effect.asVoid(add(store, "k"))
        }
        for (const [name, operation] of Object.entries(operations)) {
          const { reason } = failureOf(yield* Effect.exit(operation))
          assert.strictEqual(reason._tag === "StoreUnavailable" ? reason.operation : reason._tag, name)
        }
        yield* TestClock.adjust("5 minutes")
      })
    ))

  it.effect("waits no longer than it may", () =>
    withStore((store, sql) =>
      Effect.gen(function*() {
        // The only connection is taken.
        yield* sql.reserve
        const finding = yield* Effect.forkChild(Effect.exit(store.find(["k"])), { startImmediately: true })
        yield* TestClock.adjust("2 seconds")
        const exit = finding.pollUnsafe()
        assert.isTrue(exit !== undefined && Exit.isSuccess(exit))
        const { reason } = failureOf((exit as Exit.Success<Exit.Exit<unknown, BanListStore.BanListError>>).value)
        assert.strictEqual(reason._tag, "StoreUnavailable")
      })
    ))

  it.effect("refuses databases that it cannot use, and options that make no sense", () =>
    Effect.gen(function*() {
      const mysql = yield* SqlClient.make({
        acquirer: Effect.die("it is not asked"),
        compiler: Statement.makeCompiler({
          dialect: "mysql",
          placeholder: () => "?",
          onIdentifier: (name) => name,
          onRecordUpdate: () => ["", []],
          onCustom: () => ["", []]
        }),
        driver: "mysql",
        spanAttributes: []
      }).pipe(Effect.provide(Reactivity.layer))
      const exit = yield* Effect.exit(Effect.provideService(BanListSql.make(), SqlClient.SqlClient, mysql))
      const error = failureOf(exit)
      assert.deepInclude(error, { _tag: "UnsupportedDatabase", dialect: "mysql" })
      assert.include((error as BanListSql.UnsupportedDatabase).message, "SQLite or PostgreSQL")
      const bad = failureOf(yield* Effect.exit(open(":memory:", { timeout: 1 })))
      assert.deepInclude(bad, { _tag: "BadOption", option: "timeout" })
    }))
})
