import { assert, describe, it } from "@effect/vitest"
import { Cause, Context, Effect, Exit, Formatter, Layer, Logger, Option, Random, type Scope, Stream } from "effect"
import { Redis } from "effect/persistence"
import { TestClock } from "effect/testing"
import * as Punishment from "../../src/domain/Punishment.ts"
import * as Shared from "../../src/internal/bans/shared.ts"
import * as BanListRedis from "../../src/services/BanListRedis.ts"
import * as BanListStore from "../../src/services/BanListStore.ts"
import * as FakeRedis from "../utils/fakeRedis.ts"

type Store = BanListStore.BanListStore["Service"]

const day = 86_400_000

const points = (points: number, updatedAt = 0): Punishment.Standing => ({ ...Punishment.clean(updatedAt), points })
const ban = (bannedUntil: number, reason = ""): Punishment.Standing => ({ ...Punishment.clean(0), bannedUntil, reason })

const machine = (fake: FakeRedis.FakeRedis, options?: BanListRedis.Options): Effect.Effect<Store, never, Scope.Scope> =>
  Effect.map(
    Layer.build(Layer.fresh(Layer.provide(BanListRedis.layer(options), fake.layer))),
    Context.get(BanListStore.BanListStore)
  ).pipe(Effect.orDie)

const put = (store: Store, key: string, standing?: Punishment.Standing) =>
  store.update(key, () => [undefined, Option.fromUndefinedOr(standing)])

