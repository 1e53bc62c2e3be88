/**
 * The measurement of what one process does by itself.
 */
import { Effect, type Scope } from "effect"
import * as Pair from "./pair.ts"
import * as Processes from "./processes.ts"
import type { Amounts, Contestant, Sample } from "./workload.ts"

/** Runs a client that needs no server. */
export const measure =
  (workload: string) =>
  (contestant: Contestant, amounts: Amounts): Effect.Effect<Sample, Processes.BenchError, Scope.Scope> =>
    Pair.withinTime(Effect.gen(function*() {
      const options = Pair.clientOptions(contestant, amounts, workload, 0)
      const client = yield* Processes.startClient(contestant.client, options, contestant.placement)
      const { measured, usage } = yield* client.report
      return { measured, client: usage, server: undefined }
    }))
