/**
 * A file that stays open from one write to the next: to open, cut and close it takes as long as to write a batch.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as FileSystem from "effect/FileSystem"
import type * as PlatformError from "effect/PlatformError"
import * as Scope from "effect/Scope"
import * as FileBytes from "./fileBytes.ts"

interface Opened {
  readonly file: FileSystem.File
  readonly scope: Scope.Closeable
  /** How many bytes it has; `undefined` before it was written to. */
  length: number | undefined
}

/** @internal */
export class KeptFile {
  readonly #fs: FileSystem.FileSystem
  readonly #path: string
  #opened: Opened | undefined = undefined

  constructor(fs: FileSystem.FileSystem, path: string) {
    this.#fs = fs
    this.#path = path
  }

  /** Ends the file at an offset and appends bytes there. They are on the disk when it is done. */
  replaceFrom(offset: number, bytes: Uint8Array): Effect.Effect<void, PlatformError.PlatformError> {
    return Effect.suspend(() => this.#opened === undefined ? this.#open : Effect.succeed(this.#opened)).pipe(
      Effect.flatMap((opened) => {
        const write = opened.length === offset ? FileBytes.append : FileBytes.cutAndAppend
        return Effect.map(write(opened.file, offset, bytes), () => {
          opened.length = offset + bytes.length
        })
      }),
      // Nobody knows what it holds now.
      Effect.onError(() => this.close)
    )
  }

  /** It is opened again by what is written next. */
  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    const opened = this.#opened
    this.#opened = undefined
    return opened === undefined ? Effect.void : Scope.close(opened.scope, Exit.void)
  })

  get #open(): Effect.Effect<Opened, PlatformError.PlatformError> {
    return Effect.uninterruptible(Effect.gen({ self: this }, function*() {
      const scope = yield* Scope.make()
      const file = yield* Scope.provide(FileBytes.openOrMake(this.#fs, this.#path), scope)
      this.#opened = { file, scope, length: undefined }
      return this.#opened
    }))
  }
}
