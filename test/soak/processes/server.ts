/**
 * A server on one loop, which restarts within its process and keeps its bans. It lives as long as the soak.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Context, Deferred, Effect, Layer, Queue } from "effect"
import * as NodeNetwork from "../../../src/layers/NodeNetwork.ts"
import * as BanList from "../../../src/services/BanList.ts"
import * as NetworkConfig from "../../../src/services/NetworkConfig.ts"
import * as Service from "../service.ts"
import * as Bans from "./bans.ts"
import * as Orders from "./orders.ts"

const program = Effect.gen(function*() {
  const orders = yield* Orders.make
  const bans = yield* Layer.build(BanList.layerMemory())
  const network = NodeNetwork.layerNoBans.pipe(Layer.provide([
    Layer.succeedContext(bans),
    NetworkConfig.layer({ drainTimeout: "1 second" })
  ]))
  let down = yield* Deferred.make<number>()

  const takeOrders = Effect.gen(function*() {
    const order = yield* Queue.take(orders)
    if (order._tag === "Restart") yield* Deferred.succeed(down, order.downMillis)
    if (order._tag === "Ban") {
      yield* Effect.forkScoped(Bans.loopbackFor(Context.get(bans, BanList.BanList), order.millis))
    }
  })
  yield* Effect.forkScoped(Effect.forever(takeOrders))

  const serve = Layer.build(Layer.fresh(Service.layer.pipe(Layer.provide(network)))).pipe(
    Effect.andThen(Effect.sync(() => Orders.tell({ _tag: "Ready" }))),
    Effect.andThen(Effect.suspend(() => Deferred.await(down))),
    Effect.scoped,
    Effect.flatMap((millis) => Effect.sleep(millis)),
    Effect.andThen(Deferred.make<number>()),
    Effect.map((next) => void (down = next))
  )
  return yield* Effect.forever(serve)
})

NodeRuntime.runMain(Effect.scoped(program))
