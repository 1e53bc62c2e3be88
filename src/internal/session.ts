/**
 * The life of one socket: from the first byte that is read to the one place that ends it.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Envelope from "../domain/Envelope.ts"
import * as Message from "../domain/Message.ts"
import type * as PacketReader from "../domain/PacketReader.ts"
import type * as WireError from "../domain/WireError.ts"
import type * as Access from "../services/Access.ts"
import * as DisconnectReason from "../services/DisconnectReason.ts"
import * as Transport from "../services/Transport.ts"
import type * as NetworkConfig from "../services/NetworkConfig.ts"
import type * as Peer from "./peer.ts"
import * as Phase from "./phase.ts"
import * as Tracing from "./tracing.ts"
import type * as Traffic from "./traffic.ts"
import * as Verifier from "./verifier.ts"
import * as Watch from "./watch.ts"
import type * as Writer from "./writer.ts"

/** Who has started a session, and goes on when it has ended. @internal */
export interface SessionOwner {
  /** Messages have come or gone since it was looked at last. */
  readonly onActive?: (session: Session) => void
  readonly onLoggedIn?: (session: Session) => void
  readonly onSessionEnded: (session: Session, reason: DisconnectReason.DisconnectReason) => void
}

/** What a waiting message costs beside its bytes, roughly. It counts against the inbox limit. */
const messageOverhead = 128

/** While the lanes are too full, reading goes on a little after so many milliseconds, so that two peers that flood each
 * other never wait for each other for ever. */
const lanePause = 2

/** One who holds much of the memory of all is read from this long after it was read from last, in milliseconds. */
const memoryPause = 50

const laneHigh = 3 / 4
const laneLow = 1 / 2

/** A login is one packet. A stranger who sends more than this before it is complete is not logging in. */
const maxLoginBytes = 65_536

/** So many answers to pings wait at most, for a peer that asks and does not read. */
const maxWaitingPongs = 16

/** @internal */
export class Session implements Transport.LinkReceiver, Envelope.Sink, Watch.Watched, Writer.LinkOwner {
  readonly peer: Peer.Peer
  readonly link: Transport.Link
  readonly #reader: PacketReader.PacketReader
  readonly #traffic: Traffic.Traffic
  readonly #watch: Watch.Watch
  #phase: Phase.Phase
  #owner: SessionOwner | undefined = undefined
  /** Made when the first large legacy message comes. */
  #verifier: Verifier.Verifier | undefined = undefined
  #batch: Array<Message.Message> | undefined = undefined
  #unverified: Array<Verifier.Unverified> | undefined = undefined
  #waitingMessages = 0
  #isPaused = false
  #willResume = false
  #resumedAt = Number.NEGATIVE_INFINITY
  #isFlooded = false
  /** How many messages had come and gone when it was looked at last. */
  #messagesThen = 0

  constructor(
    peer: Peer.Peer,
    link: Transport.Link,
    reader: PacketReader.PacketReader,
    login: Phase.Login | undefined
  ) {
    this.peer = peer
    this.link = link
    this.#reader = reader
    this.#traffic = peer.metrics.traffic
    this.#phase = Phase.start(login)
    this.#watch = new Watch.Watch(peer.runner, this)
  }

  get remoteAddress(): Transport.Link["remoteAddress"] {
    return this.link.remoteAddress
  }

  get isEnded(): boolean {
    return this.#phase._tag === "Ended"
  }

