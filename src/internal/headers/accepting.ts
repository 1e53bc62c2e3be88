/**
 * Decides on batches, one after the other, and lets the chain in memory follow what is stored.
 */
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type * as HeaderChain from "../../services/p2p/HeaderChain.ts"
import type * as HeaderStore from "../../services/p2p/HeaderStore.ts"
import type * as HeaderStoreError from "../../services/p2p/HeaderStoreError.ts"
import * as Branch from "./branch.ts"
import type * as Changes from "./changes.ts"
import type * as HeaderTree from "./headerTree.ts"
import * as Tips from "./tips.ts"

/**
 * The clock is given, in seconds since 1970.
 *
 * @internal
 */
export const make = Effect.fnUntraced(function*(
  tree: HeaderTree.HeaderTree,
  store: HeaderStore.HeaderStore["Service"],
  changes: Changes.Changes
) {
  const oneWriter = yield* Semaphore.make(1)

  const switchTo = Effect.fnUntraced(function*(branch: Branch.Branch, added: number) {
    yield* store.write(branch.fork + 1, branch.headers)
    const lost = tree.switchTo(branch)
    const disconnected = Branch.hashList(lost)
    const tip = Tips.ofChain(tree.chain)
    changes.publish({ forkHeight: branch.fork, disconnected, tip })
    if (disconnected.length > 0) {
      yield* Effect.logDebug(
        `${disconnected.length} blocks above height ${branch.fork} gave way to ${tip.height - branch.fork}`
      )
    }
    const outcome: HeaderChain.Outcome = {
      _tag: "Accepted",
      added,
      forkHeight: branch.fork,
      disconnected: disconnected.length,
      tip
    }
    return outcome
  })

  const settle = (
    judgement: HeaderTree.Judgement
  ): Effect.Effect<HeaderChain.Outcome, HeaderStoreError.HeaderStoreError> => {
    switch (judgement._tag) {
      case "AlreadyKnown":
        return Effect.succeed(judgement)
      case "Better":
        // What is stored must be what is in memory.
        return Effect.uninterruptible(switchTo(judgement.branch, judgement.added))
      case "Weaker":
        return Effect.sync(() => ({
          _tag: "SideBranch",
          added: judgement.added,
          isKept: tree.keep(judgement.branch, judgement.continued),
          forkHeight: judgement.branch.fork,
          tip: Tips.ofBranch(judgement.branch)
        }))
    }
  }

  return (headers: Uint8Array, now: number) =>
    Effect.suspend(() => Effect.fromResult(tree.judge(headers, now))).pipe(
      Effect.flatMap(settle),
      oneWriter.withPermit,
      // Peers that send one batch after the other must not keep all others from their turn.
      Effect.tap(Effect.yieldNow)
    )
})
