import { assert, describe, it } from "@effect/vitest"
import * as ChainParams from "../../../src/domain/p2p/ChainParams.ts"
import type * as ChainView from "../../../src/domain/p2p/ChainView.ts"
import * as Difficulty from "../../../src/domain/p2p/Difficulty.ts"
import * as HashHex from "../../../src/domain/p2p/HashHex.ts"
import * as Target from "../../../src/domain/p2p/Target.ts"
import { Sketch } from "../../utils/headerChain.ts"
import * as Legacy from "../../utils/legacy.ts"

const limit = (1n << 224n) - 1n
const limitBits = 0x1d00_ffff
const start = 1_269_211_443
const hour = 3600

const mainnet = ChainParams.mainnet.difficulty as Difficulty.Adjusting
const testnet3 = ChainParams.testnet3.difficulty as Difficulty.Adjusting

const show = (bits: number): string => `0x${bits.toString(16).padStart(8, "0")}`

const assertBits = (found: number, expected: number, about?: string): void =>
  assert.strictEqual(show(found), show(expected), about)

const next = (rules: Difficulty.Difficulty, view: ChainView.ChainView, time = view.time(view.height) + 600): number =>
  Difficulty.nextBits(rules, view, time)

/** A view of the only blocks that a rule is expected to look at. */
const sparse = (
  height: number,
  blocks: { readonly [height: number]: { readonly time?: number; readonly bits?: number } }
): ChainView.ChainView => {
  const get = (key: "time" | "bits") => (at: number): number => {
    const value = blocks[at]?.[key]
    if (value === undefined) throw new Error(`the ${key} of block ${at} was not expected to be asked for`)
    return value
  }
  return { height, hash: HashHex.zero, time: get("time"), bits: get("bits"), chainWork: () => 0n }
}

describe("Difficulty, a new target every 2016 blocks", () => {
  const known = [
    // The first change of mainnet, from its blocks 30240 and 32255.
    { height: 32_255, first: 1_261_130_161, last: 1_262_152_739, bits: 0x1d00_ffff, expected: 0x1d00_d86a },
    // The first 2016 blocks took longer than wanted, and the limit holds.
    { height: 2015, first: 1_231_006_505, last: 1_233_061_996, bits: 0x1d00_ffff, expected: 0x1d00_ffff },
    // Blocks 66528 and 68543: faster than four times, which counts as four times.
    { height: 68_543, first: 1_279_008_237, last: 1_279_297_671, bits: 0x1c05_a3f4, expected: 0x1c01_68fd },
    // Slower than a fourth.
    { height: 46_367, first: 1_263_163_443, last: 1_269_211_443, bits: 0x1c38_7f6f, expected: 0x1d00_e1fd }
  ]

  it.each(known)("after height $height", ({ bits, expected, first, height, last }) => {
    const view = sparse(height, { [height - 2015]: { time: first }, [height]: { time: last, bits } })
    assertBits(next(mainnet, view, last + 600), expected)
  })

  it("keeps the target in between, however slow the blocks are", () => {
    const view = new Sketch(start, 0x1c05_a3f4, 200_000)
    for (let i = 0; i < 30; i++) {
      assertBits(next(mainnet, view), 0x1c05_a3f4)
      view.add(5 * hour, 0x1c05_a3f4)
    }
  })
})

describe("Difficulty, the emergency adjustment", () => {
  /** Blocks in time, and then blocks every two hours; gives what the next block needs after each of the latter. */
  const slowDown = (firstHeight: number, count: number): Array<number> => {
    const initial = Target.toBits(limit >> 1n)
    const view = new Sketch(start, initial, firstHeight)
    for (let i = 0; i < 99; i++) view.add(600, initial)
    return Array.from({ length: count }, () => {
      const found = next(mainnet, view)
      view.add(2 * hour, found)
      return next(mainnet, view)
    })
  }

  it("makes blocks a fifth easier when the medians of six blocks are twelve hours apart", () => {
    const initial = Target.toBits(limit >> 1n)
    const found = slowDown(480_000, 15)
    for (const bits of found.slice(0, 10)) assertBits(bits, initial)
    let target = Target.fromBits(initial)!
    for (const bits of found.slice(10, 13)) {
      target += target >> 2n
      assertBits(bits, Target.toBits(target))
      target = Target.fromBits(bits)!
    }
    // A quarter more would be over the limit, and the limit stays.
    assert.isAbove(target + (target >> 2n) > limit ? 1 : 0, 0)
    for (const bits of found.slice(13)) assertBits(bits, limitBits)
  })

  it("begins with block 478559", () => {
    const initial = 0x1801_4735
    const rate = (tip: number) => {
      const view = new Sketch(start, initial, tip - 30)
      for (let i = 0; i < 30; i++) view.add(3 * hour, initial)
      assert.strictEqual(view.height, tip)
      return next(mainnet, view)
    }
    assertBits(rate(478_557), initial, "for block 478558")
    assertBits(rate(478_558), 0x1801_9902, "for block 478559")
  })

  it("takes exactly twelve hours", () => {
    const initial = 0x1801_4735
    const rate = (seconds: number) => {
      const view = new Sketch(start, initial, 480_000)
      for (let i = 0; i < 17; i++) view.add(seconds, initial)
      return next(mainnet, view)
    }
    assertBits(rate(2 * hour - 1), initial)
    assertBits(rate(2 * hour), 0x1801_9902)
  })

  it("leaves the blocks with a new target alone", () => {
    const height = 2016 * 240 - 1
    const view = new Sketch(start, 0x1801_4735, height - 2015)
    while (view.height < height) view.add(3 * hour, 0x1801_4735)
    assertBits(next(mainnet, view), Target.toBits(Target.fromBits(0x1801_4735)! * 4n))
  })
})

