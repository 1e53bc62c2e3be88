/**
 * How to test a service that uses the network: in memory, without sockets and without waiting.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Ref } from "effect"
import { TestClock } from "effect/testing"
import { MemoryTransport, MessageServer, NetworkManager, TestNetwork } from "effect-flowee"
import * as Rates from "./rates.ts"

const server = "10.0.0.9"
const endPoint = `${server}:4100`

/** The other program, on a host of its own: it counts how often it is asked. */
const startServer = Effect.gen(function*() {
  const asked = yield* Ref.make(0)
  const Handlers = MessageServer.layer(Rates.RateServer, {
    getRate: ({ currency }) => Effect.as(Ref.update(asked, (n) => n + 1), { rate: currency === "EUR" ? 412.5 : 450 })
  })
  const Listen = Layer.effectDiscard(Effect.flatMap(NetworkManager.NetworkManager, ({ bind }) => bind(endPoint)))
  yield* Layer.build(Layer.provide(Layer.merge(Handlers, Listen), TestNetwork.layerHost(server)))
  return asked
})

/** The service under test, on another host. */
const RatesHere = Layer.provide(Rates.layer(endPoint), TestNetwork.layerHost("10.0.0.7"))

const test = RatesHere.pipe(Layer.provideMerge(MemoryTransport.layer({ delay: "20 millis" })))

/** Runs an effect that takes its time, while that passes. */
const lasting = <A, E, R>(effect: Effect.Effect<A, E, R>, duration: "1 second" | "30 seconds") =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
    yield* TestClock.adjust(duration)
    return yield* Fiber.join(fiber)
  })

describe("Rates", () => {
  it.effect("asks once a minute", () =>
    Effect.gen(function*() {
      const asked = yield* startServer
      const rates = yield* Rates.Rates
      assert.strictEqual(yield* lasting(rates.get("EUR"), "1 second"), 412.5)
      assert.strictEqual(yield* rates.get("EUR"), 412.5)
      assert.strictEqual(yield* Ref.get(asked), 1)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* lasting(rates.get("EUR"), "1 second"), 412.5)
      assert.strictEqual(yield* Ref.get(asked), 2)
    }).pipe(Effect.provide(test)))

  it.effect("waits for a server that is away", () =>
    Effect.gen(function*() {
      const network = yield* MemoryTransport.MemoryNetwork
      const rates = yield* Rates.Rates
      yield* startServer
      yield* network.refuse(server)
      const asking = yield* Effect.forkChild(rates.get("USD"))
      yield* TestClock.adjust("10 seconds")
      assert.isUndefined(asking.pollUnsafe())
      yield* network.heal()
      yield* TestClock.adjust("15 seconds")
      assert.strictEqual(yield* Fiber.join(asking), 450)
    }).pipe(Effect.provide(test)))

  it.effect("gives up after half a minute, and asks anew the next time", () =>
    Effect.gen(function*() {
      const network = yield* MemoryTransport.MemoryNetwork
      const rates = yield* Rates.Rates
      yield* startServer
      yield* network.blackhole(server)
      const error = yield* Effect.flip(lasting(rates.get("USD"), "30 seconds"))
      assert.strictEqual(error.reason._tag, "RequestTimedOut")
      yield* network.heal()
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* lasting(rates.get("USD"), "1 second"), 450)
    }).pipe(Effect.provide(test)))
})
