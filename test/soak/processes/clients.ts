/**
 * All clients, in one process.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect, Fiber, Queue, Random } from "effect"
import * as NodeNetwork from "../../../src/layers/NodeNetwork.ts"
import * as NetworkManager from "../../../src/services/NetworkManager.ts"
import type { ClientsReport, ClientsTask, Order } from "../protocol.ts"
import * as Client from "./client.ts"
import * as Gauge from "./gauge.ts"
import * as Orders from "./orders.ts"

/** What servers that come back, and the last messages, may take. */
const patience = "60 seconds"

const obey = (clients: ReadonlyArray<Client.Client>, order: Order): Effect.Effect<unknown> => {
  switch (order._tag) {
    case "Disconnect":
      return clients[order.client % clients.length]!.connection.disconnect
    case "Slow":
      return Effect.forkChild(clients[order.client % clients.length]!.slow(order.millis))
    case "Flood":
      return Effect.sync(() => clients[order.client % clients.length]!.flood(order.messages))
    default:
      return Effect.void
  }
}

const untilFinish = (orders: Queue.Dequeue<Order>, clients: ReadonlyArray<Client.Client>): Effect.Effect<void> =>
  Effect.flatMap(Queue.take(orders), (order) =>
    order._tag === "Finish"
      ? Effect.void
      : Effect.andThen(obey(clients, order), Effect.suspend(() => untilFinish(orders, clients))))

const work = (orders: Queue.Dequeue<Order>, { clients: count, ports }: ClientsTask) =>
  Effect.gen(function*() {
    const manager = yield* NetworkManager.NetworkManager
    const clients = yield* Effect.forEach(
      Array.from({ length: count }, (_, index) => index),
      (index) => Client.make(manager, index, ports[index % ports.length]!)
    )
    yield* Effect.forEach(clients, ({ connection }) => connection.connected, { concurrency: "unbounded" })
    Orders.tell({ _tag: "Ready" })
    const sending = yield* Effect.forEach(clients, (client) => Effect.forkChild(client.work))
    yield* untilFinish(orders, clients)
    for (const client of clients) client.stop()
    const late = yield* Fiber.joinAll(sending).pipe(
      Effect.andThen(Effect.forEach(clients, ({ flush }) => flush, { concurrency: "unbounded", discard: true })),
      Effect.as([]),
      Effect.timeoutOrElse({
        duration: patience,
        orElse: () => Effect.succeed([`not everything had left after ${patience}`])
      })
    )
    return Client.addUp(clients, late)
  })

const program = Effect.gen(function*() {
  const task = Orders.readTask<ClientsTask>()
  const orders = yield* Orders.make
  const handlesBefore = Gauge.handles()
  const totals = yield* work(orders, task).pipe(
    Effect.scoped,
    Effect.provide(NodeNetwork.layer({ drainTimeout: "2 seconds", requestTimeout: "5 seconds" })),
    Random.withSeed(task.seed)
  )
  // What is closed is let go in the turns of the event loop that follow.
  yield* Effect.sleep("200 millis")
  const report: ClientsReport = { ...totals, handlesBefore, handlesAfter: Gauge.handles() }
  Orders.tell({ _tag: "Finished", report })
})

NodeRuntime.runMain(Effect.scoped(program))
