/**
 * Verifies large legacy messages on worker threads, and keeps all that follows them behind them.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Envelope from "../domain/Envelope.ts"
import * as Job from "../domain/Job.ts"
import * as LegacyDecoder from "../domain/LegacyDecoder.ts"
import * as Message from "../domain/Message.ts"
import type * as WireError from "../domain/WireError.ts"
import * as DisconnectReason from "../services/DisconnectReason.ts"
import type * as WorkerThreads from "../services/WorkerThreads.ts"
import type * as Runner from "./runner.ts"

/** @internal */
export interface Unverified {
  readonly message: Message.Message
  readonly announced: number
}

/** What one read brought. */
interface Batch {
  readonly messages: ReadonlyArray<Message.Message>
  readonly unverified: ReadonlyArray<Unverified>
  /** Whether an unverified message lies alone in its memory, so that the memory can be lent to a thread. */
  readonly isAlone: boolean
  readonly forward: (messages: ReadonlyArray<Message.Message>) => void
}

/** @internal */
export interface VerifierOptions {
  readonly runner: Runner.Runner
  readonly threads: WorkerThreads.WorkerThreads["Service"]
  readonly envelope: Envelope.Envelope
  readonly fail: (error: WireError.WireError | DisconnectReason.VerificationFailed) => void
}

/** @internal */
export class Verifier {
  readonly #options: VerifierOptions
  #queue: Array<Batch> = []
  #isRunning = false
  #hasFailed = false

  constructor(options: VerifierOptions) {
    this.#options = options
  }

  /** While it is busy, what follows must go through it too, to stay in order. */
  get isBusy(): boolean {
    return this.#isRunning
  }

  push(batch: Batch): void {
    this.#queue.push(batch)
    if (this.#isRunning) return
    this.#isRunning = true
    this.#options.runner.fork(this.#work)
  }

  readonly #work: Effect.Effect<void> = Effect.gen({ self: this }, function*() {
    for (let batch = this.#queue.shift(); batch !== undefined; batch = this.#queue.shift()) {
      let messages = batch.messages
      for (const unverified of batch.unverified) {
        if (this.#hasFailed) break
        const verified = yield* this.#verify(unverified, batch.isAlone)
        messages = messages.map((message) => message === unverified.message ? verified : message)
      }
      batch.forward(this.#hasFailed ? [] : messages)
    }
    this.#isRunning = false
  })

  #verify({ announced, message }: Unverified, isAlone: boolean): Effect.Effect<Message.Message> {
    const hashed = isAlone ? this.#hashLent(message) : this.#hashCopied(message)
    return Effect.map(Effect.exit(hashed), (exit) => {
      if (Exit.isFailure(exit)) return this.#verifyHere(message, announced)
      const error = LegacyDecoder.verify(message, announced, exit.value.hash)
      if (error !== undefined) this.#fail(error)
      return exit.value.message
    })
  }

  #hashCopied(message: Message.Message) {
    return Effect.map(
      this.#options.threads.run(Job.hash256, Message.borrow(message)),
      (hash) => ({ hash, message })
    )
  }

  #hashLent(message: Message.Message) {
    return Effect.map(
      this.#options.threads.runTransfer(Job.hash256, message.body),
      ({ bytes, output }) => ({
        hash: output,
        message: Message.make({ serviceId: message.serviceId, messageId: message.messageId, body: bytes })
      })
    )
  }

  /** No thread did it. When its memory is still here, the event loop does. */
  #verifyHere(message: Message.Message, announced: number): Message.Message {
    const isLost = message.bodyLength > 0 && Message.borrow(message).length === 0
    const error = isLost
      ? new DisconnectReason.VerificationFailed()
      : this.#options.envelope.verify?.(message, announced)
    if (error !== undefined) this.#fail(error)
    return message
  }

  #fail(error: WireError.WireError | DisconnectReason.VerificationFailed): void {
    this.#hasFailed = true
    this.#options.fail(error)
  }
}
