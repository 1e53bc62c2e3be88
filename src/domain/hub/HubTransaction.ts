/**
 * What the Hub API says of transactions: what a request may ask to be told of each, and what is then told.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Wire from "../Wire.ts"
import * as HubAddress from "./HubAddress.ts"
import * as HubHash from "./HubHash.ts"
import * as HubQuantity from "./HubQuantity.ts"

const { optionalKey } = Schema
const { group, tag } = Wire

const flag = (id: number) => optionalKey(Schema.Boolean).pipe(tag(id))

/**
 * The fields of a request that say what to tell of each transaction. With none of them it is the bytes of the
 * transaction.
 *
 * @category fields
 * @since 0.1.0
 */
export const choices = {
  /** Its id. */
  withTxId: flag(43),
  /** Where it is in its block. A Hub does so unless told `false`. */
  withOffset: flag(44),
  /** Its bytes. */
  withBytes: flag(45),
  withInputs: flag(46),
  /** Of its outputs, index and amount. */
  withAmounts: flag(47),
  /** Of its outputs, index and script. */
  withScripts: flag(48),
  /** Of its outputs, index, amount and script. */
  withOutputs: flag(49),
  /** Of its outputs, index and address, where they pay to one. */
  withAddresses: flag(50),
  /** Of its outputs, index and script hash. */
  withScriptHashes: flag(51),
  /** Only these outputs. */
  onlyOutputs: optionalKey(Schema.Array(HubQuantity.OutputIndex)).pipe(tag(52)),
  withFee: flag(53)
}

/**
 * What a request may ask to be told of each transaction.
 *
 * @category models
 * @since 0.1.0
 */
export const Choices = Schema.Struct(choices)

/**
 * What a request may ask to be told of each transaction.
 *
 * @category models
 * @since 0.1.0
 */
export type Choices = typeof Choices.Type

/**
 * An input. That of a coinbase spends nothing: no id or one of zeros, and no index or -1.
 *
 * @category models
 * @since 0.1.0
 */
export const Input = Schema.Struct({
  prevTxId: optionalKey(HubHash.TxIdFromBytes).pipe(tag(20)),
  prevIndex: optionalKey(Schema.Int).pipe(tag(21)),
  script: Schema.Uint8Array.pipe(tag(22))
})

/**
 * An input.
 *
 * @category models
 * @since 0.1.0
 */
export type Input = typeof Input.Type

/**
 * An output, with what was asked for.
 *
 * @category models
 * @since 0.1.0
 */
export const Output = Schema.Struct({
  index: HubQuantity.OutputIndex.pipe(tag(24)),
  amount: optionalKey(HubQuantity.Amount).pipe(tag(6)),
  script: optionalKey(Schema.Uint8Array).pipe(tag(23)),
  address: optionalKey(HubAddress.AddressHashFromBytes).pipe(tag(2)),
  scriptHash: optionalKey(HubHash.ScriptHashFromBytes).pipe(tag(9))
})

/**
 * An output, with what was asked for.
 *
 * @category models
 * @since 0.1.0
 */
export type Output = typeof Output.Type

/**
 * The fields of what is told of a transaction and its parts.
 *
 * @category fields
 * @since 0.1.0
 */
export const parts = {
  inputs: group(Input),
  outputs: group(Output, { startTag: 24 })
}

/**
 * The fields of what is told of a transaction in a block.
 *
 * @category fields
 * @since 0.1.0
 */
export const mined = {
  offset: optionalKey(HubQuantity.OffsetInBlock).pipe(tag(8)),
  txId: optionalKey(HubHash.TxIdFromBytes).pipe(tag(4)),
  ...parts,
  bytes: optionalKey(Schema.Uint8Array).pipe(tag(1)),
  /** The Hub API does not say where it is, and no recorded Hub tells it: it is read at any place. */
  fee: optionalKey(HubQuantity.Amount).pipe(tag(53))
}

/**
 * A transaction in a block, with what was asked for.
 *
 * @category models
 * @since 0.1.0
 */
export const Mined = Schema.Struct(mined)

/**
 * A transaction in a block, with what was asked for.
 *
 * @category models
 * @since 0.1.0
 */
export type Mined = typeof Mined.Type
