/**
 * Saves some time after a change, and at the end: many changes make one save.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"

/** @internal */
export interface Saving<E> {
  /** Something is worth saving. */
  readonly changed: () => void
  /** Saves now, unless nothing has changed. */
  readonly flush: Effect.Effect<void, E>
}

/** @internal */
export interface Options<E> {
  /** Saves how things are at that moment. */
  readonly save: Effect.Effect<void, E>
  readonly after: Duration.Duration
}

/** Only the last save of the scope is not made again, so it is said aloud when it fails. */
const warn = <E>(flush: Effect.Effect<void, E>): Effect.Effect<void> =>
  Effect.catch(flush, (error) => Effect.logWarning("The address book could not be saved", error))

/** @internal */
export const make = <E>({ after, save }: Options<E>): Effect.Effect<Saving<E>, never, Scope.Scope> =>
  Effect.gen(function*() {
    const dirty = yield* Latch.make(false)
    const lock = yield* Semaphore.make(1)
    let isDirty = false

    const changed = () => {
      if (isDirty) return
      isDirty = true
      dirty.openUnsafe()
    }

    // What changes while a save is under way is for the next one.
    const flush = lock.withPermit(Effect.suspend(() => {
      if (!isDirty) return Effect.void
      isDirty = false
      dirty.closeUnsafe()
      return Effect.onError(save, () => Effect.sync(changed))
    }))

    yield* Effect.addFinalizer(() => warn(flush))
    yield* dirty.await.pipe(
      Effect.andThen(Effect.sleep(after)),
      Effect.andThen(warn(flush)),
      Effect.forever({ disableYield: true }),
      Effect.annotateLogs({ package: "effect-flowee", module: "PeerAddressBook" }),
      Effect.forkScoped
    )
    return { changed, flush }
  })
