/**
 * Checking the scripts of transactions, some at a time, so that a transaction with many of them keeps nobody waiting.
 */
import * as Effect from "effect/Effect"
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
    return Effect.whileLoop({
      while: () => next < inputs,
      body: () => {
        const fault = ScriptRules.findScriptFault(spend, next)
        if (fault !== undefined) return Effect.fail(fault)
        next += 1
        return next < inputs ? Effect.yieldNow : Effect.void
      },
      step: () => {}
    })
  })
