import { assert, describe, it } from "@effect/vitest"
import * as HashHex from "../../../src/domain/p2p/HashHex.ts"
import * as Legacy from "../../utils/legacy.ts"

const genesis = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"

describe("HashHex", () => {
  it("shows hashes in the opposite order", () => {
    const wire = Legacy.fromHex("6fe28c0ab6f1b372c1a6a246ae63f74f931e8365e15a089c68d6190000000000")
    assert.strictEqual(HashHex.format(wire), genesis)
    assert.deepStrictEqual(HashHex.parse(genesis), wire)
    assert.deepStrictEqual(HashHex.parse(genesis.toUpperCase()), wire)
    assert.strictEqual(HashHex.format(HashHex.zero), "0".repeat(64))
  })

  it("refuses other text", () => {
    for (
      const text of ["", genesis.slice(1), `${genesis}0`, genesis.replace("d", "g"), ` ${genesis}`, `${genesis}\n`]
    ) {
      assert.isUndefined(HashHex.parse(text))
      assert.throws(() => HashHex.parseUnsafe(text), /is no hash/)
    }
  })

  it("compares", () => {
    const a = Uint8Array.of(1, 2, 3)
    assert.isTrue(HashHex.equals(a, Uint8Array.of(1, 2, 3)))
    assert.isFalse(HashHex.equals(a, Uint8Array.of(1, 2, 4)))
    assert.isFalse(HashHex.equals(a, Uint8Array.of(1, 2)))
  })
})
