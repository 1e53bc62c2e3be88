/**
 * A peer that speaks in messages over a socket of its own: nothing of a connection is in between.
 */
import { Effect, Queue, Result } from "effect"
import type { Scope } from "effect"
import { NetAddress } from "effect/net"
import type * as Net from "node:net"
import * as P2PMessage from "../../src/domain/p2p/P2PMessage.ts"
import * as PacketReader from "../../src/domain/PacketReader.ts"
import * as PeerAddress from "../../src/domain/p2p/PeerAddress.ts"
import * as Legacy from "./legacy.ts"
import * as PlainSockets from "./plainSockets.ts"

export interface RawPeer {
  readonly socket: Net.Socket
  readonly send: <C extends P2PMessage.Command>(command: C, fields: P2PMessage.Fields<C>) => Effect.Effect<void>
  readonly sendBytes: (bytes: Uint8Array) => Effect.Effect<void>
  /** The next message that comes, but for those of commands that are not known here. */
  readonly next: Effect.Effect<P2PMessage.P2PMessage>
  /** The next message of a command. Others before it are passed over. */
  readonly take: <C extends P2PMessage.Command>(command: C) => Effect.Effect<P2PMessage.Of<C>>
  /** Says `version` and `verack`, waits for both, and gives the `version` of the other side. */
  readonly handshake: Effect.Effect<P2PMessage.Of<"version">>
}

/** What a peer says that has all services. */
export const version: P2PMessage.Fields<"version"> = {
  protocol: 70_015,
  services: 5n,
  time: 1_700_000_000n,
  receiver: PeerAddress.unknown,
  sender: PeerAddress.unknown,
  nonce: 0x0102_0304_0506_0708n,
  userAgent: "/raw peer/",
  startHeight: 0,
  relay: true
}

export const fromSocket = (socket: Net.Socket): Effect.Effect<RawPeer> =>
  Effect.gen(function*() {
    const messages = yield* Queue.unbounded<P2PMessage.P2PMessage>()
    const reader = PacketReader.make(Legacy.envelope)
    socket.on("data", (data) => {
      for (const message of Result.getOrThrow(reader.push(data as Buffer))) {
        const known = Result.getOrThrow(P2PMessage.fromMessage(message))
        if (known !== undefined) Queue.offerUnsafe(messages, known)
      }
    })
    socket.on("end", () => socket.end())
    socket.resume()
    const sendBytes = (bytes: Uint8Array) => Effect.sync(() => void socket.write(bytes))
    const next = Effect.orDie(Effect.timeout(Queue.take(messages), "10 seconds"))
    const take = <C extends P2PMessage.Command>(command: C) =>
      Effect.repeat(next, { until: (message): message is P2PMessage.Of<C> => message._tag === command })
    const send: RawPeer["send"] = (command, fields) =>
      sendBytes(Legacy.encode(Result.getOrThrow(P2PMessage.toMessage(P2PMessage.make(command, fields)))))
    const handshake = Effect.gen(function*() {
      yield* send("version", version)
      const theirs = yield* take("version")
      yield* send("verack", {})
      yield* take("verack")
      return theirs
    })
    return { socket, send, sendBytes, next, take, handshake }
  })

/** Dials a port of this machine. */
export const connect = (port: number): Effect.Effect<RawPeer, never, Scope.Scope> =>
  Effect.flatMap(PlainSockets.plainSocket(NetAddress.inetAddressFromNativeUnsafe("127.0.0.1", port)), fromSocket)
