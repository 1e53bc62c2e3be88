import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Result } from "effect"
import { AddressResolver, Dns, NetAddress } from "effect/net"
import { TestClock } from "effect/testing"
import * as ChainParams from "../../../src/domain/p2p/ChainParams.ts"
import * as DnsSeeds from "../../../src/services/p2p/DnsSeeds.ts"

const chain: ChainParams.ChainParams = { ...ChainParams.testnet4, seeds: ["a.test", "missing.test", "many.test"] }

const dns = Result.getOrThrow(Dns.makeStatic({
  hosts: {
    "a.test": ["8.8.8.8", "2a01:4f8::1"],
    "many.test": Array.from({ length: 200 }, (_, i) => `8.8.4.${i}`)
  }
}))

const Resolver = Layer.succeed(AddressResolver.AddressResolver, AddressResolver.make(dns))

const Silent = Layer.succeed(
  AddressResolver.AddressResolver,
  AddressResolver.make({ ...dns, lookup: () => Effect.never })
)

describe("DnsSeeds", () => {
  it.effect("gives the addresses of each name with the port of the network", () =>
    Effect.gen(function*() {
      const { ask } = yield* DnsSeeds.make({ chain })
      const answers = yield* ask
      assert.deepStrictEqual(answers.map(({ seed }) => seed), ["a.test", "many.test"])
      assert.deepStrictEqual(
        answers[0]!.addresses.map(NetAddress.formatInet).sort(),
        ["8.8.8.8:28333", "[2a01:4f8::1]:28333"]
      )
      assert.strictEqual(answers[1]!.addresses.length, DnsSeeds.maxPerSeed)
      assert.strictEqual(new Set(answers[1]!.addresses.map(NetAddress.formatInet)).size, DnsSeeds.maxPerSeed)
    }).pipe(Effect.provide(Resolver)))

  it.effect("waits for no answer longer than it may", () =>
    Effect.gen(function*() {
      const { ask } = yield* DnsSeeds.make({ chain, timeout: "3 seconds" })
      const fiber = yield* Effect.forkChild(ask, { startImmediately: true })
      yield* TestClock.adjust(2999)
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(yield* Fiber.join(fiber), [])
    }).pipe(Effect.provide(Silent)))

  it.effect("refuses a time that is none", () =>
    Effect.gen(function*() {
      assert.isTrue(Exit.isFailure(yield* Effect.exit(DnsSeeds.make({ chain, timeout: 0 }))))
    }).pipe(Effect.provide(Resolver)))

  it.effect("can be none, or always the same", () =>
    Effect.gen(function*() {
      const ask = DnsSeeds.DnsSeeds.use(({ ask }) => ask)
      assert.deepStrictEqual(yield* Effect.provide(ask, DnsSeeds.layerNone), [])
      const answers = [{ seed: "a", addresses: [NetAddress.inetAddressFromStringUnsafe("8.8.8.8:1")] }]
      assert.deepStrictEqual(yield* Effect.provide(ask, DnsSeeds.layerStatic(answers)), answers)
    }))
})
