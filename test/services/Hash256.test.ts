import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as NodeHash256 from "../../src/layers/NodeHash256.ts"
import * as Hash256 from "../../src/services/Hash256.ts"
import * as Legacy from "../utils/legacy.ts"

/** Double SHA-256 of well known inputs; the last is the header of the first block of mainnet. */
const golden: ReadonlyArray<readonly [input: string, hash: string]> = [
  ["", "5df6e0e2761359d30a8275058e299fcc0381534545f55cf43e41983f5d4c9456"],
  [Legacy.toHex(new TextEncoder().encode("hello")), "9595c9df90075148eb06860365df33584b75bff782a510c6cd4883a419833d50"],
  [
    "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3" +
    "888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c",
    "6fe28c0ab6f1b372c1a6a246ae63f74f931e8365e15a089c68d6190000000000"
  ]
]

describe.each([
  ["Hash256.layer", Hash256.layer],
  ["NodeHash256.layer", NodeHash256.layer]
])("%s", (_, layer) => {
  it.layer(layer)("", (it) => {
    it.effect("hashes", () =>
      Effect.gen(function*() {
        const { hash256 } = yield* Hash256.Hash256
        for (const [input, hash] of golden) assert.strictEqual(Legacy.toHex(hash256(Legacy.fromHex(input))), hash)
        for (const length of [1, 55, 56, 63, 64, 65, 1000, 1_000_000]) {
          const bytes = new Uint8Array(length).fill(length)
          assert.strictEqual(Legacy.toHex(hash256(bytes)), Legacy.toHex(Legacy.hash256(bytes)), `${length} bytes`)
        }
      }))

    it.effect("hashes what a view shows, and gives new memory each time", () =>
      Effect.gen(function*() {
        const { hash256 } = yield* Hash256.Hash256
        const input = Uint8Array.of(9, 1, 2, 3, 9).subarray(1, 4)
        const first = hash256(input)
        const kept = Legacy.toHex(first)
        assert.strictEqual(kept, Legacy.toHex(Legacy.hash256(Uint8Array.of(1, 2, 3))))
        hash256(Uint8Array.of(4))
        assert.strictEqual(Legacy.toHex(first), kept)
        assert.strictEqual(first.length, first.buffer.byteLength)
        assert.deepStrictEqual(input, Uint8Array.of(1, 2, 3))
      }))
  })
})
