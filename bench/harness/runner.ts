/**
 * Runs a workload: all contestants in turn, round after round.
 */
import { Effect } from "effect"
import * as Installation from "./installation.ts"
import type { Contestant, Medians, Sample, Scale, Workload } from "./workload.ts"

/** What became of one contestant. */
export interface Entry {
  readonly contestant: Contestant
  readonly samples: ReadonlyArray<Sample>
  /** Why it has no samples, or fewer than others. */
  readonly problem: string | undefined
}

export interface WorkloadResult {
  readonly workload: Workload
  readonly scale: Scale
  readonly entries: ReadonlyArray<Entry>
}

export interface Spread {
  readonly median: number
  readonly least: number
  readonly most: number
}

export const spread = (values: ReadonlyArray<number>): Spread | undefined => {
  if (values.length === 0) return undefined
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
  return { median, least: sorted[0]!, most: sorted.at(-1)! }
}

/** A figure of all rounds. */
export const spreadOf = ({ samples }: Entry, key: string): Spread | undefined =>
  spread(samples.map(({ measured }) => measured[key]).filter((value) => value !== undefined))

export const medians = ({ entries }: WorkloadResult): Medians => (label, key) => {
  const entry = entries.find(({ contestant }) => contestant.label === label)
  return entry === undefined ? undefined : spreadOf(entry, key)?.median
}

/** Those who take part at a scale. */
export const contestants = ({ contestants, smoke }: Workload, scale: Scale): ReadonlyArray<Contestant> =>
  scale === "smoke" && smoke !== undefined ? contestants.filter(({ label }) => smoke.includes(label)) : contestants

/** Runs a workload. `tell` is called before each measurement. */
export const run = (
  workload: Workload,
  scale: Scale,
  tell: (line: string) => void
): Effect.Effect<WorkloadResult> =>
  Effect.gen(function*() {
    const amounts = workload.amounts[scale]
    const records = contestants(workload, scale).map((contestant) => ({
      contestant,
      samples: new Array<Sample>(),
      problem: Installation.problemOf(contestant.library)
    }))
    for (let round = 1; round <= amounts.rounds; round++) {
      for (const record of records) {
        if (record.problem !== undefined) continue
        tell(`${workload.name}: ${record.contestant.label}, round ${round} of ${amounts.rounds}`)
        yield* workload.measure(record.contestant, amounts).pipe(
          Effect.scoped,
          Effect.match({
            onSuccess: (sample) => void record.samples.push(sample),
            onFailure: (error) => {
              record.problem = `failed in round ${round}: ${error.message}`
            }
          })
        )
      }
    }
    return { workload, scale, entries: records }
  })
