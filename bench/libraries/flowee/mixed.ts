/**
 * effect-flowee: urgent messages while the normal lane is kept full of large ones.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Message from "../../../src/domain/Message.ts"
import type { ClientModule } from "../../harness/library.ts"
import * as Measure from "../../harness/measure.ts"
import { overConnection } from "./client.ts"
import type { Exchange } from "./exchanges.ts"
import { Id, serviceId } from "./protocol.ts"

/** From one urgent message to the next. */
const interval = Duration.millis(5)

const mixed: Exchange = Effect.fnUntraced(function*(connection, { count, size, warmUp }) {
  const times: Array<number> = []
  const underWay: Array<number> = []
  let received = 0
  yield* Effect.forkScoped(connection.handle(({ messageId }) => {
    if (messageId === Id.received) received += 1
    else times.push((performance.now() - underWay.shift()!) * 1000)
  }))
  const large = Message.make({ serviceId, messageId: Id.bulk, body: new Uint8Array(size) })
  yield* Effect.forkScoped(Effect.forever(connection.send(large)))

  const urgent = Message.make({ serviceId, messageId: Id.echo, body: new Uint8Array(32) })
  const sendUrgent = Effect.suspend(() => {
    underWay.push(performance.now())
    return connection.send(urgent, { priority: "high" })
  })
  const seconds = Measure.stopwatch()
  const total = warmUp + count
  yield* Effect.repeat(sendUrgent, Schedule.fixed(interval).pipe(Schedule.upTo({ times: total - 1 })))
  yield* Effect.repeat(Effect.sleep(interval), { until: () => times.length === total })
  return {
    ...Measure.quantiles(Float64Array.from(times.slice(warmUp))),
    count,
    size,
    megabytesPerSecond: received * size / seconds() / 1_000_000
  }
})

export const workloads: ClientModule["workloads"] = {
  mixed: (options) => Effect.runPromise(overConnection(mixed, options.port, options))
}
