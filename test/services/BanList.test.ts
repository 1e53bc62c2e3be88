import { assert, describe, it } from "@effect/vitest"
import { DateTime, Duration, Effect, Exit, Fiber, Layer, Logger, Option, Queue, Scope, Stream } from "effect"
import { IpNetwork, NetAddress } from "effect/net"
import { TestClock } from "effect/testing"
import * as PeerGroup from "../../src/domain/PeerGroup.ts"
import * as Punishment from "../../src/domain/Punishment.ts"
import * as BanList from "../../src/services/BanList.ts"
import * as BanListStore from "../../src/services/BanListStore.ts"

const peer = NetAddress.inetAddressFromStringUnsafe
const network = IpNetwork.fromStringUnsafe
const local = NetAddress.unixPathAddress("/run/hub.sock")

const a = peer("192.0.2.1:4000")
const b = peer("192.0.2.2:4000")

const withBanList = <A, E>(
  f: (banList: BanList.BanList["Service"]) => Effect.Effect<A, E, Scope.Scope>,
  options?: Parameters<typeof BanList.layerMemory>[0]
) => Effect.scoped(BanList.BanList.use(f)).pipe(Effect.provide(BanList.layerMemory(options)))

const unavailable = (operation: "find" | "update" | "remove" | "list") =>
  Effect.fail(
    new BanListStore.BanListError({
      reason: new BanListStore.StoreUnavailable({ operation, cause: new Error("connection refused") })
    })
  )

const brokenStore: BanListStore.BanListStore["Service"] = {
  find: () => unavailable("find"),
  update: () => unavailable("update"),
  remove: () => unavailable("remove"),
  list: unavailable("list"),
  changes: Stream.empty
}

const collectLogs = () => {
  const levels: Array<string> = []
  return { levels, layer: Logger.layer([Logger.make(({ logLevel }) => levels.push(logLevel))]) }
}

