import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as BlockHeader from "../../../src/domain/p2p/BlockHeader.ts"
import * as ChainParams from "../../../src/domain/p2p/ChainParams.ts"
import * as HashHex from "../../../src/domain/p2p/HashHex.ts"
import * as Target from "../../../src/domain/p2p/Target.ts"
import * as Network from "../../../src/domain/Network.ts"
import * as HeaderChain from "../../utils/headerChain.ts"
import * as Legacy from "../../utils/legacy.ts"

const chains = Object.entries(ChainParams.all).map(([name, params]) => ({ name, params }))

describe.each(chains)("ChainParams of $name", ({ name, params }) => {
  it("has the genesis block that hashes to its hash", () => {
    assert.strictEqual(params.network, Network.fromName(name))
    assert.strictEqual(BlockHeader.id(params.genesis, Legacy.hash256), HashHex.format(params.genesisHash))
    assert.strictEqual(params.genesis.bits, Target.toBits(params.difficulty.limit))
    // The genesis block of regtest is no lucky one, but as easy as any.
    assert.isTrue(Target.isMet(params.genesisHash, params.genesis.bits))
    assert.strictEqual(Result.getOrThrow(BlockHeader.encode(params.genesis)).length, 80)
  })

  it("has checkpoints that are proofs of work, in order", () => {
    const heights = Array.from(params.checkpoints.keys())
    assert.deepStrictEqual(heights, heights.toSorted((a, b) => a - b))
    for (const hash of params.checkpoints.values()) assert.isTrue(Target.isMet(hash, params.genesis.bits))
  })

  it("has host names as seeds", () => {
    for (const seed of params.seeds) assert.match(seed, /^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/)
    assert.strictEqual(params.seeds.length > 0, name !== "regtest")
  })
})

describe("ChainParams", () => {
  it("has the checkpoints of mainnet where its rules change", () => {
    assert.strictEqual(ChainParams.mainnet.checkpoints.size, 15)
    assert.strictEqual(
      HashHex.format(ChainParams.mainnet.checkpoints.get(661_648)!),
      "0000000000000000029e471c41818d24b8b74c911071c4ef0b4a0509f9b5a8ce"
    )
    for (const params of [ChainParams.mainnet, ChainParams.testnet3, ChainParams.testnet4]) {
      const rules = params.difficulty
      assert.isTrue(rules._tag === "Adjusting" && rules.asert.anchor._tag === "Block")
      if (rules._tag === "Adjusting" && rules.asert.anchor._tag === "Block") {
        assert.isTrue(params.checkpoints.has(rules.asert.anchor.height + 1))
      }
    }
  })

  it("begins mainnet with the first recorded header", () => {
    const first = BlockHeader.bytesAt(HeaderChain.load("mainnet-headers-0-99"), 0)
    assert.deepStrictEqual(Result.getOrThrow(BlockHeader.encode(ChainParams.mainnet.genesis)), first)
  })
})
