/**
 * Headers in a file, and the file through which a reorganisation becomes one step.
 *
 * Appended bytes may be cut off anywhere by a crash: what is whole of them is good. To replace headers, the new ones
 * are first written to a file of their own, which gets its name when it is complete: the *rewrite*. From then on the
 * change has happened; it is carried out at once, or before whatever is done next, or when the file is opened again.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import * as BlockHeader from "../../domain/p2p/BlockHeader.ts"
import * as Target from "../../domain/p2p/Target.ts"
import * as Hash256 from "../../services/Hash256.ts"
import type * as HeaderStore from "../../services/p2p/HeaderStore.ts"
import * as HeaderStoreError from "../../services/p2p/HeaderStoreError.ts"
import * as FileBytes from "./fileBytes.ts"
import * as KeptFile from "./keptFile.ts"
import * as Rewrite from "./rewrite.ts"

const { size } = BlockHeader

/**
 * What is known of the file.
 *
 * - `Unopened`: nothing yet.
 * - `Unfinished`: there is a rewrite that is not carried out yet.
 * - `Open`: it has `length` bytes that count: headers, and maybe a part of one.
 */
type State =
  | { readonly _tag: "Unopened" }
  | { readonly _tag: "Unfinished"; readonly rewrite: Rewrite.Rewrite }
  | { readonly _tag: "Open"; readonly length: number }

type Operation = HeaderStoreError.StoreUnavailable["operation"]

class HeaderFile {
  readonly #fs: FileSystem.FileSystem
  readonly #hash256: BlockHeader.Hash256
  readonly #path: string
  readonly #rewritePath: string
  /** What is not complete yet has another name. */
  readonly #draftPath: string
  readonly #file: KeptFile.KeptFile
  #state: State = { _tag: "Unopened" }

  constructor(fs: FileSystem.FileSystem, hash256: BlockHeader.Hash256, path: string) {
    this.#fs = fs
    this.#hash256 = hash256
    this.#path = path
    this.#file = new KeptFile.KeptFile(fs, path)
    this.#rewritePath = `${path}.rewrite`
    this.#draftPath = `${path}.rewrite.tmp`
  }

