/**
 * Whether the blocks that a wallet has looked at in another run are still in the chain.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as HashHex from "../../../domain/p2p/HashHex.ts"
import type * as HeaderChain from "../../../services/p2p/HeaderChain.ts"
import type * as Ledger from "./ledger.ts"
import type * as Trail from "./trail.ts"

/**
 * What the chain says.
 *
 * - `Aligned`: they are.
 * - `TooEarly`: the chain is not that long yet, and as far as it is, they are.
 * - `Forked`: those above `height` are not.
 * @internal
 */
export type Alignment =
  | { readonly _tag: "Aligned" }
  | { readonly _tag: "TooEarly" }
  | { readonly _tag: "Forked"; readonly height: number }

/** @internal */
export const find = Effect.fnUntraced(function*(
  chain: HeaderChain.HeaderChain["Service"],
  trail: Trail.Trail,
  ledger: Ledger.Ledger
): Effect.fn.Return<Alignment> {
  const isInChain = (height: number, hash: Uint8Array) =>
    Effect.map(chain.hashAt(height), Option.exists((found) => HashHex.equals(found, hash)))

  const { height: tip } = yield* chain.tip
  let fork = Number.POSITIVE_INFINITY
  for (const { blockHash, height } of ledger.matches) {
    if (height < fork && height <= tip && !(yield* isInChain(height, blockHash))) fork = height - 1
  }
  const reached = trail.steps.filter(({ height }) => height <= tip)
  for (const { hash, height } of reached.toReversed()) {
    if (yield* isInChain(height, hash)) break
    fork = Math.min(fork, height - 1)
  }
  if (fork < Number.POSITIVE_INFINITY) return { _tag: "Forked", height: fork }
  const last = [...ledger.matches, ...trail.steps.slice(-1)].reduce(
    (highest, { height }) => Math.max(highest, height),
    -1
  )
  return { _tag: last > tip ? "TooEarly" : "Aligned" }
})
