/**
 * How much one connection may do in a turn of the event loop before the others have theirs.
 *
 * Node reads on from a socket for as long as there is more: a peer that sends faster than its messages are handled would
 * keep the loop to itself. So the first read of a turn is small, and goes on only within a share of the turn; what is left
 * waits for the next turn. (What is written in a turn is bounded by the writer.)
 *
 * A turn is a matter of real time, and not of the program's clock.
 */
import { performance } from "node:perf_hooks"

/** What all connections together may take of a turn beyond their first reads, in milliseconds. */
const turnMillis = 10

/**
 * The first reads of all connections together, in bytes, where there are not too many of them. Nothing is known about
 * what they bring: of the smallest packets it is about 10 ms.
 */
const firstReads = 262_144

/** Smaller reads cost more by themselves than by what they bring. */
const leastRead = 8192

/** Who waits for the next turn. @internal */
export interface Waiting {
  readonly goOn: () => void
}

/** @internal */
export interface TurnOptions {
  /** Milliseconds. */
  readonly now: () => number
  /** Calls back when all that is ready in this turn has been done. */
  readonly atEnd: (f: () => void) => void
}

/** The turns of one event loop. @internal */
export class Turns {
  readonly #options: TurnOptions
  #links = 0
  #waiting: Array<Waiting> = []
  #isOn = false
  #startedAt = 0
  #share = turnMillis
  #firstRead = firstReads
  /** Counts turns. */
  number = 0

  constructor(options: TurnOptions) {
    this.#options = options
  }

  /** What a connection may read before it is known how long that takes to handle, in bytes. */
  get firstRead(): number {
    return this.#firstRead
  }

  /** Counts a connection in, or out. */
  add(count: 1 | -1): void {
    this.#links += count
    // Powers of two stay the same while connections come and go.
    const share = 2 ** Math.floor(Math.log2(firstReads / Math.max(1, this.#links)))
    this.#firstRead = Math.max(leastRead, share)
  }

  /** Something large has come to be done. Returns the time. */
  enter(): number {
    const now = this.#options.now()
    if (!this.#isOn) {
      this.#isOn = true
      this.#startedAt = now
      this.#options.atEnd(this.#end)
    }
    return now
  }

  /** What is left of the turn for one that has been at it since a moment of it, in milliseconds. */
  left(since: number, now: number): number {
    return Math.min(this.#share - (now - since), turnMillis - (now - this.#startedAt))
  }

  /** Calls back in the next turn. */
  wait(waiting: Waiting): void {
    this.#waiting.push(waiting)
  }

  readonly #end = (): void => {
    const waiting = this.#waiting
    this.#isOn = false
    this.#waiting = []
    this.number += 1
    this.#share = turnMillis / Math.max(1, waiting.length)
    for (const one of waiting) one.goOn()
  }
}

/** What one connection does in the turns of its event loop. @internal */
export class Share {
  readonly #turns: Turns
  #turn = -1
  #since = 0
  #bytes = 0
  #room = 0

  constructor(turns: Turns) {
    this.#turns = turns
  }

  /** How many bytes the next read may bring. */
  get room(): number {
    return this.#room === 0 ? this.#turns.firstRead : this.#room
  }

  /** A read has brought all that there was. */
  onDrained(): void {
    this.#room = 0
  }

  /** Something is about to be done after which there may be more. */
  begin(): void {
    const now = this.#turns.enter()
    if (this.#turn === this.#turns.number) return
    this.#turn = this.#turns.number
    this.#since = now
    this.#bytes = 0
  }

  /** So many bytes were read since `begin`. Returns whether what is left must wait for the next turn. */
  isUsedUp(bytes: number): boolean {
    const now = this.#turns.enter()
    const left = this.#turns.left(this.#since, now)
    this.#bytes += bytes
    if (left <= 0) {
      this.#room = 0
      return true
    }
    const bytesPerMilli = this.#bytes / Math.max(now - this.#since, 0.001)
    this.#room = Math.max(leastRead, Math.floor(bytesPerMilli * left))
    return false
  }
}

/** Those of this thread. @internal */
export const turns = new Turns({ now: () => performance.now(), atEnd: (f) => setImmediate(f) })
