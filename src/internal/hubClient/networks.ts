/**
 * The network that a Hub is on, and what depends on it.
 */
import * as Effect from "effect/Effect"
import type * as Network from "../../domain/Network.ts"
import * as HubAddress from "../../domain/hub/HubAddress.ts"
import * as HubBlockChain from "../../domain/hub/HubBlockChain.ts"
import type * as HubClient from "../../services/hub/HubClient.ts"
import * as HubError from "../../services/hub/HubError.ts"
import type * as Calls from "./calls.ts"

/** @internal */
export const make = (
  { blockChainInfo }: Pick<Calls.Calls, "blockChainInfo">
): Pick<HubClient.HubClient["Service"], "network" | "parseAddress" | "formatAddress"> => {
  let known: Network.Network | undefined
  const network = Effect.suspend(() =>
    known !== undefined ? Effect.succeed(known) : Effect.map(blockChainInfo, ({ chain }) => {
      known = HubBlockChain.networkOf(chain)
      return known
    })
  )
  return {
    network,
    parseAddress: (text) =>
      Effect.flatMap(network, (network) =>
        Effect.mapError(
          Effect.fromResult(HubAddress.fromCashAddress(text, network)),
          ({ message }) => HubError.badArgument("parseAddress", "text", message)
        )),
    formatAddress: (address) => Effect.map(network, (network) => HubAddress.toCashAddress(address, network))
  }
}
