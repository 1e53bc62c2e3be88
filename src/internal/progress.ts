/**
 * Whether a thing that has begun comes to its end in time.
 */

/** What is under way: which one, and how far it has come. @internal */
export interface Moving {
  /** Differs from that of all that were under way before. */
  readonly what: unknown
  readonly bytes: number
}

/** @internal */
export interface Pace {
  /** What each thing has, in milliseconds. */
  readonly millis: number
  /** So many bytes give it a second more. */
  readonly bytesPerSecond: number
}

const nothing = Symbol()

/** Looks at what is under way from time to time: what happens in between costs nothing. @internal */
export class Progress {
  #what: unknown = nothing
  #since = 0
  #from = 0

  /** Until when what is under way has to be done: infinite when there is nothing. */
  look(moving: Moving | undefined, pace: Pace, now: number): number {
    if (moving === undefined) {
      this.#what = nothing
      return Number.POSITIVE_INFINITY
    }
    if (moving.what !== this.#what) {
      this.#what = moving.what
      this.#since = now
      this.#from = moving.bytes
    }
    return this.#since + pace.millis + (1000 * (moving.bytes - this.#from)) / pace.bytesPerSecond
  }
}
