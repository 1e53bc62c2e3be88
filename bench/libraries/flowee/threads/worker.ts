/**
 * effect-flowee: one serving thread. It listens on the port that all of them share, and hashes for each message.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Scope from "effect/Scope"
import * as Crypto from "node:crypto"
import { parentPort, workerData } from "node:worker_threads"
import * as Message from "../../../../src/domain/Message.ts"
import * as NodeNetwork from "../../../../src/layers/NodeNetwork.ts"
import * as NodeTransport from "../../../../src/layers/NodeTransport.ts"
import * as NetworkManager from "../../../../src/services/NetworkManager.ts"
import { portOf } from "../protocol.ts"

const { port, workBytes } = workerData as { readonly port: number; readonly workBytes: number }

const work = new Uint8Array(workBytes)

const serve = Effect.gen(function*() {
  const transport = yield* NodeTransport.make({ reusePort: true })
  const manager = yield* NetworkManager.NetworkManager
  return yield* manager.bind(`127.0.0.1:${port}`, {
    transport,
    onConnection: (connection) =>
      connection.handle((message) => {
        const hash = Crypto.hash("sha256", work, "buffer")
        return connection.send(Message.reply(message, { body: hash }))
      })
  })
})

const runtime = ManagedRuntime.make(Layer.fresh(NodeNetwork.layer()))
const listener = await runtime.runPromise(Scope.provide(serve, runtime.scope))
parentPort!.postMessage(portOf(listener))
