import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Duration, Effect, Layer, Result } from "effect"
import * as NetworkConfig from "../../src/services/NetworkConfig.ts"
import { clientHost } from "../utils/dialling.ts"
import { withBed } from "../utils/network.ts"

const { defaults, NetworkConfig: Key, override } = NetworkConfig

const seconds = (n: number) => Duration.seconds(n)

/** Settings from a provider, or the message of what is wrong. */
const settingsFrom = <E extends { readonly message: string }>(
  layer: Layer.Layer<NetworkConfig.NetworkConfig, E>,
  provider: ConfigProvider.ConfigProvider
) => Effect.provide(Key.use(Effect.succeed), Layer.provide(layer, ConfigProvider.layer(provider)))

const expected: NetworkConfig.Settings = {
  normalLaneMessages: 2000,
  highLaneMessages: 20,
  laneBytes: 32_000_000,
  writeBytes: 250_000,
  maxMessageBytes: 32_000_000,
  maxBytesInFlight: 256_000_000,
  inboxBytes: 1_048_576,
  connectTimeout: seconds(20),
  pingInterval: seconds(90),
  pongTimeout: seconds(30),
  firstPingTimeout: seconds(150),
  nextPingTimeout: seconds(120),
  maxPendingRequests: 20_000,
  requestTimeout: seconds(30),
  drainTimeout: seconds(5),
  loginTimeout: seconds(4),
  firstMessageTimeout: Duration.infinity,
  messageTimeout: seconds(60),
  minMessageRate: 10_000,
  sendTimeout: seconds(120),
  maxPings: 100,
  maxNewPerSecond: 500,
  maxConnections: 4096,
  maxConnectionsPerAddress: 64,
  malformedPoints: 200,
  failedLoginPoints: 200
}

const counts = Object.entries(expected).filter(([, value]) => typeof value === "number").map(([name]) => name)
const times = Object.entries(expected).filter(([, value]) => typeof value !== "number").map(([name]) => name)

/** What an option says that it needs. */
const rangeOf = (name: string): readonly [number, number] => {
  const problem = Result.getOrThrow(Result.flip(override(defaults, { [name]: -1 }))).problem
  const [low, high] = problem.match(/-?\d+/g)!.map(Number)
  return [low!, high!]
}

