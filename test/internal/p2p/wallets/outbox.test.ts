import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import * as Outbox from "../../../../src/internal/p2p/wallets/outbox.ts"
import * as WalletEvent from "../../../../src/services/p2p/WalletEvent.ts"
import * as Network from "../../../utils/network.ts"

const { RolledBack, Synced } = WalletEvent.WalletEvent

/** An outbox that is read, and how far its reader has come. */
const start = (deliveredTo: number) =>
  Effect.gen(function*() {
    const outbox = yield* Outbox.make
    const delivered: Array<string> = []
    outbox.begin({ deliveredTo, onDelivered: ({ _tag }) => void delivered.push(_tag) })
    const read: Array<string> = []
    const run = Effect.forkChild(
      Stream.runForEach(outbox.events, ({ _tag }) => Effect.sync(() => void read.push(_tag)))
    )
    return { outbox, delivered, read, run }
  })

describe("Outbox", () => {
  it.effect("counts events as dealt with when the reader comes for more", () =>
    Effect.gen(function*() {
      const { delivered, outbox, read } = yield* start(5)
      outbox.tell(Synced({ height: 10 }))
      const first = yield* Stream.runCollect(Stream.take(outbox.events, 1))
      assert.deepStrictEqual([first.length, delivered.length, outbox.deliveredTo], [1, 0, 5])
      outbox.tell(Synced({ height: 12 }))
      yield* Stream.runDrain(Stream.take(outbox.events, 1))
      assert.deepStrictEqual([read.length, delivered.length, outbox.deliveredTo], [0, 1, 10])
    }))

  it.effect("does not count blocks that are looked at again", () =>
    Effect.gen(function*() {
      const { outbox, run } = yield* start(50)
      outbox.tell(Synced({ height: 100 }))
      outbox.takeBack(10)
      const fiber = yield* run
      yield* Network.settle
      assert.strictEqual(outbox.deliveredTo, 10)
      outbox.tell(Synced({ height: 30 }))
      yield* Network.settle
      assert.strictEqual(outbox.deliveredTo, 30)
      yield* outbox.end
      yield* Fiber.join(fiber)
    }))

  it.effect("is in doubt until the reader has heard of what was taken back", () =>
    Effect.gen(function*() {
      const { outbox, run } = yield* start(50)
      outbox.tell(RolledBack({ height: 40, txids: [] }))
      assert.deepStrictEqual([outbox.isInDoubt, outbox.deliveredTo], [true, 50])
      yield* run
      yield* Network.settle
      assert.deepStrictEqual([outbox.isInDoubt, outbox.deliveredTo], [false, 40])
      yield* outbox.end
    }))

  it.effect("has room for a thousand", () =>
    Effect.gen(function*() {
      const { outbox, run } = yield* start(0)
      for (let height = 1; height < 1000; height++) outbox.tell(Synced({ height }))
      assert.isTrue(outbox.hasRoom)
      outbox.tell(Synced({ height: 1000 }))
      assert.isFalse(outbox.hasRoom)
      yield* run
      yield* Network.settle
      assert.isTrue(outbox.hasRoom)
      assert.strictEqual(outbox.deliveredTo, 1000)
    }))
})
