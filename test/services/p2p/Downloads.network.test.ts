import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Scope, Stream } from "effect"
import * as MemoryTransport from "../../../src/layers/MemoryTransport.ts"
import * as TestNetwork from "../../../src/layers/TestNetwork.ts"
import * as NetworkManager from "../../../src/services/NetworkManager.ts"
import * as Broadcast from "../../../src/services/p2p/Broadcast.ts"
import * as Downloads from "../../../src/services/p2p/Downloads.ts"
import * as P2PConfig from "../../../src/services/p2p/P2PConfig.ts"
import * as Peer from "../../../src/services/p2p/Peer.ts"
import * as PeerManager from "../../../src/services/p2p/PeerManager.ts"
import { library } from "../../utils/p2p/downloads.ts"
import { pass, settle, until } from "../../utils/network.ts"
import * as Relayed from "../../utils/p2p/relayed.ts"

const config = P2PConfig.layer({ network: "regtest", services: 1n })

const far = "10.0.0.9:18444"

const host = (address: string) => Layer.merge(TestNetwork.layerHost(address), config)

/** Attaches to one peer that is dialled when all is registered. */
const makeManager = () => {
  const attaches: Array<(peer: Peer.Peer) => Effect.Effect<void, never, Scope.Scope>> = []
  const manager = PeerManager.PeerManager.of({
    peers: Effect.succeed([]),
    events: Stream.empty,
    register: (attach) => Effect.sync(() => void attaches.push(attach)),
    want: () => Effect.void,
    hold: () => Effect.void,
    address: undefined,
    connect: () => Effect.void
  })
  const dial = Peer.connect(far, {
    onReady: (peer) => Effect.forEach(attaches, (attach) => attach(peer), { discard: true })
  })
  return { layer: Layer.succeed(PeerManager.PeerManager, manager), dial }
}

const transactions = Array.from({ length: 200 }, (_, n) => Relayed.transaction(n, 10 + n * 7))

const blocks = Array.from({ length: 20 }, (_, n) => Relayed.blockOf(n + 1, n * 40))

/** A node that has all of them, announces the transactions, and takes what it is told of. */
const runNode = Effect.gen(function*() {
  const manager = yield* NetworkManager.NetworkManager
  const context = yield* Effect.context<P2PConfig.P2PConfig>()
  const received: Array<Uint8Array> = []
  const serve = library([...transactions, ...blocks])!
  yield* manager.bind(far, {
    envelope: yield* Peer.envelope,
    onConnection: (connection) =>
      Effect.scoped(Effect.gen(function*() {
        const peer = yield* Peer.make(connection)
        const self = {
          tell: (...messages: Parameters<Peer.Peer["sendAll"]>[0]) => Effect.ignore(peer.sendAll(messages))
        }
        yield* peer.handle((message) => {
          if (message._tag === "tx") received.push(Uint8Array.from(message.bytes))
          if (message._tag === "inv") return Effect.ignore(peer.send({ ...message, _tag: "getdata" }))
          return serve(message, self as never)
        })
        yield* peer.send(Relayed.inv(...transactions))
        yield* peer.ended
      })).pipe(Effect.ignore, Effect.provideContext(context))
  })
  return received
})

it.effect("downloads and broadcasts work over connections, in pieces and late", () =>
  Effect.gen(function*() {
    const received = yield* Effect.provideContext(runNode, yield* Layer.build(host("10.0.0.9")))
    yield* Effect.gen(function*() {
      const manager = makeManager()
      const scope = yield* Effect.scope
      const parts = Effect.provide(Effect.all([Downloads.make(), Broadcast.make()]), manager.layer)
      const [downloads, broadcast] = yield* parts
      const seen: Array<Downloads.Transaction> = []
      yield* Effect.forkChild(
        Stream.runForEach(downloads.transactions, (one) => Effect.sync(() => seen.push(one))),
        { startImmediately: true }
      )
      yield* settle
      const dialling = yield* Effect.forkChild(Scope.provide(manager.dial, scope))
      for (let i = 0; i < 100; i++) yield* pass("50 millis")
      yield* until("there is a peer", () =>
        seen.length === transactions.length || dialling.pollUnsafe()?._tag === "Failure")
      yield* Fiber.join(dialling)
      assert.deepStrictEqual(
        seen.map(({ bytes }) =>
          bytes
        ),
        transactions.map(({ bytes }) => bytes)
      )
      // Each has memory of its own, however much was received together.
      for (const { bytes } of seen) assert.isAtMost(bytes.buffer.byteLength, bytes.length * 2)
      const reading = yield* Effect.forkChild(Stream.runCollect(downloads.blocks(blocks.map(({ hash }) => hash))))
      for (let i = 0; i < 100; i++) yield* pass("50 millis")
      yield* until("all blocks are there", () => reading.pollUnsafe() !== undefined)
      const read = yield* Fiber.join(reading)
      assert.deepStrictEqual(read.map(({ bytes }) => bytes), blocks.map(({ bytes }) => bytes))
      const payment = Relayed.transaction(1000)
      const broadcasting = yield* Effect.forkChild(broadcast.broadcast(payment.bytes))
      for (let i = 0; i < 60; i++) yield* pass("50 millis")
      yield* until("it was taken", () => broadcasting.pollUnsafe() !== undefined)
      assert.deepStrictEqual(received, [payment.bytes])
    }).pipe(Effect.provide(host("10.0.0.7")))
  }).pipe(
    Effect.provide(MemoryTransport.layer({ delay: "20 millis" }))
  ), 30_000)
