/**
 * The life of one socket: from the first byte that is read to the one place that ends it.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Envelope from "../domain/Envelope.ts"
import * as Message from "../domain/Message.ts"
import type * as PacketReader from "../domain/PacketReader.ts"
import type * as WireError from "../domain/WireError.ts"
import * as DisconnectReason from "../services/DisconnectReason.ts"
import type * as Transport from "../services/Transport.ts"
import type * as Peer from "./peer.ts"
import * as Verifier from "./verifier.ts"
import * as Watch from "./watch.ts"

/** What the peer may say in this phase. */
type Phase =
  /** Only a login, which goes to the check. */
  | { readonly _tag: "AwaitingLogin"; readonly check: (message: Message.Message) => Effect.Effect<boolean> }
  /** The check is running; what came behind the login waits. */
  | { readonly _tag: "CheckingLogin"; readonly waiting: Array<Message.Message> }
  | { readonly _tag: "Open" }
  | { readonly _tag: "Ended"; readonly wasOpen: boolean }

/** What a waiting message costs beside its bytes, roughly. It counts against the inbox limit. */
const messageOverhead = 128

/** While the lanes are too full, reading goes on a little after so many milliseconds, so that two peers that flood each
 * other never wait for each other for ever. */
const lanePause = 2

const laneHigh = 3 / 4
const laneLow = 1 / 2

/** @internal */
export class Session implements Transport.LinkReceiver, Envelope.Sink {
  readonly #peer: Peer.Peer
  readonly #link: Transport.Link
  readonly #reader: PacketReader.PacketReader
  readonly #watch: Watch.Watch
  readonly #ended = Deferred.makeUnsafe<DisconnectReason.DisconnectReason>()
  #phase: Phase
  /** Made when the first large legacy message comes. */
  #verifier: Verifier.Verifier | undefined = undefined
  #batch: Array<Message.Message> = []
  #unverified: Array<Verifier.Unverified> = []
  #waitingMessages = 0
  #isPaused = false
  /** A peer that has said something sensible makes a session a healthy one. */
  isHealthy = false

