/**
 * Blocks of peers: of 32 MB, made of the smallest transactions that there can be.
 */
import { Effect, Result } from "effect"
import * as BlockHeader from "../../src/domain/p2p/BlockHeader.ts"
import * as MerkleRoot from "../../src/domain/p2p/MerkleRoot.ts"
import * as P2PMessage from "../../src/domain/p2p/P2PMessage.ts"
import * as PartialMerkleTree from "../../src/domain/p2p/PartialMerkleTree.ts"
import * as InPieces from "../../src/internal/inPieces.ts"
import * as BlockCheck from "../../src/internal/p2p/blockCheck.ts"
import { hash256 } from "../../src/layers/NodeHash256.ts"
import type { Case } from "./probe.ts"

const maxBlock = 32_000_000

/** Version, one input without a script, one output without one, lock time. */
const smallest = 4 + 1 + 41 + 1 + 9 + 4

const header = (merkleRoot: Uint8Array): BlockHeader.BlockHeader => ({
  version: 1,
  previous: new Uint8Array(32),
  merkleRoot,
  time: 1,
  bits: 0x207f_ffff,
  nonce: 0
})

export const transactions = (count: number, size = smallest): ReadonlyArray<Uint8Array> => {
  const all = new Uint8Array(count * size)
  const view = new DataView(all.buffer)
  return Array.from({ length: count }, (_, i) => {
    const at = i * size
    const script = size - smallest
    if (script > 252) throw new Error("a script of a small transaction")
    all[at] = 2
    all[at + 4] = 1
    view.setUint32(at + 5, i + 1)
    all[at + 46] = 1
    all[at + 55] = script
    return all.subarray(at, at + size)
  })
}

const packBlock = (all: ReadonlyArray<Uint8Array>): Uint8Array => {
  const { root } = MerkleRoot.compute(all.map(hash256), hash256)
  const bytes = new Uint8Array(85 + all.length * all[0]!.length)
  bytes.set(BlockHeader.pack([header(root)]))
  bytes[80] = 0xfe
  new DataView(bytes.buffer).setUint32(81, all.length, true)
  all.forEach((one, i) => bytes.set(one, 85 + i * one.length))
  return bytes
}

const blockOf = (size: number): Effect.Effect<Uint8Array> =>
  Effect.sync(() => packBlock(transactions(Math.floor((maxBlock - 85) / size), size)))

const tree = (matched: boolean): PartialMerkleTree.PartialMerkleTree => {
  const txids = transactions(60_000).map(hash256)
  return PartialMerkleTree.make({ txids, isMatch: () => matched, hash256 })
}

export const cases: ReadonlyArray<Case> = [
  {
    what: "a block of 32 MB, 530,000 transactions of 60 bytes",
    prepare: Effect.map(blockOf(smallest), (bytes) => ({ run: BlockCheck.check(bytes, hash256) }))
  },
  {
    what: "a block of 32 MB, 128,000 transactions of 250 bytes",
    prepare: Effect.map(blockOf(250), (bytes) => ({ run: BlockCheck.check(bytes, hash256) }))
  },
  {
    what: "a merkleblock of 2 MB that proves 60,000 transactions",
    prepare: Effect.sync(() => {
      const proof = tree(true)
      const message = P2PMessage.make("merkleblock", { header: header(new Uint8Array(32)), ...proof } as never)
      const body = Result.getOrThrow(P2PMessage.encode(message))
      return {
        run: Effect.suspend(() => {
          const decoded = Result.getOrThrow(P2PMessage.decode("merkleblock", body))
          const { merkleRoot } = decoded.header
          return InPieces.run(() => PartialMerkleTree.verifyInPieces(decoded, merkleRoot, hash256))
        })
      }
    })
  }
]
