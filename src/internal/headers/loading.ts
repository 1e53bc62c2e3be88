/**
 * Reads stored and bundled headers into a chain, and checks every one of them.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as BlockHeader from "../../domain/p2p/BlockHeader.ts"
import * as HashHex from "../../domain/p2p/HashHex.ts"
import * as HeaderRules from "../../domain/p2p/HeaderRules.ts"
import type * as HeadersRefused from "../../domain/p2p/HeadersRefused.ts"
import type * as HeaderStore from "../../services/p2p/HeaderStore.ts"
import * as HeaderStoreError from "../../services/p2p/HeaderStoreError.ts"
import * as HeaderTree from "./headerTree.ts"
import type * as StoredChain from "./storedChain.ts"

/** How many are read and checked before others get a turn: some 10 ms. */
const chunkHeaders = 2048

const { size } = BlockHeader

/** The clock of the machine may have been set back since they were taken. */
const now = Infinity

/** Fills a tree from the store, and the store with the genesis block when it has nothing. @internal */
export const loadTree = (options: HeaderTree.Options, store: HeaderStore.HeaderStore["Service"]) =>
  Effect.suspend(() => {
    const tree = new HeaderTree.HeaderTree(options)
    return Effect.flatMap(
      loadStored(store.stored, tree.chain, options),
      (isStored) => isStored ? Effect.succeed(tree) : Effect.as(store.write(0, tree.chain.copy(0, 1)), tree)
    )
  })

/** Puts away what cannot be used. @internal */
export const setAside = (store: HeaderStore.HeaderStore["Service"], error: HeaderStoreError.HeaderStoreError) =>
  Effect.flatMap(store.setAside, (place) =>
    Effect.logWarning(
      `The chain begins anew. What was stored is kept${
        Option.match(place, {
          onNone: () => "",
          onSome: (path) => ` as ${path}`
        })
      }`,
      error
    ))

/** Loads what is stored into a chain that has nothing but its genesis block. `false`: there is nothing. */
const loadStored = Effect.fnUntraced(function*(
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
    headers: Uint8Array
  ) => Effect.Effect<unknown, HeadersRefused.HeadersRefused | HeaderStoreError.HeaderStoreError>
) {
  for (let index = 0;; index += chunkHeaders) {
    const packed = yield* source.read(index, chunkHeaders)
    yield* Effect.catchTag(
      accept(packed),
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
