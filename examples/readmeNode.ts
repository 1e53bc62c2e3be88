import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Layer, Stream } from "effect"
import { HeaderChain, HeaderSync, NodeNetwork, P2P } from "effect-flowee"

const Node = P2P.layer({ network: "mainnet", directory: "chain" }).pipe(
  Layer.provide([NodeNetwork.layer(), NodeServices.layer])
)

export const program = Effect.gen(function*() {
  const chain = yield* HeaderChain.HeaderChain
  const sync = yield* HeaderSync.HeaderSync
  yield* sync.synced
  yield* Stream.runForEach(chain.events, ({ _tag, tip }) => Effect.logInfo(`${_tag}: height ${tip.height}`))
}).pipe(Effect.provide(Node))
