/**
 * The events of a wallet on their way to its reader.
 *
 * What was read counts as dealt with when the reader comes for more. Only then is it saved that the wallet has heard of
 * it: a program that is killed before is told again.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type * as WalletEvent from "../../../services/p2p/WalletEvent.ts"

interface Item {
  readonly event: WalletEvent.WalletEvent
  /** Blocks that were looked at before something was taken back count for nothing. */
  readonly epoch: number
}

/** With so many events that nobody has read no further blocks are looked at. */
const maxWaiting = 1000

/** @internal */
export interface Options {
  /** Every block up to this one has been dealt with. */
  readonly deliveredTo: number
  readonly onDelivered: (event: WalletEvent.WalletEvent) => void
}

/** @internal */
export class Outbox {
  readonly #queue: Queue.Queue<Item, Cause.Done>
  #onDelivered: Options["onDelivered"] = () => undefined
  #deliveredTo = -1
  #waiting = 0
  #rollbacks = 0
  #epoch = 0
  #read: ReadonlyArray<Item> = []

  constructor(queue: Queue.Queue<Item, Cause.Done>) {
    this.#queue = queue
  }

  begin({ deliveredTo, onDelivered }: Options): void {
    this.#deliveredTo = deliveredTo
    this.#onDelivered = onDelivered
  }

  get deliveredTo(): number {
    return this.#deliveredTo
  }

  /** Whether the reader has yet to hear that something was taken back. */
  get isInDoubt(): boolean {
    return this.#rollbacks > 0
  }

  get hasRoom(): boolean {
    return this.#waiting < maxWaiting
  }

  /** For one reader. It ends when the wallet is closed. */
  readonly events: Stream.Stream<WalletEvent.WalletEvent> = Stream.suspend(() =>
    Stream.map(Stream.fromPull(Effect.succeed(this.#pull)), ({ event }) => event)
  )

  tell(event: WalletEvent.WalletEvent): void {
    if (event._tag === "RolledBack") {
      this.#rollbacks++
      this.#epoch++
    }
    this.#waiting++
    Queue.offerUnsafe(this.#queue, { event, epoch: this.#epoch })
  }

  /** The blocks above a height are looked at again. */
  takeBack(height: number): void {
    this.#epoch++
    this.#deliveredTo = Math.min(this.#deliveredTo, height)
  }

  readonly end: Effect.Effect<void> = Effect.suspend(() => Effect.asVoid(Queue.end(this.#queue)))

  readonly #pull = Effect.suspend(() => {
    this.#settle()
    return Effect.map(Queue.takeAll(this.#queue), (items) => {
      this.#read = items
      return items
    })
  })

  #settle(): void {
    const items = this.#read
    this.#read = []
    this.#waiting -= items.length
    for (const { epoch, event } of items) {
      if (event._tag === "Synced" && epoch === this.#epoch) {
        this.#deliveredTo = Math.max(this.#deliveredTo, event.height)
      }
      if (event._tag === "RolledBack") {
        this.#rollbacks--
        this.#deliveredTo = Math.min(this.#deliveredTo, event.height)
      }
      this.#onDelivered(event)
    }
  }
}

/** @internal */
export const make: Effect.Effect<Outbox> = Effect.map(
  Queue.unbounded<Item, Cause.Done>(),
  (queue) => new Outbox(queue)
)
