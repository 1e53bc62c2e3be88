import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import * as Punishment from "../../src/domain/Punishment.ts"
import * as BanListStore from "../../src/services/BanListStore.ts"

const standing = (change: Partial<Punishment.Standing> = {}): Punishment.Standing => ({
  ...Punishment.clean(0),
  points: 1,
  ...change
})

const withStore = <A, E>(
  options: BanListStore.MemoryOptions,
  f: (store: BanListStore.BanListStore["Service"]) => Effect.Effect<A, E>
) => BanListStore.BanListStore.use(f).pipe(Effect.provide(BanListStore.layerMemory(options)))

const put = (store: BanListStore.BanListStore["Service"], key: string, change?: Partial<Punishment.Standing>) =>
  store.update(key, () => [undefined, Option.some(standing(change))])

const keys = (store: BanListStore.BanListStore["Service"]) =>
  Effect.map(store.list, (entries) => entries.map((entry) => entry.key).sort())

describe("BanListStore", () => {
  it.effect("finds what was written, and only that", () =>
    withStore({}, (store) =>
      Effect.gen(function*() {
        yield* put(store, "a", { points: 5 })
        yield* put(store, "b", { bannedUntil: 1000 })
        assert.deepStrictEqual(yield* store.find(["c", "a"]), [{ key: "a", standing: standing({ points: 5 }) }])
        assert.strictEqual((yield* store.find(["a", "b"])).length, 2)
        assert.deepStrictEqual(yield* store.find([]), [])
        assert.deepStrictEqual(yield* keys(store), ["a", "b"])
      })))

  it.effect("hands an update the entry and takes what it gives", () =>
    withStore({}, (store) =>
      Effect.gen(function*() {
        const first = yield* store.update("a", (current) => [Option.isNone(current), Option.some(standing())])
        assert.isTrue(first)
        const second = yield* store.update("a", (current) => [current, Option.none()])
        assert.deepStrictEqual(second, Option.some(standing()))
        assert.deepStrictEqual(yield* store.list, [])
        assert.isFalse(yield* store.remove("a"))
        yield* put(store, "a")
        assert.isTrue(yield* store.remove("a"))
        assert.deepStrictEqual(yield* store.list, [])
      })))

  it.effect("loses no update that runs beside others", () =>
    withStore({}, (store) =>
      Effect.gen(function*() {
        yield* Effect.forEach(
          Array.from({ length: 100 }),
          () =>
            store.update("a", (current) => [
              undefined,
              Option.some(standing({ points: Option.match(current, { onNone: () => 1, onSome: (s) => s.points + 1 }) }))
            ]),
          { concurrency: "unbounded", discard: true }
        )
        assert.strictEqual((yield* store.find(["a"]))[0]!.standing.points, 100)
      })))

  it.effect("lets go of the group that was least recently touched", () =>
    withStore({ maxEntries: 3 }, (store) =>
      Effect.gen(function*() {
        yield* put(store, "a")
        yield* put(store, "b")
        yield* put(store, "c")
        yield* put(store, "a", { points: 2 })
        yield* put(store, "d")
        assert.deepStrictEqual(yield* keys(store), ["a", "c", "d"])
        yield* put(store, "d", { points: 2 })
        assert.deepStrictEqual(yield* keys(store), ["a", "c", "d"])
      })))

  it.effect("keeps bans while there are groups with points only", () =>
    withStore({ maxEntries: 10 }, (store) =>
      Effect.gen(function*() {
        yield* put(store, "banned", { bannedUntil: 1000 })
        for (let i = 0; i < 1000; i++) yield* put(store, `sprayed ${i}`)
        const left = yield* keys(store)
        assert.strictEqual(left.length, 10)
        assert.include(left, "banned")
        assert.include(left, "sprayed 999")
      })))

  it.effect("lets a ban go first once it is over", () =>
    withStore({ maxEntries: 3 }, (store) =>
      Effect.gen(function*() {
        yield* put(store, "over", { bannedUntil: 1000 })
        yield* put(store, "banned", { bannedUntil: 5000 })
        yield* put(store, "scored")
        yield* TestClock.adjust(1000)
        yield* put(store, "new")
        assert.deepStrictEqual(yield* keys(store), ["banned", "new", "scored"])
      })))

  it.effect("stays bounded when all are banned, and keeps the longest bans", () =>
    withStore({ maxEntries: 200 }, (store) =>
      Effect.gen(function*() {
        yield* put(store, "for ever", { bannedUntil: Punishment.forever })
        for (let i = 0; i < 1000; i++) yield* put(store, `b${i}`, { bannedUntil: 1000 + i })
        const left = yield* keys(store)
        assert.isAtMost(left.length, 200)
        assert.isAtLeast(left.length, 198)
        assert.include(left, "for ever")
        assert.include(left, "b999")
        assert.notInclude(left, "b0")
      })))

  it.effect("works with room for a single entry", () =>
    withStore({ maxEntries: 1 }, (store) =>
      Effect.gen(function*() {
        yield* put(store, "a", { bannedUntil: 1000 })
        yield* put(store, "b", { bannedUntil: 500 })
        yield* put(store, "c")
        assert.deepStrictEqual(yield* keys(store), ["c"])
      })))

  it.effect("refuses to have room for none", () =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(Effect.scoped(Layer.build(BanListStore.layerMemory({ maxEntries: 0 }))))
      assert.isTrue(Exit.isFailure(exit))
    }))

  it("says what failed", () => {
    const cause = new Error("connection refused")
    const unavailable = new BanListStore.BanListError({
      reason: new BanListStore.StoreUnavailable({ operation: "update", cause })
    })
    assert.strictEqual(unavailable.message, "the store of the ban list failed to update")
    const malformed = new BanListStore.BanListError({
      reason: new BanListStore.EntryMalformed({ key: "192.0.2.1/32", cause })
    })
    assert.include(malformed.message, "192.0.2.1/32")
  })
})
