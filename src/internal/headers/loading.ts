/**
 * Reads stored and bundled headers into a chain, and checks every one of them.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as BlockHeader from "../../domain/p2p/BlockHeader.ts"
import * as HashHex from "../../domain/p2p/HashHex.ts"
import * as HeaderRules from "../../domain/p2p/HeaderRules.ts"
import type * as HeadersRefused from "../../domain/p2p/HeadersRefused.ts"
import type * as HeaderStore from "../../services/p2p/HeaderStore.ts"
import * as HeaderStoreError from "../../services/p2p/HeaderStoreError.ts"
import type * as StoredChain from "./storedChain.ts"

/** How many are read and checked before others get a turn: some 10 ms. */
const chunkHeaders = 4096

const { size } = BlockHeader

/** The clock of the machine may have been set back since they were taken. */
const now = Infinity

/**
 * Loads what is stored into a chain that has nothing but its genesis block. `false`: there is nothing.
 *
 * @internal
 */
export const loadStored = Effect.fnUntraced(function*(
  source: HeaderStore.Source,
  chain: StoredChain.StoredChain,
  rules: Omit<HeaderRules.Options, "now">
) {
  const start = yield* source.read(0, 1)
  if (start.length < size && isStartOf(start, chain.bytes(0))) return false
  if (!HashHex.equals(start, chain.bytes(0))) return yield* foreign(source, "it does not begin with the genesis block")
  while (true) {
    const index = chain.height + 1
    const packed = yield* source.read(index, chunkHeaders)
    // A part of a header at the end is what is left of a write that was cut off.
    const headers = packed.subarray(0, packed.length - packed.length % size)
    const checked = HeaderRules.check(chain, headers, { ...rules, now })
    if (Result.isFailure(checked)) return yield* corrupt(source, index + checked.failure.index, checked.failure)
    chain.append(headers, checked.success.hashes)
    if (packed.length < chunkHeaders * size) return true
    yield* Effect.yieldNow
  }
})

const isStartOf = (start: Uint8Array, whole: Uint8Array): boolean =>
  HashHex.equals(start, whole.subarray(0, start.length))

/**
 * Gives all headers of a source to `accept`, which takes any number of packed headers.
 *
 * @internal
 */
export const loadBundled = Effect.fnUntraced(function*(
  source: HeaderStore.Source,
  accept: (
    headers: Uint8Array,
    now: number
  ) => Effect.Effect<unknown, HeadersRefused.HeadersRefused | HeaderStoreError.HeaderStoreError>
) {
  for (let index = 0;; index += chunkHeaders) {
    const packed = yield* source.read(index, chunkHeaders)
    yield* Effect.catchTag(
      accept(packed, now),
      "HeadersRefused",
      ({ reason }) => {
        if (index === 0 && reason._tag === "UnknownParent") return foreign(source, reason.message)
        return corrupt(source, index + (reason._tag === "HeaderError" ? reason.index : 0), reason)
      }
    )
    if (packed.length < chunkHeaders * size) return
    yield* Effect.yieldNow
  }
})

const foreign = (source: HeaderStore.Source, problem: string) =>
  Effect.fail(
    new HeaderStoreError.HeaderStoreError({
      reason: new HeaderStoreError.ForeignFile({ path: source.name, problem })
    })
  )

const corrupt = (source: HeaderStore.Source, index: number, { message }: Error) =>
  Effect.fail(
    new HeaderStoreError.HeaderStoreError({
      reason: new HeaderStoreError.CorruptFile({ path: source.name, offset: index * size, problem: message })
    })
  )
