/**
 * Memory over time as a picture.
 */
import * as Samples from "./samples.ts"

const width = 820
const height = 320
const left = 64
const right = 24
const top = 48
const bottom = 44

/** Both themes are in the picture itself: it does not know what page it is shown on. */
const style = `
  .page { fill: #ffffff; stroke: #d0d7de }
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600; font-size: 15px }
  .grid { stroke: #d0d7de }
  .line { fill: none; stroke-width: 1.5 }
  .clients { stroke: #1a7f5a }
  .server { stroke: #0969da }
  .rss { stroke-dasharray: 4 3 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117; stroke: #3d444d }
    text { fill: #f0f6fc }
    .grid { stroke: #3d444d }
    .clients { stroke: #3fb98a }
    .server { stroke: #4493f8 }
  }`

interface Line {
  readonly label: string
  readonly classes: string
  readonly values: ReadonlyArray<number>
}

const linesOf = (samples: ReadonlyArray<Samples.Sample>): ReadonlyArray<Line> =>
  Samples.names.flatMap((name) => {
    const gauges = samples.map((sample) => sample.gauges[name])
    return [
      { label: `${name}, in use`, classes: `line ${name}`, values: gauges.map(({ usedBytes }) => usedBytes / 1e6) },
      { label: `${name}, resident`, classes: `line ${name} rss`, values: gauges.map(({ rssBytes }) => rssBytes / 1e6) }
    ]
  })

/** A round step that divides the range into some five parts. */
const stepOf = (range: number): number => {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, range) / 5))
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => range / step <= 6) ?? power * 10
}

const steps = (end: number): ReadonlyArray<number> => {
  const step = stepOf(end)
  return Array.from({ length: Math.floor(end / step) + 1 }, (_, index) => index * step)
}

/** Draws what the processes held, after a collection and in all. */
export const draw = (samples: ReadonlyArray<Samples.Sample>): string => {
  const lines = linesOf(samples)
  const end = Math.max(1, samples.at(-1)?.seconds ?? 0)
  const most = Math.max(1, ...lines.flatMap(({ values }) => values)) * 1.05
  const x = (seconds: number) => (left + (width - left - right) * seconds / end).toFixed(1)
  const y = (value: number) => (height - bottom - (height - top - bottom) * value / most).toFixed(1)
  const points = ({ values }: Line) => values.map((value, at) => `${x(samples[at]!.seconds)},${y(value)}`).join(" ")
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ` +
    `role="img" aria-label="Memory over time">`,
    `<style>${style}\n</style>`,
    `<rect class="page" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="6"/>`,
    `<text class="title" x="${left}" y="26">Memory, MB</text>`,
    ...steps(most).map((value) =>
      `<line class="grid" x1="${left}" x2="${width - right}" y1="${y(value)}" y2="${y(value)}"/>` +
      `<text x="${left - 8}" y="${Number(y(value)) + 4}" text-anchor="end">${value}</text>`
    ),
    ...steps(end).map((value) =>
      `<text x="${x(value)}" y="${height - bottom + 20}" text-anchor="middle">${value} s</text>`
    ),
    ...lines.map((line) => `<polyline class="${line.classes}" points="${points(line)}"/>`),
    ...lines.map(({ classes, label }, index) => {
      const from = left + 110 + index * 150
      return `<line class="${classes}" x1="${from}" x2="${from + 22}" y1="22" y2="22"/>` +
        `<text x="${from + 28}" y="26">${label}</text>`
    }),
    "</svg>",
    ""
  ].join("\n")
}
