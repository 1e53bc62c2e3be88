/**
 * The command `flowee` and what it can do.
 */
import * as Command from "effect/cli/Command"
import * as Address from "./commands/address.ts"
import * as Block from "./commands/block.ts"
import * as Decode from "./commands/decode.ts"
import * as Encode from "./commands/encode.ts"
import * as Generate from "./commands/generate.ts"
import * as Hub from "./commands/hub.ts"
import * as Info from "./commands/info.ts"
import * as Mempool from "./commands/mempool.ts"
import * as Ping from "./commands/ping.ts"
import * as Send from "./commands/send.ts"
import * as Tx from "./commands/tx.ts"
import * as Version from "./commands/version.ts"
import * as Watch from "./commands/watch.ts"
import * as Json from "./terminal/json.ts"

/**
 * The command. Its errors are for people: what is wrong is in their message.
 *
 * @internal
 */
export const flowee: Command.Command<"flowee", {}, {}, { readonly message: string }, Command.Environment> = Command
  .make(
    "flowee"
  ).pipe(
    Command.withDescription("Talks to Flowee Hubs, and shows what peers say to each other."),
    Command.withSubcommands([
      { group: "A Hub of one's own", commands: [Hub.hub, Generate.generate] },
      {
        group: "What a Hub knows",
        commands: [Version.version, Info.info, Block.block, Tx.tx, Address.address, Mempool.mempool]
      },
      { group: "What happens", commands: [Watch.watch, Send.send, Ping.ping] },
      { group: "Bytes", commands: [Decode.decode, Encode.encode] }
    ]),
    Command.withGlobalFlags([Json.Json])
  )
