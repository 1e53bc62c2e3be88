/**
 * The handlers that a manager has by service id, and where each of them is at work.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Message from "../domain/Message.ts"
import type * as Connection from "../services/Connection.ts"
import * as Consumer from "./consumer.ts"
import type * as Peer from "./peer.ts"
import * as Work from "./work.ts"

/** @internal */
export interface RegistrationOptions {
  readonly serviceId: number
  /** Whether what handles a request has a span. */
  readonly isTraced: boolean
  /** Runs for each peer at its first message to the service. Its scope is closed when the peer goes. */
  readonly make: (
    connection: Connection.Connection,
    annotations: Record<string, unknown>
  ) => Effect.Effect<Connection.Handler<unknown>, unknown, Scope.Scope>
}

/** A handler of a service, and the peers that it is at work for. */
interface Registration extends RegistrationOptions {
  readonly attached: WeakSet<Peer.Peer>
  readonly works: Set<Work.Work>
}

/** @internal */
export class ServiceRegistry {
  readonly #byService = new Map<number, Set<Registration>>()
  readonly #toHandle: (peer: Peer.Peer) => Connection.Connection

  constructor(toHandle: (peer: Peer.Peer) => Connection.Connection) {
    this.#toHandle = toHandle
  }

  /** Registers a handler. Returns how to end it: nobody is told anything more, and what it is doing is interrupted. */
  add(options: RegistrationOptions): Effect.Effect<void> {
    const { serviceId } = options
    const registration: Registration = { ...options, attached: new WeakSet(), works: new Set() }
    const registrations = this.#byService.get(serviceId) ?? new Set()
    this.#byService.set(serviceId, registrations.add(registration))
    return Effect.suspend(() => {
      registrations.delete(registration)
      if (registrations.size === 0 && this.#byService.get(serviceId) === registrations) {
        this.#byService.delete(serviceId)
      }
      return Work.interruptAll(registration.works)
    })
  }

  /** Starts the handlers of the services that messages are for, where they are not at work for this peer yet. */
  attach(peer: Peer.Peer, messages: ReadonlyArray<Message.Message>): void {
    if (this.#byService.size === 0) return
    let serviceId = -1
    for (const message of messages) {
      if (message.serviceId === serviceId) continue
      serviceId = message.serviceId
      const registrations = this.#byService.get(serviceId)
      if (registrations === undefined) continue
      for (const registration of registrations) {
        if (!registration.attached.has(peer)) this.#start(peer, registration)
      }
    }
  }

  #start(peer: Peer.Peer, registration: Registration): void {
    registration.attached.add(peer)
    const consumer = new Consumer.Consumer()
    const remove = peer.addTaker(consumer, registration.serviceId)
    const annotations = { ...peer.annotations, service: registration.serviceId }
    const traced = registration.isTraced ? peer : undefined
    const work = peer.forkWork(
      Effect.suspend(() => registration.make(this.#toHandle(peer), annotations)).pipe(
        Effect.flatMap((handler) => consumer.run(Consumer.eachMessage(handler, annotations, traced))),
        Effect.scoped,
        Effect.catchCause((cause) =>
          Effect.logError("The handler of a service could not be made for a peer, or released", cause)
        ),
        Effect.annotateLogs(annotations),
        Effect.ensuring(Effect.sync(() => {
          remove()
          consumer.close()
        }))
      )
    )
    if (work.hasEnded) return
    registration.works.add(work)
    work.onEnd(() => registration.works.delete(work))
  }
}
