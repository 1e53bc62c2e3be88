/**
 * Figures as people read them.
 */
import type { Format } from "./workload.ts"

/** Three digits that say something. */
const digits = (value: number): string => {
  if (value === 0 || Number.isNaN(value)) return String(value)
  const size = Math.abs(value)
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)
}

const units: { readonly [format in Format]: (value: number) => string } = {
  rate: (value) => value >= 1_000_000 ? `${digits(value / 1_000_000)} M/s` : `${digits(value / 1000)} k/s`,
  megabytes: (value) => `${digits(value)} MB/s`,
  micros: (value) => value >= 10_000 ? `${digits(value / 1000)} ms` : `${digits(value)} µs`,
  seconds: (value) => `${digits(value)} s`,
  bytes: (value) => Math.abs(value) >= 1_000_000 ? `${digits(value / 1_000_000)} MB` : `${digits(value / 1000)} KB`,
  count: (value) => value.toLocaleString("en-US")
}

export const figure = (format: Format, value: number): string => units[format](value)

export const times = (ratio: number): string => `${digits(ratio)}x`
