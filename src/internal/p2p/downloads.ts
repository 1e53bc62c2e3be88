/**
 * What peers send because they were asked: who gets it, and what becomes of peers that send something else.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as InventoryKey from "../../domain/internal/inventoryKey.ts"
import * as BlockHeader from "../../domain/p2p/BlockHeader.ts"
import * as InventoryType from "../../domain/p2p/InventoryType.ts"
import * as P2PMessage from "../../domain/p2p/P2PMessage.ts"
import * as TransactionBytes from "../../domain/p2p/TransactionBytes.ts"
import type * as Downloads from "../../services/p2p/Downloads.ts"
import type * as Peer from "../../services/p2p/Peer.ts"
import * as PeerError from "../../services/p2p/PeerError.ts"
import * as InPieces from "../inPieces.ts"
import type * as Runner from "../runner.ts"
import * as BlockCheck from "./blockCheck.ts"
import * as Fetcher from "./fetcher.ts"
import * as Readers from "./readers.ts"

type Transaction = Omit<Downloads.Transaction, "missed">
type DoubleSpend = Omit<Downloads.DoubleSpend, "missed">

/** Peer-to-peer component, "Downloads and wallets". */
const unaskedTransactionPoints = 34

/** It is up to 32 times as large as a transaction, and costs no more than to be noticed. */
const unaskedBlockPoints = 100

/** What a packet costs that cannot be read. */
const malformedPoints = 200

/** No node comes to have such a block by mistake. */
const forgedBlockPoints = 1000

/** So many transactions that others have made a peer send are remembered. */
const maxExpected = 100_000

/** So many offers are looked at before others get a turn: some milliseconds. */
const offersAtOnce = 2000

const followed: ReadonlySet<number> = new Set([InventoryType.transaction, InventoryType.doubleSpendProof])

const everyone = () => true

/** @internal */
export class Core {
  readonly #settings: Downloads.Settings
  readonly #hash256: BlockHeader.Hash256
  readonly #relayed: Fetcher.Fetcher<Transaction | DoubleSpend>
  readonly #blocks: Fetcher.Fetcher<Downloads.Block>
  readonly #transactions: Readers.Readers<Transaction>
  readonly #doubleSpends: Readers.Readers<DoubleSpend>
  /** For each peer that is there the transactions that others have made it send. */
  readonly #expected = new Map<number, Set<string>>()

