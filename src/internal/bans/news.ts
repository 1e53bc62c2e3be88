/**
 * The bans that others made, on their way to the ban list. Who tells waits for who listens, so none is missed.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as PubSub from "effect/PubSub"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Take from "effect/Take"
import type * as Table from "./table.ts"

/** @internal */
export interface News {
  readonly tell: (bans: ReadonlyArray<Table.Row>) => Effect.Effect<void>
  readonly bans: Stream.Stream<Table.Row>
}

/** @internal */
export const make: Effect.Effect<News, never, Scope.Scope> = Effect.gen(function*() {
  const pubsub = yield* PubSub.bounded<Take.Take<Table.Row>>(16)
  yield* Effect.addFinalizer(() => PubSub.end(pubsub, Exit.void))
  return {
    tell: ([first, ...rest]) =>
      first === undefined ? Effect.void : Effect.asVoid(PubSub.publish(pubsub, [first, ...rest])),
    bans: Stream.fromPubSubTake(pubsub)
  }
})
