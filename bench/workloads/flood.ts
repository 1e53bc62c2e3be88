/**
 * Many small messages in one direction.
 */
import { atLeastTimes } from "../harness/goals.ts"
import * as Pair from "../harness/pair.ts"
import type { Workload } from "../harness/workload.ts"
import { effectRpc, flowee, grpc, nats, ws, zeromq } from "./contestants.ts"

const batch = "effect-flowee, batches"
const effect = "effect-flowee, an Effect per message"
const peers = [ws.label, zeromq.label, nats.label, "grpc-js stream", "Effect RPC calls"]

export const flood: Workload = {
  name: "flood",
  what: "Messages of 32 bytes over one connection in one direction. The receiver acknowledges each 1000th; " +
    "at most 8000 are outstanding.",
  columns: [
    { key: "perSecond", label: "messages", format: "rate" },
    { key: "count", label: "sent", format: "count" }
  ],
  contestants: [
    { ...flowee, label: batch, extra: { form: "plain" } },
    { ...flowee, label: effect, run: "flood-effect", extra: { form: "effect" } },
    { ...ws, share: 0.4 },
    { ...zeromq, share: 0.2 },
    { ...nats, share: 0.4 },
    { ...grpc, label: "grpc-js stream", share: 0.05 },
    { ...effectRpc, label: "Effect RPC calls", share: 0.025 },
    { ...effectRpc, label: "Effect RPC stream", run: "flood-stream" }
  ],
  floor: peers,
  better: "more",
  amounts: {
    full: { rounds: 3, count: 2_000_000, warmUp: 1_000_000, size: 32, window: 8000, connections: 1 },
    quick: { rounds: 1, count: 400_000, warmUp: 80_000, size: 32, window: 8000, connections: 1 },
    smoke: { rounds: 1, count: 20_000, warmUp: 1000, size: 32, window: 8000, connections: 1 }
  },
  measure: Pair.measure("flood"),
  goals: [
    atLeastTimes(8, "batches: at least 8x the best peer", { of: batch, to: peers, key: "perSecond" }),
    atLeastTimes(2, "an Effect per message: at least 2x the best peer", { of: effect, to: peers, key: "perSecond" })
  ],
  notes: [
    "Slower libraries send fewer messages, so that all take about as long.",
    "Each sends the same body again and again; effect-flowee in batches the same message, and with an Effect per message " +
    "a new one each time.",
    "A call of Effect RPC has one payload and is acknowledged by itself (`discard`).",
    "An Effect RPC stream sends values in frames of 1000, from the server to the client. Such values are no messages: " +
    "they cannot be addressed, answered or sent one by one. The row is shown since it is the fastest way to move them, " +
    "and is not among the peers."
  ]
}
