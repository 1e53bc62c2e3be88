/**
 * Chains of blocks for fake nodes: real headers with real work at the difficulty of regtest, and real transactions where
 * they are wanted. A chain never changes; one that is longer or forks off shares what they have in common, so that a
 * thousand nodes may have a chain each. What is made in the same way is the same block.
 */
import { Result } from "effect"
import * as Block from "../../../src/domain/chain/Block.ts"
import * as Coinbase from "../../../src/domain/chain/Coinbase.ts"
import * as RegtestGenesis from "../../../src/domain/chain/RegtestGenesis.ts"
import * as Transaction from "../../../src/domain/chain/Transaction.ts"
import * as BlockHeader from "../../../src/domain/p2p/BlockHeader.ts"
import * as ChainParams from "../../../src/domain/p2p/ChainParams.ts"
import * as HashHex from "../../../src/domain/p2p/HashHex.ts"
import * as MerkleRoot from "../../../src/domain/p2p/MerkleRoot.ts"
import * as Target from "../../../src/domain/p2p/Target.ts"
import { hash256 } from "../../../src/layers/NodeHash256.ts"
import * as Wallet from "../wallet.ts"

/** A block of a fake chain. */
export interface FakeBlock {
  readonly hash: Uint8Array
  readonly height: number
  /** The 80 bytes of its header. */
  readonly packed: Uint8Array
  /** The coinbase first; `undefined` where there is nothing but a header. */
  readonly transactions: ReadonlyArray<Transaction.Transaction> | undefined
  /** Who is paid by the coinbase. */
  readonly miner: Wallet.Key | undefined
}

/** A hash as a key of a map. */
export const keyOf = (hash: Uint8Array): string =>
  Buffer.from(hash.buffer, hash.byteOffset, hash.length).toString("latin1")

export const headerOf = ({ packed }: FakeBlock): BlockHeader.BlockHeader =>
  Result.getOrThrow(BlockHeader.decode(packed))

export const timeOf = ({ packed }: FakeBlock): number => BlockHeader.timeAt(packed, 0)

/** The bytes of the whole block. */
export const bytesOf = ({ packed, transactions = [] }: FakeBlock): Uint8Array => {
  if (transactions.length > 252) throw new Error("more transactions than a fake block has room for")
  return Uint8Array.from(Buffer.concat([
    packed,
    Uint8Array.of(transactions.length),
    ...transactions.map(({ bytes }) => bytes)
  ]))
}

const nonceOffset = 76

/** Finds a nonce in place, from 0 on, and returns the hash. With `isMet` false: one that is not good enough. */
export const solve = (packed: Uint8Array, isMet = true): Uint8Array => {
  const view = new DataView(packed.buffer, packed.byteOffset)
  const bits = BlockHeader.bitsAt(packed, 0)
  for (let nonce = 0;; nonce++) {
    view.setUint32(nonceOffset, nonce, true)
    const hash = hash256(packed)
    if (Target.isMet(hash, bits) === isMet) return hash
  }
}

export interface ExtendOptions {
  /** How many blocks. Default: 1. */
  readonly blocks?: number | undefined
  /** Transactions of the first of them, besides its coinbase. */
  readonly transactions?: ReadonlyArray<Transaction.Transaction> | undefined
  /** Headers only, which costs some microseconds a block: their merkle roots are numbers. Default: `false`. */
  readonly headersOnly?: boolean | undefined
  /** Tells apart blocks that would be the same on two forks: who is paid. Default: `"miner"`. */
  readonly salt?: string | undefined
  /** Seconds between blocks. Default: 600. */
  readonly spacing?: number | undefined
  /** The time of the first of them. Default: `spacing` after the block before. */
  readonly time?: number | undefined
}

const version = 0x2000_0000

/** The seeds of headers without blocks. */
const rootOf = (salt: string, height: number): Uint8Array => {
  const root = new Uint8Array(32)
  const view = new DataView(root.buffer)
  view.setUint32(0, height, true)
  root.set(Buffer.from(salt).subarray(0, 24), 8)
  return root
}

const miners = new Map<string, Wallet.Key>()

/** The key that blocks with that salt pay. */
export const minerOf = (salt: string): Wallet.Key => {
  const known = miners.get(salt) ?? Wallet.keyOf(`fake miner ${salt}`)
  miners.set(salt, known)
  return known
}

