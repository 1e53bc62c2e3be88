import { NodeFileSystem, NodeRedis } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import {
  Context,
  Duration,
  Effect,
  Exit,
  FileSystem,
  Formatter,
  Layer,
  Logger,
  Option,
  Random,
  Redacted,
  Schedule
} from "effect"
import type { Scope } from "effect"
import { NetAddress } from "effect/net"
import { Redis } from "effect/persistence"
import * as Net from "node:net"
import * as process from "node:process"
import * as RedisEntries from "../../src/internal/bans/redisEntries.ts"
import * as NodeBanList from "../../src/layers/NodeBanList.ts"
import * as NodeNetwork from "../../src/layers/NodeNetwork.ts"
import * as BanList from "../../src/services/BanList.ts"
import * as NetworkManager from "../../src/services/NetworkManager.ts"
import * as FakeRedis from "../utils/fakeRedis.ts"
import * as RealRedis from "../utils/realRedis.ts"

const peer = NetAddress.inetAddressFromStringUnsafe
const a = peer("192.0.2.1:4000")
const b = peer("192.0.2.2:4000")

const collectLogs = () => {
  const lines: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => {
    if (logLevel !== "Debug") lines.push(`${logLevel} ${Formatter.format(message)}`)
  })
  return { lines, layer: Logger.layer([logger]) }
}

/** Waits at most `limit` until it holds. */
const eventually = (what: string, condition: Effect.Effect<boolean>, limit: Duration.Input = "1 second") =>
  condition.pipe(
    Effect.repeat({ until: (holds) => holds, schedule: Schedule.spaced(10) }),
    Effect.timeoutOrElse({ duration: limit, orElse: () => Effect.die(new Error(`not within the time: ${what}`)) })
  )

describe("NodeBanList.layerFile", () => {
  const inFolder = <A, E>(f: (folder: string, fs: FileSystem.FileSystem) => Effect.Effect<A, E, Scope.Scope>) =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      return yield* f(yield* fs.makeTempDirectoryScoped(), fs)
    }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer))

  it.live("makes the folder, and keeps bans over a restart, with the rules that are given", () =>
    inFolder((folder) =>
      Effect.gen(function*() {
        const layer = () => NodeBanList.layerFile({ path: `${folder}/some/where/bans`, threshold: 10 })
        const verdict = yield* BanList.BanList.use((banList) => banList.punish(a, 10, "noise")).pipe(
          Effect.provide(layer())
        )
        assert.strictEqual(verdict._tag, "Banned")
        const banned = yield* BanList.BanList.use((banList) => Effect.zip(banList.isBanned(a), banList.isBanned(b)))
          .pipe(Effect.provide(layer()))
        assert.deepStrictEqual(banned, [true, false])
      })
    ))

  it.live("says which file it cannot use", () =>
    inFolder((folder, fs) =>
      Effect.gen(function*() {
        yield* fs.writeFileString(`${folder}/notes`, "mine")
        const tryPath = (path: string) => Effect.flip(Effect.scoped(Layer.build(NodeBanList.layerFile({ path }))))
        assert.deepInclude(yield* tryPath(`${folder}/notes`), { problem: "Foreign", path: `${folder}/notes` })
        assert.deepInclude(yield* tryPath(`${folder}/notes/bans`), { problem: "Unwritable" })
        assert.deepInclude(yield* tryPath(folder), { problem: "Unreadable", path: folder })
      })
    ))

  it("has a place for the file of this user", () => {
    const { FLOWEE_BANS: path, XDG_STATE_HOME: state } = process.env
    const set = (name: string, value: string | undefined) => {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
    try {
      set("FLOWEE_BANS", "/some/bans")
      assert.strictEqual(NodeBanList.defaultPath(), "/some/bans")
      set("FLOWEE_BANS", undefined)
      set("XDG_STATE_HOME", "/state")
      assert.strictEqual(NodeBanList.defaultPath(), "/state/flowee/bans")
      set("XDG_STATE_HOME", "not absolute")
      assert.match(NodeBanList.defaultPath(), /^\/.*\/\.local\/state\/flowee\/bans$/)
    } finally {
      set("FLOWEE_BANS", path)
      set("XDG_STATE_HOME", state)
    }
  })

  it.live("is what a server has", () =>
    inFolder((folder, fs) =>
      Effect.gen(function*() {
        const path = `${folder}/bans`
        yield* Effect.gen(function*() {
          const manager = yield* NetworkManager.NetworkManager
          const listener = yield* manager.bind("127.0.0.1:0")
          const client = yield* Effect.acquireRelease(
            Effect.sync(() => Net.connect(NetAddress.isInetAddress(listener.address) ? listener.address.port : 0)),
            (client) => Effect.sync(() => client.destroy())
          )
          const closed = yield* Effect.forkChild(
            Effect.callback<void>((resume) => {
              client.on("error", () => {})
              client.on("close", () => resume(Effect.void))
            }),
            { startImmediately: true }
          )
          yield* Effect.sleep(100)
          assert.isUndefined(closed.pollUnsafe())
          // As `flowee bans add` does, beside the server.
          yield* BanList.BanList.use((banList) => banList.ban(peer("127.0.0.1:1"))).pipe(
            Effect.provide(Layer.fresh(NodeBanList.layerFile({ path })))
          )
          yield* eventually("the connection is closed", Effect.sync(() => closed.pollUnsafe() !== undefined), 1500)
        }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layerServer({ bans: { path } })))
        assert.include(yield* fs.readFileString(path), `"group":"127.0.0.1/32"`)
      })
    ))
})

