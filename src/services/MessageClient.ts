/**
 * The client of a message group over a connection: a function for each call and command, a stream for each notification.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type * as BodyError from "../domain/BodyError.ts"
import * as CommandFailure from "../domain/CommandFailure.ts"
import * as Header from "../domain/Header.ts"
import * as Message from "../domain/Message.ts"
import type * as MessageGroup from "../domain/MessageGroup.ts"
import * as Bodies from "../internal/bodies.ts"
import type * as Connection from "./Connection.ts"
import type * as SendError from "./SendError.ts"

/**
 * The reply is another message than the one that answers the call.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnexpectedReply extends Data.TaggedError("UnexpectedReply")<{
  readonly serviceId: number
  readonly messageId: number
}> {
  override get message(): string {
    return `the reply is message ${this.serviceId}/${this.messageId}, which does not answer this call`
  }
}

/**
 * Why a call gave no result.
 *
 * - `BodyEncodeError`: an argument cannot be sent; nothing was.
 * - `BodyDecodeError`, `UnexpectedReply`: the reply is not what was declared. The connection stays.
 * - `CommandFailed`: the service could not do it, and says why.
 * - the others: see `SendError`.
 *
 * @category errors
 * @since 0.1.0
 */
export class CallError extends Data.TaggedError("CallError")<{
  /** The name of the call, command or notification. */
  readonly member: string
  readonly reason:
    | BodyError.BodyEncodeError
    | BodyError.BodyDecodeError
    | UnexpectedReply
    | CommandFailure.CommandFailed
    | SendError.RequestError["reason"]
}> {
  override get message(): string {
    return `${this.member}: ${this.reason.message}`
  }
}

type Arguments<Request> = {} extends Request ? [request?: Request, options?: CallOptions]
  : [request: Request, options?: CallOptions]

/**
 * The functions and streams of a group.
 *
 * **Gotchas**
 *
 * Notifications are not lost: when a stream of them is read too slowly, reading from the connection pauses, and with it
 * the replies to calls. A reader that calls over the same connection for each notification is best given a buffer that
 * drops, such as `Stream.buffer({ capacity: 1000, strategy: "sliding" })`.
 *
 * @category models
 * @since 0.1.0
 */
export type MessageClient<M extends MessageGroup.Member> = {
  readonly [K in M as K["name"]]: K extends MessageGroup.Call<infer _N, infer Request, infer Reply, infer Failure>
    ? (...args: Arguments<Request>) => Effect.Effect<Reply, CallError | Failure>
    : K extends MessageGroup.Command<infer _N, infer Request>
      ? (...args: Arguments<Request>) => Effect.Effect<void, CallError>
    : K extends MessageGroup.Notification<infer _N, infer Payload> ? Stream.Stream<Payload, CallError>
    : never
}

/**
 * Options of one call.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallOptions extends Connection.RequestOptions {
  /** Header values of this request, by tag, over those of the declaration. */
  readonly header?: { readonly [tag: number]: number } | undefined
}

/**
 * Options of a client.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** How long each call waits for its reply, anew each time it is sent. Default: `requestTimeout` of the connection. */
  readonly timeout?: Duration.Input | undefined
  /**
   * How often a call that was declared idempotent is sent again when its connection is lost while it waits. It leaves on the
   * next socket. Default: 3.
   */
  readonly retries?: number | undefined
}

type AnyCall = MessageGroup.Call<string, unknown, unknown, unknown>
type AnyCommand = MessageGroup.Command<string, unknown>
type AnyNotification = MessageGroup.Notification<string, unknown>

/** Notifications that wait for the reader of a stream; reading from the socket pauses beyond. */
const streamBuffer = 256

class Client {
  readonly #connection: Connection.Connection
  readonly #options: Options

  constructor(connection: Connection.Connection, options: Options) {
    this.#connection = connection
    this.#options = options
  }

  member(member: MessageGroup.Member): unknown {
    switch (member.kind) {
      case "call":
        return (request: unknown = {}, options?: CallOptions) => this.#call(member as AnyCall, request, options)
      case "command":
        return (request: unknown = {}, options?: CallOptions) => this.#command(member as AnyCommand, request, options)
      case "notification":
        return this.#notifications(member as AnyNotification)
    }
  }

