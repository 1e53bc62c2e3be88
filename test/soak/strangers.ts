/**
 * Sockets of those who do not play by the rules. They have addresses of their own within loopback, so that no client
 * is punished for them.
 */
import { Effect } from "effect"
import * as Net from "node:net"
import * as Message from "../../src/domain/Message.ts"
import * as Native from "../utils/native.ts"
import * as Protocol from "./protocol.ts"

/** Connects, says something, and stays for a while without reading. */
const visit = (port: number, localAddress: string, bytes: Uint8Array, millis: number): Effect.Effect<void> =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const socket = Net.connect({ host: "127.0.0.1", port, localAddress })
      socket.on("error", () => {})
      socket.pause()
      socket.write(bytes)
      return socket
    }),
    () => Effect.sleep(millis),
    (socket) => Effect.sync(() => socket.destroy())
  )

const repeated = (bytes: Uint8Array, times: number): Uint8Array =>
  Native.concat(Array.from({ length: times }, () => bytes))

/** Questions with 8 KB in each, whose answers nobody reads. */
const questions = repeated(
  Native.encode(
    Message.make({ serviceId: Protocol.serviceId, messageId: Protocol.Id.echo, body: new Uint8Array(8000) })
  ),
  500
)

export const malformed = (port: number): Effect.Effect<void> =>
  visit(port, "127.0.0.2", new Uint8Array(4000).fill(7), 100)

export const halfPacket = (port: number, millis: number): Effect.Effect<void> =>
  visit(port, "127.0.0.3", Native.encode(Protocol.die).subarray(0, 5), millis)

export const deaf = (port: number, millis: number): Effect.Effect<void> => visit(port, "127.0.0.4", questions, millis)

/** Ends the serving thread that it comes to. */
export const killer = (port: number): Effect.Effect<void> => visit(port, "127.0.0.5", Native.encode(Protocol.die), 200)
