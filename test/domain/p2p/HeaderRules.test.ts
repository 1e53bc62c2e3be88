import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as BlockHeader from "../../../src/domain/p2p/BlockHeader.ts"
import * as ChainParams from "../../../src/domain/p2p/ChainParams.ts"
import type * as ChainView from "../../../src/domain/p2p/ChainView.ts"
import * as HashHex from "../../../src/domain/p2p/HashHex.ts"
import type * as HeaderError from "../../../src/domain/p2p/HeaderError.ts"
import * as HeaderRules from "../../../src/domain/p2p/HeaderRules.ts"
import * as HeaderChain from "../../utils/headerChain.ts"
import * as Legacy from "../../utils/legacy.ts"

const { mainnet, regtest } = ChainParams

const options = (params: ChainParams.ChainParams, now = 1_800_000_000): HeaderRules.Options => ({
  params,
  hash256: Legacy.hash256,
  now
})

const accept = (view: ChainView.ChainView, packed: Uint8Array, using: HeaderRules.Options): HeaderRules.Accepted =>
  Result.getOrThrow(HeaderRules.check(view, packed, using))

const refuse = (view: ChainView.ChainView, packed: Uint8Array, using: HeaderRules.Options): HeaderError.HeaderError => {
  const result = HeaderRules.check(view, packed, using)
  assert.isTrue(Result.isFailure(result))
  return Result.isFailure(result) ? result.failure : assert.fail("accepted")
}

const genesis = HeaderChain.genesisView(regtest)

const start = 1_600_000_000

const chainOf = (count: number, more: { readonly bits?: number; readonly spacing?: number } = {}) =>
  HeaderChain.mineChain({ previous: regtest.genesisHash, count, time: start, ...more })

describe("HeaderRules on recorded chains", () => {
  it("takes the headers of a real node on regtest, in batches", () => {
    const packed = HeaderChain.load("regtest-headers")
    const using = options(regtest, 1_795_330_593)
    const first = accept(genesis, packed.subarray(0, 2000 * 80), using)
    assert.strictEqual(first.count, 2000)
    assert.strictEqual(first.work, 4000n)
    const second = accept(first.view, packed.subarray(2000 * 80), using)
    assert.strictEqual(second.view.height, 2726)
    assert.strictEqual(
      HashHex.format(second.view.hash),
      "33da67fbedda465a045315dd1d6a3d59fbb1e3a1ef6d07d77d5cd9d4cbd92524"
    )
    assert.deepStrictEqual(second.hashes.subarray(-32), second.view.hash)
    const whole = accept(genesis, packed, using)
    assert.deepStrictEqual(whole.hashes, Legacy.concat(first.hashes, second.hashes))
    assert.strictEqual(whole.work, first.work + second.work)
  })

  it("takes the first headers of mainnet, and a batch that overlaps", () => {
    const using = options(mainnet)
    const packed = HeaderChain.load("mainnet-headers-0-99").subarray(80)
    const first = accept(HeaderChain.genesisView(mainnet), packed, using)
    assert.strictEqual(first.view.height, 99)
    const second = accept(first.view, HeaderChain.load("mainnet-headers-100-111"), using)
    assert.strictEqual(second.view.height, 111)
    assert.strictEqual(
      HashHex.format(second.view.hash),
      "000000004d6a6dd8b882deec7b54421949dddd2c166bd51ee7f62a52091a6c35"
    )
    const to90 = accept(HeaderChain.genesisView(mainnet), packed.subarray(0, 90 * 80), using)
    const overlap = accept(to90.view, HeaderChain.load("mainnet-headers-91-104"), using)
    assert.strictEqual(overlap.view.height, 104)
    assert.strictEqual(
      HashHex.format(overlap.view.hash),
      "00000000fb11ef25014e02b315285a22f80c8f97689d7e36d723317defaabe5b"
    )
  })

  it("refuses any header with a bit changed", () => {
    const packed = HeaderChain.load("mainnet-headers-0-99").subarray(80, 80 * 6)
    const view = HeaderChain.genesisView(mainnet)
    const using = options(mainnet)
    for (let bit = 0; bit < packed.length * 8; bit++) {
      const changed = Uint8Array.from(packed)
      changed[bit >> 3]! ^= 1 << (bit & 7)
      const { height, index } = refuse(view, changed, using)
      assert.strictEqual(height, index + 1)
      assert.strictEqual(index, Math.floor(bit / 640), `bit ${bit}`)
    }
  })
})

