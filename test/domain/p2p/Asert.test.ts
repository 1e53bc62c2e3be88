import { assert, describe, it } from "@effect/vitest"
import * as Crypto from "node:crypto"
import * as Asert from "../../../src/domain/p2p/Asert.ts"
import * as Target from "../../../src/domain/p2p/Target.ts"

const limit = (1n << 224n) - 1n
const halfLife = 172_800

const next = (anchorTarget: bigint, timeDiff: number, heightDiff: number): bigint =>
  Asert.nextTarget({ anchorTarget, timeDiff, heightDiff, spacing: 600, halfLife, limit })

const bits = (anchorBits: number, timeDiff: number, heightDiff: number): number =>
  Target.toBits(next(Target.fromBits(anchorBits)!, timeDiff, heightDiff))

const show = (n: number): string => `0x${n.toString(16).padStart(8, "0")}`

/** A run of the published vectors: how it is made, and the digest of its lines "iteration height time target". */
interface Run {
  readonly about: string
  readonly anchorHeight: bigint
  readonly anchorTime: number
  readonly anchorBits: number
  readonly startHeight: bigint
  readonly startTime: number
  readonly heightStep: bigint
  readonly timeStep: number
  readonly iterations: number
  readonly digest: string
}

const steady = { anchorHeight: 1n, anchorTime: 0, startHeight: 2n, heightStep: 1n, startTime: 1200, timeStep: 600 }

const runs: ReadonlyArray<Run> = [
  {
    ...steady,
    about: "1: steady blocks at the limit",
    anchorBits: 0x1d00_ffff,
    iterations: 10,
    digest: "acdb1ecbb9bb5ecaefe12e08dfb35d4d4ff77a7fff848309e84472c6be867c9f"
  },
  {
    ...steady,
    about: "2: steady blocks at another target",
    anchorBits: 0x1a2b_3c4d,
    iterations: 10,
    digest: "a6865d5781572faf1d2ecb5d192812bdb10662d6ccce2f6c03a99480a9091a93"
  },
  {
    ...steady,
    about: "3: steady blocks at target 1",
    anchorBits: 0x0101_0000,
    iterations: 10,
    digest: "9b453a955658d4ca4100708916a5abf9bff810e04a635f908c5ea91ed5227607"
  },
  {
    ...steady,
    about: "4: from target 1, twice as high with each block",
    anchorBits: 0x0101_0000,
    startTime: 174_000,
    timeStep: 173_400,
    iterations: 225,
    digest: "3203f2eb025d42dcdd1d967f23b0a5e13a39f35df7493ce86f74cc19e164922d"
  },
  {
    ...steady,
    about: "5: from the limit, half as high with each 288 blocks in no time",
    anchorBits: 0x1d00_ffff,
    startTime: 0,
    timeStep: 0,
    heightStep: 288n,
    iterations: 225,
    digest: "86f3d5d46768a3b87050e462be63297cdb29a488720db7f3218ca8bfc01ec002"
  },
  {
    about: "9: over the largest height of 32 bits",
    anchorHeight: 2_147_483_642n,
    anchorTime: 1_234_567_290,
    anchorBits: 0x1802_aee8,
    startHeight: 2_147_483_643n,
    startTime: 1_234_568_190,
    heightStep: 1n,
    timeStep: 300,
    iterations: 10,
    digest: "7a2bc4ca29a1c027d0683c9a0d42d358011e96ab8cee256b1c6b97c2aad207ae"
  },
  {
    about: "10: over the largest height of 64 bits and the largest time of 32",
    anchorHeight: 9_223_372_036_854_775_802n,
    anchorTime: 2_147_483_047,
    anchorBits: 0x1802_aee8,
    startHeight: 9_223_372_036_854_775_803n,
    startTime: 2_147_484_547,
    heightStep: 1n,
    timeStep: 900,
    iterations: 10,
    digest: "fa110660ec9d0d7a63cab89bd90e2b90445a90561dba22712f1a55be063b2e86"
  }
]

const linesOf = (run: Run): Array<string> =>
  Array.from({ length: run.iterations }, (_, i) => {
    const height = run.startHeight + BigInt(i) * run.heightStep
    const time = run.startTime + i * run.timeStep
    const target = bits(run.anchorBits, time - run.anchorTime, Number(height - run.anchorHeight))
    return `${i + 1} ${height} ${time} ${show(target)}`
  })