describe("Difficulty, the average of 144 blocks", () => {
  const rules: Difficulty.Adjusting = { ...mainnet, emergencyFrom: 0, averageFrom: 1 }

  it("gives the targets of the test case in its specification", () => {
    let bits = 0x1c0f_ffff
    const view = new Sketch(start, bits)
    const add = (count: number, seconds: number, isSame: boolean) => {
      for (let i = 0; i < count; i++) {
        view.add(seconds, bits)
        const found = next(rules, view)
        if (isSame) assertBits(found, bits, `at height ${view.height}`)
        bits = found
      }
    }
    for (let i = 0; i < 2049; i++) view.add(600, bits)
    bits = next(rules, view)
    add(10, 600, true)
    add(1, 6000, true)
    add(1, -4800, true)
    add(20, 600, true)
    add(1, 550, true)
    add(10, 550, false)
    assertBits(bits, 0x1c0f_e7b1)
    add(20, 10, false)
    assertBits(bits, 0x1c0d_b19f)
    add(1, 6000, false)
    assertBits(bits, 0x1c0d_9222)
    add(93, 6000, false)
    assertBits(bits, 0x1c2f_13b9)
    add(1, 6000, false)
    assertBits(bits, 0x1c2e_e9bf)
    add(192, 6000, false)
    assertBits(bits, limitBits)
    add(5, 6000, true)
  })

  it("begins with block 504032", () => {
    const bits = 0x1802_1fdb
    const after = (tip: number) => {
      const view = new Sketch(start, bits, tip - 200)
      while (view.height < tip) view.add(500, bits)
      return next(mainnet, view)
    }
    assertBits(after(504_030), bits, "for block 504031")
    // 144 blocks of one target in 500 s each: five sixths of the target, but for what is rounded.
    const found = after(504_031)
    const work = (144n * Target.work(bits) * 600n) / (144n * 500n)
    assertBits(found, Target.toBits((1n << 256n) / work - 1n), "for block 504032")
    assert.isTrue(Target.fromBits(found)! < Target.fromBits(bits)!)
  })

  it("counts the time between blocks as a half to twice of what it should be", () => {
    const bits = 0x1802_1fdb
    const after = (seconds: number) => {
      const view = new Sketch(start, bits, 600_000)
      for (let i = 0; i < 147; i++) view.add(seconds, bits)
      return next(mainnet, view)
    }
    assert.strictEqual(after(1), after(300))
    assert.strictEqual(after(5000), after(1200))
    assert.isBelow(after(300), after(301))
    assert.isAbove(after(1200), after(1199))
  })

  it("agrees with a slow calculation on chains with times in disorder", () => {
    const seed = 144
    const random = Legacy.makeRandom(seed)
    const view = new Sketch(start, 0x1802_1fdb, 550_000)
    const middle = (height: number): number => {
      // Sorted by time; where times are equal the order is that of three swaps.
      const three = [height - 2, height - 1, height]
      const swap = (i: number, j: number) => {
        if (view.time(three[i]!) > view.time(three[j]!)) [three[i], three[j]] = [three[j]!, three[i]!]
      }
      swap(0, 2)
      swap(0, 1)
      swap(1, 2)
      return three[1]!
    }
    for (let i = 0; i < 400; i++) {
      if (i > 150) {
        const last = middle(view.height)
        const first = middle(view.height - 144)
        let work = 0n
        for (let h = Math.min(first, last) + 1; h <= Math.max(first, last); h++) {
          work += (1n << 256n) / (Target.fromBits(view.bits(h))! + 1n)
        }
        const elapsed = Math.min(Math.max(view.time(last) - view.time(first), 72 * 600), 288 * 600)
        const projected = (work * 600n) / BigInt(elapsed)
        const target = (1n << 256n) / projected - 1n
        assertBits(next(mainnet, view), Target.toBits(target > limit ? limit : target), `seed ${seed}, step ${i}`)
      }
      view.add(random.below(1800) - 300, i > 150 ? next(mainnet, view) : 0x1802_1fdb)
    }
  })

  it("does not look below the genesis block", () => {
    const view = new Sketch(start, 0x1c0f_ffff)
    assertBits(next(rules, view), limitBits)
    for (let i = 0; i < 20; i++) view.add(600, 0x1c0f_ffff)
    assert.isDefined(Target.fromBits(next(rules, view)))
  })
})

