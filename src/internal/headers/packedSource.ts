/**
 * Packed headers in memory, read as if they were in a file.
 */
import * as Effect from "effect/Effect"
import * as BlockHeader from "../../domain/p2p/BlockHeader.ts"
import type * as HeaderStore from "../../services/p2p/HeaderStore.ts"

/** @internal */
export const make = (name: string, packed: Uint8Array): HeaderStore.Source => ({
  name,
  read: (index, count) =>
    Effect.sync(() => packed.subarray(index * BlockHeader.size, (index + count) * BlockHeader.size))
})
