import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import * as CompactInt from "../../src/domain/CompactInt.ts"

/** The encoding as the wire format words it, in bigints throughout. */
const encode = (n: bigint): Array<number> => {
  const groups = [Number(n & 0x7fn)]
  let rest = n
  while (rest > 0x7fn) {
    rest = (rest >> 7n) - 1n
    groups.unshift(Number(rest & 0x7fn) | 0x80)
  }
  return groups
}

const narrow = (n: bigint): number | bigint => (n <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(n) : n)

const hex = (bytes: ArrayLike<number>): string => Buffer.from(Array.from(bytes)).toString("hex")

const written = (n: number | bigint): string => {
  const buffer = new Uint8Array(CompactInt.maxSize)
  return hex(buffer.subarray(0, CompactInt.write(buffer, 0, n)))
}

const readHex = (text: string): number | bigint => {
  const bytes = Buffer.from(text, "hex")
  return CompactInt.read(bytes, 0, bytes.length)
}

const check = (n: bigint): void => {
  const expected = encode(n)
  const value = narrow(n)
  for (const form of typeof value === "number" ? [value, n] : [value]) {
    assert.strictEqual(CompactInt.size(form), expected.length, `size of ${n}`)
    const buffer = new Uint8Array(14).fill(0x55)
    assert.strictEqual(CompactInt.write(buffer, 2, form), 2 + expected.length, `end of ${n}`)
    assert.strictEqual(
      hex(buffer),
      hex([0x55, 0x55, ...expected, ...Array.from({ length: 12 - expected.length }, () => 0x55)])
    )
  }
  const bytes = Uint8Array.from([0xff, ...expected, 0xff])
  assert.strictEqual(CompactInt.read(bytes, 1, bytes.length), value, `${n} back`)
  for (let end = 1; end < 1 + expected.length; end++) {
    assert.strictEqual(CompactInt.read(bytes, 1, end), CompactInt.truncated, `${n} cut to ${end - 1} bytes`)
  }
}

// Small, middle and large numbers alike: first how many bits, then which.
const anyUint64 = Arbitrary.all([
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 64 }))),
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 0xffff_ffff }))),
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 0xffff_ffff })))
]).pipe(Arbitrary.map(([bits, high, low]) => BigInt.asUintN(bits, (BigInt(high) << 32n) | BigInt(low))))

describe("CompactInt", () => {
  it("writes the examples of the wire format", () => {
    assert.strictEqual(written(0), "00")
    assert.strictEqual(written(127), "7f")
    assert.strictEqual(written(128), "8000")
    assert.strictEqual(written(6512), "b170")
    assert.strictEqual(written(16511), "ff7f")
    assert.strictEqual(written(16512), "808000")
    assert.strictEqual(written(CompactInt.maxValue), hex(encode(CompactInt.maxValue)))
    assert.strictEqual(CompactInt.size(CompactInt.maxValue), CompactInt.maxSize)
  })

  it("is exact around every change of length, every power of two and every limit", () => {
    let threshold = 0n
    for (let length = 1; length < 10; length++) {
      threshold += 128n ** BigInt(length)
      for (let d = -2n; d <= 2n; d++) check(threshold + d)
    }
    for (let bits = 0n; bits <= 64n; bits++) {
      for (let d = -2n; d <= 2n; d++) {
        const n = (1n << bits) + d
        if (n >= 0n && n <= CompactInt.maxValue) check(n)
      }
    }
  })

  it.prop("agrees with the definition for any 64-bit integer", [anyUint64], ([n]) => check(n), {
    arbitrary: { runs: 2000 }
  })

  it("changes from numbers to bigints above 2^53-1", () => {
    assert.strictEqual(readHex(written(2n ** 53n - 1n)), 2 ** 53 - 1)
    assert.strictEqual(readHex(written(2n ** 53n)), 2n ** 53n)
    assert.strictEqual(readHex(written(2n ** 53n + 1n)), 2n ** 53n + 1n)
  })

  it("has no encoding for what is not a whole number from 0 to 2^64-1", () => {
    const values = [-1, 0.5, 1.5, 127.5, 2 ** 40 + 0.5, NaN, Infinity, -Infinity, 2 ** 53, -1n, 2n ** 64n, -(2n ** 70n)]
    for (const n of values) {
      assert.strictEqual(CompactInt.size(n), 0, `size of ${n}`)
      const buffer = new Uint8Array(12).fill(0x55)
      assert.strictEqual(CompactInt.write(buffer, 1, n), 1, `end of ${n}`)
      assert.isTrue(buffer.every((byte) => byte === 0x55), `bytes of ${n}`)
    }
  })

  it("writes -0 as 0", () => {
    assert.strictEqual(CompactInt.size(-0), 1)
    assert.strictEqual(written(-0), "00")
  })

  it("rejects integers beyond 2^64-1", () => {
    assert.strictEqual(readHex(hex(encode(2n ** 64n - 1n))), 2n ** 64n - 1n)
    assert.strictEqual(readHex(hex(encode(2n ** 64n))), CompactInt.overflow)
    assert.strictEqual(readHex("ff".repeat(9) + "7f"), CompactInt.overflow)
  })

  it("rejects integers without an end within ten bytes", () => {
    assert.strictEqual(readHex("80".repeat(10)), CompactInt.overflow)
    assert.strictEqual(readHex("ff".repeat(10) + "00"), CompactInt.overflow)
    assert.strictEqual(readHex("ff".repeat(100_000)), CompactInt.overflow)
  })

  it("tells an integer that is cut off from one that is too large", () => {
    assert.strictEqual(readHex(""), CompactInt.truncated)
    for (let length = 1; length < 10; length++) {
      assert.strictEqual(readHex("ff".repeat(length)), CompactInt.truncated)
    }
  })
})
