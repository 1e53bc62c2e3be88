/**
 * A `PeerManager` whose peers are objects: a test decides who joins, what they say, and when they leave.
 */
import { Effect, Exit, Layer, Queue, Scope, Stream } from "effect"
import { NetAddress } from "effect/net"
import * as P2PMessage from "../../../src/domain/p2p/P2PMessage.ts"
import * as PeerAddress from "../../../src/domain/p2p/PeerAddress.ts"
import * as DisconnectReason from "../../../src/services/DisconnectReason.ts"
import * as Peer from "../../../src/services/p2p/Peer.ts"
import * as PeerError from "../../../src/services/p2p/PeerError.ts"
import * as PeerManager from "../../../src/services/p2p/PeerManager.ts"

export interface PeerOptions {
  /** What it offers. Default: 5, blocks and filters. */
  readonly services?: bigint | undefined
  /** What it does with what it is sent, after noting it. It may `tell` something. */
  readonly onSend?: ((message: P2PMessage.P2PMessage, self: FakePeer) => Effect.Effect<unknown>) | undefined
}

/** A peer as a test sees it. */
export interface FakePeer {
  readonly peer: Peer.Peer
  /** What it was sent, in order. */
  readonly sent: Array<P2PMessage.P2PMessage>
  /** What it was punished for, each with its points before it. */
  readonly punished: Array<string>
  /** What it was asked for by `getdata`, in order, with repetitions. */
  readonly asked: () => ReadonlyArray<P2PMessage.Inventory>
  readonly points: () => number
  /** The peer says something. It is handled after what it said before. */
  readonly tell: (...messages: ReadonlyArray<P2PMessage.P2PMessage>) => Effect.Effect<void>
  readonly leave: Effect.Effect<void>
  readonly isThere: () => boolean
}

export interface FakePeers {
  readonly layer: Layer.Layer<PeerManager.PeerManager>
  readonly join: (options?: PeerOptions) => Effect.Effect<FakePeer>
}

type Attach = (peer: Peer.Peer) => Effect.Effect<void, never, Scope.Scope>

const version = (services: bigint): P2PMessage.Of<"version"> =>
  P2PMessage.make("version", {
    protocol: 70_015,
    services,
    time: 0n,
    receiver: PeerAddress.unknown,
    sender: PeerAddress.unknown,
    nonce: 0n,
    userAgent: "/fake/",
    startHeight: 0,
    relay: true
  })

class Fake implements FakePeer {
  readonly sent: Array<P2PMessage.P2PMessage> = []
  readonly punished: Array<string> = []
  readonly handlers = new Set<Peer.Handler>()
  readonly scope = Scope.makeUnsafe()
  readonly peer: Peer.Peer
  readonly #inbox: Queue.Queue<P2PMessage.P2PMessage>
  readonly #options: PeerOptions
  #points = 0
  #isThere = true

  constructor(id: number, inbox: Queue.Queue<P2PMessage.P2PMessage>, options: PeerOptions) {
    this.#inbox = inbox
    this.#options = options
    const endPoint = `10.1.${id >> 8}.${id & 255}:8333`
    this.peer = {
      [Peer.TypeId]: Peer.TypeId,
      id,
      endPoint,
      side: "dialled",
      address: NetAddress.inetAddressFromStringUnsafe(endPoint),
      version: version(options.services ?? 5n),
      since: 0,
      state: Effect.die("unused"),
      changes: Stream.empty,
      events: Stream.empty,
      ended: Effect.never,
      latency: Effect.succeedNone,
      send: (message) => this.#send(message),
      sendAll: (messages) => Effect.forEach(messages, (message) => this.#send(message), { discard: true }),
      handle: (handler) =>
        Effect.contextWith((context) =>
          Effect.asVoid(Effect.acquireRelease(
            Effect.sync(() => {
              const taker: Peer.Handler = (message) => {
                const effect = handler(message)
                return effect === undefined ? undefined : Effect.provideContext(effect, context)
              }
              this.handlers.add(taker)
              return taker
            }),
            (taker) => Effect.sync(() => this.handlers.delete(taker))
          ))
        ),
      punish: (points, reason) =>
        Effect.sync(() => {
          this.#points += points
          this.punished.push(`${points} ${reason}`)
          return { _tag: "Tolerated", points: this.#points }
        }),
      end: (reason) => this.end(reason)
    }
  }

  get run(): Effect.Effect<void> {
    return Queue.take(this.#inbox).pipe(
      Effect.flatMap((message) =>
        Effect.forEach([...this.handlers], (handler) =>
          Effect.suspend(() => handler(message) ?? Effect.void).pipe(
            Effect.catch((error) => this.end(error))
          ), { discard: true })
      ),
      Effect.forever
    )
  }

  end(reason: PeerError.Reason): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (!this.#isThere) return Effect.void
      this.#isThere = false
      const points = reason._tag === "Misbehaved" ? reason.points : 0
      return (points > 0 ? Effect.asVoid(this.peer.punish(points, reason.message)) : Effect.void).pipe(
        Effect.andThen(Effect.forkDetach(Scope.close(this.scope, Exit.void))),
        Effect.asVoid
      )
    })
  }

