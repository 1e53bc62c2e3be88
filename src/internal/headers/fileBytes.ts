/**
 * Bytes of files by their offsets.
 */
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as PlatformError from "effect/PlatformError"

/** @internal */
export const isNotFound = (error: PlatformError.PlatformError): boolean => error.reason._tag === "NotFound"

/** How many bytes a file has; 0 when there is none. @internal */
export const length = (fs: FileSystem.FileSystem, path: string): Effect.Effect<number, PlatformError.PlatformError> =>
  fs.stat(path).pipe(
    Effect.map(({ size }) => Number(ByteSize.toBigInt(size))),
    Effect.catchIf(isNotFound, () => Effect.succeed(0))
  )

/** Up to `size` bytes, in new memory; fewer only at the end of the file. @internal */
export const read = Effect.fnUntraced(function*(fs: FileSystem.FileSystem, path: string, offset: number, size: number) {
  const file = yield* fs.open(path, { flag: "r" })
  const bytes = new Uint8Array(size)
  let done = 0
  while (done < size) {
    const count = yield* file.read(bytes.subarray(done), { position: BigInt(offset + done) })
    if (count === 0) break
    done += count
  }
  return bytes.subarray(0, done)
}, Effect.scoped)

/** Opens a file to write to it, and makes it when there is none. @internal */
export const openOrMake = (fs: FileSystem.FileSystem, path: string) =>
  Effect.catchIf(fs.open(path, { flag: "r+" }), isNotFound, () => fs.open(path, { flag: "wx+" }))

/** Writes bytes at the end of a file. They are on the disk when it is done. @internal */
export const append = Effect.fnUntraced(function*(file: FileSystem.File, end: number, bytes: Uint8Array) {
  yield* file.seek(BigInt(end), "start")
  yield* file.writeAll(bytes)
  yield* file.sync
})

/** Ends a file at an offset, and appends bytes there. @internal */
export const cutAndAppend = (file: FileSystem.File, offset: number, bytes: Uint8Array) =>
  Effect.andThen(file.truncate(offset), append(file, offset, bytes))

/** Lets bytes be all that a file holds. @internal */
export const replace = (fs: FileSystem.FileSystem, path: string, bytes: Uint8Array) =>
  Effect.scoped(Effect.flatMap(openOrMake(fs, path), (file) => cutAndAppend(file, 0, bytes)))

const chunkSize = 262_144

/** Where the zeros begin that a file ends with; its length when there are none. @internal */
export const startOfZeros = Effect.fnUntraced(function*(fs: FileSystem.FileSystem, path: string, length: number) {
  for (let end = length; end > 0; end -= chunkSize) {
    const start = Math.max(0, end - chunkSize)
    const bytes = yield* read(fs, path, start, end - start)
    for (let i = bytes.length; i > 0; i--) if (bytes[i - 1] !== 0) return start + i
  }
  return 0
})
