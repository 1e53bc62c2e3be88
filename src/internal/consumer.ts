/**
 * One taker of a connection's messages: a queue of deliveries and the fiber that hands them to a handler, in order, one
 * at a time.
 *
 * A delivery reaches a waiting handler within the call that brought it, so the memory it lies in is free again when a
 * handler that does not suspend is done.
 */
import type * as Cause from "effect/Cause"
import { constVoid } from "effect/Function"
import * as Effect from "effect/Effect"
import type * as Message from "../domain/Message.ts"
import * as Tracing from "./tracing.ts"

/**
 * What one read brought for the takers of a connection. Its memory is held until each of them is done with it.
 *
 * @internal
 */
export interface Delivery {
  readonly messages: ReadonlyArray<Message.Message>
  /** To be called once by each taker. */
  readonly done: () => void
}

/**
 * Takes the messages of one delivery. A plain function costs least; an effect may suspend.
 *
 * @internal
 */
export type BatchHandler<R> = (messages: ReadonlyArray<Message.Message>) => Effect.Effect<void, never, R>

const noDelivery: Effect.Effect<Delivery | undefined> = Effect.succeed(undefined as Delivery | undefined)

/** @internal */
export class Consumer {
  #queue: Array<Delivery> | undefined = undefined
  #taken = 0
  #resume: ((effect: Effect.Effect<Delivery | undefined>) => void) | undefined = undefined
  #isClosed = false
  #isEnding = false
  #current: Delivery | undefined = undefined

  deliver(delivery: Delivery): void {
    if (this.#isClosed) return delivery.done()
    const resume = this.#resume
    if (resume === undefined) {
      const queue = this.#queue ??= []
      queue.push(delivery)
      return
    }
    this.#resume = undefined
    // From here on it is known to `close`, whatever happens to the fiber that it is handed to.
    this.#current = delivery
    resume(Effect.succeed(delivery))
  }

  /** Lets the handler take what is queued, then ends `run`. */
  end(): void {
    this.#isEnding = true
    const resume = this.#resume
    this.#resume = undefined
    resume?.(noDelivery)
  }

  /**
   * Hands deliveries to the handler until `end`. To be run by one fiber; when it is interrupted, what waits is let go.
   * Calls `onEnd` when that is done.
   */
  run<R>(handler: BatchHandler<R>, onEnd: () => void = constVoid): Effect.Effect<void, never, R> {
    const finish = this.#finish
    const handleNext = Effect.flatMap(this.#next, (delivery): Effect.Effect<void, never, R> => {
      if (delivery === undefined) return Effect.void
      return Effect.andThen(handler(delivery.messages), finish)
    })
    return Effect.onExit(
      Effect.whileLoop({ while: () => !this.#isDone, body: () => handleNext, step: constVoid }),
      () =>
        Effect.sync(() => {
          this.close()
          onEnd()
        })
    )
  }

  /**
   * For a taker without a handler: says that the messages of the last `pull` are done, and waits for the next ones.
   * `undefined` after `end`.
   */
  get pull(): Effect.Effect<ReadonlyArray<Message.Message> | undefined> {
    return Effect.map(Effect.andThen(this.#finish, this.#next), (delivery) => delivery?.messages)
  }

  /** Lets go of everything. */
  close(): void {
    this.#isClosed = true
    this.#resume = undefined
    if (this.#current !== undefined) this.#current.done()
    this.#current = undefined
    for (let delivery = this.#shift(); delivery !== undefined; delivery = this.#shift()) {
      delivery.done()
    }
  }

  get #isDone(): boolean {
    return this.#isEnding && this.#queue === undefined
  }

  get #next(): Effect.Effect<Delivery | undefined> {
    return Effect.callback<Delivery | undefined>((resume) => {
      const delivery = this.#shift()
      this.#current = delivery
      if (delivery !== undefined || this.#isEnding) return resume(Effect.succeed(delivery))
      this.#resume = resume
      return Effect.sync(() => {
        this.#resume = undefined
      })
    })
  }

  get #finish(): Effect.Effect<void> {
    return Effect.sync(() => {
      const delivery = this.#current
      this.#current = undefined
      delivery?.done()
    })
  }

  #shift(): Delivery | undefined {
    const queue = this.#queue
    if (queue === undefined) return undefined
    const delivery = queue[this.#taken]
    this.#taken += 1
    if (this.#taken === queue.length) {
      this.#queue = undefined
      this.#taken = 0
    } else if (this.#taken > 1024) {
      queue.splice(0, this.#taken)
      this.#taken = 0
    }
    return delivery
  }
}

/**
 * Makes a batch handler of a handler of single messages. A message whose handling fails or dies is logged with its ids,
 * and the next one follows. What handles a request has a span, unless `traced` is left out.
 *
 * @internal
 */
export const eachMessage = <R>(
  handler: (message: Message.Message) => Effect.Effect<unknown, unknown, R> | void,
  annotations: Record<string, unknown>,
  traced?: Tracing.Traced
): BatchHandler<R> =>
(messages) => {
  let at = 0
  const body = (): Effect.Effect<unknown, unknown, R> => {
    while (at < messages.length) {
      const message = messages[at++]!
      const result = handler(message)
      if (result === undefined) continue
      return traced === undefined ? result : Tracing.handle(traced, undefined, message, result)
    }
    return Effect.void
  }
  const loop: Effect.Effect<void, never, R> = Effect.whileLoop({
    while: () => at < messages.length,
    body,
    step: constVoid
  }).pipe(
    Effect.catchCause((cause) => Effect.andThen(logFailure(messages[at - 1]!, cause, annotations), loop))
  )
  return loop
}

/** @internal */
export const logFailure = (
  message: Message.Message,
  cause: Cause.Cause<unknown>,
  annotations: Record<string, unknown>
): Effect.Effect<void> =>
  Effect.annotateLogs(
    Effect.logError(`The handler of message ${message.serviceId}/${message.messageId} failed`, cause),
    annotations
  )
