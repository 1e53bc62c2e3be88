import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as Http from "node:http"
import type * as Net from "node:net"
import { runExample } from "../utils/example.ts"

/** A collector on loopback that keeps what it is sent, by path. */
const collector = Effect.acquireRelease(
  Effect.callback<{ readonly url: string; readonly received: Map<string, string>; readonly server: Http.Server }>(
    (resume) => {
      const received = new Map<string, string>()
      const server = Http.createServer((request, response) => {
        let body = ""
        request.setEncoding("utf8").on("data", (text: string) => {
          body += text
        }).on("end", () => {
          const path = request.url ?? ""
          received.set(path, `${received.get(path) ?? ""}${body}\n`)
          response.writeHead(200, { "content-type": "application/json" }).end("{}")
        })
      })
      server.listen(0, "127.0.0.1", () => {
        const { port } = server.address() as Net.AddressInfo
        resume(Effect.succeed({ url: `http://127.0.0.1:${port}`, received, server }))
      })
    }
  ),
  ({ server }) =>
    Effect.sync(() => {
      server.closeAllConnections()
      server.close()
    })
)

const Span = Schema.Struct({
  traceId: Schema.String,
  spanId: Schema.String,
  parentSpanId: Schema.optional(Schema.String),
  name: Schema.String
})

const Traces = Schema.fromJsonString(Schema.Struct({
  resourceSpans: Schema.Array(Schema.Struct({
    scopeSpans: Schema.Array(Schema.Struct({ spans: Schema.Array(Span) }))
  }))
}))

const spansOf = (lines: string): ReadonlyArray<typeof Span.Type> =>
  lines.trim().split("\n").flatMap((line) =>
    Schema.decodeSync(Traces)(line).resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))
  )

describe("what an operator sees", () => {
  it.live("is there for Prometheus and for a probe", () =>
    Effect.gen(function*() {
      const { code, stderr, stdout } = yield* runExample("observability.ts", [], { env: { OTLP_URL: "" } })
      assert.strictEqual(code, 0, stderr)
      assert.include(stdout, "health: ok")
      for (
        const line of [
          "flowee_connections{side=\"accepted\",state=\"Connected\"} 1",
          "flowee_messages_sent_total{service=\"42\"} 6",
          "flowee_requests_total{outcome=\"Replied\"} 3",
          "flowee_request_duration_seconds_count 3",
          "flowee_lane_bytes{lane=\"normal\"} 0"
        ]
      ) {
        assert.include(stdout, line)
      }
    }))

  it.live("goes to a collector: logs, metrics and one trace over both sides", () =>
    Effect.gen(function*() {
      const { received, url } = yield* collector
      const { code, stderr } = yield* runExample("observability.ts", [], { env: { OTLP_URL: url } })
      assert.strictEqual(code, 0, stderr)
      assert.include(received.get("/v1/metrics") ?? "", "flowee_messages_sent_total")
      assert.include(received.get("/v1/logs") ?? "", "calculated 3 sums")
      const spans = spansOf(received.get("/v1/traces") ?? "")
      const sums = spans.find(({ name }) => name === "sums")
      assert.isTrue(spans.some(({ name }) => name === "flowee.connect"))
      const requests = spans.filter(({ name }) => name === "flowee.add")
      const handlers = spans.filter(({ name }) => name === "adder.add")
      assert.deepStrictEqual([requests.length, handlers.length], [3, 3])
      for (const request of requests) assert.strictEqual(request.parentSpanId, sums?.spanId)
      assert.sameMembers(
        handlers.map(({ parentSpanId }) => parentSpanId),
        requests.map(({ spanId }) => spanId)
      )
      for (const handler of handlers) assert.strictEqual(handler.traceId, sums?.traceId)
    }).pipe(Effect.scoped))
})
