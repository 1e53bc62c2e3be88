/**
 * One lane of a connection: a bounded queue of messages that are to leave in order.
 *
 * A message counts against the bounds from the moment it is taken in until the operating system has taken all of it,
 * so what a write holds is never beside the bounds.
 */
import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import * as Queue from "effect/Queue"
import type * as Envelope from "../domain/Envelope.ts"
import * as Message from "../domain/Message.ts"
import * as SendError from "../services/SendError.ts"

/** A sender that waits for room, with what is left of its batch. */
interface Waiter {
  readonly messages: ReadonlyArray<Message.Message>
  next: number
  readonly done: (error: SendError.SendError | undefined) => void
}

/** @internal */
export interface LaneOwner {
  /** Messages were taken in. */
  readonly onOffer: () => void
}

/** @internal */
export interface LaneOptions {
  readonly priority: Message.Priority
  readonly maxMessages: number
  readonly maxBytes: number
  readonly envelope: Envelope.Envelope
  readonly owner: LaneOwner
  /** Told by how much the lane has grown or shrunk, in steps. */
  readonly onHeld?: ((bytes: number) => void) | undefined
}

/** A lane tells of what it holds in steps of so many bytes, so that a message by itself is not told of. */
const heldStep = 16_384

/** Few messages are taken one by one: an effect that takes them all costs as much as some of these. */
const few = 4

const takeAll = (queue: Queue.Queue<Message.Message>): Array<Message.Message> => {
  if (Queue.sizeUnsafe(queue) > few) return Effect.runSync(Queue.clear(queue))
  const taken: Array<Message.Message> = []
  for (let exit = Queue.takeUnsafe(queue); exit?._tag === "Success"; exit = Queue.takeUnsafe(queue)) {
    taken.push(exit.value)
  }
  return taken
}

/** @internal */
export class Lane {
  /** Messages and bytes that have been taken in and have not left. */
  messages = 0
  bytes = 0
  readonly #priority: Message.Priority
  readonly #maxMessages: number
  readonly #maxBytes: number
  readonly #envelope: Envelope.Envelope
  readonly #owner: LaneOwner
  readonly #onHeld: ((bytes: number) => void) | undefined
  /** What was told of: at most one step less than there is, and less than two steps more. */
  #told = 0
  /** Beyond this there is something to tell, or no room. */
  #mark: number
  /** Made for the first message: most connections of a busy server never send anything. */
  #queue: Queue.Queue<Message.Message> | undefined = undefined
  /** What was taken out of the queue at once, to leave one by one. */
  #batch: Array<Message.Message> | undefined = undefined
  #nextInBatch = 0
  /** What a failed write gave back: it leaves before all that is queued, the last element first. */
  #returned: Array<Message.Message> | undefined = undefined
  #waiters: Array<Waiter> | undefined = undefined
  /** What waits in the lane, kept from the first withdrawal until nothing waits. */
  #waiting: Set<Message.Message> | undefined = undefined
  /** Withdrawn messages that are still in the queue, to be passed over. They count no more. */
  #withdrawn: Set<Message.Message> | undefined = undefined
  #withdrawnBytes = 0
  #closed: SendError.ConnectionClosed | undefined = undefined

  constructor({ envelope, maxBytes, maxMessages, onHeld, owner, priority }: LaneOptions) {
    this.#priority = priority
    this.#maxMessages = maxMessages
    this.#maxBytes = maxBytes
    this.#envelope = envelope
    this.#owner = owner
    this.#onHeld = onHeld
    this.#mark = onHeld === undefined ? maxBytes : Math.min(maxBytes, heldStep)
  }

  get isEmpty(): boolean {
    return this.messages === 0
  }

