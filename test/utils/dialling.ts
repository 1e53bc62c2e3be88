/**
 * What the tests of dialled connections have in common: a server that speaks in raw bytes, and a record of what a
 * handle tells.
 */
import { Array as Arr, Clock, Effect, Queue, Stream } from "effect"
import { NetAddress } from "effect/net"
import * as Message from "../../src/domain/Message.ts"
import type * as Connection from "../../src/services/Connection.ts"
import type * as ConnectionState from "../../src/services/ConnectionState.ts"
import type * as DisconnectReason from "../../src/services/DisconnectReason.ts"
import type * as NetworkManager from "../../src/services/NetworkManager.ts"
import * as ReconnectPolicy from "../../src/services/ReconnectPolicy.ts"
import * as Native from "./native.ts"
import { type Bed, type HostOptions, type RawPeer, settle } from "./network.ts"

export const clientHost = "10.0.0.7"

export const server = "10.0.0.9:1235"

/** Hands over those who dial, in order. */
export interface Server {
  readonly accept: Effect.Effect<RawPeer>
  /** How many have dialled. */
  readonly count: () => number
}

export const serve = (bed: Bed, on: string = server): Effect.Effect<Server> =>
  Effect.gen(function*() {
    const newcomers = yield* Queue.unbounded<RawPeer>()
    let count = 0
    yield* bed.listen(on, (peer) => {
      count += 1
      Queue.offerUnsafe(newcomers, peer)
    })
    return { accept: Queue.take(newcomers), count: () => count }
  })

/** Listens, and does the same with each one who dials. */
export const serveEach = (
  bed: Bed,
  each: (peer: RawPeer) => Effect.Effect<unknown>,
  on: string = server
): Effect.Effect<Server> =>
  Effect.gen(function*() {
    const { accept, count } = yield* serve(bed, on)
    yield* Effect.forkChild(Effect.forever(Effect.flatMap(accept, each)), { startImmediately: true })
    return { accept, count }
  })

/** A handle of a manager of its own, with the reference's delays to the second. */
export const dial = (
  bed: Bed,
  options: NetworkManager.ConnectOptions = {},
  hostOptions: HostOptions = {}
) =>
  Effect.flatMap(
    bed.host(clientHost, hostOptions),
    ({ manager }) => Effect.orDie(manager.connect(server, { reconnect: ReconnectPolicy.reference, ...options }))
  )

/** A handle on a connection to a name. */
export const dialName = (bed: Bed, name = "hub.example:1235") =>
  Effect.flatMap(
    bed.host(clientHost),
    ({ manager }) => Effect.orDie(manager.connect(name, { reconnect: ReconnectPolicy.reference }))
  )

/** A handle whose connection is up, and the other end. */
export const dialPair = (bed: Bed, options?: NetworkManager.ConnectOptions, hostOptions?: HostOptions) =>
  Effect.gen(function*() {
    const { accept, count } = yield* serve(bed)
    const connection = yield* dial(bed, options, hostOptions)
    const peer = yield* accept
    yield* settle
    return { connection, peer, accept, count }
  })

// ---------------------------------------------------------------------------------------------------------------------
// what a handle tells
// ---------------------------------------------------------------------------------------------------------------------

export const showReason = (reason: DisconnectReason.DisconnectReason): string => {
  switch (reason._tag) {
    case "TransportError":
      return reason.problem
    case "WireError":
      return reason.reason._tag
    case "PeerUnresponsive":
      return `no ${reason.missing}`
    default:
      return reason._tag
  }
}

export const showState = (state: ConnectionState.ConnectionState): string => {
  switch (state._tag) {
    case "Connecting":
      return `connecting ${state.attempt}`
    case "LoggingIn":
      return "logging in"
    case "Connected":
      return `connected to ${NetAddress.formatSocketAddress(state.remoteAddress)}`
    case "Waiting":
      return `waiting after ${state.failures} until ${state.retryAt}: ${showReason(state.reason)}`
    case "Closed":
      return `closed: ${showReason(state.reason)}`
  }
}

export const showEvent = (event: ConnectionState.ConnectionEvent): string => {
  switch (event._tag) {
    case "Connected":
      return `${event.endPoint} connected to ${NetAddress.formatSocketAddress(event.remoteAddress)}`
    case "Disconnected":
      return `${event.endPoint} disconnected: ${showReason(event.reason)}`
    case "Failed":
      return `${event.endPoint} failed until ${event.retryAt}: ${showReason(event.reason)}`
  }
}

export const stateOf = (connection: Connection.Connection) => Effect.map(connection.state, showState)

const record = <A>(stream: Stream.Stream<A>, show: (a: A) => string) =>
  Effect.gen(function*() {
    const seen: Array<string> = []
    yield* Effect.forkChild(
      Effect.andThen(
        Stream.runForEach(stream, (a) =>
          Effect.map(Clock.currentTimeMillis, (now) => {
            seen.push(`${now} ${show(a)}`)
          })),
        Effect.sync(() => seen.push("end"))
      ),
      { startImmediately: true }
    )
    return seen
  })

/** The states from now on, each behind the time in milliseconds. */
export const recordStates = (connection: Connection.Connection) => record(connection.changes, showState)

/** The events from now on, each behind the time in milliseconds. */
export const recordEvents = (connection: Connection.Connection) => record(connection.events, showEvent)

/** When each attempt began, in milliseconds. */
export const recordAttempts = (connection: Connection.Connection) =>
  Effect.gen(function*() {
    const times: Array<number> = []
    yield* Effect.forkChild(
      Stream.runForEach(connection.changes, (state) =>
        Effect.sync(() => {
          if (state._tag === "Connecting") times.push(state.since)
        })),
      { startImmediately: true }
    )
    return times
  })

// ---------------------------------------------------------------------------------------------------------------------
// messages
// ---------------------------------------------------------------------------------------------------------------------

/** A message of service 7, with a body that tells it from others. */
export const numbered = (messageId: number, bodyLength = 4): Message.Message =>
  Message.make({
    serviceId: 7,
    messageId,
    body: Uint8Array.from({ length: bodyLength }, (_, i) => (i * 31 + messageId * 7) & 255)
  })

export const numberedAll = (count: number, bodyLength?: number, from = 0): Array<Message.Message> =>
  Arr.makeBy(count, (i) => numbered(from + i, bodyLength))

/** The messages in bytes from the beginning of a connection; pings and pongs are left out. */
export const decode = (bytes: Uint8Array | string): ReadonlyArray<Message.Message> =>
  Native.receive(typeof bytes === "string" ? Native.fromHex(bytes) : bytes, Native.whole, { keep: true }).messages

export const idsOf = (messages: ReadonlyArray<Message.Message>): Array<number> =>
  messages.map((message) => message.messageId)

/** The ids of all messages that a peer has received and that nobody has asked for. */
export const receivedIds = (peer: RawPeer): Effect.Effect<Array<number>> =>
  Effect.map(peer.rest, (hex) => idsOf(decode(hex)))

/** Checks that messages are the numbered ones, body and all. */
export const isIntact = (message: Message.Message): boolean =>
  Native.toHex(message.body) === Native.toHex(numbered(message.messageId, message.bodyLength).body)
