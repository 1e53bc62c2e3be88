import { assert, describe, it } from "@effect/vitest"
import * as BlockHeader from "../../../src/domain/p2p/BlockHeader.ts"
import * as ChainParams from "../../../src/domain/p2p/ChainParams.ts"
import * as ChainView from "../../../src/domain/p2p/ChainView.ts"
import * as Target from "../../../src/domain/p2p/Target.ts"
import * as HeaderChain from "../../utils/headerChain.ts"
import * as Legacy from "../../utils/legacy.ts"

const grow = (view: ChainView.GrowingView, packed: Uint8Array, from: number, to: number): void => {
  for (let i = from; i < to; i++) view.grow(Legacy.hash256(BlockHeader.bytesAt(packed, i)))
}

describe("ChainView", () => {
  it("grows over headers, on top of other views", () => {
    const packed = HeaderChain.load("mainnet-headers-0-99").subarray(80)
    const more = HeaderChain.load("mainnet-headers-100-111")
    const genesis = HeaderChain.genesisView(ChainParams.mainnet)
    assert.strictEqual(genesis.chainWork(0), 0x1_0001_0001n)
    const first = ChainView.growing(genesis, packed)
    assert.strictEqual(first.height, 0)
    assert.strictEqual(first.hash, genesis.hash)
    grow(first, packed, 0, 99)
    assert.strictEqual(first.height, 99)
    const second = ChainView.growing(first, more)
    grow(second, more, 0, 12)
    assert.strictEqual(second.height, 111)
    assert.deepStrictEqual(second.hash, Legacy.hash256(BlockHeader.bytesAt(more, 11)))
    const work = Target.work(0x1d00_ffff)
    assert.strictEqual(second.addedWork, work * 12n)
    for (let height = 0; height <= 111; height++) {
      assert.strictEqual(second.bits(height), 0x1d00_ffff)
      assert.strictEqual(second.chainWork(height), work * BigInt(height + 1))
    }
    assert.strictEqual(second.time(0), 1_231_006_505)
    assert.strictEqual(second.time(1), 1_231_469_665)
    assert.strictEqual(second.time(111), BlockHeader.timeAt(more, 11))
  })

  it("adds up work of changing targets", () => {
    const bits = [0x1d00_ffff, 0x1c05_a3f4, 0x1c05_a3f4, 0x1d00_ffff]
    const packed = BlockHeader.pack(bits.map((one) => ({ ...ChainParams.mainnet.genesis, bits: one })))
    const view = ChainView.growing(HeaderChain.genesisView(ChainParams.mainnet), packed)
    grow(view, packed, 0, 4)
    assert.strictEqual(view.addedWork, bits.reduce((sum, one) => sum + Target.work(one), 0n))
    assert.strictEqual(view.chainWork(2) - view.chainWork(1), Target.work(0x1c05_a3f4))
  })

  it("has the median of up to eleven times", () => {
    const seed = 11
    const random = Legacy.makeRandom(seed)
    const view = new HeaderChain.Sketch(1_500_000_000, 0x207f_ffff)
    for (let i = 0; i < 300; i++) {
      const count = Math.min(11, view.height + 1)
      const times = Array.from({ length: count }, (_, k) => view.time(view.height - k)).sort((a, b) => a - b)
      assert.strictEqual(ChainView.medianTimePast(view, view.height), times[Math.floor(count / 2)], `seed ${seed}`)
      view.add(random.below(2000) - 700, 0x207f_ffff)
    }
  })
})