  /** Reads and writes until the session ends. Tells why it did, at once when it has ended before. */
  start(owner: SessionOwner): void {
    if (this.#phase._tag === "Ended") return owner.onSessionEnded(this, this.#phase.reason)
    this.#owner = owner
    this.#watch.start(this.#phase._tag === "AwaitingLogin")
    this.peer.writer.start(this)
    try {
      this.link.start(this)
    } catch (cause) {
      this.#endBroken("Reading from a connection died", cause)
    }
  }

  /** The one place where a session ends. What is said first counts. */
  end(reason: DisconnectReason.DisconnectReason): void {
    if (this.#phase._tag === "Ended") return
    this.#phase = { _tag: "Ended", wasOpen: Phase.isOpen(this.#phase), reason }
    this.#watch.stop()
    this.peer.writer.stop()
    this.link.close()
    this.#reader.close()
    this.peer.endSession(this, reason)
    this.#owner?.onSessionEnded(this, reason)
  }

  /** A transport or an envelope that throws must not leave a connection behind that nobody runs. */
  #endBroken(what: string, cause: unknown): void {
    const address = NetAddress.formatSocketAddress(this.link.remoteAddress)
    const { annotations, runner } = this.peer
    runner.fork(Effect.annotateLogs(Effect.logError(what, Cause.die(cause)), annotations))
    this.end(new Transport.TransportError({ problem: "Other", address, cause }))
  }

  // --- from the writer

  later(f: () => void): void {
    this.peer.runner.fork(Effect.andThen(Effect.yieldNow, Effect.sync(f)))
  }

  onWriteFailed(error: Transport.TransportError): void {
    this.end(error)
  }

  onWriteBroken(cause: unknown): void {
    this.#endBroken("Writing to a connection died", cause)
  }

  // --- from the watch

  get settings(): NetworkConfig.Settings {
    return this.peer.settings
  }

  get side(): "dialled" | "accepted" {
    return this.peer.side
  }

  get heartbeat(): boolean {
    return this.peer.envelope.heartbeat
  }

  onLoginTimedOut(): void {
    const phase = this.#phase
    if (phase._tag === "AwaitingLogin") this.#doWithoutLogin(phase.login, "TimedOut")
    else this.#refuseLogin("TimedOut")
  }

  sendPing(): void {
    this.peer.writer.sendUrgent(this.peer.envelope.ping)
  }

  get unfinished(): Envelope.Unfinished | undefined {
    return this.#reader.unfinished
  }

  get write(): unknown {
    return this.peer.writer.underWay
  }

  onLook(): void {
    const { messagesReceived, messagesSent } = this.peer
    const messages = messagesReceived + messagesSent
    if (messages !== this.#messagesThen) this.#owner?.onActive?.(this)
    this.#messagesThen = messages
  }

  pausedAt(): number {
    return this.#isPaused ? this.peer.runner.now() : this.#resumedAt
  }

  // --- from the link

  buffer(): Uint8Array {
    return this.#reader.buffer()
  }

  onRead(count: number): boolean {
    if (this.#phase._tag === "Ended") return false
    this.#reader.commit(count, this)
    const failure = this.#reader.failure
    this.#deliver()
    // A handler may have ended the session.
    if (this.isEnded) return false
    if (failure !== undefined) {
      this.#fail(failure)
      return false
    }
    if (this.#isFlooded) {
      this.#fail(new DisconnectReason.PingFlood({ limit: this.peer.settings.maxPings }))
      return false
    }
    if (this.#phase._tag === "AwaitingLogin") {
      this.#phase.bytes += count
      if (this.#phase.bytes > maxLoginBytes) this.#doWithoutLogin(this.#phase.login, "NotALogin")
    }
    if (this.#mustPause()) this.#pause()
    return !this.#isPaused
  }

  onEnd(error: Transport.TransportError | undefined): void {
    this.end(error ?? new DisconnectReason.ClosedHere())
  }

  // --- from the decoder

  onMessage(message: Message.Message): void {
    this.#traffic.received(message)
    if (this.#batch === undefined) this.#batch = [message]
    else this.#batch.push(message)
  }

  onUnverified(message: Message.Message, announced: number): void {
    this.onMessage(message)
    const unverified = this.#unverified ??= []
    unverified.push({ message, announced })
  }

  onPing(): void {
    // Within a read nothing may end the session.
    if (!this.#watch.onPing()) this.#isFlooded = true
    const { envelope, writer } = this.peer
    if (writer.urgentPackets < maxWaitingPongs) writer.sendUrgent(envelope.pong)
  }

  onPong(): void {
    this.#watch.onPong()
  }

  // --- delivery

  #deliver(): void {
    const slabs = this.#reader.hold()
    const messages = this.#batch
    if (messages === undefined) return this.#reader.release(slabs)
    this.#batch = undefined
    this.#watch.onMessage()
    const release = () => this.#reader.release(slabs)
    const unverified = this.#unverified
    if (unverified === undefined && !this.#verifier?.isBusy) return this.#take(messages, release)
    this.#unverified = undefined
    this.#verifier ??= this.#makeVerifier()
    this.#verifier.push({
      messages,
      unverified: unverified ?? [],
      isAlone: this.#reader.isAlone,
      forward: (verified) => this.#take(verified, release)
    })
  }

  #makeVerifier(): Verifier.Verifier {
    return new Verifier.Verifier({
      runner: this.peer.runner,
      threads: this.peer.threads,
      envelope: this.peer.envelope,
      fail: (error) => this.#fail(error)
    })
  }

  #take(messages: ReadonlyArray<Message.Message>, release: () => void): void {
    // What was verified after the socket had gone is handed out all the same.
    const phase = this.#phase
    const mayHandOut = phase._tag === "Open" || (phase._tag === "Ended" && phase.wasOpen)
    if (mayHandOut || this.#opensWith(messages[0]!)) return this.#takeOpen(messages, release)
    this.#beforeOpen(messages)
    release()
  }

  /** Hands messages out, and then tells those who wait for replies: they do not overtake what came before them. */
  #takeOpen(messages: ReadonlyArray<Message.Message>, release: () => void): void {
    const peer = this.peer
    peer.messagesReceived += messages.length
    if (!peer.expectsReplies) return this.#handOut(messages, release)
    const replies: Array<() => void> = []
    const wanted = messages.filter((message) => !peer.requests.settle(message, replies))
    if (wanted.length === 0) release()
    else this.#handOut(wanted, release)
    for (const tell of replies) tell()
  }

  #handOut(received: ReadonlyArray<Message.Message>, release: () => void): void {
    const { services } = this.peer.access
    const messages = services === "all" ? received : this.peer.refusals.filter(received, (id) => services.has(id))
    if (messages.length === 0) return release()
    this.#waitingMessages += messages.length
    this.peer.dispatch(messages, () => {
      this.#waitingMessages -= messages.length
      release()
      this.resumeIfPossible()
    })
  }

  /** Before the login has passed, only the check sees a message. */
  #beforeOpen(messages: ReadonlyArray<Message.Message>): void {
    const phase = this.#phase
    if (phase._tag === "AwaitingLogin") {
      const [login, ...waiting] = messages.map(Message.keep)
      this.#checkLogin(phase.login.check, login!, waiting)
    } else if (phase._tag === "CheckingLogin") {
      for (const message of messages) phase.waiting.push(Message.keep(message))
    }
  }

  #checkLogin(check: Phase.Login["check"], message: Message.Message, waiting: Array<Message.Message>): void {
    this.#phase = { _tag: "CheckingLogin", waiting }
    this.#pause()
    const { annotations, runner } = this.peer
    runner.fork(Effect.matchCauseEffect(Tracing.checkLogin(this.peer, Effect.suspend(() => check(message))), {
      onSuccess: (verdict) =>
        verdict._tag === "Accept"
          ? Effect.sync(() => this.#open(verdict.access, waiting))
          : Effect.andThen(
            Effect.annotateLogs(Effect.logDebug(`Refused a login: ${verdict.reason}`), annotations),
            Effect.sync(() => this.#refuseLogin("Refused"))
          ),
      onFailure: (cause) =>
        Effect.andThen(
          Effect.annotateLogs(Effect.logError("A login could not be checked", cause), annotations),
          Effect.sync(() => this.#refuseLogin("CheckFailed"))
        )
    }))
  }

  #open(access: Access.Access, waiting: ReadonlyArray<Message.Message>): void {
    if (this.#phase._tag !== "CheckingLogin") return
    this.#owner?.onLoggedIn?.(this)
    this.#openAs(Phase.open, access)
    if (waiting.length > 0) this.#takeOpen(waiting, () => {})
    this.resumeIfPossible()
  }

  #openAs(phase: Phase.Phase, access: Access.Access): void {
    this.#phase = phase
    this.#watch.onLogin()
    this.peer.access = access
    this.peer.onOpen(this)
  }

  /** Whether a peer that need not log in does without, by what it says first. */
  #opensWith(first: Message.Message): boolean {
    const phase = this.#phase
    if (phase._tag === "OpenUnheard") {
      this.#phase = Phase.open
      if (!Phase.isLogin(first)) return true
      // It is no guess, and the peer is to have what it logs in for: it connects again.
      this.end(new DisconnectReason.LoginFailed({ problem: "TimedOut" }))
    } else if (phase._tag === "AwaitingLogin" && phase.login.otherwise !== undefined && !Phase.isLogin(first)) {
      this.#openAs(Phase.open, phase.login.otherwise)
      return true
    }
    return false
  }

  /** What has come so far, or has not come in time, is no login. */
  #doWithoutLogin({ otherwise }: Phase.Login, problem: "NotALogin" | "TimedOut"): void {
    if (otherwise !== undefined) this.#openAs(Phase.openUnheard, otherwise)
    else this.#refuseLogin(problem)
  }

