/**
 * The results as a page of Markdown.
 */
import * as Format from "./format.ts"
import { bestOf } from "./goals.ts"
import type { Machine } from "./machine.ts"
import * as Runner from "./runner.ts"
import type { Column, Goal, Sample, Scale, Workload } from "./workload.ts"

const row = (cells: ReadonlyArray<string>): string => `| ${cells.join(" | ")} |`

const table = (head: ReadonlyArray<string>, body: ReadonlyArray<ReadonlyArray<string>>): string =>
  [
    row(head),
    row(head.map((_, index) => index === 0 ? "---" : "---:")),
    ...body.map(row)
  ].join("\n")

/** The median, and how far the rounds were apart. */
const withRange = ({ format }: Column, found: Runner.Spread | undefined): string => {
  if (found === undefined) return ""
  const median = Format.figure(format, found.median)
  const least = Format.figure(format, found.least)
  const most = Format.figure(format, found.most)
  return least === most ? median : `${median} (${least} – ${most})`
}

const usage = (samples: ReadonlyArray<Sample>, side: "client" | "server"): string => {
  const usages = samples.map((sample) => sample[side]).filter((usage) => usage !== undefined)
  const seconds = Runner.spread(usages.map(({ cpuSeconds }) => cpuSeconds))
  const peak = Runner.spread(usages.map(({ peakBytes }) => peakBytes))
  if (seconds === undefined || peak === undefined) return ""
  return `${Format.figure("seconds", seconds.median)}, ${Format.figure("bytes", peak.median)}`
}

const floorValue = (result: Runner.WorkloadResult, { contestant }: Runner.Entry): number | undefined => {
  const { better, columns, floor } = result.workload
  const labels = contestant.floor === undefined ? floor : [contestant.floor]
  return bestOf(Runner.medians(result), labels, columns[0]!.key, better)
}

const entryRow = (result: Runner.WorkloadResult, entry: Runner.Entry): ReadonlyArray<string> => {
  const { columns, floor } = result.workload
  const [main, ...others] = columns
  const { contestant, problem, samples } = entry
  if (samples.length === 0) return [contestant.label, `**left out**: ${problem ?? "not run"}`]
  const found = Runner.spreadOf(entry, main!.key)
  const base = floorValue(result, entry)
  const ratio = found === undefined || base === undefined ? "" : Format.times(found.median / base)
  return [
    contestant.label,
    withRange(main!, found),
    ...(floor.length === 0 ? [] : [ratio]),
    ...others.map((column) => {
      const value = Runner.spreadOf(entry, column.key)
      return value === undefined ? "" : Format.figure(column.format, value.median)
    }),
    usage(samples, "client"),
    usage(samples, "server")
  ]
}

const floorLabel = ({ floor }: Workload): string => floor.length === 1 ? `to ${floor[0]!}` : "to the best peer"

const resultTable = (result: Runner.WorkloadResult): string => {
  const { columns, floor } = result.workload
  const [main, ...others] = columns
  return table(
    [
      "",
      main!.label,
      ...(floor.length === 0 ? [] : [floorLabel(result.workload)]),
      ...others.map(({ label }) => label),
      "client: CPU, peak memory",
      "server: CPU, peak memory"
    ],
    result.entries.map((entry) => entryRow(result, entry))
  )
}

const goalLine = (goal: Goal, result: Runner.WorkloadResult): string => {
  const verdict = goal.judge(Runner.medians(result))
  if (verdict === undefined) return `- Goal: ${goal.text}. Not measured.`
  return `- Goal: ${goal.text}. Found: ${verdict.found}, ${verdict.isMet ? "met" : "**missed**"}.`
}

const problemLines = ({ entries }: Runner.WorkloadResult): ReadonlyArray<string> =>
  entries
    .filter(({ problem, samples }) => problem !== undefined && samples.length > 0)
    .map(({ contestant, problem }) => `- **${contestant.label}** ${problem}`)

const rounds = ({ scale, workload }: Runner.WorkloadResult): string => {
  const { rounds } = workload.amounts[scale]
  return rounds === 1 ? "One round." : `Medians of ${rounds} rounds, and the range.`
}

/** One workload: what it is, the figures, and whether its goals were reached. */
export const section = (result: Runner.WorkloadResult): string => {
  const { workload } = result
  return [
    `## ${workload.name}`,
    "",
    `${workload.what} ${rounds(result)}`,
    "",
    resultTable(result),
    "",
    ...workload.goals.map((goal) => goalLine(goal, result)),
    ...problemLines(result),
    ...workload.notes.map((note) => `- ${note}`)
  ].join("\n").trimEnd()
}

const missing = (results: ReadonlyArray<Runner.WorkloadResult>): ReadonlyArray<string> => {
  const problems = new Map<string, string>()
  for (const { entries } of results) {
    for (const { contestant, problem, samples } of entries) {
      if (samples.length === 0) problems.set(contestant.label, problem ?? "not run")
    }
  }
  if (problems.size === 0) return []
  return [
    "**Not everybody took part:**",
    "",
    ...Array.from(problems, ([label, problem]) => `- ${label}: ${problem}`),
    ""
  ]
}

/** The whole page. */
export const page = (results: ReadonlyArray<Runner.WorkloadResult>, machine: Machine, scale: Scale): string =>
  [
    "# Benchmark results",
    "",
    `Written by \`npm run bench${scale === "full" ? "" : ` -- --${scale}`}\`. ` +
    "Client and server are separate processes on loopback; the contestants run in turn, round after round. " +
    "CPU seconds are those of a process since it was up, with what it did to warm up.",
    "",
    `- ${machine.cpu}, ${machine.cores} cores, ${Format.figure("bytes", machine.memoryBytes)}, ${machine.system}`,
    `- Node.js ${machine.node}; ${machine.libraries}`,
    `- Load of the machine when it began: ${machine.load.toFixed(2)}. On a busy machine only ratios mean something.`,
    "",
    "![Chart](results.svg)",
    "",
    ...missing(results),
    results.map(section).join("\n\n"),
    ""
  ].join("\n")
