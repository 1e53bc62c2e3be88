import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { NetAddress } from "effect/net"
import { TestClock } from "effect/testing"
import * as Message from "../../src/domain/Message.ts"
import * as MemoryTransport from "../../src/layers/MemoryTransport.ts"
import * as TestNetwork from "../../src/layers/TestNetwork.ts"
import * as BanList from "../../src/services/BanList.ts"
import * as BufferPool from "../../src/services/BufferPool.ts"
import * as Hash256 from "../../src/services/Hash256.ts"
import * as NetworkConfig from "../../src/services/NetworkConfig.ts"
import * as NetworkManager from "../../src/services/NetworkManager.ts"
import { settle } from "../utils/network.ts"

const serve = (endPoint: string) =>
  NetworkManager.NetworkManager.use((manager) =>
    manager.bind(endPoint, {
      onConnection: (peer) => peer.handle((message) => peer.send(Message.reply(message, { messageId: 1 })))
    })
  )

const ask = (endPoint: string) =>
  NetworkManager.NetworkManager.use((manager) =>
    Effect.flatMap(manager.connect(endPoint), (hub) => hub.request(Message.make({ serviceId: 7, messageId: 0 })))
  )

describe("TestNetwork", () => {
  it.effect("carries a request and its reply, with nothing else provided", () =>
    Effect.gen(function*() {
      yield* serve("10.0.0.9:1235")
      assert.strictEqual((yield* ask("10.0.0.9:1235")).messageId, 1)
      assert.strictEqual((yield* Hash256.Hash256).hash256(new Uint8Array(0)).length, 32)
      assert.deepStrictEqual(yield* BanList.BanList.use((list) => list.list), [])
      assert.isAbove((yield* BufferPool.BufferPool.use((pool) => pool.stats)).allocated, 0)
    }).pipe(Effect.scoped, Effect.provide(TestNetwork.layer())))

  it.effect("takes settings and conditions: names, and time that the test decides on", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* NetworkConfig.NetworkConfig).normalLaneMessages, 7)
      yield* serve("10.0.0.9:1235")
      const asking = yield* Effect.forkChild(ask("hub.example:1235"), { startImmediately: true })
      // A round trip to connect, and one to be answered.
      yield* Effect.andThen(settle, TestClock.adjust("199 millis"))
      assert.isUndefined(asking.pollUnsafe())
      yield* Effect.andThen(settle, TestClock.adjust("1 millis"))
      assert.strictEqual((yield* Fiber.join(asking)).messageId, 1)
    }).pipe(
      Effect.scoped,
      Effect.provide(TestNetwork.layer({
        normalLaneMessages: 7,
        network: { delay: "50 millis", hosts: { "hub.example": ["10.0.0.9"] } }
      }))
    ))

  it.effect("has hosts with network managers and ban lists of their own", () =>
    Effect.gen(function*() {
      const here = yield* Layer.build(TestNetwork.layerHost("10.0.0.9"))
      const there = yield* Layer.build(TestNetwork.layerHost("10.0.0.7"))
      const listener = yield* Effect.provideContext(serve("10.0.0.9:1235"), here)
      assert.strictEqual((yield* Effect.provideContext(ask("10.0.0.9:1235"), there)).messageId, 1)
      const [peer] = yield* listener.connections
      assert.match(peer!.endPoint, /^10\.0\.0\.7:/)
      const address = NetAddress.inetAddressFromStringUnsafe("10.0.0.7:1")
      const isBanned = BanList.BanList.use((list) => list.isBanned(address))
      yield* Effect.provideContext(BanList.BanList.use((list) => list.ban(address)), here)
      assert.isTrue(yield* Effect.provideContext(isBanned, here))
      assert.isFalse(yield* Effect.provideContext(isBanned, there))
    }).pipe(Effect.scoped, Effect.provide(MemoryTransport.layer())))

  it.effect("shares nothing between two layers", () =>
    Effect.gen(function*() {
      const one = yield* Effect.provide(serve("10.0.0.9:1235"), TestNetwork.layer())
      const two = yield* Effect.provide(serve("10.0.0.9:1235"), TestNetwork.layer())
      assert.deepStrictEqual(one.address, two.address)
    }).pipe(Effect.scoped))

  it.effect("fails with the option that cannot be used", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Layer.build(TestNetwork.layer({ writeBytes: 1 })))
      assert.strictEqual(error.option, "writeBytes")
    }).pipe(Effect.scoped))
})
