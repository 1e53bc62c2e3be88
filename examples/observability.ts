/**
 * What an operator sees of a program: metrics for Prometheus at `/metrics`, health at `/health`, and with `OTLP_URL` (such
 * as `http://127.0.0.1:4318`) logs, metrics and spans for a collector.
 *
 *     npm run example -- examples/observability.ts
 *
 * It calls a service of its own a few times, shows what Prometheus would read, and ends.
 */
import { NodeHttpClient, NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { Config, Console, Effect, Layer, Option, Schema } from "effect"
import { HttpClient, HttpRouter, HttpServer, HttpServerResponse } from "effect/http"
import { NetAddress } from "effect/net"
import { Otlp, OtlpSerialization, PrometheusMetrics } from "effect/observability"
import {
  MessageClient,
  MessageGroup,
  MessageServer,
  NetworkHealth,
  NetworkManager,
  NodeNetwork,
  Wire
} from "effect-flowee"
import { createServer } from "node:http"

const Adder = MessageGroup.make(
  MessageGroup.call("add", {
    serviceId: 42,
    messageId: 0,
    request: Schema.Struct({ a: Schema.Int.pipe(Wire.tag(1)), b: Schema.Int.pipe(Wire.tag(2)) }),
    reply: Schema.Struct({ sum: Schema.Int.pipe(Wire.tag(1)) })
  })
)

const AdderServer = MessageServer.layer(Adder, { add: ({ a, b }) => Effect.succeed({ sum: a + b }) })

/** Health for a probe: 200 or 503, and a line for each problem. */
const Health = HttpRouter.add(
  "GET",
  "/health",
  Effect.map(NetworkHealth.check({ minListeners: 1 }), ({ isHealthy, problems }) =>
    HttpServerResponse.text(
      isHealthy ? "ok\n" : problems.map(({ message }) => `${message}\n`).join(""),
      { status: isHealthy ? 200 : 503 }
    ))
)

/** What goes to a collector, when there is one: of the program, and of the network that is built within it. */
const Export = Layer.unwrap(Effect.map(
  Config.option(Config.NonEmptyString("OTLP_URL")),
  Option.match({
    onNone: () => Layer.empty,
    onSome: (baseUrl) =>
      Otlp.layer({ baseUrl, resource: { serviceName: "adder" } }).pipe(
        Layer.provide([OtlpSerialization.layerJson, NodeHttpClient.layerUndici])
      )
  })
))

const Http = NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 })

const Operations = HttpRouter.serve(Layer.merge(Health, PrometheusMetrics.layerHttp()), {
  disableLogger: true,
  disableListenLog: true
})

const get = (path: string) =>
  Effect.gen(function*() {
    const { address } = yield* HttpServer.HttpServer
    const port = NetAddress.isUnixPathAddress(address) ? 0 : address.port
    const response = yield* HttpClient.get(`http://127.0.0.1:${port}${path}`)
    return yield* response.text
  })

const program = Effect.gen(function*() {
  const manager = yield* NetworkManager.NetworkManager
  const listener = yield* manager.bind("127.0.0.1:0", { traceContext: true, spanPrefix: "adder" })
  const connection = yield* manager.connect(NetAddress.formatSocketAddress(listener.address), { traceContext: true })
  const adder = MessageClient.make(Adder, connection)
  const sums = yield* Effect.forEach([1, 2, 3], (n) => adder.add({ a: n, b: 10 })).pipe(Effect.withSpan("sums"))
  yield* Effect.logInfo(`calculated ${sums.length} sums`)
  yield* Console.log(`health: ${(yield* get("/health")).trim()}`)
  const metrics = yield* get("/metrics")
  yield* Console.log(metrics.split("\n").filter((line) => line.startsWith("flowee_")).join("\n"))
})

program.pipe(
  Effect.scoped,
  Effect.provide(
    Layer.mergeAll(Operations, AdderServer).pipe(
      Layer.provideMerge([NodeNetwork.layer(), Http, NodeHttpClient.layerUndici]),
      Layer.provideMerge(Export)
    )
  ),
  NodeRuntime.runMain
)
