/**
 * Transactions that are sent: checked, and put into the mempool.
 */
import * as Effect from "effect/Effect"
import * as DoubleSpendProof from "../../domain/chain/DoubleSpendProof.ts"
import * as ScriptRules from "../../domain/chain/ScriptRules.ts"
import * as Transaction from "../../domain/chain/Transaction.ts"
import * as TransactionRefused from "../../domain/chain/TransactionRefused.ts"
import * as Acceptance from "./acceptance.ts"
import type * as Chain from "./chain.ts"
import type * as Mempool from "./mempool.ts"
import * as Scripts from "./scripts.ts"

/** @internal */
export const send = (chain: Chain.Chain, bytes: Uint8Array, options: {
  readonly validateOnly: boolean
  readonly now: number
}): Effect.Effect<
  Transaction.Transaction,
  Transaction.MalformedTransaction | TransactionRefused.TransactionRefused
> =>
  Effect.gen(function*() {
    // What came from a socket may be part of a larger piece of memory, which would be kept with it.
    const transaction = yield* Effect.fromResult(Transaction.decode(bytes.slice()))
    if (chain.pool.find(transaction.id) !== undefined) return transaction
    const { coins, fee } = yield* Effect.fromResult(Acceptance.examine(chain, transaction))
    yield* Scripts.verify(ScriptRules.make(transaction, coins))
    const conflicts = Acceptance.conflictsOf(chain, transaction)
    if (conflicts.size > 0) {
      // What was not sent for good is nobody's double spend.
      if (!options.validateOnly) { for (const [entry, spent] of conflicts) report(chain, entry, transaction, spent) }
      return yield* TransactionRefused.conflict
    }
    if (options.validateOnly) return transaction
    const entry = chain.pool.add({ transaction, fee, firstSeen: options.now })
    chain.tell({ _tag: "TransactionAdded", entry })
    return transaction
  })

const report = (
  chain: Chain.Chain,
  entry: Mempool.MempoolEntry,
  duplicate: Transaction.Transaction,
  spent: Transaction.OutPoint
): void => {
  const proof = DoubleSpendProof.make(spent, entry.transaction, duplicate)
  if (proof !== undefined) entry.proofId ??= DoubleSpendProof.id(proof)
  chain.tell({ _tag: "DoubleSpend", entry, duplicate })
}
