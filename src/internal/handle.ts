/**
 * Handles: what a program holds of a connection.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as OptionRules from "../domain/internal/optionRules.ts"
import * as Message from "../domain/Message.ts"
import type * as BanList from "../services/BanList.ts"
import * as Connection from "../services/Connection.ts"
import type * as ConnectionState from "../services/ConnectionState.ts"
import * as DisconnectReason from "../services/DisconnectReason.ts"
import * as SendError from "../services/SendError.ts"
import * as Consumer from "./consumer.ts"
import type * as Lane from "./lane.ts"
import type * as Peer from "./peer.ts"
import * as Tracing from "./tracing.ts"

/** A reader of states or events that lags by more than this misses the oldest. */
const eventBuffer = 256

const noConsumers: ReadonlyArray<Consumer.Consumer> = []

const requestTimeout = OptionRules.time("30 seconds", 0)

/**
 * Its functions can be passed on by themselves. Each is made when it is asked for: most handles of a busy server use one
 * or two of them.
 */
class HandleImpl implements Connection.Connection {
  readonly [Connection.TypeId]: typeof Connection.TypeId = Connection.TypeId
  readonly id: number
  readonly endPoint: string
  readonly side: "dialled" | "accepted"
  readonly #peer: Peer.Peer
  readonly #banList: BanList.BanList["Service"]
  #consumers: ReadonlyArray<Consumer.Consumer> = noConsumers
  /** Set when the scope of this handle is closed; the connection may live on in other handles. */
  #released: SendError.ConnectionClosed | undefined = undefined
  #send: Connection.Connection["send"] | undefined = undefined
  #trySend: Connection.Connection["trySend"] | undefined = undefined
  #sendUnsafe: Connection.Connection["sendUnsafe"] | undefined = undefined
  #sendAll: Connection.Connection["sendAll"] | undefined = undefined
  #request: Connection.Connection["request"] | undefined = undefined

  constructor(peer: Peer.Peer, banList: BanList.BanList["Service"]) {
    this.#peer = peer
    this.#banList = banList
    this.id = peer.id
    this.endPoint = peer.endPoint
    this.side = peer.side
  }

  get [Tracing.key](): Tracing.Traced {
    return this.#peer
  }

