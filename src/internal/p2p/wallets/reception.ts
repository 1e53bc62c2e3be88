/**
 * What a peer sends of the blocks that it was asked for: each one as a tree that proves transactions, and then these.
 *
 * A ping that follows the question tells when the peer is through: it answers in order.
 */
import * as Result from "effect/Result"
import * as BlockHeader from "../../../domain/p2p/BlockHeader.ts"
import * as HashHex from "../../../domain/p2p/HashHex.ts"
import * as InventoryType from "../../../domain/p2p/InventoryType.ts"
import * as P2PMessage from "../../../domain/p2p/P2PMessage.ts"
import * as Pieces from "../../../domain/internal/pieces.ts"
import * as PartialMerkleTree from "../../../domain/p2p/PartialMerkleTree.ts"
import * as BytesKey from "./bytesKey.ts"

/** A transaction that a tree proves. @internal */
export interface Proven {
  readonly txid: Uint8Array
  readonly bytes: Uint8Array
}

/** A block with all that its tree names. @internal */
export interface Block {
  readonly height: number
  readonly hash: Uint8Array
  readonly tree: PartialMerkleTree.PartialMerkleTree
  readonly transactions: ReadonlyArray<Proven>
}

/**
 * What a message has led to.
 *
 * - `Waiting`: more is to come, of transactions first, if `named` has any.
 * - `Complete`: a block is there.
 * - `Unserved`: the peer does not have a block that it was asked for.
 * - `Bad`: the peer has lied, or keeps something back.
 * @internal
 */
export type Outcome =
  | { readonly _tag: "Waiting"; readonly named: ReadonlyArray<Uint8Array> }
  | { readonly _tag: "Complete"; readonly block: Block; readonly named: ReadonlyArray<Uint8Array> }
  | { readonly _tag: "Unserved" }
  | { readonly _tag: "Bad"; readonly what: string }

/** @internal */
export interface Options {
  readonly from: number
  /** Of the blocks from there on. */
  readonly hashes: ReadonlyArray<Uint8Array>
  /** Of the ping that follows the question. */
  readonly fence: bigint
  readonly hash256: BlockHeader.Hash256
  /** The bytes of a transaction that is known already. Some nodes do not send again what they have sent before. */
  readonly known: (txid: string) => Uint8Array | undefined
}

interface Pending extends Proof {
  readonly height: number
  readonly hash: Uint8Array
  readonly bytes: Map<string, Uint8Array>
}

/** Two hashes: what a node of the merkle tree is made of. A transaction of that size could pass for one. @internal */
export const sizeOfNode = 64

/** What a merkle block proves. @internal */
export interface Proof {
  readonly tree: PartialMerkleTree.PartialMerkleTree
  /** The ids of the transactions that it names, by their keys. */
  readonly named: ReadonlyMap<string, Uint8Array>
}

/** So many hashes are copied in one piece. */
const copiedAtOnce = 2000

/** Views of a message would keep all of it in memory. (`slice` of a Buffer of Node.js is a view.) */
function* copyAll(hashes: ReadonlyArray<Uint8Array>): Generator<void, ReadonlyArray<Uint8Array>> {
  const copies: Array<Uint8Array> = []
  for (const hash of hashes) {
    if (copies.length > 0 && copies.length % copiedAtOnce === 0) yield
    copies.push(new Uint8Array(hash))
  }
  return copies
}

/** Finds out what a merkle block proves, with pauses when it is much. @internal */
export function* prove(
  message: P2PMessage.Of<"merkleblock">,
  hash256: BlockHeader.Hash256
): Generator<void, Result.Result<Proof, PartialMerkleTree.PartialMerkleTreeError>> {
  const { flags, hashes, header, transactions } = message
  const matches = yield* PartialMerkleTree.verifyInPieces(message, header.merkleRoot, hash256)
  if (Result.isFailure(matches)) return Result.fail(matches.failure)
  const txids = yield* copyAll(matches.success.map(({ txid }) => txid))
  const named = new Map<string, Uint8Array>()
  for (const txid of txids) {
    if (named.size > 0 && named.size % copiedAtOnce === 0) yield
    named.set(BytesKey.of(txid), txid)
  }
  return Result.succeed({ tree: { transactions, hashes: yield* copyAll(hashes), flags: new Uint8Array(flags) }, named })
}

