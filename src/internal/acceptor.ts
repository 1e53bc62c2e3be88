/**
 * The accepting side: vets newcomers before anything is read from them, and runs the sessions of those that are let in.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import * as PeerGroup from "../domain/PeerGroup.ts"
import type * as BanList from "../services/BanList.ts"
import type * as Connection from "../services/Connection.ts"
import type * as ConnectionAuthorizer from "../services/ConnectionAuthorizer.ts"
import * as DisconnectReason from "../services/DisconnectReason.ts"
import type * as NetworkConfig from "../services/NetworkConfig.ts"
import type * as Transport from "../services/Transport.ts"
import type * as Admission from "./admission.ts"
import type * as Peer from "./peer.ts"
import type * as Runner from "./runner.ts"

/** @internal */
export interface AcceptorOptions {
  readonly settings: NetworkConfig.Settings
  readonly admission: Admission.Admission
  readonly authorizer: ConnectionAuthorizer.Authorizer
  readonly banList: BanList.BanList["Service"]
  readonly runner: Runner.Runner
  /** Makes the peer of a link that is let in, and forgets it when its connection ends. */
  readonly withPeer: <A>(link: Transport.Link, use: (peer: Peer.Peer) => Effect.Effect<A>) => Effect.Effect<A>
  readonly toHandle: (peer: Peer.Peer) => Connection.Connection
  readonly onConnection: ((connection: Connection.Connection) => Effect.Effect<unknown, unknown>) | undefined
}

type Verdict = Exclude<ConnectionAuthorizer.Verdict, "Reject">
type Refusal = DisconnectReason.TurnedAway | DisconnectReason.PeerBanned

/** @internal */
export class Acceptor {
  readonly #options: AcceptorOptions
  /** Those who are being vetted. */
  readonly #newcomers = new Map<Transport.Link, Fiber.Fiber<unknown, unknown>>()
  readonly peers = new Set<Peer.Peer>()

  constructor(options: AcceptorOptions) {
    this.#options = options
  }

  readonly onLink = (link: Transport.Link): void => {
    const annotations = { remoteAddress: NetAddress.formatSocketAddress(link.remoteAddress) }
    this.#options.runner.fork(
      Effect.annotateLogs(this.#accept(link), annotations).pipe(Effect.ensuring(Effect.sync(() => link.close())))
    )
  }

  /** Turns away those of a group, or all, who are still being vetted. */
  turnAway(group?: PeerGroup.PeerGroup): void {
    for (const [link, fiber] of [...this.#newcomers]) {
      if (group === undefined || PeerGroup.contains(group, link.remoteAddress)) fiber.interruptUnsafe()
    }
  }

  #accept(link: Transport.Link): Effect.Effect<void> {
    const { admission } = this.#options
    return Effect.acquireUseRelease(
      admission.enter(link.remoteAddress),
      (refused) => refused === undefined ? this.#admit(link) : logTurnedAway(refuse(refused)),
      (refused) =>
        Effect.sync(() => {
          if (refused === undefined) admission.leave(link.remoteAddress)
        })
    )
  }

  #admit(link: Transport.Link): Effect.Effect<void> {
    return Effect.withFiber<void>((fiber) => {
      this.#newcomers.set(link, fiber)
      return Effect.flatMap(
        this.#vet(link),
        (verdict) => typeof verdict === "string" ? this.#serve(link, verdict) : logTurnedAway(verdict)
      )
    }).pipe(Effect.ensuring(Effect.sync(() => this.#newcomers.delete(link))))
  }

  /** Whoever is banned uses up nothing of the rate; the program is asked last. */
  #vet(link: Transport.Link): Effect.Effect<Verdict | Refusal> {
    const { admission, banList } = this.#options
    const { remoteAddress } = link
    return Effect.flatMap(banList.isBanned(remoteAddress), (isBanned): Effect.Effect<Verdict | Refusal> => {
      if (isBanned) {
        const address = NetAddress.formatSocketAddress(remoteAddress)
        return Effect.succeed(new DisconnectReason.PeerBanned({ address }))
      }
      return Effect.flatMap(
        admission.mayComeNow(remoteAddress),
        (mayCome) => mayCome ? this.#authorize(link) : Effect.succeed(refuse("TooOften"))
      )
    })
  }

  #authorize(link: Transport.Link): Effect.Effect<Verdict | Refusal> {
    const { authorizer, settings } = this.#options
    return Effect.suspend(() => authorizer.authorize(link)).pipe(
      Effect.map((verdict) => verdict === "Reject" ? refuse("NotAuthorized") : verdict),
      Effect.timeoutOrElse({
        duration: settings.loginTimeout,
        orElse: () => Effect.succeed(refuse("NotAuthorizedInTime"))
      }),
      Effect.catchCause((cause) =>
        Effect.as(Effect.logError("A newcomer could not be authorized", cause), refuse("NotAuthorized"))
      )
    )
  }

  #serve(link: Transport.Link, verdict: Verdict): Effect.Effect<void> {
    const { authorizer, onConnection, toHandle, withPeer } = this.#options
    return withPeer(link, (peer) => {
      this.#newcomers.delete(link)
      this.peers.add(peer)
      const session = peer.startSession(
        link,
        verdict === "AcceptForLogin" ? (message) => authorizer.checkLogin(message, link) : undefined
      )
      if (onConnection !== undefined) {
        const program = Effect.suspend(() => onConnection(toHandle(peer)))
        // A connection that ends before its login has passed has no program.
        peer.forkWork(Effect.andThen(Effect.catch(peer.connected, () => Effect.interrupt), logFailure(program, peer)))
      }
      return Effect.map(session.run, (reason) => {
        peer.endSession(session, reason)
        peer.close(reason)
      }).pipe(Effect.ensuring(Effect.sync(() => this.peers.delete(peer))))
    })
  }
}

const refuse = (problem: DisconnectReason.TurnedAway["problem"]) => new DisconnectReason.TurnedAway({ problem })

const logTurnedAway = (reason: Refusal): Effect.Effect<void> =>
  Effect.logDebug(`Turned a newcomer away: ${reason.message}`)

/** The program of a connection may fail as it likes: nobody else is concerned. */
const logFailure = (program: Effect.Effect<unknown, unknown>, peer: Peer.Peer): Effect.Effect<unknown> =>
  Effect.catchCause(program, (cause) =>
    Cause.hasInterruptsOnly(cause)
      ? Effect.void
      : Effect.annotateLogs(Effect.logError("The program of a connection failed", cause), peer.annotations))
