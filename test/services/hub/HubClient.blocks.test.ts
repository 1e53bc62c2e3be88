import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Result, Stream } from "effect"
import * as Message from "../../../src/domain/Message.ts"
import type * as HubClient from "../../../src/services/hub/HubClient.ts"
import type * as HubEvent from "../../../src/services/hub/HubEvent.ts"
import * as ChainHub from "../../utils/chainHub.ts"
import * as FakeHub from "../../utils/fakeHub.ts"
import * as Values from "../../utils/hubValues.ts"
import { type Bed, pass, settle, withBed } from "../../utils/network.ts"

const show = (event: HubEvent.BlockEvent): string => {
  switch (event._tag) {
    case "Block":
      return `${event.height} ${Number.parseInt(event.hash, 16)}`
    case "BlocksRemoved":
      return `without ${event.blocks.map(({ hash, height }) => `${height} ${Number.parseInt(hash, 16)}`).join(", ")}`
    case "Gap":
      return `gap ${event.reason} ${event.since}-${event.until}`
  }
}

/** Lets seconds go by one after the other, so that answers are as quick as they are. */
const passSeconds = (count: number) => Effect.forEach(Array.from({ length: count }), () => pass("1 second"))

/** Reads the blocks of a client, and writes down what it is told. */
const read = Effect.fnUntraced(function*(
  hub: HubClient.HubClient["Service"],
  options?: HubClient.BlocksOptions,
  each: Effect.Effect<void> = Effect.void
) {
  const seen: Array<string> = []
  const fiber = yield* Effect.forkChild(
    Effect.result(Stream.runForEach(hub.blocks(options), (event) => {
      seen.push(show(event))
      return each
    })),
    { startImmediately: true }
  )
  yield* settle
  const news = () => seen.splice(0)
  return { fiber, news }
})

const setUp = Effect.fnUntraced(function*(bed: Bed, length: number, options?: HubClient.BlocksOptions) {
  const { fake, hub: chain } = yield* ChainHub.start(bed, length)
  const hub = yield* FakeHub.client(bed)
  const { fiber, news } = yield* read(hub, options)
  return { chain, fake, hub, fiber, news }
})

