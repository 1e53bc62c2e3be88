import { NodeFileSystem, NodePath } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, FileSystem, Layer, Logger, Option, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as Network from "../../../src/domain/Network.ts"
import type * as AddressFile from "../../../src/domain/p2p/AddressFile.ts"
import * as DnsSeeds from "../../../src/services/p2p/DnsSeeds.ts"
import * as PeerAddressBook from "../../../src/services/p2p/PeerAddressBook.ts"
import * as PeerAddressStore from "../../../src/services/p2p/PeerAddressStore.ts"
import * as Books from "../../utils/addressBook.ts"
import { Parts } from "../../utils/openBook.ts"

const a = Books.address("8.8.8.8:8333")

const network = Network.mainnet

/** A store that says what was saved into it, and that can be out of order. */
const makeStore = () => {
  const saves: Array<AddressFile.Snapshot> = []
  const state = { failing: false }
  const service = PeerAddressStore.PeerAddressStore.of({
    load: Effect.sync(() => Option.fromUndefinedOr(saves.at(-1))),
    save: (snapshot) =>
      Effect.suspend(() => {
        if (state.failing) return new PeerAddressStore.PeerAddressStoreError({ problem: "Unwritable", path: "peers" })
        saves.push(snapshot)
        return Effect.void
      })
  })
  return { saves, state, layer: Layer.succeed(PeerAddressStore.PeerAddressStore, service) }
}

const withStore = <A, E, R>(
  store: Layer.Layer<PeerAddressStore.PeerAddressStore, never, R>,
  f: (book: PeerAddressBook.PeerAddressBook["Service"]) => Effect.Effect<A, E, Scope.Scope>
) =>
  Effect.flatMap(PeerAddressBook.make({ network, saveAfter: "1 minute" }), f).pipe(
    Effect.scoped,
    Effect.provide([Parts, store, DnsSeeds.layerNone])
  )

describe("PeerAddressBook, what it keeps", () => {
  it.effect("saves some time after a change, once for many", () => {
    const store = makeStore()
    return withStore(store.layer, (book) =>
      Effect.gen(function*() {
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(store.saves.length, 0)
        yield* book.add([a])
        yield* TestClock.adjust("30 seconds")
        yield* book.punish(a, 5)
        yield* TestClock.adjust(29_999)
        assert.strictEqual(store.saves.length, 0)
        yield* TestClock.adjust(1)
        assert.strictEqual(store.saves.length, 1)
        assert.strictEqual(store.saves[0]!.entries[0]!.points, 5)
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(store.saves.length, 1)
        yield* book.punish(a, 5)
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(store.saves.length, 2)
        yield* book.save
        assert.strictEqual(store.saves.length, 2)
      }))
  })

  it.effect("saves when it is closed, as if nothing were in use", () => {
    const store = makeStore()
    return Effect.gen(function*() {
      yield* withStore(store.layer, (book) => Effect.andThen(book.add([a]), book.choose()))
      assert.strictEqual(store.saves.length, 1)
      const { entries } = store.saves[0]!
      assert.strictEqual(entries[0]!.use, "Free")
      assert.strictEqual(entries[0]!.points, 0)
      yield* withStore(store.layer, () => Effect.void)
      assert.strictEqual(store.saves.length, 1)
    })
  })

  it.effect("tries again when a save fails, and goes on without", () => {
    const store = makeStore()
    return withStore(store.layer, (book) =>
      Effect.gen(function*() {
        store.state.failing = true
        yield* book.add([a])
        yield* TestClock.adjust("1 minute")
        assert.strictEqual((yield* Effect.flip(book.save)).problem, "Unwritable")
        store.state.failing = false
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(store.saves.length, 1)
      })).pipe(Effect.provide(Logger.layer([])))
  })

  it.live("is the same after a restart", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const path = `${yield* fs.makeTempDirectoryScoped()}/peers`
      const store = PeerAddressStore.layerFile({ path, network }).pipe(Layer.provide(Parts))
      const before = yield* withStore(store, (book) =>
        Effect.gen(function*() {
          for (let i = 0; i < 10; i++) {
            const source = Books.address(`${30 + i}.1.1.1:8333`)
            yield* book.add([source])
            yield* book.askedForAddresses(source)
            const told = Array.from({ length: 1000 }, (_, j) => Books.timed(Books.publicAddress((i * 1000 + j) * 4099)))
            yield* book.addFrom(source, told)
          }
          for (let i = 0; i < 200; i++) {
            const entry = yield* Effect.scoped(book.choose())
            const { address } = Option.getOrThrow(entry)
            yield* book.connected(address, BigInt(i))
            yield* book.goodHeaders(address)
            yield* book.punish(address, i * 10)
            yield* book.assign(address, i % 2 === 0 ? i : undefined)
          }
          return yield* book.entries
        }))
      assert.isAtLeast(before.length, 5000)
      const after = yield* withStore(store, (book) => book.entries)
      assert.deepStrictEqual(Books.byKey(after), Books.byKey(before))
    }).pipe(Effect.provide([NodeFileSystem.layer, NodePath.layer])))

  it.live("does not start over a file that is damaged", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const path = `${yield* fs.makeTempDirectoryScoped()}/peers`
      yield* fs.writeFileString(path, "FLWPEERS")
      const store = PeerAddressStore.layerFile({ path, network }).pipe(Layer.provide(Parts))
      const error = yield* Effect.flip(withStore(store, () => Effect.void))
      assert.strictEqual(error._tag === "PeerAddressStoreError" && error.problem, "Damaged")
      assert.strictEqual(yield* fs.readFileString(path), "FLWPEERS")
    }).pipe(Effect.provide([NodeFileSystem.layer, NodePath.layer])))
})

