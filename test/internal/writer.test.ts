import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Metric } from "effect"
import { NetAddress } from "effect/net"
import * as Message from "../../src/domain/Message.ts"
import * as Lane from "../../src/internal/lane.ts"
import * as Traffic from "../../src/internal/traffic.ts"
import * as Writer from "../../src/internal/writer.ts"
import * as Transport from "../../src/services/Transport.ts"
import { decode, idsOf, isIntact, numbered, numberedAll } from "../utils/dialling.ts"
import { concat, envelope, packetLengths, Random, seed, SpySource } from "../utils/native.ts"
import { settle } from "../utils/network.ts"

const address = NetAddress.inetAddressFromStringUnsafe("10.0.0.9:1235")

const reset = new Transport.TransportError({ problem: "Reset", address: "10.0.0.9:1235" })

/** A link whose writes end when a test says so, or at once while it takes them. */
const makeLink = () => {
  const system = { takes: false }
  const writes: Array<Uint8Array> = []
  const parts: Array<ReadonlyArray<Uint8Array>> = []
  let pending: ((error: Transport.TransportError | undefined) => void) | undefined
  const link: Transport.Link = {
    remoteAddress: address,
    localAddress: address,
    start: () => {},
    pause: () => {},
    resume: () => {},
    close: () => {},
    write: (given, done) => {
      assert.isUndefined(pending, "one write at a time")
      parts.push(given)
      writes.push(concat(given))
      if (!system.takes) pending = done
      return system.takes
    }
  }
  return {
    link,
    /** Whether the operating system has room for all that is written. */
    system,
    /** What each write held. */
    writes,
    isWriting: () => pending !== undefined,
    /** Ends the write that is under way, and checks that nobody has touched its memory. */
    end: (error?: Transport.TransportError) => {
      const done = pending!
      pending = undefined
      assert.isTrue(Buffer.compare(concat(parts.at(-1)!), writes.at(-1)!) === 0, "the memory of a write has changed")
      done(error)
    }
  }
}

const make = (options: { readonly writeBytes?: number; readonly highLaneMessages?: number } = {}) =>
  Effect.sync(() => {
    const slabs = new SpySource()
    const written: Array<number> = []
    const owner = {
      onOffer: () => writer.signal(),
      onWritten: (messages: ReadonlyArray<Message.Message>) => written.push(...idsOf(messages))
    }
    const shared = { maxBytes: 100_000_000, envelope, owner }
    const high = new Lane.Lane({ ...shared, priority: "high", maxMessages: options.highLaneMessages ?? 20 })
    const normal = new Lane.Lane({ ...shared, priority: "normal", maxMessages: 10_000 })
    const writer: Writer.Writer = new Writer.Writer({
      envelope,
      high,
      normal,
      slabs,
      writeBytes: options.writeBytes ?? 250_000,
      traffic: new Traffic.Traffic(Context.make(Metric.MetricRegistry, new Map())),
      owner
    })
    return { writer, high, normal, slabs, written }
  })

/** Lets a writer write to a link until that fails or the fiber is interrupted. What it puts off goes to `later`. */
const run = (writer: Writer.Writer, link: Transport.Link, later: Array<() => void> = []) =>
  Effect.callback<never, Transport.TransportError>((resume) =>
    writer.start({
      link,
      later: (f) => later.push(f),
      onWriteFailed: (error) => resume(Effect.fail(error)),
      onWriteBroken: (cause) => resume(Effect.die(cause))
    })
  ).pipe(
    Effect.ensuring(Effect.sync(() => writer.stop())),
    Effect.exit,
    Effect.forkChild({ startImmediately: true })
  )

const offer = (lane: Lane.Lane, messages: ReadonlyArray<Message.Message>) => {
  for (const message of messages) assert.isTrue(lane.offerUnsafe(message))
}

/** Ends all writes until there is none. */
const endAll = (link: ReturnType<typeof makeLink>) =>
  Effect.gen(function*() {
    yield* settle
    while (link.isWriting()) {
      link.end()
      yield* settle
    }
  })

const ids = (bytes: Uint8Array) => idsOf(decode(bytes))

