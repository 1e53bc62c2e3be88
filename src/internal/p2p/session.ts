/**
 * The session of one peer: handshake, pings, and the handlers of its messages.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as NetAddress from "effect/net/NetAddress"
import * as PubSub from "effect/PubSub"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import type * as Message from "../../domain/Message.ts"
import * as P2PMessage from "../../domain/p2p/P2PMessage.ts"
import * as PeerAddress from "../../domain/p2p/PeerAddress.ts"
import type * as BanList from "../../services/BanList.ts"
import type * as Connection from "../../services/Connection.ts"
import * as DisconnectReason from "../../services/DisconnectReason.ts"
import * as P2PConfig from "../../services/p2p/P2PConfig.ts"
import * as Peer from "../../services/p2p/Peer.ts"
import * as PeerError from "../../services/p2p/PeerError.ts"
import * as Alarms from "../alarms.ts"
import * as Runner from "../runner.ts"
import * as Handlers from "./handlers.ts"
import * as Pings from "./pings.ts"
import * as Points from "./points.ts"
import * as Random64 from "./random64.ts"

/** What arrives after `version` and before `verack` waits, up to this many messages and bytes. */
const maxEarly = 32
const maxEarlyBytes = 262_144

/** A reader of events that lags by more than this misses the oldest. */
const eventBuffer = 256

/** Headers of new blocks can be asked for from this version of the protocol on (BIP 130). */
const sendHeadersFrom = 70_012

interface SessionOptions {
  readonly connection: Connection.Connection
  readonly config: P2PConfig.Settings
  readonly peer: Peer.Options
  readonly runner: Runner.Runner
  /** Holds what `onReady` acquires. */
  readonly attached: Scope.Closeable
  readonly address: NetAddress.SocketAddress
  readonly nonce: bigint
  readonly nonces: Set<bigint>
  readonly states: SubscriptionRef.SubscriptionRef<Peer.PeerState>
  /** The last of them is `undefined`: the peer has ended. */
  readonly events: PubSub.PubSub<Peer.PeerEvent | undefined>
}

class Session {
  readonly #options: SessionOptions
  readonly #alarm: Alarms.Alarm
  readonly #handlers: Handlers.Handlers
  readonly #pings = new Pings.Pings()
  readonly #early: Array<P2PMessage.P2PMessage> = []
  #earlyBytes = 0
  /** What it has lost, where that is not counted by its address. */
  #points = 0
  readonly ready = Deferred.makeUnsafe<Peer.Peer, PeerError.PeerError>()
  readonly ended = Deferred.makeUnsafe<PeerError.Reason>()
  #state: Peer.PeerState

  constructor(options: SessionOptions) {
    this.#options = options
    this.#alarm = new Alarms.Alarm(options.runner.alarms, { ring: (now) => this.#onAlarm(now) })
    this.#handlers = new Handlers.Handlers({ hasEnded: () => this.#isEnded, end: (reason) => this.end(reason) })
    this.#state = SubscriptionRef.getUnsafe(options.states)
  }

