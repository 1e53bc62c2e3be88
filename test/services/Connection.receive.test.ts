import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope, Stream } from "effect"
import * as Message from "../../src/domain/Message.ts"
import { dial, dialPair, idsOf, isIntact, numbered, numberedAll, serve, server, stateOf } from "../utils/dialling.ts"
import { encode } from "../utils/native.ts"
import { pass, settle, withBed } from "../utils/network.ts"

const start = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkChild(effect, { startImmediately: true })

const ofService = (serviceId: number, messageId: number) => Message.make({ serviceId, messageId })

const range = (count: number) => Array.from({ length: count }, (_, i) => i)

describe("messages that come before anybody takes any", () => {
  it.effect("are kept for the first who does, in order with those that follow", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connection, peer } = yield* dialPair(bed)
        yield* peer.send(encode(...numberedAll(3, 600)))
        yield* settle
        const seen: Array<number> = []
        yield* start(connection.handle((message) => {
          assert.isTrue(isIntact(message))
          seen.push(message.messageId)
        }))
        yield* peer.send(encode(numbered(3)))
        yield* settle
        assert.deepStrictEqual(seen, [0, 1, 2, 3])
        const late: Array<number> = []
        yield* start(connection.handle((message) => void late.push(message.messageId)))
        yield* peer.send(encode(numbered(4)))
        yield* settle
        assert.deepStrictEqual(late, [4])
      })
    ))

  it.effect("are kept by service: a taker of one leaves the others", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connection, peer } = yield* dialPair(bed)
        yield* peer.send(encode(ofService(1, 10), ofService(2, 20), ofService(1, 11)))
        yield* settle
        const seen: Array<string> = []
        yield* start(connection.handle((message) => void seen.push(`one ${message.messageId}`), { serviceId: 1 }))
        yield* start(connection.handle((message) => void seen.push(`all ${message.messageId}`)))
        yield* settle
        assert.deepStrictEqual(seen, ["one 10", "one 11", "all 20"])
      })
    ))

  it.effect("are at most 1000, and 65,536 bytes of bodies; the others are counted", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connection, peer } = yield* dialPair(bed)
        yield* peer.send(encode(...numberedAll(1500, 1)))
        yield* settle
        const many = yield* start(Stream.runCollect(Stream.take(connection.messages, 1001)))
        yield* settle
        assert.deepInclude(yield* connection.stats, { messagesReceived: 1500, messagesUnhandled: 500 })
        yield* peer.send(encode(numbered(1500)))
        assert.deepStrictEqual(idsOf(yield* Fiber.join(many)), [...range(1000), 1500])
      })
    ))

  it.effect("cost what they weigh, whatever lies around them", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { manager, pool } = yield* bed.host("10.0.0.7")
        const { accept } = yield* serve(bed)
        const connection = yield* Effect.orDie(manager.connect(server))
        const peer = yield* accept
        // Small ones that fit, each among large ones that do not.
        for (let i = 0; i < 60; i++) yield* peer.send(encode(numbered(i, 513), ...numberedAll(4, 66_000)))
        yield* pass("1 second")
        assert.isTrue((yield* pool.stats).allocated < 12, `${(yield* pool.stats).allocated} slabs`)
        const kept = yield* start(Stream.runCollect(Stream.take(connection.messages, 60)))
        const messages = yield* Fiber.join(kept)
        assert.isTrue(messages.every(isIntact))
        assert.deepStrictEqual(idsOf(messages), range(60))
      })
    ))
})

