import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, Context, Effect, Layer, Redacted, Result } from "effect"
import type { Scope } from "effect"
import * as ConnectionAuthorizer from "../../../src/services/ConnectionAuthorizer.ts"
import * as CookieFile from "../../../src/services/CookieFile.ts"
import * as HubClient from "../../../src/services/hub/HubClient.ts"
import * as IndexerClient from "../../../src/services/hub/IndexerClient.ts"
import type * as NetworkManager from "../../../src/services/NetworkManager.ts"
import * as FakeHub from "../../utils/fakeHub.ts"
import { type Bed, pass, withBed } from "../../utils/network.ts"

const cookie = Redacted.make("c".repeat(43))

const cookieFile: CookieFile.CookieFile["Service"] = {
  read: Effect.succeedSome(cookie),
  obtain: Effect.succeed(cookie)
}

const build = <A, E>(
  bed: Bed,
  layer: Layer.Layer<A, E, NetworkManager.NetworkManager>,
  provider: Record<string, unknown> = {}
): Effect.Effect<Context.Context<A>, E, Scope.Scope> =>
  Effect.flatMap(bed.host(FakeHub.clientHost), (host) =>
    Layer.build(layer).pipe(
      Effect.provideContext(host.context),
      Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(provider))
    ))

const versionOf = (context: Context.Context<HubClient.HubClient>) => Context.get(context, HubClient.HubClient).version

const recorded = FakeHub.recorded("hub-regtest")

describe("the layers of a client", () => {
  it.effect("make one that is shared by all who are given the same", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        yield* FakeHub.start(bed, recorded)
        const hub = HubClient.layer({ endPoint: FakeHub.endPoint })
        class Pair extends Context.Service<Pair, ReadonlyArray<HubClient.HubClient["Service"]>>()("test/Pair") {}
        class One extends Context.Service<One, HubClient.HubClient["Service"]>()("test/One") {}
        const one = Layer.provide(Layer.effect(One, HubClient.HubClient), hub)
        const pair = Layer.effect(
          Pair,
          Effect.gen(function*() {
            return [yield* One, yield* HubClient.HubClient]
          })
        ).pipe(Layer.provide([one, hub]))
        const [first, second] = Context.get(yield* build(bed, pair), Pair)
        assert.strictEqual(first, second)
        assert.strictEqual(yield* first!.version, "Flowee:1 (2021-04)")
      })
    ))

  it.effect("refuse what is no end point or no option", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const place = yield* Effect.flip(build(bed, HubClient.layer({ endPoint: "nowhere" })))
        assert.strictEqual(place._tag, "NetworkError")
        assert.include(place.message, `"nowhere" is no end point`)
        const option = yield* Effect.flip(
          build(bed, HubClient.layer({ endPoint: FakeHub.endPoint, connectTimeout: "-1 second" }))
        )
        assert.include(option.message, "connectTimeout")
      })
    ))

  it.effect("make one from a configuration", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        yield* FakeHub.start(bed, recorded)
        const settings = { hub: { endPoint: FakeHub.endPoint, timeout: "2 seconds" } }
        const context = yield* build(bed, HubClient.layerConfig(), settings)
        assert.strictEqual(yield* versionOf(context), "Flowee:1 (2021-04)")
        const asked = yield* Effect.forkChild(Effect.flip(
          Context.get(context, HubClient.HubClient).validateAddress("?")
        ))
        yield* pass("2 seconds")
        assert.isDefined(asked.pollUnsafe(), "the timeout of the configuration")
        const own = { endPoint: Config.String("place"), timeout: Config.succeed(undefined) }
        const other = yield* build(bed, HubClient.layerConfig(own), { place: FakeHub.endPoint })
        assert.strictEqual(yield* versionOf(other), "Flowee:1 (2021-04)")
        const missing = yield* Effect.flip(build(bed, HubClient.layerConfig()))
        assert.strictEqual(missing._tag, "ConfigError")
        assert.include(missing.message, "endPoint")
        const wrong = yield* Effect.flip(
          build(bed, HubClient.layerConfig(), { hub: { endPoint: "x", timeout: "1 second" } })
        )
        assert.strictEqual(wrong._tag, "NetworkError")
      })
    ))

  it.effect("make one from environment variables", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        yield* FakeHub.start(bed, recorded)
        const env = ConfigProvider.fromEnvRecord({ HUB_END_POINT: FakeHub.endPoint, HUB_TIMEOUT: "10 seconds" }).pipe(
          ConfigProvider.constantCase
        )
        const layer = HubClient.layerConfig().pipe(Layer.provide(ConfigProvider.layer(env)))
        assert.strictEqual(yield* versionOf(yield* build(bed, layer)), "Flowee:1 (2021-04)")
      })
    ))

  it.effect("log in where the Hub wants it", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const authorizer = yield* Effect.orDie(ConnectionAuthorizer.cookie(cookieFile))
        yield* FakeHub.start(bed, recorded, { authorizer })
        const withCookie = HubClient.layerCookie({ endPoint: FakeHub.endPoint }).pipe(
          Layer.provide(Layer.succeed(CookieFile.CookieFile, cookieFile))
        )
        assert.strictEqual(yield* versionOf(yield* build(bed, withCookie)), "Flowee:1 (2021-04)")
        const byOption = HubClient.layer({ endPoint: FakeHub.endPoint, login: cookieFile })
        assert.strictEqual(yield* versionOf(yield* build(bed, byOption)), "Flowee:1 (2021-04)")
        const context = yield* build(bed, HubClient.layer({ endPoint: FakeHub.endPoint, timeout: "3 seconds" }))
        const asked = yield* Effect.forkChild(Effect.result(versionOf(context)))
        yield* pass("3 seconds")
        const result = asked.pollUnsafe()
        assert.isTrue(result !== undefined && result._tag === "Success" && Result.isFailure(result.value))
      })
    ))

  it.effect("make one of an indexer", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        yield* FakeHub.start(bed, () => [])
        const context = yield* build(bed, IndexerClient.layer({ endPoint: FakeHub.endPoint, timeout: "1 second" }))
        const asked = yield* Effect.forkChild(Effect.flip(Context.get(context, IndexerClient.IndexerClient).available))
        yield* pass("1 second")
        assert.isDefined(asked.pollUnsafe())
      })
    ))
})
