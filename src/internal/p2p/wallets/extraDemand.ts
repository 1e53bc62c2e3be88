/**
 * Wants peers in the place of those that no wallet can have: they have served another one, and count as peers all the
 * same.
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as PeerManager from "../../../services/p2p/PeerManager.ts"

/** With more of them it is time for new addresses, not for more connections. */
const maxExtra = 16

/** Gives what sets how many there are. @internal */
export const make = Effect.fnUntraced(function*(
  manager: PeerManager.PeerManager["Service"],
  services: bigint
): Effect.fn.Return<(count: number) => void, never, Scope.Scope> {
  const counts = yield* Queue.sliding<number>(1)
  const want = (count: number) =>
    count === 0
      ? Stream.never
      : Stream.scoped(Stream.fromEffect(Effect.andThen(manager.want({ count, services }), Effect.never)))
  yield* Stream.fromQueue(counts).pipe(
    Stream.changes,
    Stream.switchMap(want),
    Stream.runDrain,
    Effect.forkScoped
  )
  return (count) => {
    Queue.offerUnsafe(counts, Math.min(count, maxExtra))
  }
})
