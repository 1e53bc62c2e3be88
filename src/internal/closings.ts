/**
 * Connections that close with the same scope. They close one after another, and have their time to drain together: from
 * when the first of them closes.
 */
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import type * as Peer from "./peer.ts"

/** @internal */
export class Closings {
  /** When scopes began to close. */
  readonly #began = new WeakMap<Scope.Scope, number>()

  /** Gives a peer that is acquired in a scope the time of the others of that scope. */
  together(acquire: Effect.Effect<Peer.Peer, never, Scope.Scope>): Effect.Effect<Peer.Peer, never, Scope.Scope> {
    return Effect.gen({ self: this }, function*() {
      const scope = yield* Effect.scope
      let acquired: Peer.Peer | undefined
      // Finalizers run from the last to the first. Others may still have the connection when all of these have.
      yield* Scope.addFinalizer(
        scope,
        Effect.sync(() => {
          if (acquired !== undefined) acquired.closesSince = undefined
        })
      )
      const peer = acquired = yield* acquire
      yield* Scope.addFinalizer(
        scope,
        Effect.sync(() => {
          peer.closesSince = this.#since(scope, peer.runner.now())
        })
      )
      return peer
    })
  }

  #since(scope: Scope.Scope, now: number): number {
    const since = this.#began.get(scope) ?? now
    this.#began.set(scope, since)
    return since
  }
}