describe("Difficulty, ASERT", () => {
  it("begins with block 661648", () => {
    const anchor = 0x1804_dafe
    const parent = 1_605_447_844
    // Only the last block is looked at, and the anchor is known.
    const at = (height: number, time: number) => next(mainnet, sparse(height, { [height]: { time } }), time + 600)
    assertBits(at(661_647, parent + 600), anchor, "in time")
    assertBits(at(661_647 + 288, parent + 600), 0x1802_6d7f, "two days ahead of the schedule")
    assertBits(at(661_647, parent + 600 + 172_800), 0x1809_b5fc, "two days behind")
    assertBits(at(700_000, parent + 600 * (700_000 - 661_647 + 1)), anchor, "in time, much later")
    assert.isBelow(at(661_647, parent + 300), anchor)
  })

  it("finds its anchor by the median time past, where that is not fixed", () => {
    const activation = 1_605_441_600
    const rules: Difficulty.Adjusting = {
      ...mainnet,
      averageFrom: 2017,
      asert: { halfLife: 172_800, anchor: { _tag: "MedianTime", time: activation } }
    }
    const initial = 0x1802_a842
    const view = new Sketch(start, initial)
    for (let i = 0; i < 2400; i++) view.add(600, initial)
    view.push(activation - 140 * 500 - 1, initial)
    for (let i = 0; i < 145; i++) view.add(500, initial)
    // One second short of it: the average of 144 blocks holds, which were fast.
    assertBits(next(rules, view), 0x1802_36e1)
    const after = (seconds: number, bits: number, more: ReadonlyArray<readonly [number, number]> = []) => {
      view.add(seconds, bits)
      for (const [gap, gapBits] of more) view.add(gap, gapBits)
      const found = next(rules, view)
      for (let i = 0; i <= more.length; i++) view.pop()
      return found
    }
    // The published results for several blocks that could come next, each of them an anchor.
    assertBits(after(600, 0x1802_36e1), 0x1802_36e1)
    assertBits(after(0, 0x1802_3456), 0x1802_32fd)
    assertBits(after(600, 0x1802_10fe), 0x1802_10fe)
    assertBits(after(86_400 * 90, 0x1803_4567), limitBits)
    assertBits(after(86_400 * 90, 0x1803_4567, [[-86_400 * 90 + 1200, 0x1803_4567]]), 0x1803_4567)
    assertBits(after(activation - view.time(view.height), 0x1801_1111), 0x1801_0db3)
    // The anchor stays the first such block.
    view.add(600, 0x1802_10fe)
    for (let i = 0; i < 300; i++) {
      assertBits(next(rules, view), 0x1802_10fe)
      view.add(600, 0x1802_10fe)
    }
  })

  it("has half-lives of its own on networks for tests", () => {
    const rules = ChainParams.testnet4.difficulty as Difficulty.Adjusting
    const view = sparse(16_844 + 6, { [16_844 + 6]: { time: 1_605_451_779 + 600 } })
    // Six blocks in no time are one hour ahead of the schedule.
    assertBits(next(rules, view, 1_605_451_779 + 600), 0x1c7f_ff80)
  })
})

describe("Difficulty on networks for tests", () => {
  it("never changes on regtest", () => {
    const view = new Sketch(start, 0x207f_ffff)
    for (let i = 0; i < 2100; i++) {
      if (i > 2000) assertBits(next(ChainParams.regtest.difficulty, view), 0x207f_ffff)
      view.add(7, 0x207f_ffff)
    }
  })

  it.each([
    { rule: "2016 blocks", height: 300_000 },
    { rule: "2016 blocks, after August 2017", height: 1_160_000 },
    { rule: "the average of 144 blocks", height: 1_200_000 },
    { rule: "ASERT", height: 1_500_000 }
  ])("lets an easy block pass after 20 minutes: $rule", ({ height }) => {
    const bits = 0x1c0f_ffff
    const view = new Sketch(1_600_000_000, bits, height)
    for (let i = 0; i < 150; i++) view.add(600, bits)
    const last = view.time(view.height)
    assertBits(next(testnet3, view, last + 1201), limitBits)
    assert.notStrictEqual(next(testnet3, view, last + 1200), limitBits)
    assertBits(next(mainnet, view, last + 5000), next(mainnet, view, last + 1))
  })

  it("goes back to the target before the easy blocks", () => {
    const view = new Sketch(start, 0x1c0f_ffff, 300_000)
    view.add(600, 0x1c0f_ffff)
    for (let i = 0; i < 5; i++) view.add(1300, limitBits)
    assertBits(next(testnet3, view), 0x1c0f_ffff)
  })

  it("goes back no further than the last block with a new target", () => {
    const first = 2016 * 150
    const view = new Sketch(start, 0x1c0f_ffff, first - 2)
    view.add(600, 0x1c0f_ffff)
    view.add(600, limitBits)
    assert.strictEqual(view.height, first)
    for (let i = 0; i < 5; i++) view.add(1300, limitBits)
    assertBits(next(testnet3, view), limitBits)
  })
})
