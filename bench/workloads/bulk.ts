/**
 * Large messages in one direction.
 */
import { atLeastTimes } from "../harness/goals.ts"
import * as Pair from "../harness/pair.ts"
import type { Contestant, Workload } from "../harness/workload.ts"
import { flowee, net, ws, zeromq } from "./contestants.ts"

const bare = "node:net, data events"

/** Where the system puts both sides on one core by chance, everybody gets a third of it. */
const apart = (contestant: Contestant): Contestant => ({ ...contestant, placement: "two cores" })

export const bulk: Workload = {
  name: "bulk",
  what: "Messages of 1 MB over one connection in one direction, 4 outstanding.",
  columns: [
    { key: "megabytesPerSecond", label: "throughput", format: "megabytes" },
    { key: "count", label: "sent", format: "count" }
  ],
  contestants: [{ ...net, label: bare }, flowee, { ...ws, share: 0.25 }, zeromq].map(apart),
  floor: [bare],
  better: "more",
  amounts: {
    full: { rounds: 3, count: 2000, warmUp: 2000, size: 1_000_000, window: 4, connections: 1 },
    quick: { rounds: 1, count: 1000, warmUp: 100, size: 1_000_000, window: 4, connections: 1 },
    smoke: { rounds: 1, count: 8, warmUp: 2, size: 1_000_000, window: 4, connections: 1 }
  },
  measure: Pair.measure("bulk"),
  goals: [
    atLeastTimes(1.75, "at least 1.75x node:net with data events", {
      of: flowee.label,
      to: [bare],
      key: "megabytesPerSecond"
    })
  ],
  notes: []
}
