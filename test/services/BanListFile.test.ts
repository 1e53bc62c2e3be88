import { NodeFileSystem } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Context, Effect, Exit, FileSystem, Formatter, Logger, Option, Random, type Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as Punishment from "../../src/domain/Punishment.ts"
import * as BanListFile from "../../src/services/BanListFile.ts"
import * as BanListStore from "../../src/services/BanListStore.ts"
import * as MemoryFiles from "../utils/memoryFiles.ts"
import * as Pieces from "../utils/pieces.ts"

const path = "/bans"
const lockPath = "/bans.lock"
const day = 86_400_000

const points = (points: number, updatedAt = 0): Punishment.Standing => ({ ...Punishment.clean(updatedAt), points })
const ban = (bannedUntil: number, reason = ""): Punishment.Standing => ({
  ...Punishment.clean(0),
  bannedUntil,
  reason
})

interface Opened {
  readonly store: BanListStore.BanListStore["Service"]
  readonly file: BanListFile.BanListFile["Service"]
}

const open = (files: MemoryFiles.MemoryFiles, options?: Partial<BanListFile.Options>) =>
  BanListFile.make({ path, ...options }).pipe(
    Effect.provideService(FileSystem.FileSystem, files.fs),
    Effect.map((context): Opened => ({
      store: Context.get(context, BanListStore.BanListStore),
      file: Context.get(context, BanListFile.BanListFile)
    }))
  )

/** Opens and closes the file around `f`. */
const session = <A, E>(
  files: MemoryFiles.MemoryFiles,
  f: (opened: Opened) => Effect.Effect<A, E, Scope.Scope>,
  options?: Partial<BanListFile.Options>
) => Effect.scoped(Effect.flatMap(open(files, options), f))

const put = ({ store }: Opened, key: string, standing?: Punishment.Standing) =>
  store.update(key, () => [undefined, Option.fromUndefinedOr(standing)])

const all = ({ store }: Opened) =>
  Effect.map(store.list, (entries) => Object.fromEntries(entries.map(({ key, standing }) => [key, standing])))

const onDisk = (files: MemoryFiles.MemoryFiles) => session(files, all)

const failureOf = <A, E>(exit: Exit.Exit<A, E>): E => Option.getOrThrow(Exit.findErrorOption(exit))

const collectLogs = () => {
  const lines: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => {
    if (logLevel !== "Debug") lines.push(`${logLevel} ${Formatter.format(message)}`)
  })
  return { lines, layer: Logger.layer([logger]) }
}

