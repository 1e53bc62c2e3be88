/**
 * The side of a serving thread that asks the thread which holds what they share.
 */
import * as Effect from "effect/Effect"
import type * as Protocol from "./protocol.ts"

interface Waiting {
  readonly resume: (effect: Effect.Effect<unknown>) => void
}

/** @internal */
export class Asker {
  readonly #post: (message: Protocol.FromThread) => void
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0

  constructor(post: (message: Protocol.FromThread) => void) {
    this.#post = post
  }

  /** Asks and waits for the answer. The other side always answers while it lives, and this thread ends with it. */
  ask<Q extends Protocol.Question>(
    question: Q,
    ask: Protocol.Questions[Q]["ask"]
  ): Effect.Effect<Protocol.Questions[Q]["answer"]> {
    return Effect.callback<unknown>((resume) => {
      const id = this.#send(question, ask)
      this.#waiting.set(id, { resume })
      return Effect.sync(() => this.#waiting.delete(id))
    }) as Effect.Effect<Protocol.Questions[Q]["answer"]>
  }

  /** Asks and does not wait. */
  tell<Q extends Protocol.Question>(question: Q, ask: Protocol.Questions[Q]["ask"]): void {
    this.#send(question, ask)
  }

  onAnswer(id: number, effect: Effect.Effect<unknown>): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    waiting?.resume(effect)
  }

  #send<Q extends Protocol.Question>(question: Q, ask: Protocol.Questions[Q]["ask"]): number {
    this.#lastId += 1
    this.#post({ _tag: "Ask", id: this.#lastId, question, ask } as Protocol.FromThread)
    return this.#lastId
  }
}
