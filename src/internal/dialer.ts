/**
 * The dialling side of a connection: dials, runs the session, waits, and dials again, until it is closed.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as AddressResolver from "effect/net/AddressResolver"
import * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import * as Pull from "effect/Pull"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as EndPoint from "../domain/EndPoint.ts"
import * as LoginCookie from "../domain/LoginCookie.ts"
import * as WriteBatch from "../domain/WriteBatch.ts"
import type * as BanList from "../services/BanList.ts"
import * as ConnectionState from "../services/ConnectionState.ts"
import type * as CookieFile from "../services/CookieFile.ts"
import * as DisconnectReason from "../services/DisconnectReason.ts"
import type * as ReconnectPolicy from "../services/ReconnectPolicy.ts"
import * as Transport from "../services/Transport.ts"
import type * as Peer from "./peer.ts"
import type * as Session from "./session.ts"
import * as Tracing from "./tracing.ts"

/** @internal */
export interface DialOptions {
  readonly peer: Peer.Peer
  readonly endPoint: EndPoint.EndPoint
  readonly transport: Transport.Transport["Service"]
  readonly resolver: AddressResolver.AddressResolver["Service"]
  readonly banList: BanList.BanList["Service"]
  readonly policy: ReconnectPolicy.ReconnectPolicy
  readonly login: CookieFile.CookieFile["Service"] | undefined
}

/** Why there is no session, or none any more. */
interface Outcome {
  readonly reason: DisconnectReason.DisconnectReason
  readonly hasOpened: boolean
  /** Whether the peer was there and well: the delays start over. */
  readonly wasHealthy: boolean
}

const failed = (reason: DisconnectReason.DisconnectReason): Outcome => ({ reason, hasOpened: false, wasHealthy: false })

/** A link that is up, and the scope that closes it. */
interface Dialled {
  readonly link: Transport.Link
  readonly scope: Scope.Closeable
  /** The packet to log in with. Spans end with what an attempt gives: tracers must not see the cookie. */
  readonly login: Redacted.Redacted<Uint8Array> | undefined
}

type Step = Effect.Success<ReturnType<typeof Schedule.toStep<unknown, DisconnectReason.DisconnectReason, never, never>>>

/**
 * A session that lasted so long, in milliseconds, was a healthy one. What the peer says counts for nothing: one that
 * says a word and hangs up would be dialled again and again without a delay.
 */
const healthyAfter = 10_000

const resolve = ({ endPoint, resolver }: DialOptions) =>
  NetAddress.isUnixPathAddress(endPoint)
    ? Effect.succeed<ReadonlyArray<NetAddress.SocketAddress>>([endPoint])
    : Effect.mapError(resolver.resolve(endPoint), (cause) =>
      new Transport.TransportError({ problem: "NameNotFound", address: EndPoint.format(endPoint), cause }))

const failIfBanned = ({ banList }: DialOptions, address: NetAddress.SocketAddress) =>
  Effect.flatMap(banList.isBanned(address), (isBanned) =>
    isBanned
      ? Effect.fail(new DisconnectReason.PeerBanned({ address: NetAddress.formatSocketAddress(address) }))
      : Effect.void)

/** Dials one address. What a failed attempt leaves behind is released at once, not with the scope of the session. */
const dialAddress = (options: DialOptions, address: NetAddress.SocketAddress) =>
  Effect.flatMap(
    Effect.scope,
    (scope) =>
      Effect.flatMap(Scope.fork(scope), (own) =>
        options.transport.connect(address).pipe(
          // Dialling takes time, and the ban of an address ends only the connections that are there.
          Effect.tap(() => failIfBanned(options, address)),
          Scope.provide(own),
          Effect.onExit((exit) => Exit.isSuccess(exit) ? Effect.void : Scope.close(own, exit))
        ))
  )

const dialUnlessBanned = (
  options: DialOptions,
  address: NetAddress.SocketAddress
): Effect.Effect<Transport.Link, DisconnectReason.DisconnectReason, Scope.Scope> =>
  Effect.andThen(failIfBanned(options, address), dialAddress(options, address))

