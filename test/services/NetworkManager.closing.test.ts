import { assert, describe, it } from "@effect/vitest"
import type { Duration } from "effect"
import { Clock, Effect, Exit, Scope } from "effect"
import * as Message from "../../src/domain/Message.ts"
import type * as Connection from "../../src/services/Connection.ts"
import type * as NetworkManager from "../../src/services/NetworkManager.ts"
import { type Bed, type Host, pass, settle, withBed } from "../utils/network.ts"

const server = "10.0.0.9:1235"

const message = (messageId = 1): Message.Message => Message.make({ serviceId: 5, messageId })

/** What is closed, what handles the message, and how the program may get at both. */
interface Setup {
  readonly host: Host
  /** A scope to be closed, beside that of the host. */
  readonly scope: Scope.Closeable
  readonly handler: (close: Effect.Effect<void>) => Connection.Handler<never>
}

const bind = ({ manager }: Host, options: NetworkManager.BindOptions<never, never> = {}) =>
  Effect.orDie(manager.bind(server, { limitRate: false, ...options }))

const bindHandling = (host: Host, handler: Connection.Handler<never>) =>
  bind(host, { onConnection: (connection) => connection.handle(handler) })

const register = ({ manager }: Host, handler: Connection.Handler<never>) =>
  Effect.orDie(manager.register(5, () => Effect.succeed(handler)))

/** The scopes that a handler can close, each with what is needed for that. */
const cases: Record<string, (setup: Setup) => Effect.Effect<unknown, never, Scope.Scope>> = {
  "its listener's": ({ handler, host, scope }) =>
    Scope.provide(bindHandling(host, handler(Scope.close(scope, Exit.void))), scope),
  "its registration's": ({ handler, host, scope }) =>
    Effect.andThen(bind(host), Scope.provide(register(host, handler(Scope.close(scope, Exit.void))), scope)),
  "the one of its listener and its registration": ({ handler, host, scope }) =>
    Scope.provide(Effect.andThen(bind(host), register(host, handler(Scope.close(scope, Exit.void)))), scope),
  "the one of its registration and its listener": ({ handler, host, scope }) =>
    Scope.provide(Effect.andThen(register(host, handler(Scope.close(scope, Exit.void))), bind(host)), scope),
  "the network's": ({ handler, host }) => bindHandling(host, handler(host.close)),
  "the network's, as a service": ({ handler, host }) => Effect.andThen(bind(host), register(host, handler(host.close)))
}

/** Sends messages to a handler that closes something, and tells when each closing was over, by the clock of the test. */
const whenClosed = (
  bed: Bed,
  drainTimeout: Duration.Input | undefined,
  listen: (setup: Setup) => Effect.Effect<unknown, never, Scope.Scope>,
  peers = 1
) =>
  Effect.gen(function*() {
    const times: Array<number> = []
    const host = yield* bed.host("10.0.0.9", drainTimeout === undefined ? {} : { drainTimeout })
    const scope = yield* Scope.make()
    yield* listen({
      host,
      scope,
      handler: (close) => () =>
        Effect.onExit(close, () => Effect.map(Clock.currentTimeMillis, (now) => void times.push(now)))
    })
    for (let i = 0; i < peers; i++) {
      const dialling = yield* bed.host(`10.0.1.${i + 1}`)
      const connection = yield* Effect.orDie(dialling.manager.connect(server))
      yield* Effect.orDie(connection.sendAll([message(1), message(2), message(3)]))
    }
    yield* settle
    return { times, host }
  })