  constructor(settings: Downloads.Settings, runner: Runner.Runner, hash256: BlockHeader.Hash256) {
    const { blockPatience, blockTimeout, blocksAtOnce, bufferBytes, bufferSize, patience } = settings
    const { atOnce, maxItems, maxItemsPerPeer, maxKnown, timeout } = settings
    this.#settings = settings
    this.#hash256 = hash256
    this.#relayed = new Fetcher.Fetcher({
      runner,
      patience,
      limits: { atOnce, maxItems, maxPerPeer: maxItemsPerPeer, maxKnown, timeout: Duration.toMillis(timeout) }
    })
    this.#blocks = new Fetcher.Fetcher({
      runner,
      patience: blockPatience,
      // Nobody offers blocks here: all are wanted.
      limits: {
        atOnce: blocksAtOnce,
        maxItems: 0,
        maxPerPeer: 0,
        maxKnown: 0,
        timeout: Duration.toMillis(blockTimeout)
      }
    })
    const buffer = { count: bufferSize, bytes: bufferBytes }
    this.#transactions = new Readers.Readers(
      buffer,
      () => this.#relayed.forgetOffers(InventoryType.transaction)
    )
    this.#doubleSpends = new Readers.Readers(
      buffer,
      () => this.#relayed.forgetOffers(InventoryType.doubleSpendProof)
    )
  }

  get service(): Downloads.Downloads["Service"] {
    return {
      transactions: this.#transactions.stream,
      doubleSpends: this.#doubleSpends.stream,
      transaction: (txid, { peers = everyone } = {}) =>
        Effect.map(
          this.#relayed.fetch({ type: InventoryType.transaction, hash: txid }, peers),
          // What is asked for as a transaction is delivered as one.
          (found) => ({ ...found as Transaction, missed: 0 })
        ),
      blocks: (hashes, { peers = hasBlocks } = {}) =>
        Stream.fromIterable(hashes).pipe(
          // A failure has its turn like a block: those before it come first.
          Stream.mapEffect(
            (hash) => Effect.result(this.#blocks.fetch({ type: InventoryType.block, hash }, peers)),
            { concurrency: this.#settings.prefetch }
          ),
          Stream.mapEffect(Effect.fromResult)
        ),
      expect: (peer, txids) => Effect.sync(() => this.#expect(peer, txids)),
      stats: Effect.sync(() => ({ inventory: this.#relayed.counts, blocks: this.#blocks.counts }))
    }
  }

  readonly attach = (peer: Peer.Peer): Effect.Effect<void, never, Scope.Scope> =>
    Effect.acquireRelease(Effect.sync(() => this.#join(peer)), () => Effect.sync(() => this.#leave(peer))).pipe(
      Effect.andThen(peer.handle((message) => this.#onMessage(peer, message)))
    )

  end(): void {
    this.#transactions.end()
    this.#doubleSpends.end()
  }

  // --- who is there

  #join(peer: Peer.Peer): void {
    this.#expected.set(peer.id, new Set())
    this.#relayed.join(peer)
    this.#blocks.join(peer)
  }

  #leave(peer: Peer.Peer): void {
    this.#expected.delete(peer.id)
    this.#relayed.leave(peer)
    this.#blocks.leave(peer)
  }

  #expect(peer: Peer.Peer, txids: ReadonlyArray<Uint8Array>): void {
    const expected = this.#expected.get(peer.id)
    if (expected === undefined) return
    for (const txid of txids) expected.add(InventoryKey.hashKey(txid))
    for (const oldest of expected) {
      if (expected.size <= maxExpected) return
      expected.delete(oldest)
    }
  }

  // --- what comes

  #onMessage(peer: Peer.Peer, message: P2PMessage.P2PMessage): Effect.Effect<unknown, PeerError.Misbehaved> | void {
    switch (message._tag) {
      case "inv":
        return this.#onOffer(peer, message.inventory)
      case "notfound":
        return this.#onNotFound(peer, message.inventory)
      case "tx":
        return this.#onTransaction(peer, message.bytes)
      case "dsproof-beta":
        return this.#onDoubleSpend(peer, message)
      case "block":
        return this.#onBlock(peer, message.bytes)
      default:
        return undefined
    }
  }

  /** Without readers there is nothing to fetch it for. */
  #onOffer(peer: Peer.Peer, inventory: ReadonlyArray<P2PMessage.Inventory>): Effect.Effect<void> | void {
    if ((this.#transactions.isEmpty && this.#doubleSpends.isEmpty) || !this.#settings.relayed(peer)) return
    const items = inventory.filter(({ type }) => followed.has(type) && !this.#readersOf(type).isEmpty)
    if (items.length > 0) return InPieces.run(() => this.#offer(peer, items))
  }

  *#offer(peer: Peer.Peer, items: ReadonlyArray<P2PMessage.Inventory>): Generator<void, void> {
    for (let at = 0; at < items.length; at += offersAtOnce) {
      if (at > 0) yield
      // It may have left in the meantime.
      if (this.#expected.has(peer.id)) this.#relayed.offer(peer, items.slice(at, at + offersAtOnce))
    }
  }

  #readersOf(type: number): Readers.Readers<Transaction> | Readers.Readers<DoubleSpend> {
    return type === InventoryType.transaction ? this.#transactions : this.#doubleSpends
  }

  #onNotFound(peer: Peer.Peer, inventory: ReadonlyArray<P2PMessage.Inventory>): void {
    this.#relayed.refuse(peer, inventory, "NotFound")
    this.#blocks.refuse(peer, inventory, "NotFound")
  }

  #onTransaction(peer: Peer.Peer, bytes: Uint8Array): Effect.Effect<unknown, PeerError.Misbehaved> | void {
    const txid = this.#hash256(bytes)
    const item = { type: InventoryType.transaction, hash: txid }
    const problem = this.#relayed.isAwaited(peer, item) ? TransactionBytes.problem(bytes) : undefined
    if (problem !== undefined) {
      this.#relayed.refuse(peer, [item], "Invalid")
      return misbehaved(`it sent bytes that are no transaction: ${problem.message}`, malformedPoints)
    }
    const delivered = this.#relayed.deliver(peer, item, () => ({ peer, txid, bytes: own(bytes) }))
    if (delivered === "Unasked") return this.#onUnasked(peer, txid)
    if (delivered !== "Late" && delivered.isOffered) {
      this.#transactions.tell(delivered.value as Transaction, bytes.length)
    }
  }

  #onUnasked(peer: Peer.Peer, txid: Uint8Array): Effect.Effect<unknown> | void {
    if (this.#expected.get(peer.id)?.delete(InventoryKey.hashKey(txid)) === true) return
    return peer.punish(unaskedTransactionPoints, "it sent a transaction that nobody asked for")
  }

  #onDoubleSpend(peer: Peer.Peer, proof: P2PMessage.Of<"dsproof-beta">): void {
    const encoded = P2PMessage.encode(proof)
    if (Result.isFailure(encoded)) return
    const bytes = encoded.success
    const hash = this.#hash256(bytes)
    const item = { type: InventoryType.doubleSpendProof, hash }
    // A copy points into no other memory than its own.
    const delivered = this.#relayed.deliver(peer, item, () => ({ peer, hash, proof: copyOf(bytes) ?? proof }))
    if (typeof delivered === "object" && delivered.isOffered) {
      this.#doubleSpends.tell(delivered.value as DoubleSpend, bytes.length)
    }
  }

  #onBlock(peer: Peer.Peer, bytes: Uint8Array): Effect.Effect<unknown, PeerError.Misbehaved> | void {
    const hash = this.#hash256(bytes.subarray(0, BlockHeader.size))
    const item = { type: InventoryType.block, hash }
    if (!this.#blocks.isAwaited(peer, item)) {
      const delivered = this.#blocks.deliver(peer, item, unreachable)
      return delivered === "Unasked"
        ? peer.punish(unaskedBlockPoints, "it sent a block that nobody asked for")
        : undefined
    }
    const kept = own(bytes)
    return Effect.matchEffect(BlockCheck.check(kept, this.#hash256), {
      onFailure: (problem) => {
        this.#blocks.refuse(peer, [item], "Invalid")
        return misbehaved(`it sent a forged block: ${problem.message}`, forgedBlockPoints)
      },
      onSuccess: ({ header, transactions, txids }) =>
        Effect.sync(() => {
          this.#blocks.deliver(peer, item, () => ({ peer, hash, header, transactions, txids, bytes: kept }))
        })
    })
  }
}

const hasBlocks = ({ version }: Peer.Peer): boolean => (version.services & 1n) === 1n

const misbehaved = (what: string, points: number) => Effect.fail(new PeerError.Misbehaved({ what, points }))

/** What is kept must not hold the memory that it was received in, which may be much more. */
const own = (bytes: Uint8Array): Uint8Array =>
  bytes.length * 2 < bytes.buffer.byteLength ? new Uint8Array(bytes) : bytes

const copyOf = (bytes: Uint8Array): P2PMessage.Of<"dsproof-beta"> | undefined =>
  Result.getOrUndefined(P2PMessage.decode("dsproof-beta", bytes))

const unreachable = (): never => {
  throw new Error("a block that nobody awaits was delivered")
}
