/**
 * Commands to a Hub, and the values in its answers.
 */
import { Data, Duration, Effect } from "effect"
import { type Connection, HubCommand, HubTag, Message, Tagged } from "effect-flowee"

/** The Hub does not do what it was asked, or its answer makes no sense. */
export class HubError extends Data.TaggedError("HubError")<{ readonly message: string }> {}

/** The values of an answer, by tag. */
export interface Answer {
  readonly text: (tag: number) => Effect.Effect<string, HubError>
  readonly bytes: (tag: number, length: number) => Effect.Effect<Uint8Array, HubError>
}

const toAnswer = (values: ReadonlyArray<Tagged.TaggedValue>): Answer => {
  const get = <A>(tag: number, read: (value: Tagged.TaggedValue) => A | undefined) =>
    Effect.suspend(() => {
      for (const value of values) {
        const found = value.tag === tag ? read(value) : undefined
        if (found !== undefined) return Effect.succeed(found)
      }
      return Effect.fail(new HubError({ message: `the answer of the Hub lacks a good value with tag ${tag}` }))
    })
  return {
    text: (tag) => get(tag, (value) => value._tag === "Text" ? value.value : undefined),
    bytes: (tag, length) =>
      get(tag, (value) => value._tag === "Bytes" && value.value.length === length ? value.value : undefined)
  }
}

const isFailure = ({ messageId, serviceId }: Message.Message): boolean =>
  serviceId === HubCommand.failed.serviceId && messageId === HubCommand.failed.messageId

/**
 * Sends a command, again when the connection was lost before the answer came, and reads the answer. How long that may
 * take is for the caller to say.
 */
export const ask = Effect.fnUntraced(function*(hub: Connection.Connection, command: HubCommand.HubCommand) {
  const reply = yield* hub.request(Message.make(command), { timeout: Duration.infinity }).pipe(
    Effect.retry({ while: (error) => error.reason._tag === "RequestInterrupted" })
  )
  const answer = toAnswer(yield* Effect.fromResult(Tagged.decode(reply.body)))
  if (!isFailure(reply)) return answer
  const reason = yield* answer.text(HubTag.failedReason)
  return yield* new HubError({
    message: `the Hub refuses command ${command.serviceId}/${command.messageId}: ${reason}`
  })
})

/** Which chain the Hub is on. One that does not tell is taken to be on the main one. */
export const askChain = (hub: Connection.Connection): Effect.Effect<string> =>
  ask(hub, HubCommand.blockChainInfo).pipe(
    Effect.flatMap((answer) => answer.text(HubTag.chain)),
    Effect.timeout("2 seconds"),
    Effect.orElseSucceed(() => "main")
  )
