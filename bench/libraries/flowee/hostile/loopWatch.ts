/**
 * How long the event loop of a thread was held up.
 */
import * as PerfHooks from "node:perf_hooks"

/** Of the timer that watches, in milliseconds. */
const resolution = 2

export class LoopWatch {
  readonly #delays = PerfHooks.monitorEventLoopDelay({ resolution })

  constructor() {
    this.#delays.enable()
  }

  /** The longest since this was asked last, in microseconds. */
  takeMax(): number {
    const max = this.#delays.count === 0 ? 0 : this.#delays.max / 1000 - resolution * 1000
    this.#delays.reset()
    return Math.max(0, max)
  }
}
