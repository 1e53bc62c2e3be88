/**
 * effect-flowee: the client of the benchmark protocol.
 */
import * as Effect from "effect/Effect"
import * as NodeNetwork from "../../../src/layers/NodeNetwork.ts"
import * as NetworkManager from "../../../src/services/NetworkManager.ts"
import type { ClientModule, Run } from "../../harness/library.ts"
import * as Exchanges from "./exchanges.ts"

/** Connects, and does one exchange. */
export const overConnection = (exchange: Exchanges.Exchange, port: number, options: Exchanges.Options) =>
  Effect.gen(function*() {
    const manager = yield* NetworkManager.NetworkManager
    const connection = yield* manager.connect(`127.0.0.1:${port}`)
    yield* connection.connected
    return yield* exchange(connection, options)
  }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer()))

const run = (exchange: Exchanges.Exchange): Run => (options) =>
  Effect.runPromise(overConnection(exchange, options.port, options))

export const workloads: ClientModule["workloads"] = {
  flood: run(Exchanges.flood),
  "flood-effect": run(Exchanges.floodEach),
  echo: run(Exchanges.echo),
  "echo-request": run(Exchanges.echoByRequest),
  pipelined: run(Exchanges.pipelined),
  bulk: run(Exchanges.bulk)
}
