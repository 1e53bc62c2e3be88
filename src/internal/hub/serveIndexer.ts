/**
 * Service 19: where transactions, payments and spenders are. Elsewhere it is a server of its own.
 */
import * as Effect from "effect/Effect"
import * as Script from "../../domain/chain/Script.ts"
import * as HubAddress from "../../domain/hub/HubAddress.ts"
import * as HubHash from "../../domain/hub/HubHash.ts"
import type * as HubIndexer from "../../domain/hub/HubIndexer.ts"
import type * as RegtestChain from "../../services/hub/RegtestChain.ts"
import type * as MessageServer from "../../services/MessageServer.ts"
import * as Names from "./names.ts"

/** @internal */
export const make = (
  chain: RegtestChain.RegtestChain["Service"],
  version: string
): MessageServer.Handlers<typeof HubIndexer.group["members"][number], never> => ({
  getAvailableIndexers: () => Effect.succeed({ addresses: true, transactions: true, spentOutputs: true }),
  findTransaction: ({ txId }) =>
    chain.look((chain) => {
      const location = chain.find(HubHash.toBytes(txId))
      return location === undefined ? {} : describe(location)
    }),
  findAddress: (request) =>
    chain.look((chain) =>
      chain.payments(scriptHashOf(request)).map(({ index, location: { block, offset } }) => ({
        height: Names.height(block.height),
        offset: Names.offset(offset),
        index: Names.index(index)
      }))
    ),
  findSpentOutput: ({ index, txId }) =>
    chain.look((chain) => {
      const location = chain.spender({ txId: HubHash.toBytes(txId), index })
      return location === undefined ? {} : describe(location)
    }),
  getIndexerLastBlock: () =>
    chain.look(({ tip }) => ({ height: Names.height(tip.height), hash: Names.blockHash(tip.hash) })),
  indexerVersion: () => Effect.succeed({ version })
})

const describe = ({ block, offset }: RegtestChain.Location) => ({
  height: Names.height(block.height),
  offset: Names.offset(offset)
})

const nothing = new Uint8Array(32)

const scriptHashOf = ({ address, scriptHash }: {
  readonly address?: HubAddress.AddressHash
  readonly scriptHash?: HubHash.ScriptHash
}): Uint8Array => {
  if (scriptHash !== undefined) return HubHash.toBytes(scriptHash)
  return address === undefined ? nothing : Script.hash(HubAddress.toScript(address))
}
