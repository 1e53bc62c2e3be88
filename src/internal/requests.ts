/**
 * The requests of one connection that wait for their replies.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Header from "../domain/Header.ts"
import * as Message from "../domain/Message.ts"
import * as SendRefusal from "../domain/SendRefusal.ts"
import type * as DisconnectReason from "../services/DisconnectReason.ts"
import * as SendError from "../services/SendError.ts"
import * as Alarms from "./alarms.ts"
import type * as Lane from "./lane.ts"
import type * as Metrics from "./metrics.ts"
import type * as Runner from "./runner.ts"

interface Pending {
  readonly id: number
  readonly message: Message.Message
  readonly lane: Lane.Lane
  readonly since: number
  readonly deadline: number
  readonly timeout: Duration.Duration
  /** Whether the operating system has taken the request. Until then it survives the loss of a socket. */
  hasLeft: boolean
  /** Ends the wait for room in the lane, while there is one. */
  stopWaiting: (() => void) | undefined
  readonly resume: (effect: Effect.Effect<Message.Message, SendError.RequestError>) => void
}

/**
 * A request that nobody waits for any more, but that was on its way already: it was given up, or a peer that reads
 * faster than the operating system reports has answered it.
 */
interface Abandoned {
  readonly serviceId: number
  readonly messageId: number
  /** Set while it is being written: when that fails it must not leave on the next socket. */
  unwritten: { readonly message: Message.Message; readonly lane: Lane.Lane } | undefined
  isAnswered: boolean
}

const maxId = 0x7fffffff

/** So many requests that nobody waits for any more are remembered, to tell a late reply from other messages. */
const maxAbandoned = 1024

/** @internal */
export class Requests implements Alarms.Ringer {
  readonly #pending = new Map<number, Pending>()
  readonly #abandoned = new Map<number, Abandoned>()
  readonly #runner: Runner.Runner
  readonly #alarm: Alarms.Alarm
  readonly #maxPending: number
  readonly #metrics: Metrics.Metrics
  #lastId: number

  /** The two sides of a connection number their requests apart: the dialling side odd, the accepting side even. */
  constructor(
    runner: Runner.Runner,
    side: "dialled" | "accepted",
    maxPending: number,
    connection: number,
    metrics: Metrics.Metrics
  ) {
    this.#metrics = metrics
    this.#runner = runner
    this.#maxPending = maxPending
    this.#alarm = new Alarms.Alarm(runner.alarms, this)
    this.#lastId = side === "dialled" ? -1 : acceptedStart(connection, runner.now())
  }

  get size(): number {
    return this.#pending.size
  }

  get expectsReplies(): boolean {
    return this.#pending.size > 0 || this.#abandoned.size > 0
  }

