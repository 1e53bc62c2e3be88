import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as Binary from "../../../src/domain/p2p/Binary.ts"
import * as BinaryNumber from "../../../src/domain/p2p/BinaryNumber.ts"
import * as Legacy from "../../utils/legacy.ts"

const { fromHex, toHex } = Legacy

const fixed = {
  uint8: { of: BinaryNumber.uint8, samples: [[0, "00"], [255, "ff"]], wrong: [-1, 256, 0.5, NaN, Infinity] },
  uint16: { of: BinaryNumber.uint16, samples: [[0x0102, "0201"], [65_535, "ffff"]], wrong: [-1, 65_536, 1.5] },
  uint16BigEndian: {
    of: BinaryNumber.uint16BigEndian,
    samples: [[0x0102, "0102"], [65_535, "ffff"]],
    wrong: [-1, 65_536]
  },
  uint32: {
    of: BinaryNumber.uint32,
    samples: [[0x0102_0304, "04030201"], [0xffff_ffff, "ffffffff"], [0x8000_0000, "00000080"]],
    wrong: [-1, 2 ** 32, 0.1]
  },
  int32: {
    of: BinaryNumber.int32,
    samples: [[-1, "ffffffff"], [-0x8000_0000, "00000080"], [0x7fff_ffff, "ffffff7f"], [5, "05000000"]],
    wrong: [0x8000_0000, -0x8000_0001, -0.5]
  }
} as const

const wide = {
  uint64: {
    of: BinaryNumber.uint64,
    samples: [[0n, "0000000000000000"], [0x0102_0304_0506_0708n, "0807060504030201"], [
      2n ** 64n - 1n,
      "ffffffffffffffff"
    ]],
    wrong: [-1n, 2n ** 64n]
  },
  int64: {
    of: BinaryNumber.int64,
    samples: [
      [-1n, "ffffffffffffffff"],
      [-(2n ** 63n), "0000000000000080"],
      [2n ** 63n - 1n, "ffffffffffffff7f"],
      [-2n, "feffffffffffffff"]
    ],
    wrong: [2n ** 63n, -(2n ** 63n) - 1n]
  }
} as const

const check = <A>(
  of: Binary.Fixed<A>,
  samples: ReadonlyArray<readonly [A, string]>,
  wrong: ReadonlyArray<A>
): void => {
  for (const [value, hex] of samples) {
    assert.strictEqual(toHex(Result.getOrThrow(Binary.encode(of, value))), hex)
    assert.strictEqual(Result.getOrThrow(Binary.decode(of, fromHex(hex))), value)
    assert.strictEqual(of.readAt(fromHex(`aabb${hex}`), 2), value)
    assert.isTrue(Result.isFailure(Binary.decode(of, fromHex(hex.slice(2)))))
    assert.strictEqual(of.size * 2, hex.length)
  }
  for (const value of wrong) {
    const result = Binary.encode(of, value)
    assert.isTrue(Result.isFailure(result) && result.failure.reason._tag === "OutOfRange", String(value))
  }
}

describe("BinaryNumber", () => {
  it.each(Object.entries(fixed))("%s", (_, { of, samples, wrong }) => check(of, samples, wrong))

  it.each(Object.entries(wide))("%s", (_, { of, samples, wrong }) => check(of, samples, wrong))

  it("flag", () => {
    check(BinaryNumber.flag, [[false, "00"], [true, "01"]], [])
    assert.isTrue(Result.getOrThrow(Binary.decode(BinaryNumber.flag, Uint8Array.of(2))))
  })

  it("compactSize", () => {
    const samples: ReadonlyArray<readonly [number, string]> = [
      [0, "00"],
      [252, "fc"],
      [253, "fdfd00"],
      [0xffff, "fdffff"],
      [0x1_0000, "fe00000100"],
      [0xffff_ffff, "feffffffff"],
      [0x1_0000_0000, "ff0000000001000000"],
      [Number.MAX_SAFE_INTEGER, "ffffffffffffff1f00"]
    ]
    for (const [value, hex] of samples) {
      assert.strictEqual(toHex(Result.getOrThrow(Binary.encode(BinaryNumber.compactSize, value))), hex)
      assert.strictEqual(Result.getOrThrow(Binary.decode(BinaryNumber.compactSize, fromHex(hex))), value)
      for (let end = 0; end < hex.length; end += 2) {
        assert.isTrue(Result.isFailure(Binary.decode(BinaryNumber.compactSize, fromHex(hex.slice(0, end)))))
      }
    }
    const reasonOf = (hex: string) => {
      const result = Binary.decode(BinaryNumber.compactSize, fromHex(hex))
      return Result.isFailure(result) ? result.failure.reason._tag : "none"
    }
    for (const hex of ["fdfc00", "feffff0000", "ffffffffff00000000", "fd0000", "fe00000000", "ff0000000000000000"]) {
      assert.strictEqual(reasonOf(hex), "NotCanonical", hex)
    }
    assert.strictEqual(reasonOf("ff00000000000020ff"), "OutOfRange")
    assert.strictEqual(reasonOf("ffffffffffffffffff"), "OutOfRange")
    for (const value of [-1, 1.5, 2 ** 53, NaN]) {
      assert.isTrue(Result.isFailure(Binary.encode(BinaryNumber.compactSize, value)))
    }
  })

  it("atMost", () => {
    const few = BinaryNumber.atMost(BinaryNumber.uint32, 50)
    check({ ...few, size: 4, readAt: BinaryNumber.uint32.readAt }, [[50, "32000000"]], [51, -1])
    const result = Binary.decode(few, fromHex("33000000"))
    assert.isTrue(Result.isFailure(result) && result.failure.reason._tag === "OutOfRange")
  })
})