const timedOut = (address: NetAddress.SocketAddress) =>
  Effect.fail(
    new Transport.TransportError({ problem: "TimedOut", address: NetAddress.formatSocketAddress(address) })
  )

const noAddress = ({ endPoint }: DialOptions) =>
  new Transport.TransportError({ problem: "NameNotFound", address: EndPoint.format(endPoint) })

/** Tries every address, each with an equal share of the time that is left. */
const dial = Effect.fnUntraced(function*(
  options: DialOptions,
  deadline: number
): Effect.fn.Return<Transport.Link, DisconnectReason.DisconnectReason, Scope.Scope> {
  const addresses = yield* resolve(options)
  let failure: DisconnectReason.DisconnectReason | undefined
  for (let i = 0; i < addresses.length; i++) {
    const address = addresses[i]!
    const share = (deadline - (yield* Clock.currentTimeMillis)) / (addresses.length - i)
    const dialled = yield* dialUnlessBanned(options, address).pipe(
      Effect.timeoutOrElse({ duration: Duration.millis(Math.max(1, share)), orElse: () => timedOut(address) }),
      Effect.result
    )
    if (Result.isSuccess(dialled)) return dialled.success
    failure = dialled.failure
  }
  return yield* (failure ?? noAddress(options))
})

const loginPacket = (options: DialOptions): Effect.Effect<Redacted.Redacted<Uint8Array> | undefined> => {
  if (options.login === undefined) return Effect.undefined
  return Tracing.login(
    options.peer,
    Effect.flatMap(options.login.read, (cookie) => {
      if (Option.isNone(cookie)) return Effect.undefined
      const message = LoginCookie.encode(cookie.value)
      if (Result.isFailure(message)) {
        return Effect.as(Effect.logWarning(`Connecting without login: ${message.failure.message}`), undefined)
      }
      const batch = WriteBatch.make({ limit: 2048 })
      options.peer.envelope.write(message.success, 0, batch)
      return Effect.succeed(Redacted.make(batch.finish()[0]!))
    })
  )
}

/** One attempt, in a region that cannot be interrupted otherwise. What it has made is released when it fails. */
const attempt = (
  options: DialOptions,
  restore: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
): Effect.Effect<Dialled, DisconnectReason.DisconnectReason> => {
  const { peer } = options
  const after = peer.settings.connectTimeout
  const connect = (scope: Scope.Closeable) =>
    Effect.gen(function*() {
      const deadline = (yield* Clock.currentTimeMillis) + Duration.toMillis(after)
      const login = yield* loginPacket(options)
      const link = yield* dial(options, deadline)
      return { link, login, scope }
    }).pipe(
      Effect.timeoutOrElse({
        duration: after,
        orElse: () => Effect.fail(new DisconnectReason.ConnectTimedOut({ endPoint: peer.endPoint, after }))
      }),
      Scope.provide(scope),
      restore,
      Effect.onExit((exit) => Exit.isSuccess(exit) ? Effect.void : Scope.close(scope, exit))
    )
  return Effect.flatMap(Scope.make(), connect).pipe(
    // A resolver, transport or cookie file that dies must not leave a connection that nobody dials any more.
    Effect.catchDefect((cause) =>
      Effect.fail(new Transport.TransportError({ problem: "Other", address: peer.endPoint, cause }))
    )
  )
}

/**
 * Keeps a connection up until it is closed, or until its policy gives up and closes it. While there is a session it needs
 * no fiber.
 *
 * @internal
 */
export class Dialer implements Session.SessionOwner {
  readonly #options: DialOptions
  /** Made at the first failure, and anew at the first one after a healthy session. */
  #step: Step | undefined = undefined
  #failures = 0
  #attempts = 0
  /** The session of the moment: what closes its link, and since when it is there. */
  #open: { readonly scope: Scope.Closeable; readonly since: number } | undefined = undefined

  constructor(options: DialOptions) {
    this.#options = options
  }

  start(): void {
    this.#fork(this.#dial)
  }

