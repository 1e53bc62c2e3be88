/**
 * effect-flowee: what a long flood leaves in memory.
 */
import * as Effect from "effect/Effect"
import type { ClientModule } from "../../harness/library.ts"
import * as Measure from "../../harness/measure.ts"
import { overConnection } from "./client.ts"
import { makeFlood } from "./exchanges.ts"

export const workloads: ClientModule["workloads"] = {
  memory: (options, { checkpoint }) =>
    Effect.runPromise(overConnection(
      (connection) =>
        Effect.gen(function*() {
          const send = yield* makeFlood(connection, options)
          yield* send(options.warmUp)
          yield* Effect.promise(() => checkpoint("before"))
          const seconds = Measure.stopwatch()
          yield* send(options.count - options.warmUp)
          const measured = Measure.rates(options.count - options.warmUp, options.size, seconds())
          yield* Effect.promise(() => checkpoint("after"))
          return measured
        }),
      options.port,
      options
    ))
}