describe("handlers", () => {
  it.effect("see the messages of a connection in order, one at a time", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connection, peer } = yield* dialPair(bed)
        let running = 0
        const seen: Array<number> = []
        yield* start(connection.handle((message) =>
          Effect.gen(function*() {
            running += 1
            assert.strictEqual(running, 1)
            yield* Effect.sleep(message.messageId % 3)
            seen.push(message.messageId)
            running -= 1
          })
        ))
        for (let i = 0; i < 10; i++) yield* peer.send(encode(...numberedAll(5, 4, i * 5)))
        yield* pass("1 second")
        assert.deepStrictEqual(seen, range(50))
      })
    ))

  it.effect("of a service see no others, and several may see the same", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connection, peer } = yield* dialPair(bed)
        const seen: Array<string> = []
        const note = (who: string) => (message: Message.Message) => void seen.push(`${who} ${message.messageId}`)
        yield* start(connection.handle(note("one"), { serviceId: 1 }))
        yield* start(connection.handle(note("two"), { serviceId: 2 }))
        yield* start(connection.handle(note("again"), { serviceId: 2 }))
        yield* peer.send(
          encode(ofService(1, 10), ofService(2, 20), ofService(3, 30), ofService(1, 11), ofService(2, 21))
        )
        yield* settle
        assert.deepStrictEqual(seen.toSorted(), ["again 20", "again 21", "one 10", "one 11", "two 20", "two 21"])
        assert.strictEqual((yield* connection.stats).messagesUnhandled, 1)
      })
    ))

  it.effect("of batches see all that one read brought", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connection, peer } = yield* dialPair(bed)
        const seen: Array<Array<number>> = []
        yield* start(connection.handleBatch((messages) => Effect.sync(() => seen.push(idsOf(messages)))))
        yield* peer.send(encode(...numberedAll(3)))
        yield* settle
        yield* peer.send(encode(numbered(3), numbered(4)))
        yield* settle
        assert.deepStrictEqual(seen, [[0, 1, 2], [3, 4]])
      })
    ))

  const failures: ReadonlyArray<readonly [string, () => Effect.Effect<unknown, string> | void, string]> = [
    ["throws", () => {
      throw new Error("thrown")
    }, "thrown"],
    ["fails", () => Effect.fail("failed"), "failed"],
    ["fails later", () => Effect.andThen(Effect.yieldNow, Effect.fail("failed late")), "failed late"],
    ["dies", () => Effect.die(new Error("died")), "died"],
    ["throws within an effect", () =>
      Effect.sync(() => {
        throw new Error("thrown inside")
      }), "thrown inside"],
    ["interrupts itself", () => Effect.interrupt, "interrupt"]
  ]

  it.effect.each(failures)(
    "one that %s is logged with the ids, and the next message is handled",
    ([, fail, text]) =>
      withBed((bed) =>
        Effect.gen(function*() {
          const { connection, peer } = yield* dialPair(bed)
          const seen: Array<number> = []
          const batches: Array<number> = []
          const handling = yield* start(connection.handle((message) => {
            seen.push(message.messageId)
            return message.messageId === 1 ? fail() : undefined
          }))
          const batching = yield* start(connection.handleBatch((messages) => {
            batches.push(...idsOf(messages))
            return messages.some((message) => message.messageId === 1) ? fail() ?? Effect.void : Effect.void
          }))
          yield* peer.send(encode(...numberedAll(3)))
          yield* settle
          yield* peer.send(encode(...numberedAll(2, 4, 3)))
          yield* settle
          assert.deepStrictEqual(seen, [0, 1, 2, 3, 4])
          assert.deepStrictEqual(batches, [0, 1, 2, 3, 4])
          const errors = bed.logs.filter((line) => line.startsWith("Error"))
          assert.strictEqual(errors.length, 2)
          assert.include(errors[0]!, "The handler of message 7/1 failed")
          assert.include(errors[0]!, text)
          assert.include(errors[0]!, "connection=1 endPoint=10.0.0.9:1235 side=dialled")
          assert.isUndefined(handling.pollUnsafe())
          assert.isUndefined(batching.pollUnsafe())
          assert.strictEqual(yield* stateOf(connection), "connected to 10.0.0.9:1235")
        })
      )
  )

  it.effect("may fail for each of very many messages", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connection, peer } = yield* dialPair(bed)
        let seen = 0
        yield* start(connection.handle(() => {
          seen += 1
          throw new Error("no")
        }))
        yield* start(peer.send(encode(...numberedAll(3000, 1))))
        yield* pass("1 second")
        assert.strictEqual(seen, 3000)
        assert.strictEqual(bed.logs.filter((line) => line.startsWith("Error")).length, 3000)
      })
    ))

  it.effect("end when they are interrupted, and let go of what waits for them", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connection, peer } = yield* dialPair(bed, { inboxBytes: 65_536 })
        const seen: Array<number> = []
        const stuck = yield* start(connection.handle(() => Effect.never))
        const other = yield* start(connection.handle((message) => void seen.push(message.messageId)))
        const flood = yield* start(peer.send(encode(...numberedAll(300, 8000))))
        yield* pass("1 second")
        assert.isTrue(seen.length < 300)
        yield* Fiber.interrupt(stuck)
        yield* pass("1 second")
        yield* Fiber.join(flood)
        assert.deepStrictEqual(seen, range(300))
        yield* Fiber.interrupt(other)
      })
    ))

  it.effect("finish what was received when the connection closes, and then end", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { accept } = yield* serve(bed)
        const scope = yield* Scope.make()
        const connection = yield* Scope.provide(dial(bed), scope)
        const peer = yield* accept
        const seen: Array<number> = []
        const handling = yield* start(connection.handle((message) =>
          Effect.andThen(Effect.sleep("1 second"), Effect.sync(() => seen.push(message.messageId)))
        ))
        yield* settle
        for (let i = 0; i < 3; i++) {
          yield* peer.send(encode(numbered(i)))
          yield* settle
        }
        yield* Scope.close(scope, Exit.void)
        yield* pass("3 seconds")
        yield* Fiber.join(handling)
        assert.deepStrictEqual(seen, [0, 1, 2])
      })
    ))

  it.effect("may ask the peer, send, disconnect and be interrupted from within", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { accept, connection, peer } = yield* dialPair(bed)
        const seen: Array<string> = []
        yield* start(connection.handle((message) =>
          Effect.gen(function*() {
            seen.push(`${message.messageId}`)
            if (message.messageId === 0) {
              const reply = yield* connection.request(numbered(50))
              seen.push(`reply ${reply.messageId}`)
            }
            if (message.messageId === 2) yield* connection.disconnect
          })
        ))
        yield* peer.send(encode(...numberedAll(2)))
        yield* settle
        yield* peer.send(encode(Message.make({ serviceId: 7, messageId: 51, header: { 11: 1 } })))
        yield* peer.send(encode(...numberedAll(2, 4, 2)))
        yield* settle
        assert.deepStrictEqual(seen, ["0", "reply 51", "1", "2", "3"])
        assert.strictEqual(yield* peer.status, "Closed")
        const second = yield* accept
        yield* second.send(encode(numbered(4)))
        yield* settle
        assert.strictEqual(seen.at(-1), "4")
      })
    ))
})

