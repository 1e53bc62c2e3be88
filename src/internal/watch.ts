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
  /** Whether this side has stopped reading: a peer is not blamed for what was not read. */
  readonly isReadingPaused: () => boolean
  readonly end: (reason: DisconnectReason.DisconnectReason) => void
}

/** A deadline that passed while reading was paused is looked at again after this many milliseconds. */
const pausedGrace = 1000

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
      this.#set("login", settings.loginTimeout, () =>
        this.#options.end(new DisconnectReason.LoginFailed({ problem: "TimedOut" })))
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
      if (this.#options.isReadingPaused()) return this.#set(missing, Duration.millis(pausedGrace), ring)
      this.#options.end(new DisconnectReason.PeerUnresponsive({ missing, after }))
    }
    this.#set(missing, after, ring)
  }

  #set(name: Name, after: Duration.Duration, ring: () => void): void {
    const at = this.#runner.now() + Duration.toMillis(after)
    this.#deadlines.set(name, { at, ring })
    this.#alarm.set(at)
  }

  #ring(now: number): number | undefined {
    for (const [name, deadline] of [...this.#deadlines]) {
      if (deadline.at > now) continue
      this.#deadlines.delete(name)
      deadline.ring()
    }
    let next: number | undefined
    for (const { at } of this.#deadlines.values()) if (next === undefined || at < next) next = at
    return next
  }
}
