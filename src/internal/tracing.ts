/**
 * The spans of connections, of logins and of requests: made only where a tracer sees them.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Tracer from "effect/Tracer"
import * as Header from "../domain/Header.ts"
import type * as Message from "../domain/Message.ts"
import * as TraceContext from "../domain/TraceContext.ts"
import type * as ConnectionTracing from "../services/ConnectionTracing.ts"

/** How the spans of a connection are made. All connections of a listener share it. @internal */
export interface Tracing {
  readonly prefix: string
  readonly attributes: Readonly<Record<string, unknown>>
  readonly carriesContext: boolean
}

/** Whose spans they are. @internal */
export interface Traced {
  readonly id: number
  readonly endPoint: string
  readonly side: "dialled" | "accepted"
  /** Without it there are no spans. */
  readonly tracing: Tracing | undefined
}

/** Under this key a handle tells how it is traced. @internal */
export const key = "~effect-flowee/internal/tracing"

/** @internal */
export const make = (options: ConnectionTracing.Options): Tracing | undefined =>
  options.disableTracing === true
    ? undefined
    : {
      prefix: options.spanPrefix ?? "flowee",
      attributes: options.spanAttributes ?? {},
      carriesContext: options.traceContext ?? false
    }

/** How a connection is traced; those that others have made are not. @internal */
export const of = (connection: object): Traced | undefined =>
  Predicate.hasProperty(connection, key) ? connection[key] as Traced : undefined

/** The span of an attempt to connect, by itself: what was going on when the manager was made has not caused it. @internal */
export const connect = <A, E, R>(traced: Traced, attempt: number, effect: Effect.Effect<A, E, R>) =>
  spanned(traced, effect, "connect", (attributes) => ({
    kind: "client",
    root: true,
    attributes: { "flowee.attempt": attempt, ...attributes }
  }))

/** The span of what is needed to log in. @internal */
export const login = <A, E, R>(traced: Traced, effect: Effect.Effect<A, E, R>) =>
  spanned(traced, effect, "login", (attributes) => ({ kind: "client", attributes }))

/** The span of the check of a login, which tells whether it has passed. @internal */
export const checkLogin = <A extends { readonly _tag: string }, E, R>(
  traced: Traced,
  check: Effect.Effect<A, E, R>
) =>
  traced.tracing === undefined ? check : whereSeen(() => check, () => {
    const told = Effect.tap(check, ({ _tag }) => Effect.annotateCurrentSpan("flowee.passed", _tag === "Accept"))
    return spanned(traced, told, "login", (attributes) => ({ kind: "server", root: true, attributes }))
  })

/** Sends a request within a span, which goes along when the connection carries traces. @internal */
export const request = <A, E, R>(
  traced: Traced,
  name: string | undefined,
  message: Message.Message,
  send: (header: Header.Header) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> => {
  const { tracing } = traced
  if (tracing === undefined) return send(message.header)
  return whereSeen(
    () => send(message.header),
    () =>
      Effect.useSpan(
        `${tracing.prefix}.${name ?? "request"}`,
        { kind: "client", attributes: attributesOf(traced, tracing, message) },
        (span) => send(tracing.carriesContext ? TraceContext.toHeader(span, message.header) : message.header)
      )
  )
}

/** Runs what handles a request within a span; other messages have none. @internal */
export const handle = <A, E, R>(
  traced: Traced,
  name: string | undefined,
  message: Message.Message,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> => {
  const { tracing } = traced
  if (tracing === undefined || Header.get(message.header, Header.requestId) === undefined) return effect
  return whereSeen(
    () => effect,
    () => {
      const carried = tracing.carriesContext ? TraceContext.fromHeader(message.header) : undefined
      const attributes = attributesOf(traced, tracing, message)
      return withSpan(
        effect,
        `${tracing.prefix}.${name ?? "handle"}`,
        carried === undefined
          ? { kind: "server", attributes, root: true }
          : { kind: "server", attributes, parent: Tracer.externalSpan(carried) }
      )
    }
  )
}

const spanned = <A, E, R>(
  traced: Traced,
  effect: Effect.Effect<A, E, R>,
  name: string,
  options: (attributes: Record<string, unknown>) => Tracer.SpanOptionsNoTrace
): Effect.Effect<A, E, R> => {
  const { tracing } = traced
  if (tracing === undefined) return effect
  return whereSeen(
    () => effect,
    () => withSpan(effect, `${tracing.prefix}.${name}`, options(attributesOf(traced, tracing)))
  )
}

const withSpan = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  name: string,
  options: Tracer.SpanOptionsNoTrace
): Effect.Effect<A, E, R> =>
  Effect.useSpan(
    name,
    options,
    (span) => Effect.withParentSpan(effect, span, { captureStackTrace: false }) as Effect.Effect<A, E, R>
  )

/** The spans of the tracer that is there by default are seen by nobody. */
const whereSeen = <A, E, R>(
  unseen: () => Effect.Effect<A, E, R>,
  seen: () => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) => fiber.getRef(Tracer.Tracer) === Tracer.nativeTracer ? unseen() : seen())

const attributesOf = (
  { endPoint, id, side }: Traced,
  tracing: Tracing,
  message?: Message.Message
): Record<string, unknown> => ({
  "flowee.connection": id,
  "flowee.side": side,
  [side === "dialled" ? "server.address" : "client.address"]: endPoint,
  ...(message === undefined ? {} : { "flowee.service": message.serviceId, "flowee.message": message.messageId }),
  ...tracing.attributes
})
