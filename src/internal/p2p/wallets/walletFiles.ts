/**
 * Wallets as files of a folder.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as PlatformError from "effect/PlatformError"
import * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import * as WalletFile from "../../../domain/p2p/WalletFile.ts"
import * as Hash256 from "../../../services/Hash256.ts"
import * as WalletStore from "../../../services/p2p/WalletStore.ts"

const ending = ".wallet"

const ownerOnly = 0o600

const readFile = Effect.fnUntraced(function*(fs: FileSystem.FileSystem, path: string) {
  const { size } = yield* fs.stat(path)
  if (size > BigInt(WalletFile.maxSize)) return yield* new WalletStore.WalletStoreError({ problem: "TooLarge", path })
  return yield* fs.readFile(path)
})

const writeDurably = Effect.fnUntraced(function*(fs: FileSystem.FileSystem, path: string, bytes: Uint8Array) {
  const file = yield* fs.open(path, { flag: "w", mode: ownerOnly })
  yield* file.writeAll(bytes)
  yield* file.sync
}, Effect.scoped)

/** The new name is safe when the folder is. Not every system lets a folder be opened, and then this is all there is. */
const syncFolder = (fs: FileSystem.FileSystem, folder: string) =>
  Effect.ignore(Effect.scoped(Effect.flatMap(fs.open(folder, { flag: "r" }), (file) => file.sync)))

const orError = (problem: "Unreadable" | "Unwritable", path: string) =>
  Effect.mapError((cause: PlatformError.PlatformError | WalletStore.WalletStoreError) =>
    cause._tag === "WalletStoreError" ? cause : new WalletStore.WalletStoreError({ problem, path, cause })
  )

const isMissing = ({ cause, problem }: WalletStore.WalletStoreError): boolean =>
  problem === "Unreadable" && cause instanceof PlatformError.PlatformError && cause.reason._tag === "NotFound"

/** @internal */
export const make = Effect.fnUntraced(function*({ directory, network }: WalletStore.FileOptions) {
  const fs = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  const { hash256 } = yield* Hash256.Hash256
  const lock = yield* Semaphore.make(1)
  /** Those that were found to be ours, or not to be there. */
  const ours = new Set<string>()
  yield* fs.makeDirectory(directory, { recursive: true }).pipe(orError("Unwritable", directory))

  const pathOf = (id: string) => join(directory, `${id}${ending}`)

  const decode = (bytes: Uint8Array, path: string) =>
    Effect.fromResult(Result.mapError(
      WalletFile.decode(bytes, { network, hash256 }),
      (cause) => new WalletStore.WalletStoreError({ problem: cause.problem, path, offset: cause.offset, cause })
    ))

  const load = (id: string) => {
    const path = pathOf(id)
    return readFile(fs, path).pipe(
      orError("Unreadable", path),
      Effect.flatMap((bytes) => decode(bytes, path)),
      // On some systems names that differ in case only are one file.
      Effect.filterOrFail(
        (snapshot) => snapshot.id === id,
        () => new WalletStore.WalletStoreError({ problem: "Foreign", path })
      ),
      Effect.asSome,
      Effect.catchIf(isMissing, () => Effect.succeed(Option.none<WalletFile.Snapshot>())),
      Effect.tap(() => Effect.sync(() => void ours.add(id)))
    )
  }

  const write = (snapshot: WalletFile.Snapshot) => {
    const path = pathOf(snapshot.id)
    return writeDurably(fs, `${path}.new`, WalletFile.encode(snapshot, { network, hash256 })).pipe(
      Effect.andThen(fs.rename(`${path}.new`, path)),
      Effect.andThen(syncFolder(fs, directory)),
      orError("Unwritable", path)
    )
  }

  return WalletStore.WalletStore.of({
    load: (id) => lock.withPermit(load(id)),
    save: (snapshot) =>
      lock.withPermit(
        // Nothing is overwritten that was not found to be ours.
        Effect.andThen(
          Effect.suspend(() => ours.has(snapshot.id) ? Effect.void : Effect.asVoid(load(snapshot.id))),
          Effect.suspend(() => write(snapshot))
        )
      ),
    list: fs.readDirectory(directory).pipe(
      orError("Unreadable", directory),
      Effect.map((names) => names.filter((name) => name.endsWith(ending)).map((name) => name.slice(0, -ending.length)))
    )
  })
})
