/**
 * The accepting side: vets newcomers before anything is read from them, and runs the sessions of those that are let in.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import * as PeerGroup from "../domain/PeerGroup.ts"
import type * as BanList from "../services/BanList.ts"
import type * as Connection from "../services/Connection.ts"
import type * as ConnectionAuthorizer from "../services/ConnectionAuthorizer.ts"
import * as DisconnectReason from "../services/DisconnectReason.ts"
import type * as NetworkConfig from "../services/NetworkConfig.ts"
import type * as Transport from "../services/Transport.ts"
import * as PeerAccess from "./access.ts"
import type * as Admission from "./admission.ts"
import type * as Metrics from "./metrics.ts"
import type * as Peer from "./peer.ts"
import type * as Runner from "./runner.ts"
import type * as Session from "./session.ts"
import * as Work from "./work.ts"

/** @internal */
export interface AcceptorOptions {
  readonly settings: NetworkConfig.Settings
  readonly admission: Admission.Admission
  readonly authorizer: ConnectionAuthorizer.Authorizer
  readonly banList: BanList.BanList["Service"]
  readonly runner: Runner.Runner
  readonly metrics: Metrics.Metrics
  /** Makes the peer of a link that is let in. */
  readonly makePeer: (link: Transport.Link) => Peer.Peer
  /** Waits for the end of what a peer has started, when its connection has ended, and forgets it. */
  readonly release: (peer: Peer.Peer) => Effect.Effect<void>
  readonly toHandle: (peer: Peer.Peer) => Connection.Connection
  readonly program: Program | undefined
}

/** What runs for each connection, and the context that it runs in. @internal */
export interface Program {
  readonly onConnection: (connection: Connection.Connection) => Effect.Effect<unknown, unknown>
  readonly context: Context.Context<never>
}

type Verdict = Exclude<ConnectionAuthorizer.Verdict, { readonly _tag: "Reject" }>
type Refusal = DisconnectReason.TurnedAway | DisconnectReason.PeerBanned

/** @internal */
export class Acceptor implements Session.SessionOwner {
  readonly #options: AcceptorOptions
  /** Those who are being vetted, and have not been turned away. */
  readonly #newcomers = new Map<Transport.Link, Fiber.Fiber<unknown, unknown>>()
  readonly #served = new Map<Transport.Link, Served>()
  readonly peers = new Set<Peer.Peer>()

  constructor(options: AcceptorOptions) {
    this.#options = options
  }

  readonly onLink = (link: Transport.Link): void => {
    const annotations = { remoteAddress: NetAddress.formatSocketAddress(link.remoteAddress) }
    this.#options.runner.fork(Effect.annotateLogs(this.#accept(link), annotations))
  }

  /** Turns away those of a group, or all, who are still being vetted. */
  turnAway(group?: PeerGroup.PeerGroup): void {
    for (const [link, fiber] of [...this.#newcomers]) {
      if (group !== undefined && !PeerGroup.contains(group, link.remoteAddress)) continue
      this.#newcomers.delete(link)
      fiber.interruptUnsafe()
    }
  }

  /** Ends when it is known what becomes of the newcomer: who is served needs no fiber while nothing happens. */
  #accept(link: Transport.Link): Effect.Effect<Outcome> {
    const enter = Effect.suspend(() => this.#options.admission.enter(link.remoteAddress, () => this.#onEvicted(link)))
    return Effect.uninterruptibleMask((restore) =>
      enter.pipe(
        Effect.flatMap((entered) =>
          typeof entered === "string" ? this.#turnAway(refuse(entered)) : this.#admit(link, entered, restore)
        ),
        // Those who are served are let go of by their session.
        Effect.onExit((exit) => Effect.sync(() => isServed(exit) || link.close()))
      )
    )
  }

  /** The place of one who is being vetted, or served, is another's now. */
  #onEvicted(link: Transport.Link): void {
    const vetting = this.#newcomers.get(link)
    this.#newcomers.delete(link)
    vetting?.interruptUnsafe()
    this.#served.get(link)?.session.end(new DisconnectReason.Evicted())
  }

