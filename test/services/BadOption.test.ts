import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Effect, Exit, Layer, Result } from "effect"
import * as OptionRules from "../../src/domain/internal/optionRules.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Punishment from "../../src/domain/Punishment.ts"
import * as NodeTransport from "../../src/layers/NodeTransport.ts"
import * as NodeWorkerThreads from "../../src/layers/NodeWorkerThreads.ts"
import * as TestNetwork from "../../src/layers/TestNetwork.ts"
import * as BanList from "../../src/services/BanList.ts"
import * as BanListStore from "../../src/services/BanListStore.ts"
import * as BufferPool from "../../src/services/BufferPool.ts"
import * as NetworkConfig from "../../src/services/NetworkConfig.ts"
import * as NetworkManager from "../../src/services/NetworkManager.ts"
import { address, withBed } from "../utils/network.ts"
import { tlsOptions } from "../utils/tls.ts"

/** What cannot be used, by option. */
type Wrong = Readonly<Record<string, ReadonlyArray<unknown>>>

const notCounts = [-1, 1.5, NaN, Infinity, "3", null]
const notTimes = ["soon", -1, NaN, null]
const sockets: Wrong = {
  backlog: [0, ...notCounts],
  linger: [...notTimes, Infinity],
  keepAlive: [...notTimes, "1 day"]
}
const bans: Wrong = {
  threshold: [0, -1, NaN, Infinity],
  banDuration: [0, ...notTimes],
  forgivenPerHour: [-1, NaN, Infinity]
}

const layers: ReadonlyArray<readonly [string, (options: object) => Layer.Layer<never, unknown>, Wrong]> = [
  ["NodeWorkerThreads.layer", (options) => NodeWorkerThreads.layer(options), {
    size: [0, ...notCounts],
    maxQueued: notCounts,
    maxDeaths: [0, ...notCounts],
    giveUpFor: notTimes,
    timeLimit: [0, ...notTimes]
  }],
  ["BufferPool.layer", (options) => BufferPool.layer(options), {
    slabSize: [0, ...notCounts],
    maxFreeBytes: notCounts
  }],
  ["NodeTransport.layer", (options) => NodeTransport.layer(options), sockets],
  ["NodeTransport.layerTls", (options) => NodeTransport.layerTls({ ...tlsOptions, ...options }), {
    ...sockets,
    handshakeTimeout: [0, ...notTimes, Infinity],
    maxHandshakes: [0, ...notCounts]
  }],
  ["BanList.layerMemory", (options) => BanList.layerMemory(options), {
    ...bans,
    maxEntries: [0, ...notCounts]
  }],
  [
    "BanList.layer",
    (options) => Layer.provide(BanList.layer(options), BanListStore.layerMemory()),
    bans
  ]
]

describe("an option that cannot be used", () => {
  for (const [name, layer, wrong] of layers) {
    for (const [option, values] of Object.entries(wrong)) {
      it.effect(`is named: ${option} of ${name}`, () =>
        Effect.gen(function*() {
          for (const value of values) {
            const exit = yield* Effect.exit(Effect.scoped(Layer.build(layer({ [option]: value }))))
            const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
            assert.instanceOf(error, NetworkConfig.BadOption, `${option}: ${String(value)}`)
            assert.isFalse(Exit.hasDies(exit))
            assert.strictEqual(error.option, option)
            assert.deepStrictEqual(error.value, value)
          }
        }))
    }
  }

  it("is thrown where there are no effects", () => {
    assert.throws(() => BufferPool.makeUnsafe({ slabSize: -1 }), /option "slabSize"/)
  })

  it.effect("is refused for a request, which is not sent", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.7")
        const connection = yield* host.manager.connect("10.0.0.9:1")
        for (const timeout of ["nonsense", NaN, -1] as Array<Duration.Input>) {
          const { reason } = yield* Effect.flip(
            connection.request(Message.make({ serviceId: 7, messageId: 0 }), { timeout })
          )
          assert.strictEqual(reason._tag === "BadOption" && reason.option, "timeout")
        }
        assert.strictEqual((yield* connection.stats).queuedNormal, 0)
      })
    ))

  it.effect("is refused for a ban, which is not made", () =>
    Effect.gen(function*() {
      const banList = yield* BanList.BanList
      for (const duration of ["nonsense", NaN, 0, -1] as Array<Duration.Input>) {
        const error = yield* Effect.flip(banList.ban(address("10.0.0.7:1"), { duration }))
        assert.strictEqual(error._tag === "BadOption" && error.option, "duration")
      }
      assert.deepStrictEqual(yield* banList.list, [])
    }).pipe(Effect.provide(BanList.layerMemory())))

  it.effect("is refused for an end point that cannot be dialled, and for the service of the system", () =>
    Effect.gen(function*() {
      const manager = yield* NetworkManager.NetworkManager
      for (const input of ["localhost:0", "[::1]:0", { host: "localhost", port: 0 }]) {
        const { message, reason } = yield* Effect.flip(manager.connect(input))
        assert.strictEqual(reason._tag, "BadEndPoint")
        assert.match(message, /port 0 cannot be dialled/)
      }
      for (const serviceId of [126, -1, 1.5, NaN]) {
        const { reason } = yield* Effect.flip(manager.register(serviceId, () => Effect.succeed(() => {})))
        assert.strictEqual(reason._tag === "BadOption" && reason.option, "serviceId")
      }
    }).pipe(Effect.scoped, Effect.provide(TestNetwork.layer())))
})

describe("the rules of options", () => {
  const rules = { size: OptionRules.count(3, 1, 9), wait: OptionRules.time("1 second", 0, 5000) }

  it("give defaults, take what is in range, and leave alone what they do not know", () => {
    const both = (options: object) => Result.getOrThrow(OptionRules.resolve(rules, options))
    assert.deepStrictEqual(both({}), { size: 3, wait: Duration.seconds(1) })
    assert.deepStrictEqual(both({ size: 9, wait: "5 seconds", other: NaN }), { size: 9, wait: Duration.seconds(5) })
    assert.deepStrictEqual(both({ size: undefined }), { size: 3, wait: Duration.seconds(1) })
  })

  it("say what is needed", () => {
    const messageOf = (options: object) => Result.getOrThrow(Result.flip(OptionRules.resolve(rules, options))).message
    assert.strictEqual(messageOf({ size: 10 }), "option \"size\": an integer from 1 to 9 is needed, not 10")
    assert.strictEqual(messageOf({ wait: "9 s" }), "option \"wait\": a duration of 0 to 5000 ms is needed, not 9 s")
    const points = OptionRules.check("points", OptionRules.points(1, 0, 2), 2.5)
    assert.strictEqual(
      Result.getOrThrow(Result.flip(points)).message,
      "option \"points\": a number from 0 to 2 is needed, not 2.5"
    )
  })

  it("hold for points", () => {
    assert.isTrue(Result.isSuccess(Punishment.makePolicy({ threshold: 10.5, forgivenPerHour: 0 })))
  })
})
