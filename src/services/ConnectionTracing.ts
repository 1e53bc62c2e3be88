/**
 * The spans of connections.
 *
 * **Details**
 *
 * | span | kind | is made for |
 * |---|---|---|
 * | `flowee.connect` | client | each attempt to connect |
 * | `flowee.login` | client | reading the cookie to log in with, within `flowee.connect` |
 * | `flowee.login` | server | the check of a newcomer's login |
 * | `flowee.request` | client | each `request` of a connection |
 * | `flowee.handle` | server | each request that is handled by an effect |
 *
 * Calls of a `MessageClient` and a `MessageServer` have the name of the call in place of `request` and `handle`. There are no spans
 * for messages that ask for no reply. Spans have the attributes `flowee.connection`, `flowee.side` and `server.address` or
 * `client.address`; those of requests have `flowee.service` and `flowee.message` too. No span holds a body or a cookie.
 *
 * Spans are made only where somebody sees them: where a tracer is provided. Without one they cost nothing.
 *
 * With `traceContext`, requests carry the trace that they belong to in their headers (see `TraceContext`), and the span of
 * a handler is the child of the span of the request that it answers. Both sides must ask for it: a header that a
 * stranger sends decides nothing otherwise.
 *
 * **Example** (One trace over two programs)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { NetworkManager } from "effect-flowee"
 *
 * const program = Effect.gen(function*() {
 *   const manager = yield* NetworkManager.NetworkManager
 *   yield* manager.bind("127.0.0.1:4242", { traceContext: true })
 *   return yield* manager.connect("127.0.0.1:4243", { traceContext: true, spanPrefix: "rates" })
 * })
 * ```
 *
 * @stability unstable
 * @since 0.1.0
 */

/**
 * Options of the spans of a connection, or of all connections of a listener.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** What the names of spans begin with, in place of `flowee`. */
  readonly spanPrefix?: string | undefined
  /** Attributes of all spans, over those that they have. Default: none. */
  readonly spanAttributes?: Readonly<Record<string, unknown>> | undefined
  /** Whether there are no spans. Default: `false`. */
  readonly disableTracing?: boolean | undefined
  /** Whether requests carry their trace, and requests that are received go on with theirs. Default: `false`. */
  readonly traceContext?: boolean | undefined
}
