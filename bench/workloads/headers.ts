/**
 * How fast headers of blocks are checked and kept.
 */
import * as Alone from "../harness/alone.ts"
import { atLeast, atMost } from "../harness/goals.ts"
import type { Amounts, Workload } from "../harness/workload.ts"
import { flowee } from "./contestants.ts"

const contestant = { ...flowee, client: "libraries/flowee/headers.ts" }
const file = "effect-flowee, in a file"
const million = "effect-flowee, a million in a file"
const memory = "effect-flowee, in memory"

const amounts = (rounds: number, count: number, warmUp: number): Amounts => ({
  rounds,
  count,
  warmUp,
  size: 80,
  window: 1,
  connections: 1
})

export const headers: Workload = {
  name: "headers",
  what: "100,000 headers of a regtest chain, in batches of 2000: checked, synced to the file, and indexed.",
  columns: [
    { key: "perSecond", label: "headers", format: "rate" },
    { key: "bytesEach", label: "memory of each", format: "count" },
    { key: "loadedPerSecond", label: "loaded again", format: "rate" }
  ],
  contestants: [
    { ...contestant, label: file, extra: { store: "file" } },
    { ...contestant, label: million, share: 10, extra: { store: "file" } },
    { ...contestant, label: memory, extra: { store: "memory" } }
  ],
  floor: [],
  better: "more",
  amounts: {
    full: amounts(3, 100_000, 20_000),
    quick: amounts(1, 100_000, 20_000),
    smoke: amounts(1, 4000, 2000)
  },
  measure: Alone.measure("headers"),
  goals: [
    atLeast(300_000, "at least 300,000 headers a second in a file", file, "perSecond", "rate"),
    atMost(120, "at most 120 bytes of memory for each header", million, "bytesEach", "count")
  ],
  notes: ["One process, so there is no server."]
}