  /**
   * Sends a request under a fresh RequestId and waits for its reply. The timeout covers the wait for a lane too. The
   * header may be another one than that of the message.
   */
  request(
    message: Message.Message,
    lane: Lane.Lane,
    timeout: Duration.Duration,
    header: Header.Header = message.header
  ): Effect.Effect<Message.Message, SendError.RequestError> {
    return Effect.callback<Message.Message, SendError.RequestError>((resume) => {
      if (message.encodedHeader !== undefined) {
        const value = message.encodedHeader.length
        return this.#refuse(new SendRefusal.SendRefusal({ problem: "EncodedRequest", value }), resume)
      }
      if (this.#pending.size >= this.#maxPending) {
        return this.#refuse(new SendError.TooManyRequests({ pending: this.#pending.size }), resume)
      }
      const id = this.#freeId()
      const request = Message.make({
        serviceId: message.serviceId,
        messageId: message.messageId,
        header: Header.set(header, Header.requestId, id),
        body: message.body
      })
      const refused = lane.refusal(request, 0)
      if (refused !== undefined) return this.#refuse(refused.reason, resume)
      const since = this.#runner.now()
      const pending: Pending = {
        id,
        message: request,
        lane,
        since,
        deadline: since + Duration.toMillis(timeout),
        timeout,
        hasLeft: false,
        stopWaiting: undefined,
        resume
      }
      this.#pending.set(id, pending)
      if (!lane.offerUnsafe(request)) this.#awaitRoom(pending)
      this.#alarm.set(pending.deadline)
      return Effect.sync(() => {
        if (!this.#pending.delete(id)) return
        this.#metrics.requestCancelled()
        this.#giveUp([pending])
      })
    })
  }

  /**
   * Takes the reply to a request. Returns whether the message was one, be it too late. Who waits for it is told by the
   * function that is added to `waiting`: to be called once the messages that came before have been handed out.
   */
  settle(message: Message.Message, waiting: Array<() => void>): boolean {
    const id = Header.get(message.header, Header.requestId)
    if (id === undefined) return false
    const pending = this.#pending.get(id)
    if (pending !== undefined && answers(message, pending.message)) {
      this.#pending.delete(id)
      if (!pending.hasLeft) this.#remember(pending, true)
      this.#metrics.requestReplied(this.#runner.now() - pending.since)
      const reply = Effect.succeed(Message.keep(message))
      waiting.push(() => pending.resume(reply))
      return true
    }
    const abandoned = this.#abandoned.get(id)
    if (abandoned === undefined || !answers(message, abandoned)) return false
    abandoned.isAnswered = true
    this.#forgetIfDone(id, abandoned)
    return true
  }

  /** Notes which requests have left. */
  written(messages: ReadonlyArray<Message.Message>): void {
    if (!this.expectsReplies) return
    for (const message of messages) {
      const id = Header.get(message.header, Header.requestId)
      if (id === undefined) continue
      const pending = this.#pending.get(id)
      const abandoned = this.#abandoned.get(id)
      if (pending?.message === message) pending.hasLeft = true
      else if (abandoned?.unwritten?.message === message) {
        abandoned.unwritten = undefined
        this.#forgetIfDone(id, abandoned)
      }
    }
  }

  /** The socket is gone: requests that had left will not be answered; the others leave on the next socket. */
  disconnected(reason: DisconnectReason.DisconnectReason): void {
    for (const pending of this.#pending.values()) {
      if (!pending.hasLeft) continue
      const { messageId, serviceId } = pending.message
      this.#fail(pending, new SendError.RequestInterrupted({ serviceId, messageId, reason }))
    }
    for (const { unwritten } of this.#abandoned.values()) unwritten?.lane.withdraw(new Set([unwritten.message]))
    this.#abandoned.clear()
  }

  /** The connection is closed for good. */
  close(reason: SendError.ConnectionClosed): void {
    for (const pending of this.#pending.values()) this.#fail(pending, reason)
    this.#alarm.clear()
  }

  #freeId(): number {
    do this.#lastId = this.#lastId > maxId - 2 ? (this.#lastId & 1) : this.#lastId + 2
    while (this.#pending.has(this.#lastId))
    return this.#lastId
  }

  #awaitRoom(pending: Pending): void {
    let isWaiting = true
    const stop = pending.lane.wait([pending.message], 0, (error) => {
      isWaiting = false
      pending.stopWaiting = undefined
      if (error !== undefined) this.#fail(pending, error.reason)
    })
    if (isWaiting) pending.stopWaiting = stop
  }

  #fail(pending: Pending, reason: SendError.RequestError["reason"]): void {
    this.#pending.delete(pending.id)
    this.#refuse(reason, pending.resume)
  }

  #refuse(reason: SendError.RequestError["reason"], resume: Pending["resume"]): void {
    this.#metrics.requestFailed(reason)
    resume(Effect.fail(new SendError.RequestError({ reason })))
  }

  /** Ends what is overdue and says when to look again. */
  ring(now: number): number | undefined {
    let next: number | undefined
    const overdue: Array<Pending> = []
    for (const pending of this.#pending.values()) {
      if (pending.deadline <= now) overdue.push(pending)
      else if (next === undefined || pending.deadline < next) next = pending.deadline
    }
    this.#giveUp(overdue)
    for (const pending of overdue) {
      const { messageId, serviceId } = pending.message
      this.#fail(pending, new SendError.RequestTimedOut({ serviceId, messageId, after: pending.timeout }))
    }
    return next
  }

  /** Nobody waits for these any more: what has not left is withdrawn, late replies to the rest are dropped. */
  #giveUp(requests: ReadonlyArray<Pending>): void {
    const queued = new Map<Lane.Lane, Set<Message.Message>>()
    for (const pending of requests) {
      if (pending.stopWaiting !== undefined) pending.stopWaiting()
      else {
        this.#remember(pending, false)
        if (!pending.hasLeft) queued.set(pending.lane, (queued.get(pending.lane) ?? new Set()).add(pending.message))
      }
    }
    for (const [lane, messages] of queued) {
      for (const message of lane.withdraw(messages)) {
        this.#abandoned.delete(Header.get(message.header, Header.requestId)!)
      }
    }
  }

  #forgetIfDone(id: number, { isAnswered, unwritten }: Abandoned): void {
    if (isAnswered && unwritten === undefined) this.#abandoned.delete(id)
  }

  #remember({ hasLeft, id, lane, message }: Pending, isAnswered: boolean): void {
    if (this.#abandoned.size >= maxAbandoned) {
      for (const oldest of this.#abandoned.keys()) {
        this.#abandoned.delete(oldest)
        break
      }
    }
    const { messageId, serviceId } = message
    const unwritten = hasLeft ? undefined : { message, lane }
    this.#abandoned.set(id, { serviceId, messageId, unwritten, isAnswered })
  }
}

/**
 * Where an accepting side begins to count. A peer that answers late does so on its next socket, which is another
 * connection here: the numbers of the two must not meet, nor those of before and after a restart.
 */
const acceptedStart = (connection: number, now: number): number =>
  2 * ((Math.imul(connection, 0x9e3779b1) + now) & 0x3fffffff)

/**
 * A reply comes from the service that was asked, or from service 0 when the request failed, and never has the message
 * id of the request: a request of the peer that carries the same number is not taken for a reply.
 */
const answers = (message: Message.Message, request: Pick<Message.Message, "serviceId" | "messageId">): boolean =>
  message.serviceId === request.serviceId ? message.messageId !== request.messageId : message.serviceId === 0
