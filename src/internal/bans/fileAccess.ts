/**
 * The file of a ban list on disk: read whole, replaced whole.
 *
 * Who replaces it first makes `<path>.lock`, which nobody else can make then, writes the new content into that, and
 * renames it to the path. So at each moment there is a whole file at the path, the old one or the new, and of several
 * processes only one is between reading and writing. A lock that nobody has written to for long was left by a process
 * that died: it is removed.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import type * as Scope from "effect/Scope"
import * as FileFormat from "./fileFormat.ts"
import type * as Table from "./table.ts"

/**
 * What a file looks like from outside. One that was replaced or written to looks different.
 *
 * @internal
 */
export type Look = string

const ownerOnly = 0o600
const readSize = 65_536
const lockPause = Duration.millis(50)
const staleAfter = Duration.toMillis("10 seconds")

const isTagged = (error: PlatformError.PlatformError, tag: string): boolean => error.reason._tag === tag

const lookOf = (info: FileSystem.File.Info): Look => {
  const mtime = Option.match(info.mtime, { onNone: () => 0, onSome: (time) => time.getTime() })
  return `${Option.getOrElse(info.ino, () => 0n)} ${mtime} ${info.size}`
}

const infoOf = (
  fs: FileSystem.FileSystem,
  path: string
): Effect.Effect<Option.Option<FileSystem.File.Info>, PlatformError.PlatformError> =>
  fs.stat(path).pipe(
    Effect.asSome,
    Effect.catchIf((error) => isTagged(error, "NotFound"), () => Effect.succeedNone)
  )

/** How the file looks; `None` when there is none. @internal */
export const look = (
  fs: FileSystem.FileSystem,
  path: string
): Effect.Effect<Option.Option<Look>, PlatformError.PlatformError> => Effect.map(infoOf(fs, path), Option.map(lookOf))

/** What was found at the path: how it looks, and what is wrong with it. @internal */
export interface Found {
  readonly look: Look
  readonly problem: FileFormat.Problem | undefined
}

/**
 * Reads all rows; `None` when there is no file.
 *
 * @internal
 */
export const read = (
  fs: FileSystem.FileSystem,
  path: string,
  onRow: (row: Table.Row) => void
): Effect.Effect<Option.Option<Found>, PlatformError.PlatformError> =>
  Effect.gen(function*() {
    const file = yield* fs.open(path, { flag: "r" })
    const look = lookOf(yield* file.stat)
    const decoder = new FileFormat.Decoder(onRow)
    const buffer = new Uint8Array(readSize)
    while (true) {
      const count = yield* file.read(buffer)
      if (count === 0) return Option.some({ look, problem: decoder.end() })
      const problem = decoder.push(buffer.subarray(0, count))
      if (problem !== undefined) return Option.some({ look, problem })
    }
  }).pipe(
    Effect.scoped,
    Effect.catchIf((error) => isTagged(error, "NotFound"), () => Effect.succeedNone)
  )

/** The right to replace the file, and the file that will. @internal */
export interface Lock {
  readonly file: FileSystem.File
  readonly path: string
}

/**
 * Takes the lock, and gives it back when the scope is closed. Others may hold it for seconds at most.
 *
 * @internal
 */
export const lock = (
  fs: FileSystem.FileSystem,
  path: string
): Effect.Effect<Lock, PlatformError.PlatformError, Scope.Scope> =>
  Effect.gen(function*() {
    const lockPath = `${path}.lock`
    const make = fs.open(lockPath, { flag: "wx", mode: ownerOnly }).pipe(
      Effect.asSome,
      Effect.catchIf((error) => isTagged(error, "AlreadyExists"), () => Effect.succeedNone)
    )
    let seen: { readonly look: Option.Option<Look>; readonly since: number } = { look: Option.none(), since: 0 }
    while (true) {
      const made = yield* Effect.acquireRelease(
        make,
        // After it was renamed there is nothing to remove, or the lock of somebody else.
        (made) => Option.isSome(made) ? Effect.ignore(removeOwn(fs, lockPath, made.value)) : Effect.void
      )
      if (Option.isSome(made)) return { file: made.value, path: lockPath }
      const now = yield* Clock.currentTimeMillis
      const current = yield* look(fs, lockPath)
      const isSame = Option.isSome(current) && Option.isSome(seen.look) && current.value === seen.look.value
      if (!isSame) seen = { look: current, since: now }
      else if (now - seen.since >= staleAfter) yield* fs.remove(lockPath, { force: true })
      yield* Effect.sleep(lockPause)
    }
  })

const isOwn = (fs: FileSystem.FileSystem, lockPath: string, file: FileSystem.File) =>
  Effect.zipWith(
    infoOf(fs, lockPath),
    file.stat,
    (there, own) => Option.isSome(there) && Option.getOrNull(there.value.ino) === Option.getOrNull(own.ino)
  )

const removeOwn = (fs: FileSystem.FileSystem, lockPath: string, file: FileSystem.File) =>
  Effect.flatMap(isOwn(fs, lockPath, file), (own) => own ? fs.remove(lockPath, { force: true }) : Effect.void)

/** An operator who runs the command as another user must not take the file away from the server. */
const keepOwner = (fs: FileSystem.FileSystem, from: string, to: string) =>
  Effect.flatMap(
    infoOf(fs, from),
    Option.match({
      onNone: () => Effect.void,
      onSome: ({ gid, mode, uid }) =>
        Effect.andThen(
          Option.isSome(uid) && Option.isSome(gid) ? Effect.ignore(fs.chown(to, uid.value, gid.value)) : Effect.void,
          Effect.ignore(fs.chmod(to, mode & 0o777))
        )
    })
  )

/**
 * Replaces the file by the rows, which are asked for piece by piece. Gives how the new one looks; `None` when the lock was lost to somebody who took it for left behind,
 * and nothing was replaced.
 *
 * @internal
 */
export const replace = (
  fs: FileSystem.FileSystem,
  path: string,
  lock: Lock,
  pieces: Iterable<ReadonlyArray<Table.Row>>
): Effect.Effect<Option.Option<Look>, PlatformError.PlatformError> =>
  Effect.gen(function*() {
    const encoder = new FileFormat.Encoder()
    const ascii = new TextEncoder()
    yield* lock.file.writeAll(ascii.encode(encoder.begin()))
    for (const rows of pieces) {
      yield* lock.file.writeAll(ascii.encode(encoder.rows(rows)))
    }
    yield* lock.file.writeAll(ascii.encode(encoder.end()))
    yield* lock.file.sync
    yield* keepOwner(fs, path, lock.path)
    if (!(yield* isOwn(fs, lock.path, lock.file))) return Option.none()
    // From here on the file is another one, and that must be known.
    return yield* Effect.uninterruptible(
      Effect.andThen(fs.rename(lock.path, path), Effect.map(lock.file.stat, (info) => Option.some(lookOf(info))))
    )
  })
