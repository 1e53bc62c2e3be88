/**
 * What all handles on one connection share: its lanes, its requests, its takers, its state, and the session of the
 * moment. It outlives sockets.
 */
import type * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { constVoid } from "effect/Function"
import * as Option from "effect/Option"
import type * as NetAddress from "effect/net/NetAddress"
import type * as Envelope from "../domain/Envelope.ts"
import type * as Message from "../domain/Message.ts"
import * as PacketReader from "../domain/PacketReader.ts"
import type * as Access from "../services/Access.ts"
import type * as BanList from "../services/BanList.ts"
import type * as BufferPool from "../services/BufferPool.ts"
import * as ConnectionState from "../services/ConnectionState.ts"
import type * as DisconnectReason from "../services/DisconnectReason.ts"
import type * as NetworkConfig from "../services/NetworkConfig.ts"
import * as SendError from "../services/SendError.ts"
import type * as Transport from "../services/Transport.ts"
import type * as WorkerThreads from "../services/WorkerThreads.ts"
import type * as Budget from "./budget.ts"
import * as Connected from "./connected.ts"
import type * as Consumer from "./consumer.ts"
import * as EarlyMessages from "./earlyMessages.ts"
import * as Lane from "./lane.ts"
import type * as Metrics from "./metrics.ts"
import type * as Phase from "./phase.ts"
import * as Refusals from "./refusals.ts"
import * as Requests from "./requests.ts"
import type * as Runner from "./runner.ts"
import type * as ServiceRegistry from "./serviceRegistry.ts"
import * as Session from "./session.ts"
import * as Taker from "./taker.ts"
import type * as Tracing from "./tracing.ts"
import * as Work from "./work.ts"
import * as Writer from "./writer.ts"

/** @internal */
export interface PeerOptions {
  readonly id: number
  readonly endPoint: string
  readonly side: "dialled" | "accepted"
  readonly settings: NetworkConfig.Settings
  readonly envelope: Envelope.Envelope
  readonly runner: Runner.Runner
  /** Runs what is to be finished even when the connection is gone. */
  readonly background: Runner.Runner
  /** Whether messages that nobody takes wait for the first handler of a handle. */
  readonly keepsEarly: boolean
  readonly pool: BufferPool.BufferPool["Service"]
  readonly banList: BanList.BanList["Service"]
  readonly threads: WorkerThreads.WorkerThreads["Service"]
  readonly services: ServiceRegistry.ServiceRegistry
  readonly metrics: Metrics.Metrics
  readonly tracing: Tracing.Tracing | undefined
  /** What the peer may do, until an authorizer says otherwise. */
  readonly access: Access.Access
  /** Its part of what all accepted connections may hold. */
  readonly holding: Budget.Holding | undefined
}

const noWork: ReadonlyArray<Work.Work> = []

/** @internal */
export class Peer implements Lane.LaneOwner, Writer.WriterOwner, Tracing.Traced {
  readonly id: number
  readonly endPoint: string
  readonly side: "dialled" | "accepted"
  readonly settings: NetworkConfig.Settings
  readonly envelope: Envelope.Envelope
  readonly runner: Runner.Runner
  readonly high: Lane.Lane
  readonly normal: Lane.Lane
  readonly writer: Writer.Writer
  readonly closed = Deferred.makeUnsafe<DisconnectReason.DisconnectReason>()
  state: ConnectionState.ConnectionState
  /** Set before the connection opens, and never after: whoever works for the peer may rely on it. */
  access: Access.Access
  /** Set before the session is ended for good: whoever runs it must not begin another one. */
  isClosing = false
  /** When the scope began to close whose end is this one's, in milliseconds of the clock; set while a handle ends. */
  closesSince: number | undefined = undefined
  /** When closing stops waiting for anything, in milliseconds of the clock; set when it begins. */
  deadline: number | undefined = undefined
  messagesSent = 0
  messagesReceived = 0
  messagesUnhandled = 0
  readonly #options: PeerOptions
  // Made when they are needed: a server with many quiet peers has none of them.
  #requests: Requests.Requests | undefined = undefined
  #stateListeners: Set<(state: ConnectionState.ConnectionState) => void> | undefined = undefined
  #eventListeners: Set<(event: ConnectionState.ConnectionEvent) => void> | undefined = undefined
  #session: Session.Session | undefined = undefined
  #takers: ReadonlyArray<Taker.Taker> = Taker.none
  /** Until a handler has come that takes all. */
  #keepsEarly: boolean
  /** Messages for handlers to come. They count as not taken until then. */
  #early: EarlyMessages.EarlyMessages | undefined = undefined
  #hasToldOfDropped = false
  #refusals: Refusals.Refusals | undefined = undefined
  /** Handlers and programs that may finish what they have begun when the connection closes. */
  #work: ReadonlyArray<Work.Work> = noWork
  #isStopped = false
  #lastAddress: NetAddress.SocketAddress | undefined = undefined

