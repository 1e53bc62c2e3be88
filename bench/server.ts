/**
 * Serves the benchmark protocol: `npm run bench:server -- --port P`. Prints `listening PORT` once it does.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Effect } from "effect"
import { Command, Flag } from "effect/cli"
import * as Protocol from "./libraries/flowee/protocol.ts"
import * as NodeNetwork from "../src/layers/NodeNetwork.ts"

const server = Command.make("bench:server", {
  port: Flag.Int("port").pipe(Flag.withDescription("0 to be given one"), Flag.withDefault(0)),
  form: Flag.Literals("form", ["plain", "effect"]).pipe(
    Flag.withDescription("Handlers that are plain functions, or make an effect for each message"),
    Flag.withDefault("plain" as const)
  )
}, ({ form, port }) =>
  Effect.gen(function*() {
    const listener = yield* Protocol.serve(port, form)
    yield* Console.log(`listening ${Protocol.portOf(listener)}`)
    return yield* Effect.never
  }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer({ maxConnections: 100_000 }))))

Command.run(server, { version: "0.1.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