  get #isEnded(): boolean {
    return this.#state._tag === "Ended"
  }

  /** Whether another handshake of this node has met the nonce of this one, and taken it away. */
  get #isSelf(): boolean {
    const { nonce, nonces } = this.#options
    return this.#state._tag === "Handshaking" && !nonces.has(nonce)
  }

  /** Introduces this node, and starts the one deadline of the handshake. */
  readonly start: Effect.Effect<void> = Effect.suspend(() => {
    const { config, runner } = this.#options
    this.#alarm.set(runner.now() + Duration.toMillis(config.handshakeTimeout))
    return this.#tell(this.#version())
  })

  readonly onMessage = (message: Message.Message): Effect.Effect<void> | void => {
    const decoded = P2PMessage.fromMessage(message)
    if (Result.isFailure(decoded)) return this.end(decoded.failure)
    if (decoded.success !== undefined) return this.#receive(decoded.success, message.bodyLength)
  }

  readonly punish = (points: number, reason: string): Effect.Effect<BanList.Verdict> =>
    Effect.suspend(() => {
      const { address, connection, events } = this.#options
      return Effect.tap(
        Points.isNeighbour(connection.side, address) ? this.#reckon(points, reason) : connection.punish(points, reason),
        (verdict) => PubSub.publish(events, Peer.PeerEvent.Punished({ points, reason, verdict }))
      )
    })

  #reckon(points: number, reason: string): Effect.Effect<BanList.Verdict> {
    this.#points += points
    const verdict: BanList.Verdict = { _tag: "Ignored", because: "LocalPeer" }
    if (this.#points < Points.ofNeighbour) return Effect.succeed(verdict)
    return Effect.as(this.end(new PeerError.Misbehaved({ what: reason, points: Points.ofNeighbour })), verdict)
  }

  /**
   * The one place where a peer ends. Whoever is told may close the scope that this runs in, so it cannot be interrupted.
   */
  readonly end = (given: PeerError.Reason): Effect.Effect<void> =>
    Effect.uninterruptible(Effect.suspend(() => {
      if (this.#isEnded) return Effect.void
      const { attached, connection, events, nonce, nonces, runner } = this.#options
      const reason = this.#isSelf ? new PeerError.SelfConnection() : given
      const points = Points.of(reason, connection.side, this.#state)
      this.#alarm.clear()
      this.#early.length = 0
      nonces.delete(nonce)
      return this.#become(Peer.PeerState.Ended({ since: runner.now(), reason })).pipe(
        Effect.andThen(connection.disconnect),
        Effect.andThen(points > 0 ? this.punish(points, reason.message) : Effect.void),
        Effect.andThen(PubSub.publish(events, undefined)),
        Effect.andThen(Effect.sync(() => {
          Deferred.doneUnsafe(this.ended, Exit.succeed(reason))
          Deferred.doneUnsafe(this.ready, Exit.fail(new PeerError.PeerError({ reason })))
          // Not waited for: what is attached may be what ends the peer.
          runner.fork(Effect.uninterruptible(Scope.close(attached, Exit.void)))
        }))
      )
    }))

  readonly send = (message: P2PMessage.P2PMessage): Effect.Effect<void, PeerError.PeerError> => {
    const encoded = P2PMessage.toMessage(message)
    return Result.isFailure(encoded)
      ? Effect.fail(new PeerError.PeerError({ reason: encoded.failure }))
      : Effect.mapError(this.#options.connection.send(encoded.success), this.#toError)
  }

  readonly sendAll = (
    messages: ReadonlyArray<P2PMessage.P2PMessage>
  ): Effect.Effect<void, PeerError.PeerError> => {
    const encoded: Array<Message.Message> = []
    for (const message of messages) {
      const one = P2PMessage.toMessage(message)
      if (Result.isFailure(one)) return Effect.fail(new PeerError.PeerError({ reason: one.failure }))
      encoded.push(one.success)
    }
    return Effect.mapError(this.#options.connection.sendAll(encoded), this.#toError)
  }

  toPeer(version: P2PMessage.Of<"version">, since: number): Peer.Peer {
    const { address, connection, events, states } = this.#options
    return {
      [Peer.TypeId]: Peer.TypeId,
      id: connection.id,
      endPoint: connection.endPoint,
      side: connection.side,
      address,
      version,
      since,
      state: Effect.sync(() => this.#state),
      changes: Stream.takeUntil(SubscriptionRef.changes(states), (state) => state._tag === "Ended"),
      events: this.#eventsOf(events),
      ended: Deferred.await(this.ended),
      latency: Effect.sync(() => this.#pings.latency),
      send: this.send,
      sendAll: this.sendAll,
      handle: this.#handlers.add,
      punish: this.punish,
      end: this.end
    }
  }

  #eventsOf(events: SessionOptions["events"]): Stream.Stream<Peer.PeerEvent> {
    return Stream.unwrap(Effect.map(PubSub.subscribe(events), (subscription) =>
      this.#isEnded
        ? Stream.empty
        : Stream.fromSubscription(subscription).pipe(
          Stream.takeWhile((event) => event !== undefined),
          Stream.filter((event) => event !== undefined)
        )))
  }

  /** Sends what the protocol asks for. A peer that is gone by then is told of by its end. */
  #tell(message: P2PMessage.P2PMessage): Effect.Effect<void> {
    return Effect.ignore(this.send(message))
  }

  /** What is decided by the state must not wait until those who watch it know. */
  #become(state: Peer.PeerState): Effect.Effect<void> {
    this.#state = state
    return SubscriptionRef.set(this.#options.states, state)
  }

  #version(): P2PMessage.P2PMessage {
    const { address, config, nonce, peer, runner } = this.#options
    return P2PMessage.make("version", {
      protocol: P2PConfig.protocol,
      services: config.services,
      time: BigInt(Math.floor(runner.now() / 1000)),
      receiver: NetAddress.isInetAddress(address) ? PeerAddress.fromInetAddress(address, 0n) : PeerAddress.unknown,
      sender: { ...PeerAddress.unknown, services: config.services },
      nonce,
      userAgent: config.userAgent,
      startHeight: peer.startHeight ?? 0,
      relay: peer.relay ?? false
    })
  }

  #receive(message: P2PMessage.P2PMessage, bytes: number): Effect.Effect<void> | void {
    const state = this.#state
    if (state._tag === "Ended") return
    if (message._tag === "version") return this.#onVersion(state, message)
    if (message._tag === "verack") return this.#onVerack(state)
    if (state._tag === "Ready") return this.#onReadyMessage(message)
    if (state.version === undefined) return this.#disorder(`"${message._tag}" before "version"`)
    this.#earlyBytes += bytes
    if (this.#early.length === maxEarly || this.#earlyBytes > maxEarlyBytes) {
      return this.#disorder("too much before \"verack\"")
    }
    this.#early.push(message)
  }

  #onVersion(state: Peer.PeerState, version: P2PMessage.Of<"version">): Effect.Effect<void> {
    if (state._tag !== "Handshaking" || state.version !== undefined) return this.#disorder("a second \"version\"")
    const refused = this.#refusal(version)
    if (refused !== undefined) return this.end(refused)
    const { connection } = this.#options
    const answers = version.protocol >= sendHeadersFrom ? [verack, sendheaders] : [verack]
    return this.#become(Peer.PeerState.Handshaking({ since: state.since, version })).pipe(
      Effect.andThen(Effect.ignore(this.sendAll(answers))),
      Effect.andThen(Effect.logDebug(`${connection.endPoint} is ${version.userAgent}, height ${version.startHeight}`))
    )
  }

  #refusal(version: P2PMessage.Of<"version">): PeerError.Reason | undefined {
    const { config, nonces, peer } = this.#options
    // Taken away, so that the other end of the connection knows it too.
    if (nonces.delete(version.nonce) || this.#isSelf) return new PeerError.SelfConnection()
    const { minProtocol } = config
    if (version.protocol < minProtocol) {
      return new PeerError.ObsoleteProtocol({ protocol: version.protocol, minimum: minProtocol })
    }
    const needed = peer.services ?? 0n
    if ((version.services & needed) === needed) return undefined
    return new PeerError.MissingServices({ offered: version.services, needed })
  }

  #onVerack(state: Peer.PeerState): Effect.Effect<void> | void {
    // Nodes pass over a second one.
    if (state._tag !== "Handshaking") return
    if (state.version === undefined) return this.#disorder("\"verack\" before \"version\"")
    const { attached, nonce, nonces, peer: options, runner } = this.#options
    const { version } = state
    const since = runner.now()
    const peer = this.toPeer(version, since)
    const becoming = this.#become(Peer.PeerState.Ready({ since, version }))
    nonces.delete(nonce)
    this.#restAlarm(since)
    return becoming.pipe(
      Effect.andThen(Scope.provide(Effect.suspend(() => options.onReady?.(peer) ?? Effect.void), attached)),
      Effect.catchDefect((defect) => this.#endUnattached(defect)),
      Effect.andThen(Effect.suspend(() => {
        Deferred.doneUnsafe(this.ready, Exit.succeed(peer))
        return Effect.forEach(this.#early.splice(0), (message) => this.#onReadyMessage(message), { discard: true })
      })),
      this.#handlers.busy
    )
  }

  /** A peer that nothing could be attached to is of no use. */
  #endUnattached(defect: unknown): Effect.Effect<void> {
    return Effect.andThen(
      Effect.logError("What is attached to a peer died", Cause.die(defect)),
      this.end(new PeerError.Dismissed({ because: "what is attached to it died" }))
    )
  }

  #onReadyMessage(message: P2PMessage.P2PMessage): Effect.Effect<void> {
    return this.#handlers.busy(Effect.andThen(this.#onOwnMessage(message), this.#handlers.tell(message)))
  }

  #onOwnMessage(message: P2PMessage.P2PMessage): Effect.Effect<unknown> {
    const { events, runner } = this.#options
    switch (message._tag) {
      case "ping":
        return this.#tell(P2PMessage.make("pong", { nonce: message.nonce }))
      case "pong": {
        const latency = this.#pings.answer(message.nonce, runner.now())
        if (latency === undefined) return Effect.void
        this.#restAlarm(runner.now())
        return PubSub.publish(events, Peer.PeerEvent.Answered({ latency }))
      }
      case "reject":
        return PubSub.publish(events, Peer.PeerEvent.Rejected({ reject: message }))
      default:
        return Effect.void
    }
  }

  #disorder(what: string): Effect.Effect<void> {
    return this.end(new PeerError.Misbehaved({ what, points: Points.disorder }))
  }

  /** Nothing is due until the next ping. */
  #restAlarm(now: number): void {
    this.#alarm.clear()
    this.#alarm.set(now + Duration.toMillis(this.#options.config.pingInterval))
  }

  /** The handshake has taken too long, a ping is due, or its answer is missing. */
  #onAlarm(now: number): number | undefined {
    const { config, runner } = this.#options
    const state = this.#state
    if (state._tag === "Ended") return undefined
    if (state._tag === "Handshaking") {
      const missing = state.version === undefined ? "version" : "verack"
      runner.fork(this.end(new PeerError.HandshakeTimedOut({ missing, after: config.handshakeTimeout })))
      return undefined
    }
    // While a message is being handled the answer may lie behind it.
    if (this.#pings.isOpen && !this.#handlers.isBusy) {
      runner.fork(this.end(new PeerError.PongMissing({ after: config.pongTimeout })))
      return undefined
    }
    if (!this.#pings.isOpen) runner.fork(Effect.flatMap(this.#pings.make(now), (ping) => this.#tell(ping)))
    return now + Duration.toMillis(config.pongTimeout)
  }

  readonly #toError = ({ reason }: { readonly reason: PeerError.PeerError["reason"] }) =>
    new PeerError.PeerError({ reason })
}

