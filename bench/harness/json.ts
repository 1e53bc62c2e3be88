/**
 * The results for programs.
 */
import type { Machine } from "./machine.ts"
import type { WorkloadResult } from "./runner.ts"
import type { Scale } from "./workload.ts"

export const encode = (results: ReadonlyArray<WorkloadResult>, machine: Machine, scale: Scale): string =>
  `${
    JSON.stringify(
      {
        machine,
        scale,
        workloads: results.map(({ entries, workload }) => ({
          name: workload.name,
          entries: entries.map(({ contestant, problem, samples }) => ({ label: contestant.label, problem, samples }))
        }))
      },
      null,
      2
    )
  }\n`
