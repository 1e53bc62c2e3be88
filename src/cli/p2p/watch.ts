/**
 * `flowee p2p watch`: payments to and from addresses, proven by the chain and told by peers that do not know whose they
 * are.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Network from "../../domain/Network.ts"
import * as HashHex from "../../domain/p2p/HashHex.ts"
import * as WalletElement from "../../domain/p2p/WalletElement.ts"
import * as NodeHash256 from "../../layers/NodeHash256.ts"
import * as HeaderChain from "../../services/p2p/HeaderChain.ts"
import type * as WalletEvent from "../../services/p2p/WalletEvent.ts"
import * as Wallets from "../../services/p2p/Wallets.ts"
import * as Json from "../notation/json.ts"
import * as JsonFlag from "../terminal/json.ts"
import * as Output from "../terminal/output.ts"
import type * as Palette from "../terminal/palette.ts"
import * as Node from "./node.ts"
import * as Syncing from "./syncing.ts"

/** The same addresses are the same wallet, which goes on from where it was when there is a directory. */
const idOf = (addresses: ReadonlyArray<string>): string =>
  `watch-${HashHex.format(NodeHash256.hash256(new TextEncoder().encode(addresses.toSorted().join()))).slice(0, 16)}`

const toJson = (event: WalletEvent.WalletEvent): object => {
  switch (event._tag) {
    case "Matched":
      return {
        event: "matched",
        txId: HashHex.format(event.txid),
        height: event.height,
        blockHash: HashHex.format(event.blockHash)
      }
    case "Unconfirmed":
      return { event: "unconfirmed", txId: HashHex.format(event.txid) }
    case "RolledBack":
      return { event: "rolledBack", height: event.height, txIds: event.txids.map(HashHex.format) }
    case "Synced":
      return { event: "synced", height: event.height }
  }
}

const toText = (event: WalletEvent.WalletEvent, { bad, dim, good, strong }: Palette.Palette): string => {
  switch (event._tag) {
    case "Matched":
      return `${good("in block")}  ${event.height}  ${strong(HashHex.format(event.txid))}`
    case "Unconfirmed":
      return `${dim("on its way")}  ${strong(HashHex.format(event.txid))}`
    case "RolledBack":
      return `${bad("rolled back")}  to ${event.height}  ${event.txids.map(HashHex.format).join(" ")}`
    case "Synced":
      return dim(`looked at all blocks up to ${event.height}`)
  }
}

/** @internal */
export const watch = Command.make(
  "watch",
  {
    addresses: Argument.String("address").pipe(
      Argument.withDescription("An address (CashAddr)"),
      Argument.atLeast(1)
    ),
    from: Flag.Int("from").pipe(
      Flag.withMetavar("HEIGHT"),
      Flag.withDescription("The first block to look at. Default: the next one"),
      Flag.filter((height) => height >= 0, () => "a height, 0 or more"),
      Flag.optional
    ),
    ...Node.flags
  },
  ({ addresses, from, ...node }) =>
    Effect.gen(function*() {
      const network = Network.networks[node.network]
      const elements = yield* Effect.forEach(
        addresses,
        (address) => Effect.fromResult(WalletElement.fromAddress(address, network))
      )
      yield* Effect.gen(function*() {
        const isJson = yield* JsonFlag.Json
        const palette = yield* Output.palette
        const bar = yield* Syncing.progressBar
        yield* Effect.ensuring(Syncing.untilSynced({ ...node, awaited: Node.awaited(node), tell: bar.tell }), bar.end)
        const chain = yield* HeaderChain.HeaderChain
        const { height } = yield* chain.tip
        const wallets = yield* Wallets.Wallets
        const wallet = yield* wallets.open({
          id: idOf(addresses),
          firstBlock: { height: Option.getOrElse(from, () => height + 1) },
          elements
        })
        yield* Output.note(`watching ${addresses.join(" ")} on ${network.name}, until Ctrl-C`)
        yield* Output.printLines(
          Stream.map(wallet.events, (event) => isJson ? Json.format(toJson(event)) : toText(event, palette))
        )
      }).pipe(Effect.scoped, Effect.provide(Node.layer(node)))
    })
).pipe(
  Command.withDescription(
    "Tells of each transaction that pays an address or spends from it: when it is on its way, and when it is in a block, which is proven. Peers get a filter, and do not learn which addresses are meant."
  ),
  Command.withShortDescription("Payments to and from addresses"),
  Command.withExamples([
    {
      command:
        "flowee p2p watch --network regtest --peer localhost:18444 --from 0 bchreg:qqysjzgfpyysjzgfpyysjzgfpyysjzgfpyfvdrnchd",
      description: "Since the first block, by a node of one's own"
    }
  ])
)
