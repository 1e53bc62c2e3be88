/**
 * Checks that the bytes of a block are what its header commits to, in steps that leave others their turn.
 */
import * as Effect from "effect/Effect"
import type * as BinaryError from "../../domain/p2p/BinaryError.ts"
import * as BlockBytes from "../../domain/p2p/BlockBytes.ts"
import type * as BlockHeader from "../../domain/p2p/BlockHeader.ts"
import * as InPieces from "../inPieces.ts"

/** @internal */
export interface Checked extends BlockBytes.Parts {
  readonly txids: ReadonlyArray<Uint8Array>
}

/** Some milliseconds of hashing at most, but for transactions that are large themselves. */
const bytesAtOnce = 1_000_000
/** A hash of next to nothing takes as long as one of so many bytes more. */
const costOfHash = 250

/** @internal */
export const check = Effect.fnUntraced(function*(
  bytes: Uint8Array,
  hash256: BlockHeader.Hash256
): Effect.fn.Return<Checked, BinaryError.BinaryDecodeError | BlockBytes.ForgedBlock> {
  const parts = yield* Effect.flatMap(InPieces.run(() => BlockBytes.splitInPieces(bytes)), Effect.fromResult)
  const txids: Array<Uint8Array> = []
  let hashed = 0
  for (const transaction of parts.transactions) {
    txids.push(hash256(transaction))
    hashed += transaction.length + costOfHash
    if (hashed < bytesAtOnce) continue
    hashed = 0
    yield* Effect.yieldNow
  }
  const forged = yield* InPieces.run(() => BlockBytes.forgeryInPieces(parts, txids, hash256))
  return forged === undefined ? { ...parts, txids } : yield* forged
})
