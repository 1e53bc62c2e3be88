import { assert } from "@effect/vitest"
import { Effect, Layer, Option, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as ChainParams from "../../src/domain/p2p/ChainParams.ts"
import * as HashHex from "../../src/domain/p2p/HashHex.ts"
import type * as HeadersRefused from "../../src/domain/p2p/HeadersRefused.ts"
import * as NodeHash256 from "../../src/layers/NodeHash256.ts"
import * as HeaderChain from "../../src/services/p2p/HeaderChain.ts"
import type { MinedChain } from "./minedChain.ts"

/** Later than all blocks of the tests, in seconds since 1970. */
export const late = 2_000_000_000

/** A chain in memory, with the clock set late. */
export const layer = (options: Partial<HeaderChain.MemoryOptions> = {}) =>
  HeaderChain.layerMemory({ params: ChainParams.regtest, ...options }).pipe(
    Layer.provide(NodeHash256.layer),
    Layer.provideMerge(Layer.effectDiscard(TestClock.setTime(late * 1000)))
  )

/** Like regtest, but a fast chain becomes harder: every fourth block has a new target. */
export const adjusting: ChainParams.ChainParams = {
  ...ChainParams.regtest,
  difficulty: {
    _tag: "Adjusting",
    limit: (1n << 255n) - 1n,
    spacing: 600,
    interval: 4,
    easyAfter: undefined,
    emergencyFrom: 1_000_000,
    averageFrom: 1_000_000,
    asert: { halfLife: 3600, anchor: { _tag: "Block", height: 1_000_000, bits: 0x207f_ffff, parentTime: 0 } }
  }
}

/** The chain is exactly that one, however it is asked. */
export const expectChain = Effect.fnUntraced(function*(expected: MinedChain) {
  const chain = yield* HeaderChain.HeaderChain
  const { hash, height, time, work } = yield* chain.tip
  assert.strictEqual(HashHex.format(hash), HashHex.format(expected.hash))
  assert.strictEqual(height, expected.height)
  assert.strictEqual(time, expected.time(expected.height))
  assert.strictEqual(work, expected.work)
  assert.deepStrictEqual(yield* chain.headers(0, expected.height + 1), expected.packed(0))
  for (let i = 0; i <= expected.height; i++) {
    assert.deepStrictEqual(yield* chain.hashAt(i), Option.some(expected.hashes[i]!))
    assert.deepStrictEqual(yield* chain.heightOf(expected.hashes[i]!), Option.some(i))
  }
})

/** Why a batch is refused. */
export const refusal = (headers: Uint8Array): Effect.Effect<HeadersRefused.Reason, never, HeaderChain.HeaderChain> =>
  Effect.gen(function*() {
    const chain = yield* HeaderChain.HeaderChain
    const error = yield* Effect.flip(chain.accept(headers))
    if (error._tag === "HeadersRefused") return error.reason
    return assert.fail(error.message)
  }).pipe(Effect.orDie)

/** Takes the next `count` events; `None` for one that has not come. */
export const nextEvent = (subscription: HeaderChain.Subscription) =>
  Effect.map(Stream.runHead(subscription.events), Option.getOrThrow)
