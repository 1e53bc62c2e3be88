import { assert, describe, it } from "@effect/vitest"
import type { Scope } from "effect"
import { Deferred, Effect, Layer, Schedule } from "effect"
import * as Message from "../../src/domain/Message.ts"
import * as NodeNetwork from "../../src/layers/NodeNetwork.ts"
import * as NodeServing from "../../src/layers/NodeServing.ts"
import * as BanList from "../../src/services/BanList.ts"
import * as NetworkManager from "../../src/services/NetworkManager.ts"

const module = new URL("./fixtures/servingEcho.ts", import.meta.url)
const ask = (messageId: number) => Message.make({ serviceId: 9, messageId })

/** Serves on threads, and calls from a manager of its own. */
const withServing = <A, E>(
  options: Omit<NodeServing.Options, "module">,
  use: (
    serving: NodeServing.NodeServing["Service"]
  ) => Effect.Effect<A, E, NetworkManager.NetworkManager | BanList.BanList | Scope.Scope>
) =>
  Effect.scoped(Effect.flatMap(NodeServing.make({ module, ...options }), use)).pipe(
    Effect.provide(Layer.merge(Layer.fresh(NodeNetwork.layer()), Layer.fresh(BanList.layerMemory())))
  )

/** Which thread serves a new connection. */
const servedBy = (endPoint: string) =>
  Effect.scoped(Effect.gen(function*() {
    const manager = yield* NetworkManager.NetworkManager
    const connection = yield* manager.connect(endPoint)
    return (yield* connection.request(ask(3))).body[0]!
  }))

const eventually = <A, E, R>(effect: Effect.Effect<A, E, R>, until: (value: A) => boolean) =>
  Effect.repeat(effect, { schedule: Schedule.spaced("20 millis"), until, times: 400 })

describe("NodeServing", () => {
  it.live("serves on all threads at one port, and on the caller's loop without change", () =>
    Effect.gen(function*() {
      const threads = yield* withServing({ threads: 2 }, (serving) =>
        Effect.gen(function*() {
          assert.strictEqual(serving.addresses.length, 1)
          const seen = new Set<number>()
          for (let i = 0; i < 200 && seen.size < 2; i++) seen.add(yield* servedBy(serving.addresses[0]!))
          assert.strictEqual((yield* serving.stats).threads, 2)
          return seen
        }))
      assert.strictEqual(threads.size, 2)
      const fixture = yield* Effect.promise(() => import("./fixtures/servingEcho.ts"))
      const connections = yield* Effect.scoped(Effect.gen(function*() {
        yield* Layer.build(fixture.layer)
        return yield* (yield* NetworkManager.NetworkManager).connections
      })).pipe(Effect.provide(NodeNetwork.layer()))
      assert.deepStrictEqual(connections, [])
    }))

  it.live(
    "replaces a thread that dies, and the peers it served connect again",
    () =>
      withServing({ threads: 2 }, (serving) =>
        Effect.gen(function*() {
          const manager = yield* NetworkManager.NetworkManager
          const connection = yield* manager.connect(serving.addresses[0]!)
          yield* connection.request(ask(3))
          yield* connection.send(ask(9))
          yield* eventually(serving.stats, ({ replaced, threads }) => replaced === 1 && threads === 2)
          const again = yield* connection.request(ask(3), { timeout: "10 seconds" })
          assert.strictEqual(again.messageId, 4)
          const { replaced, threads } = yield* serving.stats
          assert.deepStrictEqual({ replaced, threads }, { replaced: 1, threads: 2 })
        })),
    30_000
  )

  it.live(
    "shares bans: who is banned through one thread is cut off by all",
    () =>
      withServing({ threads: 2 }, (serving) =>
        Effect.gen(function*() {
          const manager = yield* NetworkManager.NetworkManager
          const banList = yield* BanList.BanList
          const banned = yield* Deferred.make<BanList.Ban>()
          yield* banList.subscribe((ban) => Deferred.doneUnsafe(banned, Effect.succeed(ban)))
          const first = yield* manager.connect(serving.addresses[0]!)
          yield* first.request(ask(3))
          yield* first.send(ask(5))
          assert.strictEqual((yield* Deferred.await(banned)).reason, "asked for it")
          yield* eventually(serving.stats, ({ connections }) => connections === 0)
          assert.strictEqual((yield* serving.stats).connections, 0)
          for (let i = 0; i < 6; i++) {
            const refused = yield* Effect.flip(servedByWithin(serving.addresses[0]!))
            assert.strictEqual(refused, "not served")
          }
        })),
    30_000
  )

  it.live(
    "shares the limit of connections",
    () =>
      withServing({ threads: 2, network: { maxConnections: 3 } }, (serving) =>
        Effect.gen(function*() {
          const outcomes = yield* Effect.forEach(Array.from({ length: 8 }), () =>
            // A manager of its own for each, or they would share one socket.
            Effect.flatMap(Layer.build(Layer.fresh(NodeNetwork.layer())), (context) =>
              Effect.provideContext(
                Effect.flatMap(NetworkManager.NetworkManager, (manager) =>
                  Effect.flatMap(
                    manager.connect(serving.addresses[0]!),
                    (connection) => Effect.result(connection.request(ask(3), { timeout: "500 millis" }))
                  )),
                context
              )), { concurrency: "unbounded" })
          assert.strictEqual(
            outcomes.filter(({ _tag }) => _tag === "Success").length,
            3
          )
          assert.strictEqual((yield* serving.stats).connections, 3)
        })),
    30_000
  )

  it.live("fails to start with what a thread says", () =>
    Effect.gen(function*() {
      const start = (options: Omit<NodeServing.Options, "module">) =>
        Effect.flip(Effect.scoped(NodeServing.make({ module, ...options }))).pipe(
          Effect.provide(BanList.layerMemory())
        )
      assert.match((yield* start({ exportName: "broken", threads: 2 })).message, /no luck today/)
      assert.match((yield* start({ exportName: "missing", threads: 1 })).message, /exports no Layer named "missing"/)
      assert.match((yield* start({ threads: 0 })).message, /option "threads"/)
      assert.match((yield* start({ threads: 1, network: { inboxBytes: -1 } })).message, /option "inboxBytes"/)
    }), 30_000)
})

const servedByWithin = (endPoint: string) =>
  Effect.scoped(Effect.gen(function*() {
    const manager = yield* NetworkManager.NetworkManager
    const connection = yield* manager.connect(endPoint)
    return yield* connection.request(ask(3), { timeout: "200 millis" })
  })).pipe(Effect.mapError(() => "not served" as const))
