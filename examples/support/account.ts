/**
 * What a Hub gives as bytes, as the text that wallets read.
 */
import { encodePrivateKeyWif } from "@bitauth/libauth"
import { Effect, Redacted } from "effect"
import { HubAddress, type HubClient, Network } from "effect-flowee"

/** A new address and what spends from it. */
export interface Account {
  /** CashAddr, with the prefix of its network. */
  readonly address: string
  /** The hash within the address: 20 bytes, in hex. */
  readonly addressHash: string
  /** Wallet import format. */
  readonly privateKey: string
}

/** Which network a Hub is on. One that does not tell is taken to be on the main one. */
export const askNetwork = ({ network }: HubClient.HubClient["Service"]): Effect.Effect<Network.Network> =>
  network.pipe(Effect.timeout("2 seconds"), Effect.orElseSucceed(() => Network.mainnet))

export const make = (
  { address, privateKey }: {
    readonly address: HubAddress.AddressHash
    readonly privateKey: Redacted.Redacted<Uint8Array>
  },
  network: Network.Network
): Account => ({
  address: HubAddress.toCashAddress(address, network),
  addressHash: address,
  privateKey: encodePrivateKeyWif(Redacted.value(privateKey), network.name === "mainnet" ? "mainnet" : "testnet")
})