  constructor(options: PeerOptions) {
    const { envelope, pool, settings } = options
    this.#options = options
    this.#keepsEarly = options.keepsEarly
    this.id = options.id
    this.endPoint = options.endPoint
    this.side = options.side
    this.settings = settings
    this.envelope = envelope
    this.runner = options.runner
    this.access = options.access
    this.state = ConnectionState.ConnectionState.Connecting({ attempt: 1, since: options.runner.now() })
    const lane = { envelope, maxBytes: settings.laneBytes, owner: this, onHeld: options.holding?.onQueued }
    this.high = new Lane.Lane({ ...lane, priority: "high", maxMessages: settings.highLaneMessages })
    this.normal = new Lane.Lane({ ...lane, priority: "normal", maxMessages: settings.normalLaneMessages })
    const { high, normal } = this
    this.writer = new Writer.Writer({
      envelope,
      high,
      normal,
      slabs: pool,
      writeBytes: settings.writeBytes,
      traffic: options.metrics.traffic,
      owner: this
    })
  }

  // --- from the lanes and the writer

  onOffer(): void {
    this.writer.signal()
  }

  onWritten(messages: ReadonlyArray<Message.Message>): void {
    this.messagesSent += messages.length
    this.#requests?.written(messages)
    this.#session?.resumeIfPossible()
  }

  /** What this peer's logs carry. */
  get annotations(): Record<string, unknown> {
    return { connection: this.id, endPoint: this.endPoint, side: this.side }
  }

  get isClosed(): boolean {
    return this.state._tag === "Closed"
  }

  get laneFill(): number {
    return Math.max(this.normal.fill, this.high.fill)
  }

