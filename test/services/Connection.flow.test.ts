import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import * as ChunkJoiner from "../../src/domain/ChunkJoiner.ts"
import * as Message from "../../src/domain/Message.ts"
import type * as Connection from "../../src/services/Connection.ts"
import * as ReconnectPolicy from "../../src/services/ReconnectPolicy.ts"
import { clientHost, idsOf, isIntact, numbered, numberedAll, serve, server } from "../utils/dialling.ts"
import { concat, encode, fromHex, packet } from "../utils/native.ts"
import { type Bed, type HostOptions, pass, settle, withBed } from "../utils/network.ts"

const start = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkChild(effect, { startImmediately: true })

const range = (count: number) => Array.from({ length: count }, (_, i) => i)

const slabSize = 262_144

/** Lets time pass, little by little, until something is so. */
const passUntil = (what: string, condition: () => boolean) =>
  Effect.gen(function*() {
    for (let i = 0; !condition(); i++) {
      if (i === 20_000) return yield* Effect.die(new Error(`it never came to this: ${what}`))
      yield* pass("1 millis")
    }
  })

/** A connection, its other end in raw bytes, and what it costs. */
const flooded = (bed: Bed, options: HostOptions = {}) =>
  Effect.gen(function*() {
    const { manager, pool } = yield* bed.host(clientHost, options)
    const { accept } = yield* serve(bed)
    const connection = yield* Effect.orDie(manager.connect(server, { reconnect: ReconnectPolicy.reference }))
    const peer = yield* accept
    yield* settle
    const delivered = Effect.map(bed.network.links, (links) => links[0]!.toDialler.delivered)
    const memory = Effect.map(pool.stats, ({ takenBytes }) => takenBytes)
    return { connection, peer, delivered, memory }
  })

const floods: ReadonlyArray<readonly [string, ReadonlyArray<Message.Message>]> = [
  ["messages without a body", numberedAll(150_000, 0)],
  ["small messages", numberedAll(40_000, 100)],
  ["messages of one packet", numberedAll(700, 8000)],
  ["messages of a few chunks", numberedAll(80, 65_000)],
  ["messages of many chunks", numberedAll(10, 500_000)]
]

const inboxBytes = 500_000

/**
 * What may be read beyond the inbox before reading stops: a read, and the message that it finishes. A message without
 * a body counts for more than its bytes, so fewer are read.
 */
const slack = 2 * slabSize + 500_000

describe("a handler that is stuck", () => {
  it.effect.each(floods)(
    "stops the reading, and nothing is lost when it goes on: %s",
    ([, messages]) =>
      withBed((bed) =>
        Effect.gen(function*() {
          const { connection, delivered, memory, peer } = yield* flooded(bed, { inboxBytes })
          const seen: Array<number> = []
          let isStuck = true
          const handling = yield* start(connection.handle((message) => {
            if (!isIntact(message)) assert.fail(`message ${message.messageId} is not what it was`)
            seen.push(message.messageId)
            return isStuck ? Effect.sleep("1 minute") : undefined
          }))
          const flood = yield* start(peer.send(concat(messages.map((message) => encode(message)))))
          yield* pass("1 second")
          const before = yield* delivered
          yield* pass("58 seconds")
          assert.strictEqual(yield* delivered, before, "reading has stopped")
          assert.isUndefined(flood.pollUnsafe())
          assert.isTrue(before <= inboxBytes + slack, `${before} bytes were read`)
          assert.isTrue((yield* memory) <= inboxBytes + 2 * slack, `${yield* memory} bytes of memory`)
          assert.strictEqual(seen.length, 1)
          isStuck = false
          yield* pass("1 second")
          yield* passUntil("all messages are there", () => seen.length === messages.length)
          yield* Fiber.join(flood)
          assert.deepStrictEqual(seen, range(messages.length))
          yield* Fiber.interrupt(handling)
        })
      )
  )

  it.effect.each(floods.slice(1))(
    "counts the same for a stream that is not read: %s",
    ([, messages]) =>
      withBed((bed) =>
        Effect.gen(function*() {
          const { connection, delivered, memory, peer } = yield* flooded(bed, { inboxBytes })
          const seen: Array<Message.Message> = []
          let pause = 60_000
          const reading = yield* start(Stream.runForEach(connection.messages, (message) =>
            Effect.suspend(() => {
              seen.push(message)
              return pause === 0 ? Effect.void : Effect.sleep(pause)
            })))
          yield* settle
          const flood = yield* start(peer.send(concat(messages.map((message) => encode(message)))))
          yield* pass("59 seconds")
          assert.isTrue((yield* delivered) <= inboxBytes + slack, `${yield* delivered} bytes were read`)
          assert.isTrue((yield* memory) <= inboxBytes + 2 * slack, `${yield* memory} bytes of memory`)
          pause = 0
          yield* pass("1 second")
          yield* passUntil("all messages are there", () => seen.length === messages.length)
          yield* Fiber.join(flood)
          assert.deepStrictEqual(idsOf(seen), range(messages.length))
          assert.isTrue(seen.every(isIntact), "what a stream gives out may be kept")
          yield* Fiber.interrupt(reading)
        })
      )
  )

  it.effect("holds up the others no longer than it must: each sees all in order", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connection, peer } = yield* flooded(bed, { inboxBytes: 65_536 })
        const messages = numberedAll(300, 4000)
        const slow: Array<number> = []
        const quick: Array<number> = []
        yield* start(connection.handle((message) => {
          slow.push(message.messageId)
          return Effect.sleep("10 millis")
        }))
        yield* start(connection.handle((message) => void quick.push(message.messageId)))
        yield* start(peer.send(concat(messages.map((message) => encode(message)))))
        yield* passUntil("all messages are there", () => slow.length === messages.length)
        assert.deepStrictEqual(slow, range(messages.length))
        assert.deepStrictEqual(quick, range(messages.length))
      })
    ))

  it.effect("costs no memory on the word of the peer: a chunk that announces 32 MB and brings 8 KB", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connection, memory, peer } = yield* flooded(bed)
        // ServiceId 7, MessageId 1, SequenceStart 32,000,000, LastInSequence false.
        const first = packet("0807 1001 18 8e a0 91 00 25 04".replace("8e a0 91 00", "8e9f8f00"), new Uint8Array(8000))
        yield* peer.send(first)
        yield* settle
        assert.isTrue((yield* memory) <= ChunkJoiner.joinStep + slabSize)
        assert.deepInclude(yield* connection.stats, { messagesReceived: 0 })
        yield* peer.send(fromHex("0500081004"))
        yield* settle
      })
    ))

  it.effect("does not keep replies from those who wait for them as long as there is room", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connection, peer } = yield* flooded(bed)
        yield* start(connection.handle(() => Effect.never))
        yield* peer.send(encode(...numberedAll(100)))
        yield* settle
        const request = yield* start(connection.request(numbered(4)))
        yield* settle
        yield* peer.send(encode(Message.make({ serviceId: 7, messageId: 5, header: { 11: 1 } })))
        assert.strictEqual((yield* Fiber.join(request)).messageId, 5)
      })
    ))
})

