/**
 * Effect RPC over a TCP socket: the server.
 */
import * as NodeSocketServer from "@effect/platform-node/NodeSocketServer"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as RpcServer from "effect/rpc/RpcServer"
import * as SocketServer from "effect/socket/SocketServer"
import * as Stream from "effect/Stream"
import type { ServerModule } from "../../harness/library.ts"
import { Calls, serialization } from "./group.ts"

/** Values that leave in one frame of a stream. */
const pieceSize = 1000

const handlers = Calls.toLayer({
  Echo: ({ body }) => Effect.succeed(body),
  Count: () => Effect.void,
  Values: ({ count, size }) => {
    const piece = Array.from({ length: pieceSize }, () => new Uint8Array(size).fill(7))
    return Stream.range(1, count / pieceSize).pipe(Stream.flatMap(() => Stream.fromArray(piece)))
  }
})

export const serve: ServerModule["serve"] = async ({ port }) => {
  const layer = RpcServer.layer(Calls).pipe(
    Layer.provide(handlers),
    Layer.provide(RpcServer.layerProtocolSocketServer),
    Layer.provide(serialization),
    Layer.provideMerge(NodeSocketServer.layer({ port, host: "127.0.0.1" }))
  )
  const runtime = ManagedRuntime.make(layer)
  const { address } = await runtime.runPromise(SocketServer.SocketServer)
  return { port: "port" in address ? address.port : 0, close: () => runtime.dispose() }
}
