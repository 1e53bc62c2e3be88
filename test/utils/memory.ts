/**
 * Links of a memory network, for its own tests.
 */
import { Clock, Effect, Fiber, Queue } from "effect"
import { NetAddress } from "effect/net"
import * as MemoryTransport from "../../src/layers/MemoryTransport.ts"
import * as Transport from "../../src/services/Transport.ts"

const { probe } = MemoryTransport

export const server = NetAddress.inetAddressFromStringUnsafe("10.0.0.9:1234")
export const text = NetAddress.formatSocketAddress

/** `count` bytes that differ from their neighbours. */
export const bytes = (count: number, first = 0): Uint8Array =>
  Uint8Array.from({ length: count }, (_, i) => (first + i) % 251)

export const millisNow = Effect.map(Clock.currentTimeMillis, Number)

/** Listens, and hands over the accepted links in their order. */
export const listen = Effect.fnUntraced(function*(address: NetAddress.SocketAddress = server) {
  const transport = yield* Transport.Transport
  const links = yield* Queue.unbounded<Transport.Link>()
  const listener = yield* transport.listen(address, (link) => void Queue.offerUnsafe(links, link))
  return { address: listener.address, accept: Queue.take(links), links }
})

export const connect = Effect.fnUntraced(function*(address: NetAddress.SocketAddress = server) {
  const transport = yield* Transport.Transport
  return yield* transport.connect(address)
})

/** A link and its two ends, neither of which is started. */
export const rawPair = Effect.fnUntraced(function*(address: NetAddress.SocketAddress = server) {
  const listening = yield* listen(address)
  const fiber = yield* Effect.forkChild(connect(listening.address), { startImmediately: true })
  const accepted = yield* listening.accept
  return { client: yield* Fiber.join(fiber), accepted }
})

/** A link that was made before the clock has moved. */
export const pair = (address?: NetAddress.SocketAddress) =>
  Effect.map(rawPair(address), ({ accepted, client }) => ({ client: probe(client), accepted: probe(accepted) }))

/** Writes down what a link does, with the time. */
export class Recorder implements Transport.LinkReceiver {
  readonly events: Array<string> = []
  readonly received: Array<number> = []
  readonly #memory: Uint8Array
  readonly #onRead: () => boolean

  constructor(size = 65_536, onRead: () => boolean = () => true) {
    this.#memory = new Uint8Array(size)
    this.#onRead = onRead
  }
  readonly buffer = () => this.#memory
  readonly onRead = (count: number) => {
    this.events.push(`read ${count}`)
    this.received.push(...this.#memory.subarray(0, count))
    return this.#onRead()
  }
  readonly onEnd = (error: Transport.TransportError | undefined) => {
    this.events.push(`end ${error?.problem ?? "here"}`)
  }
  readonly done = (error: Transport.TransportError | undefined) => {
    this.events.push(`done ${error?.problem ?? "well"}`)
  }
}

/** Lets everything happen that needs no time. */
export const settle = Effect.forEach(Array.from({ length: 50 }), () => Effect.yieldNow, { discard: true })

export const withNetwork = (options?: MemoryTransport.Options) => Effect.provide(MemoryTransport.layer(options))

/** A clock that counts those who sleep, to be given to the network alone. */
export const countingClock = Effect.map(Clock.clockWith(Effect.succeed), (clock) => {
  const counter = { sleeping: 0 }
  const counting: Clock.Clock = {
    ...clock,
    sleep: (duration) =>
      Effect.acquireUseRelease(
        Effect.sync(() => void counter.sleeping++),
        () => clock.sleep(duration),
        () => Effect.sync(() => void counter.sleeping--)
      )
  }
  return { counter, clock: counting }
})
