/**
 * A ban list that survives restarts: the store of a `BanList` in a file.
 *
 * All of it is in memory while the program runs, so nothing that a connection waits for waits for a disk. A ban, or the
 * end of one, is in the file within a second; points that ban nobody are within ten seconds, and all is when the scope
 * is closed.
 *
 * **Details**
 *
 * The file is replaced whole: the new content is written to `<path>.lock`, forced to disk, and renamed. Whatever
 * happens in between, there is the old file or the new one. It has a version and a checksum on each line, and is checked
 * when it is read. One that is damaged, or is no list of bans at all, fails the layer with a `BanFileError` that says in
 * which line, and stays as it is; with `whenUnusable: "setAside"` it is renamed instead and a new one is begun.
 *
 * Several processes may use one file, `flowee bans` among them: each looks twice a second whether it was replaced, and
 * takes over what others wrote. Before it writes, it takes a lock, and first takes over what it has not seen. Where two
 * changed the same entry, a ban beats points, the ban that ends later beats the other, and of points the larger number
 * counts. A file that is removed comes back. When it cannot be written, or read any more, the program goes on with what it has in memory,
 * warns once, and tries again.
 *
 * A ban that is over is forgotten, and so are points that nobody adds to for `keepPoints`. Reasons are cut at 500
 * characters.
 *
 * **Gotchas**
 *
 * The lock works between processes of one machine. Machines share bans through `BanListRedis` or `BanListSql`.
 *
 * **Example** (A ban list that lasts)
 *
 * ```ts
 * import { Layer } from "effect"
 * import * as BanList from "effect-flowee/BanList"
 * import * as BanListFile from "effect-flowee/BanListFile"
 *
 * // Needs a FileSystem, such as that of @effect/platform-node. For servers on Node.js: NodeNetwork.layerServer.
 * const Bans = Layer.provide(BanList.layer(), BanListFile.layer({ path: "/var/lib/hub/bans" }))
 * ```
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as OptionRules from "../domain/internal/optionRules.ts"
import * as BanFile from "../internal/bans/file.ts"
import * as News from "../internal/bans/news.ts"
import * as Standing from "../internal/bans/standing.ts"
import * as BanListStore from "./BanListStore.ts"
import type * as NetworkConfig from "./NetworkConfig.ts"

/**
 * The file of a ban list cannot be used.
 *
 * - `Foreign`: it is something else.
 * - `Newer`: a newer version of this library wrote it.
 * - `Corrupt`: it was damaged, and `line` is where.
 * - `Unreadable`, `Unwritable`: the file system refuses; the cause says why.
 *
 * @category errors
 * @since 0.1.0
 */
export class BanFileError extends Schema.TaggedError<BanFileError>("effect-flowee/BanListFile/BanFileError")(
  "BanFileError",
  {
    problem: Schema.Literals(["Foreign", "Newer", "Corrupt", "Unreadable", "Unwritable"]),
    path: Schema.String,
    /** The first line that is wrong, from 1. */
    line: Schema.optionalKey(Schema.Int),
    /** What is wrong with that line. */
    detail: Schema.optionalKey(Schema.String),
    cause: Schema.optionalKey(Schema.Defect())
  }
) {
  override get message(): string {
    const cause = this.cause instanceof Error ? `: ${this.cause.message}` : ""
    return `the ban file ${this.path} ${explain[this.problem](this)}${cause}`
  }
}

const mend = "restore it from a copy, or move it away to begin a new list"

const explain: { readonly [problem in BanFileError["problem"]]: (error: BanFileError) => string } = {
  Foreign: () => `is no list of bans: was another file meant? If not, ${mend}`,
  Newer: () => "was written by a newer version: use that one, or move the file away to begin a new list",
  Corrupt: ({ detail, line }) => `is damaged, line ${line} ${detail}: ${mend}`,
  Unreadable: () => "cannot be read",
  Unwritable: () => "cannot be written"
}

/**
 * Options of a ban file.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Where the file is. Its folder must exist. The file is made with the first change, for this user only. */
  readonly path: string
  /** The most groups that are remembered: 1 to 10,000,000. Default: 100,000, which take 30 MB, and 11 MB on disk. */
  readonly maxEntries?: number | undefined
  /** How long points are remembered that nobody adds to, at least 1 hour. Default: 30 days. */
  readonly keepPoints?: Duration.Input | undefined
  /** What happens at the start when the file is no list, or a damaged one. Default: `"fail"`. */
  readonly whenUnusable?: "fail" | "setAside" | undefined
}

/**
 * The file behind a ban list.
 *
 * @category services
 * @since 0.1.0
 */
export class BanListFile extends Context.Service<BanListFile, {
  readonly path: string
  /** Writes at once what is not in the file yet, and takes over what others wrote. */
  readonly save: Effect.Effect<void, BanFileError>
}>()("effect-flowee/BanListFile") {}

const rules = {
  maxEntries: OptionRules.count(100_000, 1, 10_000_000),
  keepPoints: OptionRules.time("30 days", 3_600_000)
}

/** How often the file is looked at, and bans are written. */
const lookEvery = Duration.millis(500)
/** How long a file that cannot be used is left alone. */
const retryAfter = Duration.seconds(5)
/** How long points wait to be written. */
const pointsWait = Duration.toMillis("10 seconds")

const annotations = { package: "effect-flowee", module: "BanListFile" }

const toError = (path: string) => (failure: BanFile.Failure): BanFileError => {
  if (failure._tag !== "Unusable") return new BanFileError({ problem: failure._tag, path, cause: failure.cause })
  const { problem } = failure
  return problem._tag === "Corrupt"
    ? new BanFileError({ problem: "Corrupt", path, line: problem.line, detail: problem.what })
    : new BanFileError({ problem: problem._tag, path })
}

