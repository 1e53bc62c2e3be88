/**
 * Values of the Hub API from plain ones, and those that the recorded conversations are about.
 */
import * as HubAddress from "../../src/domain/hub/HubAddress.ts"
import * as HubHash from "../../src/domain/hub/HubHash.ts"
import * as HubQuantity from "../../src/domain/hub/HubQuantity.ts"

export const height = (value: number): HubQuantity.BlockHeight => HubQuantity.BlockHeight.make(value)
export const offset = (value: number): HubQuantity.OffsetInBlock => HubQuantity.OffsetInBlock.make(value)
export const index = (value: number): HubQuantity.OutputIndex => HubQuantity.OutputIndex.make(value)
export const amount = (value: bigint): HubQuantity.Amount => HubQuantity.Amount.make(value)
export const block = (text: string): HubHash.BlockHash => HubHash.BlockHash.make(text)
export const txId = (text: string): HubHash.TxId => HubHash.TxId.make(text)
export const scriptHash = (text: string): HubHash.ScriptHash => HubHash.ScriptHash.make(text)
export const address = (text: string): HubAddress.AddressHash => HubAddress.AddressHash.make(text)

/** A hash whose bytes are all the same. */
export const same = (byte: string): string => byte.repeat(32)

export const genesis = block("0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206")

/** The first conversation: four blocks for one address. */
export const first = {
  miner: address("c2d42aad890e0900293b70a9b3aeef0d50b5a1c6"),
  blocks: [
    block("31013088adb763e33cedffecad39611dae9e278269e2e5b5631f2c590f7adb94"),
    block("029b13b15283c2d6895c2d4aa77622bae3fdf16cc3d11c960ec0b99575545e08"),
    block("27353258bd4fba5a97cb41620acc93e80717eda97e0fa5ff6123467db8b7d80c"),
    block("55cf615da9d1c5737824e30bdebe3749ceb8bfcee2fd395fa19d9fa3bb7ecca7")
  ],
  coinbase: txId("89c19e627061dc389eb68c318260aafd6adc6545619714a7389bd4f92898cdd7")
} as const

/** The second conversation: a payment. */
export const second = {
  miner: address("e280b9bd92646a310ddc0e190f62c5fd3f10a956"),
  minerScript: scriptHash("6635668319e920678468897844edc421d9d5a614253b990582f5f0a320a1e41a"),
  spent: txId("de0711bf3528f9cd0b3464ca162b9cf4e62018f1d6fe4c24a2f89fb17d1c4931"),
  coinbase: txId("a84c7d75c3f592a620a4a7eb5e689dd8c138facd00ec8921a6d72ff56bd5c335"),
  payment: txId("5c42432ca161b60318cd224b376f0d0e560ce5536a433d23bbadd7bbe7cfdbed"),
  proof: "3078705eb3ec8d1c5aee46789a31aeb4e9744c26b2f0ec65b5826776649bddd8",
  block: block("08c431b1832b62d74b86780915778537d620cb2d40c4f76392a2ff62f6308bcd")
} as const