type Machine = BanList.BanList["Service"]

const machine = (port: number, url = `redis://127.0.0.1:${port}`): Effect.Effect<Machine, never, Scope.Scope> =>
  Effect.map(
    Layer.build(Layer.fresh(NodeBanList.layerRedis({ url: Redacted.make(url), interval: "200 millis" }))),
    Context.get(BanList.BanList)
  ).pipe(Effect.orDie)

interface Backend {
  readonly name: string
  /** Starts with no data. */
  readonly serve: (port: number) => Effect.Effect<FakeRedis.Server, never, Scope.Scope>
}

const fake: Backend = {
  name: "a fake Redis",
  serve: (port) => FakeRedis.serve(FakeRedis.make(), port)
}
const real: Backend = { name: "redis-server", serve: RealRedis.serve }

if (RealRedis.binary === undefined) {
  // The same tests pass with the fake; what the fake is worth is seen where there is the real one.
  process.stderr.write("NodeBanList.layerRedis is tested with a fake Redis only: there is no redis-server on PATH\n")
}

for (const backend of RealRedis.binary === undefined ? [fake] : [fake, real]) {
  // They wait most of the time.
  describe.concurrent(`NodeBanList.layerRedis, with ${backend.name}`, () => {
    it.live("bans on all machines within a second, and tells them", () =>
      Effect.gen(function*() {
        const { port } = yield* backend.serve(yield* RealRedis.freePort)
        const [one, other] = [yield* machine(port), yield* machine(port)]
        const told: Array<string> = []
        yield* other.subscribe((ban) => void told.push(ban.reason))
        yield* one.punish(a, 600, "noise")
        const verdict = yield* other.punish(a, 401, "noise on the other")
        assert.strictEqual(verdict._tag, "Banned")
        yield* one.ban(b, { reason: "asked for", duration: Duration.infinity })
        yield* eventually("both are banned here", Effect.map(one.isBanned(a), (is) => is))
        yield* eventually("both are banned there", other.isBanned(b))
        assert.deepStrictEqual(told, ["noise on the other", "asked for"])
        assert.isTrue(yield* other.unban(b))
        yield* eventually("it is lifted", Effect.map(one.isBanned(b), (is) => !is))
        assert.strictEqual((yield* one.list).length, 1)
      }).pipe(Effect.scoped), 20_000)

    it.live(
      "starts without Redis, goes on without it, warns once each time, and shares what was missed",
      () =>
        Effect.gen(function*() {
          const logs = collectLogs()
          yield* Effect.gen(function*() {
            const port = yield* RealRedis.freePort
            const [one, other] = [yield* machine(port), yield* machine(port)]
            yield* one.ban(a)
            assert.isTrue(yield* one.isBanned(a))
            assert.isFalse(yield* other.isBanned(a))
            yield* Effect.sleep(2500)
            assert.strictEqual(logs.lines.filter((line) => line.startsWith("Warn")).length, 2, logs.lines.join("\n"))
            const server = yield* backend.serve(port)
            yield* eventually("the ban made alone is shared", other.isBanned(a), "4 seconds")
            yield* server.stop
            yield* Effect.sleep(500)
            yield* other.ban(b)
            assert.isFalse(yield* one.isBanned(b))
            assert.isTrue(yield* one.isBanned(a))
            yield* Effect.sleep(1500)
            assert.strictEqual(logs.lines.filter((line) => line.startsWith("Warn")).length, 4, logs.lines.join("\n"))
            const again = yield* backend.serve(port)
            yield* eventually("the other ban is shared", one.isBanned(b), "4 seconds")
            // Redis had lost everything, and has it again.
            const late = yield* machine(again.port)
            yield* eventually(
              "a newcomer knows both",
              Effect.map(Effect.zip(late.isBanned(a), late.isBanned(b)), ([a, b]) => a && b)
            )
            assert.strictEqual(logs.lines.length, 8, logs.lines.join("\n"))
          }).pipe(Effect.scoped, Effect.provide(logs.layer))
        }),
      30_000
    )
  })
}

