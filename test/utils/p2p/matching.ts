/**
 * What a node sees through the filter of a peer (BIP 37).
 */
import * as Auth from "@bitauth/libauth"
import type * as Transaction from "../../../src/domain/chain/Transaction.ts"
import * as BloomFilter from "../../../src/domain/p2p/BloomFilter.ts"
import * as PartialMerkleTree from "../../../src/domain/p2p/PartialMerkleTree.ts"
import { hash256 } from "../../../src/layers/NodeHash256.ts"
import type { FakeBlock } from "./fakeChain.ts"

/** What a script pushes. A script that is broken somewhere pushes what comes before. */
export const pushesOf = (script: Uint8Array): ReadonlyArray<Uint8Array> =>
  Auth.decodeAuthenticationInstructions(script).flatMap((instruction) =>
    "data" in instruction && !("malformed" in instruction) && instruction.data.length > 0 ? [instruction.data] : []
  )

/** Nobody who watches hashes of keys finds the spending of such an output by what it pushes. */
const paysKeys = (script: Uint8Array): boolean => Auth.isPayToPublicKey(script) || script.at(-1) === checkMultisig

const checkMultisig = 0xae

/** Tells whether a transaction matches. The filter learns the outputs that do, as its flags say. */
export const matches = (filter: BloomFilter.BloomFilter, { id, inputs, outputs }: Transaction.Transaction): boolean => {
  let isFound = BloomFilter.contains(filter, id)
  outputs.forEach(({ script }, index) => {
    if (!pushesOf(script).some((push) => BloomFilter.contains(filter, push))) return
    isFound = true
    if (mayLearn(filter, script)) BloomFilter.insertOutpoint(filter, id, index)
  })
  return isFound || inputs.some((input) =>
    BloomFilter.containsOutpoint(filter, input.txId, input.index) ||
    pushesOf(input.script).some((push) => BloomFilter.contains(filter, push))
  )
}

const mayLearn = ({ flags }: BloomFilter.BloomFilter, script: Uint8Array): boolean =>
  (flags & 3) === BloomFilter.Update.all || ((flags & 3) === BloomFilter.Update.publicKeyOnly && paysKeys(script))

/** The transactions of a block that match, by their positions. */
export const matchedOf = (filter: BloomFilter.BloomFilter, block: FakeBlock): ReadonlySet<number> => {
  const matched = new Set<number>()
  block.transactions?.forEach((transaction, position) => {
    if (matches(filter, transaction)) matched.add(position)
  })
  return matched
}

/** The tree that proves some transactions of a block. */
export const treeOf = (
  transactions: ReadonlyArray<Transaction.Transaction>,
  matched: ReadonlySet<number>
): PartialMerkleTree.PartialMerkleTree =>
  PartialMerkleTree.make({
    txids: transactions.map(({ id }) => id),
    isMatch: (position) => matched.has(position),
    hash256
  })
