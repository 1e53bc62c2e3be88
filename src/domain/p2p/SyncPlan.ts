/**
 * Which blocks of a wallet have been looked at by whom, and what is to be asked of whom next.
 *
 * One peer *scans*: it is asked for the blocks that nobody has looked at, in their order, since what is found in one
 * block (an output) may be what to look for in the next (its spending). Others *check* what was scanned: each block is
 * asked of a second peer, for a node can leave out what matches, and cannot make it up. What two peers agree on is
 * *verified*.
 *
 * **Details**
 *
 * A plan is a value: each step gives another one. Peers are named by texts, equal ones for peers that count as one. A
 * range of up to 100 blocks that a peer is asked for is its *task*, and it does them one after the other. A peer whose
 * task has become pointless (the chain was reorganised, an element was added) still answers: it has the task `Discard`
 * until it is through.
 *
 * Source: peer-to-peer component, "Downloads and wallets".
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * How many blocks a peer is asked for at once.
 *
 * @category constants
 * @since 0.1.0
 */
export const blocksPerTask = 100

/**
 * Blocks from one height to another, both included, that one peer has scanned and nobody has checked.
 *
 * @category models
 * @since 0.1.0
 */
export interface Span {
  readonly from: number
  readonly to: number
  /** The peer that scanned them. */
  readonly by: string
  /** What its filter held: the version of what was watched. */
  readonly version: number
}

/**
 * What a peer is doing. `from` is the next block that is expected of it, `to` the last one.
 *
 * - `Scan`: it looks at blocks that nobody has looked at.
 * - `Check`: it looks at blocks that another peer has scanned.
 * - `Discard`: what it still sends is not looked at.
 *
 * @category models
 * @since 0.1.0
 */
export type Task = Data.TaggedEnum<{
  Scan: { readonly from: number; readonly to: number; readonly version: number }
  Check: { readonly from: number; readonly to: number; readonly version: number }
  Discard: {}
}>

/**
 * Constructors and matchers of tasks.
 *
 * @category constructors
 * @since 0.1.0
 */
export const Task = Data.taggedEnum<Task>()

/**
 * A task that can be given.
 *
 * @category models
 * @since 0.1.0
 */
export interface Proposal {
  readonly peer: string
  readonly kind: "Scan" | "Check"
  readonly from: number
  readonly to: number
}

/**
 * A plan.
 *
 * @category models
 * @since 0.1.0
 */
export interface SyncPlan {
  /** The first block that is looked at. */
  readonly first: number
  /** Every block up to this one has been scanned. One below `first` at the beginning. */
  readonly scannedTo: number
  /** What was scanned and not checked, the lowest first. */
  readonly unchecked: ReadonlyArray<Span>
  readonly tasks: ReadonlyMap<string, Task>
}

/**
 * A plan for blocks from `first` on, with what was done before.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly first: number
  /** Default: nothing. */
  readonly scannedTo?: number | undefined
  /** Default: none. */
  readonly unchecked?: ReadonlyArray<Span> | undefined
}): SyncPlan => ({
  first: options.first,
  scannedTo: Math.max(options.scannedTo ?? options.first - 1, options.first - 1),
  unchecked: options.unchecked ?? [],
  tasks: new Map()
})

/**
 * Every block up to this height has been looked at by two peers.
 *
 * @category getters
 * @since 0.1.0
 */
export const verifiedTo = (self: SyncPlan): number =>
  self.unchecked.length === 0 ? self.scannedTo : self.unchecked[0].from - 1

/**
 * The span of a block that nobody has checked.
 *
 * @category getters
 * @since 0.1.0
 */
export const spanAt = (self: SyncPlan, height: number): Span | undefined =>
  self.unchecked.find(({ from, to }) => from <= height && height <= to)

/**
 * The next task that one of the idle peers can be given; `undefined` when there is none. Scanning comes first, and those
 * peers that come first in the list.
 *
 * @category getters
 * @since 0.1.0
 */
export const propose = (self: SyncPlan, options: {
  readonly idle: ReadonlyArray<string>
  /** The height of the chain. */
  readonly tip: number
  /** Whether new blocks may be scanned now. Default: `true`. */
  readonly mayScan?: boolean | undefined
}): Proposal | undefined => {
  const { idle, mayScan = true, tip } = options
  if (idle.length === 0) return undefined
  const isScanned = [...self.tasks.values()].some(({ _tag }) => _tag === "Scan")
  if (mayScan && !isScanned && self.scannedTo < tip) {
    const from = self.scannedTo + 1
    return { peer: idle[0], kind: "Scan", from, to: Math.min(tip, self.scannedTo + blocksPerTask) }
  }
  for (const peer of idle) {
    const proposal = proposeCheck(self, peer)
    if (proposal !== undefined) return proposal
  }
  return undefined
}

const proposeCheck = (self: SyncPlan, peer: string): Proposal | undefined => {
  const checks = [...self.tasks.values()].filter((task) => task._tag === "Check")
  for (const { by, from, to } of self.unchecked) {
    if (by === peer) continue
    const start = firstFree(from, checks)
    if (start > to) continue
    const next = checks.reduce((end, check) => check.from > start ? Math.min(end, check.from - 1) : end, to)
    return { peer, kind: "Check", from: start, to: Math.min(next, start + blocksPerTask - 1) }
  }
  return undefined
}

