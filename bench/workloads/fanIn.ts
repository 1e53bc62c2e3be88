/**
 * Many connections to one server.
 */
import * as Pair from "../harness/pair.ts"
import type { Workload } from "../harness/workload.ts"
import { flowee, ws } from "./contestants.ts"

export const fanIn: Workload = {
  name: "fan-in",
  what: "1000 connections to one server, each of which sends 1000 messages of 32 bytes.",
  columns: [
    { key: "perSecond", label: "messages", format: "rate" },
    { key: "count", label: "sent", format: "count" }
  ],
  contestants: [{ ...flowee, client: "libraries/flowee/many.ts" }, ws],
  floor: [ws.label],
  better: "more",
  amounts: {
    full: { rounds: 3, count: 1000, warmUp: 0, size: 32, window: 1000, connections: 1000 },
    quick: { rounds: 1, count: 1000, warmUp: 0, size: 32, window: 1000, connections: 200 },
    smoke: { rounds: 1, count: 1000, warmUp: 0, size: 32, window: 1000, connections: 3 }
  },
  measure: Pair.measure("fan-in"),
  goals: [],
  notes: []
}
