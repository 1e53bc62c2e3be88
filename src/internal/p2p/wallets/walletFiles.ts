/**
 * Wallets as files of a folder.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import type * as PlatformError from "effect/PlatformError"
import * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import * as WalletFile from "../../../domain/p2p/WalletFile.ts"
import * as Hash256 from "../../../services/Hash256.ts"
import * as WalletStore from "../../../services/p2p/WalletStore.ts"
import * as DurableFile from "../../durableFile.ts"

const ending = ".wallet"

const orError = (problem: "Unreadable" | "Unwritable", path: string) =>
  Effect.mapError((cause: PlatformError.PlatformError | DurableFile.TooLarge) =>
    new WalletStore.WalletStoreError(
      cause._tag === "TooLarge" ? { problem: "TooLarge", path } : { problem, path, cause }
    )
  )

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
    return DurableFile.read(fs, path, WalletFile.maxSize).pipe(
      orError("Unreadable", path),
      Effect.flatMap((bytes) => decode(bytes, path)),
      // On some systems names that differ in case only are one file.
      Effect.filterOrFail(
        (snapshot) => snapshot.id === id,
        () => new WalletStore.WalletStoreError({ problem: "Foreign", path })
      ),
      Effect.asSome,
      Effect.catchIf(
        ({ cause }) => DurableFile.isMissing(cause),
        () => Effect.succeed(Option.none<WalletFile.Snapshot>())
      ),
      Effect.tap(() => Effect.sync(() => void ours.add(id)))
    )
  }

  const write = (snapshot: WalletFile.Snapshot) => {
    const path = pathOf(snapshot.id)
    const bytes = WalletFile.encode(snapshot, { network, hash256 })
    return DurableFile.replace(fs, { path, folder: directory }, bytes).pipe(orError("Unwritable", path))
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
