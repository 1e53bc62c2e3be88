/**
 * Whether memory grows with what has passed through.
 */
import { atMost } from "../harness/goals.ts"
import * as Pair from "../harness/pair.ts"
import type { Workload } from "../harness/workload.ts"
import { flowee } from "./contestants.ts"

const limit = 32 * 1_048_576

export const memory: Workload = {
  name: "memory",
  what:
    "The flood, 10,000,000 messages long: how much the resident memory has grown at the end since the first million.",
  columns: [
    { key: "serverBytes", label: "receiver", format: "bytes" },
    { key: "clientBytes", label: "sender", format: "bytes" },
    { key: "perSecond", label: "messages", format: "rate" }
  ],
  contestants: [{ ...flowee, client: "libraries/flowee/memory.ts" }],
  floor: [],
  better: "less",
  amounts: {
    full: { rounds: 1, count: 10_000_000, warmUp: 1_000_000, size: 32, window: 8000, connections: 1 },
    quick: { rounds: 1, count: 2_000_000, warmUp: 500_000, size: 32, window: 8000, connections: 1 },
    smoke: { rounds: 1, count: 4000, warmUp: 2000, size: 32, window: 8000, connections: 1 }
  },
  measure: Pair.measureMemory("memory"),
  goals: [
    atMost(limit, "receiver: within 32 MB", flowee.label, "serverBytes", "bytes"),
    atMost(limit, "sender: within 32 MB", flowee.label, "clientBytes", "bytes")
  ],
  notes: []
}
