/**
 * How much one connection may do in a turn of the event loop before the others have theirs.
 *
 * Node reads on from a socket for as long as there is more: a peer that sends faster than its messages are handled would
 * keep the loop to itself. So the first read of a turn is small, and goes on only within a share of the turn; what is left
 * waits in line, and in each turn so many of the line go on as the last turns had time for. Who sends little is in no line.
 * (What is written in a turn is bounded by the writer.)
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

/** What is read from those that come when the time of a turn is over, in bytes: all of it, if they send little. */
const lateRead = 256

/** So many of the line go on at first, and at most. */
const firstPlaces = 64
const mostPlaces = 4096

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
  /** How many of the line go on in a turn. */
  #places = firstPlaces
  #firstRead = firstReads
  /** Counts turns. */
  number = 0

  constructor(options: TurnOptions) {
    this.#options = options
  }

  /** What a connection may read before it is known how long that takes to handle, in bytes. */
  get firstRead(): number {
    const isLate = this.#isOn && this.#options.now() - this.#startedAt > turnMillis
    return isLate ? lateRead : this.#firstRead
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
    if (!this.#isOn) this.#begin(now)
    return now
  }

  #begin(now: number): void {
    this.#isOn = true
    this.#startedAt = now
    this.#options.atEnd(this.#end)
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
    const now = this.#options.now()
    this.#setPlaces(now - this.#startedAt)
    const next = this.#waiting.splice(0, this.#places)
    this.#isOn = false
    this.number += 1
    this.#share = turnMillis / Math.max(1, next.length)
    if (this.#waiting.length > 0) this.#begin(now)
    for (const one of next) one.goOn()
  }

  /** Half as many after a turn that took too long, twice as many after one that had time left for those in line. */
  #setPlaces(took: number): void {
    if (took > 2 * turnMillis) this.#places = Math.max(1, this.#places >> 1)
    else if (took < turnMillis && this.#waiting.length > this.#places) {
      this.#places = Math.min(mostPlaces, 2 * this.#places)
    }
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
