/**
 * Service 1 of the Hub API: blocks, and transactions in blocks.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as MessageGroup from "../MessageGroup.ts"
import * as Network from "../Network.ts"
import * as Wire from "../Wire.ts"
import * as HubHash from "./HubHash.ts"
import * as HubQuantity from "./HubQuantity.ts"
import * as HubTransaction from "./HubTransaction.ts"

const { Struct, optionalKey } = Schema
const { tag } = Wire

const serviceId = 1

/**
 * How a Hub calls the networks.
 *
 * @category models
 * @since 0.1.0
 */
export const Chain = Schema.Literals(["main", "test", "testnet4", "scalenet", "regtest"])

/**
 * How a Hub calls the networks.
 *
 * @category models
 * @since 0.1.0
 */
export type Chain = typeof Chain.Type

const networks: { readonly [chain in Chain]: Network.Network } = {
  main: Network.mainnet,
  test: Network.testnet3,
  testnet4: Network.testnet4,
  scalenet: Network.scalenet,
  regtest: Network.regtest
}

/**
 * The network that a Hub calls so.
 *
 * @category getters
 * @since 0.1.0
 */
export const networkOf = (chain: Chain): Network.Network => networks[chain]

const height = HubQuantity.BlockHeight.pipe(tag(7))
const hash = HubHash.BlockHashFromBytes.pipe(tag(5))

/** A block is asked for by one of these. */
const which = { hash: optionalKey(hash), height: optionalKey(height) }

const times = {
  time: HubQuantity.Seconds.pipe(tag(63)),
  /** The median time of the eleven blocks up to this one. */
  medianTime: HubQuantity.Seconds.pipe(tag(65)),
  nonce: Schema.Natural.pipe(tag(74)),
  /** The target that the hash is below, in its short form. */
  bits: Schema.Natural.pipe(tag(75)),
  difficulty: Wire.lenientDouble.pipe(tag(64))
}

const neighbours = {
  previous: optionalKey(HubHash.BlockHashFromBytes).pipe(tag(76)),
  next: optionalKey(HubHash.BlockHashFromBytes).pipe(tag(77))
}

const work = HubQuantity.ChainWorkFromBytes.pipe(tag(66))
const confirmations = Schema.Int.pipe(tag(72))
const version = Schema.Int.pipe(tag(62))
const merkleRoot = HubHash.MerkleRootFromBytes.pipe(tag(73))

/**
 * Where the chain stands.
 *
 * @category models
 * @since 0.1.0
 */
export const Info = Struct({
  chain: Chain.pipe(tag(67)),
  /** The height of the best block. */
  blocks: HubQuantity.BlockHeight.pipe(tag(68)),
  /** The height of the best header. */
  headers: HubQuantity.BlockHeight.pipe(tag(69)),
  bestBlock: HubHash.BlockHashFromBytes.pipe(tag(70)),
  difficulty: Wire.lenientDouble.pipe(tag(64)),
  medianTime: HubQuantity.Seconds.pipe(tag(65)),
  /** From 0 to 1: which part of the chain has been verified. */
  progress: Wire.lenientDouble.pipe(tag(71)),
  work
})

/**
 * Where the chain stands.
 *
 * @category models
 * @since 0.1.0
 */
export type Info = typeof Info.Type

/**
 * The header of a block, and where it is.
 *
 * @category models
 * @since 0.1.0
 */
export const Header = Struct({
  hash,
  /** How many blocks there are from this one on; -1 off the best chain. */
  confirmations,
  height,
  version,
  merkleRoot,
  ...times,
  ...neighbours
})

/**
 * The header of a block, and where it is.
 *
 * @category models
 * @since 0.1.0
 */
export type Header = typeof Header.Type

/**
 * All about a block, with the ids of its transactions.
 *
 * @category models
 * @since 0.1.0
 */
export const Verbose = Struct({
  hash,
  confirmations,
  /** In bytes. */
  size: Schema.Natural.pipe(tag(61)),
  height,
  version,
  merkleRoot,
  txIds: Wire.records(HubHash.TxIdFromBytes.pipe(tag(4))),
  ...times,
  work,
  ...neighbours
})

/**
 * All about a block, with the ids of its transactions.
 *
 * @category models
 * @since 0.1.0
 */
export type Verbose = typeof Verbose.Type