describe("Asert, the published vectors", () => {
  it.each(runs)("run $about", (run) => {
    const lines = linesOf(run)
    const text = lines.map((line) => `${line}\n`).join("")
    assert.strictEqual(Crypto.createHash("sha256").update(text).digest("hex"), run.digest, lines.slice(0, 3).join("; "))
  })

  it("runs 6 to 8: lines of the runs with random times", () => {
    const lines: ReadonlyArray<readonly [height: number, time: number, target: number]> = [
      [2, 1200, 0x1802_aee8],
      [3, 1310, 0x1802_ad91],
      [4, 1327, 0x1802_abf8],
      [43, 33_013, 0x1802_c31d],
      [51, 34_841, 0x1802_bab7],
      [502, 302_957, 0x1802_b3c7],
      [1001, 589_738, 0x1802_91ad],
      [1001, 33_365, 0x1746_9789],
      [100, 333_016, 0x1808_0571],
      [501, 7_462_933, 0x1d00_ffff]
    ]
    for (const [height, time, target] of lines) {
      assert.strictEqual(show(bits(0x1802_aee8, time, height - 1)), show(target), `${height} ${time}`)
    }
  })

  it("single calculations", () => {
    const single300 = BigInt(`0x00000000ffb1${"f".repeat(52)}`)
    const funny = BigInt(`0x000000008${"0".repeat(18)}${"f".repeat(37)}`)
    const days = (count: number) => count * 144
    const calculations: ReadonlyArray<readonly [bigint, number, number, bigint, number]> = [
      [limit, 0, days(2), limit >> 1n, 0x1c7f_ffff],
      [limit, 0, days(4), limit >> 2n, 0x1c3f_ffff],
      [limit >> 1n, 0, days(2), limit >> 2n, 0x1c3f_ffff],
      [limit >> 2n, 0, days(2), limit >> 3n, 0x1c1f_ffff],
      [limit >> 3n, 0, days(2), limit >> 4n, 0x1c0f_ffff],
      [limit, 0, days(2 * 222), 3n, 0x0103_0000],
      [limit, 0, days(2 * 222) + 119, 3n, 0x0103_0000],
      [limit, 0, days(2 * 222) + 120, 2n, 0x0102_0000],
      [limit, 0, days(2 * 223) - 1, 2n, 0x0102_0000],
      [limit, 0, days(2 * 223), 1n, 0x0101_0000],
      [limit, 0, days(2 * 224), 1n, 0x0101_0000],
      [1n, 0, days(2 * 224), 1n, 0x0101_0000],
      [limit, 2 * 480 * 144, 0, limit, 0x1d00_ffff],
      [1n, 448 * 144 * 600, 0, limit, 0x1d00_ffff],
      [limit, 300, 1, single300, 0x1d00_ffb1],
      [funny, 600 * 2 * 33 * 144, 0, limit, 0x1d00_ffff],
      [1n, 600 * 2 * 256 * 144, 0, limit, 0x1d00_ffff],
      [1n, 600 * 2 * 224 * 144 - 1, 0, 0xffff8n << 204n, 0x1d00_ffff]
    ]
    for (const [target, timeDiff, heightDiff, expected, expectedBits] of calculations) {
      // The block before the anchor is 600 s older than the anchor.
      const found = next(target, 600 + timeDiff, heightDiff)
      assert.strictEqual(found, expected, `${target} ${timeDiff} ${heightDiff}`)
      assert.strictEqual(Target.toBits(found), expectedBits)
    }
  })
})

describe("Asert", () => {
  it("has the published error against the exact formula, and never falls as time goes by", () => {
    const anchor = 0x1c1f_ffff
    const size = (target: number) => (target & 0xff_ffff) * 256 ** ((target >>> 24) - 3)
    let before = 0
    let low = 0
    let high = 0
    let falls = 0
    // From ten minutes ahead of the schedule to four days behind it.
    for (let behind = -629; behind <= 2 * halfLife + 30; behind++) {
      const found = bits(anchor, 1200 + behind, 1)
      if (found < before) falls++
      before = found
      const exact = size(anchor) * 2 ** (behind / halfLife)
      const error = (size(found) - exact) / exact
      low = Math.min(low, error)
      high = Math.max(high, error)
    }
    assert.strictEqual(falls, 0)
    assert.closeTo(low, -0.000_101_316_898_105_95, 1e-15)
    assert.closeTo(high, 0.000_116_679_265_648_55, 1e-15)
  })

  it("rounds the exponent towards zero and its whole part down", () => {
    // One second early: an exponent of -65536 / 172800, which rounds to 0 and not to -1.
    assert.strictEqual(next(limit >> 8n, 1199, 1), limit >> 8n)
    // Three seconds early: the exponent is -1, so one half of the last fraction.
    assert.isTrue(next(limit >> 8n, 1197, 1) < limit >> 8n)
    assert.isTrue(next(limit >> 8n, 1197, 1) > limit >> 9n)
  })
})
