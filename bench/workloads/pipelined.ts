/**
 * Requests and replies with many under way.
 */
import { atLeastTimes } from "../harness/goals.ts"
import * as Pair from "../harness/pair.ts"
import type { Workload } from "../harness/workload.ts"
import { effectRpc, flowee, grpc, nats } from "./contestants.ts"

const rpcs = [grpc.label, effectRpc.label]

export const pipelined: Workload = {
  name: "pipelined",
  what: "Requests of 32 bytes and their replies over one connection, 1000 outstanding.",
  columns: [
    { key: "perSecond", label: "requests", format: "rate" },
    { key: "count", label: "made", format: "count" }
  ],
  contestants: [
    { ...flowee, label: "effect-flowee, request" },
    { ...grpc, share: 0.05 },
    { ...effectRpc, share: 0.1 },
    { ...nats, share: 0.2 }
  ],
  floor: rpcs,
  better: "more",
  amounts: {
    full: { rounds: 3, count: 400_000, warmUp: 40_000, size: 32, window: 1000, connections: 1 },
    quick: { rounds: 1, count: 100_000, warmUp: 10_000, size: 32, window: 1000, connections: 1 },
    smoke: { rounds: 1, count: 2000, warmUp: 100, size: 32, window: 100, connections: 1 }
  },
  measure: Pair.measure("pipelined"),
  goals: [
    atLeastTimes(3, "at least 3x Effect RPC and grpc-js", { of: "effect-flowee, request", to: rpcs, key: "perSecond" })
  ],
  notes: []
}
