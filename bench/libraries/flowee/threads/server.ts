/**
 * effect-flowee: serves on threads that share a port.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import process from "node:process"
import * as NodeServing from "../../../../src/layers/NodeServing.ts"
import * as BanList from "../../../../src/services/BanList.ts"
import type { ServerModule } from "../../../harness/library.ts"

export const serve: ServerModule["serve"] = async ({ extra, port }) => {
  // The environment is what a module finds in each thread.
  process.env["BENCH_PORT"] = String(port)
  process.env["BENCH_WORK_BYTES"] = String(extra["workBytes"])
  const runtime = ManagedRuntime.make(
    Layer.provide(
      NodeServing.layer({ module: new URL("./worker.ts", import.meta.url), threads: Number(extra["threads"]) }),
      BanList.layerMemory()
    )
  )
  const { addresses } = await runtime.runPromise(Effect.flatMap(NodeServing.NodeServing, Effect.succeed))
  return { port: Number(addresses[0]!.split(":").at(-1)), close: () => runtime.dispose() }
}
