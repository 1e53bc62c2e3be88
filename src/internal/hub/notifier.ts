/**
 * Tells clients of what happens to the chain, in the order that a Hub has: transactions that they wait for, payments to
 * addresses, double spends, and then blocks.
 */
import * as Result from "effect/Result"
import type * as Transaction from "../../domain/chain/Transaction.ts"
import * as Script from "../../domain/chain/Script.ts"
import * as HubAddressMonitor from "../../domain/hub/HubAddressMonitor.ts"
import * as HubBlockNotification from "../../domain/hub/HubBlockNotification.ts"
import * as HubDoubleSpendNotification from "../../domain/hub/HubDoubleSpendNotification.ts"
import type * as HubHash from "../../domain/hub/HubHash.ts"
import * as HubTransactionMonitor from "../../domain/hub/HubTransactionMonitor.ts"
import * as Message from "../../domain/Message.ts"
import type * as MessageGroup from "../../domain/MessageGroup.ts"
import type * as RegtestChain from "../../services/hub/RegtestChain.ts"
import * as Names from "./names.ts"
import type * as Subscriptions from "./subscriptions.ts"

/** A transaction as monitors see it. Hashing the scripts of a large block takes a while, so it is done when asked for. */
class Seen {
  readonly id: HubHash.TxId
  readonly place: {
    readonly offset?: ReturnType<typeof Names.offset>
    readonly height?: ReturnType<typeof Names.height>
  }
  readonly #transaction: Transaction.Transaction
  #scriptHashes: ReadonlyArray<HubHash.ScriptHash> | undefined

  constructor(transaction: Transaction.Transaction, place: Seen["place"] = {}) {
    this.id = Names.txId(transaction.id)
    this.place = place
    this.#transaction = transaction
  }

  /** The outputs that pay to one of some scripts. */
  matches(scripts: ReadonlySet<string>) {
    this.#scriptHashes ??= this.#transaction.outputs.map(({ script }) => Names.scriptHash(Script.hash(script)))
    const { id, place } = this
    const outputs = this.#transaction.outputs
    const scriptHashes: Array<HubHash.ScriptHash> = []
    const matches: Array<HubAddressMonitor.Match> = []
    this.#scriptHashes.forEach((scriptHash, index) => {
      if (!scripts.has(scriptHash)) return
      scriptHashes.push(scriptHash)
      matches.push({ amount: Names.amount(outputs[index].amount), txId: id, ...place })
    })
    return matches.length === 0 ? undefined : { scriptHashes, matches }
  }
}

/** @internal */
export class Notifier {
  readonly clients = new Set<Subscriptions.Subscriptions>()

  /** Tells all clients of an event. */
  readonly tell = (event: RegtestChain.ChainEvent): void => {
    switch (event._tag) {
      case "TransactionAdded":
        return this.#tellTransactions([new Seen(event.entry.transaction)])
      case "DoubleSpend":
        return this.#tellDoubleSpend(new Seen(event.entry.transaction), event.duplicate.bytes)
      case "BlocksRemoved":
        return this.#tellRemoved(event.blocks)
      case "BlockAdded":
        return this.#tellBlock(event)
    }
  }

  #tellTransactions(seen: ReadonlyArray<Seen>): void {
    for (const client of this.clients) tellTransactions(client, seen)
  }

  #tellDoubleSpend(seen: Seen, transaction: Uint8Array): void {
    const { id: txId } = seen
    for (const { doubleSpends, outlet, scripts, transactions } of this.clients) {
      if (transactions.has(txId)) {
        outlet.send(encode(HubTransactionMonitor.transactionDoubleSpend, { txId, transaction }))
      }
      const found = scripts.size === 0 ? undefined : seen.matches(scripts)
      if (found !== undefined) outlet.send(encode(HubAddressMonitor.addressDoubleSpend, { ...found, transaction }))
      if (doubleSpends) outlet.send(encode(HubDoubleSpendNotification.doubleSpendFound, { txId, transaction }))
    }
  }

  #tellRemoved(blocks: ReadonlyArray<RegtestChain.ChainBlock>): void {
    const message = encode(HubBlockNotification.blocksRemoved, blocks.map(refTo))
    for (const client of this.clients) if (client.blocks) client.outlet.send(message)
  }

  #tellBlock({ block, contents }: Extract<RegtestChain.ChainEvent, { readonly _tag: "BlockAdded" }>): void {
    if (this.clients.size === 0) return
    const height = Names.height(block.height)
    const seen = contents.transactions.map(({ offset, transaction }) =>
      new Seen(transaction, { offset: Names.offset(offset), height })
    )
    const message = encode(HubBlockNotification.newBlockOnChain, refTo(block))
    for (const client of this.clients) {
      tellTransactions(client, seen)
      if (client.blocks) client.outlet.send(message)
    }
  }
}

const tellTransactions = (
  { outlet, scripts, transactions }: Subscriptions.Subscriptions,
  seen: ReadonlyArray<Seen>
): void => {
  if (transactions.size > 0) {
    for (const { id: txId, place } of seen) {
      if (transactions.has(txId)) outlet.send(encode(HubTransactionMonitor.transactionFound, { txId, ...place }))
    }
  }
  if (scripts.size > 0) {
    for (const transaction of seen) {
      const found = transaction.matches(scripts)
      if (found !== undefined) outlet.send(encode(HubAddressMonitor.addressFound, found))
    }
  }
}

const refTo = ({ hash, height }: RegtestChain.ChainBlock): HubBlockNotification.BlockRef => ({
  hash: Names.blockHash(hash),
  height: Names.height(height)
})

const encode = <Name extends string, Payload>(
  { messageId, payload, serviceId }: MessageGroup.Notification<Name, Payload>,
  value: Payload
): Message.Message => Message.make({ serviceId, messageId, body: Result.getOrThrow(payload.encode(value)) })
