/**
 * The way of notifications to one client. They leave in order and at once where they can; those of a request that is to
 * be answered first are held back until it is, and those that find no room wait for it, up to a limit.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Message from "../../domain/Message.ts"
import type * as Connection from "../../services/Connection.ts"
import type * as SendError from "../../services/SendError.ts"

/** The bytes that may wait for a client which does not read. */
const maxBytes = 32_000_000

/** What a message counts beside its body. */
const overhead = 64

/** @internal */
export class Outlet {
  readonly connection: Connection.Connection
  #waiting: Array<Message.Message> = []
  #bytes = 0
  #isHeld = false
  #isSending = false
  readonly #work = Latch.makeUnsafe(false)

  constructor(connection: Connection.Connection) {
    this.connection = connection
  }

  send(message: Message.Message): void {
    const mayGo = !this.#isHeld && !this.#isSending && this.#waiting.length === 0
    if (mayGo && this.connection.sendUnsafe(message) === undefined) return
    this.#waiting.push(message)
    this.#bytes += message.bodyLength + overhead
    if (!this.#isHeld || this.#isOverfull) this.#work.openUnsafe()
  }

  /** Holds back what is sent from now on. */
  hold(): void {
    this.#isHeld = true
  }

  release(): void {
    if (!this.#isHeld) return
    this.#isHeld = false
    const held = this.#take()
    for (const message of held) this.send(message)
  }

  /** Sends what waits. Ends when the client reads too slowly, so that it misses something; fails when it is gone. */
  readonly run: Effect.Effect<void, SendError.SendError> = Effect.suspend(() =>
    Effect.whileLoop({ while: () => !this.#isOverfull, body: () => this.#sendWaiting, step: () => {} })
  )

  readonly #sendWaiting: Effect.Effect<void, SendError.SendError> = Effect.andThen(
    this.#work.await,
    Effect.suspend(() => {
      this.#work.closeUnsafe()
      if (this.#isHeld || this.#isOverfull) return Effect.void
      this.#isSending = true
      return Effect.andThen(
        this.connection.sendAll(this.#take()),
        Effect.sync(() => {
          this.#isSending = false
          if (this.#waiting.length > 0) this.#work.openUnsafe()
        })
      )
    })
  )

  get #isOverfull(): boolean {
    return this.#bytes > maxBytes
  }

  #take(): Array<Message.Message> {
    const taken = this.#waiting
    this.#waiting = []
    this.#bytes = 0
    return taken
  }
}