  #fork(effect: Effect.Effect<void>): void {
    const { peer } = this.#options
    peer.runner.fork(
      Effect.catchDefect(effect, (cause) => {
        peer.close(new Transport.TransportError({ problem: "Other", address: peer.endPoint, cause }))
        return Effect.logError("The reconnect policy of a connection died", Cause.die(cause))
      }).pipe(Effect.annotateLogs(peer.annotations))
    )
  }

  /** Dials until there is a session, or until the policy gives up. */
  get #dial(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { peer } = this.#options
      this.#attempts += 1
      peer.setState(
        ConnectionState.ConnectionState.Connecting({ attempt: this.#attempts, since: peer.runner.now() })
      )
      const dialled = Effect.uninterruptibleMask((restore) =>
        Effect.matchEffect(Tracing.connect(peer, this.#attempts, attempt(this.#options, restore)), {
          onFailure: (reason) => Effect.succeed(failed(reason)),
          onSuccess: (dialled) => this.#startSession(dialled)
        })
      )
      return Effect.flatMap(dialled, (outcome) => outcome === undefined ? Effect.void : this.#dialAgain(outcome))
    })
  }

  #startSession({ link, login, scope }: Dialled): Effect.Effect<undefined> {
    return Effect.suspend(() => {
      const { peer } = this.#options
      // Closed in the very moment in which the link came up: nobody would ever end the session.
      if (peer.isClosing) return Effect.as(Scope.close(scope, Exit.void), undefined)
      const session = peer.startSession(link)
      if (login !== undefined) peer.writer.sendUrgent(Redacted.value(login))
      this.#open = { scope, since: peer.runner.now() }
      session.start(this)
      return Effect.undefined
    })
  }

  onSessionEnded(_session: Session.Session, reason: DisconnectReason.DisconnectReason): void {
    const { scope, since } = this.#open!
    this.#open = undefined
    const wasHealthy = this.#options.peer.runner.now() - since >= healthyAfter
    const release = Effect.uninterruptible(Scope.close(scope, Exit.void))
    this.#fork(Effect.andThen(release, this.#dialAgain({ reason, hasOpened: true, wasHealthy })))
  }

  #dialAgain({ hasOpened, reason, wasHealthy }: Outcome): Effect.Effect<void> {
    const { peer } = this.#options
    return Effect.suspend(() => {
      if (peer.isClosing) return Effect.void
      if (wasHealthy) {
        this.#failures = 0
        this.#attempts = 0
        this.#step = undefined
      }
      this.#failures += 1
      const now = peer.runner.now()
      return Effect.flatMap(this.#delay(now, reason), (next) => {
        const delay = Option.getOrUndefined(next)
        const retryAt = delay === undefined ? undefined : now + Duration.toMillis(delay)
        if (retryAt !== undefined) {
          peer.setState(ConnectionState.ConnectionState.Waiting({ failures: this.#failures, retryAt, reason }))
        }
        if (!hasOpened) {
          peer.metrics.connectFailed(reason)
          peer.emit(ConnectionState.ConnectionEvent.Failed({ endPoint: peer.endPoint, reason, retryAt }))
        }
        if (delay === undefined) return Effect.sync(() => peer.close(reason))
        return Effect.logDebug(`Connection is down, trying again in ${Duration.format(delay)}: ${reason.message}`).pipe(
          Effect.andThen(Effect.sleep(delay)),
          Effect.andThen(Effect.sync(() => peer.metrics.reconnected())),
          Effect.andThen(this.#dial)
        )
      })
    })
  }

  /** How long to wait after a failure; nothing when the policy gives up. */
  #delay(now: number, reason: DisconnectReason.DisconnectReason): Effect.Effect<Option.Option<Duration.Duration>> {
    const toStep = this.#step === undefined ? Schedule.toStep(this.#options.policy) : Effect.succeed(this.#step)
    return Effect.flatMap(toStep, (step) => {
      this.#step = step
      return step(now, reason).pipe(
        Effect.map(([_, duration]) => Option.some(duration)),
        Pull.catchDone(() => Effect.succeedNone)
      )
    })
  }
}
