/**
 * How long the event loop is held up by checksums.
 */
import { atMostTimes } from "../harness/goals.ts"
import * as Pair from "../harness/pair.ts"
import type { Amounts, Workload } from "../harness/workload.ts"
import { flowee } from "./contestants.ts"

const contestant = {
  ...flowee,
  server: "libraries/flowee/legacy/server.ts",
  client: "libraries/flowee/legacy/client.ts"
}
const inline = "effect-flowee, on the event loop"
const threads = "effect-flowee, on worker threads"

const amounts = (rounds: number, count: number, size: number): Amounts => ({
  rounds,
  count,
  warmUp: 0,
  size,
  window: 1,
  connections: 1,
  extra: { blocks: count, deferAbove: 65_536 }
})

export const loopDelay: Workload = {
  name: "loop-delay",
  what: "A client receives 1 GB of legacy messages of 8 MB and verifies their checksums: the delay of its event loop.",
  columns: [
    { key: "p99", label: "p99", format: "micros" },
    { key: "p50", label: "p50", format: "micros" },
    { key: "max", label: "longest", format: "micros" },
    { key: "megabytesPerSecond", label: "throughput", format: "megabytes" }
  ],
  contestants: [
    { ...contestant, label: inline, extra: { form: "inline" } },
    { ...contestant, label: threads, extra: { form: "threads" } }
  ],
  floor: [inline],
  better: "less",
  amounts: {
    full: amounts(3, 125, 8_000_000),
    quick: amounts(1, 40, 8_000_000),
    smoke: amounts(1, 3, 200_000)
  },
  measure: Pair.measure("loop-delay"),
  goals: [
    atMostTimes(1 / 3, "p99 on worker threads: at most a third", { of: threads, to: [inline], key: "p99" })
  ],
  notes: [
    "The delays are those of a timer of 1 ms: none is shorter than that.",
    "Connections have their shares of a turn on the event loop too: before that, its p99 without threads was 79 ms."
  ]
}
