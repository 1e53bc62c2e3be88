/**
 * How the processes were over time, and whether they grew.
 */
import type { Gauge } from "./protocol.ts"

/** The processes that live as long as the soak. */
export const names = ["clients", "server"] as const
export type Name = typeof names[number]

/** All of them at one moment. */
export interface Sample {
  /** Since the first message. */
  readonly seconds: number
  readonly gauges: Readonly<Record<Name, Gauge>>
}

/** From the first quarter to the last one, as medians. */
export interface Growth {
  readonly first: number
  readonly last: number
  /** How much more the last is, as a part of the first. */
  readonly part: number
}

/** More than this is a leak until shown otherwise. */
export const allowedGrowth = 0.05

const median = (numbers: ReadonlyArray<number>): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0

export const growth = (samples: ReadonlyArray<Sample>, name: Name, of: (gauge: Gauge) => number): Growth => {
  const end = samples.at(-1)?.seconds ?? 0
  const during = (from: number, to: number) =>
    median(samples.filter(({ seconds }) => seconds >= from && seconds <= to).map(({ gauges }) => of(gauges[name])))
  const first = during(0, end / 4)
  const last = during(end * 3 / 4, end)
  return { first, last, part: first === 0 ? 0 : last / first - 1 }
}

export const peak = (samples: ReadonlyArray<Sample>, name: Name, of: (gauge: Gauge) => number): number =>
  Math.max(0, ...samples.map(({ gauges }) => of(gauges[name])))
