/**
 * The deadlines of one session: pings to send and to expect, the first message, the login. One alarm serves them all.
 */
import * as Duration from "effect/Duration"
import * as DisconnectReason from "../services/DisconnectReason.ts"
import type * as NetworkConfig from "../services/NetworkConfig.ts"
import * as Alarm from "./alarm.ts"
import type * as Runner from "./runner.ts"

type Name = "send ping" | "login" | DisconnectReason.PeerUnresponsive["missing"]

interface Deadline {
  readonly at: number
  readonly ring: () => void
}

/** @internal */
export interface WatchOptions {
  readonly settings: NetworkConfig.Settings
  readonly side: "dialled" | "accepted"
  readonly heartbeat: boolean
  readonly sendPing: () => void
  /** When reading was paused last: now, while it is. A peer is not blamed for what was not read. */
  readonly pausedAt: () => number
  readonly end: (reason: DisconnectReason.DisconnectReason) => void
}

/** @internal */
export class Watch {
  readonly #options: WatchOptions
  readonly #runner: Runner.Runner
  readonly #alarm: Alarm.Alarm
  readonly #deadlines = new Map<Name, Deadline>()

  constructor(runner: Runner.Runner, options: WatchOptions) {
    this.#runner = runner
    this.#options = options
    this.#alarm = new Alarm.Alarm(runner, (now) => this.#ring(now))
  }

  /** Starts the deadlines of a session that has just opened its socket. */
  start(awaitsLogin: boolean): void {
    const { heartbeat, settings, side } = this.#options
    if (awaitsLogin) {
      this.#set(
        "login",
        settings.loginTimeout,
        () => this.#options.end(new DisconnectReason.LoginFailed({ problem: "TimedOut" }))
      )
    }
    if (side === "dialled") {
      if (heartbeat) this.#set("send ping", settings.pingInterval, () => this.#ping())
      return
    }
    if (heartbeat) this.#expect("ping", settings.firstPingTimeout)
    if (Duration.isFinite(settings.firstMessageTimeout)) this.#expect("first message", settings.firstMessageTimeout)
  }

  stop(): void {
    this.#deadlines.clear()
    this.#alarm.clear()
  }

  onPing(): void {
    if (this.#options.side === "accepted") this.#expect("ping", this.#options.settings.nextPingTimeout)
  }

  onPong(): void {
    this.#deadlines.delete("pong")
  }

  onMessage(): void {
    this.#deadlines.delete("first message")
  }

  onLogin(): void {
    this.#deadlines.delete("login")
  }

  #ping(): void {
    const { sendPing, settings } = this.#options
    sendPing()
    if (!this.#deadlines.has("pong")) this.#expect("pong", settings.pongTimeout)
    this.#set("send ping", settings.pingInterval, () => this.#ping())
  }

  #expect(missing: DisconnectReason.PeerUnresponsive["missing"], after: Duration.Duration): void {
    const ring = () => {
      // What is missing may lie behind all that could not be read: the peer has its time again from there on.
      const at = this.#options.pausedAt() + Duration.toMillis(after)
      if (at > this.#runner.now()) return this.#setAt(missing, at, ring)
      this.#options.end(new DisconnectReason.PeerUnresponsive({ missing, after }))
    }
    this.#set(missing, after, ring)
  }

  #set(name: Name, after: Duration.Duration, ring: () => void): void {
    this.#setAt(name, this.#runner.now() + Duration.toMillis(after), ring)
  }

  #setAt(name: Name, at: number, ring: () => void): void {
    this.#deadlines.set(name, { at, ring })
    this.#alarm.set(at)
  }

  #ring(now: number): number | undefined {
    for (const [name, deadline] of [...this.#deadlines]) {
      // One that rang before may have ended the session, and all deadlines with it.
      if (deadline.at > now || this.#deadlines.get(name) !== deadline) continue
      this.#deadlines.delete(name)
      deadline.ring()
    }
    let next: number | undefined
    for (const { at } of this.#deadlines.values()) if (next === undefined || at < next) next = at
    return next
  }
}
