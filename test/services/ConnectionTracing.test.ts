import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Option, Redacted, Schedule, Schema, Tracer } from "effect"
import * as Header from "../../src/domain/Header.ts"
import * as Message from "../../src/domain/Message.ts"
import * as MessageGroup from "../../src/domain/MessageGroup.ts"
import * as TraceContext from "../../src/domain/TraceContext.ts"
import * as Wire from "../../src/domain/Wire.ts"
import * as ConnectionAuthorizer from "../../src/services/ConnectionAuthorizer.ts"
import type * as ConnectionTracing from "../../src/services/ConnectionTracing.ts"
import * as MessageClient from "../../src/services/MessageClient.ts"
import * as MessageServer from "../../src/services/MessageServer.ts"
import { decode, dialPair, numbered } from "../utils/dialling.ts"
import { encode } from "../utils/native.ts"
import { type Bed, settle, withBed } from "../utils/network.ts"
import { keepingSpans } from "../utils/spans.ts"

const Counter = MessageGroup.make(
  MessageGroup.call("add", {
    serviceId: 42,
    messageId: 0,
    request: Schema.Struct({ amount: Schema.Int.pipe(Wire.tag(1)) }),
    reply: Schema.Struct({ total: Schema.Int.pipe(Wire.tag(1)) })
  })
)