describe("the stream of blocks", () => {
  it.effect("tells of each block that comes, from now on", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { chain, fake, news } = yield* setUp(bed, 10)
        // Where it starts is known before it subscribes, so that no block falls in between.
        assert.deepStrictEqual(fake.heard(), ["1/0", "18/0", "1/0"])
        assert.deepStrictEqual(news(), [])
        yield* ChainHub.mine(chain, 3)
        assert.deepStrictEqual(news(), ["10 11", "11 12", "12 13"])
        // The first of them was the hint that brought them all.
        assert.deepStrictEqual(fake.heard(), ["1/0", "1/8", "1/8", "1/8"])
      })
    ))

  it.effect("sees every block over a reconnect in the middle, and where the gap is", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { chain, news } = yield* setUp(bed, 10)
        yield* pass("100 seconds")
        yield* ChainHub.mine(chain, 2)
        assert.deepStrictEqual(news(), ["10 11", "11 12"])
        yield* bed.network.refuse(FakeHub.hubHost)
        yield* bed.network.cut(FakeHub.hubHost)
        yield* settle
        chain.subscribers.clear()
        yield* ChainHub.mine(chain, 100)
        yield* pass("10 seconds")
        assert.deepStrictEqual(news(), [])
        yield* bed.network.heal()
        yield* pass("30 seconds")
        const [gap, ...blocks] = news()
        assert.strictEqual(gap, "gap Disconnected 100000-117000")
        assert.deepStrictEqual(blocks, Array.from({ length: 100 }, (_, i) => `${12 + i} ${13 + i}`))
        yield* ChainHub.mine(chain, 1)
        assert.deepStrictEqual(news(), ["112 113"])
      })
    ))

  it.effect(
    "misses nothing over many reconnects, at whatever moment, and repeats nothing",
    () =>
      withBed((bed) =>
        Effect.gen(function*() {
          const { chain, fake, news } = yield* setUp(bed, 1)
          const blocks: Array<string> = []
          const collect = () => blocks.push(...news().filter((event) => !event.startsWith("gap")))
          for (let round = 0; round < 40; round++) {
            yield* ChainHub.mine(chain, 1 + round % 3)
            // Cut while headers are asked for, too.
            yield* bed.network.cutAfter(FakeHub.hubHost, 40 + 37 * round, round % 2 === 0 ? "toListener" : "toDialler")
            yield* ChainHub.mine(chain, 2)
            yield* pass("20 seconds")
            yield* bed.network.heal()
            for (const connection of chain.subscribers) {
              if (!(yield* fake.connections).some(({ id }) => id === connection.id)) {
                chain.subscribers.delete(connection)
              }
            }
            collect()
          }
          yield* pass("3 minutes")
          collect()
          assert.deepStrictEqual(blocks, Array.from({ length: chain.blocks.length - 1 }, (_, i) => `${i + 1} ${i + 2}`))
        })
      ),
    60_000
  )

  it.effect("tells of blocks that leave the chain", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { chain, news } = yield* setUp(bed, 10)
        yield* ChainHub.mine(chain, 3)
        news()
        yield* ChainHub.reorganise(chain, 2)
        assert.deepStrictEqual(news(), ["without 12 13, 11 12", "11 14", "12 15", "13 16"])
        // Blocks from before it began, too.
        yield* ChainHub.reorganise(chain, 8)
        const [without, ...blocks] = news()
        assert.strictEqual(without, "without 13 16, 12 15, 11 14, 10 11, 9 10, 8 9, 7 8, 6 7")
        assert.deepStrictEqual(blocks.length, 9)
        assert.strictEqual(blocks[0], "6 17")
      })
    ))

  it.effect("tells of a reorganisation that happened in a gap", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { chain, news } = yield* setUp(bed, 10)
        yield* ChainHub.mine(chain, 3)
        news()
        yield* bed.network.cut(FakeHub.hubHost)
        chain.subscribers.clear()
        chain.shrink(2)
        chain.grow(4)
        yield* pass("10 seconds")
        assert.deepStrictEqual(news().slice(1), ["without 12 13, 11 12", "11 14", "12 15", "13 16", "14 17"])
        // To a chain that is shorter, too.
        yield* bed.network.cut(FakeHub.hubHost)
        chain.subscribers.clear()
        chain.shrink(3)
        yield* pass("40 seconds")
        assert.deepStrictEqual(news().slice(1), ["without 14 17, 13 16, 12 15"])
      })
    ))

  it.effect("asks for what the Hub did not tell", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { chain, fake, news } = yield* setUp(bed, 10)
        fake.heard()
        // A block further on.
        chain.grow(5)
        yield* ChainHub.mine(chain)
        assert.deepStrictEqual(news(), ["10 11", "11 12", "12 13", "13 14", "14 15", "15 16"])
        assert.include(fake.heard(), "1/8")
        // Another block at the same height, without a word of the one that is gone.
        chain.shrink(1)
        yield* ChainHub.mine(chain, 2)
        assert.deepStrictEqual(news(), ["without 15 16", "15 17", "16 18"])
      })
    ))

  it.effect("takes no notice of what it knows, or what is out of date", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { chain, fake, news } = yield* setUp(bed, 10)
        yield* ChainHub.mine(chain, 3)
        news()
        yield* fake.push(
          ChainHub.added(chain.ref(12)),
          ChainHub.added(chain.ref(10)),
          ChainHub.added(chain.ref(3)),
          ChainHub.removed([{ height: Values.height(12), hash: Values.genesis }]),
          ChainHub.removed([{ height: Values.height(500), hash: Values.genesis }]),
          ChainHub.removed([])
        )
        yield* settle
        assert.deepStrictEqual(news(), [])
        // A block that never was on the chain.
        yield* fake.push(ChainHub.added({ height: Values.height(11), hash: Values.genesis }))
        yield* settle
        assert.deepStrictEqual(news(), [])
        yield* ChainHub.mine(chain)
        assert.deepStrictEqual(news(), ["13 14"])
      })
    ))

  it.effect("begins in the past, with the first block or any other", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { chain, hub, news } = yield* setUp(bed, 100, { from: Values.height(0) })
        assert.deepStrictEqual(news(), Array.from({ length: 100 }, (_, i) => `${i} ${i + 1}`))
        const later = yield* read(hub, { from: Values.height(98) })
        assert.deepStrictEqual(later.news(), ["98 99", "99 100"])
        // Or in the future.
        const future = yield* read(hub, { from: Values.height(101) })
        yield* ChainHub.mine(chain, 3)
        assert.deepStrictEqual(future.news(), ["101 102", "102 103"])
        assert.deepStrictEqual(later.news(), ["100 101", "101 102", "102 103"])
        assert.deepStrictEqual(news(), ["100 101", "101 102", "102 103"])
      })
    ))

  it.effect("waits for a Hub that is not there yet", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const hub = yield* FakeHub.client(bed)
        const { news } = yield* read(hub)
        yield* passSeconds(300)
        const { hub: chain } = yield* ChainHub.start(bed, 5)
        yield* passSeconds(60)
        yield* ChainHub.mine(chain)
        assert.deepStrictEqual(news(), ["5 6"])
      })
    ))

  it.effect("has every block though its reader is slow, and a gap where it was too slow", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { hub: chain } = yield* ChainHub.start(bed, 10)
        const hub = yield* FakeHub.client(bed)
        const { news } = yield* read(hub, { bufferSize: 4 }, Effect.sleep("1 second"))
        yield* ChainHub.mine(chain, 40)
        yield* passSeconds(60)
        yield* ChainHub.mine(chain, 1)
        yield* passSeconds(5)
        const events = news()
        assert.isTrue(events.some((event) => event.startsWith("gap TooSlow")))
        assert.deepStrictEqual(
          events.filter((event) => !event.startsWith("gap")),
          Array.from({ length: 41 }, (_, i) => `${10 + i} ${11 + i}`)
        )
      })
    ))

  it.effect("gives up its subscription when the last reader goes, and not before", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { chain, fake, fiber, hub, news } = yield* setUp(bed, 10)
        const other = yield* read(hub)
        assert.deepStrictEqual(fake.heard(), ["1/0", "18/0", "1/0", "1/0", "1/0"], "one subscription for both")
        yield* Fiber.interrupt(fiber)
        yield* ChainHub.mine(chain)
        assert.deepStrictEqual(fake.heard(), ["1/0", "1/8"])
        assert.deepStrictEqual(other.news(), ["10 11"])
        assert.deepStrictEqual(news(), [])
        yield* Fiber.interrupt(other.fiber)
        yield* settle
        assert.deepStrictEqual(fake.heard(), ["18/2"])
        assert.strictEqual(chain.subscribers.size, 0)
        // And begins again.
        const again = yield* read(hub)
        yield* ChainHub.mine(chain)
        assert.deepStrictEqual(again.news(), ["11 12"])
      })
    ))

  it.effect("is shared by two clients of one Hub", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { fake, hub: chain } = yield* ChainHub.start(bed, 10)
        const host = yield* bed.host(FakeHub.clientHost)
        const one = yield* read(yield* FakeHub.clientOn(host))
        const two = yield* read(yield* FakeHub.clientOn(host))
        assert.strictEqual(fake.heard().filter((id) => id === "18/0").length, 1)
        yield* Fiber.interrupt(one.fiber)
        yield* ChainHub.mine(chain)
        assert.deepStrictEqual(two.news(), ["10 11"])
        assert.lengthOf(yield* fake.connections, 1)
      })
    ))

  it.effect("fails with a typed error when the Hub tells nonsense, and the connection stays", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { fake, fiber, hub } = yield* setUp(bed, 10)
        yield* fake.push(Message.make({ serviceId: 18, messageId: 4, body: Uint8Array.of(0x38, 0x01) }))
        const result = yield* Fiber.join(fiber)
        assert(Result.isFailure(result))
        assert.include(result.failure.message, "newBlockOnChain: Cannot decode the body: hash (tag 5) is missing")
        assert.strictEqual((yield* hub.connection.state)._tag, "Connected")
      })
    ))

  it.effect("does not ask for ever when the headers are not those of one chain", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { chain, fiber } = yield* setUp(bed, 10)
        chain.tamper = (request, answer) =>
          FakeHub.idOf(request) === "1/8" && chain.blocks.length > 20
            ? [Message.reply(request, { body: new Uint8Array(0) })]
            : answer
        chain.grow(20)
        yield* ChainHub.mine(chain)
        const result = yield* Fiber.join(fiber)
        assert(Result.isFailure(result))
        assert.strictEqual(
          result.failure.message,
          "getBlockHeader: the reply makes no sense: the headers are not those of one chain"
        )
      })
    ))

  it.effect("fails when the Hub does not answer what is missing", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { chain, fiber } = yield* setUp(bed, 10)
        chain.tamper = (request, answer) => FakeHub.idOf(request) === "1/8" ? [] : answer
        chain.grow(5)
        yield* ChainHub.mine(chain)
        yield* pass("31 seconds")
        const result = yield* Fiber.join(fiber)
        assert(Result.isFailure(result))
        assert.strictEqual(result.failure.reason._tag, "RequestTimedOut")
      })
    ))

  it.effect("stands a chain that changes while it is asked for", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { chain, news } = yield* setUp(bed, 10)
        let changes = 3
        chain.tamper = (request, answer) => {
          // After the tip was asked for, and before the headers are.
          if (FakeHub.idOf(request) === "1/0" && changes-- > 0) {
            chain.shrink(4)
            chain.grow(5)
          }
          return answer
        }
        chain.grow(9)
        yield* ChainHub.mine(chain)
        yield* settle
        const known: Array<string> = []
        for (const event of news()) {
          if (event.startsWith("without")) {
            for (const block of event.slice(8).split(", ")) assert.strictEqual(known.pop(), block)
          } else known.push(event)
        }
        assert.deepStrictEqual(
          known,
          chain.blocks.slice(10).map((hash, i) => `${10 + i} ${Number.parseInt(hash, 16)}`)
        )
      })
    ))

  it.effect("ends when its client does", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        yield* ChainHub.start(bed, 10)
        const host = yield* bed.host(FakeHub.clientHost)
        const fiber = yield* Effect.scoped(
          Effect.gen(function*() {
            const { fiber } = yield* Effect.andThen(FakeHub.clientOn(host), (hub) => read(hub))
            return fiber
          })
        )
        assert.isTrue(Result.isSuccess(yield* Fiber.join(fiber)))
      })
    ))

  it.effect("survives 1000 mutated headers with typed errors only", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { hub: chain } = yield* ChainHub.start(bed, 50)
        const hub = yield* FakeHub.client(bed)
        const run = { step: 0 }
        chain.tamper = (request, answer) => {
          if (FakeHub.idOf(request) !== "1/8") return answer
          const [reply] = answer
          const body = reply!.body.slice()
          run.step += 1
          const at = run.step % body.length
          body[at] = body[at]! ^ (1 << run.step % 8)
          return run.step % 3 === 0 ? [Message.reply(request, { body })] : answer
        }
        const outcomes = new Set<string>()
        while (run.step < 1000) {
          const result = yield* Effect.result(
            Stream.runDrain(Stream.take(hub.blocks({ from: Values.height(run.step % 40) }), 10))
          )
          outcomes.add(Result.isSuccess(result) ? "fine" : result.failure.reason._tag)
        }
        assert.includeMembers([...outcomes], ["BodyDecodeError", "fine"])
        assert.strictEqual((yield* hub.connection.state)._tag, "Connected")
      })
    ))
})
