/**
 * Answers from the best chain, in memory of their own.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as BlockHeader from "../../domain/p2p/BlockHeader.ts"
import * as Locator from "../../domain/p2p/Locator.ts"
import * as P2PMessage from "../../domain/p2p/P2PMessage.ts"
import type * as HeaderChain from "../../services/p2p/HeaderChain.ts"
import type * as HeaderTree from "./headerTree.ts"
import * as Tips from "./tips.ts"

const headersAfter = (
  { chain }: HeaderTree.HeaderTree,
  { locator, maximum, stop }: HeaderChain.Request
): Uint8Array => {
  const last = stop === undefined ? undefined : chain.heightOf(stop)
  if (locator.length === 0) return last === undefined ? new Uint8Array(0) : chain.copy(last, 1)
  const known = firstDefined(locator, (hash) => chain.heightOf(hash)) ?? 0
  const end = last === undefined || last <= known ? chain.height : last
  const count = Math.min(end - known, P2PMessage.maxHeaders, Math.max(1, Math.floor(maximum ?? P2PMessage.maxHeaders)))
  return chain.copy(known + 1, count)
}

const firstDefined = <A, B>(values: ReadonlyArray<A>, f: (value: A) => B | undefined): B | undefined => {
  for (const value of values) {
    const found = f(value)
    if (found !== undefined) return found
  }
  return undefined
}

/** Up to `count` headers, as far as there are any. */
const copyWithin = ({ chain }: HeaderTree.HeaderTree, height: number, count: number): Uint8Array => {
  const from = Math.max(0, Math.ceil(height))
  const found = Math.min(Math.floor(count), chain.height + 1 - from)
  return found > 0 ? chain.copy(from, found) : new Uint8Array(0)
}

/** @internal */
export const make = (tree: HeaderTree.HeaderTree) => {
  const { chain } = tree
  const lookUp = <A>(height: number, f: (height: number) => A) =>
    Effect.sync(() =>
      Number.isInteger(height) && height >= 0 && height <= chain.height ? Option.some(f(height)) : Option.none()
    )
  return {
    tip: Effect.sync(() => Tips.ofChain(chain)),
    headerAt: (height: number) =>
      lookUp(height, (height) => Result.getOrThrow(BlockHeader.decode(chain.bytes(height).slice()))),
    hashAt: (height: number) => lookUp(height, (height) => chain.hashAt(height).slice()),
    heightOf: (hash: Uint8Array) => Effect.sync(() => Option.fromUndefinedOr(chain.heightOf(hash))),
    isKnown: (hash: Uint8Array) => Effect.sync(() => tree.has(hash)),
    headers: (height: number, count: number) => Effect.sync(() => copyWithin(tree, height, count)),
    heightAtTime: (seconds: number) => Effect.sync(() => chain.firstAtTime(seconds)),
    locator: Effect.sync(() => Locator.make(chain.height, (height) => chain.hashAt(height).slice())),
    headersAfter: (request: HeaderChain.Request) => Effect.sync(() => headersAfter(tree, request)),
    isRecent: (maximumAge: Duration.Input) =>
      Effect.map(
        Clock.currentTimeMillis,
        (now) => now - chain.time(chain.height) * 1000 <= Duration.toMillis(maximumAge)
      )
  }
}
