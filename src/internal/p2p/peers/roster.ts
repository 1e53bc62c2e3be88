/**
 * The peers that there are, and what is attached to each of them.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as NetAddress from "effect/net/NetAddress"
import * as PubSub from "effect/PubSub"
import * as Scope from "effect/Scope"
import * as AddressGroup from "../../../domain/p2p/AddressGroup.ts"
import type * as P2PMessage from "../../../domain/p2p/P2PMessage.ts"
import type * as Peer from "../../../services/p2p/Peer.ts"
import type * as PeerError from "../../../services/p2p/PeerError.ts"
import * as PeerManager from "../../../services/p2p/PeerManager.ts"

/** A reader of events that lags by more than this misses the oldest. */
const eventBuffer = 1024

/**
 * How a peer came: dialled from the book, dialled because the user named it, or let in.
 *
 * @internal
 */
export type Origin = "book" | "named" | "listener"

/** @internal */
export interface Member {
  readonly peer: Peer.Peer
  readonly origin: Origin
  readonly scope: Scope.Scope
  /** When it last brought something that a node is asked for, in milliseconds of the clock. */
  lastUseful: number | undefined
  /** What parts of the program say that need it: whether they do at this moment. */
  readonly holds: Set<() => boolean>
}

/**
 * Whether a part of the program needs the peer to stay.
 *
 * @internal
 */
export const isHeld = ({ holds }: Member): boolean => {
  for (const isNeeded of holds) if (isNeeded()) return true
  return false
}

type Attach = (peer: Peer.Peer) => Effect.Effect<void, never, Scope.Scope>

interface Registration {
  readonly attach: Attach
  readonly attached: WeakSet<Peer.Peer>
  readonly scopes: Set<Scope.Closeable>
}

/** What brings a wallet forward. */
const useful: ReadonlySet<P2PMessage.Command> = new Set(["headers", "merkleblock", "block", "tx"])

/** @internal */
export class Roster {
  readonly members = new Map<Peer.Peer, Member>()
  /** Of the handshakes that this node is in, to find itself. */
  readonly nonces = new Set<bigint>()
  readonly events: PubSub.PubSub<PeerManager.PeersEvent>
  readonly #registrations = new Set<Registration>()
  readonly #onChange: () => void

  constructor(events: PubSub.PubSub<PeerManager.PeersEvent>, onChange: () => void) {
    this.events = events
    this.#onChange = onChange
  }

  get peers(): ReadonlyArray<Peer.Peer> {
    return [...this.members.keys()]
  }

  of(...origins: ReadonlyArray<Origin>): ReadonlyArray<Member> {
    return [...this.members.values()].filter(({ origin }) => origins.includes(origin))
  }

  readonly publish = (event: PeerManager.PeersEvent): Effect.Effect<void> =>
    Effect.asVoid(PubSub.publish(this.events, event))

  /** Takes a peer in, with the scope that closes when it ends. */
  readonly admit = (peer: Peer.Peer, origin: Origin): Effect.Effect<void, never, Scope.Scope> =>
    Effect.flatMap(Effect.scope, (scope) => {
      const member: Member = { peer, origin, scope, lastUseful: undefined, holds: new Set() }
      const note = Effect.map(Clock.currentTimeMillis, (now) => {
        member.lastUseful = now
      })
      return Effect.acquireRelease(
        Effect.sync(() => {
          this.members.set(peer, member)
          this.#onChange()
        }),
        () =>
          Effect.flatMap(peer.ended, (reason) => {
            this.members.delete(peer)
            return Effect.andThen(
              this.publish(PeerManager.PeersEvent.Left({ peer, reason })),
              Effect.sync(this.#onChange)
            )
          })
      ).pipe(
        Effect.andThen(peer.handle((message) => useful.has(message._tag) ? note : undefined)),
        Effect.andThen(
          Effect.suspend(() =>
            Effect.forEach([...this.#registrations], (registration) => attach(registration, member), { discard: true })
          )
        ),
        Effect.andThen(this.publish(PeerManager.PeersEvent.Joined({ peer })))
      )
    })

  readonly register = (run: Attach): Effect.Effect<void, never, Scope.Scope> =>
    Effect.flatMap(
      Effect.acquireRelease(
        Effect.sync(() => {
          const registration: Registration = { attach: run, attached: new WeakSet(), scopes: new Set() }
          this.#registrations.add(registration)
          return registration
        }),
        (registration, exit) => {
          this.#registrations.delete(registration)
          return Effect.forEach([...registration.scopes], (scope) => Scope.close(scope, exit), { discard: true })
        }
      ),
      (registration) =>
        Effect.forEach([...this.members.values()], (member) => attach(registration, member), { discard: true })
    )

  /** Keeps a peer from being dismissed for a better one while it is needed, until the scope is closed. */
  readonly hold = (peer: Peer.Peer, isNeeded: () => boolean): Effect.Effect<void, never, Scope.Scope> => {
    // One of its own each time: the same function may hold twice.
    const hold = () => isNeeded()
    return Effect.acquireRelease(
      Effect.sync(() => void this.members.get(peer)?.holds.add(hold)),
      () => Effect.sync(() => void this.members.get(peer)?.holds.delete(hold))
    )
  }
}

/** What is attached ends with the peer, or with the registration. */
const attach = (registration: Registration, { peer, scope }: Member): Effect.Effect<void> => {
  // A registration that comes while a peer is being taken in meets it twice.
  if (registration.attached.has(peer)) return Effect.void
  registration.attached.add(peer)
  return Effect.flatMap(Scope.fork(scope), (own) => {
    registration.scopes.add(own)
    const forget = Effect.sync(() => registration.scopes.delete(own))
    return Effect.suspend(() => registration.attach(peer)).pipe(
      Scope.provide(own),
      Effect.tap(() => Scope.addFinalizer(own, forget)),
      Effect.catchCause((cause) =>
        Effect.andThen(
          Effect.logError("What is attached to a peer could not be made", cause),
          Effect.andThen(forget, Scope.close(own, Exit.void))
        )
      )
    )
  })
}

/** @internal */
export const make = (onChange: () => void): Effect.Effect<Roster> =>
  Effect.map(
    PubSub.sliding<PeerManager.PeersEvent>(eventBuffer),
    (events) => new Roster(events, onChange)
  )

/**
 * The part of the net that an address lies in. Addresses of this machine are in none: they are all of one operator
 * anyway.
 *
 * @internal
 */
export const groupOf = (address: NetAddress.SocketAddress): AddressGroup.AddressGroup | undefined =>
  NetAddress.isInetAddress(address) && !NetAddress.isLoopback(address.address)
    ? AddressGroup.fromAddress(address)
    : undefined

/** Why an attempt to have a peer failed. @internal */
export type Failure = PeerError.PeerError["reason"]
