/**
 * effect-flowee: sends blocks to whoever says something.
 */
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Scope from "effect/Scope"
import * as LegacyEnvelope from "../../../../src/domain/LegacyEnvelope.ts"
import * as NodeNetwork from "../../../../src/layers/NodeNetwork.ts"
import type * as Connection from "../../../../src/services/Connection.ts"
import * as NetworkManager from "../../../../src/services/NetworkManager.ts"
import type { ServerModule } from "../../../harness/library.ts"
import { portOf } from "../protocol.ts"
import * as Envelope from "./envelope.ts"

export const serve: ServerModule["serve"] = async ({ extra, port, size }) => {
  const runtime = ManagedRuntime.make(NodeNetwork.layer())
  const block = LegacyEnvelope.message("block", new Uint8Array(size).fill(7))
  const count = Number(extra["blocks"])
  const onConnection = (connection: Connection.Connection) =>
    connection.handle(() => Effect.forkScoped(sendBlocks(connection))).pipe(Effect.scoped)
  const sendBlocks = (connection: Connection.Connection) =>
    Effect.gen(function*() {
      for (let i = 0; i < count; i++) yield* connection.send(block)
    })
  const listen = NetworkManager.NetworkManager.use((manager) =>
    manager.bind(`127.0.0.1:${port}`, { onConnection, envelope: Envelope.sending() })
  )
  const listener = await runtime.runPromise(Scope.provide(listen, runtime.scope))
  return { port: portOf(listener), close: () => runtime.dispose() }
}