  #admit(link: Transport.Link, place: Admission.Place, restore: Restore): Effect.Effect<Outcome> {
    return Effect.withFiber<Verdict | Refusal>((fiber) => {
      this.#newcomers.set(link, fiber)
      return restore(Effect.flatMap(this.#vet(link), (verdict) => settle(place, verdict)))
    }).pipe(
      Effect.flatMap((verdict) =>
        isLetIn(verdict) ? Effect.sync(() => this.#serve(link, place, verdict)) : this.#turnAway(verdict)
      ),
      Effect.onExit((exit) =>
        Effect.sync(() => {
          this.#newcomers.delete(link)
          if (!isServed(exit)) place.leave()
        })
      )
    )
  }

  #turnAway(reason: Refusal): Effect.Effect<Outcome> {
    this.#options.metrics.refused(reason)
    return Effect.as(Effect.logDebug(`Turned a newcomer away: ${reason.message}`), "TurnedAway")
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
    // It may close the listener, or all of its manager, which then wait for this.
    return Work.waitFor(Effect.suspend(() => authorizer.authorize(link))).pipe(
      Effect.map((verdict) =>
        verdict._tag === "Accept" || verdict._tag === "AwaitLogin" ? verdict : refuse("NotAuthorized", verdict.reason)
      ),
      Effect.timeoutOrElse({
        duration: settings.loginTimeout,
        orElse: () => Effect.succeed(refuse("NotAuthorizedInTime"))
      }),
      Effect.catchCause((cause) =>
        Effect.as(Effect.logError("A newcomer could not be authorized", cause), refuse("NotAuthorized"))
      )
    )
  }

  #serve(link: Transport.Link, place: Admission.Place, verdict: Verdict): Outcome {
    const { authorizer, makePeer } = this.#options
    // It may have been turned away after it was vetted.
    if (!this.#newcomers.has(link)) return "TurnedAway"
    const peer = makePeer(link)
    this.peers.add(peer)
    if (verdict._tag === "Accept") peer.access = verdict.access
    const session = peer.startSession(
      link,
      verdict._tag === "AwaitLogin"
        ? { check: (message) => authorizer.checkLogin(message, link), otherwise: verdict.otherwise }
        : undefined
    )
    this.#served.set(link, { session, place })
    this.#startProgram(peer)
    session.start(this)
    return "Served"
  }

  #startProgram(peer: Peer.Peer): void {
    const { program, toHandle } = this.#options
    if (program === undefined) return
    const running = Effect.suspend(() =>
      PeerAccess.provide(peer.access, logFailure(Effect.suspend(() => program.onConnection(toHandle(peer))), peer))
    )
    const isOpen = peer.state._tag === "Connected"
    // A connection that ends before its login has passed has no program.
    const whenOpen = isOpen ? running : Effect.andThen(Effect.catch(peer.connected, () => Effect.interrupt), running)
    peer.forkWork(whenOpen, program.context)
  }

  onActive({ link }: Session.Session): void {
    this.#served.get(link)?.place.noteUse()
  }

  onLoggedIn({ link }: Session.Session): void {
    this.#served.get(link)?.place.keep()
  }

  onSessionEnded({ link, peer }: Session.Session, reason: DisconnectReason.DisconnectReason): void {
    const place = this.#served.get(link)?.place
    this.#served.delete(link)
    peer.close(reason)
    this.peers.delete(peer)
    this.#options.runner.fork(Effect.uninterruptible(Effect.ensuring(
      this.#options.release(peer),
      Effect.sync(() => place?.leave())
    )))
  }
}

/** One who is served, and the place that this takes. */
interface Served {
  readonly session: Session.Session
  readonly place: Admission.Place
}

const isLetIn = (decision: Verdict | Refusal): decision is Verdict =>
  decision._tag === "Accept" || decision._tag === "AwaitLogin"

/** Somebody else goes for a newcomer only when it is known that it may stay. */
const settle = (place: Admission.Place, verdict: Verdict | Refusal): Effect.Effect<Verdict | Refusal> =>
  isLetIn(verdict) && place.isOpen
    ? Effect.map(place.settle, (hasRoom) => hasRoom ? verdict : refuse("TooManyConnections"))
    : Effect.succeed(verdict)

/** What became of a newcomer. */
type Outcome = "Served" | "TurnedAway"

type Restore = <A>(effect: Effect.Effect<A>) => Effect.Effect<A>

const isServed = (exit: Exit.Exit<Outcome>): boolean => Exit.isSuccess(exit) && exit.value === "Served"

const refuse = (problem: DisconnectReason.TurnedAway["problem"], detail?: string) =>
  new DisconnectReason.TurnedAway({ problem, detail })

/** The program of a connection may fail as it likes: nobody else is concerned. */
const logFailure = (program: Effect.Effect<unknown, unknown>, peer: Peer.Peer): Effect.Effect<unknown> =>
  Effect.catchCause(program, (cause) =>
    Cause.hasInterruptsOnly(cause)
      ? Effect.void
      : Effect.annotateLogs(Effect.logError("The program of a connection failed", cause), peer.annotations))
