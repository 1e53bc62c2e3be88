import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as Network from "../../../src/domain/Network.ts"
import * as Binary from "../../../src/domain/p2p/Binary.ts"
import * as BinaryBytes from "../../../src/domain/p2p/BinaryBytes.ts"
import * as SealedFile from "../../../src/domain/p2p/SealedFile.ts"
import * as Legacy from "../../utils/legacy.ts"

const file = SealedFile.make({
  mark: "FLWTESTS",
  version: 3,
  what: "file of a test",
  body: Binary.struct({ text: BinaryBytes.varString(10) })
})

const options = { network: Network.regtest, hash256: Legacy.hash256 }

const whole = file.encode({ text: "abc" }, options)

const fault = (bytes: Uint8Array, network = Network.regtest): SealedFile.BadFile =>
  Result.getOrThrow(Result.flip(file.decode(bytes, { ...options, network })))

describe("a sealed file", () => {
  it("reads as it was written", () => {
    assert.deepStrictEqual(Result.getOrThrow(file.decode(whole, options)), { text: "abc" })
    assert.strictEqual(whole.length, SealedFile.bodyOffset + 4 + 32)
  })

  it("notices each byte that changes, is missing, or is too much", () => {
    for (let at = 0; at < whole.length; at++) {
      const changed = whole.slice()
      changed[at]! ^= 1
      assert.isTrue(Result.isFailure(file.decode(changed, options)), `byte ${at}`)
      assert.isTrue(Result.isFailure(file.decode(whole.subarray(0, at), options)), `${at} bytes`)
    }
    assert.strictEqual(fault(Uint8Array.of(...whole, 0)).problem, "Damaged")
  })

  it("says what is wrong, and where", () => {
    assert.strictEqual(fault(new TextEncoder().encode("#!/bin/sh")).message, "it is no file of a test (byte 0)")
    assert.strictEqual(fault(new Uint8Array(0)).message, "it ends too early (byte 0)")
    assert.strictEqual(fault(whole, Network.mainnet).message, "it is of regtest, not of mainnet (byte 12)")
    const version = whole.slice()
    version[8] = 9
    assert.strictEqual(fault(version).message, "it has version 9, not 3 (byte 8)")
    const content = whole.slice()
    content[SealedFile.bodyOffset + 1]! ^= 1
    assert.deepInclude(fault(content), { problem: "Damaged", offset: whole.length - 32 })
    const length = whole.slice()
    length[SealedFile.bodyOffset] = 200
    assert.deepInclude(fault(length), { problem: "Damaged", offset: SealedFile.bodyOffset })
  })
})
