/**
 * Chains of blocks with made-up transactions, and nodes that serve them through filters, without a network.
 */
import * as Auth from "@bitauth/libauth"
import * as Script from "../../../src/domain/chain/Script.ts"
import * as Transaction from "../../../src/domain/chain/Transaction.ts"
import * as BlockHeader from "../../../src/domain/p2p/BlockHeader.ts"
import * as BloomFilter from "../../../src/domain/p2p/BloomFilter.ts"
import * as ChainParams from "../../../src/domain/p2p/ChainParams.ts"
import * as HashHex from "../../../src/domain/p2p/HashHex.ts"
import * as InventoryType from "../../../src/domain/p2p/InventoryType.ts"
import * as MerkleRoot from "../../../src/domain/p2p/MerkleRoot.ts"
import * as P2PMessage from "../../../src/domain/p2p/P2PMessage.ts"
import * as PartialMerkleTree from "../../../src/domain/p2p/PartialMerkleTree.ts"
import * as HeaderChain from "../headerChain.ts"
import * as Legacy from "../legacy.ts"

export interface WalletBlock {
  readonly height: number
  readonly hash: Uint8Array
  readonly header: BlockHeader.BlockHeader
  readonly transactions: ReadonlyArray<Transaction.Transaction>
}

/** The first block of regtest. Nobody looks at its transactions. */
export const genesis: WalletBlock = {
  height: 0,
  hash: ChainParams.regtest.genesisHash,
  header: ChainParams.regtest.genesis,
  transactions: []
}

/** A block with the work that regtest demands. */
export const makeBlock = (
  previous: WalletBlock,
  transactions: ReadonlyArray<Transaction.Transaction>
): WalletBlock => {
  const header = HeaderChain.mine({
    version: 0x2000_0000,
    previous: previous.hash,
    merkleRoot: MerkleRoot.compute(transactions.map(({ id }) => id), Legacy.hash256).root,
    time: previous.header.time + 600,
    bits: 0x207f_ffff,
    nonce: 0
  })
  return { height: previous.height + 1, hash: BlockHeader.hash(header, Legacy.hash256), header, transactions }
}

/** A transaction of nobody in particular, with scripts that hold what is given. */
export const makeTransaction = (
  random: Legacy.Random,
  options: {
    readonly pays?: ReadonlyArray<Uint8Array>
    readonly spends?: ReadonlyArray<Transaction.OutPoint>
  } = {}
): Transaction.Transaction => {
  const spends = options.spends ?? [{ txId: random.bytes(32), index: random.below(4) }]
  const pays = options.pays ?? [random.bytes(20)]
  return Transaction.make({
    version: 2,
    lockTime: random.below(2 ** 31),
    inputs: spends.map((outpoint) => ({ ...outpoint, script: Uint8Array.of(33, ...random.bytes(33)), sequence: 0 })),
    outputs: pays.map((hash) => ({ amount: BigInt(random.below(1_000_000)), script: Script.payToAddress(hash) }))
  })
}

const pushesOf = (script: Uint8Array): ReadonlyArray<Uint8Array> =>
  Auth.decodeAuthenticationInstructions(script).flatMap((instruction) =>
    "data" in instruction && !("malformed" in instruction) && instruction.data.length > 0 ? [instruction.data] : []
  )

const matchOutputs = (filter: BloomFilter.BloomFilter, { id, outputs }: Transaction.Transaction): boolean => {
  let isFound = BloomFilter.contains(filter, id)
  outputs.forEach(({ script }, index) => {
    if (!pushesOf(script).some((push) => BloomFilter.contains(filter, push))) return
    isFound = true
    BloomFilter.insertOutpoint(filter, id, index)
  })
  return isFound
}

const matchInputs = (filter: BloomFilter.BloomFilter, { inputs }: Transaction.Transaction): boolean =>
  inputs.some(({ index, script, txId }) =>
    BloomFilter.containsOutpoint(filter, txId, index) ||
    pushesOf(script).some((push) => BloomFilter.contains(filter, push))
  )

/** The block as a node sends it through a filter: what matches follows the tree, but for those that are withheld. */
export const filtered = (
  filter: BloomFilter.BloomFilter,
  { header, transactions }: WalletBlock,
  isWithheld: (position: number) => boolean = () => false
): ReadonlyArray<P2PMessage.P2PMessage> => {
  const byOutput = transactions.map((transaction) => matchOutputs(filter, transaction))
  const matched = transactions.map((transaction, at) => byOutput[at]! || matchInputs(filter, transaction))
  const isTold = (position: number) => matched[position]! && !isWithheld(position)
  const tree = PartialMerkleTree.make({
    txids: transactions.map(({ id }) => id),
    isMatch: isTold,
    hash256: Legacy.hash256
  })
  return [
    P2PMessage.make("merkleblock", { header, ...tree }),
    ...transactions.filter((_, position) => isTold(position)).map(({ bytes }) => P2PMessage.make("tx", { bytes }))
  ]
}

/** A node that knows blocks and answers what a wallet asks. */
export class WalletNode {
  readonly blocks = new Map<string, WalletBlock>()
  filter: BloomFilter.BloomFilter | undefined = undefined
  /** Every element that was inserted is in the filters that it was given. */
  readonly filters: Array<BloomFilter.BloomFilter> = []
  isWithheld: (block: WalletBlock, position: number) => boolean = () => false

  learn(blocks: Iterable<WalletBlock>): void {
    for (const block of blocks) this.blocks.set(HashHex.format(block.hash), block)
  }

  answer(message: P2PMessage.P2PMessage): ReadonlyArray<P2PMessage.P2PMessage> {
    if (message._tag === "ping") return [P2PMessage.make("pong", { nonce: message.nonce })]
    if (message._tag === "filterload") {
      const { bytes, flags, functions, tweak } = message
      this.filters.push({ bytes: bytes.slice(), flags, functions, tweak })
      this.filter = { bytes: bytes.slice(), flags, functions, tweak }
      return []
    }
    if (message._tag !== "getdata") return []
    return message.inventory.flatMap(({ hash, type }) => {
      const block = this.blocks.get(HashHex.format(hash))
      if (type !== InventoryType.merkleBlock || block === undefined || this.filter === undefined) return []
      return filtered(this.filter, block, (position) => this.isWithheld(block, position))
    })
  }
}