  /** Its bounds are those of the lane: what was withdrawn may still be in it, and takes up no room. */
  get #open(): Queue.Queue<Message.Message> {
    return this.#queue ??= Effect.runSync(Queue.unbounded<Message.Message>())
  }

  get #hasWaiters(): boolean {
    return this.#waiters !== undefined && this.#waiters.length > 0
  }

  /** How full the lane is, from 0 to 1 and beyond. */
  get fill(): number {
    return Math.max(this.messages / this.#maxMessages, this.bytes / this.#maxBytes)
  }

  /** Takes a message in when there is room and nobody waits before it. */
  offerUnsafe(message: Message.Message): boolean {
    if (this.#hasWaiters || !this.#admit(message)) return false
    this.#owner.onOffer()
    return true
  }

  /** Takes in as many messages as there is room for, when nobody waits before them, and returns how many. */
  offerAllUnsafe(messages: ReadonlyArray<Message.Message>): number {
    const admitted = this.#hasWaiters ? 0 : this.#admitAll(messages, 0)
    if (admitted > 0) this.#owner.onOffer()
    return admitted
  }

  /** Why a message cannot be taken, for a caller that does not wait. */
  refusal(message: Message.Message, accepted: number): SendError.SendError | undefined {
    const refused = this.#envelope.check(message, this.#priority)
    if (refused !== undefined) return new SendError.SendError({ reason: refused, accepted })
    return this.#closed === undefined ? undefined : new SendError.SendError({ reason: this.#closed, accepted })
  }

  full(accepted: number): SendError.SendError {
    return new SendError.SendError({
      reason: new SendError.LaneFull({
        priority: this.#priority,
        messages: this.messages,
        bytes: this.bytes
      }),
      accepted
    })
  }

  /** Takes messages in one after another, waiting for room. They have been checked. */
  offerWaiting(messages: ReadonlyArray<Message.Message>, from: number): Effect.Effect<void, SendError.SendError> {
    return Effect.callback<void, SendError.SendError>((resume) => {
      const cancel = this.wait(
        messages,
        from,
        (error) => resume(error === undefined ? Effect.void : Effect.fail(error))
      )
      return Effect.sync(cancel)
    })
  }

  /** The callback form of `offerWaiting`. Returns how to give up. */
  wait(
    messages: ReadonlyArray<Message.Message>,
    from: number,
    done: (error: SendError.SendError | undefined) => void
  ): () => void {
    if (this.#closed !== undefined) {
      done(new SendError.SendError({ reason: this.#closed, accepted: from }))
      return constVoid
    }
    for (let i = from; i < messages.length; i++) Message.keep(messages[i]!)
    const waiter: Waiter = { messages, next: from, done }
    const waiters = this.#waiters ??= []
    waiters.push(waiter)
    this.#admitWaiters()
    return () => {
      const at = this.#waiters?.indexOf(waiter) ?? -1
      if (at === -1) return
      this.#waiters!.splice(at, 1)
      // Those behind may fit where this one did not.
      this.#admitWaiters()
    }
  }

  /** Takes messages back that wait in the lane, each once, and returns those that did. */
  withdraw(unwanted: ReadonlySet<Message.Message>): ReadonlyArray<Message.Message> {
    const withdrawn: Array<Message.Message> = []
    for (const message of unwanted) {
      if (this.#withdrawn?.has(message)) this.#tidy()
      this.#waiting ??= this.#tidy()
      if (!this.#waiting.delete(message)) continue
      const marked = this.#withdrawn ??= new Set()
      marked.add(message)
      this.#withdrawnBytes += this.#envelope.wireSize(message)
      withdrawn.push(message)
    }
    this.#settle(withdrawn)
    // Seldom enough to cost little for each message, and often enough to keep the memory of the lane within its bounds.
    if (this.#withdrawnBytes > this.bytes || (this.#withdrawn?.size ?? 0) > this.messages) this.#tidy()
    this.#admitWaiters()
    return withdrawn
  }

  /** The next message that is to leave. It keeps counting until `release`. */
  next(): Message.Message | undefined {
    const batch = this.#batch
    const isPlain = this.#returned === undefined && this.#withdrawn === undefined && this.#waiting === undefined
    if (!isPlain || batch === undefined) return this.#nextWanted()
    return this.#takeFrom(batch)
  }

  #nextWanted(): Message.Message | undefined {
    let message = this.#take()
    while (message !== undefined && this.#withdrawn?.delete(message)) {
      this.#withdrawnBytes -= this.#envelope.wireSize(message)
      message = this.#take()
    }
    if (message === undefined) this.#waiting = undefined
    else this.#waiting?.delete(message)
    return message
  }

  #take(): Message.Message | undefined {
    const returned = this.#returned?.pop()
    if (this.#returned?.length === 0) this.#returned = undefined
    if (returned !== undefined) return returned
    return this.#takeFrom(this.#batch ?? this.#takeBatch())
  }

  #takeFrom(batch: Array<Message.Message>): Message.Message | undefined {
    const message = batch[this.#nextInBatch++]
    if (this.#nextInBatch >= batch.length) {
      this.#batch = undefined
      // What V8 makes in old memory keeps all that it holds alive until that is collected: it is left empty.
      batch.length = 0
    }
    return message
  }

  /** All that is queued: to take the messages one by one cost a sixth of the time of a small message. */
  #takeBatch(): Array<Message.Message> {
    const batch = this.#queue === undefined ? [] : takeAll(this.#queue)
    if (batch.length > 0) this.#batch = batch
    this.#nextInBatch = 0
    return batch
  }

  /** Puts messages back that have not left: they are next, in the same order. */
  giveBack(messages: ReadonlyArray<Message.Message>): void {
    if (messages.length === 0) return
    const returned = this.#returned ??= []
    for (let i = messages.length - 1; i >= 0; i--) {
      returned.push(messages[i]!)
      this.#waiting?.add(messages[i]!)
    }
  }

  /** Says that messages have left, and lets in who waits for their room. */
  release(messages: ReadonlyArray<Message.Message>): void {
    this.#settle(messages)
    this.#admitWaiters()
  }

  /** Takes nothing more, lets go of what has not left, which keeps counting, and fails who waits. */
  close(reason: SendError.ConnectionClosed): void {
    this.#closed ??= reason
    this.#queue = undefined
    this.#batch = undefined
    this.#returned = undefined
    this.#waiting = undefined
    this.#withdrawn = undefined
    this.#withdrawnBytes = 0
    this.#tellOf(0)
    const waiters = this.#waiters ?? []
    this.#waiters = undefined
    for (const waiter of waiters) {
      waiter.done(new SendError.SendError({ reason, accepted: waiter.next }))
    }
  }

  #settle(messages: ReadonlyArray<Message.Message>): void {
    this.messages -= messages.length
    if (this.messages === 0) this.bytes = 0
    else for (const message of messages) this.bytes -= this.#envelope.wireSize(message)
    if (this.#told > 0 && (this.bytes <= heldStep || this.bytes <= this.#told - 2 * heldStep)) this.#tellOf(this.bytes)
  }

  #mayGrowTo(bytes: number): boolean {
    if (bytes > this.#maxBytes && this.messages > 0) return false
    this.#tellOf(bytes)
    return true
  }

  /** One step is never told of: most lanes hold no more. */
  #tellOf(bytes: number): void {
    if (this.#onHeld === undefined) return
    const held = bytes <= heldStep ? 0 : Math.ceil(bytes / heldStep) * heldStep
    this.#mark = Math.min(this.#maxBytes, Math.max(heldStep, held))
    const more = held - this.#told
    this.#told = held
    if (more !== 0) this.#onHeld(more)
  }

  /** Lets go of what was withdrawn, and says what waits. */
  #tidy(): Set<Message.Message> {
    const kept: Array<Message.Message> = []
    for (let message = this.next(); message !== undefined; message = this.next()) kept.push(message)
    this.#enqueueAll(kept)
    this.#waiting = new Set(kept)
    return this.#waiting
  }

  /** Counts a message in, if there is room for it. */
  #hasCounted(message: Message.Message): boolean {
    if (this.messages >= this.#maxMessages) return false
    const bytes = this.bytes + this.#envelope.wireSize(message)
    if (bytes > this.#mark && !this.#mayGrowTo(bytes)) return false
    this.messages += 1
    this.bytes = bytes
    return true
  }

  #admit(message: Message.Message): boolean {
    if (this.#closed !== undefined || !this.#hasCounted(message)) return false
    // A received message that is passed on outlives the memory it was read into.
    this.#enqueue(Message.keep(message))
    return true
  }

  /** As `#admit`, from an index on as far as there is room. Returns how many were taken in. */
  #admitAll(messages: ReadonlyArray<Message.Message>, from: number): number {
    if (this.#closed !== undefined) return 0
    let end = from
    while (end < messages.length && this.#hasCounted(messages[end]!)) Message.keep(messages[end++]!)
    // The sender's array is the sender's: what happens to it later must not change the lane.
    if (end > from) this.#enqueueAll(messages.slice(from, end))
    return end - from
  }

  #enqueueAll(messages: ReadonlyArray<Message.Message>): void {
    Queue.offerAllUnsafe(this.#open, messages)
    if (this.#waiting === undefined) return
    for (const message of messages) this.#waiting.add(message)
  }

  #enqueue(message: Message.Message): void {
    Queue.offerUnsafe(this.#open, message)
    this.#waiting?.add(message)
  }

  #admitWaiters(): void {
    const waiters = this.#waiters
    if (waiters === undefined) return
    let admitted = false
    while (waiters.length > 0) {
      const waiter = waiters[0]!
      const count = this.#admitAll(waiter.messages, waiter.next)
      waiter.next += count
      admitted ||= count > 0
      if (waiter.next < waiter.messages.length) break
      waiters.shift()
      waiter.done(undefined)
    }
    if (waiters.length === 0 && this.#waiters === waiters) this.#waiters = undefined
    if (admitted) this.#owner.onOffer()
  }
}
