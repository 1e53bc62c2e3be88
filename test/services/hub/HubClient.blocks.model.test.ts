import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import type * as HubEvent from "../../../src/services/hub/HubEvent.ts"
import * as ChainHub from "../../utils/chainHub.ts"
import * as FakeHub from "../../utils/fakeHub.ts"
import { Random, seed } from "../../utils/native.ts"
import { type Bed, pass, settle, withBed } from "../../utils/network.ts"

/** The chain as a subscriber knows it, from the first block that it was told of. */
class Subscriber {
  readonly known: Array<string> = []
  gaps = 0

  take(event: HubEvent.BlockEvent): void {
    switch (event._tag) {
      case "Gap":
        this.gaps += 1
        break
      case "Block": {
        const last = this.known.at(-1)
        if (last !== undefined) assert.strictEqual(event.height, Number.parseInt(last) + 1)
        this.known.push(`${event.height} ${event.hash}`)
        break
      }
      case "BlocksRemoved":
        for (const { hash, height } of event.blocks) {
          // Blocks from before it came may go, too.
          if (this.known.length > 0) assert.strictEqual(this.known.pop(), `${height} ${hash}`)
        }
    }
  }
}

/** Something that happens to a Hub or to the way to it. */
const happen = (bed: Bed, chain: ChainHub.ChainHub, random: Random): Effect.Effect<unknown> => {
  const what = random.below(10)
  if (what < 4) return ChainHub.mine(chain, 1 + random.below(5))
  if (what < 6) return ChainHub.reorganise(chain, 1 + random.below(3))
  if (what < 7) {
    // Nobody is told of this.
    return Effect.sync(() => {
      chain.shrink(random.below(4))
      chain.grow(1 + random.below(60))
    })
  }
  if (what < 8) return bed.network.cut(FakeHub.hubHost)
  const direction = random.chance(50) ? "toListener" : "toDialler"
  return bed.network.cutAfter(FakeHub.hubHost, 1 + random.below(3000), direction)
}

describe("the stream of blocks", () => {
  it.effect.each(Array.from({ length: 25 }, (_, i) => seed + i))(
    "is the chain of the Hub, whatever happens to it and to the way there (seed %s)",
    (seed) =>
      withBed((bed) =>
        Effect.gen(function*() {
          const random = new Random(seed)
          const { fake, hub: chain } = yield* ChainHub.start(bed, 30)
          const hub = yield* FakeHub.client(bed)
          const subscriber = new Subscriber()
          const reader = yield* Effect.forkChild(
            Stream.runForEach(hub.blocks({ bufferSize: 1 + random.below(20) }), (event) =>
              Effect.andThen(
                random.chance(20) ? Effect.sleep("300 millis") : Effect.void,
                Effect.sync(() => subscriber.take(event))
              )),
            { startImmediately: true }
          )
          yield* settle
          for (let round = 0; round < 60; round++) {
            yield* happen(bed, chain, random)
            yield* pass(`${random.pick([0, 10, 100, 1000, 5000])} millis`)
            chain.forget(yield* fake.connections)
          }
          yield* bed.network.heal()
          yield* Effect.forEach(Array.from({ length: 150 }), () => pass("1 second"))
          yield* ChainHub.mine(chain)
          yield* Effect.forEach(Array.from({ length: 30 }), () => pass("1 second"))
          assert.isUndefined(reader.pollUnsafe())
          assert.isAbove(subscriber.gaps, 0)
          const first = Number.parseInt(subscriber.known[0]!)
          const blocks = chain.blocks.slice(first).map((hash, i) => `${first + i} ${hash}`)
          assert.deepStrictEqual(subscriber.known, blocks)
        })
      ),
    60_000
  )
})
