/**
 * The measurement that most workloads make: one server, one client, and what both have cost.
 */
import { Effect, type Scope } from "effect"
import type { ClientOptions, ServerOptions } from "./library.ts"
import * as Processes from "./processes.ts"
import type { Memory } from "./usage.ts"
import type { Amounts, Contestant, Sample } from "./workload.ts"

/** No measurement takes longer. */
const timeLimit = "2 minutes"

export const serverOptions = (contestant: Contestant, amounts: Amounts, workload: string): ServerOptions => ({
  port: 0,
  workload,
  size: amounts.size,
  extra: { ...amounts.extra, ...contestant.extra }
})

/** Counts of thousands stay whole thousands, which is what acknowledgements are for. */
const shared = (count: number, share: number): number => {
  const unit = count < 1000 ? 1 : 1000
  return Math.ceil(count * share / unit) * unit
}

export const clientOptions = (
  contestant: Contestant,
  amounts: Amounts,
  workload: string,
  port: number
): ClientOptions => ({
  port,
  workload: contestant.run ?? workload,
  count: shared(amounts.count, contestant.share ?? 1),
  warmUp: shared(amounts.warmUp, contestant.share ?? 1),
  size: amounts.size,
  window: amounts.window,
  connections: amounts.connections,
  extra: { ...amounts.extra, ...contestant.extra }
})

/** A measurement that takes too long has failed. */
export const withinTime = Effect.timeoutOrElse({
  duration: timeLimit,
  orElse: () => Effect.fail(new Processes.BenchError({ problem: `not done within ${timeLimit}` }))
}) as <A, R>(effect: Effect.Effect<A, Processes.BenchError, R>) => Effect.Effect<A, Processes.BenchError, R>

/** Starts a server and a client that knows where it is. */
const startPair = Effect.fnUntraced(function*(
  contestant: Contestant,
  amounts: Amounts,
  workload: string
) {
  const { placement } = contestant
  const server = yield* Processes.startServer(
    contestant.server,
    serverOptions(contestant, amounts, workload),
    placement
  )
  const options = clientOptions(contestant, amounts, workload, server.port)
  const client = yield* Processes.startClient(contestant.client, options, placement)
  return { client, server }
})

/** Runs a client against a server. */
export const measure =
  (workload: string) =>
  (contestant: Contestant, amounts: Amounts): Effect.Effect<Sample, Processes.BenchError, Scope.Scope> =>
    withinTime(Effect.gen(function*() {
      const { client, server } = yield* startPair(contestant, amounts, workload)
      const report = yield* client.report
      const { counts, usage } = yield* server.usage
      return { measured: { ...report.measured, ...counts }, client: report.usage, server: usage }
    }))

/** As `measure`, with a look at the memory of both sides before and after the client has done its work. */
export const measureMemory =
  (workload: string) =>
  (contestant: Contestant, amounts: Amounts): Effect.Effect<Sample, Processes.BenchError, Scope.Scope> =>
    withinTime(Effect.gen(function*() {
      const { client, server } = yield* startPair(contestant, amounts, workload)
      const seen = new Map<string, { readonly client: Memory; readonly server: Memory }>()
      yield* client.atCheckpoints((name) =>
        Effect.map(Effect.all({ client: client.memory, server: server.memory }), (memory) => seen.set(name, memory))
      )
      const report = yield* client.report
      const { usage } = yield* server.usage
      const before = seen.get("before")
      const after = seen.get("after")
      if (before === undefined || after === undefined) {
        return yield* new Processes.BenchError({ problem: "the client did not stop for a look at its memory" })
      }
      const grown = {
        clientBytes: after.client.rssBytes - before.client.rssBytes,
        serverBytes: after.server.rssBytes - before.server.rssBytes,
        clientUsedBytes: after.client.usedBytes - before.client.usedBytes,
        serverUsedBytes: after.server.usedBytes - before.server.usedBytes
      }
      return { measured: { ...report.measured, ...grown }, client: report.usage, server: usage }
    }))

/** As `measureMemory`, for each of the connections. */
export const measureEach =
  (workload: string) =>
  (contestant: Contestant, amounts: Amounts): Effect.Effect<Sample, Processes.BenchError, Scope.Scope> =>
    Effect.map(measureMemory(workload)(contestant, amounts), (sample) => {
      const each: Record<string, number> = {}
      for (const [name, bytes] of Object.entries(sample.measured)) {
        if (name.endsWith("Bytes")) each[`${name}Each`] = bytes / amounts.connections
      }
      return { ...sample, measured: { ...sample.measured, ...each } }
    })
