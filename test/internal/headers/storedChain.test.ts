import { assert, describe, it } from "@effect/vitest"
import * as V8 from "node:v8"
import * as Vm from "node:vm"
import * as ChainParams from "../../../src/domain/p2p/ChainParams.ts"
import * as StoredChain from "../../../src/internal/headers/storedChain.ts"
import * as Legacy from "../../utils/legacy.ts"

const { regtest } = ChainParams

/** Headers that were never mined: the chain is told their hashes, and does not check anything. */
const makeHeaders = (random: Legacy.Random, previous: Uint8Array, count: number) => {
  const headers = new Uint8Array(count * 80)
  const hashes = new Uint8Array(count * 32)
  const view = new DataView(headers.buffer)
  let last = previous
  for (let i = 0; i < count; i++) {
    const hash = hashes.subarray(i * 32, (i + 1) * 32)
    for (let at = 0; at < 32; at += 4) new DataView(hash.buffer, hash.byteOffset).setUint32(at, random.below(2 ** 32))
    headers.set(last, i * 80 + 4)
    view.setUint32(i * 80 + 68, 1_600_000_000 + random.below(100_000), true)
    view.setUint32(i * 80 + 72, random.below(2) === 0 ? 0x207f_ffff : 0x1d00_ffff, true)
    last = hash
  }
  return { headers, hashes }
}

const usedBytes = (): number => {
  V8.setFlagsFromString("--expose-gc")
  const collect = Vm.runInNewContext("gc") as () => void
  collect()
  collect()
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

describe("StoredChain", () => {
  it("takes at most 120 bytes for a header", () => {
    const random = Legacy.makeRandom(1)
    const { hashes, headers } = makeHeaders(random, regtest.genesisHash, 200_000)
    const before = usedBytes()
    const chain = new StoredChain.StoredChain(regtest)
    for (let i = 0; i < 200_000; i += 2000) {
      chain.append(headers.subarray(i * 80, (i + 2000) * 80), hashes.subarray(i * 32, (i + 2000) * 32))
    }
    const each = (usedBytes() - before) / 200_000
    assert.strictEqual(chain.height, 200_000)
    assert.isAtMost(each, 120)
    assert.isAtLeast(each, 80)
  })

  for (const seed of [1, 2, 3, 4]) {
    it(`finds what it has and nothing else, seed ${seed}`, () => {
      const random = Legacy.makeRandom(seed)
      const chain = new StoredChain.StoredChain(regtest)
      const naive = [regtest.genesisHash]
      const lost: Array<Uint8Array> = []
      for (let round = 0; round < 25; round++) {
        if (random.below(3) === 0) {
          const height = random.below(chain.height + 1)
          chain.truncate(height)
          lost.push(...naive.splice(height + 1))
        } else {
          const count = 1 + random.below(300)
          const { hashes, headers } = makeHeaders(random, chain.hash, count)
          // Many hashes share their first bytes, so that their slots are taken by others.
          for (let i = 0; i < count; i++) hashes.fill(0, i * 32 + 1, i * 32 + 4)
          for (let i = 1; i < count; i++) headers.set(hashes.subarray((i - 1) * 32, i * 32), i * 80 + 4)
          chain.append(headers, hashes)
          for (let i = 0; i < count; i++) naive.push(hashes.subarray(i * 32, (i + 1) * 32))
        }
        assert.strictEqual(chain.height, naive.length - 1)
        for (const [height, hash] of naive.entries()) {
          assert.strictEqual(chain.heightOf(hash), height)
          assert.deepStrictEqual(Uint8Array.from(chain.hashAt(height)), Uint8Array.from(hash))
        }
        for (const hash of lost) assert.strictEqual(chain.heightOf(hash), undefined)
      }
    })
  }

  it("adds up work beyond 64 bits", () => {
    const chain = new StoredChain.StoredChain(regtest)
    const { hashes, headers } = makeHeaders(Legacy.makeRandom(1), chain.hash, 3)
    const view = new DataView(headers.buffer)
    for (const index of [0, 1, 2]) view.setUint32(index * 80 + 72, 0x1501_0000, true)
    chain.append(headers, hashes)
    const each = 2n ** 256n / (2n ** 160n + 1n)
    assert.isTrue(each > 2n ** 95n)
    assert.strictEqual(chain.work, 2n + 3n * each)
    for (let height = 0; height <= 3; height++) {
      assert.strictEqual(chain.chainWork(height), 2n + BigInt(height) * each)
    }
    chain.truncate(1)
    assert.strictEqual(chain.work, 2n + each)
  })
})
