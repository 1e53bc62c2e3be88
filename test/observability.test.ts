/**
 * What all that is observed of a manager has in common: secrets are in none of it, and logs say which connection they
 * are about.
 */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Fiber, Inspectable, Layer, Metric, Redacted, Result, Schedule, Schema, Tracer } from "effect"
import { PrometheusMetrics } from "effect/observability"
import { inspect } from "node:util"
import * as LoginCookie from "../src/domain/LoginCookie.ts"
import * as Message from "../src/domain/Message.ts"
import * as MessageGroup from "../src/domain/MessageGroup.ts"
import * as Wire from "../src/domain/Wire.ts"
import * as ConnectionAuthorizer from "../src/services/ConnectionAuthorizer.ts"
import * as MessageServer from "../src/services/MessageServer.ts"
import * as NetworkHealth from "../src/services/NetworkHealth.ts"
import * as NetworkService from "../src/services/NetworkService.ts"
import { encode } from "./utils/native.ts"
import { type Bed, pass, settle, withBed } from "./utils/network.ts"
import { keepingSpans } from "./utils/spans.ts"

const secret = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U="
const wrongSecret = "d3Jvbmd3cm9uZ3dyb25nd3Jvbmd3cm9uZ3dyb25nd3I="

/** The ways in which a text may show. */
const forms = (text: string): ReadonlyArray<string> => {
  const bytes = Buffer.from(text)
  const decoded = Buffer.from(text, "base64")
  return [
    text,
    decoded.toString("latin1"),
    bytes.toString("hex"),
    decoded.toString("hex"),
    bytes.toString("base64").slice(0, 30),
    Array.from(bytes).slice(0, 8).join(", "),
    Array.from(bytes).slice(0, 8).join(","),
    Array.from(bytes.subarray(0, 6), (byte) => byte.toString(16)).join(" ")
  ]
}

const assertHidden = (what: string, shown: string): void => {
  // Arrays of numbers are shown in columns.
  const plain = shown.replace(/\s+/g, " ")
  for (const form of [...forms(secret), ...forms(wrongSecret)]) {
    assert.isFalse(shown.includes(form) || plain.includes(form), `a cookie is in the ${what}`)
  }
}

const show = (value: unknown): string =>
  [inspect(value, { depth: 12, showHidden: true }), Inspectable.toStringUnknown(value)].join("\n")

const cookieFile = (cookie: string) => ({
  read: Effect.succeedSome(Redacted.make(cookie)),
  obtain: Effect.succeed(Redacted.make(cookie))
})

const showSpan = (span: Tracer.Span): string =>
  [
    span.name,
    show(Object.fromEntries(span.attributes)),
    span.status._tag === "Ended" && span.status.exit._tag === "Failure" ? Cause.pretty(span.status.exit.cause) : "",
    show(span.status)
  ].join("\n")

/** Logins that pass, that are wrong, that cannot be checked, and that a server without a login takes for messages. */
const logIn = Effect.fnUntraced(function*(bed: Bed) {
  const serving = yield* bed.host("10.0.0.9", { drainTimeout: 0 })
  const dialling = yield* bed.host("10.0.0.7", { drainTimeout: 0 })
  const checking = yield* ConnectionAuthorizer.cookie(cookieFile(secret))
  const dying: ConnectionAuthorizer.Authorizer = {
    authorize: () => Effect.succeed(ConnectionAuthorizer.awaitLogin()),
    checkLogin: (message) => Effect.andThen(Effect.logError("Cannot check", message), Effect.fail(message))
  }
  yield* serving.manager.bind("10.0.0.9:1", { authorizer: checking })
  yield* serving.manager.bind("10.0.0.9:2", { authorizer: dying })
  yield* serving.manager.bind("10.0.0.9:3", {
    onConnection: (connection) => connection.handle((message) => Effect.fail(message))
  })
  const found: Array<unknown> = []
  for (const port of [1, 2, 3]) {
    for (const cookie of [secret, wrongSecret]) {
      const options = { login: cookieFile(cookie), reconnect: Schedule.spaced("1 second"), traceContext: true }
      const connection = yield* dialling.manager.connect(`10.0.0.9:${port}`, { ...options, share: false })
      const request = yield* Effect.forkChild(
        Effect.exit(connection.request(Message.make({ serviceId: 7 }), { timeout: "2 seconds" })),
        { startImmediately: true }
      )
      yield* pass("3 seconds")
      found.push(yield* Fiber.join(request), yield* connection.state, connection, yield* connection.stats)
    }
  }
  for (const host of [serving, dialling]) {
    found.push(yield* Effect.provideContext(NetworkHealth.check(), host.context), yield* host.banList.list)
  }
  return found
})

