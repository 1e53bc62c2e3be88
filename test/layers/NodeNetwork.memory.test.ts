import { assert, describe, it } from "@effect/vitest"
import { Effect, Latch, Metric } from "effect"
import type { Scope } from "effect"
import { NetAddress } from "effect/net"
import type * as Net from "node:net"
import * as Message from "../../src/domain/Message.ts"
import * as NodeNetwork from "../../src/layers/NodeNetwork.ts"
import * as NetworkManager from "../../src/services/NetworkManager.ts"
import * as NetworkMetrics from "../../src/services/NetworkMetrics.ts"
import * as Native from "../utils/native.ts"
import * as PlainSockets from "../utils/plainSockets.ts"

const limit = 16_000_000
const largest = 4_000_000

/** Begins a message of the largest size, and never ends it. */
const holdMuch = (
  address: NetAddress.SocketAddress,
  bytes: Uint8Array
): Effect.Effect<Net.Socket, never, Scope.Scope> =>
  Effect.tap(PlainSockets.plainSocket(address), (socket) => Effect.sync(() => void socket.resume().write(bytes)))

const held = Effect.map(Metric.value(NetworkMetrics.bytesInFlight), ({ value }) => value)

describe("NodeNetwork, memory", () => {
  it.live("64 connections of one address cannot hold more than all may, and an honest peer goes on", () =>
    Effect.gen(function*() {
      const manager = yield* NetworkManager.NetworkManager
      const reasons = new Map<string, number>()
      const isFull = Latch.makeUnsafe(false)
      const listener = yield* manager.bind("0.0.0.0:0", {
        onConnection: (connection) =>
          Effect.gen(function*() {
            yield* connection.handle((message) => connection.send(Message.reply(message)))
            const state = yield* connection.state
            if (state._tag !== "Closed") return
            reasons.set(state.reason._tag, (reasons.get(state.reason._tag) ?? 0) + 1)
            if (reasons.get("TooMuchMemory") === 20) yield* isFull.open
          })
      })
      const { port } = listener.address as NetAddress.InetAddress
      const connection = yield* manager.connect(`127.0.0.1:${port}`)
      const ask = connection.request(Message.make({ serviceId: 5, messageId: 1 }))
      yield* ask
      const message = Message.make({ serviceId: 5, messageId: 1, body: new Uint8Array(largest) })
      const unfinished = Native.encode(message).subarray(0, -1)
      const address = NetAddress.inetAddressFromNativeUnsafe("127.0.0.1", port)
      let most = 0
      let asked = 0
      const goOn = Effect.gen(function*() {
        yield* ask
        asked += 1
        most = Math.max(most, yield* held)
        yield* Effect.sleep("1 millis")
      })
      yield* Effect.forkScoped(Effect.forever(goOn))
      yield* Effect.forEach(Array.from({ length: 64 }), () => holdMuch(address, unfinished))
      yield* isFull.await
      yield* ask
      assert.isAbove(asked, 3)
      assert.isAbove(most, limit / 2)
      // A read of each connection may come before the end of another.
      assert.isBelow(most, limit + 4_000_000)
      assert.deepStrictEqual([...reasons.keys()], ["TooMuchMemory"])
      assert.strictEqual((yield* connection.state)._tag, "Connected")
    }).pipe(
      Effect.scoped,
      Effect.provide(NodeNetwork.layer({
        maxBytesInFlight: limit,
        maxMessageBytes: largest,
        laneBytes: largest,
        drainTimeout: 0
      })),
      Effect.provideService(Metric.MetricRegistry, new Map()),
      Effect.timeout("20 seconds")
    ))
})
