/**
 * Transactions of a wallet that were told of and are in no block yet: each is told of once, and its bytes are at hand when
 * a block names it.
 */

/** Whoever makes up transactions can have others forgotten, no more. */
const maxCount = 5000
const maxBytes = 4_000_000

/** @internal */
export class Recent {
  readonly #bytes = new Map<string, Uint8Array>()
  #size = 0

  get(txid: string): Uint8Array | undefined {
    return this.#bytes.get(txid)
  }

  add(txid: string, bytes: Uint8Array): void {
    this.delete(txid)
    this.#bytes.set(txid, bytes)
    this.#size += bytes.length
    for (const oldest of this.#bytes.keys()) {
      if (this.#bytes.size <= maxCount && this.#size <= maxBytes) break
      this.delete(oldest)
    }
  }

  delete(txid: string): void {
    this.#size -= this.#bytes.get(txid)?.length ?? 0
    this.#bytes.delete(txid)
  }
}
