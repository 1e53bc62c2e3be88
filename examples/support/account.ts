/**
 * What a Hub gives as bytes, as the text that wallets read.
 */
import { binToHex, encodeCashAddress, encodePrivateKeyWif } from "@bitauth/libauth"

/** A new address and what spends from it. */
export interface Account {
  /** CashAddr, with the prefix of its chain. */
  readonly address: string
  /** The hash within the address: 20 bytes, in hex. */
  readonly addressHash: string
  /** Wallet import format. */
  readonly privateKey: string
}

const prefixes = {
  main: "bitcoincash",
  test: "bchtest",
  testnet4: "bchtest",
  scalenet: "bchtest",
  regtest: "bchreg"
} as const

const isChain = (name: string): name is keyof typeof prefixes => Object.hasOwn(prefixes, name)

export const make = ({ addressHash, chain, privateKey }: {
  /** As the Hub calls it. One that is not known is taken for the main one. */
  readonly chain: string
  readonly addressHash: Uint8Array
  readonly privateKey: Uint8Array
}): Account => {
  const prefix = isChain(chain) ? prefixes[chain] : "bitcoincash"
  return {
    address: encodeCashAddress({ prefix, type: "p2pkh", payload: addressHash }).address,
    addressHash: binToHex(addressHash),
    privateKey: encodePrivateKeyWif(privateKey, prefix === "bitcoincash" ? "mainnet" : "testnet")
  }
}
