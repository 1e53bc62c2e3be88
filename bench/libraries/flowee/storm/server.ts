/**
 * effect-flowee: notes which numbers of which client arrive.
 */
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Scope from "effect/Scope"
import * as Timers from "node:timers/promises"
import * as NodeNetwork from "../../../../src/layers/NodeNetwork.ts"
import type * as Connection from "../../../../src/services/Connection.ts"
import * as NetworkManager from "../../../../src/services/NetworkManager.ts"
import type { ServerModule } from "../../../harness/library.ts"
import { portOf } from "../protocol.ts"
import { Ledger } from "./ledger.ts"
import * as Protocol from "./protocol.ts"

export const serve: ServerModule["serve"] = async ({ extra, port }) => {
  const runtime = ManagedRuntime.make(NodeNetwork.layer({ maxConnections: 100_000 }))
  await runtime.runPromise(NetworkManager.NetworkManager)
  // A server that comes back does so at a given moment, however long it takes to start.
  await Timers.setTimeout(Math.max(0, Number(extra["notBefore"] ?? 0) - Date.now()))
  const ledger = new Ledger(String(extra["ledger"]), Number(extra["clients"]))
  const onConnection = (connection: Connection.Connection) =>
    connection.handle((message) => {
      const [client, number] = Protocol.readClient(message)
      if (message.messageId === Protocol.Id.ask) return connection.send(Protocol.told(message, ledger.entry(client)))
      ledger.note(client, number)
      return undefined
    })
  const listen = NetworkManager.NetworkManager.use((manager) => manager.bind(`127.0.0.1:${port}`, { onConnection }))
  const listener = await runtime.runPromise(Scope.provide(listen, runtime.scope))
  return { port: portOf(listener), close: () => runtime.dispose() }
}