  constructor(
    peer: Peer.Peer,
    link: Transport.Link,
    reader: PacketReader.PacketReader,
    checkLogin: ((message: Message.Message) => Effect.Effect<boolean>) | undefined
  ) {
    this.#peer = peer
    this.#link = link
    this.#reader = reader
    this.#phase = checkLogin === undefined ? { _tag: "Open" } : { _tag: "AwaitingLogin", check: checkLogin }
    this.#watch = new Watch.Watch(peer.runner, {
      settings: peer.settings,
      side: peer.side,
      heartbeat: peer.envelope.heartbeat,
      sendPing: () => peer.writer.sendUrgent(peer.envelope.ping),
      isReadingPaused: () => this.#isPaused,
      end: (reason) => this.end(reason)
    })
  }

  get remoteAddress(): Transport.Link["remoteAddress"] {
    return this.#link.remoteAddress
  }

  get isEnded(): boolean {
    return this.#phase._tag === "Ended"
  }

  /** Reads and writes until the session ends, and returns why it did. */
  readonly run: Effect.Effect<DisconnectReason.DisconnectReason> = Effect.suspend(() => {
    this.#watch.start(this.#phase._tag === "AwaitingLogin")
    const writing = this.#peer.writer.run(this.#link).pipe(
      Effect.catch((error) => Effect.sync(() => this.end(error)))
    )
    this.#link.start(this)
    return Effect.raceFirst(Deferred.await(this.#ended), Effect.andThen(writing, Effect.never))
  }).pipe(Effect.ensuring(Effect.sync(() => this.end(new DisconnectReason.ClosedHere()))))

  /** The one place where a session ends. What is said first counts. */
  end(reason: DisconnectReason.DisconnectReason): void {
    if (this.#phase._tag === "Ended") return
    this.#phase = { _tag: "Ended", wasOpen: this.#phase._tag === "Open" }
    this.#watch.stop()
    this.#link.close()
    this.#reader.close()
    Deferred.doneUnsafe(this.#ended, Exit.succeed(reason))
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
    if (this.#mustPause()) this.#pause()
    return !this.#isPaused
  }

  onEnd(error: Transport.TransportError | undefined): void {
    this.end(error ?? new DisconnectReason.ClosedHere())
  }

  // --- from the decoder

  onMessage(message: Message.Message): void {
    this.#batch.push(message)
  }

  onUnverified(message: Message.Message, announced: number): void {
    this.#batch.push(message)
    this.#unverified.push({ message, announced })
  }

  onPing(): void {
    this.isHealthy = true
    this.#watch.onPing()
    this.#peer.writer.sendUrgent(this.#peer.envelope.pong)
  }

  onPong(): void {
    this.isHealthy = true
    this.#watch.onPong()
  }

  // --- delivery

  #deliver(): void {
    const slabs = this.#reader.hold()
    const messages = this.#batch
    if (messages.length === 0) return this.#reader.release(slabs)
    this.#batch = []
    this.#watch.onMessage()
    const release = () => this.#reader.release(slabs)
    const unverified = this.#unverified
    if (unverified.length === 0 && !this.#verifier?.isBusy) return this.#take(messages, release)
    this.#unverified = []
    this.#verifier ??= this.#makeVerifier()
    this.#verifier.push({
      messages,
      unverified,
      isAlone: this.#reader.isAlone,
      forward: (verified) => this.#take(verified, release)
    })
  }

  #makeVerifier(): Verifier.Verifier {
    return new Verifier.Verifier({
      runner: this.#peer.runner,
      threads: this.#peer.threads,
      envelope: this.#peer.envelope,
      fail: (error) => this.#fail(error)
    })
  }

  #take(messages: ReadonlyArray<Message.Message>, release: () => void): void {
    // What was verified after the socket had gone is handed out all the same.
    const phase = this.#phase
    const mayHandOut = phase._tag === "Open" || (phase._tag === "Ended" && phase.wasOpen)
    const wanted = mayHandOut ? this.#withoutReplies(messages) : this.#beforeOpen(messages)
    if (wanted.length === 0) release()
    else this.#handOut(wanted, release)
  }

  #handOut(messages: ReadonlyArray<Message.Message>, release: () => void): void {
    this.#waitingMessages += messages.length
    this.#peer.dispatch(messages, () => {
      this.#waitingMessages -= messages.length
      release()
      this.resumeIfPossible()
    })
  }

  #withoutReplies(messages: ReadonlyArray<Message.Message>): ReadonlyArray<Message.Message> {
    this.isHealthy = true
    const requests = this.#peer.requests
    return requests.expectsReplies ? messages.filter((message) => !requests.settle(message)) : messages
  }

  /** Before the login has passed, only the check sees a message. */
  #beforeOpen(messages: ReadonlyArray<Message.Message>): ReadonlyArray<Message.Message> {
    for (const message of messages) {
      const phase = this.#phase
      if (phase._tag === "AwaitingLogin") this.#checkLogin(phase.check, Message.keep(message))
      else if (phase._tag === "CheckingLogin") phase.waiting.push(Message.keep(message))
    }
    return []
  }

  #checkLogin(check: (message: Message.Message) => Effect.Effect<boolean>, message: Message.Message): void {
    const waiting: Array<Message.Message> = []
    this.#phase = { _tag: "CheckingLogin", waiting }
    this.#pause()
    this.#peer.runner.fork(Effect.matchCause(check(message), {
      onSuccess: (passed) => passed ? this.#open(waiting) : this.#refuseLogin("Refused"),
      onFailure: () => this.#refuseLogin("CheckFailed")
    }))
  }

  #open(waiting: Array<Message.Message>): void {
    if (this.#phase._tag !== "CheckingLogin") return
    this.#phase = { _tag: "Open" }
    this.#watch.onLogin()
    this.#peer.onOpen(this)
    const wanted = this.#withoutReplies(waiting)
    if (wanted.length > 0) this.#handOut(wanted, () => {})
    this.resumeIfPossible()
  }

  #refuseLogin(problem: DisconnectReason.LoginFailed["problem"]): void {
    if (this.#phase._tag !== "CheckingLogin") return
    const reason = new DisconnectReason.LoginFailed({ problem })
    if (problem === "Refused") this.#peer.punish(reason)
    this.end(reason)
  }

  /** The peer's bytes are wrong, or were lost here. */
  #fail(error: WireError.WireError | DisconnectReason.VerificationFailed): void {
    if (error._tag === "WireError") this.#peer.punish(error.reason)
    this.end(error)
  }

  // --- flow control

  resumeIfPossible(): void {
    if (!this.#isPaused || this.#phase._tag === "Ended" || this.#phase._tag === "CheckingLogin") return
    if (this.#inbox > this.#peer.settings.inboxBytes / 2 || this.#peer.laneFill > laneLow) return
    this.#isPaused = false
    this.#link.resume()
  }

  get #inbox(): number {
    return this.#reader.heldBytes + this.#waitingMessages * messageOverhead
  }

  #mustPause(): boolean {
    if (this.#inbox > this.#peer.settings.inboxBytes) return true
    if (this.#peer.laneFill < laneHigh) return false
    this.#peer.runner.fork(Effect.andThen(
      Effect.sleep(lanePause),
      Effect.sync(() => {
        if (!this.#isPaused || this.#phase._tag !== "Open" || this.#inbox > this.#peer.settings.inboxBytes) return
        this.#isPaused = false
        this.#link.resume()
      })
    ))
    return true
  }

  #pause(): void {
    if (this.#isPaused) return
    this.#isPaused = true
    this.#link.pause()
  }
}
