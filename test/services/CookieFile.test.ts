import { NodeFileSystem } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, FileSystem, Formatter, Layer, Logger, Option, PlatformError, Redacted } from "effect"
import { SecureRandom } from "effect/crypto"
import { inspect } from "node:util"
import * as LoginCookie from "../../src/domain/LoginCookie.ts"
import * as CookieFile from "../../src/services/CookieFile.ts"

const secret = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

const Platform = Layer.mergeAll(NodeFileSystem.layer, SecureRandom.layerWebCrypto)

const inDirectory = <A, E>(
  f: (path: string, fs: FileSystem.FileSystem) => Effect.Effect<
    A,
    E,
    FileSystem.FileSystem | SecureRandom.SecureRandom
  >
) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    return yield* f(`${yield* fs.makeTempDirectoryScoped()}/cookie`, fs)
  }).pipe(Effect.scoped, Effect.provide(Platform))

const systemError = (tag: PlatformError.SystemErrorTag) =>
  PlatformError.systemError({ _tag: tag, module: "FileSystem", method: "test" })

const collectLogs = () => {
  const lines: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => void lines.push(`${logLevel} ${Formatter.format(message)}`))
  return { lines, layer: Logger.layer([logger]) }
}

describe("CookieFile", () => {
  it.live("warns once about a missing, empty or too long file, until it changes", () => {
    const logs = collectLogs()
    return inDirectory((path, fs) =>
      Effect.gen(function*() {
        const { read } = yield* CookieFile.make({ path })
        const expectNone = (content: string) =>
          Effect.andThen(
            fs.writeFileString(path, content),
            Effect.map(read, (cookie) => assert.isTrue(Option.isNone(cookie)))
          )

        assert.isTrue(Option.isNone(yield* read))
        assert.isTrue(Option.isNone(yield* read))
        assert.strictEqual(logs.lines.length, 1)
        assert.match(logs.lines[0]!, /^Warn .*does not exist/)

        yield* expectNone("")
        yield* expectNone("\n")
        assert.strictEqual(logs.lines.length, 2)
        assert.match(logs.lines[1]!, /empty/)

        yield* expectNone("x".repeat(1000))
        yield* expectNone(`${"y".repeat(5000)}\n`)
        assert.strictEqual(logs.lines.length, 3)
        assert.match(logs.lines[2]!, /1000 bytes or more/)

        yield* fs.writeFileString(path, `${secret}\n`)
        assert.deepStrictEqual(Option.map(yield* read, Redacted.value), Option.some(secret))
        assert.strictEqual(logs.lines.length, 3)

        yield* fs.remove(path)
        assert.isTrue(Option.isNone(yield* read))
        assert.strictEqual(logs.lines.length, 4)
        assert.notInclude(logs.lines.join(), "yyy")
      })
    ).pipe(Effect.provide(logs.layer))
  })

  it.live("reads the file anew each time", () =>
    inDirectory((path, fs) =>
      Effect.gen(function*() {
        const { obtain, read } = yield* CookieFile.make({ path })
        for (const cookie of ["first", "second"]) {
          yield* fs.writeFileString(path, `${cookie}\nnot this\n`, { mode: 0o600 })
          assert.deepStrictEqual(Option.map(yield* read, Redacted.value), Option.some(cookie))
          assert.strictEqual(Redacted.value(yield* obtain), cookie)
        }
      })
    ))

  it.live("refuses a file that holds no cookie, and leaves it alone", () =>
    inDirectory((path, fs) =>
      Effect.gen(function*() {
        const { obtain } = yield* CookieFile.make({ path })
        for (const content of ["", "\nsecond line", "x".repeat(1000)]) {
          yield* fs.writeFileString(path, content, { mode: 0o600 })
          const error = yield* Effect.flip(obtain)
          assert.strictEqual(error.problem, "Malformed")
          assert.include(error.message, path)
          assert.strictEqual(yield* fs.readFileString(path), content)
        }
      })
    ))

  it.live("refuses a file that is open to all users, unless told not to look", () =>
    inDirectory((path, fs) =>
      Effect.gen(function*() {
        const strict = yield* CookieFile.make({ path })
        const lax = yield* CookieFile.make({ path, checkMode: false })
        yield* fs.writeFileString(path, secret)
        for (const mode of [0o604, 0o602, 0o644, 0o666]) {
          yield* fs.chmod(path, mode)
          assert.strictEqual((yield* Effect.flip(strict.obtain)).problem, "Exposed", mode.toString(8))
          assert.strictEqual(Redacted.value(yield* lax.obtain), secret)
          assert.isTrue(Option.isSome(yield* strict.read))
        }
        for (const mode of [0o400, 0o600, 0o640]) {
          yield* fs.chmod(path, mode)
          assert.strictEqual(Redacted.value(yield* strict.obtain), secret, mode.toString(8))
        }
      })
    ))

  it.live("says that it cannot read or create the file", () => {
    const logs = collectLogs()
    return inDirectory((path, fs) =>
      Effect.gen(function*() {
        const nowhere = yield* CookieFile.make({ path: `${path}/cookie` })
        assert.strictEqual((yield* Effect.flip(nowhere.obtain)).problem, "Unwritable")
        yield* fs.makeDirectory(path)
        const directory = yield* CookieFile.make({ path })
        assert.strictEqual((yield* Effect.flip(directory.obtain)).problem, "Unreadable")
        assert.isTrue(Option.isNone(yield* directory.read))
        const other = yield* fs.open(path.slice(0, -"/cookie".length))
        assert.isTrue(Option.isNone(yield* directory.read))
        assert.strictEqual((yield* other.stat).type, "Directory")
        assert.strictEqual(logs.lines.length, 1)
        assert.match(logs.lines[0]!, /cannot be read/)
      }).pipe(Effect.scoped)
    ).pipe(Effect.provide(logs.layer))
  })

  it.live("shows the file to nobody before it is complete", () =>
    inDirectory((path, fs) =>
      Effect.gen(function*() {
        const modes: Array<number> = []
        const watched = FileSystem.FileSystem.of({
          ...fs,
          open: (name, options) =>
            Effect.tap(fs.open(name, options), (file) =>
              Effect.map(file.stat, (info) => {
                if (name !== path) modes.push(info.mode & 0o777)
              })),
          link: (from, to) =>
            Effect.gen(function*() {
              assert.isFalse(yield* fs.exists(path))
              assert.strictEqual((yield* fs.readFileString(from)).length, 45)
              modes.push((yield* fs.stat(from)).mode & 0o777)
              yield* fs.link(from, to)
            })
        })
        const { obtain } = yield* CookieFile.make({ path }).pipe(
          Effect.provideService(FileSystem.FileSystem, watched)
        )
        yield* obtain
        assert.deepStrictEqual(modes, [0o600, 0o600])
        assert.deepStrictEqual(yield* fs.readDirectory(path.slice(0, -"/cookie".length)), ["cookie"])
      })
    ))

  it.live("renames where there are no hard links", () =>
    inDirectory((path, fs) =>
      Effect.gen(function*() {
        const { obtain } = yield* CookieFile.make({ path }).pipe(
          Effect.provideService(FileSystem.FileSystem, {
            ...fs,
            link: () => Effect.fail(systemError("PermissionDenied"))
          })
        )
        const cookie = yield* obtain
        assert.strictEqual(yield* fs.readFileString(path), `${Redacted.value(cookie)}\n`)
        assert.strictEqual((yield* fs.stat(path)).mode & 0o777, 0o600)
        assert.deepStrictEqual(yield* fs.readDirectory(path.slice(0, -"/cookie".length)), ["cookie"])
      })
    ))

  it.live("leaves nothing behind when it cannot write", () =>
    inDirectory((path, fs) =>
      Effect.gen(function*() {
        const full = systemError("Unknown")
        const { obtain } = yield* CookieFile.make({ path }).pipe(
          Effect.provideService(FileSystem.FileSystem, {
            ...fs,
            open: (name, options) =>
              Effect.map(fs.open(name, options), (file) => ({ ...file, writeAll: () => Effect.fail(full) }))
          })
        )
        assert.strictEqual((yield* Effect.flip(obtain)).problem, "Unwritable")
        assert.deepStrictEqual(yield* fs.readDirectory(path.slice(0, -"/cookie".length)), [])
      })
    ))

  it.live("shows no cookie in errors", () =>
    inDirectory((path, fs) =>
      Effect.gen(function*() {
        const { obtain, read } = yield* CookieFile.make({ path })
        const shown: Array<unknown> = [yield* obtain, yield* read]
        const made = Redacted.value(yield* obtain)
        yield* fs.chmod(path, 0o644)
        shown.push(yield* Effect.flip(obtain), yield* Effect.exit(obtain))
        yield* fs.writeFileString(path, made.repeat(30))
        shown.push(yield* Effect.flip(obtain), yield* Effect.exit(obtain))
        for (const u of shown) {
          for (const text of [JSON.stringify(u), inspect(u, { depth: 10, showHidden: true }), Formatter.format(u)]) {
            assert.notInclude(text, made.slice(0, 12))
          }
        }
      })
    ))

  describe("layerMemory", () => {
    it.effect("has the cookie it was given", () =>
      Effect.gen(function*() {
        const { obtain, read } = yield* CookieFile.CookieFile
        assert.deepStrictEqual(Option.map(yield* read, Redacted.value), Option.some(secret))
        assert.strictEqual(Redacted.value(yield* obtain), secret)
      }).pipe(Effect.provide(CookieFile.layerMemory(Redacted.make(secret)))))

    it.effect("has none until a server makes one", () =>
      Effect.gen(function*() {
        const context = yield* Layer.build(CookieFile.layerMemory())
        const { obtain, read } = Context.get(context, CookieFile.CookieFile)
        assert.isTrue(Option.isNone(yield* read))
        const [first, second] = yield* Effect.all([obtain, obtain], { concurrency: "unbounded" })
        assert.strictEqual(Redacted.value(first).length, 44)
        assert.isTrue(LoginCookie.equals(first, second))
        assert.isTrue(LoginCookie.equals(first, Option.getOrThrow(yield* read)))
      }))
  })
})
