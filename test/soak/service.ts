/**
 * What a server of the soak does, as a Layer: the same on one loop and on serving threads.
 */
import { Config, Effect, Layer } from "effect"
import process from "node:process"
import { threadId } from "node:worker_threads"
import * as Message from "../../src/domain/Message.ts"
import type * as Connection from "../../src/services/Connection.ts"
import * as NetworkManager from "../../src/services/NetworkManager.ts"
import * as Ledger from "./ledger.ts"
import * as Protocol from "./protocol.ts"

const { Id } = Protocol

/** A thread may be asked to die, a process not. */
const dieHere = Effect.sync(() => threadId === 0 ? undefined : process.exit(7))

const answer = (connection: Connection.Connection, message: Message.Message): Effect.Effect<unknown, unknown> => {
  switch (message.messageId) {
    case Id.echo:
      return connection.send(Message.reply(message, { body: message.body }))
    case Id.slow:
      return Effect.andThen(Effect.sleep(Protocol.firstWord(message)), connection.send(Message.reply(message)))
    case Id.die:
      return dieHere
    default:
      return Effect.void
  }
}

let connections = 0

const serve = (ledger: Ledger.Writer) => (connection: Connection.Connection) => {
  const own = ++connections
  return connection.handleBatch((messages) => {
    const isNumbered = ({ messageId }: Message.Message) => messageId === Id.numbered
    ledger.note(own, messages.filter(isNumbered).map(Protocol.readNumbered))
    const others = messages.filter((message) => !isNumbered(message))
    return Effect.forEach(others, (message) => answer(connection, message), { discard: true })
  }, { serviceId: Protocol.serviceId })
}

/** Where to listen, and what to write to. Threads are told by their environment. */
const task = Config.all({
  port: Config.Port("SOAK_PORT"),
  ledger: Config.NonEmptyString("SOAK_LEDGER")
})

export const layer = Layer.effectDiscard(Effect.gen(function*() {
  const { ledger, port } = yield* task
  const manager = yield* NetworkManager.NetworkManager
  const writer = yield* Effect.acquireRelease(
    Effect.sync(() => new Ledger.Writer(ledger, process.pid, threadId)),
    (writer) => Effect.sync(() => writer.close())
  )
  const onConnection = serve(writer)
  yield* manager.bind(`127.0.0.1:${port}`, { onConnection, limitRate: false })
}))
