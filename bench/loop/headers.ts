/**
 * Headers of peers, and headers that are stored.
 */
import { Effect, Layer } from "effect"
import { NodeFileSystem } from "@effect/platform-node"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import process from "node:process"
import * as BlockHeader from "../../src/domain/p2p/BlockHeader.ts"
import * as ChainParams from "../../src/domain/p2p/ChainParams.ts"
import * as NodeHash256 from "../../src/layers/NodeHash256.ts"
import * as HeaderChain from "../../src/services/p2p/HeaderChain.ts"
import * as Regtest from "../libraries/flowee/regtestHeaders.ts"
import type { Case } from "./probe.ts"

const { regtest } = ChainParams
const size = 80
const batch = 2000
const stored = 800_000

let manyHeaders: Uint8Array | undefined
const many = (): Uint8Array => manyHeaders ??= Regtest.make(stored)

const folders: Array<string> = []
process.once("exit", () => folders.forEach((folder) => Fs.rmSync(folder, { recursive: true, force: true })))

const temporaryFile = (): string => {
  const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-flowee-loop-"))
  folders.push(folder)
  return Path.join(folder, "headers")
}

const memory = HeaderChain.layerMemory({ params: regtest, maxHeight: 4_000_000 }).pipe(Layer.provide(NodeHash256.layer))

const makeChain = Effect.map(Effect.scoped(Layer.build(memory)), (context) => context)

const withChain = <A, E>(f: (chain: HeaderChain.HeaderChain["Service"]) => Effect.Effect<A, E>) =>
  Effect.flatMap(makeChain, (context) => Effect.provide(HeaderChain.HeaderChain.use(f), context))

/** Packed headers in batches as peers send them. */
const acceptAll = (chain: HeaderChain.HeaderChain["Service"], headers: Uint8Array) =>
  Effect.gen(function*() {
    for (let at = 0; at < headers.length; at += batch * size) {
      yield* chain.accept(headers.subarray(at, at + batch * size))
    }
  })

export const cases: ReadonlyArray<Case> = [
  {
    what: "a headers message with 2000 headers",
    prepare: withChain((chain) =>
      Effect.andThen(
        acceptAll(chain, many().subarray(0, batch * 4 * size)),
        Effect.succeed({ run: chain.accept(many().subarray(batch * 4 * size, batch * 5 * size)) })
      )
    )
  },
  {
    what: "800,000 headers, 2000 at a time",
    prepare: withChain((chain) => Effect.sync(() => ({ run: acceptAll(chain, many()) })))
  },
  {
    what: "a branch of 20,000 headers that becomes the best chain",
    prepare: withChain((chain) =>
      Effect.gen(function*() {
        const best = many().subarray(0, 20_000 * size)
        yield* acceptAll(chain, best)
        // A chain with another time for each block has other hashes.
        const other = Regtest.make(20_001, 61)
        yield* acceptAll(chain, other.subarray(0, 18_000 * size))
        return {
          run: Effect.andThen(
            chain.accept(other.subarray(18_000 * size, 20_000 * size)),
            chain.accept(other.subarray(20_000 * size))
          )
        }
      })
    )
  },
  {
    what: "a file of 800,000 headers: loading",
    prepare: Effect.sync(() => {
      const path = temporaryFile()
      const layer = HeaderChain.layerFile({ params: regtest, path })
      const build = Effect.scoped(Layer.build(layer)).pipe(
        Effect.provide([NodeFileSystem.layer, NodeHash256.layer])
      )
      Fs.writeFileSync(path, Buffer.concat([BlockHeader.pack([regtest.genesis]), many()]))
      return { run: build }
    })
  }
]
