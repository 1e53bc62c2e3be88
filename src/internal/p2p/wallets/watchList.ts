/**
 * What one wallet watches for: the elements that it was given, and the outputs that were found to pay to them.
 *
 * **Details**
 *
 * Each change has a number, the *version*. A filter that was made at a version holds all that has that version or a lower
 * one, so that it can be told whether a node had to tell of a transaction.
 *
 * Blocks have their transactions in the order of their ids, so one may come before another whose output it spends: all
 * outputs of a block are looked at before any input.
 */
import * as Result from "effect/Result"
import * as Pieces from "../../../domain/internal/pieces.ts"
import * as BloomFilter from "../../../domain/p2p/BloomFilter.ts"
import * as ScriptPushes from "../../../domain/p2p/ScriptPushes.ts"
import * as TransactionOutline from "../../../domain/p2p/TransactionOutline.ts"
import * as WalletElement from "../../../domain/p2p/WalletElement.ts"
import * as BytesKey from "./bytesKey.ts"

/** @internal */
export interface Watched {
  readonly element: WalletElement.WalletElement
  /** From which block on it is looked for. */
  readonly from: number
}

interface Entry {
  readonly version: number
  readonly from: number
}

/** An output that pays to an element. @internal */
export interface Coin {
  /** As inputs name it, 36 bytes. */
  readonly outpoint: Uint8Array
  readonly version: number
  /** The block that spends it, if any. */
  readonly spentAt: number | undefined
}

/** A transaction as it is looked at. @internal */
export interface Examined {
  readonly txid: Uint8Array
  readonly outline: TransactionOutline.TransactionOutline
}

/**
 * At which version a filter was good enough for a node to find the transaction; `undefined` when it is none of the
 * wallet. @internal
 */
export type Finding = number | undefined

/** Nodes do not agree on whether a filter finds an output with tokens. */
const notForAllNodes = Number.POSITIVE_INFINITY

/** No push is longer, and no element. */
const maxPush = 520

/** Outputs of transactions that are in no block: anybody can make those up. */
const maxPassing = 10_000

/** So deep is no reorganisation. */
const pruneDepth = 100

const opReturn = 0x6a

const atLeast = 64

/** The filter has room for twice to four times as many elements as there are, so that it need not grow with each. */
const roomFor = (count: number): number => 2 ** (Math.ceil(Math.log2(Math.max(atLeast, count))) + 1)

const lower = (a: Finding, b: Finding): Finding => a === undefined ? b : b === undefined ? a : Math.min(a, b)

/** So much of a block is looked at in one piece. */
const pieceWeight = 100_000

/** What an input or an output weighs beside the bytes of its script. */
const ownWeight = 100

const weightOf = (parts: ReadonlyArray<{ readonly script: Uint8Array }>): number => {
  let weight = ownWeight
  for (const { script } of parts) weight += script.length + ownWeight
  return weight
}

