/**
 * The contract of a lane (README, "What is promised"), held against what was sent and what was received.
 *
 * - Within one socket no number is left out and none comes twice.
 * - What a socket begins with is what the operating system had not taken when the one before it ended: so nothing that
 *   was not taken is lost, and nothing that was taken is sent again. Each end of a socket lets one other begin so.
 * - What is missing had been taken when a socket ended, and never what was sent on after the last of them.
 */
import type { Entry } from "./ledger.ts"
import type { Loss } from "./protocol.ts"

/** Numbers that came on one socket. */
interface Run {
  readonly first: number
  last: number
}

/** What came of the messages of a lane. */
export interface Outcome {
  readonly sent: number
  /** Different messages that arrived. */
  readonly delivered: number
  /** Messages that arrived once more. */
  readonly duplicated: number
  /** Messages that the contract lets go, by how their socket ended. */
  readonly lost: Readonly<Record<string, number>>
  /** What the contract does not allow, in words. */
  readonly unexplained: ReadonlyArray<string>
}

interface Range {
  readonly first: number
  readonly last: number
}

const sizeOf = ({ first, last }: Range): number => Math.max(0, last - first + 1)

/** The ranges in order, none touching the next. */
const union = (ranges: ReadonlyArray<Range>): ReadonlyArray<Range> => {
  const merged: Array<Range> = []
  for (const range of ranges.toSorted((a, b) => a.first - b.first)) {
    const before = merged.at(-1)
    if (before !== undefined && range.first <= before.last + 1) {
      merged[merged.length - 1] = { first: before.first, last: Math.max(before.last, range.last) }
    } else merged.push(range)
  }
  return merged
}

/** What lies between the ranges, from 1 to `end`. */
const gaps = (ranges: ReadonlyArray<Range>, end: number): ReadonlyArray<Range> => {
  const starts = [0, ...ranges.map(({ last }) => last)]
  const ends = [...ranges.map(({ first }) => first), end + 1]
  return starts.map((last, index) => ({ first: last + 1, last: ends[index]! - 1 })).filter((gap) => sizeOf(gap) > 0)
}

const say = ({ first, last }: Range): string => first === last ? `number ${first}` : `numbers ${first} to ${last}`

/** One lane of one client. */
export class LaneAccount {
  readonly #runs = new Map<string, Run>()
  readonly #losses: Array<Loss> = []
  readonly #problems: Array<string> = []

  addLoss(loss: Loss): void {
    this.#losses.push(loss)
  }

  addEntry({ first, last, session }: Entry): void {
    const run = this.#runs.get(session)
    if (run === undefined) {
      this.#runs.set(session, { first, last })
      return
    }
    if (first > run.last + 1) this.#problems.push(`${say({ first: run.last + 1, last: first - 1 })} left out`)
    if (first <= run.last) this.#problems.push(`${say({ first, last: run.last })} twice, or out of order`)
    run.last = Math.max(run.last, last)
  }

  /** To be asked when all that was sent has arrived that is going to. */
  outcome(sent: number): Outcome {
    const unexplained = [...this.#problems]
    const runs = [...this.#runs.values()]
    const mayBegin = this.#beginnings()
    for (const { first } of runs) {
      const left = mayBegin.get(first) ?? 0
      if (left === 0) unexplained.push(`a socket began with number ${first}`)
      else mayBegin.set(first, left - 1)
    }
    const received = union(runs)
    const delivered = received.reduce((sum, range) => sum + sizeOf(range), 0)
    const arrived = runs.reduce((sum, run) => sum + sizeOf(run), 0)
    const lost: Record<string, number> = {}
    for (const gap of gaps(received, sent)) this.#explain(gap, lost, unexplained)
    const highest = received.at(-1)?.last ?? 0
    if (highest > sent) unexplained.push(`${say({ first: sent + 1, last: highest })} never sent`)
    return { sent, delivered, duplicated: arrived - delivered, lost, unexplained }
  }

  /** With what numbers a socket may begin, and how many of them. */
  #beginnings(): Map<number, number> {
    const beginnings = new Map([[1, 1]])
    for (const { taken } of this.#losses) beginnings.set(taken + 1, (beginnings.get(taken + 1) ?? 0) + 1)
    return beginnings
  }

  /** Tells by which socket the numbers of a gap were lost. */
  #explain(gap: Range, lost: Record<string, number>, unexplained: Array<string>): void {
    let { first } = gap
    for (const { reason, taken } of this.#losses) {
      const count = sizeOf({ first, last: Math.min(gap.last, taken) })
      if (count === 0) continue
      lost[reason] = (lost[reason] ?? 0) + count
      first += count
    }
    if (first <= gap.last) unexplained.push(`${say({ first, last: gap.last })} lost without a socket's end`)
  }
}
