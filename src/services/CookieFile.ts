/**
 * The file with the secret of a cookie login, shared by a server and the clients that can read it.
 *
 * A client reads the file at every connect, so a new cookie needs no restart. A server creates the file when it is
 * missing: 32 random bytes in base64, readable by its own user only.
 *
 * **Details**
 *
 * The file is written under another name and then linked to its own, so it is complete whenever it is there, and of
 * several servers that start in the same moment one makes the cookie and all use it. It is created with mode 0600: at no
 * moment can other users read it. On a file system without hard links it is renamed instead; the last one of such
 * servers then wins.
 *
 * A server refuses a file that is there but is no cookie (`Malformed`), and one that every user of the machine may read
 * or write (`Exposed`): replacing a secret, or keeping one that is none, is for an operator to decide. Sharing the file
 * with a group is allowed, that is how a client of another user gets it. Windows files have no such modes.
 *
 * A client never fails: without a cookie it connects without login. Why is logged as a warning, once until it changes.
 *
 * Source: wire format, section 3.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Hex from "effect/encoding/Hex"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as LoginCookie from "../domain/LoginCookie.ts"

/**
 * A cookie file cannot be used.
 *
 * - `Missing`: there is no such file.
 * - `Unreadable`: it cannot be opened or read.
 * - `Malformed`: its first line is no cookie; the cause says why.
 * - `Exposed`: every user of the machine may read or write it.
 * - `Unwritable`: it was missing and cannot be created.
 *
 * @category errors
 * @since 0.1.0
 */
export class CookieError extends Schema.TaggedError<CookieError>("effect-flowee/CookieFile/CookieError")(
  "CookieError",
  {
    problem: Schema.Literals(["Missing", "Unreadable", "Malformed", "Exposed", "Unwritable"]),
    path: Schema.String,
    cause: Schema.optionalKey(Schema.Defect())
  }
) {
  override get message(): string {
    const cause = this.cause instanceof Error ? ` (${this.cause.message})` : ""
    return `the cookie file ${this.path} ${explain[this.problem]}${cause}`
  }
}

const explain: { readonly [problem in CookieError["problem"]]: string } = {
  Missing: "does not exist",
  Unreadable: "cannot be read",
  Malformed: "holds no cookie: remove it, and the server makes a new one",
  Exposed: "is open to all users: remove it, since its cookie is no secret any more, or set its mode to 0600",
  Unwritable: "cannot be created"
}

/**
 * The cookie of a login.
 *
 * @category services
 * @since 0.1.0
 */
export class CookieFile extends Context.Service<CookieFile, {
  /** For a client: the cookie as it is now. `None` when there is none to be had; never fails. */
  readonly read: Effect.Effect<Option.Option<Redacted.Redacted<string>>>
  /** For a server: the cookie as it is now, made when it is missing. */
  readonly obtain: Effect.Effect<Redacted.Redacted<string>, CookieError>
}>()("effect-flowee/CookieFile") {}

/**
 * Options of a cookie file.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly path: string
  /** Whether a server refuses a file that is open to all users. Default: `true`. */
  readonly checkMode?: boolean | undefined
}

const ownerOnly = 0o600
const othersReadOrWrite = 0o006

// Enough to tell a cookie that is too long, whatever the size of the file.
const readSize = LoginCookie.maxSize + 2

const isTagged = (error: PlatformError.PlatformError, tag: string): boolean => error.reason._tag === tag

const randomCookie = Effect.map(
  SecureRandom.SecureRandom.use((random) => random.randomBytes(LoginCookie.randomSize)),
  LoginCookie.fromRandomBytes
)

/** Warns when there is another problem than the last time; `undefined` is worth no words. */
const makeWarnOnChange = () => {
  let last: string | undefined
  return (error: CookieError | undefined): Effect.Effect<void> =>
    Effect.suspend(() => {
      // The messages of the platform name file descriptors, so they differ from one time to the next.
      const problem = error?.problem === "Malformed" ? error.message : error?.problem
      if (problem === last) return Effect.void
      last = problem
      return error === undefined ? Effect.void : Effect.logWarning(`Connecting without login: ${error.message}`)
    })
}

