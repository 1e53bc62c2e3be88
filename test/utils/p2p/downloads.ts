/**
 * Downloads whose peers a test makes.
 */
import { Effect, Exit, Layer, Scope, Stream } from "effect"
import * as HashHex from "../../../src/domain/p2p/HashHex.ts"
import * as InventoryType from "../../../src/domain/p2p/InventoryType.ts"
import * as P2PMessage from "../../../src/domain/p2p/P2PMessage.ts"
import * as NodeHash256 from "../../../src/layers/NodeHash256.ts"
import type * as DownloadError from "../../../src/services/p2p/DownloadError.ts"
import * as Downloads from "../../../src/services/p2p/Downloads.ts"
import { settle } from "../network.ts"
import * as Peers from "./peers.ts"
import * as Relayed from "./relayed.ts"

export const start = (options: Downloads.Options = {}) =>
  Effect.gen(function*() {
    const peers = yield* Peers.make
    const scope = yield* Scope.fork(yield* Effect.scope)
    const downloads = yield* Downloads.make(options).pipe(
      Effect.provide(Layer.merge(peers.layer, NodeHash256.layer)),
      Scope.provide(scope),
      Effect.orDie
    )
    return { ...peers, downloads, close: Scope.close(scope, Exit.void) }
  })

/** A peer that has some things, and says of others that it does not have them. */
export const library = (all: ReadonlyArray<Relayed.Relayed>): Peers.PeerOptions["onSend"] => (message, self) => {
  if (message._tag !== "getdata") return Effect.void
  return Effect.forEach(message.inventory, (wanted) => {
    const found = all.find(({ hash }) => HashHex.equals(hash, wanted.hash))
    if (found === undefined) return self.tell(Relayed.notfound(wanted))
    return self.tell(
      found.item.type === InventoryType.block
        ? P2PMessage.make("block", { bytes: found.bytes })
        : Relayed.tx(found)
    )
  })
}

/** Why something could not be fetched. */
export const failureOf = (exit: Exit.Exit<unknown, DownloadError.DownloadError>) =>
  Exit.isFailure(exit) && exit.cause.reasons[0]?._tag === "Fail" ? exit.cause.reasons[0].error.reason : undefined

/** Reads a stream into an array. */
export const read = <A>(stream: Stream.Stream<A>) =>
  Effect.gen(function*() {
    const seen: Array<A> = []
    const fiber = yield* Effect.forkChild(Stream.runForEach(stream, (a) => Effect.sync(() => seen.push(a))), {
      startImmediately: true
    })
    yield* settle
    return { seen, fiber }
  })
