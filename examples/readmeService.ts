import { Effect, Layer } from "effect"
import { Message, NetworkManager, NetworkService, NodeNetwork } from "effect-flowee"

const Echo = NetworkService.layerHandler(
  42,
  (message, connection) => connection.send(Message.reply(message, { body: message.body }))
)

const Listen = Layer.effectDiscard(
  Effect.flatMap(NetworkManager.NetworkManager, (manager) => manager.bind("127.0.0.1:4242"))
)

export const server = Layer.merge(Echo, Listen).pipe(Layer.provide(NodeNetwork.layerServer()))
