/**
 * Answers what one peer asks for: with the transactions that it was told of, and that there are no others. It is
 * answered one thing at a time, so that a peer that asks and does not read costs no more than the others.
 */
import * as Effect from "effect/Effect"
import * as InventoryType from "../../domain/p2p/InventoryType.ts"
import * as P2PMessage from "../../domain/p2p/P2PMessage.ts"
import type * as Peer from "../../services/p2p/Peer.ts"
import type * as PeerError from "../../services/p2p/PeerError.ts"
import type * as Runner from "../runner.ts"
import type * as Offering from "./offering.ts"

/** So much can be missing while the peer does not read. What is asked beyond that gets no answer. */
const maxMissing = 1000

/** @internal */
export class TransactionServer {
  readonly #peer: Peer.Peer
  readonly #runner: Runner.Runner
  readonly #onSent: (offering: Offering.Offering) => void
  readonly #wanted = new Set<Offering.Offering>()
  #missing: Array<P2PMessage.Inventory> = []
  #isServing = false

  constructor(peer: Peer.Peer, runner: Runner.Runner, onSent: (offering: Offering.Offering) => void) {
    this.#peer = peer
    this.#runner = runner
    this.#onSent = onSent
  }

  ask(
    inventory: ReadonlyArray<P2PMessage.Inventory>,
    find: (txid: Uint8Array) => Offering.Offering | undefined
  ): void {
    for (const { hash, type } of inventory) {
      if (type !== InventoryType.transaction) continue
      const offering = find(hash)
      if (offering !== undefined && this.#wanted.has(offering)) continue
      // What the peer was not told of is nothing that it could know.
      if (offering?.serve(this.#peer) === true) this.#wanted.add(offering)
      else if (this.#missing.length < maxMissing) this.#missing.push({ type, hash: Uint8Array.from(hash) })
    }
    if (this.#isServing || !this.#hasMore) return
    this.#isServing = true
    this.#runner.fork(Effect.ignore(this.#serve))
  }

  get #hasMore(): boolean {
    return this.#wanted.size > 0 || this.#missing.length > 0
  }

  get #serve(): Effect.Effect<void, PeerError.PeerError> {
    return Effect.whileLoop({
      while: () => this.#hasMore,
      body: () => this.#serveNext(),
      step: () => {}
    }).pipe(Effect.ensuring(Effect.sync(() => {
      this.#isServing = false
    })))
  }

  #serveNext(): Effect.Effect<void, PeerError.PeerError> {
    for (const offering of this.#wanted) {
      this.#wanted.delete(offering)
      return Effect.map(
        this.#peer.send(P2PMessage.make("tx", { bytes: offering.bytes })),
        () => this.#onSent(offering)
      )
    }
    const inventory = this.#missing
    this.#missing = []
    return this.#peer.send(P2PMessage.make("notfound", { inventory }))
  }
}