/** The lowest height from one on that nobody is checking. */
const firstFree = (height: number, checks: ReadonlyArray<{ readonly from: number; readonly to: number }>): number => {
  const taken = checks.find(({ from, to }) => from <= height && height <= to)
  return taken === undefined ? height : firstFree(taken.to + 1, checks)
}

const withTask = (self: SyncPlan, peer: string, task: Task | undefined): SyncPlan => {
  const tasks = new Map(self.tasks)
  if (task === undefined) tasks.delete(peer)
  else tasks.set(peer, task)
  return { ...self, tasks }
}

/**
 * Gives a task that was proposed. `version` is what the filter of the peer holds.
 *
 * @category combinators
 * @since 0.1.0
 */
export const assign = (self: SyncPlan, proposal: Proposal, version: number): SyncPlan => {
  const { from, kind, peer, to } = proposal
  return withTask(self, peer, Task[kind]({ from, to, version }))
}

/** The task without its first block. */
const advance = (self: SyncPlan, peer: string, task: Exclude<Task, { readonly _tag: "Discard" }>): SyncPlan =>
  withTask(self, peer, task.from < task.to ? Task[task._tag]({ ...task, from: task.from + 1 }) : undefined)

/**
 * The peer that scans has told what is in its next block.
 *
 * @category combinators
 * @since 0.1.0
 */
export const scanned = (self: SyncPlan, peer: string): SyncPlan => {
  const task = self.tasks.get(peer)
  if (task?._tag !== "Scan") return self
  const span: Span = { from: task.from, to: task.from, by: peer, version: task.version }
  return { ...advance(self, peer, task), scannedTo: task.from, unchecked: append(self.unchecked, span) }
}

const append = (spans: ReadonlyArray<Span>, span: Span): ReadonlyArray<Span> => {
  const last = spans.at(-1)
  return last !== undefined && last.by === span.by && last.version === span.version && last.to + 1 === span.from
    ? [...spans.slice(0, -1), { ...last, to: span.to }]
    : [...spans, span]
}

/**
 * A peer that checks has told nothing new of its next block.
 *
 * @category combinators
 * @since 0.1.0
 */
export const agreed = (self: SyncPlan, peer: string): SyncPlan => {
  const task = self.tasks.get(peer)
  if (task?._tag !== "Check") return self
  return { ...advance(self, peer, task), unchecked: without(self.unchecked, task.from) }
}

const without = (spans: ReadonlyArray<Span>, height: number): ReadonlyArray<Span> =>
  spans.flatMap((span) => {
    if (height < span.from || height > span.to) return [span]
    return [{ ...span, to: height - 1 }, { ...span, from: height + 1 }].filter(({ from, to }) => from <= to)
  })

/**
 * A peer that checks has told of something that the one that scanned had left out. It counts as the one that scanned the
 * block, so that a third one checks it, and all that is above is scanned again: what was found may be spent there.
 *
 * @category combinators
 * @since 0.1.0
 */
export const outdone = (self: SyncPlan, peer: string): SyncPlan => {
  const task = self.tasks.get(peer)
  if (task?._tag !== "Check") return self
  const height = task.from
  const below = truncate(self, height)
  const span: Span = { from: height, to: height, by: peer, version: task.version }
  return { ...withTask(below, peer, Task.Discard()), unchecked: append(without(below.unchecked, height), span) }
}

/**
 * The peer does not do its task any further, or has ended. What it has scanned stays.
 *
 * @category combinators
 * @since 0.1.0
 */
export const release = (self: SyncPlan, peer: string): SyncPlan =>
  self.tasks.has(peer) ? withTask(self, peer, undefined) : self

/**
 * The peer is a liar: what it has scanned and nobody has checked counts for nothing.
 *
 * @category combinators
 * @since 0.1.0
 */
export const disown = (self: SyncPlan, peer: string): SyncPlan => {
  const span = self.unchecked.find(({ by }) => by === peer)
  return release(span === undefined ? self : truncate(self, span.from - 1), peer)
}

/**
 * Nothing above a height counts as looked at any more.
 *
 * @category combinators
 * @since 0.1.0
 */
export const truncate = (self: SyncPlan, height: number): SyncPlan => {
  const scannedTo = Math.max(Math.min(self.scannedTo, height), self.first - 1)
  const tasks = new Map<string, Task>()
  for (const [peer, task] of self.tasks) {
    tasks.set(peer, task._tag !== "Discard" && task.to > height ? Task.Discard() : task)
  }
  const unchecked = self.unchecked.flatMap((span) =>
    span.from > scannedTo ? [] : [{ ...span, to: Math.min(span.to, scannedTo) }]
  )
  return { ...self, scannedTo, unchecked, tasks }
}

/**
 * Blocks from a height on are looked at, also those below the first one until now.
 *
 * @category combinators
 * @since 0.1.0
 */
export const rescan = (self: SyncPlan, from: number): SyncPlan =>
  from < self.first ? truncate({ ...self, first: from }, from - 1) : truncate(self, from - 1)
