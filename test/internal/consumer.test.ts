import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Logger } from "effect"
import * as Message from "../../src/domain/Message.ts"
import * as Consumer from "../../src/internal/consumer.ts"
import { settle } from "../utils/network.ts"

const message = (messageId: number): Message.Message => Message.make({ serviceId: 5, messageId })

/** Deliveries that say when they are done. */
const makeDeliveries = () => {
  const done: Array<number> = []
  const deliver = (consumer: Consumer.Consumer, ...ids: ReadonlyArray<number>): void =>
    consumer.deliver({ messages: ids.map(message), done: () => void done.push(ids[0]!) })
  return { deliver, done }
}

const idsOf = (messages: ReadonlyArray<Message.Message>) => messages.map(({ messageId }) => messageId)

/** A handler that notes what it is given. */
const noting = () => {
  const seen: Array<ReadonlyArray<number>> = []
  const handler: Consumer.BatchHandler<never> = (messages) => Effect.sync(() => void seen.push(idsOf(messages)))
  return { seen, handler }
}

describe("Consumer", () => {
  it.effect("hands a delivery to a waiting handler within the call that brings it, and is done with it then", () =>
    Effect.gen(function*() {
      const consumer = new Consumer.Consumer()
      const { deliver, done } = makeDeliveries()
      const { handler, seen } = noting()
      yield* Effect.forkChild(consumer.run(handler), { startImmediately: true })
      deliver(consumer, 1, 2)
      assert.deepStrictEqual(seen, [[1, 2]])
      assert.deepStrictEqual(done, [1])
      deliver(consumer, 3)
      assert.deepStrictEqual(seen, [[1, 2], [3]])
      assert.deepStrictEqual(done, [1, 3])
    }))

  it.effect("keeps deliveries in order while there is no handler, or a busy one", () =>
    Effect.gen(function*() {
      const consumer = new Consumer.Consumer()
      const { deliver, done } = makeDeliveries()
      const gate = yield* Deferred.make<void>()
      const seen: Array<number> = []
      deliver(consumer, 1)
      deliver(consumer, 2)
      yield* Effect.forkChild(
        consumer.run((messages) => {
          seen.push(...idsOf(messages))
          return messages[0]!.messageId === 2 ? Deferred.await(gate) : Effect.void
        }),
        { startImmediately: true }
      )
      for (let id = 3; id < 3000; id++) deliver(consumer, id)
      assert.deepStrictEqual(seen, [1, 2])
      assert.deepStrictEqual(done, [1])
      yield* Deferred.succeed(gate, undefined)
      yield* settle
      const all = Array.from({ length: 2999 }, (_, i) => i + 1)
      assert.deepStrictEqual(seen, all)
      assert.deepStrictEqual(done, all)
    }))

  it.effect("a handler that brings the next delivery itself is not entered again", () =>
    Effect.gen(function*() {
      const consumer = new Consumer.Consumer()
      const { deliver } = makeDeliveries()
      const events: Array<string> = []
      yield* Effect.forkChild(
        consumer.run((messages) =>
          Effect.sync(() => {
            const id = messages[0]!.messageId
            events.push(`begin ${id}`)
            if (id < 3) deliver(consumer, id + 1)
            events.push(`end ${id}`)
          })
        ),
        { startImmediately: true }
      )
      deliver(consumer, 1)
      yield* Effect.yieldNow
      assert.deepStrictEqual(events, [1, 2, 3].flatMap((id) => [`begin ${id}`, `end ${id}`]))
    }))

  it.effect("ends after what is queued", () =>
    Effect.gen(function*() {
      const consumer = new Consumer.Consumer()
      const { deliver, done } = makeDeliveries()
      const { handler, seen } = noting()
      deliver(consumer, 1)
      deliver(consumer, 2)
      consumer.end()
      yield* consumer.run(handler)
      assert.deepStrictEqual(seen, [[1], [2]])
      deliver(consumer, 3)
      assert.deepStrictEqual(seen, [[1], [2]])
      assert.deepStrictEqual(done, [1, 2, 3])
    }))

  it.effect("ends a handler that waits", () =>
    Effect.gen(function*() {
      const consumer = new Consumer.Consumer()
      const fiber = yield* Effect.forkChild(consumer.run(noting().handler), { startImmediately: true })
      consumer.end()
      yield* Fiber.join(fiber)
    }))

  it.effect("lets go of everything when it is interrupted, in the middle of a message or while it waits", () =>
    Effect.gen(function*() {
      for (const ids of [[], [1], [1, 2, 3]]) {
        const consumer = new Consumer.Consumer()
        const { deliver, done } = makeDeliveries()
        const fiber = yield* Effect.forkChild(consumer.run(() => Effect.never), { startImmediately: true })
        for (const id of ids) deliver(consumer, id)
        yield* Fiber.interrupt(fiber)
        deliver(consumer, 9)
        assert.deepStrictEqual(done, [...ids, 9])
      }
    }))

  it.effect("lets go of everything when it is closed without ever having had a handler", () =>
    Effect.gen(function*() {
      const consumer = new Consumer.Consumer()
      const { deliver, done } = makeDeliveries()
      deliver(consumer, 1)
      deliver(consumer, 2)
      consumer.close()
      deliver(consumer, 3)
      assert.deepStrictEqual(done, [1, 2, 3])
      yield* Effect.void
    }))
})

describe("eachMessage", () => {
  const collect = () => {
    const logs: Array<string> = []
    const layer = Logger.layer([Logger.make(({ cause, message }) => {
      logs.push(`${String(message)} ${cause.reasons.map((reason) => reason._tag).join()}`)
    })])
    return { logs, layer }
  }

  it.effect("hands out one at a time, functions and effects alike", () => {
    const events: Array<string> = []
    const handler = Consumer.eachMessage((message) => {
      events.push(`begin ${message.messageId}`)
      if (message.messageId % 2 === 0) return
      return Effect.andThen(Effect.yieldNow, Effect.sync(() => void events.push(`end ${message.messageId}`)))
    }, {})
    return Effect.gen(function*() {
      yield* handler([1, 2, 3].map(message))!
      assert.deepStrictEqual(events, ["begin 1", "end 1", "begin 2", "begin 3", "end 3"])
    })
  })

  it.effect("goes on after each that fails, and stops when it is interrupted", () => {
    const { layer, logs } = collect()
    const seen: Array<number> = []
    const handler = Consumer.eachMessage((message) => {
      seen.push(message.messageId)
      if (message.messageId === 1) throw new Error("one")
      if (message.messageId === 3) return Effect.fail("three")
      if (message.messageId === 5) return Effect.never
      return undefined
    }, {})
    return Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(handler([1, 2, 3, 4, 5, 6].map(message))!, { startImmediately: true })
      yield* Effect.yieldNow
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(seen, [1, 2, 3, 4, 5])
      assert.deepStrictEqual(logs, [
        "The handler of message 5/1 failed Die",
        "The handler of message 5/3 failed Fail"
      ])
    }).pipe(Effect.provide(layer))
  })

  it.effect("handles a hundred thousand failures in a row without a stack that grows", () => {
    let count = 0
    const handler = Consumer.eachMessage(() => {
      count += 1
      return Effect.fail("no")
    }, {})
    const messages = Array.from({ length: 100_000 }, () => message(1))
    return Effect.map(handler(messages)!, () => assert.strictEqual(count, 100_000)).pipe(
      Effect.provide(Logger.layer([]))
    )
  })
})
