import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Duration, Effect, Exit, Layer, Scope } from "effect"
import { NetAddress } from "effect/net"
import * as Net from "node:net"
import * as Message from "../../src/domain/Message.ts"
import * as NodeNetwork from "../../src/layers/NodeNetwork.ts"
import * as NodeTransport from "../../src/layers/NodeTransport.ts"
import * as NetworkManager from "../../src/services/NetworkManager.ts"
import { tlsOptions } from "../utils/tls.ts"

/** What a busy machine may add to a time, in milliseconds. */
const slack = 2500

const message = Message.make({ serviceId: 5, messageId: 1, body: new Uint8Array(100) })

/** A manager, and how long closing it takes. */
const makeHost = Effect.gen(function*() {
  const scope = yield* Scope.make()
  const network = yield* Layer.buildWithScope(Layer.fresh(NodeNetwork.layer({ drainTimeout: "300 millis" })), scope)
  const close = Effect.map(Effect.timed(Scope.close(scope, Exit.void)), ([time]) => Duration.toMillis(time))
  return { manager: Context.get(network, NetworkManager.NetworkManager), close }
})

/** Accepts, and never says a word. */
const silentServer = Effect.gen(function*() {
  const accepted = yield* Deferred.make<Net.Socket>()
  const server = yield* Effect.acquireRelease(
    Effect.callback<Net.Server>((resume) => {
      const server: Net.Server = Net.createServer((socket) => {
        socket.on("error", () => {}).resume()
        Deferred.doneUnsafe(accepted, Effect.succeed(socket))
      })
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => server.close())
  )
  const { port } = server.address() as Net.AddressInfo
  return { endPoint: `127.0.0.1:${port}`, accepted: Deferred.await(accepted) }
})

/** Completes when a socket is gone. */
const gone = (socket: Net.Socket) =>
  Effect.callback<void>((resume) => {
    if (socket.destroyed) return resume(Effect.void)
    socket.once("close", () => resume(Effect.void))
  }).pipe(Effect.timeout(slack))

describe("closing a manager during a TLS handshake", () => {
  for (const queued of [0, 3]) {
    it.live(`of a connection with ${queued} messages: ${queued === 0 ? "at once" : "in its time to drain"}`, () =>
      Effect.gen(function*() {
        const server = yield* silentServer
        const { close, manager } = yield* makeHost
        const transport = yield* NodeTransport.makeTls(tlsOptions)
        const scope = yield* Scope.make()
        const connection = yield* Scope.provide(manager.connect(server.endPoint, { transport }), scope)
        for (let i = 0; i < queued; i++) yield* connection.send(message)
        const socket = yield* server.accepted
        assert.strictEqual((yield* connection.state)._tag, "Connecting")
        const millis = yield* close
        assert.isBelow(millis, (queued === 0 ? 0 : 300) + slack)
        if (queued > 0) assert.isAtLeast(millis, 290)
        assert.strictEqual((yield* connection.state)._tag, "Closed")
        yield* gone(socket)
        yield* Scope.close(scope, Exit.void)
      }))
  }

  it.live("of one who dialled: at once", () =>
    Effect.gen(function*() {
      const { close, manager } = yield* makeHost
      const transport = yield* NodeTransport.makeTls(tlsOptions)
      const scope = yield* Scope.make()
      const { address } = yield* Scope.provide(manager.bind("127.0.0.1:0", { transport }), scope)
      const socket = yield* Effect.acquireRelease(
        Effect.callback<Net.Socket>((resume) => {
          const port = NetAddress.isInetAddress(address) ? address.port : 0
          const socket = Net.connect(port, "127.0.0.1", () => resume(Effect.succeed(socket)))
          socket.on("error", () => {}).resume()
        }),
        (socket) => Effect.sync(() => socket.destroy())
      )
      // The first bytes of a handshake that goes no further.
      socket.write(Uint8Array.of(22, 3, 1, 2, 0, 1))
      yield* Effect.sleep("50 millis")
      assert.isBelow(yield* close, slack)
      yield* gone(socket)
      yield* Scope.close(scope, Exit.void)
    }))
})

describe("closing a connection with much to send", () => {
  it.live("lets all of it out, in as many turns of the event loop as it takes", () =>
    Effect.gen(function*() {
      const manager = yield* NetworkManager.NetworkManager
      const body = new Uint8Array(1_000_000)
      const count = 25
      const all = yield* Deferred.make<void>()
      let received = 0
      const { address } = yield* manager.bind("127.0.0.1:0", {
        onConnection: (connection) =>
          connection.handle(({ bodyLength }) => {
            received += bodyLength
            if (received === count * body.length) Deferred.doneUnsafe(all, Effect.void)
          })
      })
      const port = NetAddress.isInetAddress(address) ? address.port : 0
      yield* Effect.scoped(Effect.gen(function*() {
        const connection = yield* manager.connect(`127.0.0.1:${port}`)
        yield* connection.sendAll(
          Array.from({ length: count }, () => Message.make({ serviceId: 5, messageId: 1, body }))
        )
      }))
      yield* Effect.timeout(Deferred.await(all), slack)
    }).pipe(Effect.scoped, Effect.provide(Layer.fresh(NodeNetwork.layer()))))
})