interface Universe {
  readonly params: ChainParams.ChainParams
  /** All blocks that were ever made, by their hashes. */
  readonly known: Map<string, FakeBlock>
}

/** A chain from the genesis block to a tip. */
export class FakeChain {
  readonly #universe: Universe
  /** Blocks that are shared with other chains: this one has those below `#shared`. */
  readonly #base: ReadonlyArray<FakeBlock>
  readonly #shared: number
  readonly #own: ReadonlyArray<FakeBlock>

  constructor(universe: Universe, base: ReadonlyArray<FakeBlock>, shared: number, own: ReadonlyArray<FakeBlock>) {
    this.#universe = universe
    this.#base = base
    this.#shared = shared
    this.#own = own
  }

  get params(): ChainParams.ChainParams {
    return this.#universe.params
  }

  get height(): number {
    return this.#shared + this.#own.length - 1
  }

  get tip(): FakeBlock {
    return this.at(this.height)!
  }

  at(height: number): FakeBlock | undefined {
    return height < this.#shared ? this.#base[height] : this.#own[height - this.#shared]
  }

  /** A block of this chain, or of any other of its network. */
  find(hash: Uint8Array): FakeBlock | undefined {
    return this.#universe.known.get(keyOf(hash))
  }

  has(block: FakeBlock): boolean {
    return this.at(block.height) === block
  }

  /** Up to `count` blocks from a height on. */
  slice(from: number, count: number): Array<FakeBlock> {
    const blocks: Array<FakeBlock> = []
    for (let height = from; height < from + count && height <= this.height; height++) blocks.push(this.at(height)!)
    return blocks
  }

  /** Where two chains part: the height of the last block that they share. */
  forkHeight(other: FakeChain): number {
    let height = Math.min(this.height, other.height)
    while (this.at(height) !== other.at(height)) height -= 1
    return height
  }