describe.concurrent("NodeBanList.layerRedis", () => {
  it.live("waits neither at the start nor at the end for a Redis that says nothing", () =>
    Effect.gen(function*() {
      const silent = FakeRedis.make()
      silent.mood = "silent"
      const { port } = yield* FakeRedis.serve(silent)
      const [took] = yield* Effect.timed(Effect.scoped(Effect.gen(function*() {
        const alone = yield* machine(port)
        yield* alone.ban(a)
        assert.isTrue(yield* alone.isBanned(a))
      })))
      assert.isBelow(Duration.toMillis(took), 4000)

      const fake = FakeRedis.make()
      const server = yield* FakeRedis.serve(fake)
      const [closing] = yield* Effect.timed(
        Effect.gen(function*() {
          const one = yield* machine(server.port)
          fake.mood = "silent"
          const [took] = yield* Effect.timed(one.ban(a))
          assert.isBelow(Duration.toMillis(took), 2000)
        }).pipe(Effect.scoped)
      )
      assert.isBelow(Duration.toMillis(closing), 3000)
    }).pipe(Effect.scoped, Effect.provide(collectLogs().layer)), 20_000)

  it.live("does without a Redis that is something else", () =>
    Effect.gen(function*() {
      const logs = collectLogs()
      const garbage = yield* Effect.acquireRelease(
        Effect.callback<Net.Server>((resume) => {
          const server = Net.createServer((socket) => {
            socket.on("error", () => {})
            socket.on("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"))
          })
          server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => server.close())
      )
      yield* Effect.gen(function*() {
        const alone = yield* machine((garbage.address() as Net.AddressInfo).port)
        yield* alone.ban(a)
        assert.isTrue(yield* alone.isBanned(a))
        yield* Effect.sleep(1500)
        assert.strictEqual(logs.lines.length, 1, logs.lines.join("\n"))
      }).pipe(Effect.scoped, Effect.provide(logs.layer))
    }).pipe(Effect.scoped), 20_000)

  if (RealRedis.binary !== undefined) {
    it.live("puts as the fake does, whatever comes", () =>
      Effect.gen(function*() {
        const { port } = yield* RealRedis.serve(yield* RealRedis.freePort)
        const redis = Context.get(
          yield* Layer.build(NodeRedis.layer({ url: `redis://127.0.0.1:${port}` })),
          Redis.Redis
        )
        const fake = yield* FakeRedis.redisOf(FakeRedis.make().layer)
        const both = [redis, fake].map((redis) => ({
          put: redis.eval(RedisEntries.putScript),
          entries: RedisEntries.make(redis, "p", (command) => command)
        }))
        const seed = yield* Random.nextInt
        yield* Effect.gen(function*() {
          const texts = ["", "x", "y"]
          for (let step = 0; step < 500; step++) {
            const group = `g${yield* Random.nextIntBetween(0, 9)}`
            const expected = texts[yield* Random.nextIntBetween(0, 2)]!
            const next = texts[yield* Random.nextIntBetween(0, 2)]!
            const [real, faked] = yield* Effect.forEach(both, ({ put }) => put("p", group, expected, next, 3))
            assert.deepStrictEqual(faked, real, `seed ${seed}, step ${step}`)
          }
          for (const revision of [0, 20, 100]) {
            const [real, faked] = yield* Effect.forEach(both, ({ entries }) => {
              const seen: Array<RedisEntries.Change> = []
              const collect = (changes: ReadonlyArray<RedisEntries.Change>) =>
                Effect.sync(() => void seen.push(...changes))
              return Effect.map(
                Effect.andThen(entries.since(revision, collect), entries.about),
                (about) => ({ about, seen })
              )
            })
            assert.deepStrictEqual(faked, real, `seed ${seed}, from ${revision}`)
            assert.isAbove(real!.about.floor, 0)
          }
        }).pipe(Random.withSeed(seed))
      }).pipe(Effect.scoped), 20_000)
  }

  it.live("refuses options that make no sense", () =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(
        Effect.scoped(Layer.build(NodeBanList.layerRedis({ url: "redis://127.0.0.1:1", threshold: 0 })))
      )
      assert.strictEqual(Option.getOrThrow(Exit.findErrorOption(exit)).option, "threshold")
    }).pipe(Effect.provide(collectLogs().layer)))
})
