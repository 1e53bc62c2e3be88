import { assert, describe, it } from "@effect/vitest"
import * as Murmur3 from "../../../src/domain/p2p/Murmur3.ts"
import * as Legacy from "../../utils/legacy.ts"

describe("Murmur3", () => {
  it("gives the published hashes", () => {
    const known: ReadonlyArray<readonly [hash: number, seed: number, hex: string]> = [
      [0x0000_0000, 0x0000_0000, ""],
      [0x6a39_6f08, 0xfba4_c795, ""],
      [0x81f1_6f39, 0xffff_ffff, ""],
      [0x514e_28b7, 0x0000_0000, "00"],
      [0xea3f_0b17, 0xfba4_c795, "00"],
      [0xfd6c_f10d, 0x0000_0000, "ff"],
      [0x16c6_b7ab, 0x0000_0000, "0011"],
      [0x8eb5_1c3d, 0x0000_0000, "001122"],
      [0xb447_1bf8, 0x0000_0000, "00112233"],
      [0xe230_1fa8, 0x0000_0000, "0011223344"],
      [0xfc2e_4a15, 0x0000_0000, "001122334455"],
      [0xb074_502c, 0x0000_0000, "00112233445566"],
      [0x8034_d2a0, 0x0000_0000, "0011223344556677"],
      [0xb469_8def, 0x0000_0000, "001122334455667788"]
    ]
    for (const [hash, seed, hex] of known) {
      assert.strictEqual(Murmur3.hash(Legacy.fromHex(hex), seed).toString(16), hash.toString(16), `${hex} ${seed}`)
    }
  })
})
