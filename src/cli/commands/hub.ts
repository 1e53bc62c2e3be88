/**
 * `flowee hub`: runs a Hub of one's own.
 */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as NodeCookieFile from "../../layers/NodeCookieFile.ts"
import * as NodeNetwork from "../../layers/NodeNetwork.ts"
import * as ConnectionAuthorizer from "../../services/ConnectionAuthorizer.ts"
import * as EmbeddedHub from "../../services/hub/EmbeddedHub.ts"
import * as Target from "../hub/target.ts"
import * as Json from "../notation/json.ts"
import * as JsonFlag from "../terminal/json.ts"
import * as Output from "../terminal/output.ts"

const config = {
  host: Flag.String("host").pipe(
    Flag.withMetavar("ADDRESS"),
    Flag.withDescription(`The address to listen on; 0.0.0.0 for all of this machine. Default: ${Target.defaultHost}`),
    Flag.withDefault(Target.defaultHost)
  ),
  port: Flag.Int("port").pipe(
    Flag.withMetavar("PORT"),
    Flag.withDescription(`The port to listen on; 0 for one that is free. Default: ${Target.defaultPort}`),
    Flag.filter((port) => port >= 0 && port <= 65_535, () => "a port from 0 to 65535"),
    Flag.withDefault(Target.defaultPort)
  ),
  cookieFile: Flag.Path("cookie-file").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription(
      "Let in only who has the cookie of this file, which is made if it is missing. Default: everybody"
    ),
    Flag.optional
  )
}

/** Whoever develops a client makes mistakes, from the same address as all others of the machine: none of them bans it. */
const network = NodeNetwork.layer({ drainTimeout: "1 second", malformedPoints: 0, failedLoginPoints: 0 })

/** Who may connect. */
const authorizer = (cookieFile: Option.Option<string>) =>
  Option.match(cookieFile, {
    onNone: () => Layer.empty,
    onSome: (path) => Layer.provide(ConnectionAuthorizer.layerCookie, NodeCookieFile.layer({ path }))
  })

const announce = Effect.fnUntraced(function*(endPoint: string) {
  if (yield* JsonFlag.Json) return yield* Output.printLine(Json.format({ hub: endPoint }))
  const { dim, good } = yield* Output.palette
  yield* Output.printLine(`Hub at ${good(endPoint)}, a regtest chain in memory. ${dim("Ctrl-C ends it.")}`)
})

/** @internal */
export const hub = Command.make("hub", config, ({ cookieFile, host, port }) =>
  Effect.gen(function*() {
    const { endPoint } = yield* EmbeddedHub.EmbeddedHub
    yield* announce(endPoint)
    return yield* Effect.never
  }).pipe(
    Effect.provide(
      EmbeddedHub.layer({ endPoint: { host, port } }).pipe(
        Layer.provide([network, authorizer(cookieFile)])
      )
    )
  )).pipe(
    Command.withDescription(`Runs a Hub of one's own, with a block chain of its own (regtest) that lives in memory.

  It is there for development and tests: blocks are made by "flowee generate", transactions are checked as a real Hub does,
  and everything is gone when it ends. The other commands look for it where it listens.`),
    Command.withShortDescription("Run a Hub of one's own"),
    Command.withExamples([
      { command: "flowee hub", description: "For programs of this machine" },
      { command: "flowee hub --port 0 --json", description: "On a free port, which is printed as JSON" },
      { command: "flowee hub --cookie-file hub.cookie", description: "For those who can read a file" }
    ])
  )