  /** The peer pays for a login that is wrong, and not for silence or for a check that is. */
  #refuseLogin(problem: DisconnectReason.LoginFailed["problem"]): void {
    if (this.isEnded) return
    const reason = new DisconnectReason.LoginFailed({ problem })
    this.end(reason)
    if (problem === "Refused" || problem === "NotALogin") this.peer.punish(reason)
  }

  /** The peer's bytes are wrong, too many of a kind, or were lost here. */
  #fail(error: WireError.WireError | DisconnectReason.VerificationFailed | DisconnectReason.PingFlood): void {
    // The session ends before a ban can end it, so that it says why.
    this.end(error)
    if (error._tag === "VerificationFailed") return
    if (error._tag === "PingFlood") return this.peer.punish(error)
    // Who is dialled by mistake has done nothing wrong: it is tried again, as its policy says.
    const isMistaken = error.reason._tag === "WrongProtocol" && this.peer.side === "dialled"
    if (!isMistaken) this.peer.punish(error.reason)
  }

  // --- flow control

  resumeIfPossible(): void {
    if (!this.#isPaused || this.#phase._tag === "Ended" || this.#phase._tag === "CheckingLogin") return
    if (this.#inbox > this.peer.settings.inboxBytes / 2) return
    if (this.peer.holding?.mustWait) return this.#resumeLater(memoryPause)
    if (this.peer.laneFill > laneLow) return this.#resumeLater(lanePause)
    this.#resume()
  }

  get #inbox(): number {
    return this.#reader.heldBytes + this.#waitingMessages * messageOverhead
  }

  #mustPause(): boolean {
    if (this.#inbox > this.peer.settings.inboxBytes) return true
    if (!Phase.isOpen(this.#phase)) return false
    if (this.peer.holding?.mustWait) this.#resumeLater(memoryPause)
    else if (this.peer.laneFill >= laneHigh) this.#resumeLater(lanePause)
    else return false
    return true
  }

  #resumeLater(pause: number): void {
    if (this.#willResume) return
    this.#willResume = true
    this.peer.runner.fork(Effect.andThen(
      Effect.sleep(pause),
      Effect.sync(() => {
        this.#willResume = false
        if (!this.#isPaused || !Phase.isOpen(this.#phase) || this.#inbox > this.peer.settings.inboxBytes) return
        this.#resume()
      })
    ))
  }

  #resume(): void {
    this.#isPaused = false
    this.#resumedAt = this.peer.runner.now()
    this.link.resume()
  }

  #pause(): void {
    if (this.#isPaused) return
    this.#isPaused = true
    this.link.pause()
  }
}
