/**
 * The results as a picture: for each workload the bars of those who took part, the longest being the largest figure.
 */
import * as Format from "./format.ts"
import * as Runner from "./runner.ts"

const width = 820
const labelWidth = 250
const valueWidth = 110
const margin = 24
const barHeight = 16
const barGap = 6
const panelGap = 30
const titleHeight = 26
const barWidth = width - 2 * margin - labelWidth - valueWidth

/** Both themes are in the picture itself: it does not know what page it is shown on. */
const style = `
  .page { fill: #ffffff; stroke: #d0d7de }
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600; font-size: 15px }
  .hint { fill: #59636e }
  .own { fill: #1a7f5a }
  .other { fill: #8c959f }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117; stroke: #3d444d }
    text { fill: #f0f6fc }
    .hint { fill: #9198a1 }
    .own { fill: #3fb98a }
    .other { fill: #656c76 }
  }`

const escape = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")

interface Bar {
  readonly label: string
  readonly value: number
  readonly text: string
  readonly isOwn: boolean
}

const barsOf = (result: Runner.WorkloadResult): ReadonlyArray<Bar> => {
  const column = result.workload.columns[0]!
  return result.entries.flatMap((entry) => {
    const found = Runner.spreadOf(entry, column.key)
    if (found === undefined) return []
    const { label, library } = entry.contestant
    const text = Format.figure(column.format, found.median)
    return [{ label, value: found.median, text, isOwn: library === "flowee" }]
  })
}

const drawBar = (bar: Bar, longest: number, top: number): string => {
  const length = Math.max(2, Math.round(barWidth * bar.value / longest))
  const left = margin + labelWidth
  const baseline = top + barHeight - 3
  return [
    `<text x="${left - 8}" y="${baseline}" text-anchor="end">${escape(bar.label)}</text>`,
    `<rect class="${
      bar.isOwn ? "own" : "other"
    }" x="${left}" y="${top}" width="${length}" height="${barHeight}" rx="2"/>`,
    `<text x="${left + length + 6}" y="${baseline}">${escape(bar.text)}</text>`
  ].join("\n")
}

const panelHeight = (bars: ReadonlyArray<Bar>): number => titleHeight + bars.length * (barHeight + barGap)

const drawPanel = (result: Runner.WorkloadResult, bars: ReadonlyArray<Bar>, top: number): string => {
  const { better, columns, name } = result.workload
  const longest = Math.max(...bars.map(({ value }) => value))
  const hint = `${columns[0]!.label}, ${better === "more" ? "more" : "less"} is better`
  return [
    `<text class="title" x="${margin}" y="${top + 14}">${escape(name)}<tspan class="hint" dx="10" font-weight="400" ` +
    `font-size="13">${escape(hint)}</tspan></text>`,
    ...bars.map((bar, index) => drawBar(bar, longest, top + titleHeight + index * (barHeight + barGap)))
  ].join("\n")
}

/** Draws the workloads in which there is somebody to compare with. */
export const draw = (results: ReadonlyArray<Runner.WorkloadResult>): string => {
  const panels: Array<string> = []
  let top = margin
  for (const result of results) {
    const bars = barsOf(result)
    if (bars.length < 2) continue
    panels.push(drawPanel(result, bars, top))
    top += panelHeight(bars) + panelGap
  }
  const height = Math.max(2 * margin, top - panelGap + margin)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ` +
    `role="img" aria-label="Benchmark results">`,
    `<style>${style}\n</style>`,
    `<rect class="page" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="6"/>`,
    ...panels,
    "</svg>",
    ""
  ].join("\n")
}
