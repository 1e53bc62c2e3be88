/**
 * From times to figures, on the side of a client.
 */
import { performance } from "node:perf_hooks"
import type { Measured } from "./library.ts"

/** Starts a clock that tells seconds. */
export const stopwatch = (): () => number => {
  const start = performance.now()
  return () => (performance.now() - start) / 1000
}

/** The rates of messages of `size` bytes. */
export const rates = (count: number, size: number, seconds: number): Measured => ({
  count,
  size,
  seconds,
  perSecond: count / seconds,
  megabytesPerSecond: count * size / seconds / 1_000_000
})

/** The value that a share of the sorted values lies below. */
export const quantile = (sorted: ArrayLike<number>, share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN

/** Half of the times are below `p50`, and so on. Times in microseconds. */
export const quantiles = (times: Float64Array): Measured => {
  const sorted = times.toSorted()
  return { p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99), p999: quantile(sorted, 0.999) }
}