describe("Writer", () => {
  it.effect("puts all that is sent in one turn into one write, and waits for its end", () =>
    Effect.gen(function*() {
      const { normal, slabs, writer, written } = yield* make()
      const link = makeLink()
      const fiber = yield* run(writer, link.link)
      offer(normal, numberedAll(100))
      yield* settle
      offer(normal, numberedAll(3, 4, 100))
      yield* settle
      assert.deepStrictEqual(link.writes.map((bytes) => ids(bytes).length), [100])
      assert.deepStrictEqual(written, [])
      yield* endAll(link)
      assert.deepStrictEqual(link.writes.map((bytes) => ids(bytes).length), [100, 3])
      assert.strictEqual(written.length, 103)
      assert.isTrue(writer.isIdle)
      assert.strictEqual(slabs.count, 0, "a writer that rests holds no memory")
      yield* Fiber.interrupt(fiber)
    }))

  it.effect("sends urgent packets first, then the high lane, then the normal one", () =>
    Effect.gen(function*() {
      const { high, normal, writer } = yield* make()
      offer(normal, numberedAll(2))
      offer(high, numberedAll(2, 4, 50))
      writer.sendUrgent(envelope.ping)
      const link = makeLink()
      const fiber = yield* run(writer, link.link)
      assert.deepStrictEqual([...link.writes[0]!.subarray(0, 6)], [...envelope.ping])
      assert.deepStrictEqual(ids(link.writes[0]!), [50, 51, 0, 1])
      yield* Fiber.interrupt(fiber)
    }))

  it.effect(`never puts more than its limit into a write, and whole packets only (seed ${seed})`, () =>
    Effect.gen(function*() {
      for (let round = 0; round < 8; round++) {
        const random = new Random(seed + round)
        const writeBytes = random.pick([9000, 10_000, 17_000, 30_000, 250_000])
        const { high, normal, slabs, writer } = yield* make({ writeBytes, highLaneMessages: 10_000 })
        const link = makeLink()
        const fiber = yield* run(writer, link.link)
        let sent = 0
        for (let i = 0; i < 40; i++) {
          const count = random.below(6)
          offer(
            normal,
            Array.from({ length: count }, () => numbered(sent++, random.below(random.pick([50, 9000, 60_000]))))
          )
          const highCount = random.below(5)
          offer(high, numberedAll(highCount, random.below(8001), 100_000))
          if (random.chance(20)) writer.sendUrgent(envelope.ping)
          yield* Effect.yieldNow
          if (link.isWriting()) link.end()
        }
        yield* endAll(link)
        for (const bytes of link.writes) {
          assert.isTrue(bytes.length <= writeBytes, `${bytes.length} of ${writeBytes}, seed ${seed + round}`)
          const whole = packetLengths(bytes).reduce((a, b) => a + b, 0)
          assert.strictEqual(whole, bytes.length)
        }
        const messages = decode(concat(link.writes))
        const normals = messages.filter((message) => message.messageId < 100_000)
        assert.deepStrictEqual(idsOf(normals), Array.from({ length: sent }, (_, i) => i))
        assert.isTrue(messages.every(isIntact))
        assert.strictEqual(slabs.count, 0)
        assert.deepStrictEqual(slabs.faults, [])
        yield* Fiber.interrupt(fiber)
      }
    }))

  it.effect("makes writes larger while the link takes them at once and nothing of high priority waits", () =>
    Effect.gen(function*() {
      const { high, normal, writer } = yield* make()
      const link = makeLink()
      const later: Array<() => void> = []
      let seen = 0
      const sizes = () => {
        const from = seen
        seen = link.writes.length
        return link.writes.slice(from).map(({ length }) => Math.round(length / 50_000) * 50_000)
      }
      offer(normal, Array.from({ length: 20 }, (_, i) => numbered(i, 1_000_000)))
      link.system.takes = true
      const fiber = yield* run(writer, link.link, later)
      // About 1 MB is written in one turn of the event loop.
      assert.deepStrictEqual(sizes(), [250_000, 1_250_000])
      const turn = () => {
        assert.strictEqual(later.length, 1)
        later.pop()!()
        return sizes()
      }
      assert.deepStrictEqual(turn(), [1_250_000])
      offer(high, numberedAll(1, 4, 100))
      assert.deepStrictEqual(turn(), [250_000, 1_250_000])
      writer.sendUrgent(envelope.ping)
      assert.deepStrictEqual(turn(), [250_000, 1_250_000])
      // This one does not fit into the buffers of the system any more.
      link.system.takes = false
      assert.deepStrictEqual(turn(), [1_250_000])
      link.end()
      assert.deepStrictEqual(sizes(), [250_000])
      yield* Fiber.interrupt(fiber)
    }))

  it.effect("goes on with the next link when it had put writing off for the one before", () =>
    Effect.gen(function*() {
      const { normal, slabs, writer, written } = yield* make()
      const [first, second] = [makeLink(), makeLink()]
      const later: Array<() => void> = []
      offer(normal, Array.from({ length: 5 }, (_, i) => numbered(i, 1_000_000)))
      first.system.takes = true
      yield* Fiber.interrupt(yield* run(writer, first.link, later))
      assert.strictEqual(slabs.count, 0)
      second.system.takes = true
      const fiber = yield* run(writer, second.link, later)
      for (let next = later.shift(); next !== undefined; next = later.shift()) next()
      assert.deepStrictEqual(written, [0, 1, 2, 3, 4])
      assert.deepStrictEqual(idsOf(decode(concat(second.writes))), [1, 2, 3, 4])
      assert.strictEqual(slabs.count, 0)
      yield* Fiber.interrupt(fiber)
    }))

  it.effect("does not wait for the end of the turn with 32 KB, so that the peer can begin to read", () =>
    Effect.gen(function*() {
      const { normal, writer, written } = yield* make()
      const link = makeLink()
      link.system.takes = true
      const fiber = yield* run(writer, link.link)
      offer(normal, numberedAll(30, 1000))
      assert.strictEqual(link.writes.length, 0)
      offer(normal, numberedAll(30, 1000, 30))
      assert.isAtLeast(link.writes.length, 1)
      assert.isAtLeast(written.length, 30)
      yield* settle
      assert.deepStrictEqual(written, Array.from({ length: 60 }, (_, i) => i))
      yield* Fiber.interrupt(fiber)
    }))

  it.effect("does not begin the next write while it tells what the last one held", () =>
    Effect.gen(function*() {
      const { high, normal, writer, written } = yield* make({ highLaneMessages: 1, writeBytes: 9000 })
      const link = makeLink()
      offer(high, [numbered(1000)])
      offer(normal, numberedAll(50, 1000))
      const fiber = yield* run(writer, link.link)
      const waiting = yield* Effect.forkChild(high.offerWaiting([numbered(1001)], 0), { startImmediately: true })
      link.end()
      yield* Fiber.join(waiting)
      assert.deepStrictEqual(written, ids(link.writes[0]!))
      assert.deepStrictEqual(ids(link.writes[1]!).slice(0, 2), [1001, written.length - 1])
      yield* endAll(link)
      assert.strictEqual(written.length, 52)
      assert.deepStrictEqual([high.messages, normal.messages, normal.bytes], [0, 0, 0])
      yield* Fiber.interrupt(fiber)
    }))

  it.effect("writes what is sent while its idleness is told", () =>
    Effect.gen(function*() {
      const { normal, writer, written } = yield* make()
      const link = makeLink()
      const fiber = yield* run(writer, link.link)
      offer(normal, numberedAll(1))
      yield* settle
      const sending = yield* Effect.forkChild(
        Effect.andThen(writer.idle, Effect.sync(() => offer(normal, [numbered(1)]))),
        { startImmediately: true }
      )
      yield* endAll(link)
      yield* Fiber.join(sending)
      assert.deepStrictEqual(written, [0, 1])
      yield* Fiber.interrupt(fiber)
    }))

  it.effect("copies no more than its memory holds into a larger write", () =>
    Effect.gen(function*() {
      const { normal, slabs, writer } = yield* make()
      const link = makeLink()
      link.system.takes = true
      offer(normal, numberedAll(1000, 1000))
      const later: Array<() => void> = []
      const fiber = yield* run(writer, link.link, later)
      for (let next = later.shift(); next !== undefined; next = later.shift()) next()
      assert.isTrue(link.writes.every((bytes) => bytes.length <= slabs.slabSize))
      assert.strictEqual(slabs.peak, slabs.slabSize)
      assert.deepStrictEqual(idsOf(decode(concat(link.writes))), Array.from({ length: 1000 }, (_, i) => i))
      yield* Fiber.interrupt(fiber)
    }))

  it.effect("gives back what a failed write held, and what was not complete, for the next link", () =>
    Effect.gen(function*() {
      const { high, normal, slabs, writer, written } = yield* make({ writeBytes: 9000 })
      offer(normal, [numbered(1), numbered(2, 20_000), numbered(3)])
      offer(high, [numbered(50)])
      const first = makeLink()
      const fiber = yield* run(writer, first.link)
      first.end()
      yield* settle
      assert.deepStrictEqual(written, [50, 1])
      // The first chunk of the second message is under way.
      first.end(reset)
      assert.deepStrictEqual((yield* Fiber.join(fiber))._tag, "Failure")
      assert.strictEqual(slabs.count, 0)
      assert.deepStrictEqual([normal.messages, high.messages], [2, 0])
      const second = makeLink()
      const again = yield* run(writer, second.link)
      yield* endAll(second)
      const messages = decode(concat(second.writes))
      assert.deepStrictEqual(idsOf(messages), [2, 3])
      assert.isTrue(messages.every(isIntact))
      yield* Fiber.interrupt(again)
    }))

  it.effect("does not take the late word of a link that was given up for that of the next one", () =>
    Effect.gen(function*() {
      const { normal, slabs, writer, written } = yield* make()
      offer(normal, numberedAll(3))
      const first = makeLink()
      const fiber = yield* run(writer, first.link)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(slabs.count, 1, "the memory is still with the transport")
      const second = makeLink()
      const again = yield* run(writer, second.link)
      assert.isTrue(second.isWriting())
      first.end()
      yield* settle
      assert.deepStrictEqual(written, [])
      assert.strictEqual(second.writes.length, 1)
      second.end()
      yield* settle
      assert.deepStrictEqual(written, [0, 1, 2])
      assert.strictEqual(slabs.count, 0)
      yield* Fiber.interrupt(again)
    }))

  it.effect("forgets urgent packets of a link that is gone", () =>
    Effect.gen(function*() {
      const { normal, writer } = yield* make()
      const first = makeLink()
      const fiber = yield* run(writer, first.link)
      offer(normal, [numbered(1)])
      yield* settle
      writer.sendUrgent(envelope.ping)
      first.end(reset)
      yield* Fiber.join(fiber)
      const second = makeLink()
      const again = yield* run(writer, second.link)
      yield* endAll(second)
      assert.deepStrictEqual(ids(concat(second.writes)), [1])
      assert.notDeepEqual([...concat(second.writes).subarray(0, 6)], [...envelope.ping])
      assert.isTrue(writer.isIdle)
      yield* Fiber.interrupt(again)
    }))

  it.effect("says when all has left: also what those sent who had waited for room", () =>
    Effect.gen(function*() {
      const { normal, writer } = yield* make()
      const idle = yield* Effect.forkChild(writer.idle, { startImmediately: true })
      yield* settle
      assert.isDefined(idle.pollUnsafe())
      offer(normal, [numbered(1)])
      const busy = yield* Effect.forkChild(writer.idle, { startImmediately: true })
      const given = yield* Effect.forkChild(writer.idle, { startImmediately: true })
      yield* Fiber.interrupt(given)
      const link = makeLink()
      const fiber = yield* run(writer, link.link)
      yield* settle
      assert.isUndefined(busy.pollUnsafe())
      link.end()
      yield* Fiber.join(busy)
      yield* Fiber.interrupt(fiber)
    }))

  it.effect("passes bodies on as they are, without copying large ones", () =>
    Effect.gen(function*() {
      const { normal, writer } = yield* make()
      const body = new Uint8Array(7000).fill(5)
      let shared = false
      const link = makeLink()
      const spied: Transport.Link = {
        ...link.link,
        write: (parts, done) => {
          shared = parts.some((part) => part.buffer === body.buffer)
          return link.link.write(parts, done)
        }
      }
      const fiber = yield* run(writer, spied)
      offer(normal, [Message.make({ serviceId: 1, body })])
      yield* settle
      assert.isTrue(shared)
      yield* endAll(link)
      yield* Fiber.interrupt(fiber)
    }))
})
