/**
 * Messages and bytes by service, for as many services as have series of their own.
 */
import type * as Context from "effect/Context"
import { constVoid } from "effect/Function"
import * as Metric from "effect/Metric"
import type * as Message from "../domain/Message.ts"
import * as NetworkMetrics from "../services/NetworkMetrics.ts"

/** What went one way. */
interface Count {
  messages: number
  bytes: number
}

interface Tally {
  readonly sent: Count
  readonly received: Count
}

/** @internal */
export class Traffic {
  readonly #context: Context.Context<never>
  readonly #byService = new Map<number, Tally>()
  /** All services beyond the bound, from when there is one. */
  #other: Tally | undefined = undefined
  // Most messages are for the service of the one before.
  #lastSentId = -1
  #lastSent: Count = { messages: 0, bytes: 0 }
  #lastReceivedId = -1
  #lastReceived: Count = { messages: 0, bytes: 0 }

  constructor(context: Context.Context<never>) {
    this.#context = context
  }

  /** Gives a service series of its own before strangers take them all with ids that they make up. */
  reserve(serviceId: number): void {
    this.#of(serviceId)
  }

  /** To be called for each message when it is written: there it is at hand, and a loop of its own cost twice as much. */
  sent(message: Message.Message): void {
    const { serviceId } = message
    if (serviceId !== this.#lastSentId) {
      this.#lastSentId = serviceId
      this.#lastSent = this.#of(serviceId).sent
    }
    this.#lastSent.messages += 1
    this.#lastSent.bytes += message.bodyLength
  }

  /** As `sent`, for a message that was read. */
  received(message: Message.Message): void {
    const { serviceId } = message
    if (serviceId !== this.#lastReceivedId) {
      this.#lastReceivedId = serviceId
      this.#lastReceived = this.#of(serviceId).received
    }
    this.#lastReceived.messages += 1
    this.#lastReceived.bytes += message.bodyLength
  }

  #of(serviceId: number): Tally {
    const known = this.#byService.get(serviceId)
    if (known !== undefined) return known
    if (this.#byService.size >= NetworkMetrics.maxServices) return this.#other ??= this.#register("other")
    const tally = this.#register(String(serviceId))
    this.#byService.set(serviceId, tally)
    return tally
  }

  #register(service: string): Tally {
    const sent: Count = { messages: 0, bytes: 0 }
    const received: Count = { messages: 0, bytes: 0 }
    const register = (counter: Metric.Counter<number>, read: () => number) =>
      registerCounter(counter, { service }, this.#context, read)
    register(NetworkMetrics.messagesSent, () => sent.messages)
    register(NetworkMetrics.bytesSent, () => sent.bytes)
    register(NetworkMetrics.messagesReceived, () => received.messages)
    register(NetworkMetrics.bytesReceived, () => received.bytes)
    return { sent, received }
  }
}

/**
 * Makes a counter tell what is counted elsewhere.
 *
 * @internal
 */
export const registerCounter = (
  counter: Metric.Counter<number>,
  labels: Record<string, string>,
  context: Context.Context<never>,
  read: () => number
): Metric.Registration =>
  Metric.registerUnsafe(Metric.withAttributes(counter, labels), context, {
    get: () => ({ count: read(), incremental: true }),
    update: constVoid,
    modify: constVoid
  })

/**
 * Makes a gauge tell what is true when it is read.
 *
 * @internal
 */
export const registerGauge = (
  gauge: Metric.Gauge<number>,
  labels: Record<string, string>,
  context: Context.Context<never>,
  read: () => number
): Metric.Registration =>
  Metric.registerUnsafe(Metric.withAttributes(gauge, labels), context, {
    get: () => ({ value: read() }),
    update: constVoid,
    modify: constVoid
  })
