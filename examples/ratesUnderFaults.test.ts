/**
 * How to test a service under everything that a network does to it: at random, without waiting, and again when it fails.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { MessageServer, NetworkManager } from "effect-flowee"
import { Fault, MemoryTransport, Scenario, TestNetwork } from "effect-flowee/testing"
import * as Rates from "./rates.ts"

const server = "10.0.0.9"
const endPoint = `${server}:4100`
const rates: Readonly<Record<string, number>> = { EUR: 412.5, USD: 450 }

/** The other program, on a host of its own. */
const Server = Layer.mergeAll(
  MessageServer.layer(Rates.RateServer, {
    getRate: ({ currency }) => Effect.succeed({ rate: rates[currency] ?? 0 })
  }),
  Layer.effectDiscard(Effect.flatMap(NetworkManager.NetworkManager, ({ bind }) => bind(endPoint, { limitRate: false })))
).pipe(Layer.provide(TestNetwork.layerHost(server)))

/** The service under test, on another host, and the network between them. */
const RatesHere = Layer.provide(Rates.layer(endPoint), TestNetwork.layerHost("10.0.0.7"))
const test = Layer.merge(RatesHere, Server).pipe(Layer.provideMerge(MemoryTransport.layer({ delay: "20 millis" })))

type Step = Fault.Fault | { readonly _tag: "Ask"; readonly currency: string }

const choices: ReadonlyArray<Scenario.Choice<Step>> = [
  Scenario.choice(10, (draw): Step => ({ _tag: "Ask", currency: draw.pick(Object.keys(rates)) })),
  ...Fault.choices({ places: [server], maxBytes: 200 })
]

/** The right rate, or an error that says why there is none. */
const ask = (currency: string) =>
  Effect.gen(function*() {
    const service = yield* Rates.Rates
    const rate = yield* Effect.catch(service.get(currency), (error) => Effect.as(Effect.logDebug(error), undefined))
    assert.include([rates[currency], undefined], rate)
    return rate
  })

const play = (steps: ReadonlyArray<Step>) =>
  Effect.gen(function*() {
    const network = yield* MemoryTransport.MemoryNetwork
    yield* Scenario.forEach(steps, (step) => step._tag === "Ask" ? ask(step.currency) : Fault.inflict(network, step))
    // Whatever has happened: two minutes after the network is well again, so is the service.
    yield* network.heal()
    yield* network.setConditions({ loss: 0, window: 262_144 })
    yield* Scenario.lasting(Effect.sleep("2 minutes"), { patience: "5 minutes" })
    assert.strictEqual(yield* Scenario.lasting(ask("EUR")), 412.5)
  }).pipe(Effect.provide(test))

describe("Rates", () => {
  it.effect("are right or not there, whatever the network does", () =>
    Scenario.check({ name: "rates", choices, play, sequences: 30 }))
})
