/**
 * The serving side of a message group, as a Layer: a function for each call and command.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type * as BodyError from "../domain/BodyError.ts"
import * as CommandFailure from "../domain/CommandFailure.ts"
import * as OptionRules from "../domain/internal/optionRules.ts"
import * as Message from "../domain/Message.ts"
import type * as MessageGroup from "../domain/MessageGroup.ts"
import * as Bodies from "../internal/bodies.ts"
import * as Tracing from "../internal/tracing.ts"
import type * as Access from "./Access.ts"
import type * as Connection from "./Connection.ts"
import * as MessageClient from "./MessageClient.ts"
import * as NetworkManager from "./NetworkManager.ts"
import * as NetworkService from "./NetworkService.ts"

/**
 * What carries out the calls and commands of a group.
 *
 * **Details**
 *
 * A handler fails with `CommandFailed`, whose text the client is told, or with the error that its call declares. A defect
 * is logged, and the client is told that there was an internal error.
 *
 * @category models
 * @since 0.1.0
 */
export type Handlers<M extends MessageGroup.Member, R> = {
  readonly [K in Exclude<M, { readonly kind: "notification" }> as K["name"]]: K extends
    MessageGroup.Call<infer _N, infer Request, infer Reply, infer Failure>
    ? (request: Request, context: Context) => Effect.Effect<Reply, Failure | CommandFailure.CommandFailed, R>
    : K extends MessageGroup.Command<infer _N, infer Request>
      ? (request: Request, context: Context) => Effect.Effect<void, CommandFailure.CommandFailed, R>
    : never
}

/**
 * What the effects of handlers need.
 *
 * @category models
 * @since 0.1.0
 */
export type Services<H> = {
  readonly [K in keyof H]: H[K] extends (...args: never) => Effect.Effect<infer _A, infer _E, infer R> ? R : never
}[keyof H]

/**
 * What a handler is told beside the request.
 *
 * @category models
 * @since 0.1.0
 */
export interface Context {
  readonly connection: Connection.Connection
  /** The message that holds the request, for its header values. */
  readonly message: Message.Message
}

/**
 * Options of a served group.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<Provided = never> {
  /** Whom the services of the group are for, see `NetworkManager.RegisterOptions`. Default: everybody. */
  readonly access?: Access.Requirement<Provided> | undefined
  /**
   * What follows a message that is none of the group: "refuse" answers that it failed. Use "ignore" where several groups
   * share a service. Default: "refuse".
   */
  readonly unknown?: "refuse" | "ignore" | undefined
  /**
   * How many requests of one peer to one service are carried out side by side, answered as they finish. The others wait,
   * and reading from the peer pauses. From 1 to 1,000,000. Default: 1.
   */
  readonly concurrency?: number | undefined
}

type AnyCall = MessageGroup.Call<string, unknown, unknown, unknown>
type AnyCommand = MessageGroup.Command<string, unknown>
type Request = Result.Result<unknown, BodyError.BodyDecodeError>
type AnyHandler<R> = (request: unknown, context: Context) => Effect.Effect<unknown, unknown, R>
type AnyHandlers<R> = { readonly [name: string]: AnyHandler<R> }

const unsupported = "Unsupported command"
const internalError = "Internal error"

/** The text and the details that a failed handler gives its client. */
const toFailure = (call: AnyCall, message: Message.Message, cause: Cause.Cause<unknown>): Message.Message => {
  const error = Cause.findErrorOption(cause)
  if (Option.isNone(error)) return CommandFailure.reply(message, internalError)
  if (error.value instanceof CommandFailure.CommandFailed) return CommandFailure.reply(message, error.value.text)
  const details = call.error?.encode(error.value)
  if (details === undefined || Result.isFailure(details)) return CommandFailure.reply(message, internalError)
  return CommandFailure.reply(message, textOf(error.value), details.success)
}

const textOf = (error: unknown): string => {
  if (typeof error !== "object" || error === null) return String(error)
  if ("message" in error && typeof error.message === "string" && error.message.length > 0) return error.message
  return "_tag" in error ? String(error._tag) : internalError
}

