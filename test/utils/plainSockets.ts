/**
 * Sockets of Node as they are, for the other side of a link.
 */
import { Effect } from "effect"
import type { Scope } from "effect"
import { NetAddress } from "effect/net"
import * as Net from "node:net"
import * as Links from "./links.ts"

/** A plain server; its sockets are given out as they come and destroyed with the scope. */
export const plainServer = Effect.gen(function*() {
  const sockets: Array<Net.Socket> = []
  let given = 0
  const server = yield* Effect.acquireRelease(
    Effect.sync(() =>
      Net.createServer({ pauseOnConnect: true }, (socket) => {
        socket.on("error", () => {})
        sockets.push(socket)
      })
    ),
    (server) =>
      Effect.sync(() => {
        server.close()
        for (const socket of sockets) socket.destroy()
      })
  )
  yield* Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void)))
  const { port } = server.address() as Net.AddressInfo
  const next = Effect.gen(function*() {
    while (sockets.length === given) yield* Effect.sleep("1 millis")
    return sockets[given++]!
  })
  return { address: NetAddress.inetAddressFromNativeUnsafe("127.0.0.1", port), next }
})

export const plainSocket = (address: NetAddress.SocketAddress): Effect.Effect<Net.Socket, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<Net.Socket>((resume) => {
      const socket = Net.connect({ host: "127.0.0.1", port: Links.portOf(address), allowHalfOpen: true })
      socket.on("error", () => {})
      socket.once("connect", () => resume(Effect.succeed(socket)))
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )

export const closeOf = (socket: Net.Socket): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (socket.closed) return resume(Effect.void)
    socket.once("close", () => resume(Effect.void))
  })
