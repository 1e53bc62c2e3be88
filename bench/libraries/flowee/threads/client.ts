/**
 * effect-flowee: keeps a server busy over many connections, and counts what comes back.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Message from "../../../../src/domain/Message.ts"
import * as NodeNetwork from "../../../../src/layers/NodeNetwork.ts"
import type { ClientModule, ClientOptions } from "../../../harness/library.ts"
import * as Measure from "../../../harness/measure.ts"
import { connectMany } from "../many.ts"
import { Id, serviceId } from "../protocol.ts"

const threads = ({ connections, extra, port, size, window }: ClientOptions) =>
  Effect.gen(function*() {
    const question = Message.make({ serviceId, messageId: Id.echo, body: new Uint8Array(size).fill(7) })
    let answered = 0
    for (const connection of yield* connectMany(port, connections)) {
      // As cheap as can be, since the client needs the same processor cores.
      const askAgain = () => {
        answered += 1
        return connection.sendUnsafe(question) === undefined ? undefined : connection.send(question)
      }
      yield* Effect.forkScoped(connection.handle(askAgain), { startImmediately: true })
      yield* connection.sendAll(Array.from({ length: window }, () => question))
    }
    // Which thread a connection is served by is chance: what counts is that each of them always has something to do.
    const duration = Duration.seconds(Number(extra["seconds"]))
    yield* Effect.sleep(Duration.times(duration, 1 / 4))
    const before = answered
    const seconds = Measure.stopwatch()
    yield* Effect.sleep(duration)
    return Measure.rates(answered - before, size, seconds())
  }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer({ drainTimeout: 0 })))

export const workloads: ClientModule["workloads"] = { threads: (options) => Effect.runPromise(threads(options)) }