describe("a cookie", () => {
  it.effect("is in no log, error, state, span or metric, whatever becomes of its login", () =>
    Effect.suspend(() => {
      const { spans, tracer } = keepingSpans()
      return withBed((bed) =>
        Effect.gen(function*() {
          const found = yield* Effect.scoped(logIn(bed))
          yield* settle
          assert.isTrue(bed.logs.some((line) => line.includes("could not be checked")))
          assert.isTrue(bed.logs.some((line) => line.includes("The handler of message 1/0 failed")))
          assertHidden("logs", bed.logs.join("\n"))
          for (const value of found) assertHidden("errors and states", show(value))
          const names = new Set(spans.map((span) => span.name))
          assert.deepStrictEqual([...names].sort(), [
            "flowee.connect",
            "flowee.handle",
            "flowee.login",
            "flowee.request"
          ])
          for (const span of spans) assertHidden(`span ${span.name}`, showSpan(span))
          const metrics = yield* PrometheusMetrics.format()
          assert.include(metrics, "flowee_disconnects_total{reason=\"LoginFailed\"}")
          assertHidden("metrics", metrics)
          assertHidden("metrics", show(yield* Metric.snapshot))
        })
      ).pipe(
        Effect.provideService(Tracer.Tracer, tracer),
        Effect.provideService(Metric.MetricRegistry, new Map())
      )
    }))

  it("would be found by this test", () => {
    const login = Result.getOrThrow(LoginCookie.encode(Redacted.make(secret)))
    for (const leak of [secret, show(login.body), inspect([...login.body], { maxArrayLength: null })]) {
      assert.throws(() => assertHidden("leak", leak))
    }
  })
})

const Group = MessageGroup.make(
  MessageGroup.call("ask", {
    serviceId: 42,
    messageId: 0,
    request: Schema.Struct({ a: Schema.Int.pipe(Wire.tag(1)) }),
    reply: Schema.Struct({ b: Schema.Int.pipe(Wire.tag(1)) })
  }),
  MessageGroup.command("tell", {
    serviceId: 42,
    messageId: 2,
    request: Schema.Struct({ a: Schema.Int.pipe(Wire.tag(1)) })
  })
)

describe("logs of a manager", () => {
  it.effect("say which connection they are about", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        const services = Layer.mergeAll(
          MessageServer.layer(Group, { ask: () => Effect.die("asked"), tell: () => Effect.die("told") }, {
            concurrency: 4
          }),
          NetworkService.layerHandler(43, () => Effect.andThen(Effect.logInfo("in a handler"), Effect.fail("wrong"))),
          NetworkService.layer(44, () => Effect.fail("cannot be made"))
        )
        // What is annotated where a service is registered stays.
        yield* Layer.build(services).pipe(
          Effect.provideContext(host.context),
          Effect.annotateLogs({ where: "registered" })
        )
        yield* host.manager.bind("10.0.0.9:1", { onConnection: () => Effect.fail("no program") })
        const peer = yield* bed.dial("10.0.0.7", "10.0.0.9:1")
        const make = (serviceId: number, messageId: number) =>
          Message.make({ serviceId, messageId, body: Uint8Array.of(0x08, 1) })
        yield* peer.send(encode(make(42, 0), make(42, 2), make(43, 0), make(44, 0)))
        yield* settle
        yield* Effect.forEach(yield* host.manager.connections, (connection) => connection.punish(1000, "enough"))
        yield* settle
        const lines = bed.logs.filter((line) => !line.includes("Turned a newcomer away"))
        for (
          const wanted of [
            "The handler of \"ask\" died",
            "The handler of \"tell\" failed",
            "The handler of message 43/0 failed",
            "in a handler",
            "The handler of a service could not be made",
            "The program of a connection failed",
            "Banned 10.0.0.7"
          ]
        ) {
          assert.isTrue(lines.some((line) => line.includes(wanted)), `${wanted}\n${lines.join("\n")}`)
        }
        for (const line of lines) {
          assert.match(line, /connection=1 endPoint=10\.0\.0\.7:\d+ side=accepted/)
          if (/"ask"|"tell"|in a handler/.test(line)) assert.include(line, "where=registered")
        }
      }).pipe(Effect.scoped)
    ))
})
