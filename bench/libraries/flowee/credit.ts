/**
 * Counts what a peer has acknowledged, and holds up a sender that is too far ahead.
 */
import * as Effect from "effect/Effect"

export class Credit {
  acknowledged = 0
  #wanted = Number.POSITIVE_INFINITY
  #wake: () => void = () => {}

  acknowledge(count: number): void {
    this.acknowledged += count
    if (this.acknowledged < this.#wanted) return
    this.#wanted = Number.POSITIVE_INFINITY
    this.#wake()
  }

  /** Waits until so many in all are acknowledged. To be run by one fiber at a time. */
  reaches(count: number): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      if (this.acknowledged >= count) return resume(Effect.void)
      this.#wanted = count
      this.#wake = () => resume(Effect.void)
    })
  }
}