/**
 * Makes the cookie service of one file.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (
  options: Options
) => Effect.Effect<CookieFile["Service"], never, FileSystem.FileSystem | SecureRandom.SecureRandom> = Effect.fnUntraced(
  function*({ checkMode = true, path }: Options) {
    const fs = yield* FileSystem.FileSystem
    const random = yield* SecureRandom.SecureRandom
    const warnOnChange = makeWarnOnChange()

    const load = Effect.gen(function*() {
      const file = yield* fs.open(path, { flag: "r" })
      const { mode } = yield* file.stat
      const content = yield* readStart(file)
      return { mode, cookie: LoginCookie.fromFile(content) }
    }).pipe(
      Effect.scoped,
      Effect.mapError((cause) =>
        isTagged(cause, "NotFound")
          ? new CookieError({ problem: "Missing", path })
          : new CookieError({ problem: "Unreadable", path, cause })
      ),
      Effect.flatMap(({ cookie, mode }) =>
        Result.match(cookie, {
          onSuccess: (cookie) => Effect.succeed({ cookie, mode }),
          onFailure: (cause) => Effect.fail(new CookieError({ problem: "Malformed", path, cause }))
        })
      )
    )

    // A hard link fails where a rename would replace the file that another server has just made.
    const publish = (temporary: string) =>
      Effect.catch(
        fs.link(temporary, path),
        (error) => isTagged(error, "AlreadyExists") ? Effect.void : fs.rename(temporary, path)
      )

    const create = Effect.gen(function*() {
      const cookie = yield* Effect.provideService(randomCookie, SecureRandom.SecureRandom, random)
      const temporary = `${path}.${Hex.encode(yield* random.randomBytes(8))}.tmp`
      yield* Effect.addFinalizer(() => Effect.ignore(fs.remove(temporary, { force: true })))
      yield* Effect.scoped(writeNew(fs, temporary, `${Redacted.value(cookie)}\n`))
      yield* publish(temporary)
    }).pipe(
      Effect.scoped,
      Effect.mapError((cause) => new CookieError({ problem: "Unwritable", path, cause }))
    )

    return CookieFile.of({
      read: Effect.matchEffect(load, {
        onSuccess: ({ cookie }) => Effect.as(warnOnChange(undefined), Option.some(cookie)),
        onFailure: (error) => Effect.as(warnOnChange(error), Option.none())
      }).pipe(Effect.annotateLogs({ package: "effect-flowee", module: "CookieFile" })),
      obtain: load.pipe(
        // What counts is what is in the file after that: another server may have been first.
        Effect.catchIf((error) => error.problem === "Missing", () => Effect.andThen(create, load)),
        Effect.flatMap(({ cookie, mode }) =>
          checkMode && (mode & othersReadOrWrite) !== 0
            ? Effect.fail(new CookieError({ problem: "Exposed", path }))
            : Effect.succeed(cookie)
        )
      )
    })
  }
)

const readStart = Effect.fnUntraced(function*(file: FileSystem.File) {
  const buffer = new Uint8Array(readSize)
  let size = 0
  while (size < readSize) {
    const count = yield* file.read(buffer.subarray(size))
    if (count === 0) break
    size += count
  }
  return buffer.subarray(0, size)
})

const writeNew = Effect.fnUntraced(function*(fs: FileSystem.FileSystem, path: string, text: string) {
  const file = yield* fs.open(path, { flag: "wx", mode: ownerOnly })
  yield* file.writeAll(new TextEncoder().encode(text))
  yield* file.sync
})

/**
 * Provides the cookie of a file, on any platform that has a `FileSystem`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options
): Layer.Layer<CookieFile, never, FileSystem.FileSystem | SecureRandom.SecureRandom> =>
  Layer.effect(CookieFile, make(options))

/**
 * Provides a cookie that is in no file: the given one, or one that `obtain` makes.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMemory = (cookie?: Redacted.Redacted<string>): Layer.Layer<CookieFile> =>
  Layer.effect(
    CookieFile,
    Effect.map(SecureRandom.SecureRandom, (random) => {
      let current = Option.fromUndefinedOr(cookie)
      return CookieFile.of({
        read: Effect.sync(() => current),
        obtain: Effect.suspend(() =>
          Option.isSome(current)
            ? Effect.succeed(current.value)
            : Effect.map(Effect.provideService(randomCookie, SecureRandom.SecureRandom, random), (made) => {
              // Another fiber may have been here in the meantime.
              const kept = Option.getOrElse(current, () => made)
              current = Option.some(kept)
              return kept
            })
        )
      })
    })
  ).pipe(Layer.provide(SecureRandom.layerWebCrypto))
