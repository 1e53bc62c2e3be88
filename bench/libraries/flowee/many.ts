/**
 * effect-flowee: workloads with many connections to one server.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as NodeNetwork from "../../../src/layers/NodeNetwork.ts"
import * as Message from "../../../src/domain/Message.ts"
import * as NetworkManager from "../../../src/services/NetworkManager.ts"
import { acknowledgeEvery, type ClientModule, type ClientOptions, type Run } from "../../harness/library.ts"
import * as Measure from "../../harness/measure.ts"
import { Credit } from "./credit.ts"
import { Id, serviceId } from "./protocol.ts"

/** So many connections are being made at the same time: more would be turned away by the operating system. */
const connectingAtOnce = 100

/** Connects again and again to one server, each time with a socket of its own. */
export const connectMany = Effect.fnUntraced(function*(
  port: number,
  count: number,
  options?: NetworkManager.ConnectOptions
) {
  const manager = yield* NetworkManager.NetworkManager
  const connect = Effect.gen(function*() {
    const connection = yield* manager.connect(`127.0.0.1:${port}`, { ...options, share: false })
    yield* connection.connected
    return connection
  })
  return yield* Effect.forEach(Array.from({ length: count }), () => connect, { concurrency: connectingAtOnce })
})

/** Messages that a connection sends with one effect. */
const turn = 100

const fanIn = Effect.fnUntraced(function*({ connections: connectionCount, count, port, size }: ClientOptions) {
  const connections = yield* connectMany(port, connectionCount)
  const acknowledged = new Credit()
  yield* Effect.forEach(
    connections,
    (connection) =>
      Effect.forkScoped(connection.handle(() => acknowledged.acknowledge(acknowledgeEvery)), {
        startImmediately: true
      }),
    { discard: true }
  )
  const body = new Uint8Array(size).fill(7)
  const seconds = Measure.stopwatch()
  yield* Effect.forEach(connections, (connection) =>
    Effect.gen(function*() {
      for (let sent = 0; sent < count; sent += turn) {
        yield* connection.sendAll(
          Array.from({ length: turn }, () => Message.make({ serviceId, messageId: Id.counted, body }))
        )
      }
    }), { concurrency: "unbounded", discard: true })
  const total = connectionCount * count
  yield* acknowledged.reaches(total)
  return Measure.rates(total, size, seconds())
})

/** Connections that are there before the memory is looked at for the first time, so that code is not counted. */
const early = 100

const idle = (options: ClientOptions, checkpoint: (name: string) => Promise<void>) =>
  Effect.gen(function*() {
    const pingInterval = Duration.millis(Number(options.extra["pingMillis"]))
    const wait = (rounds: number) => Effect.sleep(Duration.times(pingInterval, rounds))
    yield* connectMany(options.port, Math.min(early, options.connections), { pingInterval })
    yield* wait(2)
    yield* Effect.promise(() => checkpoint("before"))
    yield* connectMany(options.port, options.connections, { pingInterval })
    yield* wait(3)
    yield* Effect.promise(() => checkpoint("after"))
    return { connections: options.connections }
  })

const runScoped = <A, E>(effect: Effect.Effect<A, E, NodeNetwork.NodeNetwork | Scope.Scope>) =>
  Effect.runPromise(effect.pipe(Effect.scoped, Effect.provide(NodeNetwork.layer())))

const runFanIn: Run = (options) => runScoped(fanIn(options))

const runIdle: Run = (options, { checkpoint }) => runScoped(idle(options, checkpoint))

export const workloads: ClientModule["workloads"] = { "fan-in": runFanIn, idle: runIdle }
