/**
 * Large bodies of groups: whoever reads one lets others have their turn.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema, Stream } from "effect"
import * as Message from "../../src/domain/Message.ts"
import * as MessageGroup from "../../src/domain/MessageGroup.ts"
import * as Wire from "../../src/domain/Wire.ts"
import * as MessageClient from "../../src/services/MessageClient.ts"
import * as MessageServer from "../../src/services/MessageServer.ts"
import * as Groups from "../utils/groups.ts"
import { withBed } from "../utils/network.ts"
import * as Pieces from "../utils/pieces.ts"

const serviceId = 43

const Numbers = Schema.Array(Schema.Natural).pipe(Wire.tag(1))
const HowMany = Schema.Struct({ count: Schema.Natural.pipe(Wire.tag(2)) })

class TooMany extends Schema.TaggedError<TooMany>("test/TooMany")("TooMany", {
  numbers: Schema.NonEmptyArray(Schema.Natural).pipe(Wire.tag(23))
}) {}

const Lists = MessageGroup.make(
  MessageGroup.call("send", { serviceId, messageId: 0, request: Numbers, reply: HowMany }),
  MessageGroup.call("get", { serviceId, messageId: 2, request: HowMany, reply: Numbers }),
  MessageGroup.call("refuse", { serviceId, messageId: 4, request: HowMany, error: TooMany }),
  MessageGroup.command("drop", { serviceId, messageId: 6, request: Numbers }),
  MessageGroup.notification("news", { serviceId, messageId: 8, payload: Numbers })
)

const news = (all: ReadonlyArray<number>) =>
  Message.make({ serviceId, messageId: 8, body: Result.getOrThrow(Wire.codec(Numbers).encode(all)) })

const numbers = (count: number) => Array.from({ length: count }, () => 200)

/** Of three bytes each: 600 kB. */
const many = 200_000

describe("a body that is large", () => {
  it.effect("is read in pieces by servers and clients", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        yield* Groups.serving(
          bed,
          MessageServer.layer(Lists, {
            send: (all) => Effect.succeed({ count: all.length }),
            get: ({ count }) => Effect.succeed(numbers(count)),
            refuse: ({ count }) => Effect.fail(new TooMany({ numbers: [1, ...numbers(count)] })),
            drop: (all, { connection }) => Effect.ignore(connection.send(news(all)))
          })
        )
        const client = MessageClient.make(Lists, yield* Groups.dialling(bed))
        const told: Array<number> = []
        yield* Effect.forkChild(
          Stream.runForEach(client.news, (all) => Effect.sync(() => void told.push(all.length))),
          {
            startImmediately: true
          }
        )
        const send = (count: number) =>
          Pieces.turnsDuring(Effect.map(client.send(numbers(count)), (reply) => assert.strictEqual(reply.count, count)))
        const get = (count: number) =>
          Pieces.turnsDuring(Effect.map(client.get({ count }), (reply) => assert.strictEqual(reply.length, count)))
        const refuse = (count: number) =>
          Pieces.turnsDuring(
            Effect.map(Effect.flip(client.refuse({ count })), (error) => assert.instanceOf(error, TooMany))
          )
        const drop = (count: number) =>
          Pieces.turnsDuring(Effect.andThen(
            client.drop(numbers(count)),
            Effect.repeat(Effect.yieldNow, { until: () => told.includes(count) })
          ))
        // What is dropped comes back as news.
        for (const [ask, bodies] of [[send, 1], [get, 1], [refuse, 1], [drop, 2]] as const) {
          const small = yield* ask(10)
          const large = yield* ask(many)
          assert.isAtLeast(large.turns - small.turns, bodies * many / 1000)
        }
      })
    ))
})
