/**
 * The command `flowee` and what it can do.
 */
import * as Command from "effect/cli/Command"
import * as Decode from "./commands/decode.ts"
import * as Encode from "./commands/encode.ts"
import * as Hub from "./commands/hub.ts"
import * as Ping from "./commands/ping.ts"
import * as Json from "./terminal/json.ts"

/**
 * The command. Its errors are for people: what is wrong is in their message.
 *
 * @internal
 */
export const flowee: Command.Command<"flowee", {}, {}, { readonly message: string }, Command.Environment> = Command.make(
  "flowee"
).pipe(
  Command.withDescription("Talks to Flowee Hubs, and shows what peers say to each other."),
  Command.withSubcommands([Hub.hub, Ping.ping, Decode.decode, Encode.encode]),
  Command.withGlobalFlags([Json.Json])
)
