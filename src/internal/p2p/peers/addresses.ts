/**
 * What peers tell each other of the addresses of others.
 */
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import * as P2PMessage from "../../../domain/p2p/P2PMessage.ts"
import type * as PeerAddress from "../../../domain/p2p/PeerAddress.ts"
import type * as Peer from "../../../services/p2p/Peer.ts"
import type * as PeerAddressBook from "../../../services/p2p/PeerAddressBook.ts"

const ask = P2PMessage.make("getaddr", {})

/** Whoever dialled us may ask once. To peers that we dialled nothing is told: it would say who we are. */
const answering = (peer: Peer.Peer, book: PeerAddressBook.PeerAddressBook["Service"]) => {
  let hasAnswered = peer.side === "dialled"
  return Effect.suspend(() => {
    if (hasAnswered) return Effect.void
    hasAnswered = true
    return Effect.flatMap(
      book.sample(),
      (addresses) =>
        addresses.length === 0 ? Effect.void : Effect.ignore(peer.send(P2PMessage.make("addr", { addresses })))
    )
  })
}

/** What it costs to tell far more than a peer may: see `AddressRate`. */
const spamPoints = 100

/** Honest peers may tell a few too many. */
const spamFrom = 100

const take = (
  peer: Peer.Peer,
  address: NetAddress.InetAddress,
  told: ReadonlyArray<PeerAddress.TimedPeerAddress>,
  book: PeerAddressBook.PeerAddressBook["Service"]
): Effect.Effect<unknown> =>
  Effect.tap(
    book.addFrom(address, told),
    ({ dropped }) =>
      dropped.rateLimited >= spamFrom ? peer.punish(spamPoints, "it tells of too many addresses") : Effect.void
  )

/**
 * Puts what a peer tells into the book, and tells it what is there.
 *
 * @internal
 */
export const exchange = (
  peer: Peer.Peer,
  book: PeerAddressBook.PeerAddressBook["Service"]
): Effect.Effect<void, never, Scope.Scope> => {
  const { address } = peer
  if (!NetAddress.isInetAddress(address)) return Effect.void
  const answer = answering(peer, book)
  return peer.handle((message) => {
    if (message._tag === "addr") return take(peer, address, message.addresses, book)
    return message._tag === "getaddr" ? answer : undefined
  }).pipe(
    Effect.andThen(
      peer.side === "dialled"
        ? Effect.andThen(book.askedForAddresses(address), Effect.ignore(peer.send(ask)))
        : Effect.void
    )
  )
}