  release(): void {
    this.#released = new SendError.ConnectionClosed({ reason: new DisconnectReason.ClosedHere() })
    for (const consumer of this.#consumers) consumer.end()
  }

  get state() {
    return Effect.sync(() => this.#peer.state)
  }

  get access() {
    return Effect.sync(() => this.#peer.access)
  }

  get changes(): Stream.Stream<ConnectionState.ConnectionState> {
    return Stream.callback<ConnectionState.ConnectionState>(
      (queue) => this.#listen(queue, this.#peer.stateListeners, () => Queue.offerUnsafe(queue, this.#peer.state)),
      {
        bufferSize: eventBuffer,
        strategy: "sliding"
      }
    )
  }

  get events(): Stream.Stream<ConnectionState.ConnectionEvent> {
    return Stream.callback<ConnectionState.ConnectionEvent>(
      (queue) => this.#listen(queue, this.#peer.eventListeners, () => {}),
      { bufferSize: eventBuffer, strategy: "sliding" }
    )
  }

  get connected(): Effect.Effect<void, SendError.ConnectionClosed> {
    return this.#peer.connected
  }

  get send(): Connection.Connection["send"] {
    return this.#send ??= (message, options) =>
      Effect.suspend(() => {
        const lane = this.#lane(options)
        const refused = this.#refusal(lane, message, 0)
        if (refused !== undefined) return Effect.fail(refused)
        return lane.offerUnsafe(message) ? Effect.void : lane.offerWaiting([message], 0)
      })
  }

  get trySend(): Connection.Connection["trySend"] {
    return this.#trySend ??= (message, options) =>
      Effect.suspend(() => {
        const error = this.sendUnsafe(message, options)
        return error === undefined ? Effect.void : Effect.fail(error)
      })
  }

  get sendUnsafe(): Connection.Connection["sendUnsafe"] {
    return this.#sendUnsafe ??= (message, options) => {
      const lane = this.#lane(options)
      return this.#refusal(lane, message, 0) ?? (lane.offerUnsafe(message) ? undefined : lane.full(0))
    }
  }

  get sendAll(): Connection.Connection["sendAll"] {
    return this.#sendAll ??= (messages, options) =>
      Effect.suspend(() => {
        const lane = this.#lane(options)
        let count = 0
        let refused: SendError.SendError | undefined
        while (count < messages.length && refused === undefined) {
          refused = this.#refusal(lane, messages[count]!, count)
          if (refused === undefined) count += 1
        }
        const allowed = refused === undefined ? messages : messages.slice(0, count)
        const accepted = lane.offerAllUnsafe(allowed)
        const sent = accepted === count ? Effect.void : lane.offerWaiting(allowed, accepted)
        return refused === undefined ? sent : Effect.andThen(sent, Effect.fail(refused))
      })
  }

  get request(): Connection.Connection["request"] {
    return this.#request ??= (message, options) =>
      Effect.suspend(() => {
        if (this.#released !== undefined) return Effect.fail(new SendError.RequestError({ reason: this.#released }))
        const timeout = this.#timeout(options)
        if (Result.isFailure(timeout)) {
          return Effect.fail(new SendError.RequestError({ reason: timeout.failure }))
        }
        return Tracing.request(
          this.#peer,
          options?.spanName,
          message,
          (header) => this.#peer.requests.request(message, this.#lane(options), timeout.success, header)
        )
      })
  }

  get handle(): Connection.Connection["handle"] {
    return (handler, options) => this.#take(Consumer.eachMessage(handler, this.#peer.annotations, this.#peer), options)
  }

  get handleBatch(): Connection.Connection["handleBatch"] {
    return (handler, options) => this.#take(Consumer.allMessages(handler, this.#peer.annotations), options)
  }

  get messages(): Stream.Stream<Message.Message> {
    const pullFrom = (consumer: Consumer.Consumer) =>
      Effect.flatMap(consumer.pull, (messages) =>
        messages !== undefined && Arr.isReadonlyArrayNonEmpty(messages)
          ? Effect.succeed(Arr.map(messages, Message.keep))
          : Cause.done())
    return Stream.unwrap(Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => this.#addConsumer(undefined)),
        ({ consumer, remove }) =>
          Effect.sync(() => {
            remove()
            consumer.close()
          })
      ),
      ({ consumer }) => Stream.fromPull(Effect.succeed(pullFrom(consumer)))
    ))
  }

  get punish(): Connection.Connection["punish"] {
    return (points, reason) =>
      Effect.suspend(() =>
        Option.match(this.#peer.remoteAddress, {
          onNone: () => Effect.succeed<BanList.Verdict>({ _tag: "Tolerated", points: 0 }),
          onSome: (address) =>
            Effect.annotateLogs(this.#banList.punish(address, points, reason), this.#peer.annotations)
        })
      )
  }

  get disconnect(): Effect.Effect<void> {
    return Effect.sync(() => this.#peer.disconnect(new DisconnectReason.ClosedHere()))
  }

  get stats(): Effect.Effect<Connection.Stats> {
    return Effect.sync(() => {
      const { high, messagesReceived, messagesSent, messagesUnhandled, normal, pendingRequests, refusals } = this.#peer
      return {
        queuedNormal: normal.messages,
        queuedHigh: high.messages,
        queuedBytes: normal.bytes + high.bytes,
        pendingRequests,
        messagesSent,
        messagesReceived,
        messagesUnhandled,
        messagesRefused: refusals.count
      }
    })
  }

  toJSON(): unknown {
    return { _id: "Connection", id: this.id, endPoint: this.endPoint, side: this.side, state: this.#peer.state._tag }
  }

  #timeout(options: Connection.RequestOptions | undefined) {
    return options?.timeout === undefined
      ? Result.succeed(this.#peer.settings.requestTimeout)
      : OptionRules.check("timeout", requestTimeout, options.timeout)
  }

  #lane(options: Connection.SendOptions | undefined): Lane.Lane {
    return options?.priority === "high" ? this.#peer.high : this.#peer.normal
  }

  #refusal(lane: Lane.Lane, message: Message.Message, accepted: number): SendError.SendError | undefined {
    return this.#released === undefined
      ? lane.refusal(message, accepted)
      : new SendError.SendError({ reason: this.#released, accepted })
  }

  #listen<A>(queue: Queue.Queue<A, Cause.Done>, listeners: Set<(value: A) => void>, first: () => void) {
    const listener = (value: A) => {
      Queue.offerUnsafe(queue, value)
    }
    return Effect.acquireRelease(
      Effect.sync(() => {
        listeners.add(listener)
        first()
      }),
      () => Effect.sync(() => listeners.delete(listener))
    ).pipe(
      Effect.andThen(Deferred.await(this.#peer.closed)),
      Effect.andThen(Queue.end(queue))
    )
  }

  /** Runs a taker in the fiber of the caller, until the connection is closed or the caller is interrupted. */
  #take<R>(
    handler: Consumer.BatchHandler<R>,
    options: Connection.HandleOptions | undefined
  ): Effect.Effect<void, never, R> {
    return Effect.suspend(() => {
      const { consumer, remove } = this.#addConsumer(options)
      return consumer.run(handler, remove)
    })
  }

  #addConsumer(options: Connection.HandleOptions | undefined) {
    const consumer = new Consumer.Consumer()
    const removeTaker = this.#peer.addFirstTaker(consumer, options?.serviceId)
    this.#consumers = [...this.#consumers, consumer]
    if (this.#released !== undefined) consumer.end()
    const remove = () => {
      this.#consumers = this.#consumers.filter((other) => other !== consumer)
      removeTaker()
    }
    return { consumer, remove }
  }
}

/** @internal */
export const make = (peer: Peer.Peer, banList: BanList.BanList["Service"]): Connection.Connection =>
  new HandleImpl(peer, banList)

/** A handle that is released with the scope. @internal */
export const scoped = (
  peer: Peer.Peer,
  banList: BanList.BanList["Service"]
): Effect.Effect<Connection.Connection, never, Scope.Scope> =>
  Effect.suspend(() => {
    const handle = new HandleImpl(peer, banList)
    return Effect.as(releasedWithScope(handle), handle)
  })

/** On its own, so that what the scope holds leads to the handle and to nothing else. */
const releasedWithScope = (handle: HandleImpl): Effect.Effect<void, never, Scope.Scope> =>
  Effect.flatMap(Effect.scope, (scope) => Scope.addFinalizer(scope, Effect.sync(() => handle.release())))
