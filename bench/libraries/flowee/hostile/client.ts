/**
 * effect-flowee: an honest peer that makes a round trip every 5 ms.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Message from "../../../../src/domain/Message.ts"
import * as NodeCookieFile from "../../../../src/layers/NodeCookieFile.ts"
import * as NodeNetwork from "../../../../src/layers/NodeNetwork.ts"
import * as CookieFile from "../../../../src/services/CookieFile.ts"
import * as NetworkManager from "../../../../src/services/NetworkManager.ts"
import type { ClientModule, ClientOptions } from "../../../harness/library.ts"
import * as Measure from "../../../harness/measure.ts"
import { Id, serviceId } from "../protocol.ts"

/** From one message to the next. */
const interval = Duration.millis(5)

const trips = ({ count, extra, port, size, warmUp }: ClientOptions, checkpoint: (name: string) => Promise<void>) =>
  Effect.gen(function*() {
    const manager = yield* NetworkManager.NetworkManager
    const login = extra["cookie"] === undefined ? undefined : yield* CookieFile.CookieFile
    const connection = yield* manager.connect(`127.0.0.1:${port}`, { login })
    yield* connection.connected
    const times: Array<number> = []
    const underWay: Array<number> = []
    yield* Effect.forkScoped(
      connection.handle(() => {
        times.push((performance.now() - underWay.shift()!) * 1000)
      }),
      { startImmediately: true }
    )
    const message = Message.make({ serviceId, messageId: Id.echo, body: new Uint8Array(size) })
    const send = Effect.suspend(() => {
      underWay.push(performance.now())
      return connection.send(message)
    })
    const run = (count: number) =>
      Effect.gen(function*() {
        times.length = 0
        // A late answer does not delay the next question.
        yield* Effect.repeat(send, Schedule.fixed(interval).pipe(Schedule.upTo({ times: count - 1 })))
        yield* Effect.repeat(Effect.sleep(interval), { until: () => times.length === count })
        return Float64Array.from(times)
      })
    yield* run(warmUp)
    yield* Effect.promise(() => checkpoint("warm"))
    const measured = yield* run(count)
    return { ...Measure.quantiles(measured), max: Math.max(...measured), count, size }
  }).pipe(Effect.scoped, Effect.provide([NodeNetwork.layer(), NodeCookieFile.layer({ path: String(extra["cookie"]) })]))

export const workloads: ClientModule["workloads"] = {
  hostile: (options, { checkpoint }) => Effect.runPromise(trips(options, checkpoint))
}
