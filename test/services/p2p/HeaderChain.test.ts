import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { TestClock } from "effect/testing"
import * as ChainParams from "effect-flowee/ChainParams"
import * as HashHex from "effect-flowee/HashHex"
import * as HeaderChain from "effect-flowee/HeaderChain"
import * as NodeHash256 from "effect-flowee/NodeHash256"
import * as Headers from "../../utils/headerChain.ts"

describe("recorded", () => {
  it.effect("regtest", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime((1795330593 - 7200) * 1000)
      const chain = yield* HeaderChain.HeaderChain
      const packed = Headers.load("regtest-headers")
      yield* chain.accept(packed.subarray(0, 2000 * 80))
      const outcome = yield* chain.accept(packed.subarray(2000 * 80))
      assert.strictEqual(outcome._tag, "Accepted")
      const tip = yield* chain.tip
      assert.strictEqual(tip.height, 2726)
      assert.strictEqual(HashHex.format(tip.hash), "33da67fbedda465a045315dd1d6a3d59fbb1e3a1ef6d07d77d5cd9d4cbd92524")
    }).pipe(
      Effect.provide(HeaderChain.layerMemory({ params: ChainParams.regtest })),
      Effect.provide(NodeHash256.layer)
    ))
  it.effect("mainnet", () =>
    Effect.gen(function*() {
      const chain = yield* HeaderChain.HeaderChain
      assert.strictEqual((yield* chain.tip).height, 111)
      assert.strictEqual(yield* chain.heightAtTime(1231646080), 81)
      assert.strictEqual(yield* chain.heightAtTime(1231662000), 102)
      assert.strictEqual(yield* chain.heightAtTime(1800000000), 112)
      assert.deepStrictEqual(yield* chain.heightOf(Option.getOrThrow(yield* chain.hashAt(50))), Option.some(50))
    }).pipe(
      Effect.provide(HeaderChain.layerMemory({
        params: ChainParams.mainnet,
        bundled: ["mainnet-headers-0-99", "mainnet-headers-91-104", "mainnet-headers-100-111"].map(Headers.load)
      })),
      Effect.provide(NodeHash256.layer)
    ))
})
