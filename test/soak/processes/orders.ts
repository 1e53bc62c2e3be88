/**
 * The side of a process that takes orders.
 */
import { Effect, Queue } from "effect"
import type { Scope } from "effect"
import process from "node:process"
import type { Order, Told } from "../protocol.ts"
import * as Gauge from "./gauge.ts"

export const tell = (told: Told): void => {
  process.send?.(told)
}

/** The orders that concern what the process does. It ends when nobody is there any more to give orders. */
export const make: Effect.Effect<Queue.Dequeue<Order>, never, Scope.Scope> = Effect.gen(function*() {
  const orders = yield* Queue.unbounded<Order>()
  const gauge = Gauge.make()
  const onMessage = (order: Order) => {
    if (order._tag === "Gauge") return tell({ _tag: "Gauge", gauge: gauge() })
    Queue.offerUnsafe(orders, order)
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => process.on("message", onMessage)),
    () => Effect.sync(() => process.off("message", onMessage))
  )
  process.once("disconnect", () => process.exit(1))
  return orders
})

export const readTask = <A>(): A => JSON.parse(process.argv[2]!) as A
