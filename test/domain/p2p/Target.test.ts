import { assert, describe, it } from "@effect/vitest"
import * as HashHex from "../../../src/domain/p2p/HashHex.ts"
import * as Target from "../../../src/domain/p2p/Target.ts"
import * as Legacy from "../../utils/legacy.ts"

const numberOf = (hash: Uint8Array): bigint => BigInt(`0x${HashHex.format(hash)}`)

const hashOf = (number: bigint): Uint8Array => HashHex.parseUnsafe(number.toString(16).padStart(64, "0"))

describe("Target", () => {
  it("reads and writes the compact form", () => {
    const pairs: ReadonlyArray<readonly [number, bigint]> = [
      [0x1d00_ffff, 0xffffn << 208n],
      [0x207f_ffff, 0x7fffffn << 232n],
      [0x1b04_04cb, 0x0404cbn << 192n],
      [0x1804_dafe, 0x04dafen << 168n],
      [0x0101_0000, 1n],
      [0x0200_8000, 0x80n],
      [0x0212_3400, 0x1234n],
      [0x0312_3456, 0x123456n],
      [0x0412_3456, 0x12345600n],
      [0x2200_00ff, 0xffn << 248n],
      [0x2100_ffff, 0xffffn << 240n]
    ]
    for (const [bits, target] of pairs) {
      assert.strictEqual(Target.fromBits(bits), target, bits.toString(16))
      assert.strictEqual(Target.toBits(target), bits === 0x2200_00ff ? 0x2100_ff00 : bits, bits.toString(16))
    }
    assert.strictEqual(Target.toBits(0n), 0)
    assert.strictEqual(Target.toBits((1n << 256n) - 1n), 0x2100_ffff)
    assert.strictEqual(Target.toBits((1n << 224n) - 1n), 0x1d00_ffff)
    assert.strictEqual(Target.toBits(0x80n), 0x0200_8000)
    assert.strictEqual(Target.toBits(0x7fn), 0x017f_0000)
    // Digits without room are cut off.
    assert.strictEqual(Target.toBits(0x12345678n), 0x0412_3456)
  })

  it("knows what is no target", () => {
    const none = [
      0x0000_0000, // zero
      0x0012_3456, // the mantissa is shifted out
      0x1d00_0000, // a mantissa of zero
      0x1d80_0000, // a negative zero
      0x1d80_ffff, // negative
      0x217f_ffff, // over 256 bits
      0x2201_0000,
      0x2300_0100,
      0xff12_3456,
      0xff7f_ffff
    ]
    for (const bits of none) {
      assert.isUndefined(Target.fromBits(bits), bits.toString(16))
      assert.isFalse(Target.isMet(HashHex.zero, bits), bits.toString(16))
      assert.strictEqual(Target.work(bits), 0n)
    }
  })

  it("says how much work a target stands for", () => {
    assert.strictEqual(Target.work(0x1d00_ffff), 0x1_0001_0001n)
    assert.strictEqual(Target.work(0x207f_ffff), 2n)
    assert.strictEqual(Target.work(0x0101_0000), 1n << 255n)
  })

  it("compares a hash with a target as numbers do", () => {
    const seed = 20_09
    const random = Legacy.makeRandom(seed)
    const check = (bits: number, hash: Uint8Array) => {
      const target = Target.fromBits(bits)
      const expected = target !== undefined && numberOf(hash) <= target
      assert.strictEqual(
        Target.isMet(hash, bits),
        expected,
        `${bits.toString(16)} ${HashHex.format(hash)}, seed ${seed}`
      )
    }
    const largest = (1n << 256n) - 1n
    for (let i = 0; i < 20_000; i++) {
      const bits = ((random.below(0x24) << 24) | random.below(0x100_0000)) >>> 0
      check(bits, random.bytes(32))
      const target = Target.fromBits(bits)
      if (target === undefined) continue
      for (const number of [target, target - 1n, target + 1n, target >> 1n, target << 1n]) {
        if (number <= largest) check(bits, hashOf(number))
      }
    }
  })

  it("writes what it has read, in the one form that keeps most digits", () => {
    const seed = 77
    const random = Legacy.makeRandom(seed)
    for (let i = 0; i < 5000; i++) {
      const target = numberOf(random.bytes(32)) >> BigInt(random.below(256))
      const bits = Target.toBits(target)
      const read = Target.fromBits(bits) ?? 0n
      assert.isTrue(read <= target && (target - read) < (target >> 14n) + 1n, `seed ${seed}: ${target}`)
      assert.strictEqual(Target.toBits(read), bits)
    }
  })
})
