/**
 * Where wallets keep what they know between two runs.
 *
 * **Details**
 *
 * `Wallets` is the logic and works over any store. `layerMemory` forgets when the program ends. `layerFile` keeps a file
 * for each wallet (see `WalletFile`) in a folder, on any platform that has a `FileSystem`:
 *
 * - A file is written beside itself, as `<id>.wallet.new`, brought to the disk, and only then given its name. Whenever
 *   the program is killed, the old file or the new one is there, whole.
 * - It is readable by its own user only, since it tells which addresses belong together.
 * - A file that is damaged, of another network, or none of ours is an error that says what is wrong and where. It is left
 *   as it is, and nothing is written in its place.
 *
 * **Gotchas**
 *
 * A folder is for one program at a time.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import type * as Network from "../../domain/Network.ts"
import type * as WalletFile from "../../domain/p2p/WalletFile.ts"
import * as WalletFiles from "../../internal/p2p/wallets/walletFiles.ts"
import type * as Hash256 from "../Hash256.ts"

/**
 * The store of wallets cannot be used.
 *
 * - `Foreign`: the file is something else.
 * - `OtherVersion`: another version of this library wrote it.
 * - `OtherNetwork`: it is a wallet of another network.
 * - `Damaged`: a part of it has changed or is missing.
 * - `TooLarge`: it is larger than any such file can be.
 * - `Unreadable`, `Unwritable`: the file system refuses.
 *
 * @category errors
 * @since 0.1.0
 */
export class WalletStoreError
  extends Schema.TaggedError<WalletStoreError>("effect-flowee/WalletStore/WalletStoreError")("WalletStoreError", {
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
  })
{
  override get message(): string {
    const cause = this.cause instanceof Error ? `: ${this.cause.message}` : ""
    return `the wallet ${this.path} ${explain[this.problem]}${cause}`
  }
}

const explain: { readonly [problem in WalletStoreError["problem"]]: string } = {
  Foreign: "is no such file, and is left alone: give another folder",
  OtherVersion: "is of another version: update this program",
  OtherNetwork: "belongs to another network: give another folder",
  Damaged: "is damaged: restore it, or move it away and look at all blocks again",
  TooLarge: "is larger than such a file can be",
  Unreadable: "cannot be read",
  Unwritable: "cannot be written"
}

/**
 * The store of wallets.
 *
 * @category services
 * @since 0.1.0
 */
export class WalletStore extends Context.Service<WalletStore, {
  /** What was saved last of a wallet; `None` when nothing ever was. */
  readonly load: (id: string) => Effect.Effect<Option.Option<WalletFile.Snapshot>, WalletStoreError>
  /** Saves in place of what was saved of the wallet before: whole, or not at all. */
  readonly save: (snapshot: WalletFile.Snapshot) => Effect.Effect<void, WalletStoreError>
  /** The ids of all wallets that were saved. */
  readonly list: Effect.Effect<ReadonlyArray<string>, WalletStoreError>
}>()("effect-flowee/WalletStore") {}

/**
 * Keeps what was saved in memory, until the program ends.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMemory: Layer.Layer<WalletStore> = Layer.sync(WalletStore, () => {
  const saved = new Map<string, WalletFile.Snapshot>()
  return {
    load: (id) => Effect.sync(() => Option.fromUndefinedOr(saved.get(id))),
    save: (snapshot) => Effect.sync(() => void saved.set(snapshot.id, snapshot)),
    list: Effect.sync(() => [...saved.keys()])
  }
})

/**
 * Options of {@link layerFile}.
 *
 * @category models
 * @since 0.1.0
 */
export interface FileOptions {
  /** The folder of the files. It is made when it is not there. */
  readonly directory: string
  readonly network: Network.Network
}

/**
 * Keeps each wallet in a file.
 *
 * **Example** (Wallets that survive a restart)
 *
 * ```ts
 * import { Network, WalletStore } from "effect-flowee"
 *
 * const layer = WalletStore.layerFile({ directory: "/var/lib/shop/wallets", network: Network.mainnet })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFile = (
  options: FileOptions
): Layer.Layer<WalletStore, WalletStoreError, FileSystem.FileSystem | Path.Path | Hash256.Hash256> =>
  Layer.effect(WalletStore, WalletFiles.make(options))
