/**
 * The transactions that wait for a block, those that others depend on first.
 */
import * as Script from "../../domain/chain/Script.ts"
import type * as Transaction from "../../domain/chain/Transaction.ts"
import * as Keys from "./keys.ts"

/** @internal */
export interface MempoolEntry {
  readonly transaction: Transaction.Transaction
  /** In satoshis. */
  readonly fee: bigint
  /** In seconds since 1970. */
  readonly firstSeen: number
  /** One for each output. */
  readonly scriptHashes: ReadonlyArray<Uint8Array>
  /** The id of the proof that another transaction spends the same. */
  proofId: Uint8Array | undefined
}

/** What an entry takes beside its bytes, roughly. */
const entryOverhead = 800

/** @internal */
export class Mempool {
  /** In the order in which they came, which is one in which a block can spend them. */
  readonly #entries = new Map<string, MempoolEntry>()
  readonly #spenders = new Map<string, MempoolEntry>()
  readonly #byScript = new Map<string, Set<MempoolEntry>>()
  readonly maxUsage: number
  /** Of all transactions together. */
  bytes = 0

  constructor(maxUsage: number) {
    this.maxUsage = maxUsage
  }

  get size(): number {
    return this.#entries.size
  }

  get usage(): number {
    return this.bytes + this.size * entryOverhead
  }

  get entries(): Iterable<MempoolEntry> {
    return this.#entries.values()
  }

  find(txId: Uint8Array): MempoolEntry | undefined {
    return this.#entries.get(Keys.hashKey(txId))
  }

  payingTo(scriptHash: Uint8Array): ReadonlyArray<MempoolEntry> {
    return [...this.#byScript.get(Keys.hashKey(scriptHash)) ?? []]
  }

  output({ index, txId }: Transaction.OutPoint): Transaction.Output | undefined {
    return this.find(txId)?.transaction.outputs[index]
  }

  spender(outPoint: Transaction.OutPoint): MempoolEntry | undefined {
    return this.#spenders.get(Keys.outPointKey(outPoint))
  }

  add(options: Pick<MempoolEntry, "transaction" | "fee" | "firstSeen">): MempoolEntry {
    const { transaction } = options
    const scriptHashes = transaction.outputs.map(({ script }) => Script.hash(script))
    const entry: MempoolEntry = { ...options, scriptHashes, proofId: undefined }
    this.#entries.set(Keys.hashKey(transaction.id), entry)
    for (const input of transaction.inputs) this.#spenders.set(Keys.outPointKey(input), entry)
    for (const hash of scriptHashes) {
      const key = Keys.hashKey(hash)
      this.#byScript.set(key, (this.#byScript.get(key) ?? new Set()).add(entry))
    }
    this.bytes += transaction.bytes.length
    return entry
  }

  /** Takes out what a block has, and what can never be in a block after it. */
  settle(transaction: Transaction.Transaction): void {
    const mined = this.find(transaction.id)
    if (mined !== undefined) return this.#remove(mined)
    for (const input of transaction.inputs) {
      const conflict = this.spender(input)
      if (conflict !== undefined) this.#removeWithDescendants(conflict)
    }
  }

  /** Takes all out. */
  clear(): ReadonlyArray<MempoolEntry> {
    const entries = [...this.#entries.values()]
    for (const entry of entries) this.#remove(entry)
    return entries
  }

  #removeWithDescendants(first: MempoolEntry): void {
    const unwanted = [first]
    for (let entry = unwanted.pop(); entry !== undefined; entry = unwanted.pop()) {
      const { id, outputs } = entry.transaction
      for (let index = 0; index < outputs.length; index++) {
        const child = this.spender({ txId: id, index })
        if (child !== undefined) unwanted.push(child)
      }
      this.#remove(entry)
    }
  }

  #remove(entry: MempoolEntry): void {
    const { transaction } = entry
    // A child of two entries that go is met twice.
    if (!this.#entries.delete(Keys.hashKey(transaction.id))) return
    for (const input of transaction.inputs) this.#spenders.delete(Keys.outPointKey(input))
    for (const hash of entry.scriptHashes) {
      const key = Keys.hashKey(hash)
      const others = this.#byScript.get(key)
      others?.delete(entry)
      if (others?.size === 0) this.#byScript.delete(key)
    }
    this.bytes -= transaction.bytes.length
  }
}
