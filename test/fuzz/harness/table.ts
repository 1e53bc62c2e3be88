/**
 * The table at the end of a run.
 */
import type { Report } from "./runner.ts"

const number = (value: number): string => Math.round(value).toLocaleString("en")

const outcomesOf = ({ outcomes }: Report): string => {
  const sorted = [...outcomes].sort(([, a], [, b]) => b - a)
  const all = sorted.reduce((sum, [, count]) => sum + count, 0)
  const shown = sorted.slice(0, 4).map(([name, count]) => `${name} ${Math.round((100 * count) / all)}%`)
  return shown.join(", ") + (sorted.length > 4 ? `, ${sorted.length - 4} more` : "")
}

const row = (cells: ReadonlyArray<string>): string => `| ${cells.join(" | ")} |`

/** In Markdown. */
export const format = (reports: ReadonlyArray<Report>): string => {
  const inputs = reports.reduce((sum, report) => sum + report.inputs, 0)
  const seconds = reports.reduce((sum, report) => sum + report.seconds, 0)
  const lines = reports.map((report) =>
    row([
      report.name,
      number(report.inputs),
      number(report.inputs / report.seconds),
      `${report.worst.toFixed(1)} ms`,
      outcomesOf(report)
    ])
  )
  return [
    row(["target", "inputs", "per second", "worst time", "what came of them"]),
    "|---|--:|--:|--:|---|",
    ...lines,
    row(["all", number(inputs), number(inputs / seconds), `${(seconds / 60).toFixed(1)} minutes`, ""])
  ].join("\n")
}
