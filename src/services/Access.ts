/**
 * What a peer may do here: who it is, the services that it may address, and what their handlers are to know of it.
 *
 * **Details**
 *
 * An authorizer gives each connection its access, see `ConnectionAuthorizer`; it holds for as long as the socket does. All
 * that runs for the connection, handlers and programs, finds it as {@link Current}.
 *
 * A service may say who it is for, with a {@link Requirement}. A message must be let through by both: by the access of the
 * connection, which nothing gets around, and by the requirement of the service, which its own handler has.
 *
 * **Example** (A user of one's own, for those services that need one)
 *
 * ```ts
 * import { Context, Effect } from "effect"
 * import { Access, ConnectionAuthorizer, Identity, Message, NetworkService } from "effect-flowee"
 *
 * class CurrentUser extends Context.Service<CurrentUser, { readonly name: string }>()("app/CurrentUser") {}
 *
 * const authorizer = ConnectionAuthorizer.certificate(({ commonName: name }) =>
 *   name === undefined ? undefined : Access.make({
 *     identity: Identity.Identity.Named({ name }),
 *     context: Context.make(CurrentUser, { name })
 *   })
 * )
 *
 * // Its layer does not ask for a CurrentUser: each peer that gets here brings its own.
 * const Greeter = NetworkService.layerHandler(42, (message, connection) =>
 *   Effect.flatMap(CurrentUser, ({ name }) =>
 *     connection.send(Message.reply(message, { body: new TextEncoder().encode(`Hello, ${name}!`) }))),
 *   { access: Access.having(CurrentUser) })
 * ```
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Identity from "../domain/Identity.ts"

/**
 * What a peer may do.
 *
 * @category models
 * @since 0.1.0
 */
export interface Access {
  readonly identity: Identity.Identity
  /**
   * The ids of the services that it may address. A message to another one is handed to nobody. Replies to what it was asked
   * are always let through.
   */
  readonly services: "all" | ReadonlySet<number>
  /** What else is known of it, for handlers that ask for it: see {@link having}. */
  readonly context: Context.Context<never>
}

/**
 * What an access is made of.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Default: `Anonymous`. */
  readonly identity?: Identity.Identity | undefined
  /** Default: all. */
  readonly services?: Iterable<number> | undefined
  /** Default: nothing. */
  readonly context?: Context.Context<never> | undefined
}

/**
 * Makes an access.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Access => ({
  identity: options.identity ?? Identity.anonymous,
  services: options.services === undefined ? "all" : new Set(options.services),
  context: options.context ?? Context.empty()
})

/**
 * One who has proved nothing, and may address every service that does not demand more. Connections that are not accepted by
 * an authorizer of the program have this access, the dialled ones among them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const anonymous: Access = make()

/**
 * The access of the peer that a fiber works for. In fibers that work for no peer it is {@link anonymous}.
 *
 * @category references
 * @since 0.1.0
 */
export const Current: Context.Reference<Access> = Context.Reference<Access>("effect-flowee/Access/Current", {
  defaultValue: () => anonymous
})

/**
 * Who the peer is that a fiber works for.
 *
 * **Example** (A handler that wants to know)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Access, NetworkService } from "effect-flowee"
 *
 * const service = NetworkService.layerHandler(42, () =>
 *   Effect.flatMap(Access.identity, (identity) => Effect.logInfo(`asked by ${identity._tag}`)))
 * ```
 *
 * @category accessors
 * @since 0.1.0
 */
export const identity: Effect.Effect<Identity.Identity> = Effect.map(Current, (access) => access.identity)

/**
 * Whom a service is for. What a peer that is let through brings along (`Provided`) need not be provided to the service.
 *
 * **Details**
 *
 * It is asked at the first message of a peer to the service. One that throws is logged, and lets nobody through.
 *
 * @category models
 * @since 0.1.0
 */
export interface Requirement<out Provided = never> {
  readonly allows: (access: Access) => boolean
  /** What the access of those who are let through has in its context. */
  readonly provides: ReadonlyArray<Context.Key<Provided, unknown>>
}

/**
 * For peers whose access passes a test.
 *
 * @category requirements
 * @since 0.1.0
 */
export const when = (test: (access: Access) => boolean): Requirement => ({ allows: test, provides: [] })

/**
 * For peers that have proved who they are, in whatever way.
 *
 * @category requirements
 * @since 0.1.0
 */
export const identified: Requirement = when((access) => access.identity._tag !== "Anonymous")

/**
 * For peers whose authorizer has put a value under a key into the context of their access, and, when there is a test, one
 * that passes it. Handlers find it under that key.
 *
 * @category requirements
 * @since 0.1.0
 */
export const having = <Id, Value>(
  key: Context.Key<Id, Value>,
  test: (value: Value) => boolean = () => true
): Requirement<Id> => ({
  allows: (access) => Option.exists(Context.getOption(access.context, key), test),
  provides: [key]
})
