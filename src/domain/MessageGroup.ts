/**
 * What a service understands, declared once: calls that are answered, commands that are not, and notifications that it
 * sends by itself.
 *
 * **Details**
 *
 * From a group `MessageClient` makes a client and `MessageServer` a handler Layer; neither side counts tags. Bodies are
 * schemas whose fields carry wire tags, see `Wire`.
 *
 * **Example** (A service of one's own)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { MessageGroup, Wire } from "effect-flowee"
 *
 * const Chat = MessageGroup.make(
 *   MessageGroup.call("join", {
 *     serviceId: 40,
 *     messageId: 0,
 *     request: Schema.Struct({ name: Schema.String.pipe(Wire.tag(1)) }),
 *     reply: Schema.Struct({ members: Schema.Int.pipe(Wire.tag(1)) })
 *   }),
 *   MessageGroup.notification("said", {
 *     serviceId: 40,
 *     messageId: 4,
 *     payload: Schema.Struct({ name: Schema.String.pipe(Wire.tag(1)), text: Schema.String.pipe(Wire.tag(2)) })
 *   })
 * )
 * ```
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Header from "./Header.ts"
import * as WireCompiler from "./internal/wireCompiler.ts"
import * as Wire from "./Wire.ts"

/** Any schema that is encoded and decoded without services. */
type Body = Schema.ConstraintCodec<unknown, unknown>

/**
 * A request that is answered.
 *
 * @category models
 * @since 0.1.0
 */
export interface Call<out Name extends string, in out Request, in out Reply, in out Failure> {
  readonly kind: "call"
  readonly name: Name
  readonly serviceId: number
  readonly messageId: number
  readonly replyId: number
  readonly request: Wire.Codec<Request>
  readonly reply: Wire.Codec<Reply>
  /** What a failure says beside its text. */
  readonly error: Wire.Codec<Failure> | undefined
  /** Header values that each request carries. */
  readonly header: Header.Header
  /** Whether the request may be sent again when its connection was lost before the reply came. */
  readonly isIdempotent: boolean
}

/**
 * A request without an answer.
 *
 * @category models
 * @since 0.1.0
 */
export interface Command<out Name extends string, in out Request> {
  readonly kind: "command"
  readonly name: Name
  readonly serviceId: number
  readonly messageId: number
  readonly request: Wire.Codec<Request>
}

/**
 * What a service tells by itself.
 *
 * @category models
 * @since 0.1.0
 */
export interface Notification<out Name extends string, in out Payload> {
  readonly kind: "notification"
  readonly name: Name
  readonly serviceId: number
  readonly messageId: number
  readonly payload: Wire.Codec<Payload>
}

/**
 * Any member of a group, as far as it can be told without its types.
 *
 * @category models
 * @since 0.1.0
 */
export interface Member {
  readonly kind: "call" | "command" | "notification"
  readonly name: string
  readonly serviceId: number
  readonly messageId: number
}

/**
 * The messages of one or more services.
 *
 * @category models
 * @since 0.1.0
 */
export interface MessageGroup<M extends Member> {
  readonly members: ReadonlyArray<M>
}

const nothing = Schema.Struct({})
type Nothing = typeof nothing

/** The tags below are those of the failure itself, see `CommandFailure`. */
const firstDetail = 23

const detailsCodec = <S extends Body>(name: string, error: S): Wire.Codec<S["Type"]> => {
  for (const tag of WireCompiler.compile(error).paths.keys()) {
    if (tag < firstDetail) {
      throw new Error(
        `MessageGroup: the error of "${name}" has tag ${tag}, but its tags are those from ${firstDetail} up`
      )
    }
  }
  return Wire.codec(error)
}

/**
 * Declares a request that is answered. Throws an `Error` when a body has no form on the wire, see `Wire.codec`, or when
 * the error has tags that it may not have.
 *
 * @category constructors
 * @since 0.1.0
 */
export const call = <
  const Name extends string,
  Request extends Body = Nothing,
  Reply extends Body = Nothing,
  Failure extends Body = Schema.Never
>(name: Name, options: {
  readonly serviceId: number
  readonly messageId: number
  /** The message id of the reply. Default: that of the request plus one. */
  readonly replyId?: number | undefined
  /** Default: an empty body. */
  readonly request?: Request | undefined
  /** Default: an empty body. */
  readonly reply?: Reply | undefined
  /**
   * What a failure carries beside its text, with tags from 23 up. A failure that does not fit it is a text, so let some
   * field be required. Default: a failure is a text.
   */
  readonly error?: Failure | undefined
  /** Header values that each request carries. Default: none. */
  readonly header?: { readonly [tag: number]: number } | undefined
  /** Whether it does no harm to ask twice. Default: `false`. */
  readonly idempotent?: boolean | undefined
}): Call<Name, Request["Type"], Reply["Type"], Failure["Type"]> => ({
  kind: "call",
  name,
  serviceId: options.serviceId,
  messageId: options.messageId,
  replyId: options.replyId ?? options.messageId + 1,
  request: Wire.codec(options.request ?? nothing) as Wire.Codec<Request["Type"]>,
  reply: Wire.codec(options.reply ?? nothing) as Wire.Codec<Reply["Type"]>,
  error: options.error === undefined ? undefined : detailsCodec(name, options.error),
  header: Header.make(options.header ?? {}),
  isIdempotent: options.idempotent ?? false
})

/**
 * Declares a request without an answer.
 *
 * @category constructors
 * @since 0.1.0
 */
export const command = <const Name extends string, Request extends Body = Nothing>(name: Name, options: {
  readonly serviceId: number
  readonly messageId: number
  /** Default: an empty body. */
  readonly request?: Request | undefined
}): Command<Name, Request["Type"]> => ({
  kind: "command",
  name,
  serviceId: options.serviceId,
  messageId: options.messageId,
  request: Wire.codec(options.request ?? nothing) as Wire.Codec<Request["Type"]>
})

/**
 * Declares what a service tells by itself.
 *
 * @category constructors
 * @since 0.1.0
 */
export const notification = <const Name extends string, Payload extends Body = Nothing>(name: Name, options: {
  readonly serviceId: number
  readonly messageId: number
  /** Default: an empty body. */
  readonly payload?: Payload | undefined
}): Notification<Name, Payload["Type"]> => ({
  kind: "notification",
  name,
  serviceId: options.serviceId,
  messageId: options.messageId,
  payload: Wire.codec(options.payload ?? nothing) as Wire.Codec<Payload["Type"]>
})

/**
 * Puts messages together. Throws an `Error` when two of them have the same name, or when two requests have the same
 * service and message id.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <const M extends ReadonlyArray<Member>>(...members: M): MessageGroup<M[number]> => {
  const seen = new Set<string>()
  for (const { kind, messageId, name, serviceId } of members) {
    const id = `${kind === "notification" ? "notification" : "request"} ${serviceId}/${messageId}`
    for (const key of [`name "${name}"`, id]) {
      if (seen.has(key)) throw new Error(`MessageGroup: two members have the ${key}`)
      seen.add(key)
    }
  }
  return { members }
}

/**
 * The members of several groups as one. Throws as {@link make} does.
 *
 * @category combinators
 * @since 0.1.0
 */
export const merge = <const G extends ReadonlyArray<MessageGroup<Member>>>(
  ...groups: G
): MessageGroup<G[number]["members"][number]> =>
  make(...groups.flatMap(({ members }) => members)) as MessageGroup<G[number]["members"][number]>