const bad = (what: string): Outcome => ({ _tag: "Bad", what })

/** @internal */
export class Reception {
  readonly fence: bigint
  readonly #options: Options
  #next = 0
  #pending: Pending | undefined = undefined

  constructor(options: Options) {
    this.#options = options
    this.fence = options.fence
  }

  /** What asks for the blocks. */
  get question(): ReadonlyArray<P2PMessage.P2PMessage> {
    const inventory = this.#options.hashes.map((hash) => ({ type: InventoryType.merkleBlock, hash }))
    return [P2PMessage.make("getdata", { inventory }), P2PMessage.make("ping", { nonce: this.fence })]
  }

  /** Whether transactions are to follow. */
  get isExpecting(): boolean {
    return this.#pending !== undefined
  }

  /** Whether every block has come. */
  get isDone(): boolean {
    return this.#next === this.#options.hashes.length
  }

  /** What its tree proves has been found out before if that is given. */
  onMerkleBlock(
    message: P2PMessage.Of<"merkleblock">,
    proven?: Result.Result<Proof, PartialMerkleTree.PartialMerkleTreeError>
  ): Outcome {
    if (this.#pending !== undefined) return this.#keptBack(this.#pending)
    const { from, hash256, hashes } = this.#options
    const hash = BlockHeader.hash(message.header, hash256)
    const expected = hashes[this.#next]
    if (expected === undefined || !HashHex.equals(hash, expected)) {
      return hashes.some((other) => HashHex.equals(other, hash))
        ? { _tag: "Unserved" }
        : bad("a merkle block that was not asked for")
    }
    const proof = proven ?? Pieces.runSync(prove(message, hash256))
    if (Result.isFailure(proof)) return bad(`merkle block ${HashHex.format(hash)}: ${proof.failure.message}`)
    const pending: Pending = {
      height: from + this.#next,
      hash: expected,
      ...proof.success,
      bytes: new Map()
    }
    this.#pending = pending
    return this.#recall(pending)
  }

  /** `undefined` when the transaction is none that is waited for. */
  onTransaction(txid: Uint8Array, bytes: Uint8Array): Outcome | undefined {
    const pending = this.#pending
    const key = BytesKey.of(txid)
    if (pending === undefined || pending.bytes.has(key) || !pending.named.has(key)) return undefined
    if (bytes.length === sizeOfNode) return bad("a transaction of 64 bytes, which could be a node of the merkle tree")
    pending.bytes.set(key, new Uint8Array(bytes))
    return this.#settle(pending, [])
  }

  /** The peer is through. */
  onFence(): Outcome {
    return this.#pending === undefined ? { _tag: "Unserved" } : this.#keptBack(this.#pending)
  }

  #recall(pending: Pending): Outcome {
    for (const key of pending.named.keys()) {
      const bytes = this.#options.known(key)
      if (bytes !== undefined) pending.bytes.set(key, bytes)
    }
    return this.#settle(pending, [...pending.named.values()])
  }

  #settle(pending: Pending, named: ReadonlyArray<Uint8Array>): Outcome {
    if (pending.bytes.size < pending.named.size) return { _tag: "Waiting", named }
    this.#pending = undefined
    this.#next++
    const { bytes, hash, height, tree } = pending
    const transactions = Array.from(pending.named, ([key, txid]) => ({ txid, bytes: bytes.get(key) ?? noBytes }))
    return { _tag: "Complete", block: { height, hash, tree, transactions }, named }
  }

  #keptBack({ bytes, hash, named }: Pending): Outcome {
    return bad(`${named.size - bytes.size} transactions of merkle block ${HashHex.format(hash)} did not follow`)
  }
}

const noBytes = new Uint8Array(0)
