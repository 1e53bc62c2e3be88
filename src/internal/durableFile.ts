/**
 * Files that are replaced as a whole: whenever the program is killed, the old one or the new one is there.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as PlatformError from "effect/PlatformError"

/** A file is larger than any that was written here. @internal */
export class TooLarge extends Data.TaggedError("TooLarge")<{ readonly size: bigint }> {}

const ownerOnly = 0o600

/**
 * Reads a file of up to so many bytes.
 *
 * @internal
 */
export const read = Effect.fnUntraced(function*(fs: FileSystem.FileSystem, path: string, limit: number) {
  const { size } = yield* fs.stat(path)
  if (size > BigInt(limit)) return yield* new TooLarge({ size })
  return yield* fs.readFile(path)
})

const write = Effect.fnUntraced(function*(fs: FileSystem.FileSystem, path: string, bytes: Uint8Array) {
  const file = yield* fs.open(path, { flag: "w", mode: ownerOnly })
  yield* file.writeAll(bytes)
  yield* file.sync
}, Effect.scoped)

/** The new name is safe when the folder is. Not every system lets a folder be opened, and then this is all there is. */
const syncFolder = (fs: FileSystem.FileSystem, folder: string) =>
  Effect.ignore(Effect.scoped(Effect.flatMap(fs.open(folder, { flag: "r" }), (file) => file.sync)))

/**
 * Writes a file beside the old one, brings it to the disk, and only then gives it its name. Nobody but its owner reads it.
 *
 * @internal
 */
export const replace = (
  fs: FileSystem.FileSystem,
  { folder, path }: { readonly path: string; readonly folder: string },
  bytes: Uint8Array
): Effect.Effect<void, PlatformError.PlatformError> =>
  write(fs, `${path}.new`, bytes).pipe(
    Effect.andThen(fs.rename(`${path}.new`, path)),
    Effect.andThen(syncFolder(fs, folder))
  )

/** @internal */
export const isMissing = (cause: unknown): boolean =>
  cause instanceof PlatformError.PlatformError && cause.reason._tag === "NotFound"