describe("HeaderRules", () => {
  it("takes nothing as nothing", () => {
    const accepted = accept(genesis, new Uint8Array(0), options(regtest))
    assert.strictEqual(accepted.count, 0)
    assert.strictEqual(accepted.work, 0n)
    assert.strictEqual(accepted.view.height, 0)
  })

  it("wants whole headers", () => {
    const packed = BlockHeader.pack(chainOf(3))
    const error = refuse(genesis, packed.subarray(0, 200), options(regtest))
    assert.deepInclude(error, { index: 2, height: 3 })
    assert.deepInclude(error.reason, { _tag: "IncompleteHeader", length: 40 })
    assert.strictEqual(error.message, "the header for height 3 is refused: it has 40 bytes in place of 80")
  })

  it("wants headers that follow each other", () => {
    const chain = chainOf(5)
    const gap = refuse(genesis, BlockHeader.pack([chain[0]!, chain[1]!, chain[3]!]), options(regtest))
    assert.deepInclude(gap, { index: 2, height: 3 })
    assert.deepInclude(gap.reason, {
      _tag: "NotConnected",
      expected: BlockHeader.id(chain[1]!, Legacy.hash256),
      found: BlockHeader.id(chain[2]!, Legacy.hash256)
    })
    const other = refuse(HeaderChain.genesisView(mainnet), BlockHeader.pack(chain), options(regtest))
    assert.strictEqual(other.reason._tag, "NotConnected")
    assert.strictEqual(other.index, 0)
  })

  it("does not hash a header before the rest of it is right", () => {
    let hashed = 0
    const hash256 = (bytes: Uint8Array) => {
      hashed++
      return Legacy.hash256(bytes)
    }
    refuse(HeaderChain.genesisView(mainnet), BlockHeader.pack(chainOf(5)), { ...options(mainnet), hash256 })
    assert.strictEqual(hashed, 0)
  })

  it("wants targets within the limit", () => {
    const chain = chainOf(2)
    for (const bits of [0, 0x2080_0000, 0x2100_ffff, 0xff7f_ffff]) {
      const error = refuse(genesis, BlockHeader.pack([chain[0]!, { ...chain[1]!, bits }]), options(regtest))
      assert.deepInclude(error.reason, { _tag: "BadTarget", bits, limit: 0x207f_ffff })
      assert.strictEqual(error.index, 1)
    }
    const view = HeaderChain.genesisView(mainnet)
    const easy = BlockHeader.pack(HeaderChain.mineChain({ previous: mainnet.genesisHash, count: 1, time: start }))
    assert.deepInclude(refuse(view, easy, options(mainnet)).reason, { _tag: "BadTarget", limit: 0x1d00_ffff })
  })

  it("wants the target that the blocks before demand", () => {
    const packed = BlockHeader.pack(chainOf(1, { bits: 0x207f_fffe }))
    const { reason } = refuse(genesis, packed, options(regtest))
    assert.deepInclude(reason, { _tag: "WrongDifficulty", expected: 0x207f_ffff, found: 0x207f_fffe })
    assert.strictEqual(reason.message, "its bits are 0x207ffffe; the blocks before it demand 0x207fffff")
  })

  it("wants a proof of work", () => {
    const header = chainOf(1)[0]!
    let nonce = 0
    while (BlockHeader.hash({ ...header, nonce }, Legacy.hash256)[31]! < 0x80) nonce++
    const { reason } = refuse(genesis, BlockHeader.pack([{ ...header, nonce }]), options(regtest))
    assert.deepInclude(reason, {
      _tag: "NoProofOfWork",
      hash: BlockHeader.id({ ...header, nonce }, Legacy.hash256),
      bits: 0x207f_ffff
    })
  })

  it("wants times after the median of eleven", () => {
    const chain = chainOf(11)
    const using = options(regtest)
    const { view } = accept(genesis, BlockHeader.pack(chain), using)
    const follow = (time: number) => BlockHeader.pack(HeaderChain.mineChain({ previous: view.hash, count: 1, time }))
    const median = start + 5 * 600
    assert.deepInclude(refuse(view, follow(median), using).reason, {
      _tag: "TimeTooOld",
      time: median,
      medianTimePast: median
    })
    assert.strictEqual(accept(view, follow(median + 1), using).view.height, 12)
  })

  it("wants times at most two hours ahead of the clock", () => {
    const packed = BlockHeader.pack(chainOf(1))
    assert.strictEqual(accept(genesis, packed, options(regtest, start - 7200)).count, 1)
    const { reason } = refuse(genesis, packed, options(regtest, start - 7201))
    assert.deepInclude(reason, { _tag: "TimeTooNew", time: start, latest: start - 1 })
    assert.strictEqual(
      reason.message,
      `its time ${start} is 1 s over the two hours that it may be ahead of the clock`
    )
  })

  it("wants the blocks of checkpoints", () => {
    const chain = chainOf(4)
    const packed = BlockHeader.pack(chain)
    const at = (height: number, hash: Uint8Array): ChainParams.ChainParams => ({
      ...regtest,
      checkpoints: new Map([[height, hash]])
    })
    const good = at(3, BlockHeader.hash(chain[2]!, Legacy.hash256))
    assert.strictEqual(accept(genesis, packed, options(good)).count, 4)
    const error = refuse(genesis, packed, options(at(3, HashHex.zero)))
    assert.deepInclude(error, { index: 2, height: 3 })
    assert.deepInclude(error.reason, {
      _tag: "CheckpointMismatch",
      expected: "00".repeat(32),
      found: BlockHeader.id(chain[2]!, Legacy.hash256)
    })
  })

  it("checks the difficulty of headers over those of their own batch", () => {
    // Rules that change the target within the batch: ASERT after the genesis block, with blocks twice as fast.
    const params: ChainParams.ChainParams = {
      ...regtest,
      difficulty: {
        _tag: "Adjusting",
        limit: regtest.difficulty.limit,
        spacing: 600,
        interval: 2016,
        easyAfter: undefined,
        emergencyFrom: 0,
        averageFrom: 0,
        asert: { halfLife: 172_800, anchor: { _tag: "Block", height: 0, bits: 0x207f_ffff, parentTime: start - 1200 } }
      }
    }
    // The genesis block's time is far before, so the first target is low: blocks of the right targets are mined one by one.
    const headers: Array<BlockHeader.BlockHeader> = []
    let previous = regtest.genesisHash
    for (let i = 0; i < 30; i++) {
      const known = BlockHeader.pack(headers)
      const probe = { ...regtest.genesis, previous, time: start + i * 300 + 1, bits: 0x1d00_ffff }
      const error = refuse(genesisAt(start - 600), Legacy.concat(known, BlockHeader.pack([probe])), options(params))
      assert.strictEqual(error.index, i)
      assert.strictEqual(error.reason._tag, "WrongDifficulty")
      const bits = error.reason._tag === "WrongDifficulty" ? error.reason.expected : 0
      const header = HeaderChain.mine({ ...probe, bits })
      headers.push(header)
      previous = BlockHeader.hash(header, Legacy.hash256)
    }
    const accepted = accept(genesisAt(start - 600), BlockHeader.pack(headers), options(params))
    assert.strictEqual(accepted.count, 30)
    assert.isBelow(headers[29]!.bits, headers[1]!.bits)
  })
})

const genesisAt = (time: number): ChainView.ChainView => ({ ...genesis, time: () => time })
