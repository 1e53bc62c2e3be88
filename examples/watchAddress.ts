/**
 * Watching an address: each payment to it when it is sent, and again when it is in a block.
 *
 *     npm run example examples/watchAddress.ts
 *
 * It brings a Hub of its own, which makes blocks that pay to the address. A program that talks to a real one provides
 * `HubClient.layer({ endPoint: "localhost:1235" })` in its place, and leaves the blocks to the miners.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect, Fiber, Latch, Layer, Stream } from "effect"
import { EmbeddedHub, HubAddress, HubClient, type HubEvent, NodeNetwork } from "effect-flowee"

/** What is to be known of an event: a payment, an attempt to take one back, or that some may have been missed. */
const describe = (event: HubEvent.AddressEvent): string => {
  switch (event._tag) {
    case "Found": {
      const where = event.height === undefined ? "on its way" : `in block ${event.height}`
      return `${event.amount} satoshis, ${where}: transaction ${event.txId}`
    }
    case "DoubleSpend":
      return `somebody tries to take back transaction ${event.txId}`
    case "Gap":
      return `there was no connection for ${event.until - event.since} ms: look what happened meanwhile`
  }
}

const program = Effect.gen(function*() {
  const hub = yield* HubClient.HubClient
  const { address } = yield* hub.createAddress
  yield* Console.log(`watching ${yield* hub.formatAddress(address)}`)

  const isWatched = yield* Latch.make()
  const events = hub.addresses([HubAddress.toScriptHash(address)], { onSubscribed: isWatched.open })
  const payments = events.pipe(Stream.take(3), Stream.map(describe))
  const watching = yield* Effect.forkChild(Stream.runForEach(payments, Console.log))

  // Nobody is told of what was there before.
  yield* isWatched.await
  yield* hub.generateBlocks({ address, blocks: 3 })
  yield* Fiber.join(watching)
})

const Client = Layer.unwrap(
  Effect.map(EmbeddedHub.EmbeddedHub, ({ endPoint }) => HubClient.layer({ endPoint }))
).pipe(Layer.provide(EmbeddedHub.layer()), Layer.provide(NodeNetwork.layer()))

NodeRuntime.runMain(Effect.provide(program, Client))
