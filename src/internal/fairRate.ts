/**
 * How many newcomers a listener looks at in a second, in all, such that no network has it for itself.
 *
 * A network may have as many as are left for all others: one that floods gets half of the second, two that flood get a
 * third each, and there is always something left for one more (dynamic thresholds, as switches share their memory).
 */

/** How long it takes until all may come again, in milliseconds. */
const second = 1000

/** @internal */
export class FairRate {
  readonly #limit: number
  readonly #byGroup = new Map<string, number>()
  #total = 0
  #since = Number.NEGATIVE_INFINITY

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Whether one more of a group may come now. If so, it counts for the next. There are no more groups than the limit. */
  take(group: string, now: number): boolean {
    if (now - this.#since >= second || now < this.#since) this.#startOver(now)
    const own = this.#byGroup.get(group) ?? 0
    if (own >= this.#limit - this.#total) return false
    this.#total += 1
    this.#byGroup.set(group, own + 1)
    return true
  }

  #startOver(now: number): void {
    this.#since = now
    this.#total = 0
    this.#byGroup.clear()
  }
}
