/**
 * The pings that a peer is sent: one at a time.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as P2PMessage from "../../domain/p2p/P2PMessage.ts"
import * as Random64 from "./random64.ts"

/** A ping that is not answered yet. */
interface Ping {
  readonly nonce: bigint
  readonly sentAt: number
}

/** @internal */
export class Pings {
  #open: Ping | undefined = undefined
  #latency: Option.Option<Duration.Duration> = Option.none()

  /** Whether the last ping is not answered yet. */
  get isOpen(): boolean {
    return this.#open !== undefined
  }

  /** The time between the last ping that was answered and its answer. */
  get latency(): Option.Option<Duration.Duration> {
    return this.#latency
  }

  make(now: number): Effect.Effect<P2PMessage.Of<"ping">> {
    return Effect.map(Random64.next, (nonce) => {
      this.#open = { nonce, sentAt: now }
      return P2PMessage.make("ping", { nonce })
    })
  }

  /** Takes an answer, and gives the time that it took. What answers no open ping is none. */
  answer(nonce: bigint, now: number): Duration.Duration | undefined {
    if (this.#open?.nonce !== nonce) return undefined
    const latency = Duration.millis(now - this.#open.sentAt)
    this.#open = undefined
    this.#latency = Option.some(latency)
    return latency
  }
}
