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
 * Takes the messages of one delivery, and must not throw. `undefined` says that nothing is left to be done; an effect may
 * suspend.
 *
 * @internal
 */
export type BatchHandler<R> = (
  messages: ReadonlyArray<Message.Message>
) => Effect.Effect<unknown, never, R> | undefined

type Resume = (effect: Effect.Effect<void>) => void

/** @internal */
export class Consumer {
  #queue: Array<Delivery> | undefined = undefined
  #taken = 0
  /** What is done with messages, once a fiber does it. */
  #handler: BatchHandler<unknown> | undefined = undefined
  /** Set while the fiber waits for a delivery. */
  #resume: Resume | undefined = undefined
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
    // A handler that is a plain function is called from here: the fiber is needed for effects alone.
    const work = this.#work(delivery)
    if (work !== undefined) resume(work as Effect.Effect<void>)
    // The handler may have ended or closed this.
    else if (this.#isEnding) resume(Effect.void)
    else if (!this.#isClosed) this.#resume = resume
  }

  /** Lets the handler take what is queued, then ends `run`. */
  end(): void {
    this.#isEnding = true
    const resume = this.#resume
    this.#resume = undefined
    resume?.(Effect.void)
  }

  /**
   * Hands deliveries to the handler until `end`. To be run by one fiber; when it is interrupted, what waits is let go.
   * Calls `onEnd` when that is done.
   */
  run<R>(handler: BatchHandler<R>, onEnd: () => void = constVoid): Effect.Effect<void, never, R> {
    this.#handler = handler as BatchHandler<unknown>
    const body = (): Effect.Effect<unknown, never, R> =>
      this.#work() as Effect.Effect<unknown, never, R> | undefined ?? (this.#isEnding ? Effect.void : this.#wait)
    return Effect.onExit(
      Effect.whileLoop({ while: () => !this.#isDone, body, step: () => this.#finish() }),
      () =>
        Effect.sync(() => {
          this.close()
          onEnd()
        })
    )
  }

  /** What the handler still does with the first of the deliveries that it is not done with at once. */
  #work(next = this.#shift()): Effect.Effect<unknown, never, unknown> | undefined {
    for (let delivery = next; delivery !== undefined; delivery = this.#shift()) {
      // From here on it is known to `close`, whatever happens to the fiber that works on it.
      this.#current = delivery
      const work = this.#handler === undefined ? Effect.void : this.#handler(delivery.messages)
      if (work !== undefined) return work
      this.#finish()
    }
    return undefined
  }

  get #wait(): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      this.#resume = resume
      return Effect.sync(() => {
        this.#resume = undefined
      })
    })
  }

  /** The messages in hand are done. */
  #finish(): void {
    const done = this.#current?.done
    this.#current = undefined
    done?.()
  }

  /**
   * For a taker without a handler: says that the messages of the last `pull` are done, and waits for the next ones.
   * `undefined` after `end`.
   */
  get pull(): Effect.Effect<ReadonlyArray<Message.Message> | undefined> {
    return Effect.suspend(() => {
      this.#finish()
      const work = this.#work()
      if (work !== undefined || this.#isEnding) return Effect.succeed(this.#current?.messages)
      return Effect.map(this.#wait, () => this.#current?.messages)
    })
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
  /** What the handlers of the next messages do, as far as they have not done it at once. */
  const next = (): Effect.Effect<unknown, unknown, R> | undefined => {
    try {
      while (at < messages.length) {
        const message = messages[at++]!
        const effect = handler(message)
        if (effect === undefined) continue
        return traced === undefined ? effect : Tracing.handle(traced, undefined, message, effect)
      }
      return undefined
    } catch (defect) {
      return Effect.die(defect)
    }
  }
  let work = next()
  if (work === undefined) return undefined
  const goOn = () => {
    work = next()
  }
  const loop: Effect.Effect<unknown, never, R> = Effect.whileLoop({
    while: () => work !== undefined,
    body: () => work!,
    step: goOn
  }).pipe(
    Effect.catchCause((cause) =>
      Effect.flatMap(logFailure(messages[at - 1]!, cause, annotations), () => {
        goOn()
        return loop
      })
    )
  )
  return loop
}

/**
 * Makes a batch handler of one that may fail or die, which is logged with the ids of the first message.
 *
 * @internal
 */
export const allMessages = <R>(
  handler: (messages: ReadonlyArray<Message.Message>) => Effect.Effect<unknown, unknown, R>,
  annotations: Record<string, unknown>
): BatchHandler<R> =>
(messages) => {
  const effect = attempt(handler, messages)
  if (effect === Effect.void) return undefined
  return Effect.catchCause(effect, (cause) => logFailure(messages[0]!, cause, annotations))
}

const attempt = <A, R>(f: (a: A) => Effect.Effect<unknown, unknown, R>, a: A): Effect.Effect<unknown, unknown, R> => {
  try {
    return f(a)
  } catch (defect) {
    return Effect.die(defect)
  }
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
