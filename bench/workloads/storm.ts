/**
 * A server dies under its clients, and comes back.
 */
import { Effect, Scope } from "effect"
import * as Path from "node:path"
import { atMost } from "../harness/goals.ts"
import * as Folder from "../harness/folder.ts"
import * as Pair from "../harness/pair.ts"
import * as Processes from "../harness/processes.ts"
import type { Amounts, Contestant, Sample, Workload } from "../harness/workload.ts"
import { flowee } from "./contestants.ts"

const contestant = {
  ...flowee,
  server: "libraries/flowee/storm/server.ts",
  client: "libraries/flowee/storm/client.ts"
}

const measure = (
  contestant: Contestant,
  amounts: Amounts
): Effect.Effect<Sample, Processes.BenchError, Scope.Scope> =>
  Effect.gen(function*() {
    const ledger = Path.join(yield* Folder.temporary, "ledger")
    const options = Pair.serverOptions(contestant, amounts, "storm")
    const extra = { ...options.extra, ledger, clients: amounts.connections }
    const server = yield* Processes.startServer(contestant.server, { ...options, extra })
    const client = yield* Processes.startClient(
      contestant.client,
      Pair.clientOptions(contestant, amounts, "storm", server.port)
    )
    let successor: Processes.Server | undefined
    const scope = yield* Effect.scope
    yield* client.atCheckpoints(() =>
      Effect.gen(function*() {
        yield* server.kill
        const notBefore = Date.now() + Number(amounts.extra?.["absentMillis"])
        successor = yield* Processes.startServer(contestant.server, {
          ...options,
          port: server.port,
          extra: { ...extra, notBefore }
        })
      }).pipe(Scope.provide(scope))
    )
    const report = yield* client.report
    const { usage } = yield* (successor ?? server).usage
    return { measured: report.measured, client: report.usage, server: usage }
  })

const extra = { absentMillis: 2000, steadyMillis: 1500 }

export const storm: Workload = {
  name: "storm",
  what: "A server is killed under 1000 clients that keep sending numbered messages, and comes back after 2 s.",
  columns: [
    { key: "allBackSeconds", label: "all are back after", format: "seconds" },
    { key: "halfBackSeconds", label: "half are back after", format: "seconds" },
    { key: "sent", label: "sent", format: "count" },
    { key: "lost", label: "lost with the socket", format: "count" },
    { key: "illicit", label: "lost otherwise", format: "count" },
    { key: "duplicates", label: "received twice", format: "count" }
  ],
  contestants: [contestant],
  floor: [],
  better: "less",
  amounts: {
    full: { rounds: 2, count: 0, warmUp: 0, size: 8, window: 1, connections: 1000, extra },
    quick: { rounds: 1, count: 0, warmUp: 0, size: 8, window: 1, connections: 200, extra },
    smoke: {
      rounds: 1,
      count: 0,
      warmUp: 0,
      size: 8,
      window: 1,
      connections: 5,
      extra: { absentMillis: 0, steadyMillis: 200, retryMillis: 100 }
    }
  },
  measure,
  goals: [
    atMost(3, "all are back within 3 s of the server", flowee.label, "allBackSeconds", "seconds"),
    atMost(0, "no message is missing that the contract does not let go", flowee.label, "illicit", "count")
  ],
  notes: [
    "The contract: what the operating system had taken when the server died may be lost with the socket, and nothing " +
    "else. The clients compare what is missing with what had been taken."
  ]
}
