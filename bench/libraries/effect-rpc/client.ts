/**
 * Effect RPC over a TCP socket: the client.
 */
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as RpcClient from "effect/rpc/RpcClient"
import * as Stream from "effect/Stream"
import type { ClientModule, ClientOptions, Measured, Run } from "../../harness/library.ts"
import * as Measure from "../../harness/measure.ts"
import { Calls, serialization } from "./group.ts"

const makeClient = RpcClient.make(Calls)

type Client = Effect.Success<typeof makeClient>

const withClient =
  (run: (client: Client, options: ClientOptions) => Effect.Effect<Measured, unknown>): Run => (options) =>
    Effect.flatMap(makeClient, (client) => run(client, options)).pipe(
      Effect.scoped,
      Effect.provide(
        RpcClient.layerProtocolSocket().pipe(
          Layer.provide(serialization),
          Layer.provide(NodeSocket.layerNet({ port: options.port, host: "127.0.0.1" }))
        )
      ),
      Effect.runPromise
    )

/** Runs so many effects of which a certain number is always under way. */
const keepBusy = <E>(count: number, window: number, effect: Effect.Effect<unknown, E>) =>
  Effect.suspend(() => {
    let started = 0
    const one = Effect.suspend(() => {
      started += 1
      return effect
    })
    const many = Effect.whileLoop({ while: () => started < count, body: () => one, step: () => {} })
    return Effect.all(Array.from({ length: window }, () => many), { concurrency: "unbounded", discard: true })
  })

const measureCalls = (call: (client: Client, body: Uint8Array<ArrayBuffer>) => Effect.Effect<unknown, unknown>) =>
  withClient((client, { count, size, warmUp, window }) =>
    Effect.gen(function*() {
      const one = call(client, new Uint8Array(size).fill(7))
      yield* keepBusy(warmUp, window, one)
      const seconds = Measure.stopwatch()
      yield* keepBusy(count, window, one)
      return Measure.rates(count, size, seconds())
    })
  )

/** One direction: a call for each message, and nobody waits for a result. */
const flood = measureCalls((client, body) => client.Count({ body }, { discard: true }))

const pipelined = measureCalls((client, body) => client.Echo({ body }))

/** One direction: values of a stream. */
const floodStream = withClient((client, { count, size, warmUp }) =>
  Effect.gen(function*() {
    yield* Stream.runDrain(client.Values({ count: warmUp, size }))
    const seconds = Measure.stopwatch()
    yield* Stream.runDrain(client.Values({ count, size }))
    return Measure.rates(count, size, seconds())
  })
)

const echo = withClient((client, { count, size, warmUp }) =>
  Effect.gen(function*() {
    const body = new Uint8Array(size).fill(7)
    for (let i = 0; i < warmUp; i++) yield* client.Echo({ body })
    const times = new Float64Array(count)
    const seconds = Measure.stopwatch()
    for (let i = 0; i < count; i++) {
      const start = performance.now()
      yield* client.Echo({ body })
      times[i] = (performance.now() - start) * 1000
    }
    return { ...Measure.rates(count, size, seconds()), ...Measure.quantiles(times) }
  })
)

export const workloads: ClientModule["workloads"] = { flood, "flood-stream": floodStream, echo, pipelined }
