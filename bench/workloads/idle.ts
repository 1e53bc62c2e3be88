/**
 * What a connection costs that does nothing.
 */
import { atMostAbove } from "../harness/goals.ts"
import * as Pair from "../harness/pair.ts"
import type { Workload } from "../harness/workload.ts"
import { flowee, net, ws } from "./contestants.ts"

const limit = 12_000

export const idle: Workload = {
  name: "idle",
  what: "10,000 connections that only ping: resident memory of each, after a collection, on both sides.",
  columns: [
    { key: "serverBytesEach", label: "server", format: "bytes" },
    { key: "clientBytesEach", label: "client", format: "bytes" },
    { key: "serverUsedBytesEach", label: "server, heap and buffers", format: "bytes" },
    { key: "clientUsedBytesEach", label: "client, heap and buffers", format: "bytes" }
  ],
  contestants: [net, { ...flowee, client: "libraries/flowee/many.ts" }, ws],
  floor: [net.label],
  better: "less",
  amounts: {
    full: { rounds: 1, count: 0, warmUp: 0, size: 1, window: 1, connections: 10_000, extra: { pingMillis: 1500 } },
    quick: { rounds: 1, count: 0, warmUp: 0, size: 1, window: 1, connections: 2000, extra: { pingMillis: 500 } },
    smoke: { rounds: 1, count: 0, warmUp: 0, size: 1, window: 1, connections: 10, extra: { pingMillis: 50 } }
  },
  measure: Pair.measureEach("idle"),
  goals: [
    atMostAbove(limit, "server: at most 12 KB above node:net", {
      of: flowee.label,
      floor: net.label,
      key: "serverBytesEach",
      format: "bytes"
    }),
    atMostAbove(limit, "client: at most 12 KB above node:net", {
      of: flowee.label,
      floor: net.label,
      key: "clientBytesEach",
      format: "bytes"
    })
  ],
  notes: ["Memory of the kernel for a socket is not counted."]
}