/** @internal */
export class WatchList {
  /** The number of the last change. */
  version = 0
  /** The version at which the last element was added. */
  elementsVersion = 0
  readonly #watched = new Map<string, Watched>()
  readonly #filtered = new Map<string, Uint8Array>()
  readonly #exact = {
    script: new Map<string, Entry>(),
    outpoint: new Map<string, Entry>(),
    data: new Map<string, Entry>()
  }
  readonly #coins = new Map<string, Coin>()
  readonly #passing = new Set<string>()
  #longestScript = 0

  get watched(): ReadonlyArray<Watched> {
    return [...this.#watched.values()]
  }

  get coins(): ReadonlyArray<Coin> {
    return [...this.#coins.values()]
  }

  get size(): number {
    return this.#watched.size
  }

  /** Adds an element, and says whether that is news: it was not watched from that block on. */
  add(element: WalletElement.WalletElement, from: number): Result.Result<boolean, WalletElement.BadElement> {
    return Result.map(WalletElement.target(element), ({ exact, filtered }) => {
      const key = BytesKey.of(exact.bytes)
      const entries = this.#exact[exact.of]
      const known = entries.get(key)
      if (known !== undefined && known.from <= from) return false
      this.elementsVersion = ++this.version
      entries.set(key, { version: known?.version ?? this.version, from })
      this.#watched.set(`${exact.of}:${key}`, { element, from })
      this.#filtered.set(BytesKey.of(filtered), filtered)
      if (exact.of === "script") this.#longestScript = Math.max(this.#longestScript, exact.bytes.length)
      return true
    })
  }

  /** Takes over outputs that were found before. */
  restore(coins: Iterable<Omit<Coin, "version">>): void {
    for (const coin of coins) this.#coins.set(BytesKey.of(coin.outpoint), { ...coin, version: this.version })
  }

  /** The filter that nodes get. */
  toFilter(options: { readonly falsePositiveRate: number; readonly tweak: number }): BloomFilter.BloomFilter {
    const elements = roomFor(this.#filtered.size + this.#coins.size)
    const filter = BloomFilter.make({ ...options, elements, flags: BloomFilter.Update.all })
    for (const bytes of this.#filtered.values()) BloomFilter.insert(filter, bytes)
    for (const { outpoint } of this.#coins.values()) BloomFilter.insert(filter, outpoint)
    return filter
  }

  /**
   * Which transactions of a block are the wallet's. Their outputs are watched from now on. Nothing else may change the
   * list during a pause.
   */
  *examineBlock(transactions: ReadonlyArray<Examined>, height: number): Generator<void, ReadonlyArray<Finding>> {
    const findings: Array<Finding> = []
    const isTime = Pieces.meter(pieceWeight)
    for (const transaction of transactions) {
      if (isTime(weightOf(transaction.outline.outputs))) yield
      findings.push(this.#lookAtOutputs(transaction, height, (outpoint) => this.#addCoin(outpoint)))
    }
    for (let at = 0; at < transactions.length; at++) {
      if (isTime(weightOf(transactions[at].outline.inputs))) yield
      findings[at] = lower(findings[at], this.#lookAtInputs(transactions[at], height))
    }
    return findings
  }

  /** Whether a transaction that is in no block yet is the wallet's. */
  examineUnconfirmed(transaction: Examined): boolean {
    const byOutput = this.#lookAtOutputs(transaction, Number.POSITIVE_INFINITY, (outpoint) => this.#pass(outpoint))
    return byOutput !== undefined || this.#lookAtInputs(transaction, undefined) !== undefined
  }

  /** What was spent above a height counts as unspent again. */
  rollBack(height: number): void {
    for (const [key, coin] of this.#coins) {
      if (coin.spentAt !== undefined && coin.spentAt > height) this.#coins.set(key, { ...coin, spentAt: undefined })
    }
  }

  /**
   * Forgets outputs whose spending is so deep in the chain that it stays there, and returns the heights of the blocks
   * that spend them: no filter finds that any more.
   */
  prune(height: number): ReadonlyArray<number> {
    const pruned: Array<number> = []
    for (const [key, { spentAt }] of this.#coins) {
      if (spentAt === undefined || spentAt + pruneDepth > height) continue
      this.#coins.delete(key)
      pruned.push(spentAt)
    }
    return pruned
  }

  #lookAtOutputs({ outline, txid }: Examined, height: number, keep: (outpoint: Uint8Array) => void): Finding {
    let found = this.#find("data", txid, height)
    outline.outputs.forEach(({ category, script }, index) => {
      const finding = this.#lookAtScript(script, height)
      const byCategory = category === undefined ? undefined : this.#find("data", category, height)
      if (finding === undefined && byCategory === undefined) return
      found = lower(found, category === undefined ? finding : notForAllNodes)
      if (script[0] !== opReturn) keep(TransactionOutline.outpoint(txid, index))
    })
    return found
  }

  #lookAtScript(script: Uint8Array, height: number): Finding {
    const exact = script.length > this.#longestScript ? undefined : this.#find("script", script, height)
    return lower(exact, this.#lookAtPushes(script, height))
  }

  #lookAtPushes(script: Uint8Array, height: number): Finding {
    if (this.#exact.data.size === 0) return undefined
    let found: Finding = undefined
    for (const push of ScriptPushes.of(script)) {
      if (push.length <= maxPush) found = lower(found, this.#find("data", push, height))
    }
    return found
  }

  #lookAtInputs({ outline }: Examined, height: number | undefined): Finding {
    let found: Finding = undefined
    for (const { outpoint, script } of outline.inputs) {
      const at = height ?? Number.POSITIVE_INFINITY
      found = lower(found, lower(this.#find("outpoint", outpoint, at), this.#lookAtPushes(script, at)))
      found = lower(found, this.#spend(outpoint, height))
    }
    return found
  }

  #find(of: WalletElement.Target["exact"]["of"], bytes: Uint8Array, height: number): Finding {
    const entry = this.#exact[of].get(BytesKey.of(bytes))
    return entry !== undefined && entry.from <= height ? entry.version : undefined
  }

  #spend(outpoint: Uint8Array, height: number | undefined): Finding {
    const key = BytesKey.of(outpoint)
    const coin = this.#coins.get(key)
    // What is in a block must be judged the same whenever it is looked at.
    if (coin === undefined) return height === undefined && this.#passing.has(key) ? notForAllNodes : undefined
    if (height !== undefined) this.#coins.set(key, { ...coin, spentAt: height })
    return coin.version
  }

  #addCoin(outpoint: Uint8Array): void {
    const key = BytesKey.of(outpoint)
    if (!this.#coins.has(key)) this.#coins.set(key, { outpoint, version: ++this.version, spentAt: undefined })
  }

  #pass(outpoint: Uint8Array): void {
    const [oldest] = this.#passing
    if (this.#passing.size >= maxPassing && oldest !== undefined) this.#passing.delete(oldest)
    this.#passing.add(BytesKey.of(outpoint))
  }
}
