import { it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import * as NodeNetwork from "../../src/layers/NodeNetwork.ts"
import * as NetworkManager from "../../src/services/NetworkManager.ts"
import * as NetworkConfig from "../../src/services/NetworkConfig.ts"
it.live("memo", () => Effect.gen(function*() {
  const a = yield* Layer.build(NodeNetwork.layer({ normalLaneMessages: 1 }))
  const b = yield* Layer.build(NodeNetwork.layer({ normalLaneMessages: 2 }))
  console.log(Context.get(a, NetworkManager.NetworkManager) === Context.get(b, NetworkManager.NetworkManager), Context.get(b, NetworkConfig.NetworkConfig).normalLaneMessages)
  const c = yield* NetworkManager.NetworkManager.pipe(Effect.provide(NodeNetwork.layer({ normalLaneMessages: 3 })))
  const d = yield* NetworkManager.NetworkManager.pipe(Effect.provide(NodeNetwork.layer({ normalLaneMessages: 4 })))
  console.log(c === d)
  const both = yield* Effect.gen(function*() {
    const c = yield* NetworkManager.NetworkManager
    const d = yield* NetworkManager.NetworkManager.pipe(Effect.provide(NodeNetwork.layer({ normalLaneMessages: 4 })))
    return c === d
  }).pipe(Effect.provide(NodeNetwork.layer({ normalLaneMessages: 3 })))
  console.log(both)
}))
