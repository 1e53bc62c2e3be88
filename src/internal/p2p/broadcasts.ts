/**
 * The transactions that are offered to peers: told of, served, and followed.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as InventoryKey from "../../domain/internal/inventoryKey.ts"
import type * as BlockHeader from "../../domain/p2p/BlockHeader.ts"
import * as BroadcastReport from "../../domain/p2p/BroadcastReport.ts"
import * as InventoryType from "../../domain/p2p/InventoryType.ts"
import * as P2PMessage from "../../domain/p2p/P2PMessage.ts"
import * as TransactionBytes from "../../domain/p2p/TransactionBytes.ts"
import type * as Broadcast from "../../services/p2p/Broadcast.ts"
import * as BroadcastError from "../../services/p2p/BroadcastError.ts"
import type * as Peer from "../../services/p2p/Peer.ts"
import * as Alarms from "../alarms.ts"
import type * as Runner from "../runner.ts"
import * as Offering from "./offering.ts"
import * as Server from "./transactionServer.ts"

const { Announced, Rejected, Seen, Sent } = BroadcastReport.PeerProgress

const everyone = () => true

/** @internal */
export class Core {
  readonly #settings: Broadcast.Settings
  readonly #runner: Runner.Runner
  readonly #hash256: BlockHeader.Hash256
  readonly #alarm: Alarms.Alarm
  readonly #peers = new Map<number, Peer.Peer>()
  /** In the order in which they expire. */
  readonly #offerings = new Map<string, Offering.Offering>()
  #bytes = 0

  constructor(settings: Broadcast.Settings, runner: Runner.Runner, hash256: BlockHeader.Hash256) {
    this.#settings = settings
    this.#runner = runner
    this.#hash256 = hash256
    this.#alarm = new Alarms.Alarm(runner.alarms, { ring: (now) => this.#expire(now) })
  }

