/**
 * The result of a soak, for people.
 */
import type { Result } from "./result.ts"
import * as Samples from "./samples.ts"

const count = (value: number): string => value.toLocaleString("en-US")
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
const percent = (part: number): string => `${part < 0 ? "" : "+"}${(part * 100).toFixed(1)} %`

/** Why sockets end, as people say it. */
const reasons: Readonly<Record<string, string>> = {
  Reset: "the connection was cut",
  Closed: "the peer closed the connection",
  ClosedHere: "the client ended its socket"
}

const rowsOf = (title: string, counts: Readonly<Record<string, number>>): ReadonlyArray<readonly [string, string]> =>
  Object.entries(counts).toSorted(([, a], [, b]) => b - a).map(([name, value]) => [`${title}${name}`, count(value)])

const growth = ({ first, last, part }: Samples.Growth): string =>
  `${megabytes(first)} to ${megabytes(last)}, ${percent(part)}`

const memoryRows = ({ memory }: Result) =>
  Samples.names.flatMap((name): ReadonlyArray<readonly [string, string]> => {
    const { heap, rss, used } = memory[name]
    const verdict = used.part <= Samples.allowedGrowth ? "it does not grow" : "IT GROWS"
    return [
      [`memory in use, ${name}, first to last quarter`, `${growth(used)}: ${verdict}`],
      [`  objects of it, ${name}`, growth(heap)],
      [`resident memory, ${name}`, growth(rss)]
    ]
  })

/** What is told of a soak, and what it came to. */
export const rows = (result: Result): ReadonlyArray<readonly [string, string]> => {
  const { handles, loopDelay, lostBy, requests } = result
  const lost = Object.fromEntries(Object.entries(lostBy).map(([name, value]) => [reasons[name] ?? name, value]))
  return [
    ["sent", count(result.sent)],
    ["delivered", count(result.delivered)],
    ["duplicated: a write that failed was sent again", count(result.duplicated)],
    ["lost: the system had taken it, the peer never read it", count(result.lost)],
    ...rowsOf("  lost when ", lost),
    ["unexplained: what the contract does not allow", count(result.unexplained)],
    ["not taken: the lane was full, the caller was told", count(result.refused)],
    ["requests", count(requests.sent)],
    ["  answered", count(requests.answered)],
    ...rowsOf("  told ", requests.unanswered),
    ...rowsOf("fault: ", result.faults),
    ...memoryRows(result),
    ...Samples.names.map((name): readonly [string, string] => [
      `event loop late, ${name}`,
      `p99 ${loopDelay[name].p99.toFixed(0)} ms, longest ${loopDelay[name].max.toFixed(0)} ms`
    ]),
    ["handles of the clients: before, most, after", `${handles.before}, ${handles.most}, ${handles.after}`]
  ]
}

export const draw = (result: Result): string => {
  const all = rows(result)
  const width = Math.max(...all.map(([label]) => label.length))
  return [
    `${result.minutes} min, ${result.clients} clients, seed ${result.seed}`,
    "",
    ...all.map(([label, value]) => `${label.padEnd(width)}  ${value}`),
    ...result.problems.map((problem) => `UNEXPLAINED ${problem}`),
    ""
  ].join("\n")
}
