/**
 * The command `flowee` and what it can do.
 */
import * as Command from "effect/cli/Command"
import * as Address from "./commands/address.ts"
import * as Bans from "./commands/bans.ts"
import * as Block from "./commands/block.ts"
import * as Decode from "./commands/decode.ts"
import * as Encode from "./commands/encode.ts"
import * as Generate from "./commands/generate.ts"
import * as Hub from "./commands/hub.ts"
import * as Info from "./commands/info.ts"
import * as Mempool from "./commands/mempool.ts"
import * as P2P from "./commands/p2p.ts"
import * as Ping from "./commands/ping.ts"
import * as Send from "./commands/send.ts"
import * as Tx from "./commands/tx.ts"
import * as Version from "./commands/version.ts"
import * as Watch from "./commands/watch.ts"
import * as Json from "./terminal/json.ts"

/** What is wrong is for people, and in the message. */
type Flowee = Command.Command<"flowee", {}, {}, { readonly message: string }, Command.Environment>

/** @internal */
export const flowee: Flowee = Command.make("flowee").pipe(
  Command.withDescription(`Talks to Flowee Hubs, and shows what peers say to each other.

  Commands that talk to a Hub look for that of "flowee hub" on this machine, unless --hub or FLOWEE_HUB says otherwise.`),
  Command.withSubcommands([
    { group: "A Hub of one's own", commands: [Hub.hub, Generate.generate] },
    {
      group: "What a Hub knows",
      commands: [Version.version, Info.info, Block.block, Tx.tx, Address.address, Mempool.mempool]
    },
    { group: "What happens", commands: [Watch.watch, Send.send, Ping.ping] },
    { group: "The Bitcoin Cash network", commands: [P2P.p2p] },
    { group: "Servers", commands: [Bans.bans] },
    { group: "Bytes", commands: [Decode.decode, Encode.encode] }
  ]),
  Command.withExamples([
    { command: "flowee hub", description: "Run a Hub of one's own" },
    { command: "flowee generate 3", description: "Have it make blocks" },
    { command: "flowee watch blocks", description: "See them come" }
  ]),
  Command.withGlobalFlags([Json.Json])
)
