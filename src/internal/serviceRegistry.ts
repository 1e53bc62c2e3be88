/**
 * The handlers that a manager has by service id, and where each of them is at work.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Message from "../domain/Message.ts"
import type * as Access from "../services/Access.ts"
import type * as Connection from "../services/Connection.ts"
import * as PeerAccess from "./access.ts"
import * as Consumer from "./consumer.ts"
import type * as Peer from "./peer.ts"
import * as Work from "./work.ts"

/** @internal */
export interface RegistrationOptions {
  readonly serviceId: number
  /** Whether what handles a request has a span. */
  readonly isTraced: boolean
  /** Whom it is for. Default: everybody. */
  readonly requirement: Access.Requirement<unknown> | undefined
  /** Runs for each peer at its first message to the service. Its scope is closed when the peer goes. */
  readonly make: (
    connection: Connection.Connection,
    access: Access.Access,
    annotations: Record<string, unknown>
  ) => Effect.Effect<Connection.Handler<unknown>, unknown, Scope.Scope>
}

/** A handler of a service, and the peers that it is at work for. */
interface Registration extends RegistrationOptions {
  /** Those whom it is told of messages, or that it was refused to: an access does not change. */
  readonly attached: WeakSet<Peer.Peer>
  readonly refused: WeakSet<Peer.Peer>
  readonly works: Set<Work.Work>
}

/** @internal */
export class ServiceRegistry {
  readonly #byService = new Map<number, Set<Registration>>()
  /** How many handlers have a requirement. */
  #restricted = 0
  readonly #toHandle: (peer: Peer.Peer) => Connection.Connection

  constructor(toHandle: (peer: Peer.Peer) => Connection.Connection) {
    this.#toHandle = toHandle
  }

  /** Registers a handler. Returns how to end it: nobody is told anything more, and what it is doing is interrupted. */
  add(options: RegistrationOptions): Effect.Effect<void> {
    const { serviceId } = options
    const registration: Registration = { ...options, attached: new WeakSet(), refused: new WeakSet(), works: new Set() }
    const registrations = this.#byService.get(serviceId) ?? new Set()
    this.#byService.set(serviceId, registrations.add(registration))
    const demands = options.requirement === undefined ? 0 : 1
    this.#restricted += demands
    return Effect.suspend(() => {
      registrations.delete(registration)
      this.#restricted -= demands
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

  /** Whether some services are not for everybody. */
  get isRestricted(): boolean {
    return this.#restricted > 0
  }

  /** Whether there are handlers of the service, and none of them is for this peer. */
  refuses(peer: Peer.Peer, serviceId: number): boolean {
    const registrations = this.#byService.get(serviceId)
    if (registrations === undefined) return false
    for (const { refused } of registrations) if (!refused.has(peer)) return false
    return true
  }

  #start(peer: Peer.Peer, registration: Registration): void {
    registration.attached.add(peer)
    if (!allows(peer, registration)) {
      registration.refused.add(peer)
      return
    }
    const consumer = new Consumer.Consumer()
    const remove = peer.addTaker(consumer, registration.serviceId)
    const annotations = { ...peer.annotations, service: registration.serviceId }
    const traced = registration.isTraced ? peer : undefined
    const work = peer.forkWork(
      PeerAccess.provide(
        peer.access,
        Effect.suspend(() => registration.make(this.#toHandle(peer), peer.access, annotations)).pipe(
          Effect.flatMap((handler) => consumer.run(Consumer.eachMessage(handler, annotations, traced))),
          Effect.scoped
        )
      ).pipe(
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

/** A requirement of a program that throws lets nobody through. */
const allows = (peer: Peer.Peer, { requirement, serviceId }: Registration): boolean => {
  if (requirement === undefined) return true
  try {
    return requirement.allows(peer.access)
  } catch (cause) {
    const annotations = { ...peer.annotations, service: serviceId }
    peer.runner.fork(Effect.annotateLogs(
      Effect.logError("Whom a service is for could not be found out", Cause.die(cause)),
      annotations
    ))
    return false
  }
}
