/**
 * effect-flowee: the same server on two threads that share a port.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import process from "node:process"
import { BroadcastChannel } from "node:worker_threads"
import * as NodeServing from "../../../../src/layers/NodeServing.ts"
import * as BanList from "../../../../src/services/BanList.ts"
import type { ServerModule } from "../../../harness/library.ts"
import type { Longest } from "./loopWatch.ts"
import { delays } from "./worker.ts"

const none: Longest = { loopMax: 0, workMax: 0 }

export const serve: ServerModule["serve"] = async ({ port }) => {
  process.env["BENCH_PORT"] = String(port)
  const runtime = ManagedRuntime.make(
    Layer.provide(
      NodeServing.layer({ module: new URL("./worker.ts", import.meta.url), threads: 2 }),
      BanList.layerMemory()
    )
  )
  const { addresses } = await runtime.runPromise(Effect.flatMap(NodeServing.NodeServing, Effect.succeed))
  let longest: Longest = none
  const channel = new BroadcastChannel(delays)
  channel.addEventListener("message", (event: unknown) => {
    const { loopMax, workMax } = (event as { readonly data: Longest }).data
    longest = { loopMax: Math.max(longest.loopMax, loopMax), workMax: Math.max(longest.workMax, workMax) }
  })
  return {
    port: Number(addresses[0]!.split(":").at(-1)),
    counts: () => {
      const counts = { ...longest, banned: 0 }
      longest = none
      return counts
    },
    close: () => {
      channel.close()
      return runtime.dispose()
    }
  }
}
