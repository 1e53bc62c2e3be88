/**
 * Those who take the messages of a peer: one after the other, each message to all of them before the next one.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as P2PMessage from "../../domain/p2p/P2PMessage.ts"
import type * as Peer from "../../services/p2p/Peer.ts"
import type * as PeerError from "../../services/p2p/PeerError.ts"

/** @internal */
export interface HandlersOptions {
  readonly hasEnded: () => boolean
  /** Ends the peer. */
  readonly end: (reason: PeerError.Misbehaved) => Effect.Effect<void>
}

/** @internal */
export class Handlers {
  readonly #options: HandlersOptions
  readonly #all = new Set<Peer.Handler>()
  /** How many effects run that messages wait for. */
  #running = 0

  constructor(options: HandlersOptions) {
    this.#options = options
  }

  /** Whether messages wait for what is done with one that came before. */
  get isBusy(): boolean {
    return this.#running > 0
  }

  readonly add = <R>(handler: Peer.Handler<R>): Effect.Effect<void, never, R | Scope.Scope> =>
    Effect.contextWith((context) =>
      Effect.asVoid(Effect.acquireRelease(
        Effect.sync(() => {
          const taker: Peer.Handler = (message) => {
            const effect = handler(message)
            return effect === undefined ? undefined : Effect.provideContext(effect, context)
          }
          this.#all.add(taker)
          return taker
        }),
        (taker) => Effect.sync(() => this.#all.delete(taker))
      ))
    )

  readonly tell = (message: P2PMessage.P2PMessage): Effect.Effect<void> =>
    Effect.suspend(() => Effect.forEach([...this.#all], (handler) => this.#run(handler, message), { discard: true }))

  /** Runs what messages have to wait for. */
  readonly busy = <A>(effect: Effect.Effect<A>): Effect.Effect<A> =>
    Effect.suspend(() => {
      this.#running += 1
      return Effect.ensuring(
        effect,
        Effect.sync(() => {
          this.#running -= 1
        })
      )
    })

  /**
   * A handler that dies must not keep the others from the message. One that has left meanwhile, or that would hear of a
   * peer that has ended, is left out.
   */
  #run(handler: Peer.Handler, message: P2PMessage.P2PMessage): Effect.Effect<void> {
    return Effect.suspend(() => {
      const isWanted = this.#all.has(handler) && !this.#options.hasEnded()
      return isWanted ? handler(message) ?? Effect.void : Effect.void
    }).pipe(
      Effect.catch(this.#options.end),
      Effect.ignoreCause({ log: "Error", message: `A handler of "${message._tag}" died` }),
      Effect.asVoid
    )
  }
}
