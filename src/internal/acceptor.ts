/**
 * The accepting side: vets newcomers before anything is read from them, and runs the sessions of those that are let in.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import * as AcceptRate from "../domain/AcceptRate.ts"
import * as PeerGroup from "../domain/PeerGroup.ts"
import type * as BanList from "../services/BanList.ts"
import type * as Connection from "../services/Connection.ts"
import type * as ConnectionAuthorizer from "../services/ConnectionAuthorizer.ts"
import * as DisconnectReason from "../services/DisconnectReason.ts"
import type * as NetworkConfig from "../services/NetworkConfig.ts"
import type * as Transport from "../services/Transport.ts"
import type * as Peer from "./peer.ts"
import type * as Runner from "./runner.ts"

/** @internal */
export interface AcceptorOptions {
  readonly settings: NetworkConfig.Settings
  readonly limitRate: boolean
  readonly authorizer: ConnectionAuthorizer.Authorizer
  readonly banList: BanList.BanList["Service"]
  readonly runner: Runner.Runner
  /** Makes the peer of a link that is let in, and forgets it when its connection ends. */
  readonly withPeer: <A>(link: Transport.Link, use: (peer: Peer.Peer) => Effect.Effect<A>) => Effect.Effect<A>
  readonly toHandle: (peer: Peer.Peer) => Connection.Connection
  readonly onConnection: ((connection: Connection.Connection) => Effect.Effect<unknown, unknown>) | undefined
}

/** Addresses whose connections are remembered for the rate limit, at most; the longest known are forgotten first. */
const maxHistories = 100_000

/** @internal */
export class Acceptor {
  readonly #options: AcceptorOptions
  readonly #histories = new Map<string, AcceptRate.History>()
  readonly #countByGroup = new Map<string, number>()
  readonly peers = new Set<Peer.Peer>()
  #count = 0

  constructor(options: AcceptorOptions) {
    this.#options = options
  }

  readonly onLink = (link: Transport.Link): void => {
    const annotations = { remoteAddress: NetAddress.formatSocketAddress(link.remoteAddress) }
    this.#options.runner.fork(
      Effect.annotateLogs(this.#accept(link), annotations).pipe(
        Effect.ensuring(Effect.sync(() => link.close()))
      )
    )
  }

  #accept(link: Transport.Link): Effect.Effect<void> {
    const group = PeerGroup.key(PeerGroup.fromAddress(link.remoteAddress))
    const refused = this.#admit(link, group)
    if (refused !== undefined) return turnAway(refused)
    const decided = Effect.flatMap(this.#options.banList.isBanned(link.remoteAddress), (isBanned) =>
      isBanned
        ? turnAway(new DisconnectReason.PeerBanned({ address: NetAddress.formatSocketAddress(link.remoteAddress) }))
        : this.#authorize(link))
    this.#enter(group)
    return Effect.ensuring(decided, Effect.sync(() => this.#leave(group)))
  }

  #authorize(link: Transport.Link): Effect.Effect<void> {
    const { authorizer } = this.#options
    return Effect.flatMap(Effect.exit(authorizer.authorize(link)), (exit) => {
      const verdict = exit._tag === "Success" ? exit.value : "Reject"
      if (verdict === "Reject") return turnAway(new DisconnectReason.TurnedAway({ problem: "NotAuthorized" }))
      return this.#serve(link, verdict === "AcceptForLogin")
    })
  }

  #serve(link: Transport.Link, needsLogin: boolean): Effect.Effect<void> {
    const { authorizer, onConnection, toHandle, withPeer } = this.#options
    return withPeer(link, (peer) => {
      this.peers.add(peer)
      const session = peer.startSession(
        link,
        needsLogin ? (message) => authorizer.checkLogin(message, link) : undefined
      )
      const program = onConnection === undefined ? undefined : peer.runner.fork(
        Effect.andThen(whenOpen(peer), Effect.suspend(() => onConnection(toHandle(peer)))).pipe(
          Effect.catchCause((cause) =>
            Cause.hasInterruptsOnly(cause)
              ? Effect.void
              : Effect.annotateLogs(Effect.logError("The program of a connection failed", cause), peer.annotations)
          )
        )
      )
      return Effect.map(session.run, (reason) => {
        peer.endSession(session, reason)
        peer.close(reason)
      }).pipe(
        Effect.andThen(program === undefined ? Effect.void : this.#finishProgram(program)),
        Effect.ensuring(Effect.sync(() => this.peers.delete(peer)))
      )
    })
  }

  /** The program of a closed connection may finish what it has taken from it, within the time for draining. */
  #finishProgram(program: Fiber.Fiber<unknown>): Effect.Effect<void> {
    return Fiber.await(program).pipe(
      Effect.timeoutOption(this.#options.settings.drainTimeout),
      Effect.andThen(Fiber.interrupt(program))
    )
  }

  #admit(link: Transport.Link, group: string): DisconnectReason.TurnedAway | undefined {
    const { limitRate, runner, settings } = this.#options
    if (this.#count >= settings.maxConnections) return refuse("TooManyConnections")
    if (isLocal(link.remoteAddress)) return undefined
    if ((this.#countByGroup.get(group) ?? 0) >= settings.maxConnectionsPerAddress) return refuse("TooManyFromAddress")
    if (!limitRate) return undefined
    const now = runner.now()
    const history = AcceptRate.prune(this.#histories.get(group) ?? AcceptRate.empty, now)
    if (!AcceptRate.allows(history, now)) return refuse("TooOften")
    this.#remember(group, AcceptRate.accepted(history, now))
    return undefined
  }

  #remember(group: string, history: AcceptRate.History): void {
    // Deleting first keeps the map in the order of the last connection, so that the first entry is the oldest.
    this.#histories.delete(group)
    this.#histories.set(group, history)
    if (this.#histories.size <= maxHistories) return
    for (const oldest of this.#histories.keys()) {
      this.#histories.delete(oldest)
      return
    }
  }

  #enter(group: string): void {
    this.#count += 1
    this.#countByGroup.set(group, (this.#countByGroup.get(group) ?? 0) + 1)
  }

  #leave(group: string): void {
    this.#count -= 1
    const left = (this.#countByGroup.get(group) ?? 1) - 1
    if (left === 0) this.#countByGroup.delete(group)
    else this.#countByGroup.set(group, left)
  }
}

const refuse = (problem: DisconnectReason.TurnedAway["problem"]) => new DisconnectReason.TurnedAway({ problem })

const turnAway = (reason: DisconnectReason.DisconnectReason): Effect.Effect<void> =>
  Effect.logDebug(`Turned a newcomer away: ${reason.message}`)

/** The limits are for strangers: loopback and Unix sockets are exempt. */
const isLocal = (address: NetAddress.SocketAddress): boolean =>
  NetAddress.isUnixPathAddress(address) || NetAddress.isLoopback(NetAddress.toCanonical(address).address)

/** Waits until the login has passed; never comes back when the connection ends before. */
const whenOpen = (peer: Peer.Peer): Effect.Effect<void> =>
  peer.state._tag === "Connected" ? Effect.void : Effect.callback<void>((resume) => {
    const listener = (state: Peer.Peer["state"]) => {
      if (state._tag !== "Connected" && state._tag !== "Closed") return
      peer.stateListeners.delete(listener)
      resume(state._tag === "Connected" ? Effect.void : Effect.interrupt)
    }
    peer.stateListeners.add(listener)
    return Effect.sync(() => peer.stateListeners.delete(listener))
  })