const verack = P2PMessage.make("verack", {})

const sendheaders = P2PMessage.make("sendheaders", {})

const closedBy = (reason: DisconnectReason.DisconnectReason) =>
  new PeerError.PeerError({ reason: new PeerError.Disconnected({ reason }) })

/** Ends the peer when its connection has ended. */
const follow = (connection: Connection.Connection, session: Session) =>
  Stream.runForEach(
    connection.changes,
    (state) => state._tag === "Closed" ? session.end(new PeerError.Disconnected(state)) : Effect.void
  )

/** @internal */
export const make = Effect.fnUntraced(function*(
  connection: Connection.Connection,
  config: P2PConfig.Settings,
  options: Peer.Options
): Effect.fn.Return<Peer.Peer, PeerError.PeerError, Scope.Scope> {
  yield* Effect.mapError(connection.connected, ({ reason }) => closedBy(reason))
  const state = yield* connection.state
  if (state._tag === "Closed") return yield* closedBy(state.reason)
  if (state._tag !== "Connected") return yield* closedBy(new DisconnectReason.ClosedHere())
  const scope = yield* Scope.fork(yield* Effect.scope)
  const runner = yield* Scope.provide(Runner.make, scope)
  const attached = yield* Scope.fork(scope)
  const nonce = yield* Random64.next
  const nonces = options.nonces ?? new Set()
  const session = new Session({
    connection,
    config,
    peer: options,
    runner,
    attached,
    address: state.remoteAddress,
    nonce,
    nonces,
    states: yield* SubscriptionRef.make<Peer.PeerState>(
      Peer.PeerState.Handshaking({ since: runner.now(), version: undefined })
    ),
    events: yield* PubSub.sliding<Peer.PeerEvent | undefined>(eventBuffer)
  })
  yield* Effect.acquireRelease(
    Effect.sync(() => nonces.add(nonce)),
    () => session.end(new PeerError.Disconnected({ reason: new DisconnectReason.ClosedHere() }))
  )
  // The version leaves first, whatever the peer has said already.
  yield* session.start
  runner.fork(connection.handle(session.onMessage))
  runner.fork(follow(connection, session))
  return yield* Deferred.await(session.ready)
})