describe("PeerAddressBook, its seeds", () => {
  const seedsOf = (ask: DnsSeeds.DnsSeeds["Service"]["ask"]) =>
    Layer.mergeAll(Layer.succeed(DnsSeeds.DnsSeeds, { ask }), PeerAddressStore.layerMemory, Parts)

  const answer = (count: number): ReadonlyArray<DnsSeeds.Answer> => [
    { seed: "a.test", addresses: Array.from({ length: count }, (_, i) => Books.publicAddress(i << 16)) },
    { seed: "b.test", addresses: [Books.address("127.0.0.1:8333")] }
  ]

  it.effect("asks them when it knows nobody, and waits for the answer", () =>
    Effect.gen(function*() {
      const gate = yield* Deferred.make<ReadonlyArray<DnsSeeds.Answer>>()
      const context = yield* Layer.build(
        PeerAddressBook.layer({ network }).pipe(Layer.provide(seedsOf(Deferred.await(gate))))
      )
      const book = Context.get(context, PeerAddressBook.PeerAddressBook)
      const fiber = yield* Effect.forkChild(book.choose({ services: 5n }), { startImmediately: true })
      yield* Effect.yieldNow
      assert.isUndefined(fiber.pollUnsafe())
      yield* Deferred.succeed(gate, answer(1))
      assert.strictEqual(Option.getOrThrow(Option.map(yield* Fiber.join(fiber), Books.format)), "60.0.0.0:8333")
      const [entry] = yield* book.entries
      assert.deepStrictEqual(entry!.source, { _tag: "Seed", name: "a.test" })
      assert.strictEqual(yield* book.size, 1)
    }))

  it.effect("asks only so often, and in the background while there are some", () =>
    Effect.gen(function*() {
      let asked = 0
      const ask = Effect.sync(() => {
        asked++
        return answer(asked * 10)
      })
      const book = yield* PeerAddressBook.make({ network, enough: 20, seedInterval: "10 minutes" })
        .pipe(Effect.provide(seedsOf(ask)))
      const choose = Effect.scoped(book.choose())
      yield* choose
      assert.strictEqual(yield* book.size, 10)
      yield* choose
      yield* TestClock.adjust("599 seconds")
      yield* choose
      assert.strictEqual(asked, 1)
      yield* TestClock.adjust("1 second")
      assert.isTrue(Option.isSome(yield* choose))
      yield* Effect.yieldNow
      assert.strictEqual(asked, 2)
      assert.strictEqual(yield* book.size, 20)
      yield* TestClock.adjust("1 hour")
      yield* choose
      yield* Effect.yieldNow
      assert.strictEqual(asked, 2)
    }))

  it.effect("asks nobody when there are enough, or when none is ever too few", () =>
    Effect.gen(function*() {
      const never = seedsOf(Effect.die("they were asked"))
      const book = yield* PeerAddressBook.make({ network, enough: 0 }).pipe(Effect.provide(never))
      assert.deepStrictEqual(yield* book.choose(), Option.none())
      const full = yield* PeerAddressBook.make({ network, enough: 1 }).pipe(Effect.provide(never))
      yield* full.add([a])
      assert.isTrue(Option.isSome(yield* full.choose()))
      assert.isTrue(Option.isNone(yield* full.choose()))
    }))

  it.effect("stops waiting when the book is closed", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const book = yield* PeerAddressBook.make({ network }).pipe(
        Effect.provide(seedsOf(Effect.never)),
        Scope.provide(scope)
      )
      const fiber = yield* Effect.forkChild(book.choose(), { startImmediately: true })
      yield* Effect.yieldNow
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(yield* Fiber.join(fiber), Option.none())
    }))
})