  /** The address of the peer, of the last socket when there is none now. */
  get remoteAddress(): Option.Option<NetAddress.SocketAddress> {
    return Option.fromUndefinedOr(this.#lastAddress)
  }

  get requests(): Requests.Requests {
    const { id, metrics, runner, settings, side } = this
    return this.#requests ??= new Requests.Requests(runner, side, settings.maxPendingRequests, id, metrics)
  }

  get pendingRequests(): number {
    return this.#requests?.size ?? 0
  }

  get expectsReplies(): boolean {
    return this.#requests?.expectsReplies ?? false
  }

  get stateListeners(): Set<(state: ConnectionState.ConnectionState) => void> {
    return this.#stateListeners ??= new Set()
  }

  get eventListeners(): Set<(event: ConnectionState.ConnectionEvent) => void> {
    return this.#eventListeners ??= new Set()
  }

  get holding(): Budget.Holding | undefined {
    return this.#options.holding
  }

  get metrics(): Metrics.Metrics {
    return this.#options.metrics
  }

  get tracing(): Tracing.Tracing | undefined {
    return this.#options.tracing
  }

  get threads(): WorkerThreads.WorkerThreads["Service"] {
    return this.#options.threads
  }

  // --- sessions

  /** Makes the session of a link that is up. The caller runs it. */
  startSession(link: Transport.Link, login?: Phase.Login): Session.Session {
    const reader = PacketReader.make(this.envelope, {
      maxMessageSize: this.settings.maxMessageBytes,
      slabs: this.holding ?? this.#options.pool,
      side: this.side
    })
    const session = new Session.Session(this, link, reader, login)
    this.#session = session
    this.holding?.open(session)
    this.#lastAddress = link.remoteAddress
    if (login === undefined) this.onOpen(session)
    else {
      this.writer.hold()
      this.setState(ConnectionState.ConnectionState.LoggingIn({
        since: this.runner.now(),
        remoteAddress: link.remoteAddress
      }))
    }
    return session
  }

  onOpen(session: Session.Session): void {
    const { remoteAddress } = session
    this.writer.letGo()
    this.setState(ConnectionState.ConnectionState.Connected({ since: this.runner.now(), remoteAddress }))
    this.emit(ConnectionState.ConnectionEvent.Connected({ endPoint: this.endPoint, remoteAddress }))
  }

  /** A session has ended: what waited for its answers is told. */
  endSession(session: Session.Session, reason: DisconnectReason.DisconnectReason): void {
    if (this.#session !== session) return
    this.#session = undefined
    this.holding?.close()
    const wasOpen = this.state._tag === "Connected"
    this.#requests?.disconnected(reason)
    this.metrics.disconnected(reason)
    if (wasOpen) this.emit(ConnectionState.ConnectionEvent.Disconnected({ endPoint: this.endPoint, reason }))
  }

  /** Ends the socket of the moment, if there is one. */
  disconnect(reason: DisconnectReason.DisconnectReason): void {
    this.#session?.end(reason)
  }

  /** Closes the connection for good. */
  close(reason: DisconnectReason.DisconnectReason): void {
    if (this.isClosing) return
    this.isClosing = true
    this.disconnect(reason)
    const error = new SendError.ConnectionClosed({ reason })
    this.setState(ConnectionState.ConnectionState.Closed({ reason }))
    this.metrics.dropped("Unsent", this.high.messages + this.normal.messages)
    this.high.close(error)
    this.normal.close(error)
    this.#requests?.close(error)
    for (const taker of this.#takers) taker.consumer.end()
    Deferred.doneUnsafe(this.closed, Exit.succeed(reason))
  }

  // --- state

  setState(state: ConnectionState.ConnectionState): void {
    if (this.isClosed) return
    this.state = state
    if (this.#stateListeners === undefined) return
    for (const listener of [...this.#stateListeners]) listener(state)
  }

  /** Waits until the connection is open, its login included. Fails when it is closed for good. */
  get connected(): Effect.Effect<void, SendError.ConnectionClosed> {
    return Connected.until(this)
  }

  emit(event: ConnectionState.ConnectionEvent): void {
    if (this.#eventListeners === undefined) return
    for (const listener of [...this.#eventListeners]) listener(event)
  }

  // --- messages

  addTaker(consumer: Consumer.Consumer, serviceId: number | undefined): () => void {
    const taker: Taker.Taker = { serviceId, consumer }
    this.#takers = [...this.#takers, taker]
    if (this.isClosed) consumer.end()
    return () => {
      this.#takers = this.#takers.filter((other) => other !== taker)
    }
  }

  /** As `addTaker`, for a handler that is also to have the messages that came before it. */
  addFirstTaker(consumer: Consumer.Consumer, serviceId: number | undefined): () => void {
    const wanted = this.#early?.take(serviceId) ?? []
    if (serviceId === undefined) {
      this.#keepsEarly = false
      this.#early = undefined
    }
    if (wanted.length > 0) {
      this.messagesUnhandled -= wanted.length
      consumer.deliver({ messages: wanted, done: constVoid })
    }
    return this.addTaker(consumer, serviceId)
  }

  /** Starts what is to be let finish when the connection closes. */
  forkWork<R = never>(
    effect: Effect.Effect<unknown, never, R>,
    context: Context.Context<R> = this.runner.context as Context.Context<R>
  ): Work.Work {
    const work = new Work.Work()
    work.start(effect, context)
    if (work.hasEnded) return work
    this.#work = [...this.#work, work]
    work.onEnd(() => {
      this.#work = this.#work.filter((other) => other !== work)
    })
    if (this.#isStopped) work.interruptUnsafe()
    return work
  }

  get hasWork(): boolean {
    return this.#work.length > 0
  }

  /** Completes when all work is finished, but for what closes something and may so wait for this. */
  finished(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const busy = this.#work.filter((work) => !work.isClosing)
      if (busy.length === 0) return Effect.void
      return Effect.andThen(Effect.forEach(busy, (work) => work.finished, { discard: true }), this.finished())
    })
  }

  /** Interrupts what has not finished, and all that would start from now on. */
  get stopWork(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#isStopped = true
      return Work.interruptAll(this.#work)
    })
  }

  /** Hands messages to all who want them. `done` is called when the last of them has finished. */
  dispatch(received: ReadonlyArray<Message.Message>, done: () => void): void {
    const { services } = this.#options
    services.attach(this, received)
    // Handlers of a handle hear all that comes from whom we dial.
    const messages = services.isRestricted && this.side === "accepted"
      ? this.refusals.filter(received, (serviceId) => !services.refuses(this, serviceId))
      : received
    let running = 1
    const finish = () => {
      running -= 1
      if (running === 0) done()
    }
    const takers = this.#takers
    let isForAll = false
    for (const taker of takers) {
      const wanted = taker.serviceId === undefined ? messages : Taker.ofService(messages, taker.serviceId)
      isForAll ||= taker.serviceId === undefined
      if (wanted.length === 0) continue
      running += 1
      taker.consumer.deliver({ messages: wanted, done: finish })
    }
    if (!isForAll) this.#unhandled(messages, takers)
    finish()
  }

  get refusals(): Refusals.Refusals {
    return this.#refusals ??= new Refusals.Refusals(this)
  }

  /** Gives the peer points for what it has done wrong. */
  punish(problem: { readonly _tag: string; readonly message: string }): void {
    const address = this.#lastAddress
    if (address === undefined) return
    const points = problem._tag === "LoginFailed" ? this.settings.failedLoginPoints : this.settings.malformedPoints
    // A store may be slow, and the connection ends meanwhile.
    this.#options.background.fork(
      Effect.annotateLogs(this.#options.banList.punish(address, points, problem.message), this.annotations)
    )
  }

  #unhandled(messages: ReadonlyArray<Message.Message>, takers: ReadonlyArray<Taker.Taker>): void {
    for (const message of messages) {
      if (takers.some((taker) => taker.serviceId === message.serviceId)) continue
      this.messagesUnhandled += 1
      if (this.#keepEarly(message)) continue
      this.metrics.dropped("Unhandled", 1)
      if (this.#hasToldOfDropped) continue
      this.#hasToldOfDropped = true
      this.runner.fork(Effect.annotateLogs(
        Effect.logDebug(`Nobody takes message ${message.serviceId}/${message.messageId}; such messages are dropped`),
        this.annotations
      ))
    }
  }

  /** Nobody will ask for this peer's messages any more. */
  forget(): void {
    this.metrics.dropped("Unhandled", this.#early?.take(undefined).length ?? 0)
  }

  #keepEarly(message: Message.Message): boolean {
    if (!this.#keepsEarly) return false
    const early = this.#early ??= new EarlyMessages.EarlyMessages()
    return early.keep(message)
  }
}
