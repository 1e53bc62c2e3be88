/**
 * Which transactions of a wallet were found in which blocks, so that none is told of twice and all can be taken back.
 */
import * as HashHex from "../../../domain/p2p/HashHex.ts"
import * as BytesKey from "./bytesKey.ts"

/** @internal */
export interface Match {
  readonly txid: Uint8Array
  readonly height: number
  readonly blockHash: Uint8Array
  /** Whether the wallet is known to have heard of it. */
  readonly isDelivered: boolean
  /**
   * What was watched when a filter was first good enough for it: see `WatchList`. Infinity where nobody is to blame for
   * leaving it out.
   */
  readonly version: number
}

/** Beyond that the oldest are forgotten, and would be told of again by a rescan. */
const maxMatches = 100_000

/** @internal */
export class Ledger {
  readonly #byId = new Map<string, Match>()
  readonly #byHeight = new Map<number, Set<string>>()

  get matches(): ReadonlyArray<Match> {
    return [...this.#byId.values()]
  }

  has(txid: Uint8Array): boolean {
    return this.#byId.has(BytesKey.of(txid))
  }

  /** Whether it is known to be in the block of that height. */
  hasAt(txid: Uint8Array, height: number): boolean {
    return this.#byHeight.get(height)?.has(BytesKey.of(txid)) === true
  }

  at(height: number): ReadonlyArray<Match> {
    return [...this.#byHeight.get(height) ?? []].flatMap((key) => this.#byId.get(key) ?? [])
  }

  add(match: Match): void {
    const key = BytesKey.of(match.txid)
    this.#delete(key)
    this.#byId.set(key, match)
    const others = this.#byHeight.get(match.height)
    if (others === undefined) this.#byHeight.set(match.height, new Set([key]))
    else others.add(key)
    const [oldest] = this.#byId.keys()
    if (this.#byId.size > maxMatches && oldest !== undefined) this.#delete(oldest)
  }

  /** The wallet has heard that it is in that block. */
  deliver(txid: Uint8Array, blockHash: Uint8Array): void {
    const key = BytesKey.of(txid)
    const match = this.#byId.get(key)
    if (match !== undefined && HashHex.equals(match.blockHash, blockHash)) {
      this.#byId.set(key, { ...match, isDelivered: true })
    }
  }

  /** Nobody is to blame any more for leaving out what is in the block of that height. */
  excuse(height: number): void {
    for (const match of this.at(height)) {
      this.#byId.set(BytesKey.of(match.txid), { ...match, version: Number.POSITIVE_INFINITY })
    }
  }

  /** Forgets what is above a height, and returns it. */
  removeAbove(height: number): ReadonlyArray<Match> {
    const removed = this.matches.filter((match) => match.height > height)
    for (const { txid } of removed) this.#delete(BytesKey.of(txid))
    return removed
  }

  #delete(key: string): void {
    const match = this.#byId.get(key)
    if (match === undefined) return
    this.#byId.delete(key)
    const others = this.#byHeight.get(match.height)
    others?.delete(key)
    if (others?.size === 0) this.#byHeight.delete(match.height)
  }
}
