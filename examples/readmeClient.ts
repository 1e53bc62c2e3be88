import { Effect } from "effect"
import { Message, NetworkManager, NodeNetwork, Tagged } from "effect-flowee"

export const program = Effect.gen(function*() {
  const manager = yield* NetworkManager.NetworkManager
  const hub = yield* manager.connect("localhost:1235")
  const reply = yield* hub.request(Message.make({ serviceId: 0, messageId: 0 }))
  return yield* Effect.fromResult(Tagged.decode(reply.body))
}).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer()))