describe("BanListFile", () => {
  it.effect("keeps bans and points over a restart", () =>
    Effect.gen(function*() {
      const files = MemoryFiles.make()
      yield* session(files, (opened) =>
        Effect.gen(function*() {
          yield* put(opened, "a", ban(day, "noise"))
          yield* put(opened, "b", points(12.5))
          yield* put(opened, "c", points(1))
          yield* put(opened, "c")
          assert.isFalse(yield* opened.store.remove("c"))
        }))
      assert.deepStrictEqual(files.paths(), [path])
      assert.deepStrictEqual(yield* onDisk(files), { a: ban(day, "noise"), b: points(12.5) })
    }))

  it.effect("makes no file when there is nothing to keep", () =>
    Effect.gen(function*() {
      const files = MemoryFiles.make()
      yield* session(files, () => TestClock.adjust("1 hour"))
      assert.deepStrictEqual(files.paths(), [])
    }))

  it.effect("writes a ban and its end within a second, and points within eleven", () =>
    Effect.gen(function*() {
      const files = MemoryFiles.make()
      yield* session(files, (opened) =>
        Effect.gen(function*() {
          yield* put(opened, "a", points(1))
          yield* TestClock.adjust("9 seconds")
          assert.isUndefined(files.read(path))
          yield* TestClock.adjust("2 seconds")
          assert.include(files.read(path), `"group":"a"`)
          yield* put(opened, "b", ban(day))
          yield* TestClock.adjust("1 second")
          assert.include(files.read(path), `"group":"b"`)
          yield* put(opened, "b")
          yield* TestClock.adjust("1 second")
          assert.notInclude(files.read(path), `"group":"b"`)
        }))
    }))

  it.effect("writes nothing while nothing changes", () =>
    Effect.gen(function*() {
      const files = MemoryFiles.make()
      yield* session(files, (opened) =>
        Effect.gen(function*() {
          yield* put(opened, "a", ban(day))
          yield* opened.file.save
          const before = files.calls.length
          yield* put(opened, "a", ban(day))
          yield* TestClock.adjust("1 minute")
          assert.deepStrictEqual([...new Set(files.calls.slice(before))], [`stat ${path}`])
        }))
    }))

  it.effect("leaves the old file or the new one, wherever writing fails", () =>
    Effect.gen(function*() {
      const files = MemoryFiles.make()
      yield* session(files, (opened) => put(opened, "old", ban(day)))
      const old = files.read(path)
      const from = files.calls.length
      yield* session(files, (opened) => put(opened, "new", ban(day)))
      const steps = [...new Set(files.calls.slice(from).filter((call) => call.endsWith(lockPath)))]
      assert.isAtLeast(steps.length, 5)
      for (const step of steps.filter((step) => !step.startsWith("chmod") && !step.startsWith("remove"))) {
        files.write(path, old!)
        const logs = collectLogs()
        yield* session(files, (opened) =>
          Effect.gen(function*() {
            files.failWhen = (call) => call === step ? "Unknown" : undefined
            yield* put(opened, "new", ban(day))
            const error = failureOf(yield* Effect.exit(opened.file.save))
            assert.strictEqual(error.problem, "Unwritable", step)
            assert.strictEqual(files.read(path), old, step)
            if (step !== `stat ${lockPath}`) assert.notInclude(files.paths(), lockPath, step)
            files.failWhen = () => undefined
            yield* TestClock.adjust("15 seconds")
            assert.include(files.read(path), `"group":"new"`, step)
          })).pipe(Effect.provide(logs.layer))
        assert.deepStrictEqual(logs.lines, [], step)
      }
    }))

  it.effect("goes on in memory while it cannot write, says so once, and writes later", () =>
    Effect.gen(function*() {
      const files = MemoryFiles.make()
      const logs = collectLogs()
      yield* session(files, (opened) =>
        Effect.gen(function*() {
          files.failWhen = (call) => call.startsWith("open") ? "PermissionDenied" : undefined
          yield* put(opened, "a", ban(day))
          yield* TestClock.adjust("1 minute")
          yield* put(opened, "b", ban(day))
          assert.deepStrictEqual(Object.keys(yield* all(opened)), ["a", "b"])
          assert.strictEqual(logs.lines.length, 1)
          assert.match(logs.lines[0]!, /^Warn .*in memory only: the ban file \/bans cannot be written/)
          files.failWhen = () => undefined
          yield* TestClock.adjust("6 seconds")
          assert.match(logs.lines[1]!, /^Info .*again/)
        })).pipe(Effect.provide(logs.layer))
      assert.deepStrictEqual(Object.keys(yield* onDisk(files)), ["a", "b"])
      assert.strictEqual(logs.lines.length, 2)
    }))

  it.effect("says at the end what could not be written", () =>
    Effect.gen(function*() {
      const files = MemoryFiles.make()
      const logs = collectLogs()
      yield* session(files, (opened) =>
        Effect.andThen(
          put(opened, "a", ban(day)),
          Effect.sync(() => {
            files.failWhen = (call) => call.startsWith("write") ? "Unknown" : undefined
          })
        )).pipe(Effect.provide(logs.layer))
      assert.strictEqual(logs.lines.length, 1)
      assert.match(
        logs.lines[0]!,
        /^Error .*changes of the ban list are lost \(1\): the ban file \/bans cannot be written/
      )
    }))

  it.effect("refuses a file that is none, a newer one and a damaged one, says where, and leaves it alone", () =>
    Effect.gen(function*() {
      const files = MemoryFiles.make()
      yield* session(files, (opened) => Effect.andThen(put(opened, "a", ban(day)), put(opened, "b", ban(day))))
      const good = files.read(path)!
      const expectRefusal = Effect.fnUntraced(function*(content: string, expected: object, message: RegExp) {
        files.write(path, content)
        const error = failureOf(yield* Effect.exit(session(files, (opened) => put(opened, "c", ban(day)))))
        assert.instanceOf(error, BanListFile.BanFileError)
        assert.deepInclude(error, { path, ...expected })
        assert.match(error.message, message)
        assert.strictEqual(files.read(path), content)
        assert.deepStrictEqual(files.paths(), [path])
      })
      yield* expectRefusal("# my notes\n", { problem: "Foreign" }, /^the ban file \/bans is no list of bans/)
      yield* expectRefusal("flowee bans 9\n", { problem: "Newer" }, /newer version/)
      yield* expectRefusal("", { problem: "Corrupt", line: 1 }, /line 1 is missing/)
      const damaged = good.replace(`"group":"b"`, `"group":"x"`)
      yield* expectRefusal(damaged, { problem: "Corrupt", line: 3 }, /damaged, line 3 does not match its checksum/)
      yield* expectRefusal(good.slice(0, -5), { problem: "Corrupt", line: 4 }, /line 4 is cut off/)
    }))

  it.effect("fails with a file that cannot be read, even when it may set it aside", () =>
    Effect.gen(function*() {
      const files = MemoryFiles.make()
      files.write(path, "")
      files.failWhen = (call) => call === `open ${path}` ? "PermissionDenied" : undefined
      const error = failureOf(yield* Effect.exit(session(files, all, { whenUnusable: "setAside" })))
      assert.strictEqual((error as BanListFile.BanFileError).problem, "Unreadable")
    }))

  it.effect("sets a file aside that it cannot use when it is told to, never over another one", () =>
    Effect.gen(function*() {
      const files = MemoryFiles.make()
      const logs = collectLogs()
      for (const content of ["first", "second"]) {
        files.write(path, content)
        yield* session(files, (opened) => put(opened, "a", ban(day)), { whenUnusable: "setAside" })
        assert.deepStrictEqual(Object.keys(yield* onDisk(files)), ["a"])
      }
      assert.strictEqual(logs.lines.length, 0)
      assert.deepStrictEqual(files.paths(), [path, "/bans.unusable-0", "/bans.unusable-0-2"])
      assert.strictEqual(files.read("/bans.unusable-0"), "first")
      assert.strictEqual(files.read("/bans.unusable-0-2"), "second")
    }))

  it.effect("does not write over a file that was damaged while it was in use", () =>
    Effect.gen(function*() {
      const files = MemoryFiles.make()
      const logs = collectLogs()
      yield* session(files, (opened) =>
        Effect.gen(function*() {
          yield* put(opened, "a", ban(day))
          yield* opened.file.save
          const good = files.read(path)!
          files.write(path, "oops")
          yield* put(opened, "b", ban(day))
          yield* TestClock.adjust("1 minute")
          assert.strictEqual(files.read(path), "oops")
          assert.strictEqual(logs.lines.filter((line) => line.startsWith("Warn")).length, 1)
          const reads = files.calls.filter((call) => call === `read ${path}`).length
          yield* TestClock.adjust("1 minute")
          assert.strictEqual(files.calls.filter((call) => call === `read ${path}`).length, reads)
          files.write(path, good)
          yield* TestClock.adjust("6 seconds")
        })).pipe(Effect.provide(logs.layer))
      assert.deepStrictEqual(Object.keys(yield* onDisk(files)), ["a", "b"])
    }))

  it.effect("brings back a file that was removed", () =>
    Effect.gen(function*() {
      const files = MemoryFiles.make()
      yield* session(files, (opened) =>
        Effect.gen(function*() {
          yield* put(opened, "a", ban(day))
          yield* opened.file.save
          files.remove(path)
          yield* TestClock.adjust("1 second")
          assert.include(files.read(path), `"group":"a"`)
        }))
    }))

  it.effect("forgets what is over, and points that nobody adds to", () =>
    Effect.gen(function*() {
      const files = MemoryFiles.make()
      yield* session(files, (opened) =>
        Effect.gen(function*() {
          yield* put(opened, "over", ban(1000))
          yield* put(opened, "old", points(1))
          yield* TestClock.adjust("59 minutes")
          yield* put(opened, "touched", points(1, 59 * 60_000))
          yield* TestClock.adjust("1 minute")
          yield* put(opened, "banned", ban(Punishment.forever))
          yield* TestClock.adjust("1 second")
          assert.deepStrictEqual(Object.keys(yield* all(opened)), ["touched", "banned"])
        }), { keepPoints: "1 hour" })
      assert.deepStrictEqual(Object.keys(yield* onDisk(files)), ["touched", "banned"])
    }))

  it.effect("never keeps more entries than it may, nor longer reasons", () =>
    Effect.gen(function*() {
      const files = MemoryFiles.make()
      yield* session(files, (opened) =>
        Effect.gen(function*() {
          yield* put(opened, "banned", ban(day, "x".repeat(1_000_000)))
          for (let i = 0; i < 100; i++) yield* put(opened, `sprayed ${i}`, points(1))
          assert.strictEqual((yield* opened.store.list).length, 10)
        }), { maxEntries: 10 })
      const kept = yield* onDisk(files)
      assert.strictEqual(Object.keys(kept).length, 10)
      assert.strictEqual(kept["banned"]!.reason, `${"x".repeat(497)}...`)
      const fewer = yield* session(files, all, { maxEntries: 3 })
      assert.deepStrictEqual(Object.keys(fewer), ["sprayed 98", "sprayed 99", "banned"])
    }))

  it.effect("puts a large file together in pieces, so that nobody waits for all of it", () =>
    Effect.gen(function*() {
      const files = MemoryFiles.make()
      const count = 5000
      const key = (i: number) => `10.0.${i >> 8}.${i & 255}/32`
      yield* session(files, (mine) =>
        Effect.gen(function*() {
          for (let i = 0; i < count; i++) yield* put(mine, key(i), ban(9 * day))
          yield* session(files, (other) =>
            Effect.gen(function*() {
              for (let i = 0; i < count; i++) yield* put(other, key(i), ban(10 * day))
              yield* other.file.save
            }))
          const { turns } = yield* Pieces.turnsDuring(mine.file.save)
          // What is pending is looked at by 500, and so is what is news.
          assert.isAtLeast(turns, 2 * (count / 500 - 1))
        }))
      const found = yield* onDisk(files)
      assert.strictEqual(Object.keys(found).length, count)
      assert.isTrue(Object.values(found).every(({ bannedUntil }) => bannedUntil === 10 * day))
    }))

  it.effect("refuses options that make no sense", () =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(session(MemoryFiles.make(), all, { maxEntries: 0 }))
      assert.deepInclude(failureOf(exit), { _tag: "BadOption", option: "maxEntries" })
    }))
})

