import { assert, describe, it } from "@effect/vitest"
import * as Locator from "../../../src/domain/p2p/Locator.ts"

describe("Locator", () => {
  it("names the tip and blocks further and further below it", () => {
    assert.deepStrictEqual(
      Locator.heights(2726),
      [2726, 2723, 2706, 2666, 2626, 2526, 2326, 2126, 1926, 1726]
    )
    assert.deepStrictEqual(Locator.heights(1000), [1000, 997, 980, 940, 900, 800, 600, 400, 200, 0])
  })

  it("ends with the chain", () => {
    assert.deepStrictEqual(Locator.heights(0), [0])
    assert.deepStrictEqual(Locator.heights(2), [2])
    assert.deepStrictEqual(Locator.heights(3), [3, 0])
    assert.deepStrictEqual(Locator.heights(111), [111, 108, 91, 51, 11])
  })

  it("looks the hashes up", () => {
    assert.deepStrictEqual(Locator.make(21, (height) => Uint8Array.of(height)), [
      Uint8Array.of(21),
      Uint8Array.of(18),
      Uint8Array.of(1)
    ])
  })
})
