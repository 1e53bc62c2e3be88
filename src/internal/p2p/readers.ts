/**
 * A stream with many readers that never holds up its source: each reader has a buffer of its own, bounded by count and
 * bytes, and is told how much it has missed when it was too slow.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

/** How much was left out just before this element, because the reader was too slow. @internal */
export interface Missed {
  readonly missed: number
}

/** @internal */
export interface Limits {
  readonly count: number
  readonly bytes: number
}

interface Held<A> {
  readonly value: A
  readonly size: number
}

class Reader<A> {
  /** The oldest one comes first. */
  readonly #held = new Set<Held<A>>()
  #bytes = 0
  #missed = 0
  #isOver = false
  #news: Deferred.Deferred<void> | undefined = undefined
  readonly #limits: Limits

  constructor(limits: Limits) {
    this.#limits = limits
  }

  tell(held: Held<A>): void {
    this.#held.add(held)
    this.#bytes += held.size
    for (const oldest of this.#held) {
      if (this.#held.size === 1 || !this.#isTooMuch) break
      this.#held.delete(oldest)
      this.#bytes -= oldest.size
      this.#missed += 1
    }
    this.#wake()
  }

  end(): void {
    this.#isOver = true
    this.#wake()
  }

  readonly pull: Effect.Effect<Arr.NonEmptyReadonlyArray<A & Missed>, Cause.Done> = Effect.suspend(() => {
    const all = this.#takeAll()
    if (Arr.isReadonlyArrayNonEmpty(all)) return Effect.succeed(all)
    if (this.#isOver) return Cause.done()
    this.#news = Deferred.makeUnsafe()
    return Effect.andThen(Deferred.await(this.#news), this.pull)
  })

  get #isTooMuch(): boolean {
    return this.#held.size > this.#limits.count || this.#bytes > this.#limits.bytes
  }

  #takeAll(): ReadonlyArray<A & Missed> {
    // The oldest ones were left out: the gap is before the first.
    const all = Array.from(this.#held, ({ value }, i) => ({ ...value, missed: i === 0 ? this.#missed : 0 }))
    this.#held.clear()
    this.#bytes = 0
    this.#missed = 0
    return all
  }

  #wake(): void {
    const news = this.#news
    if (news === undefined) return
    // Who is woken may wait again at once.
    this.#news = undefined
    Deferred.doneUnsafe(news, Effect.void)
  }
}

/** @internal */
export class Readers<A extends object> {
  readonly #readers = new Set<Reader<A>>()
  readonly #limits: Limits
  readonly #onLast: () => void
  #isOver = false

  /** `onLast` is called when the last reader has gone. */
  constructor(limits: Limits, onLast: () => void) {
    this.#limits = limits
    this.#onLast = onLast
  }

  get isEmpty(): boolean {
    return this.#readers.size === 0
  }

  tell(value: A, size: number): void {
    for (const reader of this.#readers) reader.tell({ value, size })
  }

  end(): void {
    this.#isOver = true
    for (const reader of this.#readers) reader.end()
  }

  /** All that is told from the moment on that it is run. */
  readonly stream: Stream.Stream<A & Missed> = Stream.unwrap(
    Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => {
          const reader = new Reader<A>(this.#limits)
          if (this.#isOver) reader.end()
          this.#readers.add(reader)
          return reader
        }),
        (reader) =>
          Effect.sync(() => {
            this.#readers.delete(reader)
            if (this.isEmpty) this.#onLast()
          })
      ),
      ({ pull }) => Stream.fromPull(Effect.succeed(pull))
    )
  )
}