describe("BanList", () => {
  it.effect("bans at 1000 points, for 24 hours, and forgets all about it then", () =>
    withBanList((banList) =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* banList.punish(a, 999, "noise"), { _tag: "Tolerated", points: 999 })
        assert.isFalse(yield* banList.isBanned(a))
        const verdict = yield* banList.punish(a, 1, "more noise")
        assert.deepStrictEqual(verdict, {
          _tag: "Banned",
          isNew: true,
          ban: {
            group: PeerGroup.fromAddress(a),
            until: DateTime.makeUnsafe(Duration.toMillis("24 hours")),
            reason: "more noise"
          }
        })
        assert.isTrue(yield* banList.isBanned(a))
        assert.isFalse(yield* banList.isBanned(b))

        yield* TestClock.adjust(Duration.millis(24 * 3_600_000 - 1))
        assert.isTrue(yield* banList.isBanned(a))
        assert.strictEqual((yield* banList.list).length, 1)
        yield* TestClock.adjust(1)
        assert.isFalse(yield* banList.isBanned(a))
        assert.deepStrictEqual(yield* banList.list, [])
        assert.strictEqual(yield* banList.score(a), 0)
        assert.deepStrictEqual(yield* banList.punish(a, 999, "again"), { _tag: "Tolerated", points: 999 })
      })
    ))

  it.effect("forgives 100 points an hour", () =>
    withBanList((banList) =>
      Effect.gen(function*() {
        yield* banList.punish(a, 600, "noise")
        yield* TestClock.adjust("90 minutes")
        assert.strictEqual(yield* banList.score(a), 450)
        assert.deepStrictEqual(yield* banList.punish(a, 100, "noise"), { _tag: "Tolerated", points: 550 })
        yield* TestClock.adjust("6 hours")
        assert.strictEqual(yield* banList.score(a), 0)
      })
    ))

  it.effect("forgives in hourly steps when told so", () =>
    withBanList((banList) =>
      Effect.gen(function*() {
        yield* banList.punish(a, 600, "noise")
        yield* TestClock.adjust("59 minutes")
        assert.strictEqual(yield* banList.score(a), 600)
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(yield* banList.score(a), 500)
      }), { decay: "hourly" }))

  it.effect("forgives by negative points, and remembers nothing then", () =>
    Effect.gen(function*() {
      const banList = yield* BanList.BanList
      const store = yield* BanListStore.BanListStore
      yield* banList.punish(a, 600, "noise")
      assert.deepStrictEqual(yield* banList.punish(a, -100, "kept still"), { _tag: "Tolerated", points: 500 })
      yield* banList.punish(a, -1000, "kept still")
      assert.strictEqual(yield* banList.score(a), 0)
      assert.deepStrictEqual(yield* store.list, [])
      yield* banList.punish(b, NaN, "no number")
      assert.deepStrictEqual(yield* store.list, [])
    }).pipe(Effect.provide(Layer.provideMerge(BanList.layer(), BanListStore.layerMemory()))))

  it.effect("keeps a ban as it is when points follow", () =>
    withBanList((banList) =>
      Effect.gen(function*() {
        yield* banList.punish(a, 1000, "first")
        yield* TestClock.adjust("1 hour")
        const verdict = yield* banList.punish(a, 5000, "second")
        assert.isTrue(verdict._tag === "Banned" && !verdict.isNew)
        yield* banList.punish(a, -5000, "third")
        assert.isTrue(yield* banList.isBanned(a))
        yield* TestClock.adjust("23 hours")
        assert.isFalse(yield* banList.isBanned(a))
      })
    ))

  it.effect("punishes the /64 of an IPv6 address", () =>
    withBanList((banList) =>
      Effect.gen(function*() {
        for (let i = 1; i <= 10; i++) yield* banList.punish(peer(`[2001:db8:1:2::${i}]:4000`), 100, "noise")
        assert.isTrue(yield* banList.isBanned(peer("[2001:db8:1:2:ffff::1]:1")))
        assert.isFalse(yield* banList.isBanned(peer("[2001:db8:1:3::1]:1")))
      })
    ))

  it.effect("punishes an IPv4-mapped address as the IPv4 address", () =>
    withBanList((banList) =>
      Effect.gen(function*() {
        yield* banList.punish(peer("[::ffff:192.0.2.1]:4000"), 600, "noise")
        assert.strictEqual(yield* banList.score(a), 600)
        yield* banList.punish(a, 400, "noise")
        assert.isTrue(yield* banList.isBanned(peer("[::ffff:192.0.2.1]:9")))
        assert.isFalse(yield* banList.isBanned(peer("[::ffff:192.0.2.3]:9")))
      })
    ))

  it.effect("bans whole networks", () =>
    withBanList((banList) =>
      Effect.gen(function*() {
        yield* banList.ban(network("203.0.113.0/24"), { duration: "1 hour", reason: "abuse report" })
        yield* banList.ban(network("2001:db8::/32"), { duration: Duration.infinity })
        assert.isTrue(yield* banList.isBanned(peer("203.0.113.0:1")))
        assert.isTrue(yield* banList.isBanned(peer("203.0.113.255:1")))
        assert.isTrue(yield* banList.isBanned(peer("[::ffff:203.0.113.7]:1")))
        assert.isFalse(yield* banList.isBanned(peer("203.0.114.0:1")))
        assert.isTrue(yield* banList.isBanned(peer("[2001:db8:ffff::1]:1")))
        assert.isFalse(yield* banList.isBanned(peer("[2001:db9::1]:1")))
        assert.deepStrictEqual((yield* banList.list).map((ban) => PeerGroup.format(ban.group)).sort(), [
          "2001:db8::/32",
          "203.0.113.0/24"
        ])
        yield* TestClock.adjust("1 hour")
        assert.isFalse(yield* banList.isBanned(peer("203.0.113.0:1")))
        yield* TestClock.adjust("3650 days")
        assert.isTrue(yield* banList.isBanned(peer("[2001:db8:ffff::1]:1")))
      })
    ))

  it.effect("lifts exactly the ban that is named", () =>
    withBanList((banList) =>
      Effect.gen(function*() {
        yield* banList.ban(network("192.0.2.0/24"))
        yield* banList.ban(a)
        assert.isFalse(yield* banList.unban(b))
        assert.isTrue(yield* banList.unban(a))
        assert.isTrue(yield* banList.isBanned(a), "the network is still banned")
        assert.isTrue(yield* banList.unban(network("192.0.2.0/24")))
        assert.isFalse(yield* banList.isBanned(a))
        yield* banList.punish(a, 500, "noise")
        assert.isFalse(yield* banList.unban(a.address))
        assert.strictEqual(yield* banList.score(a), 0)
      })
    ))

  it.effect("lets a new ban take the place of an old one", () =>
    withBanList((banList) =>
      Effect.gen(function*() {
        yield* banList.ban(a, { duration: "1 hour", reason: "old" })
        yield* banList.ban(a.address, { duration: "1 minute", reason: "new" })
        assert.deepStrictEqual(yield* banList.list, [
          { group: PeerGroup.fromAddress(a), until: DateTime.makeUnsafe(60_000), reason: "new" }
        ])
        const exit = yield* Effect.exit(banList.ban(a, { duration: 0 }))
        assert.isTrue(Exit.isFailure(exit))
        assert.strictEqual((yield* banList.list).length, 1)
      })
    ))

  it.effect("neither punishes nor bans a peer on a Unix socket", () =>
    withBanList((banList) =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* banList.punish(local, 5000, "noise"), { _tag: "Ignored", because: "LocalPeer" })
        yield* banList.ban(local)
        assert.isFalse(yield* banList.isBanned(local))
        assert.deepStrictEqual(yield* banList.list, [])
        assert.isFalse(yield* banList.unban(local))
      })
    ))

  it.effect("tells subscribers in the same tick, until their scope closes", () =>
    withBanList((banList) =>
      Effect.gen(function*() {
        const told: Array<string> = []
        const scope = yield* Scope.make()
        const remember = (ban: BanList.Ban) => void told.push(`${PeerGroup.format(ban.group)} ${ban.reason}`)
        yield* Scope.provide(banList.subscribe(remember), scope)
        yield* banList.subscribe((ban) => {
          if (ban.reason === "noise") throw new Error("a careless subscriber")
        })
        yield* banList.subscribe(remember)
        yield* banList.punish(a, 1000, "noise")
        yield* banList.punish(a, 1000, "still noise")
        assert.deepStrictEqual(told, ["192.0.2.1 noise", "192.0.2.1 noise"])
        yield* Scope.close(scope, Exit.void)
        yield* banList.ban(network("203.0.113.0/24"), { reason: "report" })
        assert.deepStrictEqual(told.slice(2), ["203.0.113.0/24 report"])
      })
    ))

  it.effect("streams new bans and ends the stream when it closes", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const banList = yield* BanList.make().pipe(
        Scope.provide(scope),
        Effect.provide(BanListStore.layerMemory())
      )
      yield* banList.punish(a, 1000, "before anyone listens")
      const fiber = yield* Effect.forkChild(Stream.runCollect(banList.bans), { startImmediately: true })
      yield* banList.punish(b, 1000, "first")
      yield* banList.punish(b, 1000, "none: banned already")
      yield* banList.ban(a, { reason: "second" })
      yield* Scope.close(scope, Exit.void)
      const bans = yield* Fiber.join(fiber)
      assert.deepStrictEqual([...bans].map((ban) => ban.reason), ["first", "second"])
    }))

  it.effect("remembers no more groups than it may, and lifts no ban for new ones", () =>
    withBanList((banList) =>
      Effect.gen(function*() {
        yield* banList.punish(a, 1000, "noise")
        yield* banList.punish(b, 500, "noise")
        for (let i = 0; i < 500; i++) yield* banList.punish(peer(`[2001:db8:${i.toString(16)}::1]:1`), 100, "spray")
        assert.isTrue(yield* banList.isBanned(a))
        assert.strictEqual(yield* banList.score(b), 0)
        assert.strictEqual(yield* banList.score(peer("[2001:db8:1f3::2]:1")), 100)
      }), { maxEntries: 100 }))

  it.effect("loses no points that come at once", () =>
    withBanList((banList) =>
      Effect.gen(function*() {
        yield* Effect.forEach(Array.from({ length: 99 }), () => banList.punish(a, 10, "noise"), {
          concurrency: "unbounded",
          discard: true
        })
        assert.strictEqual(yield* banList.score(a), 990)
      })
    ))

  it.effect("lets peers in while its store fails, and warns once per outage", () =>
    Effect.gen(function*() {
      const logs = collectLogs()
      yield* Effect.gen(function*() {
        const working = yield* BanListStore.BanListStore
        let broken = true
        const store = BanListStore.BanListStore.of({
          find: (keys) => broken ? brokenStore.find(keys) : working.find(keys),
          update: (key, f) => broken ? brokenStore.update(key, f) : working.update(key, f),
          remove: (key) => broken ? brokenStore.remove(key) : working.remove(key),
          list: Effect.suspend(() => broken ? brokenStore.list : working.list),
          changes: Stream.empty
        })
        const banList = yield* BanList.make().pipe(Effect.provideService(BanListStore.BanListStore, store))
        let told = 0
        yield* banList.subscribe(() => void told++)

        assert.deepStrictEqual(yield* banList.punish(a, 1000, "noise"), { _tag: "Ignored", because: "StoreFailed" })
        assert.isFalse(yield* banList.isBanned(a))
        assert.strictEqual(yield* banList.score(a), 0)
        assert.deepStrictEqual(logs.levels.filter((level) => level === "Warn"), ["Warn"])

        const failures = yield* Effect.all([
          Effect.flip(banList.ban(a)),
          Effect.flip(banList.unban(a)),
          Effect.flip(banList.list)
        ])
        assert.deepStrictEqual(failures.map((error) => error._tag === "BanListError" && error.reason._tag), [
          "StoreUnavailable",
          "StoreUnavailable",
          "StoreUnavailable"
        ])
        assert.strictEqual(told, 0)

        broken = false
        yield* banList.punish(a, 1000, "noise")
        assert.isTrue(yield* banList.isBanned(a))
        assert.strictEqual(told, 1)

        broken = true
        assert.isFalse(yield* banList.isBanned(a))
        assert.deepStrictEqual(logs.levels.filter((level) => level === "Warn"), ["Warn", "Warn"])
      }).pipe(Effect.provide([BanListStore.layerMemory(), logs.layer]))
    }))

  it.effect("passes over entries that it cannot read", () =>
    Effect.gen(function*() {
      const standing = { points: 0, updatedAt: 0, bannedUntil: Infinity, reason: "odd" }
      const banList = yield* BanList.make().pipe(
        Effect.provideService(BanListStore.BanListStore, {
          ...brokenStore,
          list: Effect.succeed([{ key: "no key", standing }, { key: "192.0.2.1/32", standing }])
        })
      )
      const bans = yield* banList.list
      assert.deepStrictEqual(bans.map((ban) => PeerGroup.format(ban.group)), ["192.0.2.1"])
    }))

  it.effect("tells of the bans that its store hears of, in their order", () =>
    Effect.gen(function*() {
      const heard = yield* Queue.unbounded<BanListStore.Entry>()
      const banList = yield* BanList.make().pipe(
        Effect.provideService(BanListStore.BanListStore, { ...brokenStore, changes: Stream.fromQueue(heard) })
      )
      const told: Array<string> = []
      yield* banList.subscribe((ban) => void told.push(`${PeerGroup.format(ban.group)} ${ban.reason}`))
      const next = yield* Effect.forkChild(Stream.runHead(banList.bans), { startImmediately: true })
      const standing = Punishment.ban({ now: 0, duration: 1000, reason: "elsewhere" })
      yield* Queue.offerAll(heard, [
        { key: "192.0.2.1/32", standing },
        { key: "no key", standing },
        { key: "2001:db8::/64", standing }
      ])
      const first = Option.getOrThrow(yield* Fiber.join(next))
      assert.strictEqual(DateTime.toEpochMillis(first.until), 1000)
      yield* Effect.yieldNow
      assert.deepStrictEqual(told, ["192.0.2.1 elsewhere", "2001:db8::/64 elsewhere"])
    }))

  it.effect("fails at once with options that make no sense", () =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(Effect.scoped(Layer.build(BanList.layerMemory({ threshold: 0 }))))
      assert.deepStrictEqual(
        Exit.findErrorOption(exit).pipe(Option.map((error) => error.option)),
        Option.some("threshold")
      )
    }))

  it.effect("does nothing as a no-op", () =>
    Effect.gen(function*() {
      const banList = yield* BanList.BanList
      assert.deepStrictEqual(yield* banList.punish(a, 5000, "noise"), { _tag: "Ignored", because: "Disabled" })
      yield* banList.ban(a)
      yield* banList.subscribe(() => {})
      assert.isFalse(yield* banList.isBanned(a))
      assert.isFalse(yield* banList.unban(a))
      assert.strictEqual(yield* banList.score(a), 0)
      assert.deepStrictEqual(yield* banList.list, [])
      assert.deepStrictEqual([...(yield* Stream.runCollect(banList.bans))], [])
    }).pipe(Effect.provide(BanList.layerNoop)))
})