/** Runs a test with a tracer that keeps all spans. */
const traced = <A, E>(test: (spans: ReadonlyArray<Tracer.Span>) => Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.suspend(() => {
    const { spans, tracer } = keepingSpans()
    return Effect.provideService(test(spans), Tracer.Tracer, tracer)
  })

const named = (spans: ReadonlyArray<Tracer.Span>, name: string): Tracer.Span => {
  const found = spans.filter((span) => span.name === name)
  assert.strictEqual(found.length, 1, `one span "${name}" among ${spans.map((span) => span.name).join(", ")}`)
  return found[0]!
}

const outcome = (span: Tracer.Span): string => span.status._tag === "Ended" ? span.status.exit._tag : "Started"

const parentOf = (span: Tracer.Span): string | undefined =>
  Option.getOrUndefined(Option.map(span.parent, (parent) => parent.spanId))

const start = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkChild(effect, { startImmediately: true })

/** A client and a server of the counter, whose handler has a span of its own within. */
const makeCounter = (
  bed: Bed,
  options: { readonly client?: ConnectionTracing.Options; readonly server?: ConnectionTracing.Options }
) =>
  Effect.gen(function*() {
    const serving = yield* bed.host("10.0.0.9")
    const dialling = yield* bed.host("10.0.0.7")
    yield* Layer.build(
      MessageServer.layer(Counter, {
        add: ({ amount }) => Effect.withSpan(Effect.succeed({ total: amount }), "adding")
      })
    ).pipe(Effect.provideContext(serving.context))
    yield* serving.manager.bind("10.0.0.9:1", options.server)
    const connection = yield* dialling.manager.connect("10.0.0.9:1", options.client)
    return MessageClient.make(Counter, connection)
  })

describe("spans of connections", () => {
  it.effect("are made for each attempt to connect, and tell how it ended", () =>
    traced((spans) =>
      withBed((bed) =>
        Effect.gen(function*() {
          const host = yield* bed.host("10.0.0.9")
          const dialling = yield* bed.host("10.0.0.7")
          yield* host.manager.bind("10.0.0.9:1")
          yield* dialling.manager.connect("10.0.0.9:1")
          yield* settle
          const span = named(spans, "flowee.connect")
          assert.deepStrictEqual([span.kind, outcome(span), parentOf(span)], ["client", "Success", undefined])
          assert.deepStrictEqual(Object.fromEntries(span.attributes), {
            "flowee.attempt": 1,
            "flowee.connection": 1,
            "flowee.side": "dialled",
            "server.address": "10.0.0.9:1"
          })
          yield* dialling.manager.connect("10.0.0.99:1", {
            reconnect: Schedule.spaced("1 hour"),
            spanPrefix: "lost",
            spanAttributes: { region: "north" }
          })
          yield* settle
          const failed = named(spans, "lost.connect")
          assert.strictEqual(outcome(failed), "Failure")
          assert.strictEqual(failed.attributes.get("region"), "north")
        }).pipe(Effect.withSpan("program"), Effect.scoped)
      )
    ))

  it.effect("are made for logins, on both sides", () =>
    traced((spans) =>
      withBed((bed) =>
        Effect.gen(function*() {
          const host = yield* bed.host("10.0.0.9")
          const dialling = yield* bed.host("10.0.0.7")
          yield* host.manager.bind("10.0.0.9:1", {
            authorizer: {
              authorize: () => Effect.succeed(ConnectionAuthorizer.awaitLogin()),
              checkLogin: () => Effect.succeed(ConnectionAuthorizer.reject("no"))
            },
            spanPrefix: "server"
          })
          const cookie = Redacted.make("A".repeat(44))
          yield* dialling.manager.connect("10.0.0.9:1", {
            reconnect: Schedule.spaced("1 hour"),
            login: { read: Effect.succeedSome(cookie), obtain: Effect.succeed(cookie) }
          })
          yield* settle
          const reading = named(spans, "flowee.login")
          assert.strictEqual(parentOf(reading), named(spans, "flowee.connect").spanId)
          const check = named(spans, "server.login")
          assert.deepStrictEqual([check.kind, check.attributes.get("flowee.passed")], ["server", false])
          assert.match(String(check.attributes.get("client.address")), /^10\.0\.0\.7:/)
        }).pipe(Effect.scoped)
      )
    ))
})

describe("spans of requests", () => {
  it.effect("are named after calls, on both sides, and are two traces", () =>
    traced((spans) =>
      withBed((bed) =>
        Effect.gen(function*() {
          const counter = yield* makeCounter(bed, { server: { spanPrefix: "counter" } })
          yield* Effect.withSpan(counter.add({ amount: 3 }), "program")
          const request = named(spans, "flowee.add")
          assert.deepStrictEqual([request.kind, outcome(request)], ["client", "Success"])
          assert.strictEqual(parentOf(request), named(spans, "program").spanId)
          assert.deepStrictEqual(
            [request.attributes.get("flowee.service"), request.attributes.get("flowee.message")],
            [42, 0]
          )
          const handler = named(spans, "counter.add")
          assert.deepStrictEqual([handler.kind, parentOf(handler)], ["server", undefined])
          assert.strictEqual(parentOf(named(spans, "adding")), handler.spanId)
          assert.notStrictEqual(handler.traceId, request.traceId)
        }).pipe(Effect.scoped)
      )
    ))

  it.effect("are one trace when both sides ask for that", () =>
    traced((spans) =>
      withBed((bed) =>
        Effect.gen(function*() {
          const counter = yield* makeCounter(bed, {
            client: { traceContext: true },
            server: { traceContext: true, spanPrefix: "counter" }
          })
          yield* counter.add({ amount: 3 })
          const request = named(spans, "flowee.add")
          const handler = named(spans, "counter.add")
          assert.strictEqual(parentOf(handler), request.spanId)
          assert.strictEqual(handler.traceId, request.traceId)
          assert.strictEqual(named(spans, "adding").traceId, request.traceId)
        }).pipe(Effect.scoped)
      )
    ))

  it.effect("are two traces when only one side asks for one", () =>
    traced((spans) =>
      withBed((bed) =>
        Effect.gen(function*() {
          const counter = yield* makeCounter(bed, {
            client: { traceContext: true },
            server: { spanPrefix: "counter" }
          })
          yield* counter.add({ amount: 3 })
          assert.strictEqual(parentOf(named(spans, "counter.add")), undefined)
        }).pipe(Effect.scoped)
      )
    ))

  it.effect("put nothing into headers unless they are asked to", () =>
    traced((spans) =>
      withBed((bed) =>
        Effect.gen(function*() {
          const { connection, peer } = yield* dialPair(bed)
          const fiber = yield* start(connection.request(numbered(2)))
          yield* settle
          const [request] = decode(yield* peer.rest)
          assert.deepStrictEqual(Header.entries(request!.header), [[Header.requestId, 1]])
          yield* peer.send(encode(Message.reply(request!)))
          yield* Fiber.join(fiber)
          assert.strictEqual(outcome(named(spans, "flowee.request")), "Success")
        })
      )
    ))

  it.effect("fail with their requests", () =>
    traced((spans) =>
      withBed((bed) =>
        Effect.gen(function*() {
          const { connection, peer } = yield* dialPair(bed)
          const fiber = yield* start(Effect.exit(connection.request(numbered(2), { spanName: "ask" })))
          yield* settle
          yield* peer.close
          yield* Fiber.join(fiber)
          assert.strictEqual(outcome(named(spans, "flowee.ask")), "Failure")
        })
      )
    ))

  it.effect("are made by handlers of plain messages for those that ask for a reply", () =>
    traced((spans) =>
      withBed((bed) =>
        Effect.gen(function*() {
          const host = yield* bed.host("10.0.0.9")
          yield* host.manager.bind("10.0.0.9:1", {
            traceContext: true,
            onConnection: (connection) =>
              connection.handle((message) => Effect.withSpan(connection.send(Message.reply(message)), "replying"))
          })
          const peer = yield* bed.dial("10.0.0.7", "10.0.0.9:1")
          const context = { traceId: "a".repeat(32), spanId: "b".repeat(16), sampled: true }
          const header = TraceContext.toHeader(context, Header.make({ [Header.requestId]: 1 }))
          yield* peer.send(encode(numbered(1), Message.make({ serviceId: 7, messageId: 2, header })))
          yield* settle
          const handler = named(spans, "flowee.handle")
          assert.deepStrictEqual([parentOf(handler), handler.traceId], [context.spanId, context.traceId])
          assert.strictEqual(spans.filter((span) => span.name === "replying").length, 2)
        }).pipe(Effect.scoped)
      )
    ))

  it.effect("begin a trace of their own after a foreign context that is none", () =>
    traced((spans) =>
      withBed((bed) =>
        Effect.gen(function*() {
          const host = yield* bed.host("10.0.0.9")
          yield* host.manager.bind("10.0.0.9:1", {
            traceContext: true,
            onConnection: (connection) => connection.handle((message) => connection.send(Message.reply(message)))
          })
          const peer = yield* bed.dial("10.0.0.7", "10.0.0.9:1")
          for (const value of [-5, 0, 0x7fffffff]) {
            const strange = Object.fromEntries(Array.from({ length: 7 }, (_, i) => [24 + i, value]))
            yield* peer.send(
              encode(Message.make({ serviceId: 7, messageId: 2, header: { ...strange, [Header.requestId]: 1 } }))
            )
          }
          yield* settle
          assert.deepStrictEqual(
            spans.filter((span) => span.name === "flowee.handle").map(parentOf),
            [undefined, undefined, undefined]
          )
          assert.strictEqual(decode(yield* peer.rest).length, 3)
        }).pipe(Effect.scoped)
      )
    ))

  it.effect("are not there when they are disabled", () =>
    traced((spans) =>
      withBed((bed) =>
        Effect.gen(function*() {
          const counter = yield* makeCounter(bed, {
            client: { disableTracing: true },
            server: { disableTracing: true }
          })
          yield* counter.add({ amount: 3 })
          assert.deepStrictEqual(spans.map((span) => span.name), ["adding"])
        }).pipe(Effect.scoped)
      )
    ))
})
