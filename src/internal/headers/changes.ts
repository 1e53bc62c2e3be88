/**
 * Tells subscribers how the best chain changes. A slow one is told of all that it has missed in one: so nothing is lost,
 * and nothing piles up.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as HeaderChain from "../../services/p2p/HeaderChain.ts"

/**
 * From one best chain to another.
 *
 * @internal
 */
export interface Change {
  /** The height of the last block that both have. */
  readonly forkHeight: number
  /** The hashes of the blocks above that of the chain before, the lowest first. */
  readonly disconnected: ReadonlyArray<Uint8Array>
  /** The end of the chain after. */
  readonly tip: HeaderChain.Tip
}

/** Two changes in a row as one. What was connected by the first and disconnected by the second is in neither. */
const join = (first: Change, second: Change): Change =>
  second.forkHeight >= first.forkHeight ? { ...first, tip: second.tip } : {
    forkHeight: second.forkHeight,
    disconnected: [...second.disconnected.slice(0, first.forkHeight - second.forkHeight), ...first.disconnected],
    tip: second.tip
  }

interface Subscriber {
  /** Holds one signal while there is a change to be told of. */
  readonly signal: Queue.Queue<void, Cause.Done>
  change: Change | undefined
}

/** @internal */
export class Changes {
  readonly #subscribers = new Set<Subscriber>()

  /** Tells all subscribers at once. */
  publish(change: Change): void {
    for (const subscriber of this.#subscribers) {
      subscriber.change = subscriber.change === undefined ? change : join(subscriber.change, change)
      Queue.offerUnsafe(subscriber.signal, undefined)
    }
  }

  /** Ends the streams of all subscribers, after what they have not been told yet. */
  readonly end: Effect.Effect<void> = Effect.suspend(() =>
    Effect.forEach([...this.#subscribers], ({ signal }) => Queue.end(signal), { discard: true })
  )

  /** The changes from this moment on, until the scope is closed. */
  readonly subscribe: Effect.Effect<Stream.Stream<Change>, never, Scope.Scope> = Effect.gen(
    { self: this },
    function*() {
      const signal = yield* Queue.dropping<void, Cause.Done>(1)
      const subscriber: Subscriber = { signal, change: undefined }
      yield* Effect.acquireRelease(
        Effect.sync(() => this.#subscribers.add(subscriber)),
        () => Effect.andThen(Effect.sync(() => this.#subscribers.delete(subscriber)), Queue.end(signal))
      )
      return Stream.fromQueue(signal).pipe(Stream.map(() => take(subscriber)), Stream.filter(Predicate.isNotUndefined))
    }
  )
}

/** `undefined` when a change came between the signal before and its change, and was told of with it. */
const take = (subscriber: Subscriber): Change | undefined => {
  const { change } = subscriber
  subscriber.change = undefined
  return change
}
