import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted, Result } from "effect"
import { beforeEach, vi } from "vitest"
import * as Identity from "../../src/domain/Identity.ts"
import * as LoginCookie from "../../src/domain/LoginCookie.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Access from "../../src/services/Access.ts"
import * as ConnectionAuthorizer from "../../src/services/ConnectionAuthorizer.ts"
import * as CookieFile from "../../src/services/CookieFile.ts"
import { address, settle, withBed } from "../utils/network.ts"

const compared: Array<readonly [expected: string, given: string]> = []

// The comparison must be the one that takes the same time for every guess.
vi.mock("../../src/domain/LoginCookie.ts", async (load) => {
  const actual = await load<typeof LoginCookie>()
  return {
    ...actual,
    equals: (expected: Redacted.Redacted<string>, given: Redacted.Redacted<string>) => {
      compared.push([Redacted.value(expected), Redacted.value(given)])
      return actual.equals(expected, given)
    }
  }
})

const newcomer = { remoteAddress: address("10.0.0.7:1"), localAddress: address("10.0.0.9:1235") }

const loginOf = (cookie: string): Message.Message => Result.getOrThrow(LoginCookie.encode(Redacted.make(cookie)))

const fileOf = (obtain: CookieFile.CookieFile["Service"]["obtain"]): CookieFile.CookieFile["Service"] => ({
  read: Effect.succeedNone,
  obtain
})

const passed = ConnectionAuthorizer.accept(Access.make({ identity: Identity.Identity.CookieHolder() }))

const missing = Effect.fail(new CookieFile.CookieError({ problem: "Unwritable", path: "/cookie" }))

beforeEach(() => {
  compared.length = 0
})

describe("acceptAll", () => {
  it.effect("is what listeners use by default", () =>
    Effect.gen(function*() {
      const authorizer = yield* ConnectionAuthorizer.ConnectionAuthorizer
      assert.strictEqual(authorizer, ConnectionAuthorizer.acceptAll)
      assert.deepStrictEqual(yield* authorizer.authorize(newcomer), ConnectionAuthorizer.accept())
      assert.strictEqual((yield* authorizer.checkLogin(loginOf("a"), newcomer))._tag, "Reject")
    }))
})

describe("cookie", () => {
  it.effect("lets everybody try, and in who has the cookie", () =>
    Effect.gen(function*() {
      const authorizer = yield* ConnectionAuthorizer.cookie(fileOf(Effect.succeed(Redacted.make("secret"))))
      assert.deepStrictEqual(yield* authorizer.authorize(newcomer), ConnectionAuthorizer.awaitLogin())
      assert.deepStrictEqual(yield* authorizer.checkLogin(loginOf("secret"), newcomer), passed)
      assert.deepStrictEqual(
        yield* authorizer.checkLogin(loginOf("secreT"), newcomer),
        ConnectionAuthorizer.reject("another cookie")
      )
      assert.deepStrictEqual(
        yield* authorizer.checkLogin(loginOf("secret2"), newcomer),
        ConnectionAuthorizer.reject("another cookie")
      )
      assert.deepStrictEqual(
        yield* authorizer.checkLogin(loginOf("secre"), newcomer),
        ConnectionAuthorizer.reject("another cookie")
      )
    }))

  it.effect("compares with the comparison that tells nothing by its time", () =>
    Effect.gen(function*() {
      const authorizer = yield* ConnectionAuthorizer.cookie(fileOf(Effect.succeed(Redacted.make("secret"))))
      yield* authorizer.checkLogin(loginOf("guess"), newcomer)
      yield* authorizer.checkLogin(loginOf("secret"), newcomer)
      assert.deepStrictEqual(compared, [["secret", "guess"], ["secret", "secret"]])
      yield* authorizer.checkLogin(Message.make({ serviceId: 2, messageId: 0 }), newcomer)
      assert.strictEqual(compared.length, 2)
    }))

  it.effect("cannot be made without a cookie", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(ConnectionAuthorizer.cookie(fileOf(missing)))
      assert.strictEqual(error.problem, "Unwritable")
      const layer = Layer.provide(
        ConnectionAuthorizer.layerCookie,
        Layer.succeed(CookieFile.CookieFile, fileOf(missing))
      )
      assert.strictEqual((yield* Effect.flip(Layer.build(layer))).problem, "Unwritable")
    }))

  it.effect("says so when a login cannot be checked", () =>
    Effect.gen(function*() {
      let obtain: CookieFile.CookieFile["Service"]["obtain"] = Effect.succeed(Redacted.make("secret"))
      const authorizer = yield* ConnectionAuthorizer.cookie(fileOf(Effect.suspend(() => obtain)))
      obtain = missing
      const error = yield* Effect.flip(authorizer.checkLogin(loginOf("secret"), newcomer))
      assert.instanceOf(error, CookieFile.CookieError)
    }))
})

describe("layers", () => {
  it.effect("give listeners their authorizer, unless they have one of their own", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        const rejectAll: ConnectionAuthorizer.Authorizer = {
          authorize: () => Effect.succeed(ConnectionAuthorizer.reject("no")),
          checkLogin: () => Effect.succeed(ConnectionAuthorizer.reject("no"))
        }
        yield* Effect.provide(host.manager.bind("10.0.0.9:1"), ConnectionAuthorizer.layer(rejectAll))
        yield* Effect.provide(
          host.manager.bind("10.0.0.9:2", { authorizer: ConnectionAuthorizer.acceptAll }),
          ConnectionAuthorizer.layer(rejectAll)
        )
        const rejected = yield* bed.dial("10.0.0.7", "10.0.0.9:1")
        const accepted = yield* bed.dial("10.0.0.7", "10.0.0.9:2")
        yield* settle
        assert.strictEqual(yield* rejected.status, "Closed")
        assert.strictEqual(yield* accepted.status, "open")
      })
    ))

  it.effect("and with layerCookie both sides share a file", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const server = yield* bed.host("10.0.0.9")
        const client = yield* bed.host("10.0.0.7")
        const context = yield* Layer.build(CookieFile.layerMemory())
        const login = yield* Effect.provideContext(CookieFile.CookieFile, context)
        yield* server.manager.bind("10.0.0.9:1").pipe(
          Effect.provide(Layer.provide(ConnectionAuthorizer.layerCookie, Layer.succeedContext(context)))
        )
        yield* server.manager.register(
          5,
          (connection) => Effect.succeed((message) => connection.send(Message.reply(message)))
        )
        const connection = yield* client.manager.connect("10.0.0.9:1", { login })
        const reply = yield* connection.request(Message.make({ serviceId: 5, messageId: 1 }))
        assert.strictEqual(reply.messageId, 2)
        assert.strictEqual(compared.length, 1)
        assert.strictEqual(compared[0]![0].length, 44)
      })
    ))
})
