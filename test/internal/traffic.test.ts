import { assert, describe, it } from "@effect/vitest"
import { Context, Metric } from "effect"
import * as Message from "../../src/domain/Message.ts"
import * as Traffic from "../../src/internal/traffic.ts"
import * as NetworkMetrics from "../../src/services/NetworkMetrics.ts"

const make = () => {
  const context = Context.make(Metric.MetricRegistry, new Map())
  const traffic = new Traffic.Traffic(context)
  const read = (counter: Metric.Counter<number>, service: string): number =>
    Metric.withAttributes(counter, { service }).valueUnsafe(context).count
  return { context, traffic, read }
}

const message = (serviceId: number, bodyLength: number) =>
  Message.make({ serviceId, messageId: 1, body: new Uint8Array(bodyLength) })

describe("Traffic", () => {
  it("counts each way by itself, services in turns", () => {
    const { read, traffic } = make()
    for (let i = 0; i < 5; i++) {
      traffic.sent(message(1, 10))
      traffic.sent(message(2, 3))
      traffic.received(message(2, 7))
      traffic.received(message(1, 0))
    }
    assert.deepStrictEqual(
      ["1", "2"].map((service) => [
        read(NetworkMetrics.messagesSent, service),
        read(NetworkMetrics.bytesSent, service),
        read(NetworkMetrics.messagesReceived, service),
        read(NetworkMetrics.bytesReceived, service)
      ]),
      [[5, 50, 5, 0], [5, 15, 5, 35]]
    )
  })

  it("counts all services beyond the bound as one, and those that were known by themselves", () => {
    const { context, read, traffic } = make()
    traffic.reserve(9999)
    for (let id = 0; id < 1000; id++) traffic.received(message(id, 2))
    traffic.received(message(9999, 5))
    traffic.sent(message(500, 1))
    const others = 1000 - (NetworkMetrics.maxServices - 1)
    assert.strictEqual(read(NetworkMetrics.bytesReceived, "9999"), 5)
    assert.strictEqual(read(NetworkMetrics.bytesReceived, "other"), 2 * others)
    assert.strictEqual(read(NetworkMetrics.messagesSent, "other"), 1)
    const series = Metric.snapshotUnsafe(context).filter(({ id }) => id === "flowee_bytes_sent_total")
    assert.strictEqual(series.length, NetworkMetrics.maxServices + 1)
  })
})
