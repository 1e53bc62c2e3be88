/**
 * How long the event loop of a thread was held up.
 */
import * as PerfHooks from "node:perf_hooks"
import process from "node:process"

/** Of the timers that watch, in milliseconds. */
const resolution = 2

/** The longest of a while, in microseconds. */
export interface Longest {
  /** From when a timer was due to when it ran. */
  readonly loopMax: number
  /** The processor time of this thread from one timer to the next: what others took from it is left out. */
  readonly workMax: number
}

export class LoopWatch {
  readonly #delays = PerfHooks.monitorEventLoopDelay({ resolution })
  #usage = process.threadCpuUsage()
  #workMax = 0

  constructor() {
    this.#delays.enable()
    setInterval(() => this.#look(), resolution).unref()
  }

  /** Tells the longest since this was asked last. */
  take(): Longest {
    const delay = this.#delays.count === 0 ? 0 : this.#delays.max / 1000 - resolution * 1000
    const longest = { loopMax: Math.max(0, delay), workMax: this.#workMax }
    this.#delays.reset()
    this.#workMax = 0
    return longest
  }

  #look(): void {
    const before = this.#usage
    this.#usage = process.threadCpuUsage()
    const work = this.#usage.user - before.user + this.#usage.system - before.system
    this.#workMax = Math.max(this.#workMax, work)
  }
}
