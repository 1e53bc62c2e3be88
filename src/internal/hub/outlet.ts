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
  readonly #overfull = Latch.makeUnsafe(false)

  constructor(connection: Connection.Connection) {
    this.connection = connection
  }

  send(message: Message.Message): void {
    // What was missed once is missed for good: the client is about to be cut off.
    if (this.#isOverfull) return
    const mayGo = !this.#isHeld && !this.#isSending && this.#waiting.length === 0
    if (mayGo && this.connection.sendUnsafe(message) === undefined) return
    this.#waiting.push(message)
    this.#bytes += sizeOf(message)
    if (this.#isOverfull) this.#overfull.openUnsafe()
    else if (!this.#isHeld) this.#work.openUnsafe()
  }

  /** Holds back what is sent from now on. */
  hold(): void {
    this.#isHeld = true
  }

  release(): void {
    if (!this.#isHeld || this.#isOverfull) return
    this.#isHeld = false
    const held = this.#take()
    this.#settle(held)
    for (const message of held) this.send(message)
  }

  /**
   * Sends what waits. Ends when the client reads too slowly, so that it misses something, be it that it reads nothing at
   * all; fails when it is gone.
   */
  readonly run: Effect.Effect<void, SendError.SendError> = Effect.suspend(() =>
    Effect.raceFirst(Effect.forever(this.#sendWaiting), this.#overfull.await)
  )

  readonly #sendWaiting: Effect.Effect<void, SendError.SendError> = Effect.andThen(
    this.#work.await,
    Effect.suspend(() => {
      this.#work.closeUnsafe()
      if (this.#isHeld || this.#isOverfull) return Effect.void
      this.#isSending = true
      const taken = this.#take()
      return Effect.andThen(
        this.connection.sendAll(taken),
        Effect.sync(() => {
          this.#isSending = false
          this.#settle(taken)
          if (this.#waiting.length > 0) this.#work.openUnsafe()
        })
      )
    })
  )

  get #isOverfull(): boolean {
    return this.#bytes > maxBytes
  }

  /** What waits. It counts until it is settled. */
  #take(): ReadonlyArray<Message.Message> {
    const taken = this.#waiting
    this.#waiting = []
    return taken
  }

  #settle(messages: ReadonlyArray<Message.Message>): void {
    for (const message of messages) this.#bytes -= sizeOf(message)
  }
}

const sizeOf = (message: Message.Message): number => message.bodyLength + overhead
