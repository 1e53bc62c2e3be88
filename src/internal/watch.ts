/**
 * The deadlines of one session: pings to send and to expect, the first message, the login. One alarm serves them all.
 */
import * as Duration from "effect/Duration"
import * as DisconnectReason from "../services/DisconnectReason.ts"
import type * as NetworkConfig from "../services/NetworkConfig.ts"
import * as Alarms from "./alarms.ts"
import type * as Runner from "./runner.ts"

/** Who is watched. @internal */
export interface Watched {
  readonly settings: NetworkConfig.Settings
  readonly side: "dialled" | "accepted"
  readonly heartbeat: boolean
  readonly sendPing: () => void
  /** When reading was paused last: now, while it is. A peer is not blamed for what was not read. */
  readonly pausedAt: () => number
  readonly end: (reason: DisconnectReason.DisconnectReason) => void
  /** No login has passed in its time. */
  readonly onLoginTimedOut: () => void
}

const never = Number.POSITIVE_INFINITY

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
    }
    this.#alarm.set(this.#next)
  }

  stop(): void {
    this.#loginUntil = never
    this.#pongUntil = never
    this.#pingUntil = never
    this.#firstMessageUntil = never
    this.#pingsAt = never
    this.#alarm.clear()
  }

  onPing(): void {
    const { settings, side } = this.#watched
    if (side === "dialled") return
    this.#hasBeenPinged = true
    this.#pingUntil = this.#in(settings.nextPingTimeout)
    this.#alarm.set(this.#pingUntil)
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
    return Math.min(this.#loginUntil, this.#pongUntil, this.#pingUntil, this.#firstMessageUntil, this.#pingsAt)
  }

  #in(after: Duration.Duration): number {
    return this.#runner.now() + Duration.toMillis(after)
  }
}
