/**
 * Urgent messages among large ones.
 */
import { atMost } from "../harness/goals.ts"
import * as Pair from "../harness/pair.ts"
import type { Workload } from "../harness/workload.ts"
import { flowee } from "./contestants.ts"

export const mixed: Workload = {
  name: "mixed",
  what: "A round trip of high priority every 5 ms, while the normal lane is kept full of messages of 1 MB.",
  columns: [
    { key: "p99", label: "p99", format: "micros" },
    { key: "p50", label: "p50", format: "micros" },
    { key: "megabytesPerSecond", label: "normal lane", format: "megabytes" }
  ],
  contestants: [{ ...flowee, client: "libraries/flowee/mixed.ts" }],
  floor: [],
  better: "less",
  amounts: {
    full: { rounds: 3, count: 600, warmUp: 100, size: 1_000_000, window: 1, connections: 1 },
    quick: { rounds: 1, count: 300, warmUp: 50, size: 1_000_000, window: 1, connections: 1 },
    smoke: { rounds: 1, count: 10, warmUp: 1, size: 1_000_000, window: 1, connections: 1 }
  },
  measure: Pair.measure("mixed"),
  goals: [atMost(15_000, "p99 under 15 ms", flowee.label, "p99", "micros")],
  notes: []
}
