import { assert, describe, it } from "@effect/vitest"
import * as Share from "../../src/internal/serving/share.ts"
import * as NetworkConfig from "../../src/services/NetworkConfig.ts"

describe("the settings of a serving thread", () => {
  it("give it an equal part of the memory, and all of the rest", () => {
    const { maxBytesInFlight, ...rest } = Share.of(NetworkConfig.defaults, 3)
    assert.strictEqual(maxBytesInFlight, 85_333_334)
    assert.deepStrictEqual({ ...rest, maxBytesInFlight: 256_000_000 }, NetworkConfig.defaults)
    assert.strictEqual(Share.of({ ...NetworkConfig.defaults, maxBytesInFlight: 1 }, 8).maxBytesInFlight, 1)
  })
})
