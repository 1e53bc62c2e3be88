/**
 * Hubs for the tests of clients, in a memory network: one that answers what was recorded, and one that says what a test
 * tells it to.
 */
import { Effect, type Scope } from "effect"
import * as Header from "../../src/domain/Header.ts"
import * as Message from "../../src/domain/Message.ts"
import type * as Connection from "../../src/services/Connection.ts"
import * as HubClient from "../../src/services/hub/HubClient.ts"
import * as NetworkManager from "../../src/services/NetworkManager.ts"
import * as ReconnectPolicy from "../../src/services/ReconnectPolicy.ts"
import { frames } from "./hubTrace.ts"
import * as Native from "./native.ts"
import type { Bed, Host } from "./network.ts"

export const hubHost = "10.0.0.9"
export const clientHost = "10.0.0.7"
export const endPoint = `${hubHost}:1235`

/** Says what is sent in answer to a request: nothing, or messages in order. */
export type Answer = (request: Message.Message, connection: Connection.Connection) => ReadonlyArray<Message.Message>

export interface FakeHub {
  readonly host: Host
  /** All messages that came, in order. */
  readonly requests: Array<Message.Message>
  /** Their ids, such as `18/0`, since the last time this was asked. */
  readonly heard: () => ReadonlyArray<string>
  /** Who is connected now. */
  readonly connections: Effect.Effect<ReadonlyArray<Connection.Connection>>
  /** Sends to all who are connected. */
  readonly push: (...messages: ReadonlyArray<Message.Message>) => Effect.Effect<void>
}

export const idOf = ({ messageId, serviceId }: Message.Message): string => `${serviceId}/${messageId}`

/** Starts a Hub that answers as it is told. */
export const start = Effect.fnUntraced(function*(
  bed: Bed,
  answer: Answer,
  options: NetworkManager.BindOptions<never, never> = {}
) {
  const host = yield* bed.host(hubHost)
  const requests: Array<Message.Message> = []
  let told = 0
  const listener = yield* host.manager.bind(endPoint, {
    limitRate: false,
    ...options,
    onConnection: (connection) =>
      connection.handle((request) => {
        requests.push(Message.keep(request))
        return connection.sendAll(answer(request, connection))
      })
  })
  const hub: FakeHub = {
    host,
    requests,
    heard: () => requests.slice(told, told = requests.length).map(idOf),
    connections: listener.connections,
    push: (...messages) =>
      Effect.flatMap(
        listener.connections,
        (all) => Effect.forEach(all, (connection) => Effect.ignore(connection.sendAll(messages)), { discard: true })
      )
  }
  return hub
}, Effect.orDie)

/** A client on a host of its own, with the reference's delays to the second. */
export const client = (
  bed: Bed,
  options: Partial<HubClient.Options> = {}
): Effect.Effect<HubClient.HubClient["Service"], never, Scope.Scope> =>
  Effect.flatMap(bed.host(clientHost), (host) => clientOn(host, options))

/** Another client on a host. */
export const clientOn = (
  host: Host,
  options: Partial<HubClient.Options> = {}
): Effect.Effect<HubClient.HubClient["Service"], never, Scope.Scope> =>
  HubClient.make({ endPoint, reconnect: ReconnectPolicy.reference, ...options }).pipe(
    Effect.provideService(NetworkManager.NetworkManager, host.manager),
    Effect.orDie
  )

// ---------------------------------------------------------------------------------------------------------------------
// the recorded Hub
// ---------------------------------------------------------------------------------------------------------------------

/** What came after a request, and whether it is its answer. */
interface Recorded {
  readonly message: Message.Message
  readonly isReply: boolean
}

const keyOf = (message: Message.Message): string =>
  `${idOf(message)} ${Header.get(message.header, Header.asyncRequest) ?? "-"} ${Native.toHex(message.body)}`

/** What the recorded Hub sent after each request, in the order in which it was asked the same thing. */
const conversation = (traces: ReadonlyArray<string>): Map<string, Array<Array<Recorded>>> => {
  const answers = new Map<string, Array<Array<Recorded>>>()
  const open = new Map<number, Array<Recorded>>()
  let last: Array<Recorded> = []
  for (const { isFromHub, message, trace } of frames) {
    if (message === undefined || !traces.includes(trace)) continue
    const id = Header.get(message.header, Header.requestId)
    if (isFromHub) {
      const to = id === undefined ? last : open.get(id)!
      to.push({ message, isReply: id !== undefined })
      continue
    }
    last = []
    if (id !== undefined) open.set(id, last)
    const key = keyOf(message)
    answers.set(key, [...answers.get(key) ?? [], last])
  }
  return answers
}

/** A recorded conversation. */
export type Trace = "hub-regtest" | "hub-regtest-spend"

/** Answers as the recorded Hub did, and does not answer what it was never asked. The last answer is given again. */
export const recorded = (...traces: ReadonlyArray<Trace>): Answer => {
  const answers = conversation(traces)
  return (request) => {
    const known = answers.get(keyOf(request)) ?? []
    const next = known.length > 1 ? known.shift()! : known[0] ?? []
    return next.map(({ isReply, message }) => {
      const { body, messageId, serviceId } = message
      const header = isReply ? Message.reply(request).header : Header.empty
      return Message.make({ serviceId, messageId, header, body })
    })
  }
}
