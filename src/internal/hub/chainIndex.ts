/**
 * Where everything is on the best chain: transactions by id, payments by script, and who spent an output.
 */
import type * as Block from "../../domain/chain/Block.ts"
import * as Pieces from "../../domain/internal/pieces.ts"
import * as Script from "../../domain/chain/Script.ts"
import * as Transaction from "../../domain/chain/Transaction.ts"
import type * as BlockTree from "./blockTree.ts"
import * as Keys from "./keys.ts"

/** @internal */
export interface Location {
  readonly block: BlockTree.StoredBlock
  readonly offset: number
}

/** @internal */
export interface Payment {
  readonly location: Location
  readonly index: number
}

/** So many inputs and outputs are dealt with in one piece. */
const partsAtOnce = 1000

/** @internal */
export class ChainIndex {
  readonly #transactions = new Map<string, Location>()
  readonly #spenders = new Map<string, Location>()
  readonly #payments = new Map<string, Array<Payment>>()

  find(txId: Uint8Array): Location | undefined {
    return this.#transactions.get(Keys.hashKey(txId))
  }

  spender(outPoint: Transaction.OutPoint): Location | undefined {
    return this.#spenders.get(Keys.outPointKey(outPoint))
  }

  payments(scriptHash: Uint8Array): ReadonlyArray<Payment> {
    return this.#payments.get(Keys.hashKey(scriptHash)) ?? []
  }

  *add(block: BlockTree.StoredBlock, { transactions }: Block.Block): Generator<void, void> {
    const isTime = Pieces.meter(partsAtOnce)
    for (const { offset, transaction } of transactions) {
      if (isTime(Transaction.parts(transaction))) yield
      const location: Location = { block, offset }
      this.#transactions.set(Keys.hashKey(transaction.id), location)
      if (!Transaction.isCoinbase(transaction)) {
        for (const input of transaction.inputs) this.#spenders.set(Keys.outPointKey(input), location)
      }
      transaction.outputs.forEach(({ script }, index) => this.#pay(script, { location, index }))
    }
  }

  /** Takes the last block out again. */
  *remove({ transactions }: Block.Block): Generator<void, void> {
    const isTime = Pieces.meter(partsAtOnce)
    for (const { transaction } of transactions) {
      if (isTime(Transaction.parts(transaction))) yield
      this.#transactions.delete(Keys.hashKey(transaction.id))
      for (const input of transaction.inputs) this.#spenders.delete(Keys.outPointKey(input))
      for (const { script } of transaction.outputs) this.#unpay(script)
    }
  }

  #pay(script: Uint8Array, payment: Payment): void {
    const key = Keys.hashKey(Script.hash(script))
    const payments = this.#payments.get(key)
    if (payments === undefined) this.#payments.set(key, [payment])
    else payments.push(payment)
  }

  /** Those of the last block are the last ones. */
  #unpay(script: Uint8Array): void {
    const key = Keys.hashKey(Script.hash(script))
    const payments = this.#payments.get(key)
    payments?.pop()
    if (payments?.length === 0) this.#payments.delete(key)
  }
}
