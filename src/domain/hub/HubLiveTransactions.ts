/**
 * Service 2 of the Hub API: the mempool, outputs that can be spent, and sending transactions.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as MessageGroup from "../MessageGroup.ts"
import * as Wire from "../Wire.ts"
import * as HubHash from "./HubHash.ts"
import * as HubQuantity from "./HubQuantity.ts"
import * as HubTransaction from "./HubTransaction.ts"

const { Struct, optionalKey } = Schema
const { tag } = Wire

const serviceId = 2

const height = optionalKey(HubQuantity.BlockHeight).pipe(tag(7))
const offset = optionalKey(HubQuantity.OffsetInBlock).pipe(tag(8))
const index = optionalKey(HubQuantity.OutputIndex).pipe(tag(21))

/**
 * An output, by the id of its transaction or by block and offset.
 *
 * @category models
 * @since 0.1.0
 */
export const OutPoint = Struct({
  txId: optionalKey(HubHash.TxIdFromBytes).pipe(tag(4)),
  height,
  offset,
  /** Default: 0. */
  index,
  /** Where some clients put the index by mistake: it is the tag that other messages have it under. Hubs ignore it. */
  misplacedIndex: optionalKey(HubQuantity.OutputIndex).pipe(tag(24))
})

/**
 * An output, by the id of its transaction or by block and offset.
 *
 * @category models
 * @since 0.1.0
 */
export type OutPoint = typeof OutPoint.Type

const unspent = {
  /** The other values are there when it is so. */
  isUnspent: Schema.Boolean.pipe(tag(26)),
  height,
  offset,
  index
}

/**
 * Whether an output can be spent, and where it is.
 *
 * @category models
 * @since 0.1.0
 */
export const Unspent = Struct(unspent)

/**
 * Whether an output can be spent, and where it is.
 *
 * @category models
 * @since 0.1.0
 */
export type Unspent = typeof Unspent.Type

/**
 * Whether an output can be spent, where it is and what it holds.
 *
 * @category models
 * @since 0.1.0
 */
export const UnspentOutput = Struct({
  ...unspent,
  amount: optionalKey(HubQuantity.Amount).pipe(tag(6)),
  script: optionalKey(Schema.Uint8Array).pipe(tag(23))
})

/**
 * Whether an output can be spent, where it is and what it holds.
 *
 * @category models
 * @since 0.1.0
 */
export type UnspentOutput = typeof UnspentOutput.Type

/**
 * A transaction of the mempool that was found, with what was asked for.
 *
 * @category models
 * @since 0.1.0
 */
export const Hit = Struct({
  txId: optionalKey(HubHash.TxIdFromBytes).pipe(tag(4)),
  /** Which of its outputs have a script hash that was asked for. */
  matchingOutputs: Schema.Array(HubQuantity.OutputIndex).pipe(tag(29)),
  firstSeen: HubQuantity.Seconds.pipe(tag(28)),
  bytes: optionalKey(Schema.Uint8Array).pipe(tag(25)),
  ...HubTransaction.parts,
  fee: optionalKey(HubQuantity.Amount).pipe(tag(53)),
  /** There is a proof that another transaction spends the same. */
  proofId: optionalKey(HubHash.ProofIdFromBytes).pipe(tag(27))
})

/**
 * A transaction of the mempool that was found, with what was asked for.
 *
 * @category models
 * @since 0.1.0
 */
export type Hit = typeof Hit.Type

/**
 * What the mempool holds.
 *
 * @category models
 * @since 0.1.0
 */
export const MempoolInfo = Struct({
  /** How many transactions. */
  size: Schema.Natural.pipe(tag(60)),
  /** Their bytes together. */
  bytes: Schema.Natural.pipe(tag(61)),
  /** The memory that they take, in bytes. */
  usage: Schema.Natural.pipe(tag(62)),
  /** The memory that they may take, in bytes. */
  maxUsage: Schema.Natural.pipe(tag(63)),
  /** The fee below which a transaction is not taken. */
  minFee: Wire.lenientDouble.pipe(tag(64))
})

/**
 * What the mempool holds.
 *
 * @category models
 * @since 0.1.0
 */
export type MempoolInfo = typeof MempoolInfo.Type

/**
 * A transaction, by its id or by the hash of one of its output scripts.
 *
 * @category messages
 * @since 0.1.0
 */
export const getLiveTransaction = MessageGroup.call("getLiveTransaction", {
  serviceId,
  messageId: 0,
  request: Struct({
    txId: optionalKey(HubHash.TxIdFromBytes).pipe(tag(4)),
    scriptHash: optionalKey(HubHash.ScriptHashFromBytes).pipe(tag(9))
  }),
  reply: Struct({
    /** Of its block, when it is in one. */
    height,
    bytes: Schema.Uint8Array.pipe(tag(1))
  }),
  idempotent: true
})

/**
 * Puts a transaction into the mempool, from where it goes to the miners. With the header value `Header.asyncRequest` it
 * is validated off the main thread of the Hub.
 *
 * @category messages
 * @since 0.1.0
 */
export const sendTransaction = MessageGroup.call("sendTransaction", {
  serviceId,
  messageId: 2,
  request: Struct({
    transaction: Schema.Uint8Array.pipe(tag(1)),
    /** Only say whether it could be sent. */
    validateOnly: optionalKey(Schema.Boolean).pipe(tag(30))
  }),
  /** One of the two is there. */
  reply: Struct({
    /** The answer when it was validated off the main thread. */
    asyncTxId: optionalKey(HubHash.TxIdFromBytes).pipe(tag(4)),
    txId: optionalKey(HubHash.TxIdFromBytes).pipe(tag(1))
  })
})

/**
 * Whether outputs can be spent, each in its turn.
 *
 * @category messages
 * @since 0.1.0
 */
export const isUnspent = MessageGroup.call("isUnspent", {
  serviceId,
  messageId: 4,
  request: Wire.records(OutPoint),
  reply: Wire.records(Unspent),
  idempotent: true
})

/**
 * Whether outputs can be spent and what they hold, each in its turn.
 *
 * @category messages
 * @since 0.1.0
 */
export const getUnspentOutput = MessageGroup.call("getUnspentOutput", {
  serviceId,
  messageId: 6,
  request: Wire.records(OutPoint),
  reply: Wire.records(UnspentOutput),
  idempotent: true
})

/**
 * The transactions of the mempool that have one of these ids, or pay to one of these scripts.
 *
 * @category messages
 * @since 0.1.0
 */
export const searchMempool = MessageGroup.call("searchMempool", {
  serviceId,
  messageId: 8,
  request: Struct({
    txIds: optionalKey(Schema.Array(HubHash.TxIdFromBytes)).pipe(tag(4)),
    scriptHashes: optionalKey(Schema.Array(HubHash.ScriptHashFromBytes)).pipe(tag(9)),
    ...HubTransaction.choices
  }),
  reply: Wire.records(Hit, { separators: "after" }),
  idempotent: true
})

/**
 * What the mempool holds.
 *
 * @category messages
 * @since 0.1.0
 */
export const getMempoolInfo = MessageGroup.call("getMempoolInfo", {
  serviceId,
  messageId: 10,
  reply: MempoolInfo,
  idempotent: true
})

/**
 * All messages of the service.
 *
 * @category groups
 * @since 0.1.0
 */
export const group = MessageGroup.make(
  getLiveTransaction,
  sendTransaction,
  isUnspent,
  getUnspentOutput,
  searchMempool,
  getMempoolInfo
)
