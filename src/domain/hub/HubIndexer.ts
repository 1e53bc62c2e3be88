/**
 * Service 19 of the Hub API: an index over all blocks. It is a server of its own, on port 1234.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as MessageGroup from "../MessageGroup.ts"
import * as Wire from "../Wire.ts"
import * as HubAddress from "./HubAddress.ts"
import * as HubHash from "./HubHash.ts"
import * as HubQuantity from "./HubQuantity.ts"

const { Struct, optionalKey } = Schema
const { tag } = Wire

const serviceId = 19

const flag = (id: number) => optionalKey(Schema.Boolean).pipe(tag(id))
const height = HubQuantity.BlockHeight.pipe(tag(7))
const offset = HubQuantity.OffsetInBlock.pipe(tag(8))
const outIndex = HubQuantity.OutputIndex.pipe(tag(20))
const txId = HubHash.TxIdFromBytes.pipe(tag(4))

/** Where a transaction is; neither is there when it was not found. */
const Place = Struct({ height: optionalKey(height), offset: optionalKey(offset) })

/**
 * An output that pays to the address that was asked for.
 *
 * @category models
 * @since 0.1.0
 */
export const AddressHit = Struct({ height, offset, index: outIndex })

/**
 * An output that pays to the address that was asked for.
 *
 * @category models
 * @since 0.1.0
 */
export type AddressHit = typeof AddressHit.Type

/**
 * What there is an index of.
 *
 * @category messages
 * @since 0.1.0
 */
export const getAvailableIndexers = MessageGroup.call("getAvailableIndexers", {
  serviceId,
  messageId: 0,
  reply: Struct({ addresses: flag(21), transactions: flag(22), spentOutputs: flag(23) }),
  idempotent: true
})

/**
 * Where a transaction is.
 *
 * @category messages
 * @since 0.1.0
 */
export const findTransaction = MessageGroup.call("findTransaction", {
  serviceId,
  messageId: 2,
  request: Struct({ txId }),
  reply: Place,
  idempotent: true
})

/**
 * Which outputs ever paid to an address, by the hash of its script or by itself.
 *
 * @category messages
 * @since 0.1.0
 */
export const findAddress = MessageGroup.call("findAddress", {
  serviceId,
  messageId: 4,
  request: Struct({
    scriptHash: optionalKey(HubHash.ScriptHashFromBytes).pipe(tag(9)),
    address: optionalKey(HubAddress.AddressHashFromBytes).pipe(tag(2))
  }),
  reply: Wire.records(AddressHit),
  idempotent: true
})

/**
 * Where the transaction is that spends an output.
 *
 * @category messages
 * @since 0.1.0
 */
export const findSpentOutput = MessageGroup.call("findSpentOutput", {
  serviceId,
  messageId: 6,
  request: Struct({ txId, index: outIndex }),
  reply: Place,
  idempotent: true
})

/**
 * The last block that went into the index.
 *
 * @category messages
 * @since 0.1.0
 */
export const getIndexerLastBlock = MessageGroup.call("getIndexerLastBlock", {
  serviceId,
  messageId: 8,
  reply: Struct({ height, hash: HubHash.BlockHashFromBytes.pipe(tag(5)) }),
  idempotent: true
})

/**
 * Which software it is.
 *
 * @category messages
 * @since 0.1.0
 */
export const indexerVersion = MessageGroup.call("indexerVersion", {
  serviceId,
  messageId: 10,
  reply: Struct({ version: Schema.String.pipe(tag(1)) }),
  idempotent: true
})

/**
 * All messages of the service.
 *
 * @category groups
 * @since 0.1.0
 */
export const group = MessageGroup.make(
  getAvailableIndexers,
  findTransaction,
  findAddress,
  findSpentOutput,
  getIndexerLastBlock,
  indexerVersion
)