/** What the client is told in full need not be told here too. */
const logUntold = (member: MessageGroup.Member, cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Option.isSome(Cause.findErrorOption(cause)) || Cause.hasInterruptsOnly(cause)
    ? Effect.void
    : Effect.logError(`The handler of "${member.name}" died`, cause)

const answerCall = <R>(
  call: AnyCall,
  handler: AnyHandler<R>,
  context: Context
): Effect.Effect<Message.Message, never, R> =>
  Bodies.read(call.request, context.message, (request) => answerRequest(call, handler, context, request))

const answerRequest = <R>(
  call: AnyCall,
  handler: AnyHandler<R>,
  context: Context,
  request: Request
): Effect.Effect<Message.Message, never, R> => {
  const { message } = context
  if (Result.isFailure(request)) {
    return Effect.succeed(CommandFailure.reply(message, `malformed request: ${request.failure.reason.message}`))
  }
  const handled = Effect.suspend(() => handler(request.success, context))
  const traced = Tracing.of(context.connection)
  const spanned = traced === undefined ? handled : Tracing.handle(traced, call.name, message, handled)
  return spanned.pipe(
    Effect.flatMap((reply) => Effect.orDie(Effect.fromResult(call.reply.encode(reply)))),
    Effect.map((body) => Message.reply(message, { messageId: call.replyId, body })),
    Effect.catchCause((cause) => Effect.as(logUntold(call, cause), toFailure(call, message, cause)))
  )
}

const obeyCommand = <R>(
  command: AnyCommand,
  handler: AnyHandler<R>,
  context: Context
): Effect.Effect<void, never, R> =>
  Bodies.read(command.request, context.message, (request) => {
    if (Result.isFailure(request)) {
      return Effect.logDebug(`The command "${command.name}" is malformed: ${request.failure.reason.message}`)
    }
    return Effect.suspend(() => handler(request.success, context)).pipe(
      Effect.asVoid,
      Effect.catchCause((cause) => Effect.logError(`The handler of "${command.name}" failed`, cause))
    )
  })

/** One service of a group. */
interface Service {
  /** By message id. */
  readonly requests: Map<number, MessageGroup.Member>
  /** The ids of what the other side is sent: where both sides serve a group, these come in too. */
  readonly outgoing: Set<number>
}

/** Serves one service for one peer. */
const serve = <R>(
  service: Service,
  handlers: AnyHandlers<R>,
  connection: Connection.Connection,
  options: Options<unknown>
) => {
  // An answer to an answer that nobody waits for would go back and forth for ever.
  const isIgnored = (message: Message.Message): boolean =>
    options.unknown === "ignore" || service.outgoing.has(message.messageId) || CommandFailure.isFailure(message)
  return (message: Message.Message): Effect.Effect<void, unknown, R> => {
    const member = service.requests.get(message.messageId)
    if (member === undefined) {
      return isIgnored(message) ? Effect.void : connection.send(CommandFailure.reply(message, unsupported))
    }
    const context: Context = { connection, message }
    const handler = handlers[member.name]!
    return member.kind === "command"
      ? obeyCommand(member as AnyCommand, handler, context)
      : Effect.flatMap(answerCall(member as AnyCall, handler, context), (reply) => connection.send(reply))
  }
}

/** Runs a handler for several messages at the same time, in fibers that end with the peer. */
const sideBySide = <R>(
  handle: (message: Message.Message) => Effect.Effect<void, unknown, R>,
  most: number
) => {
  const room = Semaphore.makeUnsafe(most)
  return (message: Message.Message): Effect.Effect<void, never, R | Scope.Scope> => {
    const kept = Message.keep(message)
    const handled = handle(kept).pipe(
      Effect.catchCause((cause) =>
        Effect.logError(`The handler of message ${kept.serviceId}/${kept.messageId} failed`, cause)
      ),
      Effect.ensuring(room.release(1))
    )
    return Effect.andThen(room.take(1), Effect.asVoid(Effect.forkScoped(handled)))
  }
}

const byService = (members: ReadonlyArray<MessageGroup.Member>): Map<number, Service> => {
  const services = new Map<number, Service>()
  for (const member of members) {
    const service = services.get(member.serviceId) ?? { requests: new Map(), outgoing: new Set() }
    services.set(member.serviceId, service)
    if (member.kind === "notification") service.outgoing.add(member.messageId)
    else service.requests.set(member.messageId, member)
    if (member.kind === "call") service.outgoing.add((member as AnyCall).replyId)
  }
  for (const [id, { requests }] of services) if (requests.size === 0) services.delete(id)
  return services
}

/**
 * Serves a group on all connections of the network manager, with handlers that are made for each peer.
 *
 * **Details**
 *
 * `make` runs at the first message that a peer sends to a service of the group, once for each of its services. What it
 * acquires is released when the peer goes.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerPerPeer = <M extends MessageGroup.Member, H extends Handlers<M, unknown>, E, R, Provided = never>(
  group: MessageGroup.MessageGroup<M>,
  make: (connection: Connection.Connection) => Effect.Effect<H, E, R>,
  options: Options<Provided> = {}
): Layer.Layer<
  never,
  NetworkManager.NetworkError,
  NetworkManager.NetworkManager | Exclude<R | Services<H>, Scope.Scope | Provided>
> => {
  const concurrency = OptionRules.check("concurrency", OptionRules.count(1, 1, 1_000_000), options.concurrency)
  if (Result.isFailure(concurrency)) {
    return Layer.effectDiscard(Effect.fail(new NetworkManager.NetworkError({ reason: concurrency.failure })))
  }
  const most = concurrency.success
  const layers = Array.from(
    byService(group.members),
    ([serviceId, service]) =>
      NetworkService.layer(serviceId, (connection) =>
        Effect.gen(function*() {
          const context = yield* Effect.context<Services<H> | Scope.Scope>()
          const one = serve(service, (yield* make(connection)) as AnyHandlers<Services<H>>, connection, options)
          const handle = most > 1 ? sideBySide(one, most) : one
          return (message: Message.Message) => Effect.provideContext(handle(message), context)
        }), { access: options.access, disableTracing: true })
  )
  return layers.length === 0 ? Layer.empty : Layer.mergeAll(...layers as [typeof layers[0]])
}

/**
 * Serves a group on all connections of the network manager.
 *
 * **Example** (A counter)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { MessageGroup, MessageServer, Wire } from "effect-flowee"
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
 * let total = 0
 * const server = MessageServer.layer(Counter, {
 *   add: ({ amount }) => Effect.sync(() => ({ total: total += amount }))
 * })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <M extends MessageGroup.Member, H extends Handlers<M, unknown>, Provided = never>(
  group: MessageGroup.MessageGroup<M>,
  handlers: H,
  options?: Options<Provided>
): Layer.Layer<
  never,
  NetworkManager.NetworkError,
  NetworkManager.NetworkManager | Exclude<Services<H>, Scope.Scope | Provided>
> => layerPerPeer(group, () => Effect.succeed(handlers), options)

/**
 * Sends a notification to a peer, waiting for room in its lane.
 *
 * @category combinators
 * @since 0.1.0
 */
export const notify = <Name extends string, Payload>(
  connection: Connection.Connection,
  notification: MessageGroup.Notification<Name, Payload>,
  payload: Payload
): Effect.Effect<void, MessageClient.CallError> =>
  Effect.suspend(() => {
    const body = notification.payload.encode(payload)
    const fail = (reason: MessageClient.CallError["reason"]) =>
      Effect.fail(new MessageClient.CallError({ member: notification.name, reason }))
    if (Result.isFailure(body)) return fail(body.failure)
    const { messageId, serviceId } = notification
    return Effect.catch(
      connection.send(Message.make({ serviceId, messageId, body: body.success })),
      (error) => fail(error.reason)
    )
  })
