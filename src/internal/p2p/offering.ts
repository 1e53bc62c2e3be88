/**
 * One transaction that is offered to peers, and how far it has come with each.
 */
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as BroadcastReport from "../../domain/p2p/BroadcastReport.ts"
import type * as Peer from "../../services/p2p/Peer.ts"

/** So many peers are in a report; of more, the ones that left first are left out. */
const maxPeers = 1000

/** A peer may ask for the same transaction so many times, as when its answer was lost. */
const maxServed = 3

interface Told {
  readonly report: BroadcastReport.PeerReport
  /** How many times it was sent. */
  served: number
  isThere: boolean
}

/** @internal */
export class Offering {
  readonly txid: Uint8Array
  readonly bytes: Uint8Array
  readonly #settleTime: number
  readonly #told = new Map<number, Told>()
  /** Which peers it is announced to. */
  audience: (peer: Peer.Peer) => boolean
  expiresAt = 0
  /** How many wait for what becomes of it. */
  waiting = 0
  #report: BroadcastReport.BroadcastReport
  #change = Deferred.makeUnsafe<void>()
  #isOver = false

  constructor(options: {
    readonly txid: Uint8Array
    readonly bytes: Uint8Array
    readonly audience: (peer: Peer.Peer) => boolean
    readonly settleTime: number
    readonly now: number
  }) {
    this.txid = options.txid
    this.bytes = options.bytes
    this.audience = options.audience
    this.#settleTime = options.settleTime
    this.#report = { txid: options.txid, since: options.now, peers: [] }
  }

  /** A new value each time that something has changed. */
  get report(): BroadcastReport.BroadcastReport {
    return this.#report
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Is done with the next change, or with the end. */
  get change(): Effect.Effect<void> {
    return Deferred.await(this.#change)
  }

  hasTold(peer: Peer.Peer): boolean {
    return this.#told.has(peer.id)
  }

  /** Counts the times that a peer is served; `false` when it is enough, or when it was not told. */
  serve(peer: Peer.Peer): boolean {
    const told = this.#told.get(peer.id)
    if (told === undefined || told.report.progress._tag === "Lost" || told.served === maxServed) return false
    told.served += 1
    return true
  }

  advance({ endPoint, id }: Peer.Peer, next: BroadcastReport.PeerProgress): void {
    const told = this.#told.get(id)
    const before = told?.report.progress
    const after = BroadcastReport.advance(before, next, this.#settleTime)
    if (after === before || after === undefined) return
    this.#told.set(id, {
      report: { peer: id, endPoint, progress: after },
      served: told?.served ?? 0,
      isThere: told?.isThere ?? true
    })
    this.#makeRoom()
    this.#renew()
  }

  leave(peer: Peer.Peer, now: number): void {
    this.advance(peer, BroadcastReport.PeerProgress.Lost({ since: now }))
    const told = this.#told.get(peer.id)
    if (told !== undefined) told.isThere = false
  }

  end(): void {
    this.#isOver = true
    Deferred.doneUnsafe(this.#change, Effect.void)
  }

  /** The report now, and the newest one after each change that the reader has time for. */
  get changes(): Stream.Stream<BroadcastReport.BroadcastReport> {
    return Stream.fromPull(Effect.sync(() => {
      let last: BroadcastReport.BroadcastReport | undefined
      const pull: Effect.Effect<
        Arr.NonEmptyReadonlyArray<BroadcastReport.BroadcastReport>,
        Cause.Done
      > = Effect.suspend(() => {
        if (last === this.#report) return this.#isOver ? Cause.done() : Effect.andThen(this.change, pull)
        last = this.#report
        return Effect.succeed([last])
      })
      return pull
    }))
  }

  #makeRoom(): void {
    if (this.#told.size <= maxPeers) return
    for (const [id, { isThere }] of this.#told) {
      if (isThere) continue
      this.#told.delete(id)
      return
    }
  }

  #renew(): void {
    this.#report = { ...this.#report, peers: Array.from(this.#told.values(), ({ report }) => report) }
    const change = this.#change
    // Who is woken may wait for the next one at once.
    this.#change = Deferred.makeUnsafe()
    Deferred.doneUnsafe(change, Effect.void)
  }
}
