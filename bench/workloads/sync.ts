/**
 * How fast a node that has nothing gets the headers of a chain from a peer.
 */
import { atLeastTimes } from "../harness/goals.ts"
import * as Pair from "../harness/pair.ts"
import type { Amounts, Contestant, Workload } from "../harness/workload.ts"

const server = "libraries/peer/server.ts"

const flowee = (label: string, store: "file" | "memory"): Contestant => ({
  label,
  library: "flowee",
  server,
  client: "libraries/flowee/sync.ts",
  extra: { store }
})

const bcash = (label: string, until: "headers" | "chain"): Contestant => ({
  label,
  library: "bcash",
  server,
  client: "libraries/bcash/sync.ts",
  extra: { until }
})

const file = flowee("effect-flowee, in a file", "file")
const memory = flowee("effect-flowee, in memory", "memory")
const headersOnly = bcash("bcash, headers only", "headers")
const chain: Contestant = { ...bcash("bcash, SPV chain in memory", "chain"), share: 0.1 }

const amounts = (rounds: number, count: number): Amounts => ({
  rounds,
  count,
  warmUp: 0,
  size: 80,
  window: 1,
  connections: 1,
  extra: { height: count }
})

export const sync: Workload = {
  name: "sync",
  what:
    "A node with nothing but the genesis block fetches 100,000 headers of regtest from a peer that has them ready, " +
    "in batches of 2000: from its start until it knows that there are no more.",
  columns: [
    { key: "perSecond", label: "headers", format: "rate" },
    { key: "seconds", label: "they took", format: "seconds" }
  ],
  contestants: [file, memory, headersOnly, chain],
  floor: [headersOnly.label],
  better: "more",
  amounts: {
    full: amounts(5, 100_000),
    quick: amounts(1, 100_000),
    smoke: amounts(1, 5000)
  },
  measure: Pair.measure("sync"),
  goals: [
    atLeastTimes(1, "in a file, at least as fast as bcash is with headers that it keeps nowhere", {
      of: file.label,
      to: [headersOnly.label],
      key: "perSecond"
    })
  ],
  notes: [
    "Nothing is warmed up, since a node syncs once in its life. The modules are loaded before the seconds begin.",
    "effect-flowee checks every rule, keeps an index, and in a file each batch is synced before it counts.",
    "bcash, headers only: it is told of a checkpoint far above, up to which it asks for headers. It checks their proof " +
    "of work and that they follow each other, nothing else, and puts their hashes into a list.",
    "bcash, SPV chain: what its SPV node does by itself on regtest, where there are no checkpoints. It asks for hashes " +
    "of blocks, then for each block as a merkle block, and keeps the header in its database in memory. It fetches a " +
    "tenth of the headers.",
    "bcash runs without its native parts; its hash is that of node:crypto, as ours is."
  ]
}
