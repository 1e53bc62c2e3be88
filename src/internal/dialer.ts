/**
 * The dialling side of a connection: dials, runs the session, waits, and dials again, until it is closed.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as AddressResolver from "effect/net/AddressResolver"
import * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import * as Pull from "effect/Pull"
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

/** How one attempt went. */
interface Outcome {
  readonly reason: DisconnectReason.DisconnectReason
  /** Whether the peer was there and well: the delays start over. */
  readonly wasHealthy: boolean
}

/** A session that lasted so long, in milliseconds, was a healthy one, even if the peer had nothing to say. */
const healthyAfter = 10_000

const resolve = ({ endPoint, resolver }: DialOptions) =>
  NetAddress.isUnixPathAddress(endPoint)
    ? Effect.succeed<ReadonlyArray<NetAddress.SocketAddress>>([endPoint])
    : Effect.mapError(resolver.resolve(endPoint), (cause) =>
      new Transport.TransportError({ problem: "NameNotFound", address: EndPoint.format(endPoint), cause }))

/** Dials one address. What a failed attempt leaves behind is released at once, not with the scope of the session. */
const dialAddress = (options: DialOptions, address: NetAddress.SocketAddress) =>
  Effect.flatMap(Effect.scope, (scope) =>
    Effect.flatMap(Scope.fork(scope), (own) =>
      Effect.onExit(
        Scope.provide(options.transport.connect(address), own),
        (exit) => Exit.isSuccess(exit) ? Effect.void : Scope.close(own, exit)
      )))

const dialUnlessBanned = (
  options: DialOptions,
  address: NetAddress.SocketAddress
): Effect.Effect<Transport.Link, DisconnectReason.DisconnectReason, Scope.Scope> =>
  Effect.flatMap(options.banList.isBanned(address), (isBanned): ReturnType<typeof dialUnlessBanned> =>
    isBanned
      ? Effect.fail(new DisconnectReason.PeerBanned({ address: NetAddress.formatSocketAddress(address) }))
      : dialAddress(options, address))

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

const loginPacket = (options: DialOptions): Effect.Effect<Uint8Array | undefined> => {
  if (options.login === undefined) return Effect.undefined
  return Effect.map(options.login.read, (cookie) => {
    if (Option.isNone(cookie)) return undefined
    const message = LoginCookie.encode(cookie.value)
    if (Result.isFailure(message)) return undefined
    const batch = WriteBatch.make({ limit: 2048 })
    options.peer.envelope.write(message.success, 0, batch)
    return batch.finish()[0]
  })
}

/** One attempt and the session that came of it, to its end. */
const attempt = (options: DialOptions): Effect.Effect<Outcome> => {
  const { peer } = options
  const after = peer.settings.connectTimeout
  const connect = Effect.gen(function*() {
    const deadline = (yield* Clock.currentTimeMillis) + Duration.toMillis(after)
    const login = yield* loginPacket(options)
    const link = yield* dial(options, deadline)
    return { link, login }
  }).pipe(Effect.timeoutOrElse({
    duration: after,
    orElse: () => Effect.fail(new DisconnectReason.ConnectTimedOut({ endPoint: peer.endPoint, after }))
  }))
  const session = Effect.flatMap(connect, ({ link, login }) => {
    const session = peer.startSession(link)
    if (login !== undefined) peer.writer.sendUrgent(login)
    const since = peer.runner.now()
    return Effect.map(session.run, (reason): Outcome => {
      peer.endSession(session, reason)
      return { reason, wasHealthy: session.isHealthy || peer.runner.now() - since >= healthyAfter }
    })
  })
  return Effect.scoped(session).pipe(
    Effect.catch((reason) => Effect.succeed<Outcome>({ reason, wasHealthy: false }))
  )
}

/**
 * Keeps a connection up until it is interrupted, or until its policy gives up and closes it.
 *
 * @internal
 */
export const run = Effect.fnUntraced(function*(options: DialOptions) {
  const { peer, policy } = options
  let step = yield* Schedule.toStep(policy)
  let failures = 0
  while (!peer.isClosed) {
    peer.setState(ConnectionState.ConnectionState.Connecting({ attempt: failures + 1, since: peer.runner.now() }))
    const { reason, wasHealthy } = yield* attempt(options)
    if (wasHealthy) {
      failures = 0
      step = yield* Schedule.toStep(policy)
    }
    failures += 1
    const now = peer.runner.now()
    const delay = yield* step(now, reason).pipe(
      Effect.map(([_, duration]) => Option.some(duration)),
      Pull.catchDone(() => Effect.succeedNone)
    )
    if (Option.isNone(delay)) return peer.close(reason)
    const retryAt = now + Duration.toMillis(delay.value)
    yield* Effect.logDebug(`Connection is down, trying again in ${Duration.format(delay.value)}: ${reason.message}`)
    peer.setState(ConnectionState.ConnectionState.Waiting({ failures, retryAt, reason }))
    peer.emit(ConnectionState.ConnectionEvent.Failed({ endPoint: peer.endPoint, reason, retryAt }))
    yield* Effect.sleep(delay.value)
  }
}, (effect, { peer }) => Effect.annotateLogs(effect, peer.annotations))
