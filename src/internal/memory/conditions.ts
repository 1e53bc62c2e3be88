/**
 * What a path does to the bytes on it, with every option filled in.
 */
import * as Duration from "effect/Duration"
import type * as FaultControls from "../../layers/FaultControls.ts"

/**
 * Times in milliseconds.
 *
 * @internal
 */
export interface Resolved {
  readonly delay: number
  readonly jitter: number
  /** Bytes per second. */
  readonly bandwidth: number
  readonly loss: number
  readonly retransmission: number
  readonly corruption: number
  readonly segmentSize: number | "random"
  readonly window: number
}

/** @internal */
export const defaults: Resolved = {
  delay: 0,
  jitter: 0,
  bandwidth: Number.POSITIVE_INFINITY,
  loss: 0,
  retransmission: 200,
  corruption: 0,
  segmentSize: Number.POSITIVE_INFINITY,
  window: 262_144
}

/** What Ethernet leaves to TCP in one packet. */
const largestRandomSegment = 1460

/**
 * Throws on values that make no sense: a mistake in the test.
 *
 * @internal
 */
export const mergeUnsafe = (base: Resolved, changes: FaultControls.Conditions): Resolved => {
  const merged: Resolved = {
    delay: millis(changes.delay, base.delay),
    jitter: millis(changes.jitter, base.jitter),
    bandwidth: changes.bandwidth ?? base.bandwidth,
    loss: changes.loss ?? base.loss,
    retransmission: millis(changes.retransmission, base.retransmission),
    corruption: changes.corruption ?? base.corruption,
    segmentSize: changes.segmentSize ?? base.segmentSize,
    window: changes.window ?? base.window
  }
  require(Number.isFinite(merged.delay) && Number.isFinite(merged.jitter), "delay and jitter must be finite")
  require(Number.isFinite(merged.retransmission), "retransmission must be finite")
  require(merged.bandwidth > 0, "bandwidth must be more than 0 bytes per second")
  require(merged.loss >= 0 && merged.loss < 1, "loss must be at least 0 and less than 1")
  require(merged.corruption >= 0 && merged.corruption <= 1, "corruption must be from 0 to 1")
  require(merged.segmentSize === "random" || merged.segmentSize >= 1, "segmentSize must be at least 1")
  require(merged.window >= 1, "window must be at least 1")
  return merged
}

const millis = (input: Duration.Input | undefined, otherwise: number): number =>
  input === undefined ? otherwise : Math.max(0, Duration.toMillis(Duration.fromInputUnsafe(input)))

const require = (condition: boolean, message: string): void => {
  if (!condition) throw new RangeError(`Conditions: ${message}`)
}

/**
 * `true` when bytes arrive in the instant in which they are sent.
 *
 * @internal
 */
export const isInstant = (self: Resolved): boolean =>
  self.delay === 0 && self.jitter === 0 && self.loss === 0 && self.bandwidth === Number.POSITIVE_INFINITY

/**
 * How long one segment is under way, without the time that it takes to put it on the line.
 *
 * @internal
 */
export const latency = (self: Resolved, random: () => number): number => {
  let time = self.delay
  if (self.jitter > 0) time += random() * self.jitter
  if (self.loss > 0) { while (random() < self.loss) time += self.retransmission }
  return time
}

/** @internal */
export const segmentLength = (self: Resolved, remaining: number, random: () => number): number => {
  if (self.segmentSize !== "random") return Math.min(remaining, Math.floor(self.segmentSize))
  return 1 + Math.floor(random() * Math.min(remaining, largestRandomSegment))
}

/**
 * Changes one bit of a segment, with the probability that is set.
 *
 * @internal
 */
export const corrupt = (self: Resolved, segment: Uint8Array, random: () => number): void => {
  if (self.corruption === 0 || segment.length === 0 || random() >= self.corruption) return
  const at = Math.floor(random() * segment.length)
  segment[at] = segment[at]! ^ (1 << Math.floor(random() * 8))
}
