/**
 * effect-flowee: receives blocks, and watches how long the event loop is held up meanwhile.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { monitorEventLoopDelay } from "node:perf_hooks"
import * as LegacyEnvelope from "../../../../src/domain/LegacyEnvelope.ts"
import * as NodeNetwork from "../../../../src/layers/NodeNetwork.ts"
import * as NetworkManager from "../../../../src/services/NetworkManager.ts"
import type { ClientModule, ClientOptions } from "../../../harness/library.ts"
import * as Measure from "../../../harness/measure.ts"
import * as Envelope from "./envelope.ts"

/** The monitor is a timer of so many milliseconds: no delay that it tells is shorter. */
const resolution = 1

const loopDelay = ({ count, extra, port, size }: ClientOptions) =>
  Effect.gen(function*() {
    const manager = yield* NetworkManager.NetworkManager
    const deferAbove = extra["form"] === "threads" ? Number(extra["deferAbove"]) : Number.POSITIVE_INFINITY
    const connection = yield* manager.connect(`127.0.0.1:${port}`, { envelope: Envelope.receiving(deferAbove) })
    const complete = yield* Deferred.make<void>()
    let received = 0
    yield* Effect.forkScoped(connection.handle(() => {
      received += 1
      return received === count ? Deferred.succeed(complete, undefined) : undefined
    }))
    const monitor = monitorEventLoopDelay({ resolution })
    yield* connection.connected
    monitor.enable()
    const seconds = Measure.stopwatch()
    yield* connection.send(LegacyEnvelope.message("mempool"))
    yield* Deferred.await(complete)
    monitor.disable()
    return {
      ...Measure.rates(count, size, seconds()),
      // The monitor tells nanoseconds.
      p50: monitor.percentile(50) / 1000,
      p99: monitor.percentile(99) / 1000,
      max: monitor.max / 1000
    }
  }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer()))

export const workloads: ClientModule["workloads"] = { "loop-delay": (options) => Effect.runPromise(loopDelay(options)) }
