/**
 * A server on threads, which die now and then, and the whole of it too.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect, Layer, Queue } from "effect"
import * as NodeServing from "../../../src/layers/NodeServing.ts"
import * as BanList from "../../../src/services/BanList.ts"
import * as Bans from "./bans.ts"
import * as Orders from "./orders.ts"

const serving = NodeServing.layer({
  module: new URL("../service.ts", import.meta.url),
  threads: 2,
  network: { drainTimeout: "1 second" }
})

const program = Effect.gen(function*() {
  const orders = yield* Orders.make
  const banList = yield* BanList.BanList
  yield* Layer.build(serving)
  Orders.tell({ _tag: "Ready" })
  return yield* Effect.forever(
    Effect.flatMap(
      Queue.take(orders),
      (order) => order._tag === "Ban" ? Effect.forkScoped(Bans.loopbackFor(banList, order.millis)) : Effect.void
    )
  )
})

NodeRuntime.runMain(program.pipe(Effect.scoped, Effect.provide(BanList.layerMemory())))
