/**
 * effect-flowee: a chain of headers, taken in batches as peers send them, and loaded again.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as ChainParams from "../../../src/domain/p2p/ChainParams.ts"
import * as NodeHash256 from "../../../src/layers/NodeHash256.ts"
import * as HeaderChain from "../../../src/services/p2p/HeaderChain.ts"
import type { ClientModule, ClientOptions } from "../../harness/library.ts"
import * as Measure from "../../harness/measure.ts"
import * as Usage from "../../harness/usage.ts"
import * as RegtestHeaders from "./regtestHeaders.ts"

const batchBytes = 2000 * 80

const params = ChainParams.regtest

const platform = Layer.mergeAll(NodeFileSystem.layer, NodeHash256.layer)

/** How a chain is kept, and where it comes from when it is loaded again. */
const layersOf = (store: ClientOptions["extra"][string], path: string, headers: Uint8Array) =>
  store === "file"
    ? { empty: HeaderChain.layerFile({ params, path }), full: HeaderChain.layerFile({ params, path }) }
    : { empty: HeaderChain.layerMemory({ params }), full: HeaderChain.layerMemory({ params, bundled: [headers] }) }

const take = (headers: Uint8Array) =>
  Effect.gen(function*() {
    const chain = yield* HeaderChain.HeaderChain
    const before = yield* Effect.promise(Usage.settledMemory)
    const seconds = Measure.stopwatch()
    for (let at = 0; at < headers.length; at += batchBytes) yield* chain.accept(headers.subarray(at, at + batchBytes))
    const perSecond = headers.length / 80 / seconds()
    const after = yield* Effect.promise(Usage.settledMemory)
    // What is measured must still be there, and complete.
    if ((yield* chain.tip).height !== headers.length / 80) return yield* Effect.die("headers are missing")
    return { perSecond, bytesEach: Math.round((after.usedBytes - before.usedBytes) / (headers.length / 80)) }
  })

const inDirectory = async <A>(f: (directory: string) => Promise<A>): Promise<A> => {
  const directory = Fs.mkdtempSync(Path.join(Os.tmpdir(), "headers-"))
  try {
    return await f(directory)
  } finally {
    Fs.rmSync(directory, { recursive: true })
  }
}

const load = async (layer: ReturnType<typeof layersOf>["full"], count: number): Promise<number> => {
  const seconds = Measure.stopwatch()
  const tip = Effect.flatMap(HeaderChain.HeaderChain, (chain) => chain.tip)
  const { height } = await Effect.runPromise(Effect.provide(tip, Layer.provide(layer, platform)))
  if (height !== count) throw new Error(`${height} of ${count} headers were loaded`)
  return count / seconds()
}

export const workloads: ClientModule["workloads"] = {
  headers: ({ count, extra, warmUp }) =>
    inDirectory(async (directory) => {
      const headers = RegtestHeaders.make(count)
      const run = (name: string, headers: Uint8Array) => {
        const { empty } = layersOf(extra["store"], Path.join(directory, name), headers)
        return Effect.runPromise(Effect.provide(take(headers), Layer.provide(empty, platform)))
      }
      await run("warm-up", headers.subarray(0, warmUp * 80))
      const taken = await run("headers", headers)
      const { full } = layersOf(extra["store"], Path.join(directory, "headers"), headers)
      return { ...taken, loadedPerSecond: await load(full, count) }
    })
}
