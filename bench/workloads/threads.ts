/**
 * Handlers that work, on one and on two serving threads.
 */
import { Effect } from "effect"
import * as Crypto from "node:crypto"
import { performance } from "node:perf_hooks"
import { atLeastTimes } from "../harness/goals.ts"
import * as Pair from "../harness/pair.ts"
import type { Amounts, Contestant, Workload } from "../harness/workload.ts"
import { flowee } from "./contestants.ts"

const one = "effect-flowee, 1 thread"
const two = "effect-flowee, 2 threads"

const contestant = {
  ...flowee,
  server: "libraries/flowee/threads/server.ts",
  client: "libraries/flowee/threads/client.ts"
}

const hashMillis = (bytes: Uint8Array): number => {
  const start = performance.now()
  Crypto.hash("sha256", bytes, "buffer")
  return performance.now() - start
}

let known: number | undefined

/** How many bytes this machine hashes in 200 us. The same work for everybody, however busy the machine is later on. */
const workBytes = (): number => {
  if (known !== undefined) return known
  const sample = new Uint8Array(262_144)
  const least = Math.min(...Array.from({ length: 100 }, () => hashMillis(sample)))
  return known = Math.round(sample.length * 0.2 / least)
}

const measure = (contestant: Contestant, amounts: Amounts) =>
  Effect.suspend(() =>
    Pair.measure("threads")({ ...contestant, extra: { ...contestant.extra, workBytes: workBytes() } }, amounts)
  )

const amounts = (rounds: number, connections: number, seconds: number): Amounts => ({
  rounds,
  count: 0,
  warmUp: 0,
  size: 32,
  window: 16,
  connections,
  extra: { seconds }
})

export const threads: Workload = {
  name: "threads",
  what: "Handlers that hash for 200 µs per message, asked over 32 connections.",
  columns: [
    { key: "perSecond", label: "messages", format: "rate" },
    { key: "count", label: "answered", format: "count" }
  ],
  contestants: [
    { ...contestant, label: one, extra: { threads: 1 } },
    { ...contestant, label: two, extra: { threads: 2 } }
  ],
  floor: [one],
  better: "more",
  amounts: { full: amounts(3, 32, 2), quick: amounts(1, 32, 1), smoke: amounts(1, 4, 0.1) },
  measure,
  goals: [atLeastTimes(1.8, "2 threads: at least 1.8x", { of: two, to: [one], key: "perSecond" })],
  notes: ["Served by `NodeServing`: each thread builds the same Layer, and all listen on one port."]
}
