/**
 * effect-flowee: a node that fetches all headers that its only peer has.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NodeNetwork from "../../../src/layers/NodeNetwork.ts"
import * as HeaderChain from "../../../src/services/p2p/HeaderChain.ts"
import * as HeaderSync from "../../../src/services/p2p/HeaderSync.ts"
import * as P2P from "../../../src/services/p2p/P2P.ts"
import * as Folder from "../../harness/folder.ts"
import type { ClientModule } from "../../harness/library.ts"
import * as Measure from "../../harness/measure.ts"

const platform = Layer.merge(NodeNetwork.layer(), NodeServices.layer)

const sync = Effect.fnUntraced(function*(count: number, seconds: () => number) {
  const headers = yield* HeaderSync.HeaderSync
  yield* headers.synced
  const taken = seconds()
  const { height } = yield* (yield* HeaderChain.HeaderChain).tip
  if (height !== count) return yield* Effect.die(`${height} of ${count} headers were synced`)
  return { perSecond: count / taken, seconds: taken }
})

export const workloads: ClientModule["workloads"] = {
  sync: ({ count, extra, port }) =>
    Effect.gen(function*() {
      const directory = yield* Folder.temporary
      const options = { network: "regtest", peers: [`127.0.0.1:${port}`], seeds: false, outbound: 0 } as const
      const seconds = Measure.stopwatch()
      const node = Layer.provide(
        extra["store"] === "file" ? P2P.layer({ ...options, directory }) : P2P.layerMemory(options),
        platform
      )
      return yield* Effect.provide(sync(count, seconds), node)
    }).pipe(Effect.scoped, Effect.runPromise)
}