describe("NetworkConfig", () => {
  it("has the documented defaults", () => {
    assert.deepStrictEqual(defaults, expected)
  })

  it("puts options over settings, durations in any form, and leaves the others", () => {
    const once = Result.getOrThrow(override(defaults, { writeBytes: 9000, pingInterval: "2 minutes", drainTimeout: 0 }))
    assert.deepStrictEqual(once, {
      ...expected,
      writeBytes: 9000,
      pingInterval: Duration.minutes(2),
      drainTimeout: Duration.zero
    })
    const twice = Result.getOrThrow(
      override(once, { writeBytes: undefined, connectTimeout: 1500, pongTimeout: Infinity })
    )
    assert.strictEqual(twice.writeBytes, 9000)
    assert.strictEqual(Duration.toMillis(twice.connectTimeout), 1500)
    assert.isFalse(Duration.isFinite(twice.pongTimeout))
  })

  it("does not take options that it does not know", () => {
    const settings = Result.getOrThrow(
      override(defaults, { reconnect: 5, writeBytes: 10_000 } as NetworkConfig.Options)
    )
    assert.deepStrictEqual(settings, { ...expected, writeBytes: 10_000 })
  })

  it.each(counts)("names the option, the value and the range: %s", (name) => {
    const [low, high] = rangeOf(name)
    for (const value of [low, high]) {
      assert.isTrue(Result.isSuccess(override(defaults, { [name]: value })), `${name} ${value}`)
    }
    for (const value of [low - 1, high + 1, low + 0.5, Number.NaN, Infinity, "12", null, {}]) {
      const error = Result.getOrThrow(Result.flip(override(defaults, { [name]: value })))
      assert.strictEqual(error._tag, "BadOption")
      assert.strictEqual(error.option, name)
      assert.deepStrictEqual(error.value, value)
      assert.strictEqual(
        error.message,
        `option "${name}": an integer from ${low} to ${high} is needed, not ${String(value)}`
      )
    }
  })

  it.each(times)("takes any time from its least on: %s", (name) => {
    for (const value of [1, "1 milli", "3 days", Infinity, Duration.seconds(4), 60_000_000n]) {
      assert.isTrue(Result.isSuccess(override(defaults, { [name]: value })), `${name} ${value}`)
    }
    const least = name === "drainTimeout" ? 0 : 1
    for (const value of ["soon", "", null, true, ...(least === 0 ? [] : [{}, 0, -1, "-4 seconds"])]) {
      const error = Result.getOrThrow(Result.flip(override(defaults, { [name]: value })))
      assert.strictEqual(error.option, name)
      assert.include(error.message, `option "${name}": a duration of at least ${least} ms is needed, not `)
    }
  })

  it.effect("comes from code: `layer`, `layerDefaults`", () =>
    Effect.gen(function*() {
      const layer = NetworkConfig.layer({ normalLaneMessages: 500, drainTimeout: "1 second" })
      const settings = yield* Effect.provide(Key.use(Effect.succeed), layer)
      assert.deepStrictEqual(settings, { ...expected, normalLaneMessages: 500, drainTimeout: seconds(1) })
      assert.deepStrictEqual(yield* Effect.provide(Key.use(Effect.succeed), NetworkConfig.layerDefaults), expected)
      const error = yield* Effect.flip(Effect.provide(Key, NetworkConfig.layer({ writeBytes: 1 })))
      assert.strictEqual(error.option, "writeBytes")
    }))

  it.effect("comes from a configuration provider: `layerConfig`", () =>
    Effect.gen(function*() {
      const provider = (network: object) => ConfigProvider.fromUnknown({ network })
      assert.deepStrictEqual(yield* settingsFrom(NetworkConfig.layerConfig, ConfigProvider.fromUnknown({})), expected)
      const settings = yield* settingsFrom(
        NetworkConfig.layerConfig,
        provider({ highLaneMessages: 7, pingInterval: "30 seconds", firstMessageTimeout: "1 minute" })
      )
      assert.deepStrictEqual(settings, {
        ...expected,
        highLaneMessages: 7,
        pingInterval: seconds(30),
        firstMessageTimeout: Duration.minutes(1)
      })
      const outside = yield* Effect.flip(settingsFrom(NetworkConfig.layerConfig, provider({ writeBytes: 10 })))
      assert.strictEqual(outside._tag, "BadOption")
      assert.include(outside.message, "option \"writeBytes\": an integer from 9000")
      const malformed = yield* Effect.flip(settingsFrom(NetworkConfig.layerConfig, provider({ laneBytes: "much" })))
      assert.strictEqual(malformed._tag, "ConfigError")
      assert.include(malformed.message, "laneBytes")
    }))

  it.effect("comes from environment variables: `layerFromEnv`", () =>
    Effect.gen(function*() {
      const names = [
        "FLOWEE_NETWORK_PING_INTERVAL",
        "FLOWEE_NETWORK_MAX_CONNECTIONS_PER_ADDRESS",
        "FLOWEE_NETWORK_INBOX_BYTES",
        "NETWORK_WRITE_BYTES"
      ]
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          for (const name of names) delete process.env[name]
        })
      )
      process.env["FLOWEE_NETWORK_PING_INTERVAL"] = "30 seconds"
      process.env["FLOWEE_NETWORK_MAX_CONNECTIONS_PER_ADDRESS"] = "3"
      process.env["NETWORK_WRITE_BYTES"] = "10000"
      const settings = yield* Effect.provide(Key.use(Effect.succeed), NetworkConfig.layerFromEnv)
      assert.deepStrictEqual(settings, { ...expected, pingInterval: seconds(30), maxConnectionsPerAddress: 3 })
      process.env["FLOWEE_NETWORK_INBOX_BYTES"] = "1"
      const error = yield* Effect.flip(Effect.provide(Key, NetworkConfig.layerFromEnv))
      assert.strictEqual(error._tag, "BadOption")
    }))

  it.effect("is overridden per connection and listener, whose bad options are typed errors", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { manager } = yield* bed.host(clientHost)
        const open = {
          connect: (endPoint: string, options?: NetworkConfig.Options) =>
            Effect.asVoid(manager.connect(endPoint, options)),
          bind: (endPoint: string, options?: NetworkConfig.Options) => Effect.asVoid(manager.bind(endPoint, options))
        }
        for (const attempt of [open.connect, open.bind]) {
          const option = yield* Effect.flip(attempt("10.0.0.7:1", { writeBytes: 10 }))
          assert.strictEqual(option._tag, "NetworkError")
          assert.deepInclude(option.reason, { _tag: "BadOption", option: "writeBytes", value: 10 })
          assert.include(option.message, "option \"writeBytes\"")
          const endPoint = yield* Effect.flip(attempt("10.0.0.7"))
          assert.deepInclude(endPoint.reason, { _tag: "BadEndPoint", input: "10.0.0.7" })
          assert.include(endPoint.message, "write host:port")
        }
        for (const serviceId of [-1, 1.5, 2 ** 31, Number.NaN]) {
          const error = yield* Effect.flip(manager.register(serviceId, () => Effect.succeed(() => {})))
          assert.deepInclude(error.reason, { _tag: "BadOption", option: "serviceId" })
        }
        assert.deepStrictEqual(yield* manager.connections, [])
      })
    ))
})
