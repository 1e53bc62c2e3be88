import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import * as Message from "../../src/domain/Message.ts"
import { address, type Bed, pass, settle, withBed } from "../utils/network.ts"

const server = "10.0.0.9:1235"

const message = (size: number): Message.Message =>
  Message.make({ serviceId: 5, messageId: 1, body: new Uint8Array(size) })

const told = ({ logs }: Bed) => logs.filter((line) => line.includes("had not left"))

describe("what had not left when a connection closed", () => {
  it.effect("is told with its count, for a connection that was never up", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const client = yield* bed.host("10.0.0.1", { drainTimeout: "1 second" })
        const connection = yield* client.manager.connect(server)
        yield* connection.sendAll([message(100), message(100)])
        yield* connection.send(message(10), { priority: "high" })
        const closing = yield* Effect.forkChild(client.close)
        yield* pass("1 second")
        yield* Fiber.join(closing)
        const lines = told(bed)
        assert.lengthOf(lines, 1)
        assert.match(
          lines[0]!,
          /^Warn Closed with 3 messages \(\d+ bytes\) that had not left .*endPoint=10\.0\.0\.9:1235/
        )
      })
    ))

  it.effect("is told by a listener that is closed under peers who do not read", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9", { drainTimeout: "1 second" })
        yield* host.manager.bind(server, { limitRate: false })
        const transport = yield* bed.network.transportFrom("10.0.0.1")
        yield* transport.connect(address(server))
        yield* settle
        const [connection] = yield* host.manager.connections
        yield* connection!.sendAll([message(5000), message(5000)])
        yield* settle
        const { messagesSent } = yield* connection!.stats
        const closing = yield* Effect.forkChild(host.close)
        yield* pass("1 second")
        yield* Fiber.join(closing)
        const lines = told(bed)
        assert.lengthOf(lines, 1)
        assert.include(lines[0]!, `Warn Closed with ${2 - messagesSent} messages`)
      }), { window: 1000 }))

  it.effect("is a matter for debugging when the peer has gone", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        yield* host.manager.bind(server, { limitRate: false })
        const transport = yield* bed.network.transportFrom("10.0.0.1")
        const link = yield* transport.connect(address(server))
        yield* settle
        yield* (yield* host.manager.connections)[0]!.send(message(5000))
        yield* settle
        link.close()
        yield* settle
        const lines = told(bed)
        assert.lengthOf(lines, 1)
        assert.match(lines[0]!, /^Debug Closed with 1 message \(/)
      }), { window: 1000 }))

  it.effect("is nothing to speak of when all has left", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        yield* host.manager.bind(server)
        const client = yield* bed.host("10.0.0.1")
        const connection = yield* client.manager.connect(server)
        yield* connection.sendAll([message(5000), message(5000)])
        yield* client.close
        yield* host.close
        assert.deepStrictEqual(told(bed), [])
      })
    ))
})