  #send(message: P2PMessage.P2PMessage): Effect.Effect<void, PeerError.PeerError> {
    return Effect.suspend(() => {
      if (!this.#isThere) return Effect.fail(new PeerError.PeerError({ reason: gone }))
      this.sent.push(message)
      return Effect.asVoid(this.#options.onSend?.(message, this) ?? Effect.void)
    })
  }

  readonly asked = () => this.sent.flatMap((message) => message._tag === "getdata" ? message.inventory : [])

  readonly points = () => this.#points

  readonly tell = (...messages: ReadonlyArray<P2PMessage.P2PMessage>) =>
    Effect.asVoid(Queue.offerAll(this.#inbox, messages))

  readonly leave = Effect.suspend(() => this.end(gone))

  readonly isThere = () => this.#isThere
}

const gone = new PeerError.Disconnected({ reason: new DisconnectReason.ClosedHere() })

/** Peers that come and go as a test says. */
export const make: Effect.Effect<FakePeers, never, Scope.Scope> = Effect.gen(function*() {
  const present = new Set<Fake>()
  const registrations = new Set<{ readonly attach: Attach; readonly scope: Scope.Scope }>()
  let lastId = 0

  const attach = ({ attach, scope }: { readonly attach: Attach; readonly scope: Scope.Scope }, fake: Fake) =>
    Effect.gen(function*() {
      // It closes with the peer or the registration, whichever is first.
      const both = yield* Scope.fork(fake.scope)
      yield* Scope.addFinalizer(scope, Scope.close(both, Exit.void))
      yield* Scope.provide(attach(fake.peer), both)
    })

  const join = (options: PeerOptions = {}) =>
    Effect.gen(function*() {
      lastId += 1
      const fake = new Fake(lastId, yield* Queue.unbounded<P2PMessage.P2PMessage>(), options)
      present.add(fake)
      yield* Scope.addFinalizer(fake.scope, Effect.sync(() => present.delete(fake)))
      for (const registration of registrations) yield* attach(registration, fake)
      yield* Effect.forkIn(fake.run, fake.scope)
      return fake
    })

  yield* Effect.addFinalizer(() => Effect.forEach([...present], ({ leave }) => leave, { discard: true }))

  const manager = PeerManager.PeerManager.of({
    peers: Effect.sync(() => Array.from(present, ({ peer }) => peer)),
    events: Stream.empty,
    register: (attachOne) =>
      Effect.gen(function*() {
        const registration = { attach: attachOne, scope: yield* Effect.scope }
        registrations.add(registration)
        yield* Effect.addFinalizer(() => Effect.sync(() => registrations.delete(registration)))
        yield* Effect.forEach([...present], (fake) => attach(registration, fake), { discard: true })
      }),
    want: () => Effect.void,
    hold: () => Effect.void,
    address: undefined,
    connect: () => Effect.void
  })

  return { layer: Layer.succeed(PeerManager.PeerManager, manager), join }
})