/**
 * A block with those of its transactions that passed the filter, and of each what was asked for.
 *
 * @category models
 * @since 0.1.0
 */
export const Block = Struct({
  height,
  hash,
  transactions: Wire.records(HubTransaction.Mined, { separators: "after" })
})

/**
 * A block with those of its transactions that passed the filter, and of each what was asked for.
 *
 * @category models
 * @since 0.1.0
 */
export type Block = typeof Block.Type

/**
 * Kinds of output scripts, for the filter of {@link getBlock}: a sum of them.
 *
 * @category constants
 * @since 0.1.0
 */
export const ScriptKind = {
  opReturn: 1,
  checkSig: 2,
  checkMultiSig: 4,
  checkLockTimeVerify: 8,
  checkDataSig: 16,
  p2sh: 32
} as const

/**
 * Where the chain stands.
 *
 * @category messages
 * @since 0.1.0
 */
export const getBlockChainInfo = MessageGroup.call("getBlockChainInfo", {
  serviceId,
  messageId: 0,
  reply: Info,
  idempotent: true
})

/**
 * The hash of the best block.
 *
 * @category messages
 * @since 0.1.0
 */
export const getBestBlockHash = MessageGroup.call("getBestBlockHash", {
  serviceId,
  messageId: 2,
  reply: Struct({ hash: HubHash.BlockHashFromBytes.pipe(tag(1)) }),
  idempotent: true
})

/**
 * A block. The filter by script hashes lets those transactions pass that pay to one of them or spend from one; a Hub
 * remembers it as long as the connection lasts.
 *
 * @category messages
 * @since 0.1.0
 */
export const getBlock = MessageGroup.call("getBlock", {
  serviceId,
  messageId: 4,
  request: Struct({
    ...which,
    /** Filter as the last request did. */
    reuseFilter: optionalKey(Schema.Boolean).pipe(tag(40)),
    /** Filter by this script hash alone, and those of `addFilter`. */
    setFilter: optionalKey(HubHash.ScriptHashFromBytes).pipe(tag(41)),
    addFilter: optionalKey(Schema.Array(HubHash.ScriptHashFromBytes)).pipe(tag(42)),
    /** Filter by kinds of output scripts: a sum of `ScriptKind`. */
    scriptKinds: optionalKey(Schema.Natural).pipe(tag(39)),
    ...HubTransaction.choices
  }),
  reply: Block,
  idempotent: true
})

/**
 * All about a block, with the ids of its transactions.
 *
 * @category messages
 * @since 0.1.0
 */
export const getBlockVerbose = MessageGroup.call("getBlockVerbose", {
  serviceId,
  messageId: 6,
  request: Struct({ ...which, verbose: optionalKey(Schema.Boolean).pipe(tag(60)) }),
  reply: Verbose,
  idempotent: true
})

/**
 * The header of a block. For a block that is not there the list is empty.
 *
 * @category messages
 * @since 0.1.0
 */
export const getBlockHeader = MessageGroup.call("getBlockHeader", {
  serviceId,
  messageId: 8,
  request: Struct(which),
  reply: Wire.group(Header).check(Schema.isMaxLength(1)),
  idempotent: true
})

/**
 * The height of the best block.
 *
 * @category messages
 * @since 0.1.0
 */
export const getBlockCount = MessageGroup.call("getBlockCount", {
  serviceId,
  messageId: 10,
  reply: Struct({ height }),
  idempotent: true
})

/**
 * A transaction by its block and offset there, or by its id where the Hub has an index of them.
 *
 * @category messages
 * @since 0.1.0
 */
export const getTransaction = MessageGroup.call("getTransaction", {
  serviceId,
  messageId: 12,
  request: Struct({
    txId: optionalKey(HubHash.TxIdFromBytes).pipe(tag(4)),
    height: optionalKey(height),
    offset: optionalKey(HubQuantity.OffsetInBlock).pipe(tag(8)),
    ...HubTransaction.choices
  }),
  reply: HubTransaction.Mined,
  idempotent: true
})

/**
 * All messages of the service.
 *
 * @category groups
 * @since 0.1.0
 */
export const group = MessageGroup.make(
  getBlockChainInfo,
  getBestBlockHash,
  getBlock,
  getBlockVerbose,
  getBlockHeader,
  getBlockCount,
  getTransaction
)
