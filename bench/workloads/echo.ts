/**
 * Small round trips, one at a time.
 */
import { atMostTimes } from "../harness/goals.ts"
import * as Pair from "../harness/pair.ts"
import type { Contestant, Workload } from "../harness/workload.ts"
import { effectRpc, flowee, grpc, net, ws, zeromq } from "./contestants.ts"

const bareApart = "node:net, two cores"
const ownApart = "effect-flowee, two cores"

const together = (contestant: Contestant): Contestant => ({ ...contestant, placement: "one core" })

export const echo: Workload = {
  name: "echo",
  what: "Round trips of 32 bytes, one at a time.",
  columns: [
    { key: "p50", label: "p50", format: "micros" },
    { key: "p99", label: "p99", format: "micros" },
    { key: "p999", label: "p99.9", format: "micros" },
    { key: "count", label: "round trips", format: "count" }
  ],
  contestants: [
    together(net),
    together(flowee),
    together({ ...flowee, label: "effect-flowee, request", run: "echo-request" }),
    together(ws),
    together(zeromq),
    together({ ...grpc, share: 0.1 }),
    together({ ...effectRpc, share: 0.25 }),
    { ...net, label: bareApart, floor: bareApart, placement: "two cores" },
    { ...flowee, label: ownApart, floor: bareApart, placement: "two cores" }
  ],
  floor: [net.label],
  better: "less",
  amounts: {
    full: { rounds: 3, count: 20_000, warmUp: 60_000, size: 32, window: 1, connections: 1 },
    quick: { rounds: 1, count: 10_000, warmUp: 10_000, size: 32, window: 1, connections: 1 },
    smoke: { rounds: 1, count: 200, warmUp: 10, size: 32, window: 1, connections: 1 }
  },
  measure: Pair.measure("echo"),
  goals: [
    atMostTimes(1.25, "p50: at most 1.25x node:net", { of: flowee.label, to: [net.label], key: "p50" }),
    atMostTimes(1.5, "p99: at most 1.5x node:net", { of: flowee.label, to: [net.label], key: "p99" }),
    atMostTimes(1.25, "p50, two cores: at most 1.25x node:net", { of: ownApart, to: [bareApart], key: "p50" }),
    atMostTimes(1.5, "p99, two cores: at most 1.5x node:net", { of: ownApart, to: [bareApart], key: "p99" })
  ],
  notes: [
    "Client and server share one core, where the system lets that be chosen (`taskset`): that is what the libraries " +
    "themselves take. Between two idle cores the time to wake a core up comes on top, the same for all, as in the last " +
    "two rows.",
    "`request` finds the reply by its id, and has a timeout; the other row of effect-flowee sends a message and waits " +
    "for a message."
  ]
}
