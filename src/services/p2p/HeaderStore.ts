/**
 * Where a chain of headers is kept when the program is not running.
 *
 * `HeaderChain` is the logic, has all headers in memory, and works over any store. `layerMemory` forgets them when the
 * program ends; `layerFile` keeps them in a file.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import * as HeaderFile from "../../internal/headers/headerFile.ts"
import * as PackedSource from "../../internal/headers/packedSource.ts"
import type * as Hash256 from "../Hash256.ts"
import type * as HeaderStoreError from "./HeaderStoreError.ts"

/**
 * Packed headers that can be read: a file, for example.
 *
 * @category models
 * @since 0.1.0
 */
export interface Source {
  /** What errors call it: the path of a file. */
  readonly name: string
  /**
   * Up to that many headers from an index on, in memory that stays as it is. There are fewer only at the end, and there
   * may be a part of a header after them when a write was cut off.
   */
  readonly read: (index: number, count: number) => Effect.Effect<Uint8Array, HeaderStoreError.HeaderStoreError>
}

/**
 * The store of a chain of headers.
 *
 * @category services
 * @since 0.1.0
 */
export class HeaderStore extends Context.Service<HeaderStore, {
  /** What is stored: the headers from the genesis block on, or nothing at first. */
  readonly stored: Source
  /**
   * Lets packed headers take the place of all stored ones from a height on. A height that is the number of stored
   * headers appends them. When it fails nothing has changed, and when the program ends within it either nothing has
   * changed, or some of the headers were appended, or all took their place.
   */
  readonly write: (height: number, headers: Uint8Array) => Effect.Effect<void, HeaderStoreError.HeaderStoreError>
  /** Puts away what is stored, so that the store is empty, and returns where it can be found. */
  readonly setAside: Effect.Effect<Option.Option<string>, HeaderStoreError.HeaderStoreError>
  /** Headers that come with the program, so that they need not be fetched. They are never written. */
  readonly bundled: ReadonlyArray<Source>
}>()("effect-flowee/HeaderStore") {}

/**
 * Options of {@link layerMemory}.
 *
 * @category models
 * @since 0.1.0
 */
export interface MemoryOptions {
  /** Packed headers that come with the program, in runs that each follow one of those before. Default: none. */
  readonly bundled?: ReadonlyArray<Uint8Array> | undefined
}

/**
 * Stores nothing: headers are where `HeaderChain` has them, and are gone when the program ends.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMemory = (options: MemoryOptions = {}): Layer.Layer<HeaderStore> =>
  Layer.succeed(HeaderStore, {
    stored: PackedSource.make("stored headers", new Uint8Array(0)),
    write: () => Effect.void,
    setAside: Effect.succeedNone,
    bundled: (options.bundled ?? []).map((packed, index) => PackedSource.make(`bundled headers ${index + 1}`, packed))
  })

/**
 * Options of {@link layerFile}.
 *
 * @category models
 * @since 0.1.0
 */
export interface FileOptions {
  /** The file that headers are kept in, in a directory that exists. */
  readonly path: string
  /**
   * Files of headers that come with the program, so that these need not be fetched: raw headers in order, from any
   * height on that the chain or a file before reaches. They may overlap. They are read and never written. Default: none.
   */
  readonly bundled?: ReadonlyArray<string> | undefined
}

/**
 * Keeps headers in a file: 80 bytes each, in order, the genesis block first.
 *
 * **Details**
 *
 * A program that is killed at any moment finds a chain that is whole when it starts again: headers are appended, and one
 * of which a part is missing is left out. When the chain is reorganised the new headers are written to the file
 * `PATH.rewrite` first, and what is found there at the start is carried out. All that is written is synced before the
 * write ends.
 *
 * Only one program may use a file at a time.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFile = (
  options: FileOptions
): Layer.Layer<HeaderStore, never, FileSystem.FileSystem | Hash256.Hash256> =>
  Layer.effect(HeaderStore, HeaderFile.make(options))
