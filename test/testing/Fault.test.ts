import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { NetAddress } from "effect/net"
import * as MemoryTransport from "../../src/layers/MemoryTransport.ts"
import * as Transport from "../../src/services/Transport.ts"
import * as Fault from "../../src/testing/Fault.ts"
import * as Scenario from "../../src/testing/Scenario.ts"

const server = NetAddress.inetAddressFromStringUnsafe("10.0.0.9:1234")

describe("Fault", () => {
  it.effect("draws all kinds but wrong bytes, or those that are wanted, where they are wanted", () =>
    Effect.gen(function*() {
      const drawn = yield* Scenario.draw({ choices: Fault.choices({ places: ["10.0.0.1"] }), length: 2000 }, 1)
      const tags = new Set(drawn.map(({ _tag }) => _tag))
      assert.strictEqual(tags.size, 10)
      assert.isFalse(tags.has("CorruptAfter"))
      for (const fault of drawn) if ("where" in fault) assert.strictEqual(fault.where, "10.0.0.1")
      const bounded = Fault.choices({ kinds: ["CorruptAfter", "Pause"], maxBytes: 50, maxPause: "5 seconds" })
      const some = yield* Scenario.draw({ choices: bounded, length: 500 }, 1)
      assert.deepStrictEqual([...new Set(some.map(({ _tag }) => _tag))].sort(), ["CorruptAfter", "Pause"])
      for (const fault of some) {
        if (fault._tag === "CorruptAfter") assert.isAtMost(fault.bytes, 1000)
        if (fault._tag === "Pause") assert.isAtMost(fault.millis, 5000)
      }
    }))

  it.effect("weighs all kinds together against other choices", () =>
    Effect.gen(function*() {
      const other = Scenario.choice(30, () => ({ _tag: "Other" as const }))
      const drawn = yield* Scenario.draw<Fault.Fault | { readonly _tag: "Other" }>(
        { choices: [other, ...Fault.choices({ weight: 10 })], length: 4000 },
        1
      )
      assert.closeTo(drawn.filter(({ _tag }) => _tag === "Other").length / 4000, 0.75, 0.03)
    }))

  it.effect("happens", () =>
    Effect.gen(function*() {
      const network = yield* MemoryTransport.MemoryNetwork
      const transport = yield* Transport.Transport
      const here = "10.0.0.9"
      yield* transport.listen(server, (link) => void MemoryTransport.probe(link))
      const endOf = (fault: Fault.Fault) =>
        Effect.gen(function*() {
          const client = MemoryTransport.probe(yield* transport.connect(server))
          yield* client.write(Uint8Array.of(1))
          yield* Fault.inflict(network, fault)
          yield* Effect.ignore(client.write(Uint8Array.of(1, 2, 3)))
          return (yield* client.ended)?.problem
        })
      assert.strictEqual(yield* endOf(Fault.Fault.Cut({ where: here })), "Reset")
      assert.strictEqual(
        yield* endOf(Fault.Fault.CutAfter({ where: here, bytes: 2, direction: "toListener" })),
        "Reset"
      )
      assert.strictEqual(yield* endOf(Fault.Fault.HalfClose({ where: here, direction: "toListener" })), "Closed")
      const dialled = (fault: Fault.Fault, patience: "1 second" | "1 minute" = "1 second") =>
        Effect.andThen(
          Fault.inflict(network, fault),
          Effect.match(Scenario.lasting(transport.connect(server), { patience }), {
            onSuccess: () => "well",
            onFailure: (error) => error._tag === "Stuck" ? "stuck" : error.problem
          })
        )
      assert.strictEqual(yield* dialled(Fault.Fault.Refuse({ where: here, problem: "TimedOut" })), "TimedOut")
      assert.strictEqual(yield* dialled(Fault.Fault.Heal()), "well")
      assert.strictEqual(yield* dialled(Fault.Fault.Blackhole({ where: here, direction: "both" })), "stuck")
      assert.strictEqual(yield* dialled(Fault.Fault.Heal()), "well")
      assert.strictEqual(yield* dialled(Fault.Fault.LetThrough({ index: 3 })), "well")
      assert.strictEqual(yield* dialled(Fault.Fault.Hang({ where: "everywhere" })), "stuck")
      const waiting = yield* Effect.forkChild(transport.connect(server), { startImmediately: true })
      yield* Fault.inflict(network, Fault.Fault.LetThrough({ index: 3 }))
      yield* Scenario.settle
      assert.isDefined(waiting.pollUnsafe())
      yield* Fault.inflict(network, Fault.Fault.Heal())
      const slow = Fault.Fault.Conditions({ conditions: { delay: "20 seconds" } })
      assert.strictEqual(yield* dialled(slow), "stuck")
      assert.strictEqual(yield* dialled(slow, "1 minute"), "well")
      yield* Scenario.lasting(Fault.inflict(network, Fault.Fault.Pause({ millis: 5000 })))
    }).pipe(Effect.provide(MemoryTransport.layer())))
})
