/**
 * The handlers that a manager has by service id, and where each of them is at work.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Message from "../domain/Message.ts"
import type * as Connection from "../services/Connection.ts"
import * as Consumer from "./consumer.ts"
import type * as Peer from "./peer.ts"

/**
 * A handler of a service: made for each peer at its first message, and released when the peer goes.
 *
 * @internal
 */
export interface Registration {
  readonly serviceId: number
  readonly make: (connection: Connection.Connection) => Effect.Effect<Connection.Handler<unknown>, unknown, Scope.Scope>
}

/** @internal */
export class ServiceRegistry {
  readonly #registrations = new Set<Registration>()
  /** The registrations that are at work for a peer already. */
  readonly #attached = new WeakMap<Peer.Peer, Set<Registration>>()
  readonly #toHandle: (peer: Peer.Peer) => Connection.Connection

  constructor(toHandle: (peer: Peer.Peer) => Connection.Connection) {
    this.#toHandle = toHandle
  }

  add(registration: Registration): () => void {
    this.#registrations.add(registration)
    return () => {
      this.#registrations.delete(registration)
    }
  }

  /** Starts the handlers of the services that messages are for, where they are not at work for this peer yet. */
  attach(peer: Peer.Peer, messages: ReadonlyArray<Message.Message>): void {
    if (this.#registrations.size === 0) return
    for (const registration of this.#registrations) {
      if (this.#attached.get(peer)?.has(registration)) continue
      if (messages.some((message) => message.serviceId === registration.serviceId)) this.#start(peer, registration)
    }
  }

  #start(peer: Peer.Peer, registration: Registration): void {
    const attached = this.#attached.get(peer) ?? new Set()
    this.#attached.set(peer, attached.add(registration))
    const consumer = new Consumer.Consumer()
    const remove = peer.addTaker(consumer, registration.serviceId)
    const annotations = { ...peer.annotations, service: registration.serviceId }
    peer.runner.fork(
      Effect.scoped(Effect.flatMap(
        registration.make(this.#toHandle(peer)),
        (handler) => consumer.run(Consumer.eachMessage(handler, annotations))
      )).pipe(
        Effect.catchCause((cause) =>
          Effect.annotateLogs(Effect.logError("The handler of a service could not be made for a peer", cause), annotations)
        ),
        Effect.ensuring(Effect.sync(() => {
          remove()
          consumer.end()
        }))
      )
    )
  }
}
