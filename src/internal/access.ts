/**
 * Running what is done for a peer with the access that the peer has.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Access from "../services/Access.ts"

/** What fibers that work for a peer find. @internal */
export const toContext = (access: Access.Access): Context.Context<never> =>
  Context.add(access.context, Access.Current, access)

/** Runs an effect for a peer. Most peers are anonymous, and then it costs no context of its own. @internal */
export const provide = <A, E, R>(access: Access.Access, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) =>
    fiber.getRef(Access.Current) === access ? effect : Effect.provideContext(effect, toContext(access))
  )

/** The context without the access that its fiber has: what is started in it later may be for another peer. @internal */
export const outside = <R>(context: Context.Context<R>): Context.Context<R> => Context.omit(Access.Current)(context)
