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
import * as Wire from "./Wire.ts"

/**
 * The service and message id of a failure.
 *
 * @category constants
 * @since 0.1.0
 */
export const address = { serviceId: 0, messageId: 2 } as const

/**
 * What a failure says beside the details of its own.
 *
 * @category models
 * @since 0.1.0
 */
export const Body = Schema.Struct({
  /** What the service says about it, for people. */
  text: Schema.String.pipe(Wire.tag(20)),
  /** The service and the message id of the request. */
  serviceId: Schema.Int.pipe(Wire.tag(21)),
  messageId: Schema.Int.pipe(Wire.tag(22))
})

/**
 * A request could not be carried out. `text` is what the service says about it, word for word.
 *
 * @category errors
 * @since 0.1.0
 */
export class CommandFailed extends Data.TaggedError("CommandFailed")<{ readonly text: string }> {
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
 * Reads the text of a failure. One that cannot be read says so.
 *
 * @category decoding
 * @since 0.1.0
 */
export const read = (message: Message.Message): CommandFailed =>
  Result.match(Wire.codec(Body).decode(message), {
    onSuccess: ({ text }) => new CommandFailed({ text }),
    onFailure: (error) => new CommandFailed({ text: `failed, and the reason could not be read: ${error.message}` })
  })
