/**
 * effect-flowee: the server of the benchmark protocol.
 */
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Scope from "effect/Scope"
import * as NodeNetwork from "../../../src/layers/NodeNetwork.ts"
import type { ServerModule } from "../../harness/library.ts"
import * as Protocol from "./protocol.ts"

/** Room for the connections of `fan-in` and `idle`. */
const maxConnections = 100_000

export const serve: ServerModule["serve"] = async ({ extra, port }) => {
  const runtime = ManagedRuntime.make(NodeNetwork.layer({ maxConnections }))
  const form = extra["form"] === "effect" ? "effect" : "plain"
  const listener = await runtime.runPromise(Scope.provide(Protocol.serve(port, form), runtime.scope))
  return { port: Protocol.portOf(listener), close: () => runtime.dispose() }
}