const add = (store: Store, key: string, more: number) =>
  store.update(key, (current) => {
    const next = points(Option.match(current, { onNone: () => 0, onSome: (standing) => standing.points }) + more)
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

const keysOf = (store: Store) => Effect.map(all(store), Object.keys)

const inRedis = (fake: FakeRedis.FakeRedis) =>
  [...(fake.run("HKEYS", "{flowee:bans}:entries") as ReadonlyArray<string>)].sort()

const collectLogs = () => {
  const lines: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => {
    if (logLevel !== "Debug") lines.push(`${logLevel} ${Formatter.format(message)}`)
  })
  return { lines, layer: Logger.layer([logger]) }
}

describe("BanListRedis", () => {
  it.effect("holds on all machines within a second, and tells of new bans", () =>
    Effect.gen(function*() {
      const fake = FakeRedis.make()
      const [a, b] = [yield* machine(fake), yield* machine(fake)]
      const told: Array<string> = []
      yield* Effect.forkScoped(
        Stream.runForEach(b.changes, ({ key }) => Effect.sync(() => void told.push(key))),
        { startImmediately: true }
      )
      yield* put(a, "banned", ban(day, "noise"))
      yield* put(a, "scored", points(5))
      yield* put(b, "mine", ban(day))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* all(b), { banned: ban(day, "noise"), mine: ban(day), scored: points(5) })
      assert.deepStrictEqual(yield* all(a), yield* all(b))
      assert.deepStrictEqual(told, ["banned"])
      yield* put(b, "banned")
      assert.isTrue(yield* b.remove("scored"))
      assert.isFalse(yield* b.remove("scored"))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* keysOf(a), ["mine"])
      const late = yield* machine(fake)
      assert.deepStrictEqual(yield* keysOf(late), ["mine"])
    }))

  it.effect("adds up points of machines that have not heard of each other's", () =>
    Effect.gen(function*() {
      const fake = FakeRedis.make()
      const [a, b] = [yield* machine(fake), yield* machine(fake)]
      assert.strictEqual(yield* add(a, "k", 5), 5)
      assert.strictEqual(yield* add(b, "k", 7), 12)
      assert.strictEqual(yield* add(a, "k", 1), 13)
      yield* Effect.forEach(
        [a, b, a, b, a, b],
        (store) => Effect.forEach(Array.from({ length: 50 }), () => add(store, "together", 1)),
        { concurrency: "unbounded" }
      )
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual((yield* all(a))["together"], points(300))
      assert.deepStrictEqual(yield* all(b), yield* all(a))
    }))

  it.effect("asks one thing each time while there is nothing new", () =>
    Effect.gen(function*() {
      const fake = FakeRedis.make()
      const store = yield* machine(fake)
      yield* put(store, "k", ban(day))
      yield* TestClock.adjust("1 second")
      const before = fake.commands.length
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual([...new Set(fake.commands.slice(before))], ["HMGET"])
      assert.strictEqual(fake.commands.length - before, 60)
    }))

  it.effect("reads more entries than fit into one answer", () =>
    Effect.gen(function*() {
      const fake = FakeRedis.make()
      const a = yield* machine(fake)
      yield* Effect.forEach(Array.from({ length: 1200 }, (_, n) => `k${n}`), (key) => put(a, key, ban(day)), {
        discard: true
      })
      const b = yield* machine(fake)
      assert.strictEqual((yield* b.list).length, 1200)
      yield* Effect.forEach(Array.from({ length: 1100 }, (_, n) => `k${n}`), (key) => a.remove(key), { discard: true })
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* b.list).length, 100)
    }))

  it.effect("keeps lists apart that have other prefixes", () =>
    Effect.gen(function*() {
      const fake = FakeRedis.make()
      const a = yield* machine(fake, { prefix: "one" })
      yield* put(a, "k", ban(day))
      assert.deepStrictEqual(yield* keysOf(yield* machine(fake, { prefix: "two" })), [])
      assert.deepStrictEqual(yield* keysOf(yield* machine(fake, { prefix: "one" })), ["k"])
    }))

  it.effect("removes what is over from Redis too", () =>
    Effect.gen(function*() {
      const fake = FakeRedis.make()
      const [a, b] = [yield* machine(fake, { keepPoints: "2 hours" }), yield* machine(fake, { keepPoints: "2 hours" })]
      yield* put(a, "over", ban(1000))
      yield* put(a, "old", points(1))
      yield* put(a, "lasting", ban(day))
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual(inRedis(fake), ["lasting", "old"])
      yield* TestClock.adjust("2 hours")
      assert.deepStrictEqual(inRedis(fake), ["lasting"])
      assert.deepStrictEqual(yield* keysOf(a), ["lasting"])
      assert.deepStrictEqual(yield* keysOf(b), ["lasting"])
    }))

  it.effect("never holds more entries than it may, in Redis neither, and keeps bans", () =>
    Effect.gen(function*() {
      const fake = FakeRedis.make()
      const options = { maxEntries: 10 }
      const [a, b] = [yield* machine(fake, options), yield* machine(fake, options)]
      yield* put(a, "banned", ban(day, "x".repeat(100_000)))
      for (let n = 0; n < 50; n++) yield* put(a, `s${n}`, points(1))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(inRedis(fake).length, 10)
      assert.include(inRedis(fake), "banned")
      assert.strictEqual((yield* all(b))["banned"]!.reason.length, 500)
      assert.deepStrictEqual(yield* keysOf(a), inRedis(fake))
      assert.deepStrictEqual(yield* keysOf(b), inRedis(fake))
    }))

  it.effect("takes an entry that is no standing for none, and replaces it", () =>
    Effect.gen(function*() {
      const fake = FakeRedis.make()
      const a = yield* machine(fake)
      yield* put(a, "k", ban(day))
      yield* put(a, "good", ban(day))
      fake.run("HSET", "{flowee:bans}:entries", "k", "{oops")
      const b = yield* machine(fake)
      assert.deepStrictEqual(yield* keysOf(b), ["good"])
      assert.strictEqual(yield* add(b, "k", 3), 3)
      assert.deepStrictEqual(yield* keysOf(yield* machine(fake)), ["good", "k"])
    }))

  it.effect("refuses options that make no sense", () =>
    Effect.gen(function*() {
      for (const options of [{ interval: 0 }, { timeout: 0 }, { maxEntries: 0 }, { keepPoints: 0 }]) {
        const exit = yield* Effect.exit(
          Effect.scoped(Layer.build(Layer.provide(BanListRedis.layer(options), FakeRedis.make().layer)))
        )
        assert.strictEqual(Option.getOrThrow(Exit.findErrorOption(exit)).option, Object.keys(options)[0])
      }
    }))
})

