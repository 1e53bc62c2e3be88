import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Exit, Scope } from "effect"
import * as ConnectionAuthorizer from "../../src/services/ConnectionAuthorizer.ts"
import type * as NetworkManager from "../../src/services/NetworkManager.ts"
import { type Host, pass, settle, withBed } from "../utils/network.ts"
import { message } from "../utils/serving.ts"

const server = "10.0.0.9:1235"

/** Where a listener asks the program, and the program closes something before it answers. */
const places: Record<string, (close: Effect.Effect<void>) => NetworkManager.BindOptions<never, never>> = {
  "a program of a connection": (close) => ({ onConnection: () => close }),
  "a program of a connection, by a fiber of its own": (close) => ({
    onConnection: () => Effect.andThen(Effect.forkChild(close, { startImmediately: true }), Effect.never)
  }),
  "the authorizer": (close) => ({
    authorizer: authorizer({ authorize: () => Effect.as(close, ConnectionAuthorizer.accept()) })
  }),
  "the authorizer, after a while": (close) => ({
    authorizer: authorizer({
      authorize: () => close.pipe(Effect.delay("100 millis"), Effect.as(ConnectionAuthorizer.accept()))
    })
  }),
  "a login check": (close) => ({
    authorizer: authorizer({
      authorize: () => Effect.succeed(ConnectionAuthorizer.awaitLogin()),
      checkLogin: () => Effect.as(close, ConnectionAuthorizer.accept())
    })
  })
}

const authorizer = (parts: Partial<ConnectionAuthorizer.Authorizer>): ConnectionAuthorizer.Authorizer => ({
  authorize: () => Effect.succeed(ConnectionAuthorizer.accept()),
  checkLogin: () => Effect.succeed(ConnectionAuthorizer.accept()),
  ...parts
})

/** What is closed. */
const targets: Record<string, (host: Host, scope: Scope.Closeable) => Effect.Effect<void>> = {
  "its listener": (_, scope) => Scope.close(scope, Exit.void),
  "its manager": (host) => host.close
}

describe("a program that is asked by a listener", () => {
  for (const [place, optionsOf] of Object.entries(places)) {
    for (const [target, closeOf] of Object.entries(targets)) {
      it.effect(`${place}: closes ${target} within the time to drain`, () =>
        withBed((bed) =>
          Effect.gen(function*() {
            const times: Array<number> = []
            const host = yield* bed.host("10.0.0.9", { drainTimeout: "300 millis" })
            const scope = yield* Scope.make()
            const close = Effect.onExit(
              closeOf(host, scope),
              () => Effect.map(Clock.currentTimeMillis, (now) => void times.push(now))
            )
            yield* Scope.provide(host.manager.bind(server, { limitRate: false, ...optionsOf(close) }), scope)
            const peer = yield* bed.dial("10.0.0.1", server)
            yield* peer.send(message(5, 1))
            yield* settle
            yield* pass("100 millis")
            yield* pass("300 millis")
            assert.lengthOf(times, 1)
            assert.isAtMost(times[0]!, 400)
            assert.strictEqual(yield* peer.status, "Closed")
            const transport = yield* bed.network.transportFrom("10.0.0.2")
            const refused = yield* Effect.flip(transport.connect(peer.link.remoteAddress))
            assert.strictEqual(refused.problem, "Refused")
          })
        ))
    }
  }
})
