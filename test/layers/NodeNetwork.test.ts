import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Layer, Redacted, Scope } from "effect"
import type { NetAddress } from "effect/net"
import * as Fs from "node:fs"
import * as Path from "node:path"
import type * as EndPoint from "../../src/domain/EndPoint.ts"
import * as Message from "../../src/domain/Message.ts"
import * as NodeCookieFile from "../../src/layers/NodeCookieFile.ts"
import * as NodeNetwork from "../../src/layers/NodeNetwork.ts"
import * as NodeTransport from "../../src/layers/NodeTransport.ts"
import * as ConnectionAuthorizer from "../../src/services/ConnectionAuthorizer.ts"
import * as CookieFile from "../../src/services/CookieFile.ts"
import type * as NetworkConfig from "../../src/services/NetworkConfig.ts"
import * as NetworkManager from "../../src/services/NetworkManager.ts"
import type * as Transport from "../../src/services/Transport.ts"
import * as Links from "../utils/links.ts"
import { tlsOptions } from "../utils/tls.ts"

/** A network manager of its own, with real sockets, that lives as long as the scope. */
const makeManager = (options?: NetworkConfig.Options) =>
  Effect.map(
    Effect.orDie(Layer.build(NodeNetwork.layer(options))),
    (context) => Context.get(context, NetworkManager.NetworkManager)
  )

interface Kind {
  readonly name: string
  readonly rounds: number
  readonly transport: Effect.Effect<Transport.Transport["Service"], Transport.TransportError | NetworkConfig.BadOption>
  readonly address: Effect.Effect<EndPoint.Input, never, Scope.Scope>
}

const tcp: Kind = {
  name: "TCP",
  rounds: 100_000,
  transport: NodeTransport.make(),
  address: Effect.succeed("127.0.0.1:0")
}

const kinds: ReadonlyArray<Kind> = [
  tcp,
  {
    name: "TCP by events",
    rounds: 2000,
    transport: NodeTransport.make({ reading: "events" }),
    address: Effect.succeed("127.0.0.1:0")
  },
  { name: "TLS", rounds: 2000, transport: NodeTransport.makeTls(tlsOptions), address: Effect.succeed("127.0.0.1:0") },
  { name: "a Unix socket", rounds: 2000, transport: NodeTransport.make(), address: Links.unixAddress }
]

const toInput = (address: NetAddress.SocketAddress): EndPoint.Input =>
  address._tag === "UnixPathAddress" ? { path: address.path } : `127.0.0.1:${Links.portOf(address)}`

/** Two network managers, one of them with a listener, and a connection between them. */
const connected = <R = never>(
  kind: Kind,
  onConnection: NonNullable<NetworkManager.BindOptions<never, R>["onConnection"]>,
  options: NetworkConfig.Options = {}
) =>
  Effect.gen(function*() {
    const transport = yield* kind.transport
    const server = yield* makeManager(options)
    const listener = yield* server.bind(yield* kind.address, { transport, onConnection })
    const client = yield* makeManager(options)
    const connection = yield* client.connect(toInput(listener.address), { transport })
    return { server, client, listener, connection }
  }).pipe(Effect.orDie)

const activeTimers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length

/** What the test runner has. */
const sockets = Links.socketCount()

/** Runs a test, and checks that the sockets and timers of the process are those of before. */
const leavesNothing = <A, E>(test: Effect.Effect<A, E, Scope.Scope>) =>
  Effect.gen(function*() {
    const timers = activeTimers()
    const result = yield* Effect.scoped(test)
    yield* Links.settled(sockets)
    for (let i = 0; i < 300 && activeTimers() > timers; i++) yield* Effect.sleep("10 millis")
    assert.isAtMost(activeTimers(), timers, process.getActiveResourcesInfo().join(" "))
    return result
  })

