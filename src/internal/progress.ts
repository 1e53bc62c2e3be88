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
  /** How long a thing may take, or not come on, in milliseconds. */
  readonly millis: number
  /** What comes at this pace has its time again. */
  readonly bytesPerSecond: number
}

const nothing = Symbol()

/** Looks at what is under way from time to time: what happens in between costs nothing. @internal */
export class Progress {
  #what: unknown = nothing
  #since = 0
  #from = 0

  /** Until when what is under way has to be done, or to have come on: infinite when there is nothing. */
  look(moving: Moving | undefined, pace: Pace, now: number): number {
    if (moving === undefined) {
      this.#what = nothing
      return Number.POSITIVE_INFINITY
    }
    const came = moving.bytes - this.#from
    const isNew = moving.what !== this.#what
    if (isNew || (now > this.#since && came * 1000 >= pace.bytesPerSecond * (now - this.#since))) {
      this.#what = moving.what
      this.#since = now
      this.#from = moving.bytes
    }
    return this.#since + pace.millis
  }
}
