/**
 * How a service says that it could not do what it was asked (the Hub API, "Rules of every service").
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Message from "./Message.ts"
import * as TaggedParser from "./TaggedParser.ts"
import * as Wire from "./Wire.ts"

/**
 * The service and message id of a failure.
 *
 * @category constants
 * @since 0.1.0
 */
export const address = { serviceId: 0, messageId: 2 } as const

const tags = { text: 20, serviceId: 21, messageId: 22 } as const

/**
 * What a failure says beside the details of its own.
 *
 * @category models
 * @since 0.1.0
 */
export const Body = Schema.Struct({
  /** What the service says about it, for people. */
  text: Schema.String.pipe(Wire.tag(tags.text)),
  /** The service and the message id of the request. */
  serviceId: Schema.Int.pipe(Wire.tag(tags.serviceId)),
  messageId: Schema.Int.pipe(Wire.tag(tags.messageId))
})

/**
 * A request could not be carried out. `text` is what the service says about it, word for word.
 *
 * @category errors
 * @since 0.1.0
 */
export class CommandFailed extends Data.TaggedError("CommandFailed")<{
  readonly text: string
  /** The service id of the request, where the service says it. */
  readonly serviceId?: number | undefined
  /** The message id of the request, where the service says it. */
  readonly messageId?: number | undefined
}> {
  override get message(): string {
    return this.text
  }
}

/**
 * Whether a message is a failure.
 *
 * @category guards
 * @since 0.1.0
 */
export const isFailure = (message: Message.Message): boolean =>
  message.serviceId === address.serviceId && message.messageId === address.messageId

/**
 * Makes the failure that answers a request. What the failure carries beside its text is the body of `details`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const reply = (request: Message.Message, text: string, details?: Uint8Array): Message.Message => {
  const encoded = Wire.codec(Body).encode({ text, serviceId: request.serviceId, messageId: request.messageId })
  const body = Result.getOrElse(encoded, () => new Uint8Array(0))
  return Message.make({
    ...address,
    header: Message.reply(request).header,
    body: details === undefined ? body : Uint8Array.from([...body, ...details])
  })
}

/**
 * Reads a failure. Of one that is not all there, or not all as it should be, it keeps what can be read: what a service
 * says about a refusal should never be lost.
 *
 * @category decoding
 * @since 0.1.0
 */
export const read = (message: Message.Message): CommandFailed => {
  const parser = Message.parser(message)
  const said: { text?: string; serviceId?: number | undefined; messageId?: number | undefined } = {}
  for (let values = 0; values < maxValues && parser.next(); values++) {
    if (parser.tag === tags.text && parser.type === TaggedParser.ValueType.Text) said.text ??= parser.text()
    else if (parser.tag === tags.serviceId) said.serviceId ??= idIn(parser)
    else if (parser.tag === tags.messageId) said.messageId ??= idIn(parser)
  }
  return new CommandFailed({ ...said, text: said.text ?? textless(parser) })
}

/** What a failure says is looked for among so many values: a long run of others is not worth a turn. */
const maxValues = 1000

const idIn = (parser: TaggedParser.TaggedParser): number | undefined =>
  parser.type === TaggedParser.ValueType.Int && typeof parser.int === "number" ? parser.int : undefined

const textless = ({ failure }: TaggedParser.TaggedParser): string =>
  failure === undefined
    ? "failed, and no reason was given"
    : `failed, and the reason could not be read: ${failure.message}`