  readonly attach = (peer: Peer.Peer): Effect.Effect<void, never, Scope.Scope> => {
    const server = new Server.TransactionServer(
      peer,
      this.#runner,
      (offering) => offering.advance(peer, Sent({ since: this.#runner.now() }))
    )
    return Effect.acquireRelease(Effect.sync(() => this.#join(peer)), () => Effect.sync(() => this.#leave(peer))).pipe(
      Effect.andThen(peer.handle((message) => this.#onMessage(peer, server, message)))
    )
  }

  // --- what is offered

  /** Offers a transaction, and waits for what becomes of it. */
  broadcast(
    bytes: Uint8Array,
    rule: BroadcastReport.Rule,
    timeout: Duration.Duration,
    audience: (peer: Peer.Peer) => boolean = everyone
  ): Effect.Effect<Broadcast.Result, BroadcastError.BroadcastError> {
    return Effect.suspend(() => {
      const problem = problemOf(bytes)
      if (problem !== undefined) return Effect.fail(new BroadcastError.BroadcastError({ reason: problem }))
      const now = this.#runner.now()
      const offering = this.#offer(bytes, audience, now)
      if (offering === undefined) {
        const reason = new BroadcastError.TooMany({ limit: this.#settings.maxTransactions })
        return Effect.fail(new BroadcastError.BroadcastError({ reason }))
      }
      this.#announce([...this.#peers.values()], [offering])
      offering.waiting += 1
      return Effect.map(
        this.#outcome(offering, rule, now + Duration.toMillis(timeout)),
        (outcome) => ({ ...offering.report, outcome })
      ).pipe(Effect.ensuring(Effect.sync(() => {
        offering.waiting -= 1
      })))
    })
  }

  status(txid: Uint8Array): Option.Option<BroadcastReport.BroadcastReport> {
    return Option.map(Option.fromUndefinedOr(this.#find(txid)), ({ report }) => report)
  }

  changes(txid: Uint8Array): Stream.Stream<BroadcastReport.BroadcastReport> {
    return Stream.suspend(() => this.#find(txid)?.changes ?? Stream.empty)
  }

  withdraw(txid: Uint8Array): boolean {
    const offering = this.#find(txid)
    if (offering === undefined) return false
    this.#remove(offering)
    return true
  }

  end(): void {
    for (const offering of this.#offerings.values()) this.#remove(offering)
  }

  #find(txid: Uint8Array): Offering.Offering | undefined {
    return this.#offerings.get(InventoryKey.hashKey(txid))
  }

  /** The one of these bytes, or a new one if there is room. Its time begins again. */
  #offer(bytes: Uint8Array, audience: (peer: Peer.Peer) => boolean, now: number): Offering.Offering | undefined {
    const txid = this.#hash256(bytes)
    const key = InventoryKey.hashKey(txid)
    const present = this.#offerings.get(key)
    if (present === undefined && !this.#makeRoom(bytes.length)) return undefined
    const offering = present ?? new Offering.Offering({
      txid,
      bytes: new Uint8Array(bytes),
      audience,
      settleTime: Duration.toMillis(this.#settings.settleTime),
      now
    })
    if (present === undefined) this.#bytes += bytes.length
    offering.audience = audience
    offering.expiresAt = now + Duration.toMillis(this.#settings.expiry)
    this.#offerings.delete(key)
    this.#offerings.set(key, offering)
    this.#alarm.set(offering.expiresAt)
    return offering
  }

  /** The oldest that nobody waits for give way. */
  #makeRoom(size: number): boolean {
    const isFull = () =>
      this.#offerings.size >= this.#settings.maxTransactions || this.#bytes + size > this.#settings.maxBytes
    for (const offering of this.#offerings.values()) {
      if (!isFull()) break
      if (offering.waiting === 0) this.#remove(offering)
    }
    return !isFull()
  }

  #remove(offering: Offering.Offering): void {
    if (!this.#offerings.delete(InventoryKey.hashKey(offering.txid))) return
    this.#bytes -= offering.bytes.length
    offering.end()
  }

  #expire(now: number): number | undefined {
    for (const offering of this.#offerings.values()) {
      if (offering.expiresAt > now) return offering.expiresAt
      this.#remove(offering)
    }
    return undefined
  }

  #outcome(
    offering: Offering.Offering,
    rule: BroadcastReport.Rule,
    deadline: number
  ): Effect.Effect<Broadcast.Outcome> {
    return Effect.suspend(() => {
      const now = this.#runner.now()
      const { change, isOver, report } = offering
      const verdict = BroadcastReport.verdict(report, rule, now)
      if (verdict !== undefined) return Effect.succeed(verdict)
      if (isOver) return Effect.succeed("Withdrawn")
      if (now >= deadline) return Effect.succeed("TimedOut")
      const next = Math.min(deadline, BroadcastReport.settlesAt(report, rule, now) ?? deadline)
      return Effect.andThen(Effect.timeoutOption(change, next - now), this.#outcome(offering, rule, deadline))
    })
  }

  // --- who is there

  #join(peer: Peer.Peer): void {
    this.#peers.set(peer.id, peer)
    this.#announce([peer], [...this.#offerings.values()])
  }

  #leave(peer: Peer.Peer): void {
    this.#peers.delete(peer.id)
    const now = this.#runner.now()
    for (const offering of this.#offerings.values()) offering.leave(peer, now)
  }

  /** Tells peers of what they are to know and do not. A peer that takes no message must not hold up the others. */
  #announce(peers: ReadonlyArray<Peer.Peer>, offerings: ReadonlyArray<Offering.Offering>): void {
    const since = this.#runner.now()
    for (const peer of peers) {
      const news = offerings.filter((offering) => !offering.hasTold(peer) && offering.audience(peer))
      for (const offering of news) offering.advance(peer, Announced({ since }))
      if (news.length === 0) continue
      const inventory = news.map(({ txid }) => ({ type: InventoryType.transaction, hash: txid }))
      this.#runner.fork(Effect.ignore(peer.send(P2PMessage.make("inv", { inventory }))))
    }
  }

  // --- what they say

  #onMessage(peer: Peer.Peer, server: Server.TransactionServer, message: P2PMessage.P2PMessage): void {
    switch (message._tag) {
      case "getdata":
        return server.ask(message.inventory, (txid) => this.#find(txid))
      case "inv":
        return this.#onInventory(peer, message.inventory)
      case "reject":
        return this.#onReject(peer, message)
      default:
        return undefined
    }
  }

  #onInventory(peer: Peer.Peer, inventory: ReadonlyArray<P2PMessage.Inventory>): void {
    if (this.#offerings.size === 0) return
    const since = this.#runner.now()
    for (const { hash, type } of inventory) {
      if (type === InventoryType.transaction) this.#find(hash)?.advance(peer, Seen({ since }))
    }
  }

  #onReject(peer: Peer.Peer, { code, command, data, reason }: P2PMessage.Of<"reject">): void {
    if (command !== "tx" || data.length !== 32) return
    this.#find(data)?.advance(peer, Rejected({ since: this.#runner.now(), code, reason }))
  }
}

const problemOf = (bytes: Uint8Array): BroadcastError.BroadcastError["reason"] | undefined => {
  const limit = TransactionBytes.maxSize
  if (bytes.length > limit) return new BroadcastError.TooLarge({ size: bytes.length, limit })
  const reason = TransactionBytes.problem(bytes)
  if (reason !== undefined) return new BroadcastError.Malformed({ reason })
  return bytes.length === TransactionBytes.ambiguousSize ? new BroadcastError.Ambiguous() : undefined
}
