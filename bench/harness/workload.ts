/**
 * What a workload consists of: who takes part, how much each does, what is measured, and what must come out.
 */
import type { Effect, Scope } from "effect"
import type { Placement } from "./cores.ts"
import type { Extra, Measured } from "./library.ts"
import type { BenchError } from "./processes.ts"
import type { Usage } from "./usage.ts"

/** How much is done: all of it, enough for a first look, or just enough to see that it works. */
export type Scale = "full" | "quick" | "smoke"

/** What the harness needs to know whether a library can take part. */
export type LibraryName = "flowee" | "net" | "ws" | "zeromq" | "nats" | "grpc" | "effect-rpc" | "bcash"

/** One way in which one library does a workload. */
export interface Contestant {
  /** Unique within its workload. */
  readonly label: string
  readonly library: LibraryName
  /** Modules below `bench`. */
  readonly server: string
  readonly client: string
  /** What the client module calls it. Default: the name of the workload. */
  readonly run?: string | undefined
  readonly extra?: Extra | undefined
  /** The share of the messages that a slower library sends, so that all take about as long. Default: 1. */
  readonly share?: number | undefined
  /** Who it is compared with. Default: the floor of the workload. */
  readonly floor?: string | undefined
  /** Default: wherever the operating system puts them. */
  readonly placement?: Placement | undefined
}

export interface Amounts {
  readonly rounds: number
  /** Messages, of each connection where there are many. */
  readonly count: number
  /** Messages that go first and are not measured. */
  readonly warmUp: number
  /** Bytes of a body. */
  readonly size: number
  readonly window: number
  readonly connections: number
  readonly extra?: Extra | undefined
}

export type Format = "rate" | "megabytes" | "micros" | "seconds" | "bytes" | "count"

/** A figure that is shown. */
export interface Column {
  /** Its name in what was measured. */
  readonly key: string
  readonly label: string
  readonly format: Format
}

/** What one run of one contestant gave. */
export interface Sample {
  readonly measured: Measured
  readonly client: Usage
  /** `undefined` where one process is measured alone. */
  readonly server: Usage | undefined
}

/** Looks up the median of a figure; `undefined` when its contestant did not take part. */
export type Medians = (label: string, key: string) => number | undefined

/** Whether a goal was reached, in words. `undefined`: who it is about did not take part. */
export type Judge = (medians: Medians) => { readonly found: string; readonly isMet: boolean } | undefined

export interface Goal {
  readonly text: string
  readonly judge: Judge
}

export interface Workload {
  readonly name: string
  readonly what: string
  /** The first one is the one that counts. */
  readonly columns: ReadonlyArray<Column>
  readonly contestants: ReadonlyArray<Contestant>
  /** Labels of those who are enough to see that it works. Default: all. */
  readonly smoke?: ReadonlyArray<string> | undefined
  /** What the figures are compared with: a contestant, or the best of several. */
  readonly floor: ReadonlyArray<string>
  readonly better: "more" | "less"
  readonly amounts: { readonly [scale in Scale]: Amounts }
  readonly measure: (contestant: Contestant, amounts: Amounts) => Effect.Effect<Sample, BenchError, Scope.Scope>
  readonly goals: ReadonlyArray<Goal>
  /** What a reader must know to judge the figures. */
  readonly notes: ReadonlyArray<string>
}
