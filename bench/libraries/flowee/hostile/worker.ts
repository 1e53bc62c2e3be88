/**
 * effect-flowee: the program of each serving thread. It tells how long its event loop was held up.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import process from "node:process"
import { BroadcastChannel } from "node:worker_threads"
import * as Protocol from "../protocol.ts"
import { LoopWatch } from "./loopWatch.ts"

/** The channel that the delays are told on. */
export const delays = "loop delays"

const tellDelays = Effect.gen(function*() {
  const channel = yield* Effect.acquireRelease(
    Effect.sync(() => new BroadcastChannel(delays)),
    (channel) => Effect.sync(() => channel.close())
  )
  const loop = new LoopWatch()
  yield* Effect.sync(() => channel.postMessage(loop.take())).pipe(
    Effect.repeat(Schedule.spaced("50 millis")),
    Effect.forkScoped
  )
})

export const layer = Layer.effectDiscard(
  Effect.andThen(tellDelays, Effect.suspend(() => Protocol.serve(Number(process.env["BENCH_PORT"]), "plain")))
)