describe("BanListFile, with others", () => {
  it.effect("takes over what another process wrote, and tells of its bans", () =>
    Effect.gen(function*() {
      const files = MemoryFiles.make()
      yield* session(files, (server) =>
        Effect.gen(function*() {
          yield* put(server, "mine", ban(day))
          const told: Array<string> = []
          yield* Effect.forkScoped(
            Stream.runForEach(server.store.changes, ({ key }) => Effect.sync(() => void told.push(key))),
            { startImmediately: true }
          )
          yield* TestClock.adjust("1 second")
          yield* session(files, (command) => put(command, "theirs", ban(2 * day, "asked for")))
          yield* session(files, (command) => put(command, "scored", points(1)))
          yield* TestClock.adjust("1 second")
          assert.deepStrictEqual((yield* all(server))["theirs"], ban(2 * day, "asked for"))
          assert.deepStrictEqual(told, ["theirs"])
          yield* session(files, (command) => command.store.remove("mine"))
          yield* TestClock.adjust("1 second")
          assert.deepStrictEqual(Object.keys(yield* all(server)), ["scored", "theirs"])
        }))
    }))

  it.effect("loses nothing when two write in turns without having looked", () =>
    Effect.gen(function*() {
      const files = MemoryFiles.make()
      yield* session(files, (one) =>
        session(files, (other) =>
          Effect.gen(function*() {
            yield* put(one, "a", ban(day))
            yield* put(other, "b", ban(day))
            yield* one.file.save
            yield* other.file.save
            yield* put(one, "c", points(5))
            yield* one.store.remove("a")
            yield* one.file.save
            yield* put(other, "c", ban(day))
            yield* other.file.save
            yield* one.file.save
            assert.deepStrictEqual(yield* all(one), { b: ban(day), c: ban(day) })
            assert.deepStrictEqual(yield* all(other), yield* all(one))
          })))
      assert.deepStrictEqual(yield* onDisk(files), { b: ban(day), c: ban(day) })
    }))

  it.effect("waits for the lock of another process, and removes one that was left behind", () =>
    Effect.gen(function*() {
      const files = MemoryFiles.make()
      yield* session(files, (opened) =>
        Effect.gen(function*() {
          files.write(lockPath, "half a file")
          yield* put(opened, "a", ban(day))
          for (let second = 0; second < 30; second++) {
            // Somebody is at work.
            files.write(lockPath, "half a file")
            yield* TestClock.adjust("1 second")
          }
          assert.isUndefined(files.read(path))
          yield* TestClock.adjust("9 seconds")
          assert.isUndefined(files.read(path))
          yield* TestClock.adjust("2 seconds")
          assert.include(files.read(path), `"group":"a"`)
          assert.deepStrictEqual(files.paths(), [path])
        }))
    }))

  it.effect("replaces nothing when its lock was taken away, and removes no lock of others", () =>
    Effect.gen(function*() {
      const files = MemoryFiles.make()
      yield* session(files, (opened) =>
        Effect.gen(function*() {
          yield* put(opened, "a", ban(day))
          files.failWhen = (call) => {
            if (call === `sync ${lockPath}`) files.write(lockPath, "of somebody else")
            return undefined
          }
          yield* opened.file.save
          files.failWhen = () => undefined
          assert.isUndefined(files.read(path))
          assert.strictEqual(files.read(lockPath), "of somebody else")
          files.remove(lockPath)
          yield* TestClock.adjust("1 second")
          assert.include(files.read(path), `"group":"a"`)
        }))
    }))

  it.effect("ends alike in all processes, whatever they did", () =>
    Effect.gen(function*() {
      const seed = yield* Random.nextInt
      yield* Effect.gen(function*() {
        const files = MemoryFiles.make()
        yield* Effect.scoped(Effect.gen(function*() {
          const processes = yield* Effect.forEach([1, 2, 3], () => open(files, { maxEntries: 50 }))
          // Later looks of theirs would wait for a lock, and nobody moves the clock on.
          yield* TestClock.adjust("1 second")
          const names = Array.from({ length: 8 }, (_, n) => `k${n}`)
          for (let step = 0; step < 300; step++) {
            const actor = processes[yield* Random.nextIntBetween(0, processes.length - 1)]!
            const key = names[yield* Random.nextIntBetween(0, names.length - 1)]!
            const choice = yield* Random.nextIntBetween(0, 3)
            if (choice === 0) yield* put(actor, key, ban(1e9 + step))
            else if (choice === 1) yield* put(actor, key, points(step + 1))
            else if (choice === 2) yield* actor.store.remove(key)
            else yield* actor.file.save
          }
          for (const actor of [...processes, ...processes]) yield* actor.file.save
          const [first, ...others] = yield* Effect.forEach(processes, all)
          for (const other of others) assert.deepStrictEqual(other, first)
          for (let n = 0; n < 5; n++) {
            yield* put(processes[0]!, `late ${n}`, ban(2e9))
            yield* processes[0]!.file.save
          }
        }))
        assert.strictEqual(Object.keys(yield* onDisk(files)).filter((key) => key.startsWith("late")).length, 5)
      }).pipe(
        Random.withSeed(seed),
        Effect.tapCause((cause) => Effect.logError(`seed ${seed}`, Cause.pretty(cause)))
      )
    }))

  it.live("works on a real disk, through a link, and keeps the mode of the file", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const real = `${folder}/real`
      yield* Effect.scoped(Effect.flatMap(BanListFile.make({ path: real }), (context) =>
        Context.get(context, BanListStore.BanListStore).update("a", () => [undefined, Option.some(ban(4e12))])))
      assert.strictEqual((yield* fs.stat(real)).mode & 0o777, 0o600)
      yield* fs.chmod(real, 0o640)
      yield* fs.symlink(real, `${folder}/link`)
      yield* Effect.scoped(Effect.flatMap(BanListFile.make({ path: `${folder}/link` }), (context) =>
        Context.get(context, BanListStore.BanListStore).update("b", () => [undefined, Option.some(ban(4e12))])))
      assert.strictEqual((yield* fs.stat(real)).mode & 0o777, 0o640)
      assert.strictEqual(yield* fs.readLink(`${folder}/link`), real)
      assert.match(yield* fs.readFileString(real), /"group":"a".*\n.*"group":"b"/)
      assert.deepStrictEqual((yield* fs.readDirectory(folder)).sort(), ["link", "real"])
    }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer)))

  it.live("is there a second later for a process that writes at the same time, on a real disk", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const file = `${yield* fs.makeTempDirectoryScoped()}/bans`
      const contexts = yield* Effect.forEach([0, 1, 2, 3], () => BanListFile.make({ path: file }))
      yield* Effect.forEach(
        contexts,
        (context, n) =>
          Effect.forEach(Array.from({ length: 10 }, (_, at) => at), (at) =>
            Effect.andThen(
              Context.get(context, BanListStore.BanListStore).update(`k${n}.${at}`, () => [
                undefined,
                Option.some(ban(4e12))
              ]),
              Context.get(context, BanListFile.BanListFile).save
            )),
        { concurrency: "unbounded" }
      )
      for (const context of contexts) {
        yield* Context.get(context, BanListFile.BanListFile).save
        assert.strictEqual((yield* Context.get(context, BanListStore.BanListStore).list).length, 40)
      }
    }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer)))
})
