/**
 * Checking the scripts of transactions, some at a time, so that a transaction with many of them, or with many signatures
 * in one, keeps nobody waiting.
 */
import * as Effect from "effect/Effect"
import * as ScriptCheck from "../../domain/chain/ScriptCheck.ts"
import * as ScriptRules from "../../domain/chain/ScriptRules.ts"
import type * as TransactionRefused from "../../domain/chain/TransactionRefused.ts"

/** @internal */
export const verify = (
  spend: ScriptRules.Spend
): Effect.Effect<void, TransactionRefused.TransactionRefused> =>
  Effect.suspend(() => {
    const fault = ScriptRules.findTokenFault(spend)
    if (fault !== undefined) return Effect.fail(fault)
    const inputs = spend.transaction.inputs.length
    let next = 0
    let check = ScriptCheck.make(spend, next)
    return Effect.whileLoop({
      while: () => next < inputs,
      body: () => {
        const progress = check.next()
        if (progress._tag === "Unfinished") return Effect.yieldNow
        if (progress.fault !== undefined) return Effect.fail(progress.fault)
        next += 1
        if (next === inputs) return Effect.void
        check = ScriptCheck.make(spend, next)
        return Effect.yieldNow
      },
      step: () => {}
    })
  })
