import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as BlockHeader from "../../../src/domain/p2p/BlockHeader.ts"
import * as HashHex from "../../../src/domain/p2p/HashHex.ts"
import * as HeaderChain from "../../utils/headerChain.ts"
import * as Legacy from "../../utils/legacy.ts"

const files = ["mainnet-headers-0-99", "mainnet-headers-100-111", "mainnet-headers-91-104", "regtest-headers"]

const unpack = (name: string) => Result.getOrThrow(BlockHeader.unpack(HeaderChain.load(name)))

const last = <A>(values: ReadonlyArray<A>): A => values[values.length - 1]!

const id = (header: BlockHeader.BlockHeader): string => BlockHeader.id(header, Legacy.hash256)

describe("BlockHeader", () => {
  it.each(files)("reads and writes %s, whose headers follow each other", (name) => {
    const packed = HeaderChain.load(name)
    const headers = unpack(name)
    assert.strictEqual(headers.length, packed.length / 80)
    assert.deepStrictEqual(BlockHeader.pack(headers), packed)
    for (const [index, header] of headers.entries()) {
      const bytes = BlockHeader.bytesAt(packed, index)
      assert.deepStrictEqual(Result.getOrThrow(BlockHeader.decode(bytes)), header)
      assert.deepStrictEqual(Result.getOrThrow(BlockHeader.encode(header)), bytes)
      assert.strictEqual(BlockHeader.timeAt(packed, index), header.time)
      assert.strictEqual(BlockHeader.bitsAt(packed, index), header.bits)
      assert.deepStrictEqual(BlockHeader.previousAt(packed, index), header.previous)
      assert.deepStrictEqual(BlockHeader.merkleRootAt(packed, index), header.merkleRoot)
      if (index === 0) continue
      const previous = BlockHeader.hash(headers[index - 1]!, Legacy.hash256)
      assert.isTrue(BlockHeader.followsAt(packed, index, previous))
      assert.isFalse(BlockHeader.followsAt(packed, index, HashHex.zero))
    }
  })

  it("knows the hashes of real blocks", () => {
    assert.strictEqual(
      id(last(unpack("mainnet-headers-0-99"))),
      "00000000cd9b12643e6854cb25939b39cd7a1ad0af31a9bd8b2efe67854b1995"
    )
    assert.strictEqual(
      id(last(unpack("mainnet-headers-100-111"))),
      "000000004d6a6dd8b882deec7b54421949dddd2c166bd51ee7f62a52091a6c35"
    )
    assert.strictEqual(
      id(last(unpack("mainnet-headers-91-104"))),
      "00000000fb11ef25014e02b315285a22f80c8f97689d7e36d723317defaabe5b"
    )
    assert.strictEqual(
      id(last(unpack("regtest-headers"))),
      "33da67fbedda465a045315dd1d6a3d59fbb1e3a1ef6d07d77d5cd9d4cbd92524"
    )
  })

  it("reads the fields of block 1 of mainnet", () => {
    const header = unpack("mainnet-headers-0-99")[1]!
    assert.strictEqual(header.version, 1)
    assert.strictEqual(
      HashHex.format(header.previous),
      "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"
    )
    assert.strictEqual(
      HashHex.format(header.merkleRoot),
      "0e3e2357e806b6cdb1f70b54c3a3a17b6714ee1f0e68bebb44a74b1efd512098"
    )
    assert.strictEqual(header.time, 1_231_469_665)
    assert.strictEqual(header.bits, 0x1d00_ffff)
    assert.strictEqual(header.nonce, 2_573_394_689)
  })

  it("refuses other lengths and values that do not fit", () => {
    const short = BlockHeader.decode(new Uint8Array(79))
    assert.isTrue(Result.isFailure(short))
    if (Result.isFailure(short)) {
      assert.strictEqual(short.failure.message, "nonce at byte 76: 4 bytes are needed, and 3 are left")
    }
    assert.isTrue(Result.isFailure(BlockHeader.decode(new Uint8Array(81))))
    const packed = BlockHeader.unpack(new Uint8Array(200))
    assert.isTrue(Result.isFailure(packed))
    if (Result.isFailure(packed)) assert.deepStrictEqual(packed.failure.path, [2, "merkleRoot"])
    const header = unpack("mainnet-headers-0-99")[1]!
    const wide = BlockHeader.encode({ ...header, time: 2 ** 32 })
    assert.isTrue(Result.isFailure(wide))
    if (Result.isFailure(wide)) {
      assert.strictEqual(
        wide.failure.message,
        "time cannot be written: 4294967296 is no whole number from 0 to 4294967295"
      )
    }
  })
})