/** Renames the file to a name that is free. */
const setAside = Effect.fnUntraced(
  function*(fs: FileSystem.FileSystem, error: BanFileError) {
    const { path } = error
    const stem = `${path}.unusable-${yield* Clock.currentTimeMillis}`
    let target = stem
    for (let n = 2; yield* fs.exists(target); n++) target = `${stem}-${n}`
    yield* fs.rename(path, target)
    yield* Effect.logWarning(`${error.message}. It is ${target} now, and a new list is begun`)
  },
  (effect, _fs, { path }) =>
    Effect.mapError(effect, (cause) => new BanFileError({ problem: "Unwritable", path, cause }))
)

const load = (
  fs: FileSystem.FileSystem,
  reload: Effect.Effect<void, BanFileError>,
  whenUnusable: "fail" | "setAside"
): Effect.Effect<void, BanFileError> =>
  Effect.catchIf(
    reload,
    ({ problem }) => whenUnusable === "setAside" && problem !== "Unreadable" && problem !== "Unwritable",
    (error) => Effect.andThen(setAside(fs, error), reload)
  )

/** Warns when there is another problem than the last time. Gives whether all is well. */
const makeWarnOnChange = () => {
  let last: string | undefined
  return (attempt: Effect.Effect<void, BanFileError>): Effect.Effect<boolean> =>
    Effect.matchEffect(attempt, {
      onSuccess: () =>
        Effect.suspend(() => {
          if (last === undefined) return Effect.succeed(true)
          last = undefined
          return Effect.as(Effect.logInfo("The ban file can be used again"), true)
        }),
      onFailure: (error) =>
        Effect.suspend(() => {
          if (last === error.problem) return Effect.succeed(false)
          last = error.problem
          return Effect.as(Effect.logWarning(`Bans and points are kept in memory only: ${error.message}`), false)
        })
    })
}

/** Keeps the file and the memory together. */
const follow = (file: BanFile.BanFile, toBanFileError: (failure: BanFile.Failure) => BanFileError) => {
  const { replica } = file
  const attempt = makeWarnOnChange()
  let since = Infinity
  const step = Effect.flatMap(Clock.currentTimeMillis, (now) => {
    since = replica.pending.size === 0 ? Infinity : Math.min(since, now)
    const isDue = replica.isUrgent || now - since >= pointsWait
    return attempt(Effect.mapError(isDue ? file.save : file.reload, toBanFileError))
  })
  return Effect.timed(step).pipe(
    // However many are banned, most of the time is left for other work.
    Effect.flatMap(([took, isWell]) =>
      Effect.sleep(isWell ? Duration.max(lookEvery, Duration.times(took, 3)) : retryAfter)
    ),
    Effect.forever
  )
}

const saveAtLast = (file: BanFile.BanFile, toBanFileError: (failure: BanFile.Failure) => BanFileError) =>
  Effect.suspend(() => {
    const changes = file.replica.pending.size
    if (changes === 0) return Effect.void
    return Effect.catch(
      Effect.mapError(file.save, toBanFileError),
      (error) => Effect.logError(`The last changes of the ban list are lost (${changes}): ${error.message}`)
    )
  })

/**
 * Opens the file: gives the store and the file behind it. They are kept together until the scope is closed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (options: Options) => Effect.Effect<
  Context.Context<BanListStore.BanListStore | BanListFile>,
  NetworkConfig.BadOption | BanFileError,
  FileSystem.FileSystem | Scope.Scope
> = Effect.fnUntraced(function*(options: Options) {
  const { keepPoints, maxEntries } = yield* Effect.fromResult(OptionRules.resolve(rules, options))
  const fs = yield* FileSystem.FileSystem
  // The file is replaced, and a link to it should not be.
  const path = yield* Effect.orElseSucceed(fs.realPath(options.path), () => options.path)
  const news = yield* News.make
  const file = new BanFile.BanFile(fs, {
    path,
    maxEntries,
    keepPoints: Duration.toMillis(keepPoints),
    onNews: news.tell
  })
  const toBanFileError = toError(path)
  const { replica } = file

  yield* load(fs, Effect.mapError(file.reload, toBanFileError), options.whenUnusable ?? "fail")
  yield* Effect.addFinalizer(() => Effect.annotateLogs(saveAtLast(file, toBanFileError), annotations))
  yield* Effect.forkScoped(Effect.annotateLogs(follow(file, toBanFileError), annotations))

  const store = BanListStore.BanListStore.of({
    find: (keys) => Effect.sync(() => replica.table.find(keys)),
    update: (key, f) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const [result, next] = f(Option.fromUndefinedOr(replica.table.get(key)))
        replica.change(key, Option.getOrUndefined(Option.map(next, Standing.bounded)), now)
        return result
      }),
    remove: (key) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const existed = replica.table.get(key) !== undefined
        replica.change(key, undefined, now)
        return existed
      }),
    list: Effect.sync(() => replica.table.rows()),
    changes: news.bans
  })
  return Context.make(BanListStore.BanListStore, store).pipe(
    Context.add(BanListFile, { path, save: Effect.mapError(file.save, toBanFileError) })
  )
})

/**
 * Provides the store of a file, on any platform that has a `FileSystem`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<
  BanListStore.BanListStore | BanListFile,
  NetworkConfig.BadOption | BanFileError,
  FileSystem.FileSystem
> => Layer.effectContext(make(options))
