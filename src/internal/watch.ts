/**
 * The deadlines of one session: pings to send and to expect, the first message, the login, and what has begun and does
 * not get on. One alarm serves them all.
 */
import * as Duration from "effect/Duration"
import * as DisconnectReason from "../services/DisconnectReason.ts"
import type * as NetworkConfig from "../services/NetworkConfig.ts"
import * as Alarms from "./alarms.ts"
import * as Progress from "./progress.ts"
import type * as Runner from "./runner.ts"

/** Who is watched. @internal */
export interface Watched {
  readonly settings: NetworkConfig.Settings
  readonly side: "dialled" | "accepted"
  readonly heartbeat: boolean
  readonly sendPing: () => void
  /** When reading was paused last: now, while it is. A peer is not blamed for what was not read. */
  readonly pausedAt: () => number
  /** What has begun to arrive and is not complete. */
  readonly unfinished: Progress.Moving | undefined
  /** The write that is under way. */
  readonly write: unknown
  /** Called from time to time while the session of an accepted connection lasts. */
  readonly onLook: () => void
  readonly end: (reason: DisconnectReason.DisconnectReason) => void
  /** No login has passed in its time. */
  readonly onLoginTimedOut: () => void
}

const never = Number.POSITIVE_INFINITY

/** An accepted connection is looked at this often, in milliseconds: nothing has to be noted as bytes come and go. */
const lookEvery = 30_000

/** Pings are counted for so long, in milliseconds. */
const pingWindow = 10_000

/** The times are in milliseconds of the clock, and infinite for what nobody waits for. @internal */
export class Watch implements Alarms.Ringer {
  readonly #watched: Watched
  readonly #runner: Runner.Runner
  readonly #alarm: Alarms.Alarm
  #loginUntil = never
  #pongUntil = never
  #pingUntil = never
  #firstMessageUntil = never
  #pingsAt = never
  #hasBeenPinged = false
  #looksAt = never
  /** Made when there is something that may hang. */
  #arriving: Progress.Progress | undefined = undefined
  #leaving: Progress.Progress | undefined = undefined
  #pings = 0
  #pingsFrom = Number.NEGATIVE_INFINITY

  constructor(runner: Runner.Runner, watched: Watched) {
    this.#runner = runner
    this.#watched = watched
    this.#alarm = new Alarms.Alarm(runner.alarms, this)
  }

  /** Starts the deadlines of a session that has just opened its socket. */
  start(awaitsLogin: boolean): void {
    const { heartbeat, settings, side } = this.#watched
    if (awaitsLogin) this.#loginUntil = this.#in(settings.loginTimeout)
    if (side === "dialled") {
      if (heartbeat) this.#pingsAt = this.#in(settings.pingInterval)
    } else {
      if (heartbeat) this.#pingUntil = this.#in(settings.firstPingTimeout)
      this.#firstMessageUntil = this.#in(settings.firstMessageTimeout)
      this.#looksAt = this.#runner.now() + lookEvery
    }
    this.#alarm.set(this.#next)
  }

  stop(): void {
    this.#loginUntil = never
    this.#pongUntil = never
    this.#pingUntil = never
    this.#firstMessageUntil = never
    this.#pingsAt = never
    this.#looksAt = never
    this.#alarm.clear()
  }

  /** `false`: that was one too many. */
  onPing(): boolean {
    const { settings, side } = this.#watched
    if (side === "dialled") return true
    this.#hasBeenPinged = true
    const now = this.#runner.now()
    this.#pingUntil = now + Duration.toMillis(settings.nextPingTimeout)
    this.#alarm.set(this.#pingUntil)
    if (now - this.#pingsFrom >= pingWindow) {
      this.#pingsFrom = now
      this.#pings = 0
    }
    this.#pings += 1
    return this.#pings <= settings.maxPings
  }

  onPong(): void {
    this.#pongUntil = never
  }

  onMessage(): void {
    this.#firstMessageUntil = never
  }

  onLogin(): void {
    this.#loginUntil = never
  }

  ring(now: number): number | undefined {
    const { settings } = this.#watched
    if (this.#loginUntil <= now) {
      this.#loginUntil = never
      this.#watched.onLoginTimedOut()
    }
    this.#pongUntil = this.#demand("pong", this.#pongUntil, settings.pongTimeout, now)
    this.#pingUntil = this.#demand("ping", this.#pingUntil, this.#pingTimeout, now)
    this.#firstMessageUntil = this.#demand("first message", this.#firstMessageUntil, settings.firstMessageTimeout, now)
    if (this.#pingsAt <= now) this.#ping(now)
    if (this.#looksAt <= now) this.#look(now)
    return this.#next
  }

  /** Ends the session when what is missing is overdue. Returns until when it is waited for. */
  #demand(
    missing: DisconnectReason.PeerUnresponsive["missing"],
    until: number,
    after: Duration.Duration,
    now: number
  ): number {
    if (until > now) return until
    // What is missing may lie behind all that could not be read: the peer has its time again from there on.
    const later = this.#watched.pausedAt() + Duration.toMillis(after)
    if (later > now) return later
    this.#watched.end(new DisconnectReason.PeerUnresponsive({ missing, after }))
    return never
  }

  #look(now: number): void {
    this.#watched.onLook()
    const until = Math.min(this.#arrivesUntil(now), this.#leavesUntil(now))
    if (this.#looksAt !== never) this.#looksAt = Math.min(now + lookEvery, until)
  }

  /** Until when the message that is arriving has to be complete. Ends the session when that is over. */
  #arrivesUntil(now: number): number {
    const { settings, unfinished } = this.#watched
    if (unfinished === undefined && this.#arriving === undefined) return never
    const millis = Duration.toMillis(settings.messageTimeout)
    const progress = this.#arriving ??= new Progress.Progress()
    const until = progress.look(unfinished, { millis, bytesPerSecond: settings.minMessageRate }, now)
    if (until > now) return until
    // What is not read cannot come to its end.
    const later = this.#watched.pausedAt() + millis
    if (later > now) return later
    this.#watched.end(new DisconnectReason.TooSlow({ doing: "sending a message", after: settings.messageTimeout }))
    return never
  }

  #leavesUntil(now: number): number {
    const { settings, write } = this.#watched
    if (write === undefined && this.#leaving === undefined) return never
    const pace = { millis: Duration.toMillis(settings.sendTimeout), bytesPerSecond: 1 }
    const progress = this.#leaving ??= new Progress.Progress()
    const until = progress.look(write === undefined ? undefined : { what: write, bytes: 0 }, pace, now)
    if (until > now) return until
    this.#watched.end(new DisconnectReason.TooSlow({ doing: "taking a write", after: settings.sendTimeout }))
    return never
  }

  #ping(now: number): void {
    const { settings } = this.#watched
    this.#watched.sendPing()
    if (this.#pongUntil === never) this.#pongUntil = now + Duration.toMillis(settings.pongTimeout)
    this.#pingsAt = now + Duration.toMillis(settings.pingInterval)
  }

  get #pingTimeout(): Duration.Duration {
    const { firstPingTimeout, nextPingTimeout } = this.#watched.settings
    return this.#hasBeenPinged ? nextPingTimeout : firstPingTimeout
  }

  get #next(): number {
    return Math.min(
      this.#loginUntil,
      this.#pongUntil,
      this.#pingUntil,
      this.#firstMessageUntil,
      this.#pingsAt,
      this.#looksAt
    )
  }

  #in(after: Duration.Duration): number {
    return this.#runner.now() + Duration.toMillis(after)
  }
}
