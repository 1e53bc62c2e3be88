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

  constructor(context: Context.Context<never>) {
    this.#context = context
  }

  /** Gives a service series of its own before strangers take them all with ids that they make up. */
  reserve(serviceId: number): void {
    this.#of(serviceId)
  }

  /**
   * Counts at least one message; most are for the service of the one before. There are two such loops, since each is fast
   * only while it sees one kind of message: those that were made here.
   */
  sent(messages: ReadonlyArray<Message.Message>): void {
    let serviceId = messages[0]!.serviceId
    let from = 0
    let bytes = 0
    for (let at = 0; at < messages.length; at++) {
      const message = messages[at]!
      if (message.serviceId !== serviceId) {
        add(this.#of(serviceId).sent, at - from, bytes)
        serviceId = message.serviceId
        from = at
        bytes = 0
      }
      bytes += message.bodyLength
    }
    add(this.#of(serviceId).sent, messages.length - from, bytes)
  }

  /** As `sent`, for those that were read. */
  received(messages: ReadonlyArray<Message.Message>): void {
    let serviceId = messages[0]!.serviceId
    let from = 0
    let bytes = 0
    for (let at = 0; at < messages.length; at++) {
      const message = messages[at]!
      if (message.serviceId !== serviceId) {
        add(this.#of(serviceId).received, at - from, bytes)
        serviceId = message.serviceId
        from = at
        bytes = 0
      }
      bytes += message.bodyLength
    }
    add(this.#of(serviceId).received, messages.length - from, bytes)
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

const add = (count: Count, messages: number, bytes: number): void => {
  count.messages += messages
  count.bytes += bytes
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