describe("what a handler sees", () => {
  it.effect("is good until its effect ends, and may be kept", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connection, peer } = yield* dialPair(bed)
        const kept: Array<Message.Message> = []
        yield* start(connection.handle((message) =>
          Effect.gen(function*() {
            yield* Effect.sleep(5)
            assert.isTrue(isIntact(Message.make({ ...message, body: Message.borrow(message) })))
            if (message.messageId % 2 === 0) kept.push(Message.keep(message))
          })
        ))
        for (let i = 0; i < 40; i++) {
          yield* peer.send(encode(numbered(i, i % 3 === 0 ? 20 : 5000)))
          yield* pass("3 millis")
        }
        yield* pass("1 second")
        assert.strictEqual(kept.length, 20)
        assert.isTrue(kept.every(isIntact))
      })
    ))

  it.effect("says so when it is looked at too late, rather than to show other bytes", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connection, peer } = yield* dialPair(bed)
        const lost: Array<Message.Message> = []
        yield* start(connection.handle((message) => void lost.push(message)))
        for (let i = 0; i < 10; i++) {
          yield* peer.send(encode(numbered(i, 1000)))
          yield* settle
        }
        for (const message of lost.slice(0, 9)) {
          assert.throws(() => message.body, /body of message 7\/\d was asked for after its handler had ended/)
        }
      })
    ))
})