  /** The chain as far as that height. */
  cut(height: number): FakeChain {
    return height < this.#shared
      ? new FakeChain(this.#universe, this.#base, height + 1, [])
      : new FakeChain(this.#universe, this.#base, this.#shared, this.#own.slice(0, height + 1 - this.#shared))
  }

  /** This chain with more blocks. */
  extend(options: ExtendOptions = {}): FakeChain {
    const { blocks = 1, spacing = 600 } = options
    const added: Array<FakeBlock> = []
    let previous = this.tip
    for (let i = 0; i < blocks; i++) {
      const time = i === 0 ? options.time ?? timeOf(previous) + spacing : timeOf(previous) + spacing
      const header = { ...options, time, transactions: i === 0 ? options.transactions : undefined }
      previous = this.#mine(previous, header)
      added.push(previous)
    }
    return this.#append(added)
  }

  /** This chain with the headers that are packed, which follow its tip. They are not checked. */
  extendPacked(packed: Uint8Array): FakeChain {
    const added: Array<FakeBlock> = []
    for (let i = 0; i * BlockHeader.size < packed.length; i++) {
      const header = BlockHeader.bytesAt(packed, i)
      const height = this.height + 1 + i
      added.push(
        this.#keep({ hash: hash256(header), height, packed: header, transactions: undefined, miner: undefined })
      )
    }
    return this.#append(added)
  }

  /** Another branch: without the last `depth` blocks, with `blocks` others. */
  fork(depth: number, blocks: number, options: Omit<ExtendOptions, "blocks"> = {}): FakeChain {
    return this.cut(this.height - depth).extend({ salt: `fork at ${this.height - depth}`, ...options, blocks })
  }

  #append(added: ReadonlyArray<FakeBlock>): FakeChain {
    const own = [...this.#own, ...added]
    if (own.length < 1000) return new FakeChain(this.#universe, this.#base, this.#shared, own)
    const base = [...this.#base.slice(0, this.#shared), ...own]
    return new FakeChain(this.#universe, base, base.length, [])
  }

  #mine(previous: FakeBlock, options: ExtendOptions & { readonly time: number }): FakeBlock {
    const { headersOnly = false, salt = "miner", time } = options
    const height = previous.height + 1
    const miner = headersOnly ? undefined : minerOf(salt)
    const transactions = miner === undefined ? undefined : assemble(height, miner, options.transactions ?? [])
    const packed = BlockHeader.pack([{
      version,
      previous: previous.hash,
      merkleRoot: transactions === undefined
        ? rootOf(salt, height)
        : MerkleRoot.compute(transactions.map(({ id }) => id), hash256).root,
      time,
      bits: BlockHeader.bitsAt(previous.packed, 0),
      nonce: 0
    }])
    return this.#keep({ hash: solve(packed), height, packed, transactions, miner })
  }

  #keep(block: FakeBlock): FakeBlock {
    const key = keyOf(block.hash)
    const known = this.#universe.known.get(key)
    if (known !== undefined) return known
    this.#universe.known.set(key, block)
    return block
  }
}

const assemble = (
  height: number,
  miner: Wallet.Key,
  transactions: ReadonlyArray<Transaction.Transaction>
): ReadonlyArray<Transaction.Transaction> => [
  Coinbase.make({ height, address: miner.address, amount: Coinbase.subsidy(height) }),
  ...[...transactions].sort(Block.compareIds)
]

const origins = new Map<ChainParams.ChainParams, FakeChain>()

/** The chain that has nothing but the genesis block of a network. */
export const genesis = (params: ChainParams.ChainParams = ChainParams.regtest): FakeChain => {
  const origin = origins.get(params) ?? makeOrigin(params)
  origins.set(params, origin)
  return origin
}

const makeOrigin = (params: ChainParams.ChainParams): FakeChain => {
  const packed = BlockHeader.pack([params.genesis])
  const coinbase = Result.getOrThrow(Transaction.decode(RegtestGenesis.bytes.subarray(BlockHeader.size + 1)))
  const block: FakeBlock = { hash: params.genesisHash, height: 0, packed, transactions: [coinbase], miner: undefined }
  return new FakeChain({ params, known: new Map([[keyOf(block.hash), block]]) }, [block], 1, [])
}

/** A chain of regtest with that many blocks after the genesis block: the same one each time. */
export const make = (blocks: number, options: Omit<ExtendOptions, "blocks"> = {}): FakeChain =>
  genesis().extend({ ...options, blocks })

/** As `make`, with headers only. */
export const makeHeaders = (blocks: number, options: Omit<ExtendOptions, "blocks" | "headersOnly"> = {}): FakeChain =>
  genesis().extend({ ...options, blocks, headersOnly: true })

/** The chain of packed headers, such as those of `HeaderChain.load`; with the genesis block or without. */
export const fromPacked = (packed: Uint8Array, params: ChainParams.ChainParams = ChainParams.regtest): FakeChain => {
  const hasGenesis = HashHex.equals(hash256(BlockHeader.bytesAt(packed, 0)), params.genesisHash)
  return genesis(params).extendPacked(hasGenesis ? packed.subarray(BlockHeader.size) : packed)
}

/** What the coinbase of a block pays. */
export const coinOf = ({ height, transactions = [] }: FakeBlock): Wallet.Coin => ({
  txId: transactions[0]!.id,
  index: 0,
  amount: transactions[0]!.outputs[0]?.amount ?? Coinbase.subsidy(height)
})

/** A signed transaction that spends the coinbase of a block: pays an address, and the rest but 1000 to the miner. */
export const pay = (from: FakeBlock, address: Uint8Array, amount = 1_000_000n): Transaction.Transaction => {
  const coin = coinOf(from)
  const miner = from.miner!
  return Wallet.spend(miner, {
    coins: [coin],
    outputs: [Wallet.pay(address, amount), Wallet.pay(miner.address, coin.amount - amount - 1000n)]
  })
}

/** Transactions that fill blocks and that concern nobody. They are not signed. */
export const fillers = (count: number, salt = "filler"): ReadonlyArray<Transaction.Transaction> =>
  Array.from({ length: count }, (_, i) =>
    Transaction.make({
      version: 2,
      lockTime: 0,
      inputs: [{
        txId: hash256(Buffer.from(`${salt} ${i}`)),
        index: i,
        script: new Uint8Array(107),
        sequence: 0xffff_ffff
      }],
      outputs: [Wallet.pay(hash256(Buffer.from(`${salt} to ${i}`)).subarray(0, 20), 1000n + BigInt(i))]
    }))
