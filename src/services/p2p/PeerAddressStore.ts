/**
 * Where an address book keeps what it knows between two runs.
 *
 * **Details**
 *
 * `PeerAddressBook` is the logic and works over any store. `layerMemory` forgets when the program ends. `layerFile` keeps
 * a file (see `AddressFile`), on any platform that has a `FileSystem`:
 *
 * - It is written beside itself, as `<path>.new`, brought to the disk, and only then given its name. Whenever the program
 *   is killed, the old file or the new one is there, whole.
 * - It is readable by its own user only, since it tells which addresses serve which wallet.
 * - A file that is damaged, of another network, or none of ours is an error that says what is wrong and where, and is
 *   left as it is. With `rebuild` it is moved to `<path>.bad`, and the book begins anew.
 *
 * **Gotchas**
 *
 * The folder must be there. One file is for one program at a time.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import type * as PlatformError from "effect/PlatformError"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import type * as Network from "../../domain/Network.ts"
import * as AddressFile from "../../domain/p2p/AddressFile.ts"
import * as DurableFile from "../../internal/durableFile.ts"
import * as Hash256 from "../Hash256.ts"

/**
 * The store of an address book cannot be used.
 *
 * - `Foreign`: the file is something else.
 * - `OtherVersion`: another version of this library wrote it.
 * - `OtherNetwork`: it is the file of another network.
 * - `Damaged`: a part of it has changed or is missing.
 * - `TooLarge`: it is larger than any such file can be.
 * - `Unreadable`, `Unwritable`: the file system refuses.
 *
 * @category errors
 * @since 0.1.0
 */
export class PeerAddressStoreError
  extends Schema.TaggedError<PeerAddressStoreError>("effect-flowee/PeerAddressStore/PeerAddressStoreError")(
    "PeerAddressStoreError",
    {
      problem: Schema.Literals([
        "Foreign",
        "OtherVersion",
        "OtherNetwork",
        "Damaged",
        "TooLarge",
        "Unreadable",
        "Unwritable"
      ]),
      path: Schema.String,
      /** Which byte of the file is wrong, where one is. */
      offset: Schema.optionalKey(Schema.Int),
      cause: Schema.optionalKey(Schema.Defect())
    }
  )
{
  override get message(): string {
    const cause = this.cause instanceof Error ? `: ${this.cause.message}` : ""
    return `the address book ${this.path} ${explain[this.problem]}${cause}`
  }
}

const explain: { readonly [problem in PeerAddressStoreError["problem"]]: string } = {
  Foreign: "is some other file: give another path, or remove it",
  OtherVersion: "is of another version: update this program, or ask for a rebuild",
  OtherNetwork: "belongs to another network: give another path",
  Damaged: "is damaged: restore it, or ask for a rebuild",
  TooLarge: "is larger than such a file can be",
  Unreadable: "cannot be read",
  Unwritable: "cannot be written"
}

/**
 * The store of an address book.
 *
 * @category services
 * @since 0.1.0
 */
export class PeerAddressStore extends Context.Service<PeerAddressStore, {
  /** What was saved last; `None` when nothing ever was. */
  readonly load: Effect.Effect<Option.Option<AddressFile.Snapshot>, PeerAddressStoreError>
  /** Saves in place of what was saved before: whole, or not at all. */
  readonly save: (snapshot: AddressFile.Snapshot) => Effect.Effect<void, PeerAddressStoreError>
}>()("effect-flowee/PeerAddressStore") {}

/**
 * Keeps what was saved in memory, until the program ends.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMemory: Layer.Layer<PeerAddressStore> = Layer.sync(PeerAddressStore, () => {
  let saved = Option.none<AddressFile.Snapshot>()
  return {
    load: Effect.sync(() => saved),
    save: (snapshot) =>
      Effect.sync(() => {
        saved = Option.some(snapshot)
      })
  }
})

/**
 * Options of {@link layerFile}.
 *
 * @category models
 * @since 0.1.0
 */
export interface FileOptions {
  readonly path: string
  readonly network: Network.Network
  /**
   * Whether a file that cannot be used is moved to `<path>.bad`, in place of one that is there, and the book begins
   * anew. Files that are of another network, or none of ours, stay where they are. Default: `false`.
   */
  readonly rebuild?: boolean | undefined
}

const mayRebuild: ReadonlySet<PeerAddressStoreError["problem"]> = new Set(["OtherVersion", "Damaged", "TooLarge"])

const orError = (problem: "Unreadable" | "Unwritable", path: string) =>
  Effect.mapError((cause: PlatformError.PlatformError | DurableFile.TooLarge) =>
    new PeerAddressStoreError(cause._tag === "TooLarge" ? { problem: "TooLarge", path } : { problem, path, cause })
  )

/**
 * Makes a store over a file.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeFile: (
  options: FileOptions
) => Effect.Effect<
  PeerAddressStore["Service"],
  never,
  FileSystem.FileSystem | Path.Path | Hash256.Hash256
> = Effect.fnUntraced(function*({ network, path, rebuild = false }: FileOptions) {
  const fs = yield* FileSystem.FileSystem
  const folder = (yield* Path.Path).dirname(path)
  const { hash256 } = yield* Hash256.Hash256
  const lock = yield* Semaphore.make(1)
  let isOurs = false

  const decode = (bytes: Uint8Array) =>
    Effect.fromResult(Result.mapError(
      AddressFile.decode(bytes, { network, hash256 }),
      (cause) => new PeerAddressStoreError({ problem: cause.problem, path, offset: cause.offset, cause })
    ))

  const read = DurableFile.read(fs, path, AddressFile.maxSize).pipe(
    orError("Unreadable", path),
    Effect.flatMap(decode),
    Effect.asSome,
    Effect.catchIf(({ cause }) => DurableFile.isMissing(cause), () => Effect.succeedNone)
  )

  const setAside = (error: PeerAddressStoreError) =>
    fs.rename(path, `${path}.bad`).pipe(
      orError("Unwritable", path),
      Effect.andThen(Effect.logWarning(`The address book begins anew, and the old file is ${path}.bad`, error)),
      Effect.as(Option.none<AddressFile.Snapshot>()),
      Effect.annotateLogs({ package: "effect-flowee", module: "PeerAddressStore" })
    )

  const load = read.pipe(
    Effect.catchIf((error) => rebuild && mayRebuild.has(error.problem), setAside),
    Effect.tap(() =>
      Effect.sync(() => {
        isOurs = true
      })
    )
  )

  const write = (bytes: Uint8Array) =>
    DurableFile.replace(fs, { path, folder }, bytes).pipe(orError("Unwritable", path))

  return PeerAddressStore.of({
    load: lock.withPermit(load),
    save: (snapshot) =>
      lock.withPermit(
        // Nothing is overwritten that was not found to be ours.
        Effect.andThen(
          Effect.suspend(() => isOurs ? Effect.void : Effect.asVoid(load)),
          Effect.suspend(() => write(AddressFile.encode(snapshot, { network, hash256 })))
        )
      )
  })
})

/**
 * Keeps what was saved in a file.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFile = (
  options: FileOptions
): Layer.Layer<PeerAddressStore, never, FileSystem.FileSystem | Path.Path | Hash256.Hash256> =>
  Layer.effect(PeerAddressStore, makeFile(options))