describe("a handler that closes a scope", () => {
  for (const drainTimeout of ["300 millis", undefined] as const) {
    for (const [name, listen] of Object.entries(cases)) {
      it.effect(`${name}, ends that at once (drainTimeout: ${drainTimeout ?? "default"})`, () =>
        withBed((bed) =>
          Effect.gen(function*() {
            const { host, times } = yield* whenClosed(bed, drainTimeout, listen)
            assert.deepStrictEqual(times, [0])
            yield* pass("10 seconds")
            assert.deepStrictEqual(times, [0])
            assert.strictEqual((yield* host.pool.stats).taken, 0)
          })
        ))
    }
  }

  it.effect("ends it for all, when many do so at the same time", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { times } = yield* whenClosed(bed, "300 millis", cases["its listener's"]!, 20)
        yield* pass("300 millis")
        assert.isAtLeast(times.length, 1)
        assert.isTrue(times.every((time) => time <= 300))
      })
    ))

  it.effect("by fibers of its own, ends that within the time to drain", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { times } = yield* whenClosed(bed, "300 millis", ({ handler, host, scope }) =>
          Scope.provide(
            bindHandling(
              host,
              handler(Effect.forEach([Effect.void, Scope.close(scope, Exit.void)], (close) => close, {
                concurrency: 2,
                discard: true
              }))
            ),
            scope
          ))
        yield* pass("300 millis")
        assert.deepStrictEqual(times, [300])
      })
    ))

  it.effect("whose parts close at the same time, ends that within the time to drain", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const app = yield* Scope.make("parallel")
        const { times } = yield* whenClosed(bed, "300 millis", ({ handler, host }) =>
          Scope.provide(bindHandling(host, handler(Scope.close(app, Exit.void))), app))
        yield* pass("300 millis")
        assert.strictEqual(times.length, 1)
        assert.isAtMost(times[0]!, 300)
      })
    ))

  it.effect("does not wait for the handlers of others that close as well", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        // Each handler closes the listener of the other one.
        const ended: Array<string> = []
        const host = yield* bed.host("10.0.0.9", { drainTimeout: "300 millis" })
        const scopes = yield* Effect.forEach([1, 2], () => Scope.make())
        for (const i of [0, 1]) {
          yield* host.manager.bind(`10.0.0.9:${i + 1}`, {
            onConnection: (connection) =>
              connection.handle(() =>
                Effect.sleep("1 millis").pipe(
                  Effect.andThen(Scope.close(scopes[1 - i]!, Exit.void)),
                  Effect.onExit(() => Effect.sync(() => void ended.push(`${i}`)))
                )
              )
          }).pipe(Scope.provide(scopes[i]!))
        }
        const dialling = yield* bed.host("10.0.0.1")
        for (const port of [1, 2]) {
          const connection = yield* dialling.manager.connect(`10.0.0.9:${port}`)
          yield* connection.send(message())
        }
        yield* pass("301 millis")
        assert.deepStrictEqual(ended.toSorted(), ["0", "1"])
      })
    ))

  it.effect("lets other handlers finish, and waits for them", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const seen: Array<string> = []
        const host = yield* bed.host("10.0.0.9", { drainTimeout: "300 millis" })
        const scope = yield* Scope.make()
        yield* host.manager.bind(server, {
          onConnection: (connection) =>
            connection.handle(({ messageId }) =>
              messageId === 2
                ? Effect.onExit(Scope.close(scope, Exit.void), () => Effect.sync(() => void seen.push("closed")))
                : Effect.andThen(Effect.sleep("200 millis"), Effect.sync(() => void seen.push("handled")))
            )
        }).pipe(Scope.provide(scope))
        for (const messageId of [1, 2]) {
          const dialling = yield* bed.host(`10.0.1.${messageId}`)
          const connection = yield* dialling.manager.connect(server)
          yield* connection.send(message(messageId))
          yield* settle
        }
        yield* pass("199 millis")
        assert.deepStrictEqual(seen, [])
        yield* pass("1 millis")
        assert.deepStrictEqual(seen, ["handled", "closed"])
      })
    ))

  it.effect("and leaves that to another fiber, is let finish like others", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const seen: Array<string> = []
        const host = yield* bed.host("10.0.0.9", { drainTimeout: "300 millis" })
        const scope = yield* Scope.make()
        yield* host.manager.bind(server, {
          onConnection: (connection) =>
            connection.handle(() =>
              Effect.forkDetach(Scope.close(scope, Exit.void), { startImmediately: true }).pipe(
                Effect.andThen(Effect.sleep("200 millis")),
                Effect.andThen(Effect.sync(() => void seen.push("handled")))
              )
            )
        }).pipe(Scope.provide(scope))
        const dialling = yield* bed.host("10.0.0.1")
        const connection = yield* dialling.manager.connect(server)
        yield* connection.send(message())
        yield* pass("200 millis")
        assert.deepStrictEqual(seen, ["handled"])
      })
    ))

  it.effect("of the connection that it serves, which this side dialled", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const times: Array<number> = []
        const host = yield* bed.host("10.0.0.9")
        yield* bind(host, { onConnection: (connection) => Effect.orDie(connection.send(message())) })
        const dialling = yield* bed.host("10.0.0.1")
        const scope = yield* Scope.make()
        yield* register(dialling, () =>
          Effect.onExit(
            Scope.close(scope, Exit.void),
            () => Effect.map(Clock.currentTimeMillis, (now) => void times.push(now))
          ))
        const connection = yield* Scope.provide(dialling.manager.connect(server), scope)
        yield* settle
        assert.deepStrictEqual(times, [0])
        assert.strictEqual((yield* connection.state)._tag, "Closed")
      })
    ))
})