  read(index: number, count: number): Effect.Effect<Uint8Array, HeaderStoreError.HeaderStoreError> {
    return Effect.flatMap(this.#open, (length) => {
      const offset = index * size
      const wanted = Math.min(count * size, length - offset)
      return wanted <= 0
        ? Effect.succeed(new Uint8Array(0))
        : Effect.mapError(FileBytes.read(this.#fs, this.#path, offset, wanted), unavailable("read", this.#path))
    })
  }

  write(height: number, headers: Uint8Array): Effect.Effect<void, HeaderStoreError.HeaderStoreError> {
    return Effect.flatMap(this.#open, (length) =>
      Effect.mapError(
        height * size > length - size ? this.#replaceFrom(height, headers) : this.#rewrite({ height, headers }),
        unavailable("write", this.#path)
      ))
  }

  get setAside(): Effect.Effect<Option.Option<string>, HeaderStoreError.HeaderStoreError> {
    return Effect.gen({ self: this }, function*() {
      const place = yield* this.#freePlace
      yield* this.close
      const isMoved = yield* this.#move(this.#path, place)
      const isRewriteMoved = yield* this.#move(this.#rewritePath, `${place}.rewrite`)
      this.#state = { _tag: "Open", length: 0 }
      return isMoved || isRewriteMoved ? Option.some(place) : Option.none()
    }).pipe(Effect.mapError(unavailable("set aside", this.#path)))
  }

  get close(): Effect.Effect<void> {
    return this.#file.close
  }

  /** The bytes of the file that count, when there is nothing left to be carried out. */
  get #open(): Effect.Effect<number, HeaderStoreError.HeaderStoreError> {
    return Effect.suspend(() => {
      const state = this.#state
      switch (state._tag) {
        case "Unopened":
          return this.#recover
        case "Unfinished":
          return Effect.mapError(this.#finish(state.rewrite), unavailable("write", this.#path))
        case "Open":
          return Effect.succeed(state.length)
      }
    })
  }

  get #recover(): Effect.Effect<number, HeaderStoreError.HeaderStoreError> {
    return Effect.gen({ self: this }, function*() {
      const orUnavailable = Effect.mapError(unavailable("open", this.#path))
      yield* orUnavailable(this.#fs.remove(this.#draftPath, { force: true }))
      const length = yield* orUnavailable(this.#measure)
      const bytes = yield* orUnavailable(this.#readRewrite)
      if (bytes.length === 0) return this.#opened(length)
      const rewrite = Rewrite.decode(bytes, this.#hash256)
      if (rewrite === undefined) return yield* this.#corruptRewrite("it is damaged")
      const continues = yield* orUnavailable(this.#continues(rewrite, length))
      if (!continues) return yield* this.#corruptRewrite(`it does not continue what is in ${this.#path}`)
      return yield* orUnavailable(this.#finish(rewrite))
    })
  }

  /** A file system that lost power may have made a file longer, and never have written what was to be there. */
  get #measure(): Effect.Effect<number, PlatformError.PlatformError> {
    return Effect.gen({ self: this }, function*() {
      const length = yield* FileBytes.length(this.#fs, this.#path)
      const end = yield* FileBytes.startOfZeros(this.#fs, this.#path, length)
      const whole = Math.ceil(end / size) * size
      if (whole === 0) return 0
      if (length < whole + size) return length
      // A header may end with zeros itself, or be cut off by these.
      const last = yield* FileBytes.read(this.#fs, this.#path, whole - size, size)
      return Target.isMet(this.#hash256(last), BlockHeader.bitsAt(last, 0)) ? whole : whole - size
    })
  }

  get #readRewrite(): Effect.Effect<Uint8Array, PlatformError.PlatformError> {
    return Effect.catchIf(
      this.#fs.readFile(this.#rewritePath),
      FileBytes.isNotFound,
      () => Effect.succeed(new Uint8Array(0))
    )
  }

  #continues(
    { headers, height }: Rewrite.Rewrite,
    length: number
  ): Effect.Effect<boolean, PlatformError.PlatformError> {
    if (height === 0 || height * size > length) return Effect.succeed(false)
    return Effect.map(
      FileBytes.read(this.#fs, this.#path, (height - 1) * size, size),
      (last) => BlockHeader.followsAt(headers, 0, this.#hash256(last))
    )
  }

  /** Carries out the rewrite. It may be done again, whatever of it was done before. */
  #finish({ headers, height }: Rewrite.Rewrite): Effect.Effect<number, PlatformError.PlatformError> {
    return this.#replaceFrom(height, headers).pipe(
      Effect.andThen(this.#fs.remove(this.#rewritePath, { force: true })),
      Effect.map(() => this.#opened(height * size + headers.length))
    )
  }

  #rewrite(rewrite: Rewrite.Rewrite): Effect.Effect<void, PlatformError.PlatformError> {
    const bytes = Rewrite.encode(rewrite, this.#hash256)
    return FileBytes.replace(this.#fs, this.#draftPath, bytes).pipe(
      Effect.andThen(this.#fs.rename(this.#draftPath, this.#rewritePath)),
      Effect.andThen(Effect.suspend(() => {
        this.#state = { _tag: "Unfinished", rewrite }
        return this.#finish(rewrite)
      })),
      Effect.catchIf(
        () => this.#state._tag === "Unfinished",
        (error) => Effect.logWarning("Stored headers are replaced later, since it fails at present", error)
      ),
      Effect.asVoid
    )
  }

  #replaceFrom(height: number, headers: Uint8Array): Effect.Effect<void, PlatformError.PlatformError> {
    return Effect.map(this.#file.replaceFrom(height * size, headers), () => {
      this.#opened(height * size + headers.length)
    })
  }

  #opened(length: number): number {
    this.#state = { _tag: "Open", length }
    return length
  }

  get #freePlace(): Effect.Effect<string, PlatformError.PlatformError> {
    return Effect.gen({ self: this }, function*() {
      for (let number = 1;; number++) {
        const place = `${this.#path}.broken-${number}`
        if (!(yield* this.#fs.exists(place)) && !(yield* this.#fs.exists(`${place}.rewrite`))) return place
      }
    })
  }

  #move(from: string, to: string): Effect.Effect<boolean, PlatformError.PlatformError> {
    return Effect.catchIf(Effect.as(this.#fs.rename(from, to), true), FileBytes.isNotFound, () => Effect.succeed(false))
  }

  #corruptRewrite(problem: string) {
    return Effect.fail(
      new HeaderStoreError.HeaderStoreError({
        reason: new HeaderStoreError.CorruptFile({ path: this.#rewritePath, offset: 0, problem })
      })
    )
  }
}

const unavailable = (operation: Operation, path: string) => (cause: PlatformError.PlatformError) =>
  new HeaderStoreError.HeaderStoreError({
    reason: new HeaderStoreError.StoreUnavailable({ operation, path, cause })
  })

const makeBundled = (fs: FileSystem.FileSystem, path: string): HeaderStore.Source => ({
  name: path,
  read: (index, count) =>
    Effect.mapError(FileBytes.read(fs, path, index * size, count * size), unavailable("read", path))
})

/** @internal */
export const make = Effect.fnUntraced(function*({ bundled = [], path }: HeaderStore.FileOptions) {
  const fs = yield* FileSystem.FileSystem
  const { hash256 } = yield* Hash256.Hash256
  const file = new HeaderFile(fs, hash256, path)
  yield* Effect.addFinalizer(() => file.close)
  const store: HeaderStore.HeaderStore["Service"] = {
    stored: { name: path, read: (index, count) => file.read(index, count) },
    write: (height, headers) => file.write(height, headers),
    setAside: file.setAside,
    bundled: bundled.map((path) => makeBundled(fs, path))
  }
  return store
})
