/**
 * One timer for the deadlines of many connections: a single fiber sleeps until the earliest of them, and none while there
 * are none.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Runner from "./runner.ts"

/** Who is told that it is time. @internal */
export interface Ringer {
  /** Does what is due and returns when it wants to be called next. */
  readonly ring: (now: number) => number | undefined
}

const never = Number.POSITIVE_INFINITY

/**
 * In milliseconds. Delays with chance in them end between two ticks of any clock, and a sleep is cut to nanoseconds: what
 * is nearer than this is due, or the rest of it would be slept for again and again.
 */
const resolution = 0.001

/** @internal */
export class Alarm {
  /** When it rings, in milliseconds of the clock, and where it stands in the order of all. Both belong to `Alarms`. */
  at = never
  place = -1
  readonly ringer: Ringer
  readonly #alarms: Alarms

  constructor(alarms: Alarms, ringer: Ringer) {
    this.#alarms = alarms
    this.ringer = ringer
  }

  /** Makes sure that the alarm rings no later than `at`. One that is due rings at once. */
  set(at: number): void {
    if (at < this.at) this.#alarms.set(this, at)
  }

  clear(): void {
    if (this.place >= 0) this.#alarms.clear(this)
  }
}

/** @internal */
export class Alarms {
  readonly #runner: Pick<Runner.Runner, "fork" | "now">
  /** A heap: none rings before the one above it, at half its place. */
  readonly #heap: Array<Alarm> = []
  #fiber: Fiber.Fiber<void> | undefined = undefined
  #wakesAt = never
  #isRinging = false

  constructor(runner: Pick<Runner.Runner, "fork" | "now">) {
    this.#runner = runner
  }

  set(alarm: Alarm, at: number): void {
    alarm.at = at
    if (alarm.place < 0) alarm.place = this.#heap.push(alarm) - 1
    this.#rise(alarm)
    if (!this.#isRinging && at < this.#wakesAt) this.#sleepAnew()
  }

  clear(alarm: Alarm): void {
    const { place } = alarm
    alarm.at = never
    alarm.place = -1
    const last = this.#heap.pop()!
    if (last !== alarm) {
      this.#put(last, place)
      this.#rise(last)
      this.#sink(last)
    }
    // With others left the fiber sleeps on: it finds out by itself that there is nothing to do.
    if (this.#heap.length === 0 && !this.#isRinging) this.#stopSleeping()
  }

  #sleepAnew(): void {
    this.#stopSleeping()
    const fiber = this.#runner.fork(this.#sleep)
    // It has ended already when all that there was to do was due.
    if (fiber.pollUnsafe() === undefined) this.#fiber = fiber
  }

  #stopSleeping(): void {
    this.#fiber?.interruptUnsafe()
    this.#fiber = undefined
    this.#wakesAt = never
  }

  readonly #sleep: Effect.Effect<void> = Effect.suspend(() => {
    const now = this.#runner.now()
    this.#ringAll(now)
    const next = this.#heap[0]
    this.#wakesAt = next?.at ?? never
    if (next === undefined) {
      this.#fiber = undefined
      return Effect.void
    }
    return Effect.andThen(Effect.sleep(next.at - now), this.#sleep)
  })

  #ringAll(now: number): void {
    this.#isRinging = true
    for (let alarm = this.#heap[0]; alarm !== undefined && alarm.at <= now + resolution; alarm = this.#heap[0]) {
      const { at } = alarm
      this.clear(alarm)
      // Deadlines are compared with the time that is told.
      this.#ring(alarm, Math.max(at, now))
    }
    this.#isRinging = false
  }

  /** The deadlines of all others do not depend on how one fares. */
  #ring(alarm: Alarm, now: number): void {
    try {
      const next = alarm.ringer.ring(now)
      if (next !== undefined) alarm.set(next)
    } catch (cause) {
      this.#runner.fork(Effect.logError("What is done at a deadline died", Cause.die(cause)))
    }
  }

  #rise(alarm: Alarm): void {
    while (alarm.place > 0) {
      const above = this.#heap[(alarm.place - 1) >> 1]!
      if (above.at <= alarm.at) return
      this.#swap(alarm, above)
    }
  }

  #sink(alarm: Alarm): void {
    for (let below = this.#earlierBelow(alarm); below !== undefined; below = this.#earlierBelow(alarm)) {
      this.#swap(alarm, below)
    }
  }

  /** The earlier one of the two below, if it is earlier than the alarm itself. */
  #earlierBelow({ at, place }: Alarm): Alarm | undefined {
    const left = this.#heap[2 * place + 1]
    const right = this.#heap[2 * place + 2]
    const earlier = left !== undefined && right !== undefined && right.at < left.at ? right : left
    return earlier !== undefined && earlier.at < at ? earlier : undefined
  }

  #swap(a: Alarm, b: Alarm): void {
    const { place } = a
    this.#put(a, b.place)
    this.#put(b, place)
  }

  #put(alarm: Alarm, place: number): void {
    this.#heap[place] = alarm
    alarm.place = place
  }
}