  #call(call: AnyCall, request: unknown, options: CallOptions | undefined): Effect.Effect<unknown, unknown> {
    const body = call.request.encode(request)
    if (Result.isFailure(body)) return Effect.fail(fail(call, body.failure))
    const message = Message.make({
      serviceId: call.serviceId,
      messageId: call.messageId,
      header: options?.header === undefined ? call.header : { ...toRecord(call), ...options.header },
      body: body.success
    })
    const timeout = options?.timeout ?? this.#options.timeout
    const spanName = options?.spanName ?? call.name
    const asked = this.#connection.request(message, { priority: options?.priority, timeout, spanName })
    const retried = call.isIdempotent
      ? Effect.retry(asked, {
        times: this.#options.retries ?? 3,
        while: (error) => error.reason._tag === "RequestInterrupted"
      })
      : asked
    return retried.pipe(
      Effect.mapError((error) => fail(call, error.reason)),
      Effect.flatMap((reply) => readReply(call, reply))
    )
  }

  #command(command: AnyCommand, request: unknown, options: CallOptions | undefined): Effect.Effect<void, CallError> {
    const body = command.request.encode(request)
    if (Result.isFailure(body)) return Effect.fail(fail(command, body.failure))
    const { messageId, serviceId } = command
    const message = Message.make({ serviceId, messageId, header: options?.header, body: body.success })
    const sent = this.#connection.send(message, { priority: options?.priority })
    return Effect.mapError(sent, (error) => fail(command, error.reason))
  }

  #notifications(notification: AnyNotification): Stream.Stream<unknown, CallError> {
    const { messageId, payload, serviceId } = notification
    return Stream.callback<unknown, CallError>((queue) => {
      const handled = this.#connection.handle((message) => {
        // What carries a RequestId is a reply, be it to a request that nobody waits for any more.
        const isReply = Header.get(message.header, Header.requestId) !== undefined
        if (message.messageId !== messageId || isReply) return
        return Bodies.read(payload, message, (decoded): Effect.Effect<unknown> =>
          Result.isSuccess(decoded)
            ? Queue.offer(queue, decoded.success)
            : Queue.fail(queue, fail(notification, decoded.failure)))
      }, { serviceId })
      return Effect.andThen(handled, Queue.end(queue))
    }, { bufferSize: streamBuffer })
  }
}

const fail = (member: MessageGroup.Member, reason: CallError["reason"]): CallError =>
  new CallError({ member: member.name, reason })

const toRecord = (call: AnyCall): { readonly [tag: number]: number } => {
  const record: { [tag: number]: number } = {}
  for (let i = 0; i < call.header.pairs.length; i += 2) record[call.header.pairs[i]!] = call.header.pairs[i + 1]!
  return record
}

const readReply = (call: AnyCall, reply: Message.Message): Effect.Effect<unknown, unknown> => {
  if (CommandFailure.isFailure(reply)) return readFailure(call, reply)
  const { messageId, serviceId } = reply
  if (serviceId !== call.serviceId || messageId !== call.replyId) {
    return Effect.fail(fail(call, new UnexpectedReply({ serviceId, messageId })))
  }
  return Bodies.read(
    call.reply,
    reply,
    (decoded) => Effect.fromResult(Result.mapError(decoded, (error) => fail(call, error)))
  )
}

const readFailure = (call: AnyCall, reply: Message.Message): Effect.Effect<never, unknown> => {
  const undeclared = () => Effect.fail(fail(call, CommandFailure.read(reply)))
  return call.error === undefined
    ? undeclared()
    : Bodies.read(
      call.error,
      reply,
      (declared): Effect.Effect<never, unknown> =>
        Result.isSuccess(declared) ? Effect.fail(declared.success) : undeclared()
    )
}

/**
 * Makes the client of a group. It needs no closing; it works for as long as the connection does.
 *
 * **Example** (Asking)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { MessageClient, MessageGroup, NetworkManager, Wire } from "effect-flowee"
 *
 * const Counter = MessageGroup.make(
 *   MessageGroup.call("add", {
 *     serviceId: 42,
 *     messageId: 0,
 *     request: Schema.Struct({ amount: Schema.Int.pipe(Wire.tag(1)) }),
 *     reply: Schema.Struct({ total: Schema.Int.pipe(Wire.tag(1)) })
 *   })
 * )
 *
 * const program = Effect.gen(function*() {
 *   const manager = yield* NetworkManager.NetworkManager
 *   const counter = MessageClient.make(Counter, yield* manager.connect("localhost:4000"))
 *   return yield* counter.add({ amount: 3 })
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <M extends MessageGroup.Member>(
  group: MessageGroup.MessageGroup<M>,
  connection: Connection.Connection,
  options: Options = {}
): MessageClient<M> => {
  const client = new Client(connection, options)
  return Object.fromEntries(group.members.map((member) => [member.name, client.member(member)])) as MessageClient<M>
}
