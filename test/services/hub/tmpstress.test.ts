import { assert, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import * as ChainHub from "../../utils/chainHub.ts"
import * as FakeHub from "../../utils/fakeHub.ts"
import { Random } from "../../utils/native.ts"
import { pass, settle, withBed } from "../../utils/network.ts"

it.effect.each(Array.from({ length: 60 }, (_, i) => i))("seed %s", (seed) =>
  withBed((bed) =>
    Effect.gen(function*() {
      const random = new Random(seed * 7919 + 1)
      const { fake, hub: chain } = yield* ChainHub.start(bed, 30)
      const hub = yield* FakeHub.client(bed)
      const known: Array<string> = []
      let gaps = 0
      const fiber = yield* Effect.forkChild(
        Stream.runForEach(hub.blocks({ bufferSize: 1 + random.below(20) }), (event) =>
          Effect.gen(function*() {
            if (random.chance(20)) yield* Effect.sleep("300 millis")
            if (event._tag === "Gap") gaps++
            else if (event._tag === "Block") {
              const last = known.at(-1)
              if (last !== undefined) assert.strictEqual(event.height, Number(last.split(" ")[0]) + 1)
              known.push(`${event.height} ${event.hash}`)
            } else {
              for (const { hash, height } of event.blocks) {
                if (known.length > 0) assert.strictEqual(known.pop(), `${height} ${hash}`)
              }
            }
          })),
        { startImmediately: true }
      )
      yield* settle
      for (let round = 0; round < 60; round++) {
        const what = random.below(10)
        if (what < 4) yield* ChainHub.mine(chain, 1 + random.below(5))
        else if (what < 6) yield* ChainHub.reorganise(chain, 1 + random.below(3))
        else if (what < 7) {
          chain.shrink(random.below(4))
          chain.grow(1 + random.below(60))
        } else if (what < 9) {
          yield* bed.network.cutAfter(
            FakeHub.hubHost,
            1 + random.below(3000),
            random.chance(50) ? "toListener" : "toDialler"
          )
        } else yield* bed.network.cut(FakeHub.hubHost)
        yield* pass(`${random.pick([0, 10, 100, 1000, 5000])} millis`)
        for (const c of chain.subscribers) {
          if (!(yield* fake.connections).some(({ id }) => id === c.id)) chain.subscribers.delete(c)
        }
      }
      yield* bed.network.heal()
      for (let i = 0; i < 150; i++) yield* pass("1 second")
      yield* ChainHub.mine(chain, 1)
      for (let i = 0; i < 30; i++) yield* pass("1 second")
      const exit = fiber.pollUnsafe()
      assert.isUndefined(exit, String(exit))
      const first = Number(known[0]!.split(" ")[0])
      assert.deepStrictEqual(known, chain.blocks.slice(first).map((hash, i) => `${first + i} ${hash}`))
      assert.isAbove(gaps, 0)
    })
  ), 60000)
