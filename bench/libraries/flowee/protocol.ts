/**
 * The benchmark protocol on the native envelope, so that other implementations can be measured against this one.
 *
 * It is service 20. Message 1 is counted, and every 1000th on a connection is answered by an empty message 2. Message 3
 * is answered by message 4 with the same body, and message 5 by an empty message 6. Replies carry the header values of
 * what they answer, as all replies do.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Message from "../../../src/domain/Message.ts"
import type * as Connection from "../../../src/services/Connection.ts"
import * as NetworkManager from "../../../src/services/NetworkManager.ts"
import type * as SendError from "../../../src/services/SendError.ts"
import { acknowledgeEvery } from "../../harness/library.ts"

export const serviceId = 20

export const Id = { counted: 1, acknowledged: 2, echo: 3, echoed: 4, bulk: 5, received: 6 } as const

/** Whether handlers are plain functions as far as they can, or make an effect for each message. */
export type Form = "plain" | "effect"

/** How the messages of one connection are answered. */
const makeReply = () => {
  let counted = 0
  return (message: Message.Message): Message.Message | undefined => {
    switch (message.messageId) {
      case Id.counted:
        counted += 1
        return counted % acknowledgeEvery === 0 ? Message.reply(message) : undefined
      case Id.echo:
        return Message.reply(message, { body: message.body })
      case Id.bulk:
        return Message.reply(message)
      default:
        return undefined
    }
  }
}

/** A plain function as long as there is room for its answers. */
const answerPlainly = (connection: Connection.Connection): Effect.Effect<void> => {
  const reply = makeReply()
  return connection.handle((message): Effect.Effect<void, SendError.SendError> | undefined => {
    const answer = reply(message)
    if (answer === undefined || connection.sendUnsafe(answer) === undefined) return undefined
    return connection.send(answer)
  }, { serviceId })
}

const answerEach = (connection: Connection.Connection): Effect.Effect<void> => {
  const reply = makeReply()
  return connection.handle((message) =>
    Effect.suspend((): Effect.Effect<void, SendError.SendError> => {
      const answer = reply(message)
      return answer === undefined ? Effect.void : connection.send(answer)
    }), { serviceId })
}

/** Serves the protocol until the scope is closed. */
export const serve = (
  port: number,
  form: Form
): Effect.Effect<NetworkManager.Listener, NetworkManager.NetworkError, NetworkManager.NetworkManager | Scope.Scope> =>
  NetworkManager.NetworkManager.use((manager) =>
    manager.bind(`127.0.0.1:${port}`, { onConnection: form === "plain" ? answerPlainly : answerEach })
  )

/** The port that was given out, or that was asked for. */
export const portOf = ({ address }: NetworkManager.Listener): number =>
  address._tag === "UnixPathAddress" ? 0 : address.port