describe("NodeNetwork", () => {
  for (const kind of kinds) {
    describe(`over ${kind.name}`, () => {
      it.live("500,000 bytes arrive once and whole, in both directions", () =>
        leavesNothing(Effect.gen(function*() {
          const body = Links.randomBytes(500_000, 1)
          const there: Array<Message.Message> = []
          const { connection } = yield* connected(kind, (connection) =>
            connection.handle((message) => {
              there.push(Message.keep(message))
              return connection.send(Message.reply(message, { body: message.body }))
            }))
          const reply = yield* connection.request(Message.make({ serviceId: 5, messageId: 1, body }))
          assert.strictEqual(Links.sha256(reply.body), Links.sha256(body))
          assert.deepStrictEqual(there.map((message) => Links.sha256(message.body)), [Links.sha256(body)])
          yield* connection.request(Message.make({ serviceId: 5, messageId: 1 }))
          assert.strictEqual(there.length, 2)
        })))

      it.live(
        `${kind.rounds} requests, one after the other on one connection, are all answered`,
        () =>
          leavesNothing(Effect.gen(function*() {
            const { connection } = yield* connected(
              kind,
              (connection) => connection.handle((message) => connection.send(Message.reply(message)))
            )
            const request = Message.make({ serviceId: 5, messageId: 1, body: new Uint8Array(20) })
            let answered = 0
            yield* Effect.whileLoop({
              while: () => answered < kind.rounds,
              body: () => connection.request(request),
              step: () => void answered++
            }).pipe(Effect.timeout("50 seconds"))
            const stats = yield* connection.stats
            assert.strictEqual(stats.messagesSent, kind.rounds)
            assert.strictEqual(stats.messagesReceived, kind.rounds)
            assert.strictEqual(stats.pendingRequests, 0)
          })),
        60_000
      )

      it.live("10 requests with 101 replies each, over lanes of 1000, all arrive", () =>
        leavesNothing(Effect.gen(function*() {
          const { connection } = yield* connected(
            kind,
            (connection) =>
              connection.handle((request) =>
                connection.sendAll(
                  Array.from({ length: 101 }, (_, i) => Message.reply(request, { body: Uint8Array.of(i) }))
                )
              ),
            { normalLaneMessages: 1000 }
          )
          const replies: Array<string> = []
          const done = yield* Deferred.make<void>()
          yield* Effect.forkChild(
            connection.handle((message) => {
              replies.push(`${message.messageId}/${Message.borrow(message)[0]}`)
              return replies.length === 1010 ? Deferred.succeed(done, undefined) : undefined
            })
          )
          for (let i = 0; i < 10; i++) yield* connection.send(Message.make({ serviceId: 5, messageId: i * 2 }))
          yield* Effect.timeout(Deferred.await(done), "10 seconds")
          const expected = Array.from({ length: 10 }, (_, i) => i * 2 + 1).flatMap((id) =>
            Array.from({ length: 101 }, (_, at) => `${id}/${at}`)
          )
          assert.deepStrictEqual(replies, expected)
        })))

      it.live("what is sent right before closing arrives", () =>
        leavesNothing(Effect.gen(function*() {
          const seen: Array<number> = []
          const scope = yield* Scope.make()
          const transport = yield* kind.transport
          const server = yield* makeManager()
          const ended = yield* Deferred.make<void>()
          const listener = yield* server.bind(yield* kind.address, {
            transport,
            onConnection: (connection) =>
              Effect.andThen(
                connection.handle((message) => void seen.push(message.messageId)),
                Deferred.succeed(ended, undefined)
              )
          })
          const client = yield* Scope.provide(makeManager(), scope)
          const connection = yield* Scope.provide(client.connect(toInput(listener.address), { transport }), scope)
          yield* connection.sendAll(
            Array.from({ length: 1000 }, (_, id) =>
              Message.make({ serviceId: 5, messageId: id, body: new Uint8Array(1000) }))
          )
          yield* Scope.close(scope, yield* Effect.exit(Effect.void))
          yield* Effect.timeout(Deferred.await(ended), "5 seconds")
          assert.deepStrictEqual(
            seen,
            Array.from({ length: 1000 }, (_, id) =>
              id)
          )
        })))
    })
  }

  it.live("a cookie login against a file lets in who can read the file", () =>
    leavesNothing(Effect.gen(function*() {
      const directory = yield* Links.temporaryDirectory
      const path = Path.join(directory, "cookie")
      const cookieOf = (path: string) =>
        Effect.map(
          Layer.build(NodeCookieFile.layer({ path })),
          (context) => Context.get(context, CookieFile.CookieFile)
        )
      const server = yield* makeManager()
      const listener = yield* server.bind("127.0.0.1:0", {
        authorizer: yield* ConnectionAuthorizer.cookie(yield* cookieOf(path)),
        onConnection: (connection) => connection.handle((message) => connection.send(Message.reply(message)))
      })
      assert.match(Fs.readFileSync(path, "utf8"), /^[A-Za-z0-9+/]{43}=\n$/)
      const client = yield* makeManager()
      const friend = yield* client.connect(toInput(listener.address), { login: yield* cookieOf(path) })
      const reply = yield* friend.request(Message.make({ serviceId: 5, messageId: 1 }))
      assert.strictEqual(reply.messageId, 2)

      const other = Path.join(directory, "other")
      Fs.writeFileSync(other, `${Redacted.value(Redacted.make("bm90IGl0"))}\n`)
      const stranger = yield* makeManager()
      const refused = yield* stranger.connect(toInput(listener.address), { login: yield* cookieOf(other) })
      const error = yield* Effect.flip(
        refused.request(Message.make({ serviceId: 5, messageId: 1 }), { timeout: "1 second" })
      )
      assert.include(["RequestTimedOut", "RequestInterrupted"], error.reason._tag)
      // Whoever was let in notices nothing.
      yield* friend.request(Message.make({ serviceId: 5, messageId: 1 }))
    })))

  it.live("many connections at once come, talk and go, and leave nothing", () =>
    leavesNothing(Effect.gen(function*() {
      const server = yield* makeManager({ maxConnections: 300 })
      yield* server.register(5, (connection) => Effect.succeed((message) => connection.send(Message.reply(message))))
      const listener = yield* server.bind("127.0.0.1:0")
      // A manager has one socket to an end point: these are as many managers.
      yield* Effect.forEach(
        Array.from({ length: 50 }),
        () =>
          Effect.scoped(Effect.gen(function*() {
            const client = yield* makeManager()
            const connection = yield* client.connect(toInput(listener.address))
            for (let i = 0; i < 20; i++) yield* connection.request(Message.make({ serviceId: 5, messageId: i }))
          })),
        { concurrency: "unbounded" }
      )
      for (let i = 0; i < 200 && (yield* listener.connections).length > 0; i++) yield* Effect.sleep("10 millis")
      assert.deepStrictEqual(yield* listener.connections, [])
    })))

  it.live("each call makes a network of its own; one layer is shared by all who are given it", () =>
    leavesNothing(Effect.gen(function*() {
      const outer = NodeNetwork.layer({ normalLaneMessages: 3 })
      const inner = NodeNetwork.layer({ normalLaneMessages: 4 })
      const manager = NetworkManager.NetworkManager
      const same = yield* Effect.gen(function*() {
        const here = yield* manager
        return [
          here === (yield* Effect.provide(manager, outer)),
          here === (yield* Effect.provide(manager, inner))
        ]
      }).pipe(Effect.provide(outer))
      assert.deepStrictEqual(same, [true, false])
    })))
})
