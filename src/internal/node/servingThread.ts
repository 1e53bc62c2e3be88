/**
 * A thread that serves: builds the program of a module over a network whose bans, limits and ports are shared with the
 * other threads.
 */
import * as NodeAddressResolver from "@effect/platform-node/NodeAddressResolver"
import * as NodeDns from "@effect/platform-node/NodeDns"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import type * as Threads from "node:worker_threads"
import * as NodeHash256 from "../../layers/NodeHash256.ts"
import * as NodeTransport from "../../layers/NodeTransport.ts"
import * as NodeWorkerThreads from "../../layers/NodeWorkerThreads.ts"
import * as BanList from "../../services/BanList.ts"
import * as BufferPool from "../../services/BufferPool.ts"
import * as NetworkConfig from "../../services/NetworkConfig.ts"
import * as NetworkManager from "../../services/NetworkManager.ts"
import * as Transport from "../../services/Transport.ts"
import * as Admission from "../admission.ts"
import * as Asker from "../serving/asker.ts"
import * as Protocol from "../serving/protocol.ts"
import * as RemoteAdmission from "../serving/remoteAdmission.ts"
import * as RemoteBanList from "../serving/remoteBanList.ts"

/** Connection ids of one thread: far more than it will ever give out, and still exact as numbers. */
const idsPerThread = 2 ** 32

const format = NetAddress.formatSocketAddress

/** Listens on ports that all threads share. Which port that is for port 0 is decided by the first thread that asks. */
const sharedTransport = (
  transport: Transport.Transport["Service"],
  asker: Asker.Asker,
  toName: (address: NetAddress.SocketAddress) => string,
  addresses: Array<string>
): Transport.Transport["Service"] => ({
  connect: transport.connect,
  listen: Effect.fnUntraced(function*(address, onLink) {
    let shared = address
    const listener = toName(address)
    const isOpenChoice = NetAddress.isInetAddress(address) && address.port === 0
    if (isOpenChoice) {
      const port = yield* asker.ask("port", { listener })
      if (port !== undefined) shared = NetAddress.inetAddressUnsafe(address.address, port)
    }
    const bound = yield* transport.listen(shared, onLink)
    if (isOpenChoice && NetAddress.isInetAddress(bound.address)) {
      yield* asker.ask("setPort", { listener, port: bound.address.port })
    }
    addresses.push(format(bound.address))
    return bound
  })
})

const stats = (manager: NetworkManager.NetworkManager["Service"]): Effect.Effect<Protocol.ThreadStats> =>
  Effect.flatMap(
    manager.connections,
    (connections) =>
      Effect.map(Effect.forEach(connections, (connection) => connection.stats), (all) => ({
        connections: all.length,
        messagesSent: all.reduce((sum, { messagesSent }) => sum + messagesSent, 0),
        messagesReceived: all.reduce((sum, { messagesReceived }) => sum + messagesReceived, 0)
      }))
  )

type ServiceLayer = Layer.Layer<never, unknown, NetworkManager.NetworkManager>

class BadModule extends Data.TaggedError("BadModule")<{ readonly message: string; readonly cause?: unknown }> {}

const load = (data: Protocol.ThreadData): Effect.Effect<ServiceLayer, BadModule> =>
  Effect.flatMap(
    Effect.tryPromise({
      try: () => import(data.module) as Promise<Record<string, unknown>>,
      catch: (cause) => new BadModule({ message: `${data.module} cannot be loaded`, cause })
    }),
    (module) => {
      const layer = module[data.exportName]
      return Layer.isLayer(layer)
        ? Effect.succeed(layer as ServiceLayer)
        : Effect.fail(new BadModule({ message: `${data.module} exports no Layer named "${data.exportName}"` }))
    }
  )

/**
 * Serves until it is told to shut down. To be called once, in a thread that was started for it.
 *
 * @internal
 */
export const run = (port: Threads.MessagePort, data: Protocol.ThreadData): void => {
  const post = (message: Protocol.FromThread) => port.postMessage(message)
  const asker = new Asker.Asker(post)
  const remote = RemoteBanList.make(asker)
  const admission = RemoteAdmission.make(asker)
  const addresses: Array<string> = []

  const network = NetworkManager.layer.pipe(
    Layer.provideMerge(Layer.mergeAll(
      Layer.effect(
        Transport.Transport,
        Effect.map(
          NodeTransport.make({ reusePort: true }),
          (transport) => sharedTransport(transport, asker, RemoteAdmission.makeNames(), addresses)
        )
      ),
      Layer.provide(NodeAddressResolver.layer, NodeDns.layer),
      BufferPool.layer(),
      Layer.succeed(BanList.BanList, remote.banList),
      NodeWorkerThreads.layer(),
      NodeHash256.layer,
      NetworkConfig.layer(data.config as NetworkConfig.Options),
      Layer.succeed(Admission.Admissions, admission.admissions),
      Layer.succeed(Admission.FirstConnectionId, data.generation * idsPerThread + 1)
    ))
  )

  const program = Effect.gen(function*() {
    const service = yield* load(data)
    return yield* Effect.gen(function*() {
      const manager = yield* NetworkManager.NetworkManager
      yield* Layer.build(service)
      const runFork = Effect.runForkWith(yield* Effect.context<never>())
      port.on("message", (message: Protocol.ToThread) => {
        if (message._tag !== "GetStats") return
        runFork(Effect.map(stats(manager), (stats) => post({ _tag: "Stats", id: message.id, stats })))
      })
      post({ _tag: "Ready", addresses: [...new Set(addresses)] })
      return yield* Effect.never
    }).pipe(Effect.scoped, Effect.provide(network))
  })

  const fiber = Effect.runFork(Effect.catchCause(program, (cause) =>
    Effect.sync(() => {
      if (!Cause.hasInterruptsOnly(cause)) post({ _tag: "Failed", cause: Cause.pretty(cause) })
    })))

  port.on("message", (message: Protocol.ToThread) => {
    switch (message._tag) {
      case "Answer":
        return asker.onAnswer(message.id, Effect.succeed(message.answer))
      case "AnswerFailed":
        return asker.onAnswer(message.id, Effect.die(new Error(message.message)))
      case "Evicted":
        return admission.onEvicted(message.place)
      case "NewBan":
        return remote.onBan(Protocol.fromPlain(message.ban))
      case "Shutdown":
        return Effect.runFork(Effect.andThen(Fiber.interrupt(fiber), Effect.sync(() => port.close())))
    }
  })
}