describe("BanListRedis, without Redis", () => {
  for (const mood of ["refusing", "silent"] as const) {
    it.effect(`goes on alone while Redis is ${mood}, warns once, and shares everything when it is back`, () =>
      Effect.gen(function*() {
        const fake = FakeRedis.make()
        const logs = collectLogs()
        yield* Effect.gen(function*() {
          const [a, b] = [yield* machine(fake), yield* machine(fake)]
          yield* put(a, "before", ban(day))
          yield* put(a, "lifted", ban(day))
          yield* TestClock.adjust("1 second")
          fake.mood = mood
          const first = yield* Effect.forkChild(put(a, "a", ban(day)), { startImmediately: true })
          yield* TestClock.adjust("3 seconds")
          assert.isDefined(first.pollUnsafe())
          // From now on nothing waits any more.
          yield* put(a, "both", points(7))
          yield* put(b, "both", ban(2 * day))
          yield* put(b, "b", ban(day))
          yield* a.remove("lifted")
          assert.deepStrictEqual(yield* keysOf(a), ["a", "before", "both"])
          assert.deepStrictEqual(yield* keysOf(b), ["b", "before", "both", "lifted"])
          yield* TestClock.adjust("10 minutes")
          assert.strictEqual(logs.lines.length, 2, logs.lines.join("\n"))
          for (const line of logs.lines) assert.match(line, /^Warn .*not shared: Redis cannot be used/)
          fake.mood = "well"
          yield* TestClock.adjust("4 seconds")
          assert.deepStrictEqual(yield* all(a), { a: ban(day), b: ban(day), before: ban(day), both: ban(2 * day) })
          assert.deepStrictEqual(yield* all(b), yield* all(a))
          assert.strictEqual(logs.lines.length, 4, logs.lines.join("\n"))
          assert.match(logs.lines[3]!, /^Info .*shared again/)
          fake.mood = mood
          yield* TestClock.adjust("3 seconds")
          assert.strictEqual(logs.lines.length, 6)
        }).pipe(Effect.provide(logs.layer))
      }))

    it.effect(`starts while Redis is ${mood}`, () =>
      Effect.gen(function*() {
        const fake = FakeRedis.make()
        const logs = collectLogs()
        yield* put(yield* machine(fake), "there", ban(day))
        yield* Effect.gen(function*() {
          fake.mood = mood
          const starting = yield* Effect.forkChild(machine(fake), { startImmediately: true })
          yield* TestClock.adjust("2 seconds")
          const exit = starting.pollUnsafe()
          assert.isTrue(exit !== undefined && Exit.isSuccess(exit))
          const store = (exit as Exit.Success<Store>).value
          yield* put(store, "here", ban(day))
          assert.deepStrictEqual(yield* keysOf(store), ["here"])
          assert.strictEqual(logs.lines.length, 1, logs.lines.join("\n"))
          fake.mood = "well"
          yield* TestClock.adjust("3 seconds")
          assert.deepStrictEqual(yield* keysOf(store), ["here", "there"])
          assert.deepStrictEqual(inRedis(fake), ["here", "there"])
        }).pipe(Effect.provide(logs.layer))
      }))
  }

  it.effect("fills a Redis again that has lost everything, or the last of it", () =>
    Effect.gen(function*() {
      const fake = FakeRedis.make()
      const [a, b] = [yield* machine(fake), yield* machine(fake)]
      yield* put(a, "a", ban(day))
      yield* put(b, "b", ban(day))
      yield* TestClock.adjust("1 second")
      fake.run("FLUSHALL")
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(inRedis(fake), ["a", "b"])
      // As after a start from an older snapshot.
      fake.run("FLUSHALL")
      fake.run("HSET", "{flowee:bans}:about", "epoch", "the same for long")
      yield* TestClock.adjust("1 second")
      yield* put(a, "c", ban(day))
      yield* TestClock.adjust("1 second")
      fake.run("FLUSHALL")
      fake.run("HSET", "{flowee:bans}:about", "epoch", "the same for long")
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(inRedis(fake), ["a", "b", "c"])
      assert.deepStrictEqual(yield* keysOf(a), ["a", "b", "c"])
      assert.deepStrictEqual(yield* keysOf(b), ["a", "b", "c"])
    }))

  it.effect("does not bring back bans that were lifted while it was away for too long", () =>
    Effect.gen(function*() {
      const fake = FakeRedis.make()
      const away = FakeRedis.make()
      // The same data, over a line of its own.
      Object.assign(away, {
        layer: Layer.effect(
          Redis.Redis,
          Redis.make({
            send: <A>(command: string, ...args: ReadonlyArray<string>) =>
              Effect.suspend(() =>
                away.mood === "well"
                  ? Effect.succeed(fake.run(command, ...args) as A)
                  : Effect.fail(new Redis.RedisError({ cause: new Error("cut") }))
              ),
            subscribe: () => Effect.fail(new Redis.RedisError({ cause: "none" })),
            connect: Effect.fail(new Redis.RedisError({ cause: "none" }))
          })
        )
      })
      const here = yield* machine(fake)
      const there = yield* machine(away)
      yield* put(here, "lifted", ban(day))
      yield* put(here, "kept", ban(day))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* keysOf(there), ["kept", "lifted"])
      away.mood = "refusing"
      yield* TestClock.adjust("2 seconds")
      yield* put(there, "made alone", ban(day))
      yield* here.remove("lifted")
      yield* Effect.forEach(
        Array.from({ length: 10_001 }, (_, n) => `k${n}`),
        (key) => Effect.andThen(put(here, key, points(1)), here.remove(key)),
        { discard: true }
      )
      away.mood = "well"
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual(yield* keysOf(there), ["kept", "made alone"])
      assert.deepStrictEqual(yield* keysOf(here), ["kept", "made alone"])
    }))

  it.effect("counts a change once that reached Redis without an answer", () =>
    Effect.gen(function*() {
      const fake = FakeRedis.make()
      const [a, b] = [yield* machine(fake), yield* machine(fake)]
      yield* add(a, "k", 5)
      fake.onCommand = (command, args) => {
        if (command !== "EVALSHA") return
        fake.onCommand = () => {}
        fake.run(command, ...args)
        fake.mood = "silent"
      }
      const adding = yield* Effect.forkChild(add(a, "k", 2), { startImmediately: true })
      yield* TestClock.adjust("2 seconds")
      assert.isDefined(adding.pollUnsafe())
      fake.mood = "well"
      yield* TestClock.adjust("4 seconds")
      assert.deepStrictEqual(yield* all(a), { k: points(7) })
      assert.deepStrictEqual(yield* all(b), { k: points(7) })
    }))

  it.effect("ends alike on all machines, whatever they did and whenever Redis was away", () =>
    Effect.gen(function*() {
      const seed = yield* Random.nextInt
      yield* Effect.gen(function*() {
        const fake = FakeRedis.make()
        const machines = [yield* machine(fake), yield* machine(fake), yield* machine(fake)]
        for (let step = 0; step < 400; step++) {
          const store = machines[yield* Random.nextIntBetween(0, 2)]!
          const key = `k${yield* Random.nextIntBetween(0, 7)}`
          const choice = yield* Random.nextIntBetween(0, 9)
          if (choice < 3) yield* put(store, key, ban(1e9 + step))
          else if (choice < 6) yield* add(store, key, 1)
          else if (choice < 8) yield* store.remove(key)
          else if (choice === 8) fake.mood = fake.mood === "well" ? "refusing" : "well"
          else yield* TestClock.adjust("700 millis")
        }
        fake.mood = "well"
        yield* TestClock.adjust("5 seconds")
        const [first, ...others] = yield* Effect.forEach(machines, all)
        for (const other of others) assert.deepStrictEqual(other, first)
        assert.deepStrictEqual(inRedis(fake), Object.keys(first!))
      }).pipe(
        Random.withSeed(seed),
        Effect.tapCause((cause) => Effect.logError(`seed ${seed}`, Cause.pretty(cause)))
      )
    }))
})

describe("BanListRedis, its plan", () => {
  const about = { epoch: "e", revision: 10, floor: 5 }
  it("is to read what is not known", () => {
    assert.deepStrictEqual(Shared.plan(undefined, about), { _tag: "Read", after: 0 })
    assert.deepStrictEqual(Shared.plan({ epoch: "e", revision: 10 }, about), { _tag: "Nothing" })
    assert.deepStrictEqual(Shared.plan({ epoch: "e", revision: 7 }, about), { _tag: "Read", after: 7 })
    assert.deepStrictEqual(Shared.plan({ epoch: "e", revision: 5 }, about), { _tag: "Read", after: 5 })
    assert.deepStrictEqual(Shared.plan({ epoch: "e", revision: 4 }, about), { _tag: "ReadAll" })
    assert.deepStrictEqual(Shared.plan({ epoch: "e", revision: 11 }, about), { _tag: "Refill" })
    assert.deepStrictEqual(Shared.plan({ epoch: "other", revision: 10 }, about), { _tag: "Refill" })
  })
})
