/**
 * What a soak comes to.
 */
import type { LaneAccount } from "./contract.ts"
import * as Protocol from "./protocol.ts"
import type { ClientsReport } from "./protocol.ts"
import * as Samples from "./samples.ts"

type Counts = Readonly<Record<string, number>>

export interface Memory {
  readonly used: Samples.Growth
  readonly heap: Samples.Growth
  readonly rss: Samples.Growth
}

export interface Result {
  readonly minutes: number
  readonly seed: number
  readonly clients: number
  readonly sent: number
  readonly delivered: number
  readonly duplicated: number
  readonly lost: number
  /** What the contract does not allow. */
  readonly unexplained: number
  /** The first of them, in words. */
  readonly problems: ReadonlyArray<string>
  /** By how the socket ended that had taken them. */
  readonly lostBy: Counts
  readonly refused: number
  readonly requests: { readonly sent: number; readonly answered: number; readonly unanswered: Counts }
  readonly faults: Counts
  readonly memory: Readonly<Record<Samples.Name, Memory>>
  readonly loopDelay: Readonly<Record<Samples.Name, { readonly p99: number; readonly max: number }>>
  readonly handles: { readonly before: number; readonly most: number; readonly after: number }
}

export interface Findings {
  readonly minutes: number
  readonly seed: number
  readonly report: ClientsReport
  readonly account: (client: number, lane: Protocol.Lane) => LaneAccount
  readonly faults: Counts
  readonly samples: ReadonlyArray<Samples.Sample>
  readonly corrupt: number
  readonly problems: ReadonlyArray<string>
}

const problemsTold = 20

const add = (total: Record<string, number>, counts: Counts): void => {
  for (const [name, count] of Object.entries(counts)) total[name] = (total[name] ?? 0) + count
}

const lanesOf = ({ account, report }: Findings) =>
  report.accepted.flatMap((accepted, client) =>
    Protocol.lanes.map((lane) => ({
      label: `client ${client}, ${lane} lane`,
      ...account(client, lane).outcome(accepted[lane])
    }))
  )

/** Each request settles once: with an answer, or with a reason. */
const requestProblems = ({ answered, requests, unanswered }: ClientsReport): ReadonlyArray<string> => {
  const settled = answered + Object.values(unanswered).reduce((sum, count) => sum + count, 0)
  return settled === requests ? [] : [`${requests} requests were sent, and ${settled} were settled`]
}

const handleProblems = ({ handlesAfter, handlesBefore }: ClientsReport): ReadonlyArray<string> =>
  handlesAfter <= handlesBefore ? [] : [`${handlesAfter - handlesBefore} handles are left when all is closed`]

export const make = (findings: Findings): Result => {
  const { corrupt, faults, minutes, report, samples, seed } = findings
  const lanes = lanesOf(findings)
  const sum = (of: (lane: typeof lanes[number]) => number) => lanes.reduce((total, lane) => total + of(lane), 0)
  const lostBy: Record<string, number> = {}
  for (const { lost } of lanes) add(lostBy, lost)
  const problems = [
    ...findings.problems,
    ...report.problems,
    ...(corrupt === 0 ? [] : [`${corrupt} messages arrived, and were not what was sent`]),
    ...requestProblems(report),
    ...handleProblems(report),
    ...lanes.flatMap(({ label, unexplained }) => unexplained.map((problem) => `${label}: ${problem}`))
  ]
  const byProcess = <A>(of: (name: Samples.Name) => A): Record<Samples.Name, A> => ({
    clients: of("clients"),
    server: of("server")
  })
  return {
    minutes,
    seed,
    clients: report.accepted.length,
    sent: sum(({ sent }) => sent),
    delivered: sum(({ delivered }) => delivered),
    duplicated: sum(({ duplicated }) => duplicated),
    lost: Object.values(lostBy).reduce((total, count) => total + count, 0),
    unexplained: problems.length,
    problems: problems.slice(0, problemsTold),
    lostBy,
    refused: report.refused,
    requests: { sent: report.requests, answered: report.answered, unanswered: report.unanswered },
    faults,
    memory: byProcess((name) => ({
      used: Samples.growth(samples, name, ({ usedBytes }) => usedBytes),
      heap: Samples.growth(samples, name, ({ heapBytes }) => heapBytes),
      rss: Samples.growth(samples, name, ({ rssBytes }) => rssBytes)
    })),
    loopDelay: byProcess((name) => ({
      p99: Samples.peak(samples, name, ({ loopDelayP99 }) => loopDelayP99),
      max: Samples.peak(samples, name, ({ loopDelayMax }) => loopDelayMax)
    })),
    handles: {
      before: report.handlesBefore,
      most: Samples.peak(samples, "clients", ({ handles }) => handles),
      after: report.handlesAfter
    }
  }
}
