/**
 * Those who take part: handles and accepted connections, with what they sent, took and were told.
 */
import { assert } from "@effect/vitest"
import { Clock, Effect, Exit, Fiber, Stream } from "effect"
import type { Scope } from "effect"
import type * as Message from "../../src/domain/Message.ts"
import type * as Connection from "../../src/services/Connection.ts"
import type * as SendError from "../../src/services/SendError.ts"
import { showReason } from "../utils/dialling.ts"
import { type Lanes, type Records, type Sent, services } from "./records.ts"
import type { Action, Mode } from "./steps.ts"

/** A request, and how it ended. */
export interface Asked {
  readonly sent: Sent
  readonly begun: number
  readonly timeout: number
  ended: {
    readonly at: number
    readonly exit: Exit.Exit<Message.Message, SendError.RequestError>
  } | undefined
}

const slowness = "50 millis"

export class Party {
  readonly name: string
  readonly connection: Connection.Connection
  readonly lanes: Lanes
  readonly #records: Records
  /** The numbers of what its taker has had. */
  readonly took: Array<number> = []
  readonly asked: Array<Asked> = []
  /** What the connection told: its states, and its events. */
  readonly states: Array<string> = []
  readonly events: Array<string> = []
  /** How many senders have not ended. */
  sending = 0
  hasStopped = false

  constructor(name: string, connection: Connection.Connection, lanes: Lanes, records: Records) {
    this.name = name
    this.connection = connection
    this.lanes = lanes
    this.#records = records
  }

  /** Writes down states and events for as long as there are some. */
  readonly listen: Effect.Effect<void, never, Scope.Scope> = Effect.gen({ self: this }, function*() {
    const record = <A>(stream: Stream.Stream<A>, into: Array<string>, show: (a: A) => string) =>
      Effect.forkScoped(
        Effect.andThen(
          Stream.runForEach(stream, (a) => Effect.sync(() => void into.push(show(a)))),
          Effect.sync(() => into.push("end"))
        ),
        { startImmediately: true }
      )
    yield* record(this.connection.changes, this.states, ({ _tag }) => _tag)
    yield* record(
      this.connection.events,
      this.events,
      (event) => event._tag === "Disconnected" ? `${event._tag}: ${showReason(event.reason)}` : event._tag
    )
  })

  /** Takes messages until the connection ends, and answers what is asked. */
  take(mode: Mode): Effect.Effect<void> {
    const note = (message: Message.Message): void => this.#note(message)
    const slowly = (message: Message.Message) =>
      Effect.andThen(Effect.sleep(slowness), Effect.sync(() => note(message)))
    switch (mode) {
      case "fast":
        return this.connection.handle(note)
      case "slow":
        return this.connection.handle(slowly)
      case "batch":
        return this.connection.handleBatch((messages) => Effect.sync(() => messages.forEach(note)))
      case "stream":
        return Stream.runForEach(this.connection.messages, slowly)
    }
  }

  #note(message: Message.Message): void {
    const sent = this.#records.find(message)
    assert.isDefined(sent, `${this.name} got ${message.serviceId}/${message.messageId}, which nobody has sent so`)
    // A slow handler may answer on the next socket, where the request is unknown.
    assert.isFalse(this.#records.isAnswerTo(this.lanes.name, sent!), `${this.name} was handed an answer`)
    this.took.push(sent!.number)
    const isRequest = message.serviceId === services.asked && sent!.answers === undefined
    if (!isRequest || this.lanes.answered.has(sent!.number)) return
    this.lanes.answered.add(sent!.number)
    const answer = this.#records.add(this.lanes, "normal", { serviceId: services.asked, bytes: 20, request: message })
    this.#settle([answer], this.connection.sendUnsafe(answer.message))
  }

  /** Notes what became of messages that were sent. */
  #settle(sent: ReadonlyArray<Sent>, error: SendError.SendError | undefined): void {
    sent.forEach((each, i) => {
      each.status = error === undefined || i < error.accepted ? "accepted" : "refused"
    })
  }

  send(action: Extract<Action, { readonly _tag: "Send" }>): Effect.Effect<void, never, Scope.Scope> {
    const { bytes, how, priority } = action
    const all = () =>
      Array.from(
        { length: action.count },
        () => this.#records.add(this.lanes, priority, { serviceId: services.plain, bytes })
      )
    const one = () => this.#records.add(this.lanes, priority, { serviceId: services.plain, bytes })
    if (how === "unsafe") {
      return Effect.sync(() => {
        for (let i = 0; i < action.count; i++) {
          const sent = one()
          this.#settle([sent], this.connection.sendUnsafe(sent.message, { priority }))
        }
      })
    }
    if (how === "all") {
      return this.#sending(
        action,
        all,
        (sent) => this.connection.sendAll(sent.map(({ message }) => message), { priority })
      )
    }
    return this.#sending(
      action,
      () => [one()],
      ([sent]) =>
        how === "wait"
          ? this.connection.send(sent!.message, { priority })
          : this.connection.trySend(sent!.message, { priority })
    )
  }

  #sending(
    { patience }: Extract<Action, { readonly _tag: "Send" }>,
    make: () => ReadonlyArray<Sent>,
    send: (sent: ReadonlyArray<Sent>) => Effect.Effect<void, SendError.SendError>
  ): Effect.Effect<void, never, Scope.Scope> {
    const run = Effect.suspend(() => {
      const sent = make()
      this.sending += 1
      return Effect.onExit(send(sent), (exit) =>
        Effect.sync(() => {
          this.sending -= 1
          if (Exit.isSuccess(exit)) return this.#settle(sent, undefined)
          const failure = exit.cause.reasons[0]
          if (failure?._tag === "Fail") return this.#settle(sent, failure.error)
          for (const each of sent) each.status = "withdrawn"
        }))
    })
    return withPatience(Effect.ignore(run), patience)
  }

  ask({ bytes, isVain, patience, priority, timeout }: Extract<Action, { readonly _tag: "Ask" }>) {
    const serviceId = isVain ? services.vain : services.asked
    const run = Effect.flatMap(Clock.currentTimeMillis, (begun) => {
      const sent = this.#records.add(this.lanes, priority, { serviceId, bytes })
      const asked: Asked = { sent, begun, timeout, ended: undefined }
      this.asked.push(asked)
      return Effect.onExit(
        this.connection.request(sent.message, { priority, timeout }),
        (exit) =>
          Effect.map(Clock.currentTimeMillis, (at) => {
            assert.isUndefined(asked.ended, "a request has ended twice")
            asked.ended = { at, exit }
            sent.status = statusAfter(exit)
          })
      )
    })
    return withPatience(Effect.ignore(run), patience)
  }
}

/** The loss of the socket means that the request had left. One that is answered early need not leave again. */
const statusAfter = (exit: Exit.Exit<Message.Message, SendError.RequestError>): Sent["status"] => {
  if (Exit.isSuccess(exit)) return "withdrawn"
  const failure = exit.cause.reasons[0]
  if (failure?._tag !== "Fail") return "withdrawn"
  switch (failure.error.reason._tag) {
    case "RequestInterrupted":
      return "accepted"
    case "TooManyRequests":
      return "refused"
    default:
      return "withdrawn"
  }
}

/** Runs something beside what follows, and interrupts it after some milliseconds. */
const withPatience = (
  effect: Effect.Effect<void>,
  patience: number | undefined
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkScoped(effect, { startImmediately: true })
    if (patience === undefined) return
    yield* Effect.forkScoped(Effect.andThen(Effect.sleep(patience), Fiber.interrupt(fiber)), { startImmediately: true })
  })
