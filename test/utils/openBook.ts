import { Effect, Layer } from "effect"
import { SecureRandom } from "effect/crypto"
import * as Network from "../../src/domain/Network.ts"
import * as NodeHash256 from "../../src/layers/NodeHash256.ts"
import * as DnsSeeds from "../../src/services/p2p/DnsSeeds.ts"
import * as PeerAddressBook from "../../src/services/p2p/PeerAddressBook.ts"
import * as PeerAddressStore from "../../src/services/p2p/PeerAddressStore.ts"
import * as Transport from "../../src/services/Transport.ts"

/** Bytes that are no secret, so that tests do the same each time. */
export const FixedRandom = Layer.sync(SecureRandom.SecureRandom, () => {
  let next = 0
  return SecureRandom.make((size) => Uint8Array.from({ length: size }, () => next++))
})

export const Parts = Layer.mergeAll(FixedRandom, NodeHash256.layer)

export const Alone = Layer.mergeAll(PeerAddressStore.layerMemory, DnsSeeds.layerNone)

export const run = <A, E, R>(
  options: Partial<PeerAddressBook.Options>,
  f: (book: PeerAddressBook.PeerAddressBook["Service"]) => Effect.Effect<A, E, R>
) =>
  Effect.flatMap(PeerAddressBook.make({ network: Network.mainnet, ...options }), f).pipe(
    Effect.scoped,
    Effect.provide([Parts, Alone])
  )

export const unreachable = new Transport.TransportError({ problem: "Unreachable", address: "" })
