import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as BloomFilter from "../../../src/domain/p2p/BloomFilter.ts"
import * as P2PMessage from "../../../src/domain/p2p/P2PMessage.ts"
import * as Legacy from "../../utils/legacy.ts"

const elements = [
  "99108ad8ed9bb6274d3980bab5a85c048f0950c8",
  "b5a2c786d9ef4658287ced5914b37a1b4aa32eee",
  "b9300670b4c5366e95b2699e8b18bc75e5f729c5"
].map(Legacy.fromHex)

const stranger = Legacy.fromHex("19108ad8ed9bb6274d3980bab5a85c048f0950c8")

const filterLoad = (filter: BloomFilter.BloomFilter): string =>
  Legacy.toHex(Result.getOrThrow(P2PMessage.encode(P2PMessage.make("filterload", filter))))

describe("BloomFilter", () => {
  it.each([
    { tweak: 0, expected: "03614e9b050000000000000001" },
    { tweak: 2_147_483_649, expected: "03ce4299050000000100008001" }
  ])("gives the published filter of three elements, tweak $tweak", ({ expected, tweak }) => {
    const filter = BloomFilter.make({ elements: 3, falsePositiveRate: 0.01, tweak })
    for (const element of elements) {
      assert.isFalse(BloomFilter.contains(filter, element))
      BloomFilter.insert(filter, element)
      assert.isTrue(BloomFilter.contains(filter, element))
      assert.isFalse(BloomFilter.contains(filter, stranger))
    }
    assert.strictEqual(filterLoad(filter), expected)
  })

  it("gives the published filter of a key and its hash", () => {
    const filter = BloomFilter.make({ elements: 2, falsePositiveRate: 0.001, flags: BloomFilter.Update.all })
    BloomFilter.insert(
      filter,
      Legacy.fromHex(
        "045b81f0017e2091e2edcd5eecf10d5bdd120a5514cb3ee65b8447ec18bfc4575c6d5bf415e54e03b1067934a0f0ba76b01c6b9ab227142ee1d543764b69d901e0"
      )
    )
    BloomFilter.insert(filter, Legacy.fromHex("477abbacd4113f2e6b100526222eedd953c26a64"))
    assert.strictEqual(filterLoad(filter), "038fc16b080000000000000001")
  })

  it("matches what the recorded wallet looked for, and its filter says so", () => {
    const load = Legacy.trace("p2p-regtest-wallet").messages.find(({ command }) => command === "filterload")!
    const filter = Result.getOrThrow(P2PMessage.decode("filterload", Legacy.fromHex(load.hex.slice(48))))
    const keyHash = Legacy.fromHex("e280b9bd92646a310ddc0e190f62c5fd3f10a956")
    assert.isTrue(BloomFilter.contains(filter, keyHash))
    assert.isFalse(BloomFilter.contains(filter, Legacy.fromHex("09".repeat(20))))
    const own: BloomFilter.BloomFilter = { ...filter, bytes: new Uint8Array(filter.bytes.length) }
    BloomFilter.insert(own, keyHash)
    assert.deepStrictEqual(own.bytes, Uint8Array.from(filter.bytes))
  })

  it("never overlooks an element, and lets about as many strangers through as wanted", () => {
    const seed = 37
    const random = Legacy.makeRandom(seed)
    for (const [count, rate] of [[100, 0.01], [1000, 0.001], [50, 0.2]] as const) {
      const filter = BloomFilter.make({ elements: count, falsePositiveRate: rate, tweak: random.below(2 ** 32) })
      const inside = Array.from({ length: count }, () => random.bytes(20))
      for (const element of inside) BloomFilter.insert(filter, element)
      for (const element of inside) assert.isTrue(BloomFilter.contains(filter, element))
      let strangers = 0
      for (let i = 0; i < 20_000; i++) if (BloomFilter.contains(filter, random.bytes(21))) strangers++
      assert.isBelow(strangers / 20_000, rate * 1.5, `seed ${seed}`)
      assert.isAbove(strangers / 20_000, rate * 0.5, `seed ${seed}`)
    }
  })

  it("takes outpoints as a txid and four bytes", () => {
    const txid = new Uint8Array(32).fill(7)
    const a = BloomFilter.make({ elements: 5 })
    const b = BloomFilter.make({ elements: 5 })
    BloomFilter.insertOutpoint(a, txid, 0x0403_0201)
    BloomFilter.insert(b, Legacy.concat(txid, Uint8Array.of(1, 2, 3, 4)))
    assert.deepStrictEqual(a.bytes, b.bytes)
    assert.isTrue(BloomFilter.containsOutpoint(a, txid, 0x0403_0201))
    assert.isFalse(BloomFilter.containsOutpoint(a, txid, 0))
  })

  it("stays within its limits", () => {
    const huge = BloomFilter.make({ elements: 1e9, falsePositiveRate: 1e-9 })
    assert.strictEqual(huge.bytes.length, 36_000)
    assert.strictEqual(huge.functions, 1)
    const exact = BloomFilter.make({ elements: 1, falsePositiveRate: 1e-300 })
    assert.isAtMost(exact.functions, 50)
    for (const rate of [0, 1, 2, -1, NaN]) {
      for (const count of [0, -5, 1, 1.5, NaN]) {
        const filter = BloomFilter.make({ elements: count, falsePositiveRate: rate })
        assert.isTrue(filter.bytes.length >= 1 && filter.functions >= 1, `${count} ${rate}`)
      }
    }
  })

  it("matches everything without bytes", () => {
    const none: BloomFilter.BloomFilter = { bytes: new Uint8Array(0), functions: 5, tweak: 0, flags: 0 }
    BloomFilter.insert(none, stranger)
    assert.isTrue(BloomFilter.contains(none, stranger))
  })
})