/** A manager that serves and one that dials, with small lanes and a small inbox. */
const pair = (
  bed: Bed,
  onConnection: (connection: Connection.Connection) => Effect.Effect<unknown>,
  options: HostOptions = { normalLaneMessages: 4, inboxBytes: 65_536, laneBytes: 50_000 }
) =>
  Effect.gen(function*() {
    const host = yield* bed.host("10.0.0.9", options)
    yield* Effect.orDie(host.manager.bind(server, { onConnection }))
    const dialler = yield* bed.host(clientHost, options)
    return yield* Effect.orDie(dialler.manager.connect(server))
  })

describe("two peers that flood each other", () => {
  const handlers: ReadonlyArray<readonly [string, () => Effect.Effect<unknown> | void]> = [
    ["at once", () => {}],
    ["in a later turn", () => Effect.yieldNow],
    ["after a while", () => Effect.sleep("1 millis")]
  ]

  it.effect.each(handlers)(
    "come to an end, with small lanes and handlers that are done %s",
    ([, work]) =>
      withBed((bed) =>
        Effect.gen(function*() {
          const messages = numberedAll(400, 3000)
          const seen: Array<Array<number>> = []
          const both = (connection: Connection.Connection) =>
            Effect.gen(function*() {
              const mine: Array<number> = []
              seen.push(mine)
              yield* Effect.forkChild(connection.sendAll(messages))
              yield* connection.handle((message) => {
                mine.push(message.messageId)
                return work()
              })
            })
          const connection = yield* pair(bed, both)
          yield* start(both(connection))
          yield* passUntil(
            "all messages are there",
            () => seen.length === 2 && seen.every((mine) => mine.length === messages.length)
          )
          for (const mine of seen) {
            assert.deepStrictEqual(mine, range(messages.length))
          }
        }), { window: 20_000 })
  )

  it.effect("come to an end when one of them answers all that the other says", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const messages = numberedAll(500, 3000)
        const seen: Array<number> = []
        const connection = yield* pair(bed, (connection) =>
          connection.handle((message) => connection.send(Message.keep(message))))
        yield* start(connection.handle((message) =>
          void seen.push(message.messageId)
        ))
        yield* start(connection.sendAll(messages))
        yield* passUntil("all messages are there", () => seen.length === messages.length)
        assert.deepStrictEqual(seen, range(messages.length))
      }), { window: 20_000 }))

  it.effect("come to an end when both ask and answer: thousands of requests through lanes of four", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const rounds = 2000
        let answered = 0
        const ask = (connection: Connection.Connection) =>
          Effect.forEach(
            range(rounds),
            (i) =>
              Effect.map(
                connection.request(Message.make({ serviceId: 7, messageId: 0, body: numbered(i, 50).body })),
                (reply) => {
                  assert.strictEqual(reply.bodyLength, 50)
                  answered += 1
                }
              ),
            { concurrency: 8, discard: true }
          )
        const both = (connection: Connection.Connection) =>
          Effect.andThen(
            Effect.forkChild(ask(connection)),
            connection.handle((message) => connection.send(Message.reply(message, { body: message.body })))
          )
        const connection = yield* pair(bed, both)
        yield* start(both(connection))
        yield* passUntil("all requests are answered", () => answered === 2 * rounds)
      })
    ))

  it.effect("go on with requests one after the other, for thousands of rounds", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const connection = yield* pair(bed, (connection) =>
          connection.handle((message) => connection.send(Message.reply(message))))
        for (let i = 0; i < 3000; i++) {
          yield* connection.request(Message.make({ serviceId: 7, messageId: 0 }))
        }
        assert.deepInclude(yield* connection.stats, { messagesSent: 3000, messagesReceived: 3000, pendingRequests: 0 })
      })
    ))
})
